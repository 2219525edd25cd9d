//! What every written report shows of a run, gathered once: a function of the stored run, its books and the files beside them.
//!
//! ```text
//!  run.json ─┐                       ┌─▸ html      one page
//!  events  ──┼─▸ Report::new ─▸ ─────┼─▸ markdown  for a pull request
//!  books   ──┘   lanes, spans,       ├─▸ junit     one case per book and rule
//!                generations,        └─▸ svg       pictures
//!                findings
//! ```
//! Whatever the length of the run, its size is bounded: series are sampled to columns, lists are capped and say so.

pub mod evidence;
#[cfg(test)]
pub(crate) mod examples;
pub mod exercised;
pub mod lanes;
pub mod sampling;
pub mod spans;
pub mod timeline;

use results::{
    books::Books,
    contract::Contract,
    event::{Event, What},
    outcome::Outcome,
    run::{Manifest, RunError, StoredRun},
};

use self::{evidence::Finding, lanes::Lane, spans::Span, timeline::Generation};
use crate::{
    display::display,
    redact::Secret,
    since::Since,
    text::{live, summary::Limits},
};

/// Happenings listed; further ones are only counted.
const MOST_NEWS: usize = 500;

/// Files of the run folder that are shown as they are; absent ones are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Beside {
    /// The configuration that the agent ran with.
    pub agent_conf: Option<String>,
    /// The end of what the agent said.
    pub agent_log: Option<String>,
    /// What a look into the living agent found.
    pub autopsy: Option<String>,
}

/// Everything that is shown of a run.
#[derive(Debug, Clone)]
pub struct Report {
    /// Its manifest.
    pub manifest: Manifest,
    /// What was concluded.
    pub outcome: Outcome,
    /// What the agent was held to.
    pub contract: Contract,
    /// The same as limits of the books.
    pub limits: Limits,
    /// What the scenario asks; empty where the manifest does not tell.
    pub question: String,
    /// Names of the streams; index = stream.
    pub names: Vec<String>,
    /// The charts.
    pub lanes: Vec<Lane>,
    /// What was going on when, and how many stretches were left out.
    pub spans: (Vec<Span>, usize),
    /// Every file of every stream.
    pub generations: Vec<Generation>,
    /// When a writer was brought to a new file: time and stream.
    pub rotations: Vec<(u64, u16)>,
    /// What happened, in words, oldest first, and how many happenings were left out.
    pub news: (Vec<(u64, String)>, usize),
    /// Findings with their evidence, and how many there are.
    pub findings: Vec<Finding>,
    /// How many findings there are in all.
    pub findings_in_all: usize,
    /// What the run never reached.
    pub not_exercised: Vec<String>,
    /// Whether the books could be read.
    pub has_books: bool,
    /// Time of the last event, microseconds since the start of the run.
    pub end_us: u64,
    /// Events of the run.
    pub events: usize,
    /// Number of the last line of the timeline if a kill left it torn.
    pub torn_line: Option<u64>,
    /// Files that are shown as they are.
    pub beside: Beside,
    /// What changed from the run before, if anybody looked and there is news.
    pub since: Option<Since>,
    /// What was taken out of the run beforehand; reports say so.
    pub left_out: Vec<Secret>,
}

impl Report {
    /// Gathers what is known of a run. Without books, losses are told without their generations.
    pub fn new(run: &StoredRun, books: Option<&Books>, beside: Beside) -> Result<Self, RunError> {
        let (contract, outcome) = (run.contract()?, run.outcome()?);
        let events = &run.events;
        let names = events.iter().find_map(|event| match &event.what {
            What::Begun(names) => Some(names.clone()),
            _ => None,
        });
        let names = names.or_else(|| Some(books?.names().to_vec())).unwrap_or_default();
        let end_us = events.iter().map(|event| event.t_us).max().unwrap_or(0);
        let question = run.manifest.settled.get("question").and_then(serde_json::Value::as_str);
        let mut report = Self {
            limits: Limits::from(&contract),
            question: question.unwrap_or_default().to_owned(),
            lanes: lanes::lanes(events),
            spans: spans::spans(events, &names, end_us),
            generations: timeline::generations(events, books),
            rotations: rotations(events),
            news: news(events, &names),
            findings: Vec::new(),
            findings_in_all: 0,
            not_exercised: Vec::new(),
            has_books: books.is_some(),
            end_us,
            events: events.len(),
            torn_line: run.torn_line,
            manifest: Manifest { outcome: None, ..run.manifest.clone() },
            outcome,
            contract,
            names,
            beside,
            since: None,
            left_out: Vec::new(),
        };
        (report.findings, report.findings_in_all) = evidence::findings(&report, events);
        report.not_exercised = exercised::not_exercised(&report, events);
        Ok(report)
    }

    /// The name of a stream, or its number where nobody tells; not yet escaped.
    pub fn name(&self, stream: u16) -> String {
        self.names.get(usize::from(stream)).cloned().unwrap_or_else(|| format!("stream {stream}"))
    }

    /// The stream of that name.
    pub fn stream(&self, name: &str) -> Option<u16> {
        self.names.iter().position(|known| known == name).map(|at| at as u16)
    }

    /// `paths, hosts`, if anything was taken out.
    pub(crate) fn left_out(&self) -> Option<String> {
        let words: Vec<&str> = self.left_out.iter().map(|secret| secret.word()).collect();
        (!words.is_empty()).then(|| words.join(", "))
    }

    /// The page's title, one plain line.
    pub fn title(&self) -> String {
        let word = crate::text::summary::word(self.outcome.verdict);
        format!("{word} {} / {}", display(&self.outcome.scenario), display(&self.outcome.agent))
    }
}

fn rotations(events: &[Event]) -> Vec<(u64, u16)> {
    // The first file of a stream is no rotation.
    let later = events.iter().filter_map(|event| match &event.what {
        What::GenerationOpened(opened) if opened.generation > 0 => Some((event.t_us, opened.stream.0)),
        _ => None,
    });
    later.collect()
}

fn news(events: &[Event], names: &[String]) -> (Vec<(u64, String)>, usize) {
    let mut all = events.iter().filter_map(|event| Some((event.t_us, live::news(event, names)?)));
    let told = all.by_ref().take(MOST_NEWS).collect();
    (told, all.count())
}
