//! What was found, as it is concluded: a sentence and its evidence, safe to show.

use results::{
    event::{AgentEvent, Event, FaultState, What},
    outcome::{Outcome, Verdict},
};

use crate::{
    display::display,
    state::State,
    text::{live, units},
};

/// Findings kept; further ones are counted.
const MOST: usize = 1000;
/// Lines of evidence kept for each.
const MOST_LINES: usize = 16;

/// What kind of finding it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A broken promise.
    Broken,
    /// Why the run proves nothing, or advice of the bench about itself.
    Doubt,
    /// Worth knowing.
    Note,
}

/// One finding; its texts have passed the door of [`display`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// When it was found, or happened where that is known; microseconds since the start of the run.
    pub t_us: u64,
    /// What kind it is.
    pub kind: Kind,
    /// In a word: `STALL`, `LOST`, `WARNING`, …
    pub word: String,
    /// In a sentence.
    pub text: String,
    /// Why, a line each.
    pub evidence: Vec<String>,
}

/// The findings of a run, oldest first.
#[derive(Debug, Clone, Default)]
pub struct Findings {
    all: Vec<Finding>,
    /// Further ones that were only counted.
    pub more: u64,
}

impl Findings {
    /// All that are kept, oldest first.
    pub fn all(&self) -> &[Finding] {
        &self.all
    }

    /// How many promises were broken so far.
    pub fn broken(&self) -> usize {
        self.all.iter().filter(|finding| finding.kind == Kind::Broken).count()
    }

    /// Takes in one event that `state` has taken in already; the times of what was found by it.
    pub(super) fn fold(&mut self, event: &Event, state: &State) -> Vec<u64> {
        let found = match &event.what {
            What::Judged(outcome) => judged(event.t_us, outcome),
            _ => happened(event, state).into_iter().collect(),
        };
        let times = found.iter().map(|finding| finding.t_us).collect();
        for finding in found {
            if self.all.len() < MOST {
                self.all.push(finding);
            } else {
                self.more += 1;
            }
        }
        times
    }
}

/// The lines of a text from outside.
fn lines(text: &str) -> Vec<String> {
    text.lines().take(MOST_LINES).map(|line| display(line).into_owned()).collect()
}

fn happened(event: &Event, state: &State) -> Option<Finding> {
    let (t_us, told) = (event.t_us, live::news(event, &state.names));
    let new = |kind, word: &str, text: String| {
        Some(Finding { t_us, kind, word: word.to_owned(), text, evidence: Vec::new() })
    };
    match &event.what {
        What::Stall(stall) if stall.until_us.is_none() => {
            let at = usize::from(stall.stream.0);
            let sample = state.streams.get(at).copied().unwrap_or_default();
            let name = state.names.get(at).map_or_else(|| format!("stream {at}"), |name| display(name).into_owned());
            let others = state.streams.len().saturating_sub(state.stalled.len());
            let text = format!("{name} has not moved since {}", units::clock(stall.from_us));
            let evidence = vec![
                format!("{} records of it are written, {} delivered", units::count(sample.0), units::count(sample.1)),
                format!(
                    "streams that stand still: {}; streams that do not: {others}, which deliver {} together",
                    state.stalled.len(),
                    units::rate(state.rates.delivered)
                ),
            ];
            Some(Finding { t_us: stall.from_us, kind: Kind::Broken, word: "STALL".into(), text, evidence })
        }
        What::Warning(warning) => {
            let mut text = lines(&warning.text);
            let evidence = text.split_off(text.len().min(1));
            let text = format!("{}: {}", display(&warning.name), text.concat());
            Some(Finding { t_us, kind: Kind::Doubt, word: "WARNING".into(), text, evidence })
        }
        What::Fault(fault) if fault.state == FaultState::NoEffect => new(Kind::Doubt, "NO EFFECT", told?),
        What::Agent(AgentEvent::Ended { asked: false, .. }) => new(Kind::Broken, "AGENT", told?),
        What::RotationStep(step) if step.error.is_some() => new(Kind::Doubt, "ROTATION", told?),
        _ => None,
    }
}

fn judged(t_us: u64, outcome: &Outcome) -> Vec<Finding> {
    let kind = match outcome.verdict {
        Verdict::Fail => Kind::Broken,
        Verdict::Unknown => Kind::Doubt,
        Verdict::Pass => Kind::Note,
    };
    let mut found = Vec::new();
    let said = outcome.findings.iter().map(|text| (kind, "FOUND", text));
    let doubts = outcome.unknown_because.iter().map(|text| (Kind::Doubt, "UNKNOWN", text));
    for (kind, word, text) in said.chain(doubts) {
        let mut text = lines(text);
        let evidence = text.split_off(text.len().min(1));
        found.push(Finding { t_us, kind, word: word.to_owned(), text: text.concat(), evidence });
    }
    // Causes last: the latest is shown first.
    for cause in &outcome.causes {
        let (stream, why) = (display(&cause.stream), display(&cause.cause));
        let text = format!("{stream}: {} {}, {why}", units::count(cause.count), display(&cause.verdict));
        let word = display(&cause.verdict).to_uppercase();
        found.push(Finding { t_us, kind, word, text, evidence: lines(&cause.evidence) });
    }
    found
}
