//! Runs that the tests of the gate are fed with.

use std::collections::BTreeMap;

use serde_json::json;

use super::{Book, Facts, Machine, Metric, digest};
use crate::outcome::Verdict;

/// A run that passed, the `nth` of a session: old ones even, new ones odd.
pub(super) fn run(nth: usize) -> Facts {
    // Some noise that is not chance: ± 1 %.
    let noise = 1.0 + 0.01 * ((nth * 7 % 11) as f64 / 5.0 - 1.0);
    let settled = json!({"name": "steady", "question": "?", "measure": 8_000_000, "pace": "steady"});
    Facts {
        run: format!("results/runs/{nth:03}-steady-builtin"),
        started: format!("20261121T10{:02}{:02}Z", nth / 60, nth % 60),
        scenario: "steady".into(),
        scenario_hash: digest(&settled),
        settled,
        agent: "builtin".into(),
        agent_version: "0.1.0".into(),
        defect: None,
        machine: Machine {
            cpu: "AMD EPYC".into(),
            cores: 2,
            kernel: "6.18.3".into(),
            file_system: "ext4".into(),
            build: "release".into(),
            bench: "0.1.0".into(),
        },
        verdict: Verdict::Pass,
        because: String::new(),
        broken_off: false,
        books: Book::ALL.iter().map(|book| (*book, 0)).collect(),
        figures: BTreeMap::from([
            (Metric::AgentCpuUsPerRecord, 20.0 * noise),
            (Metric::LatencyP50Ms, 58.0 * noise),
            (Metric::LatencyP99Ms, 110.0 * noise),
            (Metric::AgentRssMaxMb, 10.7 * noise),
            (Metric::BenchSharePercent, 73.0 * noise),
        ]),
        findings: BTreeMap::new(),
        repeat: "tailproof run steady --seed 1".into(),
    }
}

/// So many old runs, performed in turn with [`new`].
pub(super) fn old(runs: usize) -> Vec<Facts> {
    (0..runs).map(|nth| run(2 * nth)).collect()
}

/// So many new runs.
pub(super) fn new(runs: usize) -> Vec<Facts> {
    (0..runs).map(|nth| run(2 * nth + 1)).collect()
}

/// The same runs, each metric's figures times `by`.
pub(super) fn scaled(mut runs: Vec<Facts>, metric: Metric, by: f64) -> Vec<Facts> {
    for run in &mut runs {
        *run.figures.get_mut(&metric).unwrap() *= by;
    }
    runs
}

/// A run that lost so many records.
pub(super) fn lossy(mut run: Facts, lost: u64) -> Facts {
    run.books.insert(Book::Lost, lost);
    run.verdict = Verdict::Fail;
    run.because = format!("{lost} of 10000000 records were lost: web-00 {lost}");
    run.findings.insert("lost: inode-reuse".into(), "generation 3 was given inode 17".into());
    run
}
