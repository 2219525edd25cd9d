//! The table of streams: those that stand still first, sorted and filtered as the person wants.

use ratatui::layout::Rect;

use crate::{
    text::units,
    tui::{
        app::{App, Sort},
        board::{Board, Doing, Row},
        look::{Ink, Look},
        pen::{Pen, cut, row, rows},
    },
};

/// A column of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    /// Its name.
    pub(crate) name: &'static str,
    wide: u16,
    words: bool,
}

/// All columns but the first, which takes the rest, in the order of the screen.
pub(crate) const COLUMNS: [Column; 8] = [
    Column { name: "state", wide: 11, words: true },
    Column { name: "lag", wide: 8, words: false },
    Column { name: "out/s", wide: 9, words: false },
    Column { name: "in/s", wide: 9, words: false },
    Column { name: "gen", wide: 6, words: false },
    Column { name: "inode", wide: 14, words: false },
    Column { name: "~read", wide: 9, words: false },
    Column { name: "~size", wide: 9, words: false },
];
/// Columns of names at least, and at most while other columns wait for room.
const NAME: u16 = 14;
const LONG_NAME: u16 = 24;

/// Draws the table with its head; the index of the chosen stream.
pub(crate) fn table(pen: &mut Pen<'_>, area: Rect, board: &Board, app: &App, chosen: bool) -> Option<usize> {
    if area.height == 0 {
        return None;
    }
    let longest = board.streams.rows().iter().map(|row| row.name.chars().count()).max().unwrap_or(0) as u16;
    let (columns, names) = fit(area.width, longest.saturating_add(2), app);
    head(pen, row(area, 0), &columns, names);
    let body = rows(area, 1, area.height - 1);
    let (listed, at) = listed(board, app, usize::from(body.height));
    let top = at.saturating_sub(usize::from(body.height).saturating_sub(1));
    let mean = board.state.sample.written_bytes.checked_div(board.state.sample.written).unwrap_or(0);
    for (y, stream) in (0..body.height).zip(&listed[top..]) {
        line(pen, row(body, y), &board.streams.rows()[*stream], mean, &columns, names);
    }
    if chosen && !listed.is_empty() {
        pen.choose(body, (at - top) as u16);
    }
    listed.get(at).copied()
}

/// How many streams the filter leaves.
pub(crate) fn matching(board: &Board, app: &App) -> usize {
    board.streams.rows().iter().filter(|row| row.name.contains(&app.filter)).count()
}

/// What stands at the right of the title.
pub(crate) fn remark(board: &Board, app: &App) -> String {
    let all = board.streams.rows().len() as u64;
    let filter = if app.filter.is_empty() { String::new() } else { format!("/{}: ", app.filter) };
    format!("{filter}{} of {}, {}", units::count(matching(board, app) as u64), units::count(all), app.sort.word())
}

/// The first streams of the order, as many as are needed to show the chosen one; and which of them that is.
fn listed(board: &Board, app: &App, height: usize) -> (Vec<usize>, usize) {
    let rows = board.streams.rows();
    let mut listed: Vec<usize> = (0..rows.len()).filter(|at| rows[*at].name.contains(&app.filter)).collect();
    let at = app.chosen.min(listed.len().saturating_sub(1));
    let needed = (at + 1).max(height).min(listed.len());
    let order = |left: &usize, right: &usize| compare(app.sort, &rows[*left], &rows[*right]).then(left.cmp(right));
    // Of many streams only those on the screen are sorted.
    if needed < listed.len() && needed > 0 {
        listed.select_nth_unstable_by(needed - 1, order);
        listed.truncate(needed);
    }
    listed.sort_unstable_by(order);
    (listed, at)
}

fn compare(sort: Sort, left: &Row, right: &Row) -> std::cmp::Ordering {
    let rate = |row: &Row| row.delivered_per_s;
    match sort {
        Sort::Worst => {
            let rank = |row: &Row| u8::from(row.doing() != Doing::Stalled);
            rank(left).cmp(&rank(right)).then(right.lag().cmp(&left.lag()))
        }
        Sort::Rate => rate(right).total_cmp(&rate(left)),
        Sort::Generation => right.generation.cmp(&left.generation),
        Sort::Name => left.name.cmp(&right.name),
    }
}

/// Which columns are wanted and have room, and the columns of the names.
fn fit(width: u16, longest: u16, app: &App) -> (Vec<usize>, u16) {
    // Names that begin alike (a stream on its routes) are told apart by their ends.
    let least = longest.min(LONG_NAME).min(width / 3).max(NAME);
    let mut used = least;
    let mut shown = Vec::new();
    for (nth, column) in COLUMNS.iter().enumerate().filter(|(nth, _)| !app.hidden.contains(nth)) {
        if used + column.wide > width {
            break;
        }
        used += column.wide;
        shown.push(nth);
    }
    (shown, least + width.saturating_sub(used))
}

fn head(pen: &mut Pen<'_>, area: Rect, columns: &[usize], names: u16) {
    pen.text(cut(area, 0, names), 1, 0, "stream", Ink::Quiet);
    let mut x = names;
    for column in columns.iter().map(|&nth| &COLUMNS[nth]) {
        cell(pen, cut(area, x, column.wide), *column, column.name, Ink::Quiet);
        x += column.wide;
    }
}

fn cell(pen: &mut Pen<'_>, area: Rect, column: Column, text: &str, ink: Ink) {
    if column.words {
        pen.text(area, 1, 0, text, ink);
    } else {
        pen.right(cut(area, 1, area.width), 0, text, ink);
    }
}

fn line(pen: &mut Pen<'_>, area: Rect, stream: &Row, mean: u64, columns: &[usize], names: u16) {
    pen.text(cut(area, 0, names), 1, 0, &stream.name, Ink::Plain);
    let (state, ink) = state(stream, pen.look);
    let (read, size) = stream.read_of_size(mean);
    let generation = stream.generation.map_or("-".to_owned(), |generation| generation.to_string());
    let inode = match (stream.generation, stream.inode_reused) {
        (None, _) => "-".to_owned(),
        (_, true) => format!("{} again", stream.inode),
        (_, false) => stream.inode.to_string(),
    };
    let short = |per_s: f64| units::rate(per_s).trim_end_matches("/s").to_owned();
    let cells = [
        state,
        units::short(stream.lag()),
        short(stream.delivered_per_s),
        short(stream.offered_per_s),
        generation,
        inode,
        units::bytes(read),
        units::bytes(size),
    ];
    let mut x = names;
    for (column, text) in columns.iter().map(|&nth| (&COLUMNS[nth], &cells[nth])) {
        let ink = if column.words { ink } else { Ink::Plain };
        cell(pen, cut(area, x, column.wide), *column, text, ink);
        x += column.wide;
    }
}

/// The word for what a stream does, with a sign.
pub(crate) fn state(stream: &Row, look: Look) -> (String, Ink) {
    let doing = stream.doing();
    match doing {
        Doing::Stalled => (format!("{} {}", doing.word(), look.bad()), Ink::Bad),
        Doing::Waiting => (doing.word().to_owned(), Ink::Doubtful),
        Doing::Reading | Doing::AtEnd => (doing.word().to_owned(), Ink::Plain),
    }
}
