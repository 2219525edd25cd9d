//! The keys, from the table they are looked up in.

use ratatui::layout::Rect;

use crate::tui::{
    keys::{KEYS, Where, name},
    look::Ink,
    pen::{Pen, cut, row, rows},
};

/// Columns of one key with its words.
const WIDE: u16 = 40;

/// Draws the page.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, live: bool) {
    pen.title(area, 0, "keys", "any key goes back");
    let elsewhere = if live { Where::Watch } else { Where::Live };
    let keys: Vec<_> = KEYS.iter().filter(|key| key.works != elsewhere).collect();
    let body = rows(area, 1, area.height.saturating_sub(1));
    let columns = (body.width / WIDE).max(1);
    let deep = (keys.len() as u16).div_ceil(columns).max(1);
    for (at, key) in (0u16..).zip(keys) {
        let place = row(cut(body, at / deep * (body.width / columns), body.width / columns), at % deep);
        let names: Vec<String> = key.codes.iter().map(|code| name(*code)).collect();
        pen.text(place, 1, 0, &names.join(" "), Ink::Strong);
        pen.text(place, 11, 0, key.words, Ink::Plain);
    }
}
