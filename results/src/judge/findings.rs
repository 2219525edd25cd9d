//! The sentences of a verdict.

use std::collections::BTreeSet;

use super::Trial;
use crate::{
    books::{Damage, StreamBook},
    cause::seconds,
    contract::Delivery,
    event::{AgentEvent, FaultState, What},
    outcome::{BookTotals, Proofs, StallReport},
    proofs::load_was_changed,
    ranges::sentence,
};

/// Streams and stretches named in one sentence.
const MAX_NAMED: usize = 3;

/// The promises that were broken, worst first.
pub(super) fn broken_promises(trial: &Trial<'_>, books: &BookTotals, stalls: &[StallReport]) -> Vec<String> {
    let mut broken = Vec::new();
    let contract = &trial.contract;
    let may_lose = trial.broken_off || contract.delivery == Delivery::AtMostOnce || !started(trial);
    if books.lost > 0 && !may_lose {
        let place = shares(trial, |book| book.totals().lost);
        broken.push(format!("{} of {} records were lost: {place}", books.lost, books.expected));
    }
    if !trial.broken_off {
        broken.extend(stalls.iter().map(stalled));
    }
    if books.corrupted > 0 {
        broken.push(format!("{} records arrived damaged: {}", books.corrupted, damaged(trial)));
    }
    let forbidden = match contract.delivery {
        Delivery::AtLeastOnce => books.duplicated.saturating_sub(books.duplicated_allowed),
        Delivery::AtMostOnce | Delivery::ExactlyOnce => books.duplicated,
    };
    if forbidden > 0 {
        let at_least_once = contract.delivery == Delivery::AtLeastOnce;
        let place = shares(trial, |book| {
            let totals = book.totals();
            totals.duplicated - if at_least_once { totals.duplicated_allowed.min(totals.duplicated) } else { 0 }
        });
        broken.push(format!("{forbidden} surplus copies arrived that the contract does not allow: {place}"));
    }
    if books.unexpected > 0 {
        let example =
            trial.books.strangers().examples.first().map_or_else(String::new, |text| format!(", such as `{text}`"));
        broken.push(format!("{} records arrived that nobody sent{example}", books.unexpected));
    }
    if books.misattributed > 0 {
        let place = named(trial, |book| book.misattributed().seqs.iter().collect());
        broken.push(format!("{} records arrived under a wrong label: {place}", books.misattributed));
    }
    if books.reordered > 0 && contract.ordered {
        let place = named(trial, |book| book.reordered().seqs.iter().collect());
        broken.push(format!("{} records arrived after a later one of their stream: {place}", books.reordered));
    }
    if let Some(limit) = contract.latency_p99_us.filter(|&limit| trial.latency.p99 * 1e3 > limit as f64) {
        let (got, limit) = (trial.latency.p99, limit as f64 / 1e3);
        broken
            .push(format!("the 99th percentile of delivery latency is {got:.1} ms, above the limit of {limit:.1} ms"));
    }
    if books.delivered > 0 {
        broken.extend(deaths(trial));
    }
    broken
}

/// True if there ever was an agent to keep a promise.
fn started(trial: &Trial<'_>) -> bool {
    trial.events.iter().any(|event| matches!(event.what, What::Agent(AgentEvent::Started { .. })))
}

/// In short: what it followed and what it left undelivered is in the report of the stall.
fn stalled(stall: &StallReport) -> String {
    let end = stall.until_s.map_or_else(
        || "never moved again".to_owned(),
        |until| format!("moved again after {:.1} s", until - stall.from_s),
    );
    format!("{} stopped at {:.1} s and {end}", stall.stream, stall.from_s)
}

/// Ends of the agent that nobody asked for.
fn deaths(trial: &Trial<'_>) -> impl Iterator<Item = String> {
    trial.events.iter().filter_map(|event| match &event.what {
        What::Agent(AgentEvent::Ended { how, asked: false, .. }) => {
            Some(format!("the agent ended by itself at {} ({how})", seconds(event.t_us)))
        }
        _ => None,
    })
}

