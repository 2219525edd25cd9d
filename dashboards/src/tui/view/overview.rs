//! Everything at a glance: lanes, books, streams, findings; from the top, as far as there is room.

use ratatui::layout::Rect;

use crate::{
    text::units,
    tui::{
        board::Board,
        part::{books, findings, lanes, streams},
        pen::{Pen, cut, rows},
        scene::Scene,
    },
};

/// From here on books and streams stand side by side.
const WIDE: u16 = 100;
/// Columns of the books then.
const BOOKS: u16 = 44;

/// Draws the page.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, scene: &Scene<'_>, board: &Board) {
    let wide = area.width >= WIDE;
    let beside = wide && area.height >= 26;
    // Lanes take half, the rest is shared; whoever is left without a row is left out.
    let found = board.findings.all().len() as u16;
    let lower = if beside { 10 + (2 + found * 3).min(8) } else { area.height / 2 };
    let upper = area.height.saturating_sub(lower).max(area.height.min(4));
    let planned = lanes::plan(board, upper.saturating_sub(2));
    let mut y = lanes::titled(pen, rows(area, 0, upper), board, scene.window(board), &planned);
    if beside {
        let middle = rows(area, y, 9);
        books::list(pen, cut(middle, 0, BOOKS), board);
        table(pen, cut(middle, BOOKS + 1, area.width), scene, board);
        y += middle.height;
        found_in(pen, rows(area, y, area.height - y), scene, board, true);
        return;
    }
    y += books::compact(pen, rows(area, y, area.height - y), board);
    let left = area.height.saturating_sub(y);
    let told = (1 + found.clamp(1, 4)).min(left / 2);
    table(pen, rows(area, y, left - told), scene, board);
    found_in(pen, rows(area, area.height - told, told), scene, board, false);
}

fn table(pen: &mut Pen<'_>, area: Rect, scene: &Scene<'_>, board: &Board) {
    if area.height >= 3 {
        pen.title(area, 0, "streams", &streams::remark(board, scene.app));
        streams::table(pen, rows(area, 1, area.height - 1), board, scene.app, false);
    }
}

fn found_in(pen: &mut Pen<'_>, area: Rect, scene: &Scene<'_>, board: &Board, evidence: bool) {
    if area.height >= 2 {
        let all = board.findings.all().len() as u64 + board.findings.more;
        let remark = if all > 0 { format!("{} in all, 5 shows them", units::count(all)) } else { String::new() };
        pen.title(area, 0, "findings", &remark);
        let chosen = (scene.app.finding > 0).then_some(scene.app.finding);
        findings::list(pen, rows(area, 1, area.height - 1), board, chosen, evidence);
    }
}
