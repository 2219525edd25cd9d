//! What the tests share: starting the real binary with a deadline, one live run at a time, places on a real disk.

pub(crate) mod deployment;
mod judged;
mod ports;
mod program;
mod seconds;
pub(crate) mod traces;
mod turns;
pub(crate) mod written;

use std::{
    path::{Path, PathBuf},
    process::Command,
};

pub(crate) use judged::{Judged, perform, run};
use loadgen::clock::RunClock;
pub(crate) use ports::free_port;
pub(crate) use program::{Ended, Running, flowed, last, program, start, start_command, tailproof};
use tempfile::TempDir;
pub(crate) use turns::{beside, live, side_by_side};

/// From one look at a condition to the next, microseconds.
const LOOK: u64 = 2_000;

/// True where the long forms are to run.
#[expect(clippy::disallowed_methods, reason = "the one place where these tests read the environment")]
pub(crate) fn ci() -> bool {
    std::env::var("CI").is_ok_and(|ci| ci == "true")
}

/// Says why a test cannot be performed here. Nobody reads that of a test that passes, so where all are asked for it fails.
pub(crate) fn skipped(why: &str) {
    assert!(!ci(), "{why}, and CI=true asks for every test");
    println!("skipped: {why}");
}

/// A number for the short form, another for the long one; says which was taken.
pub(crate) fn short_or_long<T: std::fmt::Display>(what: &str, short: T, long: T) -> T {
    let (form, taken) = if ci() { ("long", long) } else { ("short (CI=true runs the long one)", short) };
    println!("{what}: {taken}, {form}");
    taken
}

/// A folder on the disk that the tree is built on: memory file systems behave otherwise.
pub(crate) fn place() -> TempDir {
    seconds::begin();
    tempfile::Builder::new().prefix("e2e-").tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Whether inode numbers come back there; without that, runs that ask for it prove nothing.
pub(crate) fn reuses_inodes(folder: &Path) -> bool {
    use nix::sys::statfs::{BTRFS_SUPER_MAGIC, TMPFS_MAGIC, statfs};
    let kind = statfs(folder).unwrap().filesystem_type();
    kind != TMPFS_MAGIC && kind != BTRFS_SUPER_MAGIC
}

/// Waits until `done`; panics with what was waited for when `seconds` are over.
pub(crate) fn until(what: &str, seconds: u64, mut done: impl FnMut() -> bool) {
    let clock = RunClock::start();
    while !done() {
        assert!(clock.now_us() < seconds * 1_000_000, "{what}: not within {seconds} s");
        clock.park_until(clock.now_us() + LOOK);
    }
}

/// Makes a program of a few lines. Another process writes it: what a test beside this one starts meanwhile would have it open
/// for writing for a moment, and a program that somebody may write to cannot be started.
pub(crate) fn executable(path: &Path, text: &str) {
    let draft = path.with_extension("draft");
    std::fs::write(&draft, text).unwrap();
    let made = Command::new("install").args(["-m", "755"]).arg(&draft).arg(path).status().unwrap();
    assert!(made.success(), "install {}: {made}", path.display());
    std::fs::remove_file(draft).unwrap();
}

/// The run folders in `out`, in the order of their names.
pub(crate) fn run_folders(out: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(out).map(|entries| entries.flatten().map(|entry| entry.path()).collect());
    let mut folders: Vec<PathBuf> = entries.unwrap_or_default();
    folders.retain(|path| path.is_dir());
    folders.sort();
    folders
}
