//! The last row: an open question, what was done just now, or the keys that matter here.

use ratatui::layout::Rect;

use crate::tui::{
    app::{App, Prompt},
    look::Ink,
    part::streams::COLUMNS,
    pen::{Pen, columns},
    scene::Scene,
};

/// Keys with a run that this program performs.
const LIVE: &[&str] = &[
    "q stop+report",
    "? help",
    "1-5 views",
    "f freeze",
    "n/N finding",
    "p/P load",
    "r rotate",
    "x/c agent",
    "k kill",
    "o/O sink",
    "/ filter",
    "s sort",
];
/// Keys with a stored run.
const WATCH: &[&str] = &[
    "q quit",
    "? help",
    "1-5 views",
    "space play",
    "left/right seek",
    "[ ] speed",
    "n/N finding",
    "e/E fault",
    "t time",
    "/ filter",
    "s sort",
    "f freeze",
];

/// Draws the row.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, scene: &Scene<'_>) {
    let app = scene.app;
    match (&app.prompt, &app.notice) {
        (Some(Prompt::Confirm(act)), _) => {
            let question = act.question().unwrap_or_default();
            let end = 1 + pen.text(area, 1, 0, "y/n ", Ink::Bad);
            pen.text(area, end, 0, question, Ink::Strong);
        }
        (Some(Prompt::Columns), _) => columns_of(pen, area, app),
        (Some(Prompt::Filter(text)), _) => asked(pen, area, "streams whose name holds: ", text),
        (Some(Prompt::Seek(text)), _) => asked(pen, area, "go to (2:40): ", text),
        (None, Some(notice)) => drop(pen.text(area, 1, 0, notice, Ink::Strong)),
        (None, None) => {
            let mut x = 1;
            for words in if app.live { LIVE } else { WATCH } {
                if usize::from(x) + columns(words) > usize::from(area.width) {
                    break;
                }
                x += pen.text(area, x, 0, words, Ink::Quiet) + 2;
            }
        }
    }
}

/// The columns of the streams with their numbers; those that are hidden between brackets.
fn columns_of(pen: &mut Pen<'_>, area: Rect, app: &App) {
    let mut x = 1 + pen.text(area, 1, 0, "columns:", Ink::Strong) + 1;
    for (nth, column) in COLUMNS.iter().enumerate() {
        let name = format!("{} {}", nth + 1, column.name);
        let (text, ink) =
            if app.hidden.contains(&nth) { (format!("({name})"), Ink::Quiet) } else { (name, Ink::Plain) };
        x += pen.text(area, x, 0, &text, ink) + 1;
    }
    pen.text(area, x, 0, "enter", Ink::Strong);
}

fn asked(pen: &mut Pen<'_>, area: Rect, question: &str, text: &str) {
    let end = 1 + pen.text(area, 1, 0, question, Ink::Strong);
    let end = end + pen.text(area, end, 0, text, Ink::Plain);
    pen.text(area, end, 0, "_", Ink::Strong);
}
