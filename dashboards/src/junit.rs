//! Runs as test suites: one case for each book and each rule of the contract, so that a pipeline shows which promise broke.
//!
//! A rule that the run could not show (too few rotations, a fault without effect) is an error and not a failure: nothing was
//! broken, nothing was proven either. It is never a success.

use std::time::Duration;

use quick_junit::{NonSuccessKind, TestCase, TestCaseStatus, TestSuite};
use results::{
    contract::Delivery,
    outcome::{Proofs, Verdict},
};
use thiserror::Error;

use crate::{
    display::display,
    report::Report,
    text::{
        summary::{answer, word},
        units::{self, count},
    },
};

/// The document could not be put together.
#[derive(Debug, Error)]
#[error("write the JUnit document: {0}; report this as a bug of tailproof")]
pub struct JunitError(#[from] quick_junit::SerializeError);

/// The runs as one document.
pub fn render(reports: &[Report]) -> Result<String, JunitError> {
    let mut document = quick_junit::Report::new("tailproof");
    document.add_test_suites(reports.iter().map(suite));
    Ok(document.to_string()?)
}

fn suite(report: &Report) -> TestSuite {
    let outcome = &report.outcome;
    let planted = outcome.defect.as_ref().map_or(String::new(), |id| format!(" (planted {})", display(id)));
    let name = format!("{} / {}{planted} seed {}", display(&outcome.scenario), display(&outcome.agent), outcome.seed);
    let mut suite = TestSuite::new(&name);
    suite.set_time(Duration::from_micros(report.end_us));
    for (key, value) in [("repeat", &outcome.repeat), ("run", &outcome.run)] {
        suite.add_property((key, &*display(value)));
    }
    let mut cases = vec![verdict(report)];
    cases.extend(answer::promises(outcome, &report.limits).iter().map(|promise| {
        let limit = promise.limit.map_or("any".to_owned(), count);
        let says = format!("{} {}, limit {limit}", count(promise.value), promise.name);
        let why = report.findings.iter().filter(|one| one.headline.contains(promise.name) || promise.name == "stalled");
        let why: Vec<String> =
            why.take(5).map(|one| format!("{}: {}", display(&one.headline), display(&one.evidence))).collect();
        case(
            &format!("book {}", promise.name),
            promise.broken().then_some((NonSuccessKind::Failure, says, why.join("\n"))),
        )
    }));
    cases.extend(outcome.routes.iter().map(|route| {
        let (lost, allowed) = (route.books.lost, route.delivery == Delivery::AtMostOnce);
        let says = format!("{} of {} lost", count(lost), count(route.books.expected));
        let wrong = (lost > 0 && !allowed).then(|| (NonSuccessKind::Failure, says, String::new()));
        case(&format!("route {}", display(&route.name)), wrong)
    }));
    if let Some(limit) = report.limits.p99_ms {
        let p99 = outcome.latency_ms.p99;
        let says = format!("p99 {}, limit {}", units::millis(p99), units::millis(limit));
        cases.push(case("rule delivery p99", (p99 > limit).then(|| (NonSuccessKind::Failure, says, String::new()))));
    }
    for (what, wanted, seen) in proofs(&report.contract.proof, &outcome.proofs) {
        let says = format!("{} {what} seen, {} needed", count(seen), count(wanted));
        cases.push(case(
            &format!("proof {what}"),
            (seen < wanted).then(|| (NonSuccessKind::Error, says, String::new())),
        ));
    }
    for case in &mut cases {
        case.set_classname(&name);
    }
    suite.add_test_cases(cases);
    suite
}

/// The run as a whole: what no single book says (an agent that died, a run that proves nothing) is said here.
fn verdict(report: &Report) -> TestCase {
    let outcome = &report.outcome;
    let kind = match outcome.verdict {
        Verdict::Pass => None,
        Verdict::Fail => Some(NonSuccessKind::Failure),
        Verdict::Unknown => Some(NonSuccessKind::Error),
    };
    let says = format!("{}: {}", word(outcome.verdict), answer::answer(outcome, &report.limits));
    let lines: Vec<String> = outcome
        .findings
        .iter()
        .chain(&outcome.unknown_because)
        .take(20)
        .map(|line| display(line).into_owned())
        .collect();
    case("verdict", kind.map(|kind| (kind, says, lines.join("\n"))))
}

fn case(name: &str, wrong: Option<(NonSuccessKind, String, String)>) -> TestCase {
    let status = match wrong {
        None => TestCaseStatus::success(),
        Some((kind, says, more)) => {
            let mut status = TestCaseStatus::non_success(kind);
            status.set_message(says);
            if !more.is_empty() {
                status.set_description(more);
            }
            status
        }
    };
    TestCase::new(name, status)
}

/// What had to be seen for the run to prove anything: name, needed, seen. Nothing needed is no rule.
fn proofs(wanted: &Proofs, seen: &Proofs) -> Vec<(&'static str, u64, u64)> {
    let all = [
        ("rotations", wanted.rotations, seen.rotations),
        ("reused inodes", wanted.inodes_reused, seen.inodes_reused),
        ("archives", wanted.archives, seen.archives),
        ("symlink swaps", wanted.symlink_swaps, seen.symlink_swaps),
        ("steered inodes", wanted.inodes_steered, seen.inodes_steered),
        ("faults", wanted.faults, seen.faults),
        ("agent interruptions", wanted.agent_interruptions, seen.agent_interruptions),
        ("sink refusals", wanted.sink_refusals, seen.sink_refusals),
    ];
    all.into_iter().filter(|(_, wanted, _)| *wanted > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        markup::well_formed,
        report::examples::{failed, report, stall_story},
        text::examples::outcome,
    };

    #[test]
    fn each_book_and_rule_is_a_case_and_a_broken_one_fails() {
        let text = render(&[report(failed(), stall_story())]).unwrap();
        well_formed(&text);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_run_that_proves_nothing_is_no_success() {
        let mut unproven = report(outcome(), stall_story());
        unproven.outcome.verdict = Verdict::Unknown;
        unproven.contract.proof.faults = 2;
        let text = render(&[unproven]).unwrap();
        assert!(text.contains("errors=\"2\"") && text.contains("0 faults seen, 2 needed"), "{text}");
        assert!(render(&[report(outcome(), stall_story())]).unwrap().contains("errors=\"0\""));
    }

    #[test]
    fn hostile_names_stay_text() {
        let mut outcome = failed();
        outcome.scenario = "]]><x>\u{0}\u{1b}[2J\u{ffff}".into();
        outcome.findings = vec!["</failure>\u{202e}".into()];
        let text = render(&[report(outcome, Vec::new())]).unwrap();
        well_formed(&text);
        assert!(!text.contains("<x>") && !text.contains(['\u{0}', '\u{1b}', '\u{202e}']), "{text}");
    }
}
