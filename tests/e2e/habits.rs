//! Habits: what a person and a pipeline log rely on without reading a manual.

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::{live, place, start, tailproof, until};

#[test]
fn without_a_verb_ten_lines_say_what_to_try() {
    let ended = tailproof::<&str>(&[]).expect(0);
    assert!(ended.stdout.lines().count() <= 10 && ended.stdout.contains("tailproof demo"), "{ended}");
}

#[test]
fn tables_fit_a_terminal_of_eighty_columns_and_have_a_machine_s_form() {
    let out = place();
    let folder = out.path().display().to_string();
    let list = tailproof(&["list"]).expect(0);
    assert!(list.stdout.lines().all(|line| line.chars().count() <= 80), "{list}");
    let all: Value = serde_json::from_str(&tailproof(&["list", "--json"]).expect(0).stdout).unwrap();
    assert!(
        all.as_array().unwrap().iter().any(|about| about["name"] == "tail-stall" && about["rate_per_s"] == 25_000.0)
    );
    let doctor = tailproof(&["doctor", "--out", &folder]);
    assert!(doctor.code == 0 && doctor.stdout.contains("inode reuse"), "{doctor}");
    assert!(doctor.stdout.lines().all(|line| line.chars().count() <= 80), "{doctor}");
    let found: Value =
        serde_json::from_str(&tailproof(&["doctor", "--json", "--out", &folder]).expect(0).stdout).unwrap();
    assert!(found.as_array().unwrap().iter().all(|finding| finding["state"].is_string()));
    tailproof(&["doctor", "--out", "/proc/no/such"]).expect(3);
}

#[test]
fn completions_and_manual_pages_know_every_verb() {
    for shell in ["bash", "zsh", "fish"] {
        let script = tailproof(&["completions", shell]).expect(0);
        assert!(script.stdout.contains("capacity") && script.stdout.contains("latency-p99"), "{shell}");
    }
    let out = place();
    tailproof(&["man", "--out", &out.path().display().to_string()]).expect(0);
    let page = |name: &str| std::fs::read_to_string(out.path().join(name)).unwrap();
    assert!(page("tailproof.1").contains(".TH") && page("tailproof-run.1").contains("no\\-warn"));
    assert!(!out.path().join("tailproof-leash.1").exists(), "what is hidden stays so");
}

#[test]
fn a_status_is_given_when_it_is_asked_for_and_a_log_has_the_light() {
    let _live = live();
    let out = place();
    let folder = out.path().display().to_string();
    let mut bench = start(&["run", "steady", "--duration=4s", "--rate=2k/s", "--out", &folder]);
    until("the run measures", 60, || bench.stderr().contains("phase measure"));
    bench.signal(Signal::SIGUSR1);
    until("the status is there", 60, || bench.stderr().contains("--- status") || bench.has_ended());
    let ended = bench.wait(60).expect(0);
    for part in ["--- status", "books", "backlog", "p99.9", "open files", "bench"] {
        assert!(ended.stderr.contains(part), "no {part}: {ended}");
    }
    assert!(ended.stderr.contains("bench ok") || ended.stderr.contains("LATE"), "{ended}");
}

#[test]
fn the_demo_ends_with_a_failure_it_explains_and_the_next_command() {
    let _live = live();
    let out = place();
    let ended = start(&["demo", "--out", &out.path().display().to_string()]).wait(90).expect(0);
    for part in ["verdict=FAIL", "report.html", "tailproof run", "DEFECT PLANTED"] {
        assert!(ended.stdout.contains(part), "no {part}: {ended}");
    }
}
