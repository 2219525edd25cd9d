//! Words and figures that every form shares.

use results::{
    gate::{Against, BookCheck, Decision, GateReport, Metric, SpeedCheck, Written},
    outcome::Verdict,
};

use crate::{
    display::display,
    text::units::{count, counted},
};

/// `10 new runs against …`
pub(super) fn against(report: &GateReport) -> String {
    let runs = counted(report.runs as u64, "new run");
    let file = |path: &std::path::Path| display(&path.display().to_string()).into_owned();
    let turns = match report.pairs {
        Some(pairs) => format!(", in turn: {}", counted(pairs as u64, "pair")),
        None => ", measured apart".to_owned(),
    };
    match &report.against {
        Against::Baseline { path, written } => {
            format!("{runs} against {} of {}{}", counted(report.others as u64, "run"), file(path), by(written))
        }
        Against::Reference { path, written } => format!(
            "{runs} against {}{turns}; rules and books of {}{}",
            counted(report.others as u64, "reference run"),
            file(path),
            by(written)
        ),
        Against::Absent { path } => format!("{runs}, and no baseline {}", file(path)),
        Against::Runs => format!("{runs} against {}{turns}", counted(report.others as u64, "old run")),
    }
}

fn by(written: &Written) -> String {
    let short: String = written.commit.chars().take(12).collect();
    let known = [written.by.as_str(), written.at.as_str(), short.as_str()];
    let known: Vec<&str> = known.into_iter().filter(|text| !text.is_empty()).collect();
    if known.is_empty() { String::new() } else { format!(" ({})", display(&known.join(", "))) }
}

/// The answer in one sentence.
pub(super) fn answer(report: &GateReport) -> String {
    let broken = report.books.iter().filter(|book| book.verdict == Verdict::Fail);
    let mut parts: Vec<String> = broken
        .map(|book| format!("{} {}, {} admitted", count(book.most), book.book.name(), count(book.admitted)))
        .collect();
    if parts.is_empty() && report.verdicts.verdict == Verdict::Fail {
        let failed = report.verdicts.failed as u64;
        parts.push(format!("{} failed, none is admitted to", counted(failed, "run")));
    }
    parts.extend(
        report
            .speed
            .iter()
            .filter(|check| check.decision == Decision::Worse)
            .map(|check| format!("{} {}", check.metric.title(), change(check))),
    );
    match report.verdict {
        Verdict::Fail => parts.join("; "),
        Verdict::Unknown => match report.unknown_because.as_slice() {
            [] => "nothing was judged".to_owned(),
            [only] => display(only).into_owned(),
            [first, rest @ ..] => format!("{} (and {} more)", display(first), rest.len()),
        },
        Verdict::Pass => passed(report),
    }
}

fn passed(report: &GateReport) -> String {
    let held = report.speed.iter().filter(|check| check.decision != Decision::Shown).count();
    let faster: Vec<&str> = report
        .speed
        .iter()
        .filter(|check| check.decision == Decision::Better)
        .map(|check| check.metric.title())
        .collect();
    let books = format!("no book broken in {}", counted(report.runs as u64, "run"));
    match (held, faster.is_empty()) {
        (0, _) => format!("{books}; no rule holds the speed"),
        (_, true) => format!("{books}, no change in speed beyond the noise"),
        (_, false) => format!("{books}; better: {}", faster.join(", ")),
    }
}

/// What to do where figures of another machine were to be compared; not yet escaped.
pub(super) fn advice(report: &GateReport) -> Option<String> {
    let Against::Baseline { path, .. } = &report.against else { return None };
    let elsewhere = report.unknown_because.iter().any(|why| why.starts_with("another machine"));
    elsewhere.then(|| {
        format!(
            "perform the old build beside the new one, in turn, and the machine does not matter: docs/gate-in-turn.sh OLD NEW {} FOLDER; \
             or write a baseline here: tailproof gate RUN… --update --baseline FILE (not over {}, which is the other machine's)",
            report.scenario,
            path.display()
        )
    })
}

/// `+10.4 %`, or a dash.
pub(super) fn change(check: &SpeedCheck) -> String {
    check.change_percent.map_or("-".to_owned(), percent)
}

/// `+7.1 … +13.2 %`, or a dash. The bounds that decide.
pub(super) fn bounds(check: &SpeedCheck) -> String {
    match (check.low_percent, check.high_percent) {
        (Some(low), Some(high)) => format!("{} .. {}", signed(low), percent(high)),
        _ => "-".to_owned(),
    }
}

/// `5 % and 0.1 us`, or a dash.
pub(super) fn rule(check: &SpeedCheck) -> String {
    check.rule.map_or("-".to_owned(), |rule| {
        format!("{} % and {} {}", rule.percent, figure(rule.absolute), check.metric.unit())
    })
}

/// A figure in the metric's unit.
pub(super) fn value(metric: Metric, value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{} {}", figure(value), metric.unit()))
}

fn figure(value: f64) -> String {
    match value.abs() {
        v if v >= 1000.0 => count(value.round() as u64),
        v if v >= 99.95 => format!("{value:.0}"),
        v if v >= 9.995 => format!("{value:.1}"),
        v if v >= 0.995 => format!("{value:.2}"),
        0.0 => "0".to_owned(),
        _ => format!("{value:.3}"),
    }
}

fn signed(value: f64) -> String {
    if value.abs() >= 999.5 { format!("{value:+.0}") } else { format!("{value:+.1}") }
}

fn percent(value: f64) -> String {
    format!("{} %", signed(value))
}

/// The word for a decision.
pub(super) fn concluded(decision: Decision) -> &'static str {
    match decision {
        Decision::Worse => "worse",
        Decision::Better => "better",
        Decision::Same => "same",
        Decision::Undecided => "undecided",
        Decision::Shown => "not judged",
    }
}

/// What was concluded of a metric, and what would decide it.
pub(super) fn decision(check: &SpeedCheck) -> String {
    let needed = check.needed.filter(|_| check.decision == Decision::Undecided);
    let more = needed.map_or(String::new(), |needed| format!(", {needed} runs needed"));
    format!("{}{more}", concluded(check.decision))
}

/// `in 2 of 10 runs, most in …`
pub(super) fn place(book: &BookCheck, report: &GateReport) -> String {
    let runs = format!("in {} of {}", book.runs_above, counted(report.runs as u64, "run"));
    book.run.as_ref().map_or(String::new(), |run| format!("{runs}, most in {}", display(run)))
}

/// `PASS`, `FAIL`, `UNKNOWN`.
pub(super) fn word(verdict: Verdict) -> &'static str {
    crate::text::summary::word(verdict)
}
