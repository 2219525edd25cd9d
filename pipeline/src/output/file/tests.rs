use std::{sync::Arc, time::Duration};

use super::*;
use crate::{
    buffer::{Buffer, Lane, tests::batch},
    output::OutputCounters,
};

fn folder() -> tempfile::TempDir {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tests");
    std::fs::create_dir_all(&target).unwrap();
    tempfile::tempdir_in(target).unwrap()
}

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

#[test]
fn a_torn_last_line_is_cut_off_when_the_file_is_opened() {
    let folder = folder();
    for (before, after) in [("", ""), ("a\nb\n", "a\nb\n"), ("a\nhalf", "a\n"), ("half", "")] {
        let path = folder.path().join("out");
        std::fs::write(&path, before).unwrap();
        open(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), after);
    }
}

#[test]
fn a_link_in_the_place_of_the_file_is_not_followed() {
    let folder = folder();
    let (link, victim) = (folder.path().join("out"), folder.path().join("victim"));
    std::fs::write(&victim, "untouched").unwrap();
    std::os::unix::fs::symlink(&victim, &link).unwrap();
    open(&link).unwrap_err();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "untouched");
}

#[test]
fn each_tag_gets_whole_lines_in_order_in_its_own_file() {
    let folder = folder();
    let buffer = Arc::new(Buffer::new(vec![1 << 20], vec!["*".into()]).unwrap());
    for end in 1..=50 {
        buffer.push(batch(if end % 3 == 0 { "../b" } else { "a" }, 100 + end));
    }
    buffer.close();
    let context = Context {
        buffer: Arc::clone(&buffer),
        lane: Lane(0),
        linger: Duration::ZERO,
        seed: 1,
        counters: Arc::new(OutputCounters::default()),
    };
    let counters = Arc::clone(&context.counters);
    let plan = FilePlan { folder: folder.path().to_owned(), file: None, prefix: false };
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(run(
        "file.0".into(),
        plan,
        RetryLimit::Never,
        context,
    ));
    let lines = |name: &str| std::fs::read_to_string(folder.path().join(name)).unwrap();
    let expected = |third: bool| -> String {
        let of = (1..=50).filter(|end| (end % 3 == 0) == third);
        of.map(|end| format!("{{\"log\":\"line {}\"}}\n", 100 + end)).collect::<Vec<_>>().concat()
    };
    assert_eq!(lines("a"), expected(false));
    assert_eq!(lines("~2e.~2fb"), expected(true));
    assert_eq!(counters.records.load(Ordering::Relaxed), 50);
    assert_eq!(buffer.take_acks(0).len(), 50);
}
