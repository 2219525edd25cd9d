//! Several runs in one table of a terminal: a row for each count and figure, a column for each run.

use std::fmt::Write;

use super::{
    Style, Tone,
    summary::{answer, word},
    table::{self, Lean},
    units,
};
use crate::{display::display, report::Report};

/// The runs side by side, each with its sentence and the command that repeats it.
pub fn render(reports: &[Report], style: Style) -> String {
    let mut out = String::new();
    let mut rows =
        vec![vec!["run", "verdict", "lost", "stalled", "dup", "other", "written", "delivered", "p99", "CPU"]];
    let cells: Vec<Vec<String>> = reports.iter().enumerate().map(|(nth, report)| row(report, nth)).collect();
    rows.extend(cells.iter().map(|row| row.iter().map(String::as_str).collect()));
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.into_iter().map(str::to_owned).collect()).collect();
    let lean: Vec<Lean> = (0..10).map(|column| if column < 2 { Lean::Left } else { Lean::Right }).collect();
    for (nth, line) in table::columns(&rows, &lean).iter().enumerate() {
        let line = if nth == 0 { style.paint(Tone::Quiet, line) } else { line.clone() };
        let _ = writeln!(out, "{line}");
    }
    for (nth, report) in reports.iter().enumerate() {
        let outcome = &report.outcome;
        let planted = outcome.defect.as_ref().map_or(String::new(), |id| format!(", DEFECT PLANTED {}", display(id)));
        let _ = writeln!(
            out,
            "\n{}  {} / {}, seed {}{planted}",
            nth + 1,
            display(&outcome.scenario),
            display(&outcome.agent),
            outcome.seed
        );
        let sentence = format!("{}: {}", word(outcome.verdict), answer::answer(outcome, &report.limits));
        for line in table::wrap(&sentence, style.width.clamp(60, 200) - 3) {
            let _ = writeln!(out, "   {line}");
        }
        let _ = writeln!(out, "   {}", crate::display::display_whole(&outcome.repeat));
    }
    out
}

fn row(report: &Report, nth: usize) -> Vec<String> {
    let outcome = &report.outcome;
    let books = &outcome.books;
    let other = [books.corrupted, books.misattributed, books.unexpected, books.reordered];
    let other = other.into_iter().fold(0, u64::saturating_add);
    vec![
        (nth + 1).to_string(),
        word(outcome.verdict).to_owned(),
        units::count(books.lost),
        units::count(outcome.stalled_streams() as u64),
        units::count(books.duplicated),
        units::count(other),
        units::rate(outcome.rates.sent_per_s),
        units::rate(outcome.rates.delivered_per_s),
        units::millis(outcome.latency_ms.p99),
        units::seconds(outcome.resources.agent_cpu_s),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        report::examples::{failed, report},
        text::examples::outcome,
    };

    #[test]
    fn runs_stand_side_by_side_with_the_worst_word_for_each() {
        let mut bad = failed();
        bad.defect = Some("x\u{1b}y".into());
        insta::assert_snapshot!(render(&[report(outcome(), Vec::new()), report(bad, Vec::new())], Style::PLAIN));
    }
}