/// Why the run proves less than it should.
pub(super) fn unproven(trial: &Trial<'_>, books: &BookTotals, proofs: &Proofs) -> Vec<String> {
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
    for event in trial.events {
        if let What::Fault(fault) = &event.what
            && fault.state == FaultState::NoEffect
        {
            because.push(format!("fault {} ({}) had no effect: {}", fault.id, fault.name, fault.detail));
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

/// What a reader should know beside the verdict.
pub(super) fn remarks(trial: &Trial<'_>, books: &BookTotals) -> Vec<String> {
    let mut remarks = Vec::new();
    if trial.broken_off && books.lost > 0 {
        remarks.push(format!("{} records had not arrived when the run was broken off", books.lost));
    } else if books.lost > 0 && trial.contract.delivery == Delivery::AtMostOnce {
        remarks.push(format!("{} records were lost, which at-most-once allows", books.lost));
    }
    if books.duplicated_allowed > 0 && trial.contract.delivery == Delivery::AtLeastOnce {
        remarks.push(format!(
            "{} records arrived once more, as the contract allows for what was in flight at a crash or whose answer was lost",
            books.duplicated_allowed
        ));
    }
    if books.reordered > 0 && !trial.contract.ordered {
        remarks.push(format!("{} records arrived out of order, which the contract allows", books.reordered));
    }
    if books.source_lost > 0 {
        let pieces = match trial.books.torn_fragments() {
            0 => String::new(),
            torn => format!("; {torn} pieces of them arrived, left by writes that failed half-way"),
        };
        let lost = books.source_lost;
        remarks.push(format!("{lost} records were lost at the source and are not the agent's fault{pieces}"));
    }
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

/// "app-1 12, app-2 7, 3 more streams 4": the streams that have any, most first. Which records they are, and why, is told
/// with the causes.
fn shares(trial: &Trial<'_>, of: impl Fn(&StreamBook) -> u64) -> String {
    let streams = trial.books.names().iter().zip(trial.books.streams());
    let mut hit: Vec<(u64, &String)> =
        streams.map(|(name, book)| (of(book), name)).filter(|(count, _)| *count > 0).collect();
    hit.sort_by_key(|(count, _)| std::cmp::Reverse(*count));
    let (first, rest) = hit.split_at(hit.len().min(MAX_NAMED));
    let mut parts: Vec<String> = first.iter().map(|(count, name)| format!("{name} {count}")).collect();
    if !rest.is_empty() {
        let count: u64 = rest.iter().map(|(count, _)| count).sum();
        parts.push(format!("{} more streams {count}", rest.len()));
    }
    parts.join(", ")
}

/// "app-1: 5–9, 12; app-2: 7" for the streams that have any.
fn named(trial: &Trial<'_>, of: impl Fn(&StreamBook) -> Vec<std::ops::Range<u64>>) -> String {
    let streams = trial.books.names().iter().zip(trial.books.streams());
    let hit = streams.map(|(name, book)| (name, of(book))).filter(|(_, ranges)| !ranges.is_empty());
    let parts: Vec<String> =
        hit.map(|(name, ranges)| format!("{name} {}", sentence(ranges, MAX_NAMED))).take(MAX_NAMED + 1).collect();
    let more = if parts.len() > MAX_NAMED { "; …" } else { "" };
    parts[..parts.len().min(MAX_NAMED)].join("; ") + more
}

fn damaged(trial: &Trial<'_>) -> String {
    let strangers = trial.books.strangers();
    let word = |damage: Damage| strangers.damage.get(&damage).map(|count| format!("{count} {}", damage.word()));
    let kinds: Vec<String> = Damage::ALL.into_iter().filter_map(word).collect();
    let place = named(trial, |book| book.damaged().iter().map(|(range, _)| range).collect());
    let torn = trial.books.torn_fragments();
    let unknown = match strangers.unidentified - torn {
        0 => String::new(),
        count => format!("; {count} cannot be told to be any record"),
    };
    let unknown = if torn > 0 { format!("{unknown}; {torn} pieces of failed writes beside them") } else { unknown };
    format!("{} ({place}{unknown})", kinds.join(", "))
}
