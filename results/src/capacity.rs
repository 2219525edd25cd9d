//! What a capacity search found: the document that `capacity.json` holds, `--json` prints and charts are drawn from.
//!
//! ```text
//! Capacity ── searches: with rotation, without ── trials: one row each (offered → held? latency, CPU, backlog)
//!                                              └─ answer: sustained │ not found up to │ unstable │ nothing
//! ```

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::run::RunError;

/// Version of the document.
pub const SCHEMA: u32 = 1;

/// One capacity search, complete or broken off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Capacity {
    /// Version of this document, [`SCHEMA`].
    pub schema: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the agent.
    pub agent: String,
    /// The planted defect, if any.
    pub defect: Option<String>,
    /// The seed of the first trial.
    pub seed: u64,
    /// Length of a full trial's measure stretch, seconds.
    pub length_s: f64,
    /// Delivery latency that 99 of 100 records must stay within, milliseconds; `None`: no limit.
    pub latency_p99_limit_ms: Option<f64>,
    /// Processor cores of the machine; agent and bench share them.
    pub cores: usize,
    /// True if it was interrupted before every search had its answer.
    pub broken_off: bool,
    /// The searches, in the order in which they were made.
    pub searches: Vec<Search>,
    /// What was left out of the scenario, and what a reader should know; one sentence each.
    pub notes: Vec<String>,
    /// The command that repeats the search.
    pub repeat: String,
    /// The folder with `capacity.json` and the runs of all trials.
    pub folder: String,
}

/// The search for one maximum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Search {
    /// Whether files were rotated, links swapped, files removed as the scenario has it.
    pub rotation: bool,
    /// Every trial, in order.
    pub trials: Vec<Trial>,
    /// What came of it.
    pub answer: Answer,
    /// Where latency begins to climb, records a second; `None`: it does not, or too few trials held.
    pub knee_per_s: Option<f64>,
    /// Contradictions that were seen, one sentence each.
    pub contradictions: Vec<String>,
}

/// What a search found. Rates are records a second over all streams.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// The highest rate that held.
    Sustained {
        /// The rate.
        per_s: f64,
        /// The lowest rate above it that did not hold.
        fails_per_s: f64,
        /// What broke first there.
        fails_because: String,
        /// The estimates of the last rounds at the edge, which agree.
        estimates: Vec<f64>,
    },
    /// Everything held as far as could be asked: the limit lies beyond.
    NotFound {
        /// The highest rate that held.
        up_to_per_s: f64,
        /// What kept the search from asking for more.
        because: String,
    },
    /// The rounds at the edge do not agree.
    Unstable {
        /// The lowest of the last estimates.
        low_per_s: f64,
        /// The highest of them.
        high_per_s: f64,
        /// All estimates, in order.
        estimates: Vec<f64>,
    },
    /// Not even the lowest rate held.
    Nothing {
        /// The lowest rate that was tried.
        at_per_s: f64,
        /// Why it did not hold.
        because: String,
    },
    /// Trials that prove nothing: no answer.
    Unproven {
        /// Why.
        because: String,
    },
    /// It was interrupted.
    BrokenOff {
        /// The highest rate that had held.
        held_per_s: Option<f64>,
        /// The lowest that had not.
        failed_per_s: Option<f64>,
    },
}

/// Whether a trial held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Saw {
    /// Books clean, no stall, no growing backlog, latency within its limit, the bench on schedule.
    Held,
    /// The agent did not keep up, or broke a promise.
    Broke,
    /// The bench could not offer the rate; it says nothing about the agent.
    Bench,
    /// The trial proves nothing for another reason.
    Unclear,
}

