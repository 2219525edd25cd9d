//! What the run never reached. A pass that tested little must look like one.

use results::event::{Event, StepKind, What};

use super::Report;
use crate::text::units;

/// One sentence for each thing that did not happen, or was not asked.
pub fn not_exercised(report: &Report, events: &[Event]) -> Vec<String> {
    let seen = &report.outcome.proofs;
    let books = &report.outcome.books;
    let held = |held| {
        events.iter().any(|event| {
            matches!(&event.what, What::RotationStep(step)
                if step.step == StepKind::Unlink && step.error.is_none() && step.held == Some(held))
        })
    };
    let unlinked = held(true) || held(false);
    let never = [
        (books.written == 0, "nothing was written"),
        (books.delivered == 0, "nothing was delivered"),
        (seen.rotations == 0, "no file was rotated"),
        (seen.archives == 0, "no rotated file was archived"),
        (seen.inodes_reused == 0, "no inode number was handed out again"),
        (seen.symlink_swaps == 0, "no symbolic link was swapped"),
        (!unlinked, "no file was unlinked while the bench watched whether the agent had it open"),
        (unlinked && !held(true), "no file was unlinked while the agent still had it open"),
        (seen.faults == 0, "no fault was injected"),
        (seen.faults > 0 && seen.agent_interruptions == 0, "the agent was never killed, stopped or restarted"),
        (seen.faults > 0 && seen.sink_refusals == 0, "the sink took every request"),
        (report.manifest.defect.is_some(), "the agent without the planted defect"),
        (!report.contract.ordered, "order: the contract allows any"),
        (report.contract.latency_p99_us.is_none(), "a limit of delivery latency: the contract has none"),
        (!report.has_books, "the books: they could not be read, so losses are told without their generations"),
    ];
    let mut list: Vec<String> =
        never.into_iter().filter(|(never, _)| *never).map(|(_, what)| what.to_owned()).collect();
    let peak = report.lanes.iter().find(|lane| lane.id == "backlog").map_or(0.0, super::lanes::Lane::max);
    let rate = report.outcome.rates.sent_per_s;
    if books.written > 0 && rate > 0.0 && peak / rate < 1.0 {
        let most = units::short(peak as u64);
        list.push(format!("a backlog of more than a second: it never exceeded {most} records"));
    }
    list
}

#[cfg(test)]
mod tests {
    use results::outcome::Proofs;

    use crate::{
        report::examples::{report, stall_story},
        text::examples::outcome,
    };

    #[test]
    fn a_pass_that_tested_nothing_is_visible() {
        let nothing = report(results::outcome::Outcome { proofs: Proofs::default(), ..outcome() }, Vec::new());
        for what in ["no file was rotated", "no fault was injected", "no inode number was handed out again"] {
            assert!(nothing.not_exercised.iter().any(|line| line == what), "{:?}", nothing.not_exercised);
        }
        let some = report(outcome(), stall_story());
        assert!(!some.not_exercised.iter().any(|line| line == "no file was rotated"), "{:?}", some.not_exercised);
        assert!(some.not_exercised.iter().any(|line| line.contains("still had it open")), "{:?}", some.not_exercised);
    }
}
