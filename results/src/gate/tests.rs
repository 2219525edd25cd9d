//! What the gate promises, as claims.

use std::path::PathBuf;

use super::{
    examples::{lossy, new, old, run, scaled},
    *,
};
use crate::outcome::Verdict;

fn baseline() -> Baseline {
    Baseline::of(&old(10), None, Written::default(), false).unwrap()
}

fn judged(new: &[Facts]) -> GateReport {
    judge(new, &baseline(), PathBuf::from("b.toml"), &[]).unwrap()
}

fn decision(report: &GateReport, metric: Metric) -> Decision {
    report.speed.iter().find(|check| check.metric == metric).unwrap().decision
}

#[test]
fn the_same_build_passes() {
    let report = judged(&new(10));
    assert_eq!((report.verdict, report.exit), (Verdict::Pass, 0), "{report:#?}");
    assert_eq!(report.count(Decision::Same), 4);
    assert_eq!(decision(&report, Metric::BenchSharePercent), Decision::Shown);
}

#[test]
fn one_record_lost_in_ten_million_fails_whatever_the_speed() {
    let mut runs = scaled(new(10), Metric::AgentCpuUsPerRecord, 0.5);
    runs[7] = lossy(runs[7].clone(), 1);
    let report = judged(&runs);
    assert_eq!((report.verdict, report.exit), (Verdict::Fail, 1));
    let lost = report.books.iter().find(|book| book.book == Book::Lost).unwrap();
    assert_eq!((lost.most, lost.runs_above, lost.admitted), (1, 1, 0));
    assert_eq!(lost.run.as_deref(), Some(runs[7].run.as_str()));
    assert_eq!(decision(&report, Metric::AgentCpuUsPerRecord), Decision::Better);
}

#[test]
fn every_book_fails_by_one() {
    for book in Book::ALL {
        let mut runs = new(10);
        runs[2].books.insert(book, 1);
        let report = judged(&runs);
        assert_eq!(report.verdict, Verdict::Fail, "{book:?}");
        assert_eq!(report.failed(), 1);
    }
}

#[test]
fn a_failure_outside_the_books_fails_too() {
    let mut runs = new(10);
    runs[0].verdict = Verdict::Fail;
    runs[0].because = "the agent ended by itself".into();
    let report = judged(&runs);
    assert_eq!(report.verdict, Verdict::Fail);
    assert_eq!(report.verdicts.example.unwrap().1, "the agent ended by itself");
}

#[test]
fn what_the_baseline_admits_passes_and_one_more_fails() {
    let mut before = old(10);
    before[3] = lossy(before[3].clone(), 5);
    assert!(Baseline::of(&before, None, Written::default(), false).is_err());
    let baseline = Baseline::of(&before, None, Written::default(), true).unwrap();
    let with = |lost: u64| {
        let mut runs = new(10);
        runs[1] = lossy(runs[1].clone(), lost);
        judge(&runs, &baseline, PathBuf::new(), &[]).unwrap()
    };
    assert_eq!(with(5).verdict, Verdict::Pass);
    assert!(with(5).notes.iter().any(|note| note.contains("admits broken books: up to 5 lost")));
    assert_eq!(with(6).verdict, Verdict::Fail);
}

#[test]
fn a_tenth_more_cpu_fails_and_a_tenth_less_is_told() {
    let report = judged(&scaled(new(10), Metric::AgentCpuUsPerRecord, 1.1));
    assert_eq!((report.verdict, decision(&report, Metric::AgentCpuUsPerRecord)), (Verdict::Fail, Decision::Worse));
    let report = judged(&scaled(new(10), Metric::AgentCpuUsPerRecord, 0.9));
    assert_eq!((report.verdict, decision(&report, Metric::AgentCpuUsPerRecord)), (Verdict::Pass, Decision::Better));
}

#[test]
fn of_a_rate_less_is_worse() {
    let with_rate = |runs: Vec<Facts>, by: f64| -> Vec<Facts> {
        let figure = |run: &Facts| run.figures[&Metric::AgentCpuUsPerRecord] * 1e5 * by;
        let insert = |mut run: Facts| {
            run.figures.insert(Metric::DeliveredPerS, figure(&run));
            run
        };
        runs.into_iter().map(insert).collect()
    };
    let baseline = Baseline::of(&with_rate(old(10), 1.0), None, Written::default(), false).unwrap();
    let seen = |by: f64| {
        let report = judge(&with_rate(new(10), by), &baseline, PathBuf::new(), &[]).unwrap();
        decision(&report, Metric::DeliveredPerS)
    };
    assert_eq!([0.85, 1.0, 1.15].map(seen), [Decision::Worse, Decision::Same, Decision::Better]);
}

