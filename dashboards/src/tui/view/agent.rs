//! The agent's process: what it uses, under what load, and its lifetimes.

use ratatui::layout::Rect;

use crate::{
    text::units,
    tui::{
        board::{Board, Life},
        look::Ink,
        part::{
            axis::clock,
            lanes::{self, Lane},
            parts,
        },
        pen::{Pen, row, rows},
        scene::Scene,
    },
};

const LANES: [Lane; 8] = [
    Lane::Cpu,
    Lane::Rss,
    Lane::Rate,
    Lane::Delay,
    Lane::Backlog,
    Lane::OpenFiles,
    Lane::Throttled,
    Lane::Fault(crate::tui::history::Family::Process),
];

/// Rows for routes and processes before charts get more.
const MOST_PARTS: u16 = 12;

/// Draws the page.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, scene: &Scene<'_>, board: &Board) {
    let parts = parts::wanted(board).min(MOST_PARTS.min(area.height / 3));
    let room = usize::from(area.height.saturating_sub(7 + parts.max(1)));
    let planned = lanes::grow(LANES[..room.min(LANES.len())].to_vec(), room);
    let mut y = lanes::titled(pen, area, board, scene.window(board), &planned);
    y += delays(pen, rows(area, y, area.height.saturating_sub(y)), board);
    y += parts::list(pen, rows(area, y, area.height.saturating_sub(y)), board);
    let below = rows(area, y, area.height.saturating_sub(y));
    if below.height == 0 {
        return;
    }
    let agent = &board.state.agent;
    let deaths = if agent.deaths > 0 { format!(", {} by itself", agent.deaths) } else { String::new() };
    pen.title(below, 0, "lifetimes", &format!("{}{deaths}", units::counted(agent.starts, "start")));
    for (y, life) in (1..below.height).zip(board.log.lives.iter().rev()) {
        one(pen, row(below, y), life);
    }
}

/// All of the delays in one line; the rows used.
fn delays(pen: &mut Pen<'_>, area: Rect, board: &Board) -> u16 {
    let sample = &board.state.sample;
    let us = |us: u64| if us > 0 { units::millis(us as f64 / 1e3) } else { "-".to_owned() };
    let figures = [
        ("p50", sample.p50_us),
        ("p90", sample.p90_us),
        ("p99", sample.p99_us),
        ("p99.9", sample.p999_us),
        ("max", sample.max_us),
    ];
    let text: Vec<String> = figures.iter().map(|(name, value)| format!("{name} {}", us(*value))).collect();
    let text = format!("delay of the last second  {}", text.join("  "));
    if area.height == 0 {
        return 0;
    }
    pen.text(area, 1, 0, &text, Ink::Plain);
    1
}

fn one(pen: &mut Pen<'_>, area: Rect, life: &Life) {
    let who = if life.process.is_empty() { String::new() } else { format!("{}  ", life.process) };
    let (text, ink) = match &life.end {
        None => (format!("{who}pid {}  since {}, running", life.pid, clock(life.from_us)), Ink::Plain),
        Some((until, how, asked)) => {
            let why = if *asked { "as planned" } else { "BY ITSELF: see agent.log" };
            let text = format!("{who}pid {}  {} to {}, {how}, {why}", life.pid, clock(life.from_us), clock(*until));
            (text, if *asked { Ink::Plain } else { Ink::Bad })
        }
    };
    pen.text(area, 1, 0, &text, ink);
}
