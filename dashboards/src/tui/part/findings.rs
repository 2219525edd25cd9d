//! Findings, the latest first: a word, when, a sentence; and the evidence of the chosen one.

use ratatui::layout::Rect;

use super::axis::clock;
use crate::{
    text::table::wrap,
    tui::{
        board::{Board, Finding, Kind},
        look::{Ink, Look},
        pen::{Pen, cut, row, rows},
    },
};

/// Columns of the word at most: it may come from outside.
const WORD: u16 = 14;

/// Draws as many as there is room for, the evidence of each under it where `evidence` is set; `chosen` counts from the
/// latest.
pub(crate) fn list(pen: &mut Pen<'_>, area: Rect, board: &Board, chosen: Option<usize>, evidence: bool) {
    let all = board.findings.all();
    if all.is_empty() {
        pen.text(area, 1, 0, "nothing so far", Ink::Quiet);
        return;
    }
    let from = chosen.unwrap_or(0).min(all.len() - 1).saturating_sub(usize::from(area.height) / 2);
    let mut y = 0;
    for (at, finding) in all.iter().rev().enumerate().skip(from) {
        if y >= area.height {
            return;
        }
        one(pen, row(area, y), finding);
        if chosen == Some(at) {
            pen.choose(area, y);
        }
        y += 1;
        if evidence {
            y += words(pen, rows(area, y, area.height - y), finding, 10);
        }
    }
}

/// The finding that is chosen, counted from the latest.
pub(crate) fn chosen(board: &Board, chosen: usize) -> Option<(usize, &Finding)> {
    let all = board.findings.all();
    let at = chosen.min(all.len().checked_sub(1)?);
    Some((at, &all[all.len() - 1 - at]))
}

/// The evidence of a finding, wrapped; the rows used.
pub(crate) fn words(pen: &mut Pen<'_>, area: Rect, finding: &Finding, indent: u16) -> u16 {
    let room = usize::from(area.width.saturating_sub(indent + 1)).max(10);
    let mut y = 0;
    for line in finding.evidence.iter().flat_map(|line| wrap(line, room)) {
        if y >= area.height {
            break;
        }
        pen.text(area, indent, y, &line, Ink::Quiet);
        y += 1;
    }
    y
}

fn one(pen: &mut Pen<'_>, area: Rect, finding: &Finding) {
    let (sign, ink) = sign(finding.kind, pen.look);
    let mut x = 1 + pen.text(area, 1, 0, sign, ink).max(2);
    x += pen.text(cut(area, x, WORD), 0, 0, &format!("{:<9}", finding.word), ink) + 1;
    x += pen.text(area, x, 0, &format!("{:>5}", clock(finding.t_us)), Ink::Quiet) + 2;
    pen.text(area, x, 0, &finding.text, Ink::Plain);
}

fn sign(kind: Kind, look: Look) -> (&'static str, Ink) {
    match kind {
        Kind::Broken => (look.bad(), Ink::Bad),
        Kind::Doubt => ("?", Ink::Doubtful),
        Kind::Note => ("-", Ink::Plain),
    }
}