#[test]
fn a_change_must_reach_both_floors() {
    let mut baseline = baseline();
    // A tenth of 20 us is 2 us: below this floor.
    let held = baseline.metrics.get_mut(&Metric::AgentCpuUsPerRecord).unwrap();
    held.rule = Some(Rule { percent: 5.0, absolute: 3.0, noise_percent: 1.0 });
    let slower = scaled(new(10), Metric::AgentCpuUsPerRecord, 1.1);
    assert_eq!(judge(&slower, &baseline, PathBuf::new(), &[]).unwrap().verdict, Verdict::Pass);
    let slower = scaled(new(10), Metric::AgentCpuUsPerRecord, 1.2);
    assert_eq!(judge(&slower, &baseline, PathBuf::new(), &[]).unwrap().verdict, Verdict::Fail);
}

#[test]
fn too_few_replicates_are_unknown_and_never_pass() {
    let report = judged(&new(4));
    assert_eq!((report.verdict, report.exit, report.needed()), (Verdict::Unknown, 3, Some(5)));
    assert!(report.unknown_because[0].contains("4 of each side, 5 are needed"), "{:?}", report.unknown_because);
}

#[test]
fn too_few_replicates_do_not_hide_a_loss() {
    let report = judged(&[lossy(run(1), 1)]);
    assert_eq!(report.verdict, Verdict::Fail);
}

#[test]
fn a_difference_is_named_and_nothing_is_compared_across_it() {
    type Change = fn(&mut Facts);
    let changes: [(&str, Change); 5] = [
        ("4 cores instead of 2", |run| run.machine.cores = 4),
        ("build debug instead of release", |run| run.machine.build = "debug".into()),
        ("the scenario was performed differently", |run| run.scenario_hash = "0".into()),
        ("0.2.0 instead of 0.1.0 of builtin", |run| run.agent_version = "0.2.0".into()),
        ("the agent is fluent-bit, not builtin", |run| run.agent = "fluent-bit".into()),
    ];
    for (wanted, change) in changes {
        let mut runs = scaled(new(10), Metric::AgentCpuUsPerRecord, 2.0);
        runs.iter_mut().for_each(change);
        let report = judged(&runs);
        assert_eq!(report.verdict, Verdict::Unknown, "{wanted}");
        assert!(report.unknown_because.iter().any(|why| why.contains(wanted)), "{:?}", report.unknown_because);
        assert_eq!(report.count(Decision::Worse), 0);
        runs[3] = lossy(runs[3].clone(), 1);
        assert_eq!(judged(&runs).verdict, Verdict::Fail, "a loss is a loss on any machine");
    }
}

#[test]
fn beside_a_reference_of_the_same_session_another_machine_and_version_do_not_matter() {
    let elsewhere = |mut runs: Vec<Facts>| {
        for run in &mut runs {
            run.machine.cores = 64;
            run.agent_version = "0.2.0".into();
        }
        runs
    };
    let slow = scaled(elsewhere(new(10)), Metric::AgentCpuUsPerRecord, 1.1);
    let report = judge(&slow, &baseline(), PathBuf::new(), &elsewhere(old(10))).unwrap();
    assert_eq!((report.verdict, report.pairs), (Verdict::Fail, Some(10)));
    let report = judge(&elsewhere(new(10)), &baseline(), PathBuf::new(), &elsewhere(old(10))).unwrap();
    assert_eq!((report.verdict, report.pairs), (Verdict::Pass, Some(10)), "{report:#?}");
    let report = judge(&new(10), &baseline(), PathBuf::new(), &elsewhere(old(10))).unwrap();
    assert_eq!(report.verdict, Verdict::Unknown, "the two sides must be of one machine");
}

#[test]
fn a_run_that_proves_nothing_keeps_the_gate_from_passing() {
    let mut runs = new(11);
    runs[4].verdict = Verdict::Unknown;
    runs[4].because = "the generator could not keep its pace".into();
    // Its agent may never have started: what is missing is no loss.
    runs[4].books.insert(Book::Lost, 1000);
    let report = judged(&runs);
    assert_eq!((report.verdict, report.failed()), (Verdict::Unknown, 0));
    assert!(report.unknown_because[0].contains("could not keep its pace"));
}

