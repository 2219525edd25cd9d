//! The dashboard in a real terminal (tmux): what it shows, keys, resize, and the terminal as it was on every way out.

use std::path::Path;

use results::{
    event::{Event, Phase, Stall, StreamSample, What},
    identity::StreamId,
    run::{ChildProcess, Manifest, RunFolder},
};

use crate::support::{place, program, tailproof};

mod hands;
mod screen;

use screen::Screen;

const S: u64 = 1_000_000;
/// What a name must not do to a terminal: set its title, clear it, turn the line round.
const HOSTILE: &str = "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}evil";

fn event(t_us: u64, what: What) -> Event {
    Event { t_us, what }
}

/// A run folder with ten seconds of a run whose second stream stands still; `bench`: who performs it.
fn stored(out: &Path, bench: ChildProcess) -> RunFolder {
    let settled = serde_json::json!({"warm_up": "1s", "measure": "9s", "drain": "5s"});
    let mut manifest = Manifest::new("made-up", "builtin", None, 17, settled, serde_json::Value::Null);
    manifest.bench = bench;
    let run = RunFolder::create(out, "20260102T030405Z", "made-up", "builtin", &manifest).unwrap();
    let mut events = vec![event(0, What::Begun(vec!["web-00".into(), HOSTILE.into()]))];
    events.push(event(1, What::Phase(Phase::Measure)));
    for quarter in 1..=40 {
        let streams = vec![StreamSample(quarter * 100, quarter * 100), StreamSample(quarter * 100, 500)];
        events.push(event(quarter * S / 4, What::Streams(streams)));
    }
    let stall = Stall { stream: StreamId(1), from_us: 2 * S, until_us: None };
    events.push(event(9 * S, What::Stall(stall)));
    events.sort_by_key(|event| event.t_us);
    run.append_all(&events).unwrap();
    run
}

/// Nobody performs it any more.
const NOBODY: ChildProcess = ChildProcess { pid: 1, start_ticks: 0 };

fn watch(run: &RunFolder, more: &str) -> String {
    format!("{} watch {} {more}", program().display(), run.path().display())
}

#[test]
fn a_stored_run_is_shown_in_pages_at_any_size_and_the_terminal_is_given_back() {
    let Some(mut screen) = Screen::open(120, 40) else { return };
    let out = place();
    let run = stored(out.path(), NOBODY);
    let before = screen.state();
    // Slowly: at its end a space begins anew instead.
    screen.run(&watch(&run, "--at 0:05 --speed 0.125"));
    screen.shows("timeline");
    screen.shows("made-up");
    screen.press(" ");
    screen.shows("PAUSED");
    screen.press("2");
    screen.shows("~size");
    screen.resize(80, 24);
    screen.until("the page is drawn anew", |text| text.contains("stream ") && !text.contains("~size"));
    screen.press("?");
    screen.shows("any key goes back");
    screen.press("x");
    screen.shows("~ read and size");
    screen.press("1");
    screen.press("n");
    screen.shows("has not moved");
    screen.resize(39, 10);
    screen.until("one line", |text| text.trim().lines().count() == 1 && text.contains("measure"));
    screen.resize(100, 30);
    screen.shows("findings");
    screen.press("q");
    assert_eq!(screen.ended(), 0);
    screen.is_given_back(&before);
}

#[test]
fn names_from_outside_do_nothing_to_the_terminal() {
    let Some(mut screen) = Screen::open(120, 40) else { return };
    let out = place();
    let run = stored(out.path(), NOBODY);
    screen.run(&watch(&run, "--at 0:09"));
    screen.shows(r"\x1b]0;owned");
    screen.press("2");
    screen.shows("~size");
    screen.press("5");
    screen.shows("evidence");
    screen.press("q");
    assert_eq!(screen.ended(), 0);
    screen.is_recorded();
    let raw = screen.raw();
    assert!(raw.contains("\u{1b}[?1049h"), "nothing was recorded");
    for harmful in ["\u{1b}]", "\u{9b}", "\u{202e}", "\u{1b}P"] {
        assert!(!raw.contains(harmful), "{harmful:?} reached the terminal");
    }
}

#[test]
fn the_last_frame_stays_on_the_screen_if_it_is_wanted() {
    let Some(mut screen) = Screen::open(100, 30) else { return };
    let out = place();
    let run = stored(out.path(), NOBODY);
    screen.run(&watch(&run, "--at 0:05"));
    screen.shows("timeline");
    screen.press("Q");
    assert_eq!(screen.ended(), 0);
    screen.shows("timeline");
}

#[test]
fn a_signal_ends_it_with_130_and_gives_the_terminal_back() {
    for signal in ["TERM", "INT"] {
        let Some(mut screen) = Screen::open(100, 30) else { return };
        let out = place();
        let run = stored(out.path(), NOBODY);
        let before = screen.state();
        screen.run(&watch(&run, "--at 0:05"));
        screen.shows("timeline");
        assert_ne!(screen.state(), before, "it takes the terminal");
        screen.signal("tailproof", signal);
        assert_eq!(screen.ended(), 130, "SIG{signal}");
        screen.is_given_back(&before);
    }
}

#[test]
fn a_run_under_way_is_followed_as_it_grows() {
    let Some(mut screen) = Screen::open(100, 30) else { return };
    let out = place();
    let run = stored(out.path(), ChildProcess::current());
    screen.run(&watch(&run, ""));
    screen.shows("FOLLOWING");
    screen.shows("measure 0:09");
    run.append(&event(42 * S, What::Phase(Phase::Drain))).unwrap();
    run.append(&event(47 * S, What::Streams(vec![StreamSample(9, 9); 2]))).unwrap();
    screen.shows("drain 0:05");
    screen.press("g");
    screen.shows("measure 0:0");
    screen.press("q");
    assert_eq!(screen.ended(), 0);
}

#[test]
fn two_runs_stand_side_by_side() {
    let Some(mut screen) = Screen::open(120, 40) else { return };
    let (out, other) = (place(), place());
    let (run, other) = (stored(out.path(), NOBODY), stored(other.path(), NOBODY));
    screen.run(&watch(&run, &format!("{} --at 0:05 --speed 0.5", other.path().display())));
    screen.until("both", |text| text.lines().next().is_some_and(|line| line.matches("made-up").count() == 2));
    screen.press("q");
    assert_eq!(screen.ended(), 0);
}

#[test]
fn without_a_terminal_it_says_what_to_do() {
    let out = place();
    let run = stored(out.path(), NOBODY);
    let ended = tailproof(&["watch", &run.path().display().to_string()]).expect(2);
    assert!(ended.stderr.contains("--ui text"), "{ended}");
    let ended = tailproof(&["watch", "2026-no-such-run"]).expect(2);
    assert!(ended.stderr.contains("no run in results/runs begins with 2026-no-such-run"), "{ended}");
    tailproof(&["watch", "x", "--speed", "0"]).expect(2);
    tailproof(&["watch", &run.path().display().to_string(), "--at", "soon"]).expect(2);
}
