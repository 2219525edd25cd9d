//! A run that is performed under the dashboard: hands on it from the keyboard, and leaving it early.

use std::path::Path;

use results::{
    event::{Fault, FaultState, What},
    run::{RunState, StoredRun},
};

use super::Screen;
use crate::support::{
    live, place, program,
    traces::{manifest, nobody_is_left, only_run},
};

fn run(out: &Path, more: &str) -> String {
    format!("{} run steady --ui tui --rate 2k/s --out {} {more}", program().display(), out.display())
}

fn faults(out: &Path) -> Vec<Fault> {
    let run = StoredRun::open(&only_run(out).unwrap()).unwrap();
    let faults = run.events.into_iter().filter_map(|event| match event.what {
        What::Fault(fault) => Some(fault),
        _ => None,
    });
    faults.collect()
}

#[test]
fn hands_on_the_run_take_effect_and_are_faults_of_it() {
    let Some(mut screen) = Screen::open(120, 40) else { return };
    let _live = live();
    let out = place();
    let before = screen.state();
    screen.run(&run(out.path(), "--duration 14s"));
    screen.shows("LIVE measure");
    screen.press("r");
    screen.shows("rotate now");
    screen.press("o");
    screen.shows("Take the sink away?");
    screen.press("y");
    screen.until("a backlog", |text| text.contains("hand_take_sink_away now"));
    screen.press("O");
    screen.until("the sink is back", |text| !text.contains("hand_take_sink_away now"));
    screen.press("k");
    screen.shows("Kill the agent?");
    screen.press("n");
    screen.shows("not done: kill the agent");
    screen.press("k");
    screen.press("y");
    screen.shows("not running");
    screen.press("R");
    screen.press("y");
    screen.until("a new process", |text| text.lines().next().is_some_and(|line| line.contains(" pid ")));
    let code = screen.ended();
    screen.is_given_back(&before);
    screen.shows("tailproof verdict=");
    let faults = faults(out.path());
    for name in ["hand_rotate", "hand_take_sink_away", "hand_kill_agent"] {
        let mut of = faults.iter().filter(|fault| fault.name == name);
        assert!(of.any(|fault| fault.state == FaultState::Healed), "{name}: {faults:#?}");
    }
    assert!(code == 0 || code == 3, "exit {code}\n{}", screen.text());
}

#[test]
fn leaving_early_breaks_the_run_off_and_keeps_it() {
    for key in ["q", "\u{3}"] {
        let Some(mut screen) = Screen::open(100, 30) else { return };
        let _live = live();
        let out = place();
        let before = screen.state();
        screen.run(&run(out.path(), "--duration 60s"));
        screen.shows("LIVE measure");
        screen.press(key);
        assert_eq!(screen.ended(), 130, "after {key:?}\n{}", screen.text());
        screen.is_given_back(&before);
        screen.shows("exit=130");
        let run = only_run(out.path()).unwrap();
        assert_eq!(manifest(&run).unwrap().state, RunState::BrokenOff);
        nobody_is_left(out.path());
    }
}

#[test]
fn a_view_that_is_frozen_stands_still_while_the_run_goes_on() {
    let Some(mut screen) = Screen::open(100, 30) else { return };
    let _live = live();
    let out = place();
    screen.run(&run(out.path(), "--duration 60s"));
    screen.shows("LIVE measure");
    screen.press("f");
    screen.shows("FROZEN");
    let events = || std::fs::metadata(only_run(out.path()).unwrap().join("events.jsonl")).unwrap().len();
    let goes_on = || {
        let written = events();
        crate::support::until("the run goes on", 30, || events() > written + 2000);
    };
    // Of the first frame that says so only a part may be shown so far.
    goes_on();
    let frozen = screen.text();
    goes_on();
    assert_eq!(screen.text(), frozen);
    screen.press("f");
    screen.until("it lives again", |text| text.contains("LIVE") && !text.contains("FROZEN"));
    screen.press("q");
    assert_eq!(screen.ended(), 130, "{}", screen.text());
}
