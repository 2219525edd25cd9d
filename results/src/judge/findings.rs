//! What a reader should know beside the verdict.

use super::{Trial, routes::Way, source};
use crate::{contract::Delivery, outcome::BookTotals, proofs::load_was_changed};

/// One sentence each.
pub(super) fn remarks(trial: &Trial<'_>, books: &BookTotals, ways: &[Way]) -> Vec<String> {
    let mut remarks = Vec::new();
    if trial.broken_off && books.lost > 0 {
        remarks.push(format!("{} records had not arrived when the run was broken off", books.lost));
    } else {
        remarks.extend(ways.iter().filter(|way| way.books.lost > 0 && way.may_lose()).map(lost_as_allowed));
    }
    let at_least_once = ways.iter().filter(|way| way.contract.delivery == Delivery::AtLeastOnce);
    let again: u64 = at_least_once.map(|way| way.books.duplicated_allowed).sum();
    if again > 0 {
        remarks.push(format!(
            "{again} records arrived once more, as the contract allows for what was in flight at a crash or whose answer was lost"
        ));
    }
    let late: u64 = ways.iter().filter(|way| !way.contract.ordered).map(|way| way.books.reordered).sum();
    if late > 0 {
        remarks.push(format!("{late} records arrived out of order, which the contract allows"));
    }
    if books.to_drop > 0 && books.unexpected == 0 {
        remarks.push(format!("{} records were written that must be dropped, and none of them arrived", books.to_drop));
    }
    remarks.extend(source::remarks(trial, ways));
    if load_was_changed(trial.events) {
        remarks.push(
            "the load was paused or changed by hand: rates and latencies are not those of the scenario".to_owned(),
        );
    }
    if let Some(defect) = &trial.defect {
        remarks.push(format!("the defect {defect} was planted in the agent"));
    }
    remarks
}

fn lost_as_allowed(way: &Way) -> String {
    let (lost, expected) = (way.books.lost, way.books.expected);
    if way.on.is_empty() {
        return format!("{lost} records were lost, which at-most-once allows");
    }
    let share = lost as f64 * 100.0 / expected.max(1) as f64;
    format!("{lost} of {expected} records ({share:.3} %) were lost{}, which at-most-once allows", way.on)
}
