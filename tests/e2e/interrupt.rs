//! Ctrl-C at any phase: exit 130, broken off, children gone, books kept, work files removed.

use std::path::{Path, PathBuf};

use nix::sys::signal::Signal;

use crate::support::{
    Ended, Running, beside, place, start, tailproof,
    traces::{GONE, agents, has_begun, is_closed, is_told_as_broken_off, nobody_is_left, only_run},
    until,
};

/// A run long enough to be interrupted anywhere, and where it lies once `phase` has begun and an agent runs.
fn run_until(out: &Path, phase: &str) -> (Running, PathBuf) {
    let folder = out.display().to_string();
    let args = ["run", "steady", "--duration", "2s", "--rate", "4k/s", "--set", "time.warm_up=2s", "--out", &folder];
    // A sink that is behind for long: nobody has to hit the second for which the books of a drain rest.
    let drains = ["--set", "sink.accepts=500/s", "--set", "time.drain=60s", "--set", "contract.stall=30s"];
    let bench = start(&[&args[..], &drains[..], &["--ui", "text"]].concat());
    let there = || only_run(out).filter(|run| has_begun(run, phase) && !agents(run).is_empty());
    until(&format!("the run reaches {phase}"), GONE, || there().is_some());
    (bench, there().unwrap())
}

fn hold(ended: &Ended, run: &Path) {
    assert_eq!(ended.code, 130, "{ended}");
    assert!(ended.stderr.contains("breaking off"), "{ended}");
    assert!(ended.stdout.contains("exit=130") && !ended.stdout.contains("verdict=PASS"), "{ended}");
    nobody_is_left(run);
    is_closed(run);
    is_told_as_broken_off(run);
}

fn interrupted_in(phase: &str, signal: Signal) {
    let _turn = beside();
    let out = place();
    let (bench, run) = run_until(out.path(), phase);
    bench.signal(signal);
    let ended = bench.wait(GONE);
    hold(&ended, &run);
}

#[test]
fn an_interrupt_during_warm_up_breaks_the_run_off_and_keeps_its_books() {
    interrupted_in("warm_up", Signal::SIGINT);
}

#[test]
fn an_interrupt_during_measure_breaks_the_run_off_and_keeps_its_books() {
    interrupted_in("measure", Signal::SIGINT);
}

#[test]
fn an_interrupt_during_drain_breaks_the_run_off_and_keeps_its_books() {
    interrupted_in("drain", Signal::SIGINT);
}

#[test]
fn sigterm_is_an_interrupt_as_well() {
    interrupted_in("measure", Signal::SIGTERM);
}

#[test]
fn a_second_interrupt_ends_at_once_and_leaves_no_process() {
    let _turn = beside();
    let out = place();
    let (mut bench, run) = run_until(out.path(), "measure");
    bench.signal(Signal::SIGINT);
    until("the first interrupt is noticed", GONE, || bench.stderr().contains("breaking off") || bench.has_ended());
    if !bench.has_ended() {
        bench.signal(Signal::SIGINT);
    }
    let ended = bench.wait(GONE);
    assert_eq!(ended.code, 130, "{ended}");
    nobody_is_left(out.path());
    tailproof(&["cleanup", "--out", &out.path().display().to_string()]).expect(0);
    is_closed(&run);
    is_told_as_broken_off(&run);
}
