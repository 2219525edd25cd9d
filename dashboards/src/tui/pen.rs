//! The only way on to the screen: every text is cut to its place and passes the one door for text from outside.

use std::borrow::Cow;

use ratatui::{buffer::Buffer, layout::Rect};

use super::look::{Ink, Look};
use crate::display::display;

/// Writes to the cells of one frame.
pub(super) struct Pen<'b> {
    cells: &'b mut Buffer,
    pub(super) look: Look,
}

impl<'b> Pen<'b> {
    pub(super) fn new(cells: &'b mut Buffer, look: Look) -> Self {
        Self { cells, look }
    }

    /// Writes `text` into the row `y` of `area`, from the column `x` of it; the columns it took. What does not fit ends with
    /// a sign that says so.
    pub(super) fn text(&mut self, area: Rect, x: u16, y: u16, text: &str, ink: Ink) -> u16 {
        let area = area.intersection(self.cells.area);
        if y >= area.height || x >= area.width {
            return 0;
        }
        let (text, room) = (self.safe(text), usize::from(area.width - x));
        let (left, top) = (area.x + x, area.y + y);
        let style = self.look.style(ink);
        let (end, _) = self.cells.set_stringn(left, top, &text, room, style);
        if columns(&text) > room {
            let last = left + (room as u16) - 1;
            // The sign may stand where the second half of a wide one was: that one goes.
            if last > left && columns(self.cells[(last - 1, top)].symbol()) > 1 {
                self.cells[(last - 1, top)].set_char(' ');
            }
            let more = self.look.signs().more;
            self.cells[(last, top)].set_char(more).set_style(style);
            return room as u16;
        }
        end - left
    }

    /// Writes `text` so that it ends at the right edge of `area`.
    pub(super) fn right(&mut self, area: Rect, y: u16, text: &str, ink: Ink) {
        let wide = columns(&self.safe(text)).min(usize::from(area.width)) as u16;
        self.text(area, area.width - wide, y, text, ink);
    }

    /// Sets one cell.
    pub(super) fn cell(&mut self, area: Rect, x: u16, y: u16, sign: char, ink: Ink) {
        if x < area.width && y < area.height {
            let style = self.look.style(ink);
            if let Some(cell) = self.cells.cell_mut((area.x + x, area.y + y)) {
                cell.set_char(sign).set_style(style);
            }
        }
    }

    /// A row of `area` in the ink of the chosen one.
    pub(super) fn choose(&mut self, area: Rect, y: u16) {
        if y < area.height {
            let style = self.look.style(Ink::Chosen);
            self.cells.set_style(row(area, y).intersection(self.cells.area), style);
        }
    }

    /// A line across with a title in it, and a remark at its right.
    pub(super) fn title(&mut self, area: Rect, y: u16, title: &str, remark: &str) {
        let line = self.look.signs().line;
        for x in 0..area.width {
            self.cell(area, x, y, line, Ink::Quiet);
        }
        let head = row(area, y);
        let end = self.text(head, 2.min(area.width), 0, &format!(" {title} "), Ink::Strong) + 3;
        let remark = format!(" {remark} ");
        if remark.trim().is_empty() || usize::from(end) + columns(&remark) >= usize::from(area.width) {
            return;
        }
        let within = Rect { width: head.width - 2, ..head };
        self.right(within, 0, &remark, Ink::Quiet);
    }

    /// As it may be shown here: without anything active or invisible, and in ASCII where the terminal has nothing else.
    pub(super) fn safe<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let shown = display(text);
        if self.look.unicode || shown.is_ascii() {
            return shown;
        }
        let escaped = shown.chars().map(|c| if c.is_ascii() { c.to_string() } else { c.escape_unicode().to_string() });
        Cow::Owned(escaped.collect())
    }
}

/// Columns a text takes.
pub(super) fn columns(text: &str) -> usize {
    ratatui::text::Span::raw(text).width()
}

/// One row of an area.
pub(super) fn row(area: Rect, y: u16) -> Rect {
    Rect { y: area.y.saturating_add(y), height: u16::from(y < area.height), ..area }
}

/// The rows of an area from `y`, at most `height` of them.
pub(super) fn rows(area: Rect, y: u16, height: u16) -> Rect {
    let y = y.min(area.height);
    Rect { y: area.y + y, height: height.min(area.height - y), ..area }
}

/// The columns of an area from `x`, at most `width` of them.
pub(super) fn cut(area: Rect, x: u16, width: u16) -> Rect {
    let x = x.min(area.width);
    Rect { x: area.x + x, width: width.min(area.width - x), ..area }
}
