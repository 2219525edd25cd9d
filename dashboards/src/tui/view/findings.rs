//! Findings with their evidence, and the command that repeats the run.

use ratatui::layout::Rect;

use crate::{
    text::table::wrap,
    tui::{
        board::Board,
        look::Ink,
        part::findings,
        pen::{Pen, rows},
        scene::Scene,
    },
};

/// Draws the page.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, scene: &Scene<'_>, board: &Board) {
    let chosen = findings::chosen(board, scene.app.finding);
    let lower = if chosen.is_some() { (area.height / 2).max(6).min(area.height) } else { 3.min(area.height) };
    let upper = rows(area, 0, area.height - lower);
    let more = board.findings.more;
    let more = if more > 0 { format!(", {more} more only counted") } else { String::new() };
    if upper.height > 0 {
        pen.title(upper, 0, "findings", &format!("{} kept, the latest first{more}", board.findings.all().len()));
        let at = chosen.map(|(at, _)| at);
        findings::list(pen, rows(upper, 1, upper.height - 1), board, at, false);
    }
    let below = rows(area, upper.height, lower);
    if below.height == 0 {
        return;
    }
    pen.title(below, 0, "evidence", "");
    let mut y = 1;
    if let Some((_, finding)) = chosen {
        let text = wrap(&finding.text, usize::from(below.width.saturating_sub(2)));
        // The last row is for the command.
        for line in text.iter().take(usize::from(below.height.saturating_sub(2))) {
            pen.text(below, 1, y, line, Ink::Strong);
            y += 1;
        }
        findings::words(pen, rows(below, y, below.height.saturating_sub(y + 1)), finding, 1);
    }
    pen.text(below, 1, below.height - 1, &format!("repeat: {}", board.about.repeat), Ink::Quiet);
}
