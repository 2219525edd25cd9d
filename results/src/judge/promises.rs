//! The promises that were broken, in sentences.

use super::{Trial, routes::Way};
use crate::{
    books::{Damage, StreamBook},
    cause::seconds,
    contract::Delivery,
    event::{AgentEvent, Event, What},
    outcome::{BookTotals, StallReport},
    ranges::sentence,
};

/// Streams and stretches named in one sentence.
const MAX_NAMED: usize = 3;

/// The promises that were broken, worst first.
pub(super) fn broken(trial: &Trial<'_>, books: &BookTotals, ways: &[Way], stalls: &[StallReport]) -> Vec<String> {
    let mut broken = Vec::new();
    if !trial.broken_off && started(trial) {
        broken.extend(ways.iter().filter_map(|way| lost(trial, way)));
    }
    if !trial.broken_off {
        broken.extend(stalls.iter().map(stalled));
    }
    for way in ways.iter().filter(|way| way.books.corrupted > 0) {
        broken.push(format!("{} records arrived damaged{}: {}", way.books.corrupted, way.on, damaged(trial, way)));
    }
    broken.extend(ways.iter().filter_map(|way| doubled(trial, way)));
    for way in ways {
        broken.extend(unexpected(trial, way));
    }
    for way in ways.iter().filter(|way| way.books.misattributed > 0) {
        let place = named(trial, way, |book| book.misattributed().seqs.iter().collect());
        broken.push(format!("{} records arrived under a wrong label{}: {place}", way.books.misattributed, way.on));
    }
    for way in ways.iter().filter(|way| way.books.reordered > 0 && way.contract.ordered) {
        let place = named(trial, way, |book| book.reordered().seqs.iter().collect());
        let (count, on) = (way.books.reordered, &way.on);
        broken.push(format!("{count} records arrived after a later one of their stream{on}: {place}"));
    }
    if let Some(limit) = trial.contract.latency_p99_us.filter(|&limit| trial.latency.p99 * 1e3 > limit as f64) {
        let (got, limit) = (trial.latency.p99, limit as f64 / 1e3);
        broken
            .push(format!("the 99th percentile of delivery latency is {got:.1} ms, above the limit of {limit:.1} ms"));
    }
    if books.delivered > 0 {
        broken.extend(deaths(trial));
    }
    broken.extend(trial.events.iter().filter_map(unprobed));
    broken
}

fn lost(trial: &Trial<'_>, way: &Way) -> Option<String> {
    let (lost, expected, on) = (way.books.lost, way.books.expected, &way.on);
    if lost == 0 || way.may_lose() {
        return None;
    }
    let place = shares(trial, way, |book| book.totals().lost);
    Some(match way.books.source_lost_by_number {
        0 => format!("{lost} of {expected} records were lost{on}: {place}"),
        source => format!(
            "{lost} of {expected} records were lost{on}, beyond the {source} that the source may have lost: missing are {place}"
        ),
    })
}

fn doubled(trial: &Trial<'_>, way: &Way) -> Option<String> {
    let (forbidden, on) = (way.forbidden_copies(), &way.on);
    let at_least_once = way.contract.delivery == Delivery::AtLeastOnce;
    let place = shares(trial, way, |book| {
        let totals = book.totals();
        totals.duplicated - if at_least_once { totals.duplicated_allowed.min(totals.duplicated) } else { 0 }
    });
    (forbidden > 0).then(|| format!("{forbidden} surplus copies arrived{on} that the contract does not allow: {place}"))
}

fn unexpected(trial: &Trial<'_>, way: &Way) -> Vec<String> {
    let (strangers, on) = (trial.books.strangers_on(way.id), &way.on);
    let mut said = Vec::new();
    if strangers.unexpected > 0 {
        let example = strangers.examples.first().map_or_else(String::new, |text| format!(", such as `{text}`"));
        said.push(format!("{} records arrived{on} that nobody sent{example}", strangers.unexpected));
    }
    let undropped = way.books.unexpected - strangers.unexpected;
    if undropped > 0 {
        let place = named(trial, way, |book| book.undropped().collect());
        said.push(format!("{undropped} records arrived{on} that were to be dropped: {place}"));
    }
    said
}

/// True if there ever was an agent to keep a promise.
pub(super) fn started(trial: &Trial<'_>) -> bool {
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
pub(super) fn deaths(trial: &Trial<'_>) -> impl Iterator<Item = String> {
    trial.events.iter().filter_map(|event| match &event.what {
        What::Agent(AgentEvent::Ended { how, asked: false, pid, process }) => {
            let who = if process.is_empty() { "the agent" } else { process };
            let oom = oom(trial.events, *pid).map_or_else(String::new, |how| format!(": out of memory, {how}"));
            Some(format!("{who} ended by itself at {} ({how}){oom}", seconds(event.t_us)))
        }
        _ => None,
    })
}

/// A probe that an orchestrator would have acted upon.
fn unprobed(event: &Event) -> Option<String> {
    match &event.what {
        What::Agent(AgentEvent::ProbeFailed { process, path, how }) => {
            let who = if process.is_empty() { "the agent" } else { process };
            Some(format!("{who} did not answer its probe of {path} at {}: {how}", seconds(event.t_us)))
        }
        _ => None,
    }
}

/// What shows that the kernel killed a process for memory.
fn oom(events: &[Event], of: u32) -> Option<&str> {
    events.iter().find_map(|event| match &event.what {
        What::Agent(AgentEvent::OomKilled { pid, how, .. }) if *pid == of => Some(how.as_str()),
        _ => None,
    })
}

/// "app-1 12, app-2 7, 3 more streams 4": the streams that have any, most first. Which records they are, and why, is told
/// with the causes.
fn shares(trial: &Trial<'_>, way: &Way, of: impl Fn(&StreamBook) -> u64) -> String {
    let mut hit: Vec<(u64, &str)> =
        way.streams(trial.books).map(|(name, book)| (of(book), name)).filter(|(count, _)| *count > 0).collect();
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
fn named(trial: &Trial<'_>, way: &Way, of: impl Fn(&StreamBook) -> Vec<std::ops::Range<u64>>) -> String {
    let hit = way.streams(trial.books).map(|(name, book)| (name, of(book))).filter(|(_, ranges)| !ranges.is_empty());
    let parts: Vec<String> =
        hit.map(|(name, ranges)| format!("{name} {}", sentence(ranges, MAX_NAMED))).take(MAX_NAMED + 1).collect();
    let more = if parts.len() > MAX_NAMED { "; …" } else { "" };
    parts[..parts.len().min(MAX_NAMED)].join("; ") + more
}

fn damaged(trial: &Trial<'_>, way: &Way) -> String {
    let strangers = trial.books.strangers_on(way.id);
    let word = |damage: Damage| strangers.damage.get(&damage).map(|count| format!("{count} {}", damage.word()));
    let kinds: Vec<String> = Damage::ALL.into_iter().filter_map(word).collect();
    let place = named(trial, way, |book| book.damaged().iter().map(|(range, _)| range).collect());
    let torn = trial.books.torn_on(way.id);
    let unknown = match strangers.unidentified - torn {
        0 => String::new(),
        count => format!("; {count} cannot be told to be any record"),
    };
    let unknown = if torn > 0 { format!("{unknown}; {torn} pieces of failed writes beside them") } else { unknown };
    format!("{} ({place}{unknown})", kinds.join(", "))
}
