//! What was done to the agent, its sink and its files: on the time axis, and one by one, the latest first.

use ratatui::layout::Rect;
use results::event::{FaultState, StepKind};

use crate::{
    text::{live::fault_name, units},
    tui::{
        board::{Board, FaultLine, StepLine},
        history::Family,
        look::{Ink, Look},
        part::{
            axis::clock,
            lanes::{self, Lane},
        },
        pen::{Pen, row, rows},
        scene::Scene,
    },
};

const LANES: [Lane; 9] = [
    Lane::Rate,
    Lane::Backlog,
    Lane::Rotation,
    Lane::Archive,
    Lane::Swap,
    Lane::Fault(Family::Sink),
    Lane::Fault(Family::Process),
    Lane::Fault(Family::Hand),
    Lane::Finding,
];

/// Draws the page.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, scene: &Scene<'_>, board: &Board) {
    let room = usize::from(area.height / 2).min(LANES.len());
    let planned = lanes::grow(LANES[..room].to_vec(), room + usize::from(area.height / 12));
    let used = lanes::titled(pen, area, board, scene.window(board), &planned).min(area.height);
    let below = rows(area, used, area.height - used);
    let faults = if board.log.faults.is_empty() { 2 } else { (below.height / 2).max(2) };
    let upper = rows(below, 0, faults);
    let without = board.state.faults_without_effect;
    let without = if without > 0 { format!(", {without} without effect") } else { String::new() };
    pen.title(upper, 0, "faults", &format!("{} applied{without}", units::count(board.state.faults_applied)));
    if board.log.faults.is_empty() {
        pen.text(row(upper, 1), 1, 0, "none so far", Ink::Quiet);
    }
    for (y, line) in (1..upper.height).zip(board.log.faults.iter().rev().skip(scene.app.chosen)) {
        fault(pen, row(upper, y), line);
    }
    let lower = rows(below, upper.height, below.height - upper.height);
    if lower.height > 0 {
        pen.title(lower, 0, "steps on files", "");
    }
    for (y, line) in (1..lower.height).zip(board.log.steps.iter().rev().skip(scene.app.chosen)) {
        step(pen, row(lower, y), line, board);
    }
}

fn fault(pen: &mut Pen<'_>, area: Rect, line: &FaultLine) {
    let (word, ink) = word(line, pen.look);
    let lasted =
        line.until_us.map_or("now".to_owned(), |until| units::millis(until.saturating_sub(line.from_us) as f64 / 1e3));
    let mut x = 1 + pen.text(area, 1, 0, &format!("{:>7}", clock(line.from_us)), Ink::Quiet) + 1;
    x += pen.text(area, x, 0, &format!("{lasted:>8}"), Ink::Plain) + 2;
    x += pen.text(area, x, 0, &format!("{:<16}", fault_name(&line.fault)), Ink::Strong) + 1;
    x += pen.text(area, x, 0, word, ink) + 2;
    let hits = if line.fault.hits > 0 { format!("{} hit  ", units::count(line.fault.hits)) } else { String::new() };
    pen.text(area, x, 0, &format!("{hits}{}", line.fault.detail), Ink::Plain);
}

fn word(line: &FaultLine, look: Look) -> (&'static str, Ink) {
    match line.fault.state {
        FaultState::Applied => ("in force", Ink::Doubtful),
        FaultState::Healed => (if look.unicode { "over ✓" } else { "over ok" }, Ink::Plain),
        FaultState::NoEffect => ("NO EFFECT", Ink::Bad),
    }
}

fn step(pen: &mut Pen<'_>, area: Rect, line: &StepLine, board: &Board) {
    let step = &line.step;
    let stream = board.streams.rows().get(usize::from(step.stream.0)).map_or("?", |row| row.name.as_str());
    let mut x = 1 + pen.text(area, 1, 0, &format!("{:>9}", units::seconds(line.t_us as f64 / 1e6)), Ink::Quiet) + 2;
    x += pen.text(area, x, 0, &format!("{:<8}", name(step.step)), Ink::Strong) + 1;
    x += pen.text(area, x, 0, &format!("{stream} #{}", step.rotation), Ink::Plain) + 2;
    if let Some(file) = step.file {
        x += pen.text(area, x, 0, &format!("inode {}", file.inode), Ink::Plain) + 2;
    }
    if let Some(error) = &step.error {
        pen.text(area, x, 0, &format!("FAILED: {error}"), Ink::Bad);
        return;
    }
    let held = match step.held {
        Some(true) => "held by the agent  ",
        Some(false) => "not held by the agent  ",
        None => "",
    };
    let file = |path: &str| path.rsplit('/').next().unwrap_or_default().to_owned();
    let to = step.to.as_deref().map_or(String::new(), |to| format!(" to {}", file(to)));
    pen.text(area, x, 0, &format!("{held}{}{to}", file(&step.path)), Ink::Quiet);
}

fn name(step: StepKind) -> &'static str {
    match step {
        StepKind::Close => "close",
        StepKind::Rename => "rename",
        StepKind::Unlink => "unlink",
        StepKind::Archive => "archive",
        StepKind::Reopen => "reopen",
        StepKind::Symlink => "symlink",
        StepKind::Steer => "steer",
    }
}
