//! The sentences of the gate: why something cannot be told, and what else a reader should know.

use super::{Baseline, Decision, Facts, GateReport, Metric, SpeedCheck};
use crate::{outcome::Verdict, stats::looks::LOOKS};

/// Runs named in sentences of one kind; more are only counted.
const MAX_NAMED: usize = 3;

/// Runs that prove nothing.
pub(super) fn unproven(runs: &[Facts]) -> Vec<String> {
    let unknown: Vec<&Facts> = runs.iter().filter(|run| run.verdict == Verdict::Unknown).collect();
    let mut told: Vec<String> = unknown
        .iter()
        .take(MAX_NAMED)
        .map(|run| format!("{} proves nothing: {}; repeat it, or leave it out", run.run, run.because))
        .collect();
    if unknown.len() > MAX_NAMED {
        told.push(format!("{} more runs prove nothing", unknown.len() - MAX_NAMED));
    }
    told
}

/// Metrics that could not be decided, and what would decide them.
pub(super) fn undecided(report: &GateReport) -> Vec<String> {
    let undecided: Vec<&SpeedCheck> =
        report.speed.iter().filter(|check| check.decision == Decision::Undecided).collect();
    let (few, open): (Vec<&SpeedCheck>, Vec<&SpeedCheck>) =
        undecided.into_iter().partition(|check| check.replicates < LOOKS[0]);
    let mut told = Vec::new();
    if let Some(check) = few.first() {
        let names: Vec<&str> = few.iter().map(|check| check.metric.title()).collect();
        told.push(format!(
            "too few replicates to judge {}: {} of each side, {} are needed; repeat both with `run --repeat`",
            names.join(", "),
            check.replicates,
            LOOKS[0]
        ));
    }
    told.extend(open.into_iter().map(one));
    told
}

fn one(check: &SpeedCheck) -> String {
    let title = check.metric.title();
    let (Some(low), Some(high)) = (check.low_percent, check.high_percent) else {
        return format!(
            "{title}: the other side has no figures to compare with; write the baseline anew with --update"
        );
    };
    let next = match check.needed {
        Some(needed) => format!("{needed} of each side are needed for the next look"),
        None => "more runs would not help: quieten the machine, or widen the rule (`gate --calibrate`)".to_owned(),
    };
    format!(
        "{title}: between {low:+.1} % and {high:+.1} % after {} of each side, which tells neither worse nor same; {next}",
        check.replicates
    )
}

/// What else a reader should know.
pub(super) fn notes(new: &[Facts], baseline: &Baseline) -> Vec<String> {
    let mut notes = Vec::new();
    let mut defects: Vec<&str> = new.iter().filter_map(|run| run.defect.as_deref()).collect();
    defects.dedup();
    notes.extend(defects.iter().map(|defect| format!("the defect {defect} was PLANTED in the new runs")));
    let admitted = baseline.books.iter().filter(|(_, count)| **count > 0);
    notes.extend(
        admitted.map(|(book, count)| format!("the baseline admits broken books: up to {count} {}", book.name())),
    );
    let unheld = |metric: &Metric| {
        let measured = new.iter().any(|run| run.figures.contains_key(metric));
        measured && metric.usual_rule().is_some() && baseline.metrics.get(metric).is_none_or(|held| held.rule.is_none())
    };
    let unheld: Vec<&str> = Metric::ALL.iter().filter(|metric| unheld(metric)).map(|metric| metric.name()).collect();
    if !unheld.is_empty() {
        notes.push(format!("no rule holds {}", unheld.join(", ")));
    }
    notes
}
