//! The gate as a test report: a suite for each scenario and agent, a case for each book and each rule.
//!
//! Undecided is an error and broken a failure: a CI that reads only this file cannot take either for passed.

use quick_junit::{NonSuccessKind, Report, TestCase, TestCaseStatus, TestSuite};
use results::{
    gate::{Decision, GateDocument, GateReport},
    outcome::Verdict,
};

use super::cells;
use crate::{display::display, markup::is_no_character};

/// The report, as XML.
///
/// # Panics
/// Never: the XML is written to memory.
pub fn junit(document: &GateDocument) -> String {
    let mut report = Report::new("tailproof gate");
    report.add_test_suites(document.gates.iter().map(suite));
    report.to_string().expect("XML without what it cannot hold is written to memory")
}

fn suite(report: &GateReport) -> TestSuite {
    let name = format!("{}-{}", xml(&report.scenario), xml(&report.agent));
    let mut suite = TestSuite::new(name.clone());
    let mut add = |case: &str, status: TestCaseStatus| {
        let mut case = TestCase::new(case, status);
        case.set_classname(name.clone());
        suite.add_test_case(case);
    };
    for book in &report.books {
        let why =
            format!("{} {}, {} admitted, {}", book.most, book.book.name(), book.admitted, cells::place(book, report));
        add(&format!("book {}", book.book.name()), status(book.verdict, &why));
    }
    let why = report.verdicts.example.as_ref().map_or(String::new(), |(run, why)| format!("{why} ({run})"));
    add("no run fails", status(report.verdicts.verdict, &why));
    for check in &report.speed {
        let (old, new) = (cells::value(check.metric, check.old), cells::value(check.metric, check.new));
        let why = format!(
            "{old} -> {new}, {} ({}), limit {}",
            cells::change(check),
            cells::bounds(check),
            cells::rule(check)
        );
        let name = format!("speed {}", check.metric.name());
        match check.decision {
            Decision::Worse => add(&name, status(Verdict::Fail, &why)),
            Decision::Undecided => add(&name, status(Verdict::Unknown, &why)),
            Decision::Same | Decision::Better => add(&name, TestCaseStatus::success()),
            Decision::Shown => add(&name, TestCaseStatus::skipped()),
        }
    }
    let unknown = if report.unknown_because.is_empty() { Verdict::Pass } else { Verdict::Unknown };
    add("everything could be judged", status(unknown, &report.unknown_because.join("; ")));
    suite
}

fn status(verdict: Verdict, why: &str) -> TestCaseStatus {
    let kind = match verdict {
        Verdict::Pass => return TestCaseStatus::success(),
        Verdict::Unknown => NonSuccessKind::Error,
        Verdict::Fail => NonSuccessKind::Failure,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(xml(why));
    status
}

/// Visible characters, and none that XML does not take; the library escapes the rest.
fn xml(text: &str) -> String {
    display(text).replace(is_no_character, "\u{fffd}")
}
