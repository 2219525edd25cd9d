use super::*;
use crate::{
    buffer::tests::batch,
    output::{
        self,
        bench::{block_on, buffer, context, count, events, folder, plan},
    },
};

/// Takes so many bytes, then fails once, and so on.
struct Narrow {
    taken: Vec<u8>,
    room: usize,
}

impl Write for Narrow {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let fits = bytes.len().min(self.room);
        if fits == 0 {
            self.room = 7;
            return Err(io::Error::from_raw_os_error(nix::libc::ENOSPC));
        }
        self.taken.extend_from_slice(&bytes[..fits]);
        self.room -= fits;
        Ok(fits)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_full_disk_tears_no_line() {
    let mut disk = Narrow { taken: Vec::new(), room: 5 };
    let (lines, mut done, mut failures) = (b"first line\nsecond line\nthird\n", 0, 0);
    while append(&mut disk, lines, &mut done).is_err() {
        failures += 1;
    }
    assert_eq!(disk.taken, lines);
    assert!(failures > 2);
}

fn open(folder: &Path, name: &str) -> io::Result<File> {
    Root::new(folder, true).open(Path::new(name))
}

#[test]
fn a_torn_last_line_is_cut_off_when_the_file_is_opened() {
    let folder = folder();
    for (before, after) in [("", ""), ("a\nb\n", "a\nb\n"), ("a\nhalf", "a\n"), ("half", "")] {
        let path = folder.path().join("out");
        std::fs::write(&path, before).unwrap();
        open(folder.path(), "out").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
    }
}

#[test]
fn a_link_in_the_place_of_a_file_or_folder_is_not_followed() {
    let (folder, outside) = (folder(), folder());
    let victim = outside.path().join("victim");
    std::fs::write(&victim, "untouched").unwrap();
    std::os::unix::fs::symlink(&victim, folder.path().join("out")).unwrap();
    std::os::unix::fs::symlink(outside.path(), folder.path().join("in")).unwrap();
    open(folder.path(), "out").unwrap_err();
    open(folder.path(), "in/victim").unwrap_err();
    open(folder.path(), "in/new").unwrap_err();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "untouched");
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn whoever_swaps_a_folder_for_a_link_moves_nothing_outside() {
    let (folder, outside) = (folder(), folder());
    let (inside, link) = (folder.path().join("d"), folder.path().join("link"));
    std::os::unix::fs::symlink(outside.path(), &link).unwrap();
    std::fs::create_dir(&inside).unwrap();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !done.load(std::sync::atomic::Ordering::Relaxed) {
                let flags = nix::fcntl::RenameFlags::RENAME_EXCHANGE;
                nix::fcntl::renameat2(nix::fcntl::AT_FDCWD, &inside, nix::fcntl::AT_FDCWD, &link, flags).unwrap();
            }
        });
        let (mut opened, mut refused) = (0, 0);
        for number in 0.. {
            match open(folder.path(), &format!("d/{}", number % 50)) {
                Ok(_) => opened += 1,
                Err(_) => refused += 1,
            }
            if number > 20_000 && opened > 100 && refused > 100 || number > 2_000_000 {
                break;
            }
        }
        done.store(true, std::sync::atomic::Ordering::Relaxed);
        assert!(opened > 100 && refused > 100, "the race was never lost or never won: {opened} {refused}");
    });
    assert_eq!(std::fs::read_dir(outside.path()).unwrap().count(), 0);
}

/// Delivers batches into a folder; the counters.
fn deliver(keys: &str, batches: Vec<Batch>) -> (std::sync::Arc<output::OutputCounters>, usize) {
    let buffer = buffer();
    for batch in batches {
        buffer.push(batch);
    }
    buffer.close();
    let plan = plan(&format!("Name file\n{keys}"));
    let context = context(&plan, &buffer);
    let counters = std::sync::Arc::clone(&context.counters);
    block_on(output::run(plan, context));
    (counters, buffer.take_acks(0).len())
}

#[test]
fn each_tag_gets_whole_lines_in_order_in_its_own_file() {
    let folder = folder();
    let batches = (1..=50).map(|end| batch(if end % 3 == 0 { "../b" } else { "a" }, 100 + end)).collect();
    let (counters, acks) = deliver(&format!("Format plain\nPath {}", folder.path().display()), batches);
    let lines = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let expected = |third: bool| -> String {
        let of = (1..=50).filter(|end| (end % 3 == 0) == third);
        of.map(|end| format!("{{\"log\":\"line {}\"}}\n", 100 + end)).collect::<Vec<_>>().concat()
    };
    assert_eq!(lines("a"), expected(false));
    assert_eq!(lines("~2e.~2fb"), expected(true));
    assert_eq!((count(&counters.records), acks), (50, 50));
}

#[test]
fn a_tag_that_is_a_path_names_a_file_below_the_root_of_the_match_and_no_other() {
    let folder = folder();
    let root = folder.path().display();
    let inside = events(&format!("{root}/log/2026-1121/access.log"), &[r#"{"vhost":"a","path":"/x\ty\n"}"#]);
    let outside = events(&format!("{root}/log/../../escaped"), &[r#"{"vhost":"b"}"#]);
    let keys = format!("Match {root}/log/*\nFormat template\nTemplate time:{{time}}\tvhost:{{vhost}}\tpath:{{path}}");
    let (counters, _) = deliver(&keys, vec![inside, outside]);
    let written = std::fs::read_to_string(folder.path().join("log/2026-1121/access.log")).unwrap();
    assert_eq!(written, "time:1763704201.123456\tvhost:a\tpath:/x\ty\\n\n");
    let names: Vec<_> =
        std::fs::read_dir(folder.path().join("log")).unwrap().map(|name| name.unwrap().file_name()).collect();
    assert!(names.contains(&"~2e.".into()) && !folder.path().join("escaped").exists(), "{names:?}");
    assert_eq!((count(&counters.records), count(&counters.refused)), (2, 0));
}

#[test]
fn every_format_writes_one_line_a_record() {
    let record = r#"{"a":"x,\"y\"","b":7,"c":{"d":null},"e":"two\nlines\tand =tab"}"#;
    for (keys, expected) in [
        (
            "",
            "t: [1763704201.123456789, {\"a\":\"x,\\\"y\\\"\",\"b\":7,\"c\":{\"d\":null},\"e\":\"two\\nlines\\tand =tab\"}]\n",
        ),
        ("Format csv", "1763704201.123456789,\"x,\"\"y\"\"\",7,\"{\"\"d\"\":null}\",\"two\\nlines\tand =tab\"\n"),
        ("Format ltsv", "time:1763704201.123456789\ta:x,\"y\"\tb:7\tc:{\"d\":null}\te:two\\nlines\\tand =tab\n"),
        ("Format template\nTemplate {b} {nope} {{a} }", "7 {nope} {x,\"y\" }\n"),
    ] {
        let folder = folder();
        deliver(&format!("Path {}\nFile out\n{keys}", folder.path().display()), vec![events("t", &[record])]);
        assert_eq!(std::fs::read_to_string(folder.path().join("out")).unwrap(), expected, "{keys}");
    }
}
