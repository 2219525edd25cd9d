//! On the real disk: the same tailer, real notifications, real inode numbers that come back.

use std::{
    fs::{self, File},
    io::Write as _,
    os::unix::fs::{MetadataExt as _, symlink},
    path::{Path, PathBuf},
};

use crate::{
    checkpoint::CheckpointEntry,
    chunk::Ack,
    input::tail::{Step, TailPlan, Tailer},
    os::LinuxDisk,
};

struct Place {
    dir: tempfile::TempDir,
    disk: LinuxDisk,
    tailer: Tailer,
    plan: TailPlan,
    now: u64,
    lines: Vec<String>,
    acks: Vec<Ack>,
    stored: Vec<CheckpointEntry>,
}

impl Place {
    fn new(pattern: &str) -> Self {
        let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tmp");
        fs::create_dir_all(&target).unwrap();
        let dir = tempfile::tempdir_in(fs::canonicalize(target).unwrap()).unwrap();
        let mut plan = TailPlan::new(vec![format!("{}/{pattern}", dir.path().display())]);
        plan.rotate_wait_ms = 30;
        plan.refresh_interval_ms = 60_000;
        let tailer = Tailer::new(plan.clone(), Vec::new(), None);
        Self {
            dir,
            disk: LinuxDisk::new(),
            tailer,
            plan,
            now: 1,
            lines: Vec::new(),
            acks: Vec::new(),
            stored: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    /// Runs until nothing moves; the clock is virtual, so that grace times cost nothing.
    fn settle(&mut self, ms: u64) {
        let until = self.now + ms;
        loop {
            match self.tailer.step(&mut self.disk, self.now, 1 << 20) {
                Step::Again => {}
                Step::Chunk(chunk) => {
                    self.lines.extend(String::from_utf8(chunk.bytes.clone()).unwrap().lines().map(str::to_owned));
                    self.acks.push(Ack { source: chunk.source.id, end: chunk.end() });
                }
                Step::Idle { until_ms } => {
                    if self.now >= until {
                        break;
                    }
                    self.now = until_ms.unwrap_or(until).clamp(self.now + 1, until);
                }
            }
        }
    }

    fn ack(&mut self) {
        self.tailer.acked(&std::mem::take(&mut self.acks));
        self.stored.extend(self.tailer.dirty().into_iter().flatten());
    }

    fn restart(&mut self) {
        let mut last = std::collections::BTreeMap::new();
        self.stored.drain(..).for_each(|entry| drop(last.insert(entry.id, entry)));
        self.disk = LinuxDisk::new();
        self.tailer = Tailer::new(self.plan.clone(), last.into_values().collect(), None);
        self.acks.clear();
    }
}

fn append(path: &Path, text: &str) {
    File::options().append(true).create(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

fn pack(path: &Path) {
    let packed = PathBuf::from(format!("{}.gz", path.display()));
    let mut gz = flate2::write::GzEncoder::new(File::create(packed).unwrap(), flate2::Compression::fast());
    gz.write_all(&fs::read(path).unwrap()).unwrap();
    gz.finish().unwrap();
    fs::remove_file(path).unwrap();
}

#[test]
fn kubelet_rotation_behind_links_with_archives_and_reused_inodes() {
    let mut place = Place::new("containers/*.log");
    let live = place.path("pods/0.log");
    fs::create_dir_all(place.path("pods")).unwrap();
    fs::create_dir_all(place.path("containers")).unwrap();
    append(&live, "0 0\n");
    symlink(&live, place.path("containers/a.log")).unwrap();
    place.settle(10);
    let (mut wanted, mut inodes) = (vec!["0 0".to_owned()], vec![fs::metadata(&live).unwrap().ino()]);
    for round in 1..=8 {
        let (previous, next) =
            (place.path(&format!("pods/0.log.{:04}", round - 1)), place.path(&format!("pods/0.log.{round:04}")));
        if previous.exists() {
            pack(&previous);
        }
        fs::rename(&live, &next).unwrap();
        place.settle(1);
        append(&next, &format!("{round} late\n"));
        append(&live, &format!("{round} 0\n"));
        place.settle(5);
        append(&live, &format!("{round} 1\n"));
        wanted.extend(["late", "0", "1"].map(|what| format!("{round} {what}")));
        place.settle(100);
        place.ack();
        inodes.push(fs::metadata(&live).unwrap().ino());
        if round == 5 {
            place.restart();
        }
    }
    assert_eq!(place.lines, wanted);
    assert!(place.tailer.drained());
    inodes.sort_unstable();
    let different = inodes.windows(2).filter(|pair| pair[0] != pair[1]).count() + 1;
    // Where numbers never come back (tmpfs) this still proves the rest.
    if different == inodes.len() {
        assert_eq!(place.tailer.counters().missing, 0);
    }
}

#[test]
fn generations_that_came_and_went_while_it_was_down_are_read_in_order() {
    let mut place = Place::new("0.log");
    let live = place.path("0.log");
    append(&live, "a 0\na 1\n");
    place.settle(10);
    place.ack();
    append(&live, "a 2\n");
    fs::rename(&live, place.path("0.log.0001")).unwrap();
    append(&live, "b 0\n");
    pack(&place.path("0.log.0001"));
    fs::rename(&live, place.path("0.log.0002")).unwrap();
    append(&live, "c 0\n");
    place.restart();
    place.settle(100);
    assert_eq!(place.lines, ["a 0", "a 1", "a 2", "b 0", "c 0"]);
    assert_eq!((place.tailer.counters().archives, place.tailer.counters().missing), (1, 0));
}

#[test]
fn a_link_that_is_swapped_is_followed_and_what_it_led_to_is_read_to_its_end() {
    for atomic in [true, false] {
        let mut place = Place::new("*.log");
        append(&place.path("v1"), "1\n");
        symlink("v1", place.path("a.log")).unwrap();
        place.settle(10);
        append(&place.path("v1"), "2\n");
        append(&place.path("v2"), "3\n");
        if atomic {
            symlink("v2", place.path("new")).unwrap();
            fs::rename(place.path("new"), place.path("a.log")).unwrap();
        } else {
            fs::remove_file(place.path("a.log")).unwrap();
            place.settle(3);
            symlink("v2", place.path("a.log")).unwrap();
        }
        place.settle(20);
        append(&place.path("v2"), "4\n");
        place.settle(20);
        assert_eq!(place.lines, ["1", "2", "3", "4"], "atomic {atomic}");
    }
}

#[test]
fn a_file_renamed_back_goes_on_where_it_was() {
    let mut place = Place::new("a.log");
    let (live, away) = (place.path("a.log"), place.path("a.log.1"));
    append(&live, "1\n");
    place.settle(10);
    fs::rename(&live, &away).unwrap();
    place.settle(100);
    append(&away, "2\n");
    fs::rename(&away, &live).unwrap();
    append(&live, "3\n");
    place.settle(100);
    assert_eq!(place.lines, ["1", "2", "3"]);
    assert_eq!(place.tailer.counters().files_opened, 1);
}

#[test]
fn an_unlinked_file_is_read_to_its_end_and_then_closed() {
    let mut place = Place::new("a.log");
    let live = place.path("a.log");
    append(&live, "1\n");
    place.settle(10);
    append(&live, "2\nunfinished");
    fs::remove_file(&live).unwrap();
    place.settle(10);
    assert_eq!(place.lines, ["1", "2"]);
    place.settle(200);
    assert_eq!(place.lines, ["1", "2", "unfinished"]);
    assert!(place.tailer.status().is_empty());
}

#[test]
fn a_file_cut_and_grown_past_the_old_offset_is_read_from_its_beginning() {
    let mut place = Place::new("a.log");
    let live = place.path("a.log");
    append(&live, "old 1\nold 2\n");
    place.settle(10);
    fs::write(&live, "new 1\nnew 2\nnew 3\n").unwrap();
    place.settle(10);
    assert_eq!(place.lines, ["old 1", "old 2", "new 1", "new 2", "new 3"]);
    assert_eq!(place.tailer.counters().truncations, 1);
}

#[test]
fn a_line_too_long_costs_itself_and_no_neighbour() {
    for skip in [true, false] {
        let mut place = Place::new("a.log");
        place.plan.max_line_bytes = 10_000;
        place.plan.chunk_bytes = 4_096;
        place.plan.skip_long_lines = skip;
        place.tailer = Tailer::new(place.plan.clone(), Vec::new(), None);
        let (just, long) = ("j".repeat(10_000), "l".repeat(30_000));
        append(&place.path("a.log"), &format!("before\n{just}\n{long}\nafter\n"));
        place.settle(10);
        let cut = "l".repeat(10_000);
        let wanted = if skip { vec!["before", &just, "after"] } else { vec!["before", &just, &cut, "after"] };
        assert_eq!(place.lines, wanted);
        assert_eq!(place.tailer.counters().long_lines, 1);
    }
}

#[test]
fn new_folders_and_files_are_found_without_a_scan() {
    let mut place = Place::new("*/x*.log");
    place.settle(10);
    fs::create_dir(place.path("pod")).unwrap();
    append(&place.path("pod/x1.log"), "1\n");
    place.settle(10);
    append(&place.path("pod/x2.log"), "2\n");
    append(&place.path("pod/y.log"), "no\n");
    place.settle(10);
    assert_eq!(place.lines, ["1", "2"]);
}

#[test]
fn without_notifications_everything_is_found_by_looking() {
    let mut place = Place::new("a.log");
    place.plan.inotify = false;
    place.tailer = Tailer::new(place.plan.clone(), Vec::new(), None);
    let live = place.path("a.log");
    append(&live, "1\n");
    place.settle(10);
    append(&live, "2\n");
    fs::rename(&live, place.path("a.log.1")).unwrap();
    append(&live, "3\n");
    place.settle(200);
    assert_eq!(place.lines, ["1", "2", "3"]);
}

#[test]
fn a_wide_pattern_reads_every_file_once_whatever_its_name_is_by_now() {
    let mut place = Place::new("a.log*");
    let live = place.path("a.log");
    append(&place.path("a.log.1"), "0\n");
    append(&live, "1\n");
    place.settle(10);
    fs::rename(place.path("a.log.1"), place.path("a.log.2")).unwrap();
    fs::rename(&live, place.path("a.log.1")).unwrap();
    append(&live, "2\n");
    place.settle(300);
    pack(&place.path("a.log.2"));
    fs::rename(place.path("a.log.1"), place.path("a.log.2")).unwrap();
    fs::rename(&live, place.path("a.log.1")).unwrap();
    append(&live, "3\n");
    place.now += 60_000;
    place.settle(300);
    place.lines.sort();
    assert_eq!(place.lines, ["0", "1", "2", "3"]);
}

#[test]
fn when_descriptors_run_out_files_wait_and_are_counted() {
    let mut place = Place::new("*.log");
    place.plan.max_open_files = 2;
    place.tailer = Tailer::new(place.plan.clone(), Vec::new(), None);
    (0..4).for_each(|n| append(&place.path(&format!("{n}.log")), &format!("{n}\n")));
    place.settle(100);
    assert_eq!(place.lines, ["0", "1"]);
    assert!(place.tailer.counters().open_limit > 0);
    fs::remove_file(place.path("0.log")).unwrap();
    fs::remove_file(place.path("1.log")).unwrap();
    place.settle(500);
    place.lines.sort();
    assert_eq!(place.lines, ["0", "1", "2", "3"]);
}
