//! What the gate takes from a run: who, where, the books, the figures, the findings.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Book, Machine, Metric, books::forbidden};
use crate::{
    outcome::{Outcome, Verdict},
    run::{RunError, StoredRun},
};

/// One replicate.
#[derive(Debug, Clone, PartialEq)]
pub struct Facts {
    /// Its folder.
    pub run: String,
    /// When it began, `20261121T054809Z`; empty if its bench did not note it.
    pub started: String,
    /// Name of the scenario.
    pub scenario: String,
    /// Digest of the scenario as it was performed.
    pub scenario_hash: String,
    /// The scenario as it was performed.
    pub settled: Value,
    /// Name of the agent.
    pub agent: String,
    /// Its version; empty if it is not known.
    pub agent_version: String,
    /// The planted defect, if any.
    pub defect: Option<String>,
    /// The machine.
    pub machine: Machine,
    /// The verdict.
    pub verdict: Verdict,
    /// Why it is unknown, or the first finding of a failure.
    pub because: String,
    /// True if it did not come to its end.
    pub broken_off: bool,
    /// Forbidden counts, by the contract.
    pub books: BTreeMap<Book, u64>,
    /// Figures; what the scenario does not yield is absent.
    pub figures: BTreeMap<Metric, f64>,
    /// Kinds of findings, each with an example.
    pub findings: BTreeMap<String, String>,
    /// The command that repeats it.
    pub repeat: String,
}

impl Facts {
    /// From a stored run; one that was never judged is judged now, as broken off.
    pub fn of(run: &StoredRun) -> Result<Self, RunError> {
        let outcome = run.outcome()?;
        let manifest = &run.manifest;
        let first = match outcome.verdict {
            Verdict::Unknown => outcome.unknown_because.first(),
            Verdict::Fail | Verdict::Pass => outcome.findings.first(),
        };
        Ok(Self {
            run: run.path.display().to_string(),
            started: manifest.started.clone(),
            scenario: manifest.scenario.clone(),
            scenario_hash: digest(&manifest.settled),
            settled: manifest.settled.clone(),
            agent: manifest.agent.clone(),
            agent_version: version(&manifest.agent, &manifest.environment),
            defect: manifest.defect.clone(),
            machine: Machine::of(&manifest.environment),
            verdict: outcome.verdict,
            because: first.cloned().unwrap_or_default(),
            broken_off: outcome.broken_off,
            books: forbidden(&outcome, &run.contract()?),
            figures: figures(&outcome, all_out(&manifest.settled)),
            findings: findings(&outcome),
            repeat: manifest.repeat.clone(),
        })
    }
}

/// Digest of a settled scenario; its question is not part of what was performed.
pub fn digest(settled: &Value) -> String {
    let mut settled = settled.clone();
    if let Some(keys) = settled.as_object_mut() {
        keys.remove("question");
    }
    // Keys are sorted, so equal scenarios have equal texts.
    format!("{:08x}", crc32fast::hash(settled.to_string().as_bytes()))
}

/// The version of the agent; our own pipeline is as old as the bench.
fn version(agent: &str, environment: &Value) -> String {
    let text = |key: &str| environment.get(key).and_then(Value::as_str).map(str::to_owned);
    let own = || text("tailproof").filter(|_| agent == "builtin");
    text("agent_version").or_else(own).unwrap_or_default()
}

fn all_out(settled: &Value) -> bool {
    settled.get("pace").and_then(Value::as_str) == Some("all-out")
}

/// What can be read off this run. A paced load sets the rate, so the rate says nothing of the agent; an unpaced one
/// outruns it, so the latency says how long the run was.
fn figures(outcome: &Outcome, all_out: bool) -> BTreeMap<Metric, f64> {
    let (used, books) = (&outcome.resources, &outcome.books);
    let value = |metric: Metric| match metric {
        Metric::AgentCpuUsPerRecord => used.agent_cpu_s * 1e6 / books.delivered as f64,
        Metric::DeliveredPerS if all_out => outcome.rates.delivered_per_s,
        Metric::LatencyP50Ms if !all_out => outcome.latency_ms.p50,
        Metric::LatencyP99Ms if !all_out => outcome.latency_ms.p99,
        Metric::DeliveredPerS | Metric::LatencyP50Ms | Metric::LatencyP99Ms => 0.0,
        Metric::AgentRssMaxMb => used.agent_rss_max_bytes as f64 / 1e6,
        Metric::BenchSharePercent => 100.0 * used.bench_cpu_s / (used.bench_cpu_s + used.agent_cpu_s),
    };
    // A figure that was not measured is 0 or none at all.
    let measured = |metric: Metric| Some((metric, value(metric))).filter(|(_, v)| v.is_finite() && *v > 0.0);
    Metric::ALL.into_iter().filter_map(measured).collect()
}

/// `lost: inode-reuse`, … with the sentence of the first of its kind.
fn findings(outcome: &Outcome) -> BTreeMap<String, String> {
    let mut kinds = BTreeMap::new();
    for cause in &outcome.causes {
        kinds.entry(format!("{}: {}", cause.verdict, cause.cause)).or_insert_with(|| cause.evidence.clone());
    }
    for stall in &outcome.stalls {
        let example = || format!("{} from {:.1} s, after {}", stall.stream, stall.from_s, stall.after);
        kinds.entry("stalled".to_owned()).or_insert_with(example);
    }
    kinds
}
