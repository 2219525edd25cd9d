//! The pipeline alone against the real `logrotate`: create, compress with a delay, the writer reopens.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    process::Command,
};

use loadgen::clock::RunClock;
use nix::sys::signal::Signal;

use crate::support::{Running, ci, place, start_command, tailproof, until};

/// Lines between two rotations.
const LINES: u64 = 2_000;
/// Rotations.
const ROTATIONS: u64 = 6;

#[test]
fn real_logrotate_takes_nothing_from_the_pipeline() {
    if Command::new("logrotate").arg("--version").output().is_err() {
        assert!(!ci(), "logrotate is not installed: install it, CI must run this test");
        println!("skipped: logrotate is not installed");
        return;
    }
    let place = place();
    let (log, out) = (place.path().join("app.log"), place.path().join("out"));
    std::fs::create_dir(&out).unwrap();
    let rules = rules(place.path(), &log);
    let agent = agent(place.path(), &log, &out);
    let mut file = open(&log);
    let mut next = 0;
    for rotation in 0..=ROTATIONS {
        write(&mut file, &mut next, LINES);
        if rotation == ROTATIONS {
            break;
        }
        rotate(place.path(), &rules);
        // What a writer writes before it is told to reopen goes into the renamed file.
        write(&mut file, &mut next, LINES / 4);
        file = open(&log);
    }
    assert!(place.path().join("app.log.2.gz").exists(), "logrotate rotated and compressed");
    until("everything arrives", 30, || arrived(&out).len() as u64 >= next);
    agent.signal(Signal::SIGTERM);
    agent.wait(15).expect(0);
    let arrived = arrived(&out);
    let wrong: Vec<_> = (0..next).filter(|seq| arrived.get(seq) != Some(&1)).take(10).collect();
    assert!(wrong.is_empty() && arrived.len() as u64 == next, "not there, or not once: {wrong:?}");
    println!("{next} lines through {ROTATIONS} rotations, each once");
}

fn open(log: &Path) -> File {
    OpenOptions::new().create(true).append(true).open(log).unwrap()
}

/// Half a second of lines, not all at once: the tailer and logrotate are to see the file grow.
fn write(file: &mut File, next: &mut u64, lines: u64) {
    let clock = RunClock::start();
    for nth in 0..lines {
        file.write_all(format!("seq={next} the quick brown fox\n").as_bytes()).unwrap();
        *next += 1;
        if nth % 100 == 99 {
            clock.park_until(nth * 500_000 / lines);
        }
    }
}

fn rules(place: &Path, log: &Path) -> String {
    let text = format!(
        "{} {{\n  rotate 20\n  create\n  compress\n  delaycompress\n  missingok\n  nodateext\n}}\n",
        log.display()
    );
    let path = place.join("logrotate.conf");
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

fn rotate(place: &Path, rules: &str) {
    let mut command = Command::new("logrotate");
    command.arg("-f").arg("-s").arg(place.join("logrotate.state")).arg(rules);
    start_command(command, format!("logrotate -f {rules}")).wait(20).expect(0);
}

fn agent(place: &Path, log: &Path, out: &Path) -> Running {
    let (path, db, out) = (log.display(), place.join("tail.db"), out.display());
    let text = format!(
        "[SERVICE]\n    Flush 1\n    Grace 5\n[INPUT]\n    Name tail\n    Path {path}\n    Tag app\n    DB {}\n    \
         Read_from_Head true\n    Refresh_Interval 1\n    Rotate_Wait 5\n[OUTPUT]\n    Name file\n    Path {out}\n    \
         Format plain\n    Match *\n",
        db.display()
    );
    let config = place.join("agent.conf").display().to_string();
    std::fs::write(&config, text).unwrap();
    tailproof(&["pipeline", "-c", &config, "--dry-run"]).expect(0);
    crate::support::start(&["pipeline", "-c", &config])
}

/// How often each line arrived.
fn arrived(out: &Path) -> BTreeMap<u64, u64> {
    let mut counts = BTreeMap::new();
    for entry in std::fs::read_dir(out).unwrap().flatten() {
        let text = std::fs::read_to_string(entry.path()).unwrap();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        for line in whole.lines() {
            let after = line.split("seq=").nth(1).unwrap_or_else(|| panic!("a line without a number: {line}"));
            let digits: String = after.chars().take_while(char::is_ascii_digit).collect();
            *counts.entry(digits.parse().unwrap()).or_default() += 1;
        }
    }
    counts
}
