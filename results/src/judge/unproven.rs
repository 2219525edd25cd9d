//! Why a run proves less than it should.

use std::collections::BTreeSet;

use super::{
    Trial,
    promises::{deaths, started},
    routes::Way,
    source,
};
use crate::{
    event::{FaultState, What},
    outcome::{BookTotals, Proofs},
    proofs::load_was_changed,
};

/// Why the run proves less than it should.
pub(super) fn unproven(trial: &Trial<'_>, books: &BookTotals, ways: &[Way], proofs: &Proofs) -> Vec<String> {
    let mut because = Vec::new();
    if trial.broken_off {
        because.push("the run was broken off before it was complete".to_owned());
    } else if !trial.books.complete() {
        because.push("the books were never closed: the bench was killed".to_owned());
    }
    because.extend(trial.unknown_because.iter().cloned());
    if books.written == 0 {
        because.push("nothing was written, so nothing could be lost".to_owned());
    } else if books.delivered == 0 && !started(trial) {
        because.push("the agent was never started".to_owned());
    } else if books.delivered == 0 {
        because.extend(deaths(trial).map(|death| format!("{death} before anything was delivered")));
    }
    because.extend(empty(trial, books, ways));
    because.extend(source::doubts(trial, ways));
    for event in trial.events {
        if let What::Fault(fault) = &event.what
            && fault.state == FaultState::NoEffect
        {
            let on = if fault.on.is_empty() { String::new() } else { format!(" on {}", fault.on) };
            because.push(format!("fault {} ({}{on}) had no effect: {}", fault.id, fault.name, fault.detail));
        }
    }
    because.extend(missing_proofs(&trial.contract.proof, proofs));
    let least = trial.contract.min_rate_per_s.filter(|_| !load_was_changed(trial.events));
    if let Some(least) = least.filter(|&least| trial.rates.sent_per_s < least) {
        because.push(format!(
            "the bench wrote {:.0} records a second, {least:.0} were wanted: lower --rate",
            trial.rates.sent_per_s
        ));
    }
    // A run that is judged again brings what was said of it before.
    let mut seen = BTreeSet::new();
    because.retain(|why| seen.insert(why.clone()));
    because
}

/// Parts of the run in which there was nothing to be seen.
fn empty(trial: &Trial<'_>, books: &BookTotals, ways: &[Way]) -> Vec<String> {
    let mut because = Vec::new();
    if books.written == 0 {
        return because;
    }
    for stream in trial.books.to_drop() {
        if trial.books.streams()[usize::from(stream.0)].marks().written == 0 {
            let name = ways[0].streams(trial.books).nth(usize::from(stream.0)).map_or("", |(name, _)| name);
            because.push(format!(
                "nothing of {name} was written, which is to be dropped: nothing shows that it would be; raise its rate"
            ));
        }
    }
    for way in ways.iter().filter(|way| way.may_lose() && way.books.delivered == 0 && way.books.expected > 0) {
        because.push(format!(
            "nothing arrived{} at all, which at-most-once cannot tell from a run that did nothing",
            way.on
        ));
    }
    because
}

fn missing_proofs(wanted: &Proofs, seen: &Proofs) -> Vec<String> {
    let table = [
        ("rotations", wanted.rotations, seen.rotations, "run longer, or rotate more often"),
        (
            "reused inode numbers",
            wanted.inodes_reused,
            seen.inodes_reused,
            "tmpfs never reuses them: put --out on ext4",
        ),
        ("archives", wanted.archives, seen.archives, "run longer, or rotate more often"),
        ("symbolic link swaps", wanted.symlink_swaps, seen.symlink_swaps, "run longer"),
        ("steered inode numbers", wanted.inodes_steered, seen.inodes_steered, "put --out on ext4"),
        ("faults", wanted.faults, seen.faults, "run longer"),
        ("interruptions of the agent", wanted.agent_interruptions, seen.agent_interruptions, "run longer"),
        ("refusals by the sink", wanted.sink_refusals, seen.sink_refusals, "run longer, or raise --rate"),
    ];
    let short = table.into_iter().filter(|(_, wanted, seen, _)| seen < wanted);
    short.map(|(what, wanted, seen, advice)| format!("{what}: {seen} seen, {wanted} needed; {advice}")).collect()
}
