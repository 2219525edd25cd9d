//! What a run leaves behind: its folder, its child processes, its books; looked at from outside.

use std::path::{Path, PathBuf};

use loadgen::clock::RunClock;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use results::{
    books::Books,
    run::{Manifest, RunState},
};

use super::{LOOK, run_folders, tailproof};

/// A process that was ended may still be waiting for a slow disk: that many seconds are a safety net, no promise.
pub(crate) const GONE: u64 = 60;

/// The only run folder in `out`, once there is one.
pub(crate) fn only_run(out: &Path) -> Option<PathBuf> {
    let folders = run_folders(out);
    assert!(folders.len() <= 1, "one run, one folder: {folders:?}");
    folders.into_iter().next()
}

/// The process ids of the agent that the timeline or the manifest names.
pub(crate) fn agents(run: &Path) -> Vec<u32> {
    let events = std::fs::read_to_string(run.join("events.jsonl")).unwrap_or_default();
    let started = events.lines().filter_map(|line| {
        let event: serde_json::Value = serde_json::from_str(line).ok()?;
        event.pointer("/what/agent/started/pid")?.as_u64()
    });
    let mut pids: Vec<u32> = started.map(|pid| pid as u32).collect();
    pids.extend(manifest(run).iter().flat_map(|manifest| &manifest.children).map(|child| child.pid));
    pids.sort_unstable();
    pids.dedup();
    pids
}

/// The manifest, if it was written yet.
pub(crate) fn manifest(run: &Path) -> Option<Manifest> {
    serde_json::from_slice(&std::fs::read(run.join("run.json")).ok()?).ok()
}

/// True while a process of our program runs under this number (a zombie does not).
pub(crate) fn lives(pid: u32) -> bool {
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else { return false };
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    stat.contains("(tailproof)") && !matches!(state, None | Some('Z' | 'X'))
}

/// Waits until no process is left whose command line names something in `out`: an agent that was started and not yet
/// written down counts as well. What is left after [`GONE`] is ended, so that it spoils no other run, and the test fails.
pub(crate) fn nobody_is_left(out: &Path) {
    let clock = RunClock::start();
    loop {
        let left = processes_of(out);
        if left.is_empty() {
            return;
        }
        if clock.now_us() > GONE * 1_000_000 {
            for (pid, _) in &left {
                // It may have ended just now.
                let _ = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL);
            }
            panic!("still there after {GONE} s: {left:#?}");
        }
        clock.park_until(clock.now_us() + LOOK);
    }
}

/// Processes whose command line names something in `folder`; that of a zombie is empty.
fn processes_of(folder: &Path) -> Vec<(u32, String)> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten().filter_map(|entry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let command = std::fs::read(entry.path().join("cmdline")).ok()?;
        Some((pid, String::from_utf8_lossy(&command).replace('\0', " ")))
    });
    let folder = folder.display().to_string();
    processes.filter(|(_, command)| command.contains(&folder)).collect()
}

/// Whether `phase` has begun in a run.
pub(crate) fn has_begun(run: &Path, phase: &str) -> bool {
    let events = std::fs::read_to_string(run.join("events.jsonl")).unwrap_or_default();
    events.contains(&format!("\"phase\":\"{phase}\""))
}

/// The run is readable, is not called a pass, and says that it was broken off.
pub(crate) fn is_told_as_broken_off(run: &Path) {
    let told = tailproof(&["report", &run.display().to_string()]).expect(0);
    assert!(!told.stdout.contains("verdict=PASS"), "{told}");
    let told = tailproof(&["report", &run.display().to_string(), "--json"]).expect(0);
    let outcome: serde_json::Value = serde_json::from_str(&told.stdout).unwrap();
    assert_eq!(outcome["broken_off"], true, "{told}");
    assert_ne!(outcome["verdict"], "pass", "{told}");
}

/// The books say of no record that it arrived before it was reserved.
pub(crate) fn books_are_sound(run: &Path) {
    let books = Books::load(&run.join("books.bin")).unwrap();
    for (name, book) in books.names().iter().zip(books.streams()) {
        let (end, marks) = (book.arrived().end(), book.marks());
        assert!(end <= marks.reserved, "{name}: a record before {end} arrived, {marks:?} are reserved");
        assert!(marks.written <= marks.sent && marks.sent <= marks.reserved, "{name}: {marks:?}");
    }
}

/// Closed as broken off, its work folder gone, its books there.
pub(crate) fn is_closed(run: &Path) {
    assert_eq!(manifest(run).map(|manifest| manifest.state), Some(RunState::BrokenOff), "{}", run.display());
    assert!(!run.join("work").exists(), "{} has its work folder still", run.display());
    books_are_sound(run);
}
