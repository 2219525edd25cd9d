//! What a run concluded, as a person wants to read it: the answer first, the evidence under it, what to type next at the
//! end, and one fixed line for scripts.
//!
//! ```text
//!  FAIL  tail-stall: 2,906 of 7,680,000 records lost, 1 stream stalled
//!    books      value, limit and sign of every promise
//!    stalled    which stream, when, after what
//!    why        verdict, stream, cause, evidence
//!    …
//!    repeat     the command that does it again
//!  tailproof verdict=FAIL exit=1 scenario=tail-stall agent=builtin lost=2906 duplicated=0 stalled=1 run=…
//! ```

use results::{
    contract::{Contract, Delivery},
    outcome::{Outcome, Verdict},
};

use super::{
    Style, Tone,
    table::{self, Lean},
    units,
};
use crate::{
    display::{display, display_whole, display_word},
    since::Since,
};

pub(crate) mod answer;
mod sections;

/// Columns of a section's name.
const LABEL: usize = 11;

/// What the contract allows, where the outcome does not say it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// Lost records; `None`: any number.
    pub lost: Option<u64>,
    /// Reordered records; `None`: any number.
    pub reordered: Option<u64>,
    /// Copies of a record that may arrive whatever happens: none, or as many as turn out to have been in flight.
    pub copies: Option<u64>,
    /// Delivery latency of 99 in 100 records, milliseconds; `None`: any.
    pub p99_ms: Option<f64>,
}

impl Default for Limits {
    /// At least once, in any order.
    fn default() -> Self {
        Self { lost: Some(0), reordered: None, copies: None, p99_ms: None }
    }
}

impl From<&Contract> for Limits {
    fn from(contract: &Contract) -> Self {
        // The only route may have a word of its own.
        let only = contract.of_route(contract.routes.first().map_or("", |route| route.name.as_str()));
        let may_double = |delivery| delivery == Delivery::AtLeastOnce;
        let once = !may_double(contract.delivery) && !contract.routes.iter().any(|route| may_double(route.delivery));
        Self {
            lost: (only.delivery != Delivery::AtMostOnce).then_some(0),
            reordered: only.ordered.then_some(0),
            copies: once.then_some(0),
            p99_ms: contract.latency_p99_us.map(|us| us as f64 / 1e3),
        }
    }
}

/// The summary under the usual contract: at least once, in any order.
pub fn render(outcome: &Outcome, style: Style) -> String {
    render_with(outcome, &Limits::default(), style)
}

/// The summary, with the limits beside the values; ends with [`last_line`] and a newline.
pub fn render_with(outcome: &Outcome, limits: &Limits, style: Style) -> String {
    render_since(outcome, limits, None, style)
}

/// The same, with what changed from the run before.
pub fn render_since(outcome: &Outcome, limits: &Limits, since: Option<&Since>, style: Style) -> String {
    let style = Style { width: style.width.clamp(60, 200), ..style };
    let mut out = String::new();
    for line in head(outcome, limits, style) {
        push_line(&mut out, &line);
    }
    for (label, lines) in sections::all(outcome, limits, since, style) {
        for (nth, line) in lines.iter().enumerate() {
            let label = if nth == 0 { label } else { "" };
            push_line(&mut out, &format!("  {}{line}", style.paint(Tone::Quiet, &format!("{label:<LABEL$}"))));
        }
    }
    push_line(&mut out, &last_line(outcome));
    out
}

/// The fixed last line of every judged run: words of `key=value`, separated by one space.
pub fn last_line(outcome: &Outcome) -> String {
    format!(
        "tailproof verdict={} exit={} scenario={} agent={} lost={} duplicated={} stalled={} run={}",
        word(outcome.verdict),
        outcome.exit,
        display_word(&outcome.scenario),
        display_word(&outcome.agent),
        outcome.books.lost,
        outcome.books.duplicated,
        outcome.stalled_streams(),
        display_word(&outcome.run),
    )
}

fn head(outcome: &Outcome, limits: &Limits, style: Style) -> Vec<String> {
    let word = word(outcome.verdict);
    let text = format!("{}: {}", display(&outcome.scenario), answer::answer(outcome, limits));
    let room = " ".repeat(word.len() + 2);
    let tone = match outcome.verdict {
        Verdict::Pass => Tone::Good,
        Verdict::Fail => Tone::Bad,
        Verdict::Unknown => Tone::Doubtful,
    };
    let mut lines: Vec<String> = table::wrap(&text, style.width - room.len())
        .iter()
        .enumerate()
        .map(|(nth, line)| {
            let head = if nth == 0 { format!("{}  ", style.paint(tone, word)) } else { room.clone() };
            format!("{head}{}", style.paint(Tone::Strong, line))
        })
        .collect();
    lines.push(format!("{room}agent {}, seed {}", display(&outcome.agent), outcome.seed));
    if let Some(defect) = &outcome.defect {
        let loud = format!("DEFECT PLANTED: {}", display(defect));
        lines.push(format!("{room}{}", style.paint(Tone::Bad, &loud)));
        lines.push(format!("{room}This run shows what the bug does; it says nothing about the agent without it."));
    }
    lines
}

fn push_line(out: &mut String, line: &str) {
    out.push_str(line.trim_end());
    out.push('\n');
}

pub(crate) fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Unknown => "UNKNOWN",
    }
}

#[cfg(test)]
mod tests;
