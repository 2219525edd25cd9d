//! Gates that the tests of every form are fed with.

use results::{
    gate::{
        Against, Book, BookCheck, Decision, FindingChange, GateDocument, GateReport, Metric, Rule, SCHEMA, Seen,
        SpeedCheck, VerdictCheck, Written,
    },
    outcome::Verdict,
};

pub(super) fn book(book: Book, most: u64) -> BookCheck {
    BookCheck {
        book,
        admitted: 0,
        most,
        runs_above: usize::from(most > 0) * 2,
        run: (most > 0).then(|| "results/runs/20261121T101500Z-steady-builtin".into()),
        verdict: if most > 0 { Verdict::Fail } else { Verdict::Pass },
    }
}

pub(super) fn speed(metric: Metric, decision: Decision, (old, new): (f64, f64), width: f64) -> SpeedCheck {
    let change = (new / old - 1.0) * 100.0;
    SpeedCheck {
        metric,
        rule: (decision != Decision::Shown).then_some(Rule { percent: 5.0, absolute: 0.1, noise_percent: 1.0 }),
        decision,
        old: Some(old),
        new: Some(new),
        change_percent: Some(change),
        low_percent: Some(change - width),
        high_percent: Some(change + width),
        replicates: 10,
        needed: (decision == Decision::Undecided).then_some(14),
        notes: Vec::new(),
    }
}

/// A gate that passed.
pub(super) fn passed() -> GateReport {
    let written = Written {
        by: "Ada <ada@example.org>".into(),
        at: "2026-11-20T09:00:00Z".into(),
        commit: "0123456789abcdef0123".into(),
    };
    GateReport {
        schema: SCHEMA,
        scenario: "steady".into(),
        agent: "builtin".into(),
        verdict: Verdict::Pass,
        exit: 0,
        against: Against::Baseline { path: "results/baselines/steady-builtin.toml".into(), written },
        runs: 10,
        others: 10,
        pairs: None,
        verdicts: VerdictCheck {
            admitted: Verdict::Pass,
            failed: 0,
            unknown: 0,
            example: None,
            verdict: Verdict::Pass,
        },
        books: Book::ALL.map(|name| book(name, 0)).into(),
        speed: vec![
            speed(Metric::AgentCpuUsPerRecord, Decision::Same, (19.82, 19.97), 3.1),
            speed(Metric::LatencyP99Ms, Decision::Same, (110.3, 111.9), 6.0),
            speed(Metric::BenchSharePercent, Decision::Shown, (73.1, 72.9), 2.0),
        ],
        findings: Vec::new(),
        unknown_because: Vec::new(),
        notes: Vec::new(),
    }
}

/// A gate with one of everything that can be wrong.
pub(super) fn failed() -> GateReport {
    let mut report = passed();
    report.verdict = Verdict::Fail;
    report.exit = 1;
    report.books[0] = book(Book::Lost, 1);
    report.verdicts.failed = 2;
    report.verdicts.verdict = Verdict::Fail;
    report.verdicts.example = Some((
        "results/runs/20261121T101500Z-steady-builtin".into(),
        "1 of 10000000 records were lost: web-00 1".into(),
    ));
    report.speed[0] = speed(Metric::AgentCpuUsPerRecord, Decision::Worse, (19.82, 21.9), 3.1);
    report.speed[1] = speed(Metric::LatencyP99Ms, Decision::Undecided, (110.3, 111.9), 60.0);
    report.unknown_because = vec!["latency p99: between -58.5 % and +61.5 %, which tells nothing".into()];
    report.notes = vec!["the defect stale-membership-inode-reuse was PLANTED in the new runs".into()];
    report
}

/// The same as a comparison of two sides of runs, with findings.
pub(super) fn compared() -> GateReport {
    let finding = |kind: &str, seen, old_runs, new_runs| FindingChange {
        kind: kind.into(),
        seen,
        old_runs,
        new_runs,
        example: "generation 3 of 0.log was given inode 17".into(),
    };
    let findings = vec![
        finding("lost: inode-reuse", Seen::New, 0, 2),
        finding("duplicated: restart", Seen::Gone, 3, 0),
        finding("stalled", Seen::Unchanged, 1, 1),
    ];
    let mut report = GateReport { against: Against::Runs, pairs: Some(10), findings, ..failed() };
    report.speed[1].decision = Decision::Same;
    report
}

pub(super) fn document(gates: Vec<GateReport>) -> GateDocument {
    GateDocument::of(gates)
}

/// A gate of which every text wants to be obeyed.
pub(super) fn hostile() -> GateReport {
    let evil = "x\u{1b}]0;t\u{7}\n::error::%0A\r<script>alert(1)</script>]]>|`@all` #1 \u{202e}\u{ffff}";
    let mut report = failed();
    report.scenario = evil.into();
    report.agent = evil.into();
    report.verdicts.example = Some((evil.into(), evil.into()));
    report.books[0].run = Some(evil.into());
    report.unknown_because = vec![evil.into()];
    report.notes = vec![evil.into()];
    report.against = Against::Baseline {
        path: evil.into(),
        written: Written { by: evil.into(), at: evil.into(), commit: evil.into() },
    };
    report
}
