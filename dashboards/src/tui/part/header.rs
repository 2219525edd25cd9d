//! The first rows: what runs, how far it is, whether it keeps up, and whether the bench itself kept its pace.
//!
//! ```text
//!  tail-stall  builtin pid 4127  seed 17          LIVE measure 0:08/0:12, 0:04 left  ✗ FAIL
//!  ████████░░░░░░░  keeping up ✓  bench kept its pace ✓ (worst 4 ms)
//! ```

use ratatui::layout::Rect;
use results::outcome::Verdict;

use crate::{
    text::{live, units},
    tui::{
        board::Board,
        look::{Ink, Look},
        part::{axis::clock, books},
        pen::{Pen, columns, cut, row},
        scene::Scene,
    },
};

/// A backlog of less load than this is none, seconds.
const NO_BACKLOG_S: f64 = 1.0;
/// A generator later than this is late, microseconds.
const LATE_US: u64 = 100_000;

/// Draws the header; the rows used.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, scene: &Scene<'_>, board: &Board) -> u16 {
    first(pen, row(area, 0), scene, board);
    second(pen, row(area, 1), board);
    let mut used = 2;
    if let Some(defect) = &board.about.defect {
        let text = format!("DEFECT PLANTED: {defect}; this run says nothing about the agent without it");
        pen.text(row(area, used), 1, 0, &text, Ink::Doubtful);
        used += 1;
    }
    used
}

fn first(pen: &mut Pen<'_>, area: Rect, scene: &Scene<'_>, board: &Board) {
    let about = &board.about;
    let (elapsed, meant) = board.state.progress();
    let phase = board.state.phase.map_or("start", |(phase, _)| live::name(phase));
    let of = if meant > 0 { format!("/{}", clock(meant)) } else { String::new() };
    let mode = mode(scene);
    let (verdict, ink) = verdict(board, pen.look);
    let verdict = format!(" {verdict}");
    // Where two runs stand side by side, their names need the room.
    let left = board.state.left_us().filter(|_| area.width >= 80);
    let left = left.map_or_else(String::new, |left| format!(", {} left", clock(left)));
    let times = format!(" {mode} {phase} {}{of}{left} ", clock(elapsed));
    let right = (columns(&verdict) as u16).min(area.width);
    pen.text(cut(area, area.width - right, right), 0, 0, &verdict, ink);
    let left = cut(area, 0, area.width - right);
    let times_wide = (columns(&times) as u16).min(left.width);
    pen.right(left, 0, &times, if scene.app.frozen { Ink::Doubtful } else { Ink::Strong });
    let left = cut(left, 0, left.width - times_wide);
    let end = 1 + pen.text(left, 1, 0, &about.scenario, Ink::Strong);
    let processes = &board.state.processes;
    let pid = match (board.state.agent.pid, processes.len()) {
        (None, _) => "not running".to_owned(),
        (Some(pid), 0 | 1) => format!("pid {pid}"),
        (Some(_), all) => {
            let up = processes.values().filter(|process| process.pid.is_some()).count();
            if area.width < 100 { format!("{up}/{all} up") } else { format!("{up} of {all} processes run") }
        }
    };
    let rest = format!("{} {pid}  seed {}", about.agent, about.seed);
    pen.text(left, end + 2, 0, &rest, Ink::Plain);
}

/// What is seen: the run as it is, or a stored one.
fn mode(scene: &Scene<'_>) -> String {
    match scene.player {
        _ if scene.app.frozen => "FROZEN".to_owned(),
        None => "LIVE".to_owned(),
        Some(player) if player.following => "FOLLOWING".to_owned(),
        Some(player) if player.playing => format!("PLAY {}x", player.speed),
        Some(_) => "PAUSED".to_owned(),
    }
}

fn second(pen: &mut Pen<'_>, area: Rect, board: &Board) {
    let (elapsed, meant) = board.state.progress();
    let mut x = 1;
    if meant > 0 && area.width >= 80 {
        let wide: u16 = if area.width >= 110 { 30 } else { 16 };
        let done = (u128::from(elapsed.min(meant)) * u128::from(wide) / u128::from(meant)) as u16;
        let signs = pen.look.signs();
        for at in 0..wide {
            let (sign, ink) = if at < done { (signs.full, Ink::Flow) } else { (signs.rest, Ink::Quiet) };
            pen.cell(area, x + at, 0, sign, ink);
        }
        x += wide + 2;
    }
    let (text, ink) = keeps_up(board, pen.look);
    x += pen.text(area, x, 0, &text, ink) + 3;
    let (text, ink) = pace(board, pen.look);
    pen.text(area, x, 0, &text, ink);
}

/// Whether the agent keeps up with what is written.
pub(crate) fn keeps_up(board: &Board, look: Look) -> (String, Ink) {
    let state = &board.state;
    if state.sample.written == 0 {
        return ("no records yet".to_owned(), Ink::Quiet);
    }
    if state.sample.delivered == 0 {
        return ("nothing delivered yet, see agent.log".to_owned(), Ink::Doubtful);
    }
    let standing = state.stalled.len() as u64;
    if standing > 0 {
        return (format!("{} stalled {}", units::counted(standing, "stream"), look.bad()), Ink::Bad);
    }
    let behind = board.behind_s().unwrap_or(0.0);
    let slope = board.slope().unwrap_or(0.0);
    if behind < NO_BACKLOG_S {
        return (format!("keeping up {}", look.good()), Ink::Good);
    }
    if slope > state.rates.written * 0.01 {
        return (format!("FALLING BEHIND by {} {}", units::rate(slope), look.bad()), Ink::Bad);
    }
    (format!("{} behind, catching up", units::seconds(behind)), Ink::Doubtful)
}

/// Whether the bench kept its own pace: the light that is always there.
fn pace(board: &Board, look: Look) -> (String, Ink) {
    let late_us = board.late_us;
    let late = units::millis(late_us as f64 / 1e3);
    let warned = board.state.warnings.contains_key("bench-behind");
    if warned || late_us > LATE_US {
        return (format!("bench LATE by {late} {}", look.bad()), Ink::Bad);
    }
    (format!("bench kept its pace {} (worst {late})", look.good()), Ink::Good)
}

/// The verdict, or how things stand for it.
pub(crate) fn verdict(board: &Board, look: Look) -> (String, Ink) {
    if let Some(outcome) = &board.state.outcome {
        return match outcome.verdict {
            _ if outcome.broken_off => ("BROKEN OFF".to_owned(), Ink::Doubtful),
            Verdict::Pass => (format!("{} PASS", look.good()), Ink::Good),
            Verdict::Fail => (format!("{} FAIL", look.bad()), Ink::Bad),
            Verdict::Unknown => ("? UNKNOWN".to_owned(), Ink::Doubtful),
        };
    }
    match (board.findings.broken() as u64, books::broken(board) as u64) {
        (0, 0) => (format!("{} so far", look.good()), Ink::Good),
        (0, broken) => (format!("{} {broken} broken so far", look.bad()), Ink::Bad),
        (broken, _) => (format!("{} {} so far", look.bad(), units::counted(broken, "finding")), Ink::Bad),
    }
}
