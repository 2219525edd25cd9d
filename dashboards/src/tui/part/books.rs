//! The seven books with their limits: a colour and a sign only where something is to be said.
//!
//! ```text
//!  lost              2,906  limit 0  ✗
//!  duplicated          512  limit 512
//! ```

use ratatui::layout::Rect;

use crate::{
    text::{summary::answer, units},
    tui::{
        board::Board,
        look::{Ink, Look},
        pen::{Pen, cut, row},
    },
};

/// One book.
struct Book {
    name: &'static str,
    /// `None`: it is known at the end only.
    count: Option<u64>,
    /// `None`: any number.
    limit: Option<u64>,
}

/// The seven books as far as they are known.
fn books(board: &Board) -> [Book; 7] {
    let limits = &board.about.limits;
    let book = |name, count, limit| Book { name, count, limit };
    if let Some(outcome) = &board.state.outcome {
        return answer::promises(outcome, limits).map(|told| book(told.name, Some(told.value), told.limit));
    }
    let sample = &board.state.sample;
    [
        book("lost", None, limits.lost),
        book("stalled", Some(board.streams.stalled() as u64), Some(0)),
        // Where copies may come at all, how many is known once it is known what was in flight.
        book("duplicated", Some(sample.duplicated), limits.copies),
        book("corrupted", Some(sample.corrupted), Some(0)),
        book("misattributed", Some(sample.misattributed), Some(0)),
        book("unexpected", Some(sample.unexpected), Some(0)),
        book("reordered", Some(sample.reordered), limits.reordered),
    ]
}

/// How many books have more than they may, as far as that is known before the end.
pub(crate) fn broken(board: &Board) -> usize {
    let over = |book: &Book| book.count.zip(book.limit).is_some_and(|(count, limit)| count > limit);
    books(board).iter().filter(|book| over(book)).count()
}

impl Book {
    fn sign(&self, look: Look) -> (&'static str, Ink) {
        match (self.count, self.limit) {
            (None, _) => ("", Ink::Quiet),
            (Some(0), Some(_)) => (look.good(), Ink::Plain),
            (Some(count), Some(limit)) if count > limit => (look.bad(), Ink::Bad),
            (Some(0), None) => ("", Ink::Plain),
            (Some(_), _) => ("-", Ink::Doubtful),
        }
    }

    fn value(&self) -> String {
        self.count.map_or("at the end".to_owned(), units::count)
    }
}

/// Draws a book a row under a title; the rows used.
pub(crate) fn list(pen: &mut Pen<'_>, area: Rect, board: &Board) -> u16 {
    pen.title(area, 0, "books", "");
    let mut y = 1;
    for book in books(board) {
        let (sign, ink) = book.sign(pen.look);
        let line = row(area, y);
        pen.text(line, 1, 0, book.name, if book.count.is_none() { Ink::Quiet } else { ink });
        let limit = book.limit.map_or("any".to_owned(), |limit| format!("limit {}", units::short(limit)));
        let right = 12.min(line.width);
        pen.right(cut(line, 0, line.width - right), 0, &book.value(), ink);
        let end = cut(line, line.width - right, right);
        pen.text(end, 1, 0, &limit, Ink::Quiet);
        pen.right(end, 0, sign, ink);
        y += 1;
    }
    if y < area.height {
        let (sample, behind) = (&board.state.sample, board.state.backlog());
        let line = format!(
            "delivered {} of {}, open {}",
            units::count(sample.delivered),
            units::count(sample.due()),
            units::short(behind)
        );
        pen.text(row(area, y), 1, 0, &line, Ink::Quiet);
        y += 1;
    }
    y
}

/// Draws all books in a few rows; the rows used.
pub(crate) fn compact(pen: &mut Pen<'_>, area: Rect, board: &Board) -> u16 {
    pen.title(area, 0, "books", "");
    let (mut x, mut y) = (1, 1);
    for book in books(board) {
        let (sign, ink) = book.sign(pen.look);
        let value = book.count.map_or("?".to_owned(), units::count);
        let text = format!("{} {value} {sign}", book.name);
        let wide = text.chars().count() as u16;
        if x + wide >= area.width && x > 1 {
            (x, y) = (1, y + 1);
        }
        let ink = if book.count.is_none() { Ink::Quiet } else { ink };
        x += pen.text(row(area, y), x, 0, &text, ink) + 3;
    }
    y + 1
}