/// One trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// Records a second that were to be written.
    pub offered_per_s: f64,
    /// That were.
    pub written_per_s: f64,
    /// That arrived.
    pub delivered_per_s: f64,
    /// Length of the measure stretch, seconds.
    pub length_s: f64,
    /// Whether it held.
    pub saw: Saw,
    /// Why it did not; empty if it held.
    pub because: String,
    /// Delivery latency from the time a record was due, milliseconds: median.
    pub p50_ms: f64,
    /// 99th percentile.
    pub p99_ms: f64,
    /// Largest.
    pub max_ms: f64,
    /// How fast the backlog grew over the measure stretch, records a second.
    pub backlog_per_s: f64,
    /// By how much that may be off, records a second (two standard errors).
    pub backlog_error_per_s: f64,
    /// Records written and not delivered at the end of the measure stretch.
    pub backlog_end: u64,
    /// Processor cores that the agent used.
    pub agent_cores: f64,
    /// That the bench used.
    pub bench_cores: f64,
    /// How late the bench was at most, milliseconds.
    pub bench_late_ms: f64,
    /// Rotations completed.
    pub rotations: u64,
    /// Records lost.
    pub lost: u64,
    /// The run's folder.
    pub run: String,
}

/// The name of the document in its folder.
pub const FILE: &str = "capacity.json";

impl Capacity {
    /// Writes the document into its folder, in one step: a kill at any moment leaves the one before or this one.
    ///
    /// # Panics
    /// Never: documents can always be written as JSON.
    pub fn store(&self) -> Result<PathBuf, RunError> {
        let path = Path::new(&self.folder).join(FILE);
        let beside = path.with_extension("json.tmp");
        let text = serde_json::to_vec_pretty(self).expect("documents have string keys only");
        let stored = std::fs::write(&beside, text).and_then(|()| std::fs::rename(&beside, &path));
        stored.map_err(|source| RunError::Write { path: path.clone(), source })?;
        Ok(path)
    }

    /// Exit code of the command: 130 broken off, 1 if some search found nothing that holds, 3 if some has no answer, else 0.
    pub fn exit(&self) -> u8 {
        let any = |hit: fn(&Answer) -> bool| self.searches.iter().any(|search| hit(&search.answer));
        if self.broken_off {
            130
        } else if any(|answer| matches!(answer, Answer::Nothing { .. })) {
            1
        } else if self.searches.is_empty()
            || any(|answer| matches!(answer, Answer::Unstable { .. } | Answer::Unproven { .. }))
        {
            3
        } else {
            0
        }
    }
}

impl Search {
    /// The rate that can be relied on: four fifths of the maximum. `None` without a maximum.
    pub fn safe_per_s(&self) -> Option<f64> {
        match self.answer {
            Answer::Sustained { per_s, .. } => Some(per_s * 0.8),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(answers: Vec<Answer>, broken_off: bool) -> Capacity {
        let search = |answer| Search {
            rotation: true,
            trials: Vec::new(),
            answer,
            knee_per_s: None,
            contradictions: Vec::new(),
        };
        Capacity {
            schema: SCHEMA,
            scenario: "steady".into(),
            agent: "builtin".into(),
            defect: None,
            seed: 1,
            length_s: 10.0,
            latency_p99_limit_ms: None,
            cores: 2,
            broken_off,
            searches: answers.into_iter().map(search).collect(),
            notes: Vec::new(),
            repeat: String::new(),
            folder: String::new(),
        }
    }

    #[test]
    fn the_exit_code_says_whether_there_is_an_answer() {
        let sustained =
            || Answer::Sustained { per_s: 10.0, fails_per_s: 11.0, fails_because: "x".into(), estimates: vec![] };
        let beyond = || Answer::NotFound { up_to_per_s: 10.0, because: "bench limit".into() };
        let unstable = || Answer::Unstable { low_per_s: 1.0, high_per_s: 2.0, estimates: vec![] };
        let nothing = || Answer::Nothing { at_per_s: 1.0, because: "x".into() };
        assert_eq!(with(vec![sustained(), beyond()], false).exit(), 0);
        assert_eq!(with(vec![sustained(), unstable()], false).exit(), 3);
        assert_eq!(with(vec![unstable(), nothing()], false).exit(), 1);
        assert_eq!(with(vec![sustained()], true).exit(), 130);
        assert_eq!(with(vec![], false).exit(), 3, "no search, no answer");
    }

    #[test]
    fn the_document_survives_the_disk() {
        let document = with(vec![Answer::BrokenOff { held_per_s: Some(5.0), failed_per_s: None }], true);
        let text = serde_json::to_string(&document).unwrap();
        assert_eq!(serde_json::from_str::<Capacity>(&text).unwrap(), document);
    }
}