#[test]
fn a_rule_that_matches_nothing_is_an_error() {
    let mut runs = new(10);
    for run in &mut runs {
        run.figures.remove(&Metric::LatencyP99Ms);
    }
    let error = judge(&runs, &baseline(), PathBuf::new(), &[]).unwrap_err();
    assert!(error.to_string().contains("the rule for latency_p99_ms matches nothing"), "{error}");
    assert_eq!(judge(&[], &baseline(), PathBuf::new(), &[]).unwrap_err(), GateError::NoRuns);
}

#[test]
fn a_figure_without_a_rule_is_told() {
    let mut baseline = baseline();
    baseline.metrics.remove(&Metric::LatencyP99Ms);
    let report = judge(&new(10), &baseline, PathBuf::new(), &[]).unwrap();
    assert!(report.notes.contains(&"no rule holds latency_p99_ms".to_owned()), "{:?}", report.notes);
}

#[test]
fn without_a_baseline_nothing_passes_and_a_loss_still_fails() {
    let report = judge_without_baseline(&new(10), PathBuf::from("b.toml"), "tailproof gate x --update").unwrap();
    assert_eq!((report.verdict, report.exit), (Verdict::Unknown, 3));
    assert!(report.unknown_because[0].ends_with("write one: tailproof gate x --update"));
    let report = judge_without_baseline(&[lossy(run(0), 1)], PathBuf::new(), "").unwrap();
    assert_eq!((report.verdict, report.exit), (Verdict::Fail, 1));
}

#[test]
fn a_comparison_tells_new_gone_and_unchanged_findings() {
    let mut before = old(5);
    before[0].findings.insert("duplicated: restart".into(), "…".into());
    let after: Vec<Facts> = new(5).into_iter().map(|run| lossy(run, 3)).collect();
    let report = compare(&before, &after).unwrap();
    let seen: Vec<(&str, Seen)> = report.findings.iter().map(|finding| (finding.kind.as_str(), finding.seen)).collect();
    assert_eq!(seen, [("lost: inode-reuse", Seen::New), ("duplicated: restart", Seen::Gone)]);
    assert_eq!((report.verdict, report.exit), (Verdict::Fail, 1));
}

#[test]
fn a_comparison_decides_nothing_but_a_regression() {
    let report = compare(&old(2), &new(3)).unwrap();
    assert_eq!((report.verdict, report.exit), (Verdict::Unknown, 0));
    let report = compare(&old(10), &scaled(new(10), Metric::LatencyP99Ms, 1.5)).unwrap();
    assert_eq!((report.verdict, report.exit), (Verdict::Fail, 1));
}

#[test]
fn runs_in_turn_are_pairs_in_either_order_and_one_after_the_other_are_not() {
    let sides = |new_at: &[usize]| {
        let (new, old): (Vec<usize>, Vec<usize>) = (0..10).partition(|nth| new_at.contains(nth));
        in_turn(
            &old.iter().map(|nth| run(*nth)).collect::<Vec<_>>(),
            &new.iter().map(|nth| run(*nth)).collect::<Vec<_>>(),
        )
        .map(|pairs| pairs.len())
    };
    assert_eq!(sides(&[1, 3, 5, 7, 9]), Some(5));
    assert_eq!(sides(&[1, 2, 5, 6, 9]), Some(5));
    assert_eq!(sides(&[5, 6, 7, 8, 9]), None);
    let mut unstamped = old(5);
    unstamped[0].started.clear();
    assert_eq!(in_turn(&unstamped, &new(5)), None);
}

#[test]
fn a_missing_neighbour_costs_one_pair_and_not_the_whole_session() {
    let (before, mut after) = (old(10), new(10));
    after.remove(4);
    let pairs = in_turn(&before, &after).unwrap();
    assert_eq!(pairs.len(), 9);
    assert!(pairs.iter().all(|(old, new)| old.started < new.started));
}

#[test]
fn what_was_calibrated_on_a_build_does_not_fail_that_build() {
    let mut baseline = baseline();
    let rows = calibrate(&old(20)).unwrap();
    let measured = run(0).figures;
    let ruled = Metric::ALL.into_iter().filter(|metric| metric.usual_rule().is_some() && measured.contains_key(metric));
    assert_eq!(rows.iter().map(|row| row.metric).collect::<Vec<_>>(), ruled.collect::<Vec<_>>());
    for row in rows {
        assert!(row.rule.is_some(), "{row:?}");
        baseline.metrics.get_mut(&row.metric).unwrap().rule = row.rule;
    }
    assert_eq!(judge(&new(10), &baseline, PathBuf::new(), &[]).unwrap().verdict, Verdict::Pass);
    assert!(calibrate(&old(9)).is_err());
}
