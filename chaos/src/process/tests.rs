//! Signals and what is seen of them, on a child of this test: the test binary itself, waiting on its standard input.

use std::{
    io::Read,
    process::{Child, Command, Stdio},
};

use super::*;

const SOON: Duration = Duration::from_secs(10);

/// A child that waits until its standard input is closed: when the test is gone, so is it.
fn child() -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "process::tests::a_child_that_waits", "--ignored", "--test-threads=1"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap()
}

#[test]
#[ignore = "the body of the child process that the other tests start"]
fn a_child_that_waits() {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// Looks until the state is (or is no longer) `Stopped`.
fn stopped_becomes(victim: &Victim, wanted: bool) -> bool {
    (0..2000).any(|_| {
        crate::clock::wait(LOOK_EVERY);
        (victim.state() == Some(State::Stopped)) == wanted
    })
}

#[test]
fn a_killed_process_is_seen_ended_by_signal_9_and_is_left_to_its_parent() {
    let mut child = child();
    let victim = Victim::of(child.id()).unwrap();
    assert!(victim.alive());
    assert_eq!(victim.ended(Duration::ZERO), Ok(None));
    victim.kill().unwrap();
    let ending = victim.ended(SOON).unwrap().unwrap();
    assert_eq!((ending, ending.to_string().as_str()), (Ending::Signal(9), "signal 9"));
    assert!(!victim.alive());
    assert_eq!(std::os::unix::process::ExitStatusExt::signal(&child.wait().unwrap()), Some(9));
}

#[test]
fn a_terminated_process_is_seen_ended_by_signal_15() {
    let mut child = child();
    let victim = Victim::of(child.id()).unwrap();
    victim.terminate().unwrap();
    assert_eq!(victim.ended(SOON), Ok(Some(Ending::Signal(15))));
    child.wait().unwrap();
}

#[test]
fn an_end_of_its_own_is_told_with_its_code() {
    let mut child = child();
    let victim = Victim::of(child.id()).unwrap();
    drop(child.stdin.take());
    assert_eq!(victim.ended(SOON), Ok(Some(Ending::Exit(0))));
    child.wait().unwrap();
}

#[test]
fn a_pause_is_seen_and_ends_with_its_guard() {
    let mut child = child();
    let victim = Victim::of(child.id()).unwrap();
    let paused = victim.pause().unwrap();
    assert_eq!(victim.state(), Some(State::Stopped));
    assert!(victim.alive());
    drop(paused);
    assert!(stopped_becomes(&victim, false));
    victim.pause().unwrap().resume().unwrap();
    assert!(stopped_becomes(&victim, false));
    drop(child.stdin.take());
    assert_eq!(victim.ended(SOON), Ok(Some(Ending::Exit(0))));
    child.wait().unwrap();
}

#[test]
fn a_pause_heals_when_the_bench_panics() {
    let mut child = child();
    let victim = Victim::of(child.id()).unwrap();
    let panicked = std::panic::catch_unwind(|| {
        let _paused = victim.pause().unwrap();
        assert_eq!(victim.state(), Some(State::Stopped));
        panic!("the bench has a bug");
    });
    assert!(panicked.is_err());
    assert!(stopped_becomes(&victim, false));
    victim.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn a_process_killed_while_paused_ends_and_the_guard_does_not_mind() {
    let mut child = child();
    let victim = Victim::of(child.id()).unwrap();
    let paused = victim.pause().unwrap();
    victim.kill().unwrap();
    assert_eq!(victim.ended(SOON), Ok(Some(Ending::Signal(9))));
    child.wait().unwrap();
    drop(paused);
}

#[test]
fn a_process_that_was_reaped_is_hit_no_more_whoever_has_its_id_now() {
    let mut child = child();
    let victim = Victim::of(child.id()).unwrap();
    victim.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(victim.kill(), Err(ProcessError::Gone(victim.pid())));
    assert_eq!(victim.pause().map(drop), Err(ProcessError::Gone(victim.pid())));
    assert_eq!(victim.ended(Duration::ZERO), Err(ProcessError::Gone(victim.pid())));
    assert_eq!(victim.state(), None);
    assert!(!victim.alive());
}

#[test]
fn only_own_children_can_be_taken_hold_of() {
    let parent = std::os::unix::process::parent_id();
    assert_eq!(Victim::of(parent).unwrap_err(), ProcessError::NotOurs(parent));
    assert_eq!(Victim::of(std::process::id()).unwrap_err(), ProcessError::NotOurs(std::process::id()));
    assert!(Victim::of(0).is_err());
    assert!(Victim::of(u32::MAX).is_err());
}
