//! What was lost before any agent could read it: never held against the agent, and never kept quiet.

use super::{Trial, routes::Way};
use crate::{contract::SourceLossRule, outcome::SourceLoss};

/// Reasons named in one sentence.
const MAX_NAMED: usize = 3;

/// Why losses at the source make a run prove less than it should.
pub(super) fn doubts(trial: &Trial<'_>, ways: &[Way]) -> Vec<String> {
    let mut doubts = Vec::new();
    for way in ways {
        let on = &way.on;
        if way.books.source_lost > 0 && way.contract.source_loss == SourceLossRule::Forbidden {
            let (lost, why) = (way.books.source_lost, reasons(trial, way));
            doubts.push(format!("{lost} records were lost at the source{on} before any agent could read them: {why}"));
        }
        let (least, _) = trial.books.source_band(way.id);
        let missing = trial.books.missing(way.id);
        // A counter that also counts records of which nothing may arrive cannot be held against what is missing of the others.
        if missing < least && way.books.to_drop == 0 && !trial.broken_off {
            let why = reasons(trial, way);
            doubts.push(format!(
                "the source is said to have lost {least} records{on} at least ({why}), and only {missing} are missing: do not \
                 trust that counter"
            ));
        }
        if way.books.written > 0 && way.books.expected == 0 && way.books.source_lost > 0 {
            doubts.push(format!("all records were lost at the source{on}: nothing was left for the agent to deliver"));
        }
    }
    doubts
}

/// What a reader should know of them.
pub(super) fn remarks(trial: &Trial<'_>, ways: &[Way]) -> Vec<String> {
    let remark = |way: &Way| {
        let lost = way.books.source_lost;
        let pieces = match trial.books.torn_on(way.id) {
            0 => String::new(),
            torn => format!("; {torn} pieces of them arrived, left by writes that failed half-way"),
        };
        let by_number = match way.books.source_lost_by_number {
            0 => String::new(),
            count => format!("; {count} of them by number only, nobody can tell which ({})", reasons(trial, way)),
        };
        let on = &way.on;
        format!("{lost} records were lost at the source{on} and are not the agent's fault{pieces}{by_number}")
    };
    ways.iter().filter(|way| way.books.source_lost > 0).map(remark).collect()
}

/// "40 write failed: no space; 12 ± 1 send failed", the largest first.
fn reasons(trial: &Trial<'_>, way: &Way) -> String {
    let mut losses: Vec<SourceLoss> = trial.books.source_losses_of(way.id);
    losses.sort_by_key(|loss| std::cmp::Reverse(loss.count));
    let more = if losses.len() > MAX_NAMED { "; …" } else { "" };
    let say = |loss: &SourceLoss| match loss.slack {
        0 => format!("{} {}", loss.count, loss.why),
        slack => format!("{} ± {slack} {}", loss.count, loss.why),
    };
    losses.iter().take(MAX_NAMED).map(say).collect::<Vec<_>>().join("; ") + more
}
