//! All streams, and what is known of the chosen one.

use ratatui::layout::Rect;

use crate::{
    text::units,
    tui::{
        board::{Board, Row},
        look::Ink,
        part::{axis::clock, streams},
        pen::{Pen, row, rows},
        scene::Scene,
    },
};

/// Rows of what is known of the chosen one, with the title.
const DETAIL: u16 = 5;

/// Draws the page.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, scene: &Scene<'_>, board: &Board) {
    let detail = if area.height >= 12 { DETAIL } else { 0 };
    let list = rows(area, 0, area.height - detail);
    pen.title(list, 0, "streams", &streams::remark(board, scene.app));
    let chosen = streams::table(pen, rows(list, 1, list.height.saturating_sub(1)), board, scene.app, true);
    let below = rows(area, list.height, detail);
    if let Some(stream) = chosen.map(|at| &board.streams.rows()[at]) {
        one(pen, below, stream, board);
    }
}

fn one(pen: &mut Pen<'_>, area: Rect, stream: &Row, board: &Board) {
    if area.height == 0 {
        return;
    }
    pen.title(area, 0, &stream.name, "");
    let counts = format!(
        "{} written, {} delivered, {} between; {} in, {} out",
        units::count(stream.written),
        units::count(stream.delivered),
        units::count(stream.lag()),
        units::rate(stream.offered_per_s),
        units::rate(stream.delivered_per_s)
    );
    pen.text(row(area, 1), 1, 0, &counts, Ink::Plain);
    let reused = if stream.inode_reused { ", a number that an earlier file of it had" } else { "" };
    let file = stream.generation.map_or("no file yet".to_owned(), |generation| {
        format!("generation {generation}, inode {}{reused}: {}", stream.inode, stream.path)
    });
    pen.text(row(area, 2), 1, 0, &file, Ink::Plain);
    let (state, ink) = streams::state(stream, pen.look);
    let since = stream.stalled_us.map_or(String::new(), |us| {
        let limit = board.about.stall_limit_us;
        let limit = if limit > 0 { format!(", limit {}", units::millis(limit as f64 / 1e3)) } else { String::new() };
        let stood = board.state.t_us.saturating_sub(us) as f64 / 1e3;
        format!(" since {}, {}{limit}", clock(us), units::millis(stood))
    });
    pen.text(row(area, 3), 1, 0, &format!("{state}{since}"), ink);
    pen.text(row(area, 4), 1, 0, "~ read and size are reckoned from the mean record", Ink::Quiet);
}
