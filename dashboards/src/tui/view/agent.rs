//! The agent's process: what it uses, under what load, and its lifetimes.

use ratatui::layout::Rect;

use crate::{
    text::units,
    tui::{
        board::{Board, Life},
        history::{Family, Series},
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

const LANES: [Lane; 12] = [
    Lane::Cpu,
    Lane::Rss,
    Lane::Rate,
    Lane::Backlog,
    Lane::DelayOf(Series::P50),
    Lane::DelayOf(Series::P90),
    Lane::Delay,
    Lane::DelayOf(Series::P999),
    Lane::DelayOf(Series::Max),
    Lane::OpenFiles,
    Lane::Throttled,
    Lane::Fault(Family::Process),
];

/// Rows for routes and processes before charts get more.
const MOST_PARTS: u16 = 12;

/// Draws the page.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, scene: &Scene<'_>, board: &Board) {
    let parts = parts::wanted(board).min(MOST_PARTS.min(area.height / 3));
    let room = usize::from(area.height.saturating_sub(6 + parts.max(1)));
    let planned = lanes::grow(LANES[..room.min(LANES.len())].to_vec(), room);
    let mut y = lanes::titled(pen, area, board, scene.window(board), &planned);
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
