//! A baseline: what a scenario is held to, as a small text that diffs well.
//!
//! ```toml
//! schema = 1
//! scenario = "steady"
//! scenario_hash = "5bd1e995"
//! agent = "builtin"
//! agent_version = "0.1.0"
//! verdict = "pass"
//! repeat = "tailproof run steady --seed 1"
//!
//! [written]                       # by whom, when, at which commit
//! [machine]                       # where
//! [books]                         # the most that is admitted: lost = 0, …
//!
//! [metric.agent_cpu_us_per_record]
//! values = [3.9253, 3.9099, 3.8449, 3.8011, 3.7947]      # one a replicate, in the order of the runs
//!
//! [metric.agent_cpu_us_per_record.rule]                  # without a rule it is shown and not judged
//! percent = 5.0
//! absolute = 0.1
//! noise_percent = 1.0
//! ```

mod file;
#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, io, path::PathBuf};

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{Book, Facts, Machine, Metric, Rule};
use crate::outcome::Verdict;

pub use file::{load, store};

/// Version of the file.
pub const SCHEMA: u32 = 1;

/// Who wrote a baseline, when, and from what.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Written {
    /// Name and address, as git has them; empty if it has none.
    #[serde(default)]
    pub by: String,
    /// When, UTC.
    #[serde(default)]
    pub at: String,
    /// The commit of the tree it was written in; empty outside one.
    #[serde(default)]
    pub commit: String,
}

/// What one metric is held to.
#[derive(Debug, Clone, PartialEq)]
pub struct Held {
    /// The rule; `None`: only shown.
    pub rule: Option<Rule>,
    /// One value a replicate.
    pub values: Vec<f64>,
}

/// What a scenario and an agent are held to.
#[derive(Debug, Clone, PartialEq)]
pub struct Baseline {
    /// Name of the scenario.
    pub scenario: String,
    /// Digest of the scenario as it was performed.
    pub scenario_hash: String,
    /// Name of the agent.
    pub agent: String,
    /// Its version.
    pub agent_version: String,
    /// The worst verdict of its runs: pass or fail.
    pub verdict: Verdict,
    /// The command that repeats its first run.
    pub repeat: String,
    /// Who wrote it.
    pub written: Written,
    /// Where it was measured.
    pub machine: Machine,
    /// The most that is admitted in each book that the contract binds.
    pub books: BTreeMap<Book, u64>,
    /// The metrics.
    pub metrics: BTreeMap<Metric, Held>,
}

/// Why a baseline cannot be used or written.
#[derive(Debug, Error)]
pub enum BaselineError {
    /// There is none.
    #[error("read {path}: there is no such baseline; write one with `tailproof gate RUN… --update --baseline {path}`")]
    Absent {
        /// The file.
        path: PathBuf,
    },
    /// It could not be read.
    #[error("read {path}: {source}; name a baseline file with --baseline")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It could not be written.
    #[error("write {path}: {source}; name another place with --baseline")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not what a baseline looks like.
    #[error("read {path}, line {line}: {why}; correct the line, or write the file anew with --update")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
        /// What is wrong, and what is expected.
        why: String,
    },
    /// A newer tailproof wrote it.
    #[error("read {path}: a baseline of version {version}, this program knows up to {SCHEMA}; use a newer tailproof")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// The runs make no baseline.
    #[error("{0}")]
    Unfit(String),
}

impl Baseline {
    /// From runs of one scenario and agent, with the usual rules, or with those of the baseline that it replaces.
    /// `accept_broken` admits what the runs lost, doubled, …: without it only runs that pass make a baseline.
    pub fn of(
        runs: &[Facts],
        before: Option<&Self>,
        written: Written,
        accept_broken: bool,
    ) -> Result<Self, BaselineError> {
        let unfit = |why: String| Err(BaselineError::Unfit(why));
        let Some(first) = runs.first() else {
            return unfit("there are no runs to make a baseline from; name some".to_owned());
        };
        for run in runs {
            if run.verdict == Verdict::Unknown || run.broken_off {
                return unfit(format!("{} proves nothing ({}); leave it out, or repeat it", run.run, run.because));
            }
            if let Some(defect) = &run.defect {
                return unfit(format!("the defect {defect} was planted in {}; leave it out", run.run));
            }
            if run.verdict == Verdict::Fail && !accept_broken {
                let why = &run.because;
                return unfit(format!("{} failed ({why}); mend it, or admit it with --accept-broken", run.run));
            }
            if let Some(why) = super::same::differences(first, run).first() {
                return unfit(format!("{} is not of a kind with {}: {why}; leave one out", run.run, first.run));
            }
        }
        Ok(Self::from_runs(runs, before, written))
    }

    /// From any runs, as they are; of none, one that admits nothing.
    pub(super) fn from_runs(runs: &[Facts], before: Option<&Self>, written: Written) -> Self {
        let first = runs.first();
        let text = |of: fn(&Facts) -> &String| first.map(of).cloned().unwrap_or_default();
        let worst = |book: &Book| runs.iter().filter_map(|run| run.books.get(book)).copied().max();
        Self {
            scenario: text(|run| &run.scenario),
            scenario_hash: text(|run| &run.scenario_hash),
            agent: text(|run| &run.agent),
            agent_version: text(|run| &run.agent_version),
            verdict: runs.iter().map(|run| run.verdict).max().unwrap_or(Verdict::Unknown),
            // Where its runs were kept is of no interest elsewhere; it is the last flag.
            repeat: text(|run| &run.repeat).split(" --out ").next().unwrap_or_default().to_owned(),
            written,
            machine: first.map(|run| run.machine.clone()).unwrap_or_default(),
            books: Book::ALL.iter().filter_map(|book| Some((*book, worst(book)?))).collect(),
            metrics: metrics(runs, before),
        }
    }

    /// Metrics that a rule holds.
    pub fn ruled(&self) -> usize {
        self.metrics.values().filter(|held| held.rule.is_some()).count()
    }
}

/// The name of a baseline's file; whatever the names hold, it is one harmless path component.
pub fn file_name(scenario: &str, agent: &str) -> String {
    let plain = |name: &str| -> String {
        name.chars().map(|c| if c.is_ascii_alphanumeric() || "_-".contains(c) { c } else { '-' }).take(80).collect()
    };
    format!("{}-{}.toml", plain(scenario), plain(agent))
}

/// Metrics that every run has a figure for.
fn metrics(runs: &[Facts], before: Option<&Baseline>) -> BTreeMap<Metric, Held> {
    if runs.is_empty() {
        return BTreeMap::new();
    }
    let held = |metric: Metric| {
        let values: Vec<f64> = runs.iter().map(|run| run.figures.get(&metric).copied()).collect::<Option<_>>()?;
        let rule = match before.and_then(|before| before.metrics.get(&metric)) {
            Some(held) => held.rule,
            None => metric.usual_rule(),
        };
        Some((metric, Held { rule, values }))
    };
    Metric::ALL.into_iter().filter_map(held).collect()
}
