//! The judge is judged over the wire: between a real agent and the sink stands a proxy that lies about k records of
//! every class at once, and knows which. The books must name class, count and exactly those records.
//!
//! ```text
//! writers ─▶ files ─▶ tailproof pipeline ─▶ proxy (lies) ─▶ receiver ─▶ ledger ─▶ judge
//! ```

mod liar;
mod proxy;
mod stage;

use std::{collections::BTreeSet, ops::Range};

use results::{
    books::{Books, StreamBook},
    outcome::{Outcome, Verdict},
};

use self::{
    liar::{HORIZON, Lie, Plan, plans},
    stage::perform,
};
use crate::support::{live, short_or_long, side_by_side};

/// Rounds side by side: each is a trickle of records, and what they wait for is the load's four seconds.
const AT_ONCE: usize = 6;

#[test]
fn lies_about_k_records_of_every_class_are_named_one_by_one_for_k_from_0_to_5() {
    let _live = live();
    let seeds = short_or_long("rounds of lies", 1, 4);
    let rounds: Vec<(u64, usize)> = (1..=seeds).flat_map(|seed| (0..=5).map(move |k| (seed, k))).collect();
    side_by_side(AT_ONCE, &rounds, |&(seed, k)| {
        let plans = plans(k, seed * 10 + k as u64);
        let (books, outcome) = perform(&plans);
        hold(&plans, &books, &outcome, k);
        println!("seed {seed}, k = {k}: {:?}", outcome.books);
    });
}

/// Which records of a stream are named under which class.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    lost: BTreeSet<u64>,
    doubled: BTreeSet<u64>,
    reordered: BTreeSet<u64>,
    damaged: BTreeSet<u64>,
    mislabelled: BTreeSet<u64>,
}

fn named(book: &StreamBook) -> Named {
    let each = |ranges: Vec<Range<u64>>| ranges.into_iter().flatten().collect();
    Named {
        lost: each(book.lost().collect()),
        doubled: each(book.surplus().iter().map(|(range, _)| range).collect()),
        reordered: each(book.reordered().seqs.iter().collect()),
        damaged: each(book.damaged().iter().map(|(range, _)| range).collect()),
        mislabelled: each(book.misattributed().seqs.iter().collect()),
    }
}

fn expected(plan: &Plan, written: u64) -> Named {
    let victims = plan.victims.clone();
    match plan.lie {
        Lie::Drop => Named { lost: victims, ..Named::default() },
        Lie::Double | Lie::Resurrect => Named { doubled: victims, ..Named::default() },
        Lie::Swap | Lie::Delay => Named { reordered: victims, ..Named::default() },
        Lie::Flip => Named { damaged: victims, ..Named::default() },
        Lie::Relabel => Named { mislabelled: victims, ..Named::default() },
        Lie::Invent => Named::default(),
        Lie::Stall => {
            let from = victims.first().copied().unwrap_or(written);
            Named { lost: (from..written).collect(), ..Named::default() }
        }
    }
}

fn hold(plans: &[Plan], books: &Books, outcome: &Outcome, k: usize) {
    let mut stalled = 0;
    for (plan, book) in plans.iter().zip(books.streams()) {
        let written = book.marks().written;
        assert!(written > 2 * HORIZON, "{}: only {written} records were written", plan.name);
        assert_eq!(named(book), expected(plan, written), "k = {k}, stream {}", plan.name);
        if plan.lie == Lie::Stall {
            stalled += expected(plan, written).lost.len() as u64;
        }
    }
    let (count, totals) = (k as u64, outcome.books);
    assert_eq!(totals.lost, count + stalled, "nothing is netted: {totals:?}");
    assert_eq!(totals.duplicated, 2 * count, "doubled and resurrected: {totals:?}");
    assert_eq!(totals.duplicated_allowed, 0, "the agent was never interrupted: {totals:?}");
    assert_eq!(totals.reordered, 2 * count, "swapped and delayed: {totals:?}");
    assert_eq!((totals.corrupted, totals.misattributed, totals.unexpected), (count, count, count), "{totals:?}");
    assert_eq!(totals.delivered + totals.lost + count, totals.expected, "{totals:?}");
    let stopped: BTreeSet<&str> = outcome.stalls.iter().map(|stall| stall.stream.as_str()).collect();
    let to_stop = plans.iter().filter(|plan| plan.lie == Lie::Stall && !plan.victims.is_empty());
    assert_eq!(stopped, to_stop.map(|plan| plan.name.as_str()).collect(), "{:?}", outcome.stalls);
    let verdict = if k == 0 { Verdict::Pass } else { Verdict::Fail };
    assert_eq!(outcome.verdict, verdict, "{:?} {:?}", outcome.findings, outcome.unknown_because);
}
