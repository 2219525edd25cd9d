//! Events and an outcome that the tests of several screens are fed with.

use results::{
    event::{Event, Fault, FaultState, RotationStep, Sample, StepKind, What},
    identity::StreamId,
    outcome::{BookTotals, Cause, Latency, Outcome, Proofs, Rates, Resources, SCHEMA, StallReport, Verdict},
};

pub(crate) fn at(t_us: u64, what: What) -> Event {
    Event { t_us, what }
}

pub(crate) fn sample(second: u64) -> What {
    What::Sample(Sample {
        sent: 24_000 * second,
        written: 24_000 * second,
        written_bytes: 8_000_000 * second,
        delivered: 23_900 * second,
        backlog_bytes: 410_000,
        p99_us: 210_400,
        ..Sample::default()
    })
}

pub(crate) fn fault(id: u32, state: FaultState) -> What {
    What::Fault(Fault { id, name: "refuse".into(), on: String::new(), state, hits: 0, detail: "status 503".into() })
}

pub(crate) fn reopened(rotation: u32) -> What {
    What::RotationStep(RotationStep {
        stream: StreamId(0),
        rotation,
        step: StepKind::Reopen,
        path: "pods/a/0.log".into(),
        to: None,
        file: None,
        held: None,
        error: None,
    })
}

/// A run that passed.
pub(crate) fn outcome() -> Outcome {
    Outcome {
        schema: SCHEMA,
        scenario: "tail-stall".into(),
        agent: "builtin".into(),
        defect: None,
        seed: 17,
        verdict: Verdict::Pass,
        exit: 0,
        broken_off: false,
        books: BookTotals {
            sent: 7_680_000,
            written: 7_680_000,
            expected: 7_680_000,
            delivered: 7_680_000,
            duplicated: 512,
            duplicated_allowed: 512,
            ..BookTotals::default()
        },
        routes: Vec::new(),
        source_losses: Vec::new(),
        processes: Vec::new(),
        stalls: Vec::new(),
        causes: Vec::new(),
        proofs: Proofs { rotations: 412, archives: 390, inodes_reused: 205, inodes_steered: 12, ..Proofs::default() },
        latency_ms: Latency { p50: 2.1, p90: 8.25, p99: 210.4, p999: 998.0, max: 1250.0 },
        rates: Rates { sent_per_s: 40_012.0, delivered_per_s: 39_950.0, sent_bytes_per_s: 12_400_000.0 },
        resources: Resources {
            agent_cpu_s: 92.3,
            agent_rss_max_bytes: 71_000_000,
            bench_cpu_s: 61.5,
            bench_rss_max_bytes: 48_200_000,
        },
        findings: Vec::new(),
        unknown_because: Vec::new(),
        repeat: "tailproof run tail-stall --seed 17".into(),
        run: "results/runs/20261121T101500Z-tail-stall-builtin".into(),
    }
}

/// A run that lost records of one stream.
pub(crate) fn failed_outcome() -> Outcome {
    let mut failed = Outcome {
        verdict: Verdict::Fail,
        exit: 1,
        stalls: vec![StallReport {
            stream: "app-03".into(),
            from_s: 14.2,
            until_s: None,
            after: "rotation 6: rename 0.log to 0.log.20261121-101514".into(),
            undelivered: 2906,
        }],
        causes: vec![Cause {
            verdict: "lost".into(),
            stream: "app-03".into(),
            count: 2906,
            cause: "inode-reuse".into(),
            evidence:
                "generation 6 (pods/app-03/0.log, inode 131) was never opened; inode 131 was generation 4 until it \
                       was archived and unlinked at 14.1 s"
                    .into(),
        }],
        findings: vec!["stream app-03 delivered nothing after generation 5".into()],
        ..outcome()
    };
    failed.books.delivered -= 2906;
    failed.books.lost = 2906;
    failed.books.duplicated = 3;
    failed.books.duplicated_allowed = 0;
    failed
}
