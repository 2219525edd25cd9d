//! What was going on, as strips above the files: the stretches of the run, each kind of fault, the agent's absence, each stall.

use std::fmt::Write;

use super::{plot::Scale, timeline::x};
use crate::{
    markup,
    report::{
        Report,
        spans::{Kind, Span},
    },
    text::units::seconds,
};

/// Rows of faults and stalls.
const MOST_ROWS: usize = 16;
/// Blocks drawn in a row.
const MOST_BLOCKS: usize = 300;
/// Height of a row.
const ROW: f64 = 22.0;

/// Elements, and their height.
pub(super) fn draw(report: &Report, scale: &Scale) -> (String, f64) {
    let mut rows: Vec<(Kind, &str, Vec<&Span>)> = Vec::new();
    for span in &report.spans.0 {
        // One row for the phases, one for the agent, one for each name of a fault or stream.
        let name = match span.kind {
            Kind::Phase => "phase",
            Kind::Down => "agent",
            Kind::Fault | Kind::Stall => &span.name,
        };
        match rows.iter_mut().find(|(kind, known, _)| *kind == span.kind && *known == name) {
            Some((_, _, row)) => row.push(span),
            None => rows.push((span.kind, name, vec![span])),
        }
    }
    let left_out = rows.len().saturating_sub(MOST_ROWS);
    rows.truncate(MOST_ROWS);
    let mut out = String::new();
    for (nth, (kind, name, spans)) in rows.iter().enumerate() {
        let top = nth as f64 * ROW;
        let label = match kind {
            Kind::Stall => format!("stall {name}"),
            Kind::Phase | Kind::Down | Kind::Fault => (*name).to_owned(),
        };
        out.push_str(&super::timeline::label(&label, top + 14.0));
        out.extend(spans.iter().take(MOST_BLOCKS).map(|span| block(span, scale, top)));
    }
    let mut height = rows.len() as f64 * ROW;
    if left_out > 0 {
        let _ =
            write!(out, "<text class=\"label\" x=\"0\" y=\"{:.0}\">and {left_out} more kinds</text>", height + 14.0);
        height += ROW;
    }
    (out, height)
}

fn block(span: &Span, scale: &Scale, top: f64) -> String {
    let (from, until) = (x(scale, span.from_us), x(scale, span.until_us));
    let width = (until - from).max(2.0);
    let open = if span.ended || span.kind == Kind::Phase { "" } else { ", not over at the end" };
    let detail = if span.detail.is_empty() { String::new() } else { format!(": {}", span.detail) };
    let (begin, end) = (seconds(span.from_us as f64 / 1e6), seconds(span.until_us as f64 / 1e6));
    let says = markup::text(&format!("{} {}, {begin} to {end}{open}{detail}", span.kind.word(), span.name));
    let mut out = format!(
        "<g><title>{says}</title><rect class=\"strip {}\" x=\"{from:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"15\"/>",
        span.kind.word(),
        top + 3.0
    );
    if width > 7.0 * span.name.chars().count() as f64 + 8.0 && span.kind == Kind::Phase {
        let _ = write!(
            out,
            "<text class=\"inode\" x=\"{:.1}\" y=\"{:.1}\">{}</text>",
            from + 4.0,
            top + 14.5,
            markup::text(&span.name)
        );
    }
    out.push_str("</g>");
    out
}
