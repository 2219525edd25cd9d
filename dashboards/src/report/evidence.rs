//! Each finding with its evidence, and beside it what went well in the same run: a neighbour that was treated alike and
//! arrived, with counts both ways. Who distrusts a finding looks for the difference between the two.

use std::collections::BTreeSet;

use results::{
    event::{Event, StreamSample, What},
    outcome::{Cause, StallReport},
};

use super::{Report, timeline::Generation};
use crate::text::units::{count, counted, seconds};

/// Findings that are told in full; more are only counted.
pub const MOST: usize = 60;

/// One finding.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// What is the matter, in one line.
    pub headline: String,
    /// The sentence that proves it.
    pub evidence: String,
    /// When it began, seconds since the start of the run.
    pub from_s: Option<f64>,
    /// Counts of what failed.
    pub failing: Vec<String>,
    /// Counts of what went well beside it.
    pub healthy: Vec<String>,
}

/// The findings of a run, causes first, and how many there are in all.
pub fn findings(report: &Report, events: &[Event]) -> (Vec<Finding>, usize) {
    let outcome = &report.outcome;
    let causes = outcome.causes.iter().map(|one| cause(report, one));
    let stalls = outcome.stalls.iter().map(|one| stall(report, one, events));
    (causes.chain(stalls).take(MOST).collect(), outcome.causes.len() + outcome.stalls.len())
}

fn cause(report: &Report, cause: &Cause) -> Finding {
    let stream = report.stream(&cause.stream);
    let of = |one: &&Generation| stream == Some(one.stream);
    let first = report.generations.iter().filter(of).find(|one| one.hurt());
    let place = if cause.stream.is_empty() { String::new() } else { format!(" in {}", cause.stream) };
    let lost = cause.verdict == "lost";
    let mut failing = Vec::new();
    let mut healthy = Vec::new();
    if lost && report.has_books {
        failing
            .extend(report.generations.iter().filter(of).filter(|one| one.hurt()).take(3).map(|one| told(report, one)));
        let more = report.generations.iter().filter(of).filter(|one| one.hurt()).count().saturating_sub(3);
        if more > 0 {
            failing.push(format!("and {} of this stream", counted(more as u64, "more generation")));
        }
        healthy.extend(neighbour(report, stream, first));
        healthy.extend(others(report, stream));
        failing.extend(reuse(report, true));
        healthy.extend(reuse(report, false));
    }
    if !lost {
        healthy.extend(spared(report, &cause.verdict));
    }
    Finding {
        headline: format!("{} {}{place}: {}", count(cause.count), cause.verdict, cause.cause),
        evidence: cause.evidence.clone(),
        from_s: first.filter(|_| lost).map(|one| one.opened_us as f64 / 1e6),
        failing,
        healthy,
    }
}

/// The nearest generation of the same stream that was rotated alike and arrived whole.
fn neighbour(report: &Report, stream: Option<u16>, hurt: Option<&Generation>) -> Option<String> {
    let hurt = hurt?;
    let mine = report.generations.iter().filter(|one| Some(one.stream) == stream && one.whole());
    let nearest = mine.min_by_key(|one| one.generation.abs_diff(hurt.generation))?;
    Some(told(report, nearest))
}

/// A generation in words.
fn told(report: &Report, one: &Generation) -> String {
    let number = match one.reuses {
        Some((stream, generation)) if stream == one.stream => {
            format!("inode {}, had been generation {generation}'s", one.file.inode)
        }
        Some((stream, generation)) => {
            format!("inode {}, had been generation {generation}'s of {}", one.file.inode, report.name(stream))
        }
        None => format!("inode {}, new to this run", one.file.inode),
    };
    let arrived = one.records().saturating_sub(one.lost.unwrap_or(0));
    format!(
        "{} generation {} ({number}): {} of {} records arrived",
        report.name(one.stream),
        one.generation,
        count(arrived),
        count(one.records())
    )
}

/// The streams beside this one, all in one sentence.
fn others(report: &Report, stream: Option<u16>) -> Option<String> {
    let others: Vec<&Generation> = report.generations.iter().filter(|one| Some(one.stream) != stream).collect();
    let streams: BTreeSet<u16> = others.iter().map(|one| one.stream).collect();
    let records: u64 = others.iter().map(|one| one.records()).fold(0, u64::saturating_add);
    let lost: u64 = others.iter().filter_map(|one| one.lost).fold(0, u64::saturating_add);
    (records > 0).then(|| {
        let arrived = count(records.saturating_sub(lost));
        format!("{}: {arrived} of {} records arrived", counted(streams.len() as u64, "other stream"), count(records))
    })
}

/// The streams of which nothing was doubled, changed, … in this way, all in one sentence.
fn spared(report: &Report, verdict: &str) -> Option<String> {
    let hurt: BTreeSet<Option<u16>> = (report.outcome.causes.iter())
        .filter(|cause| cause.verdict == verdict)
        .map(|cause| report.stream(&cause.stream))
        .collect();
    let spared = report.generations.iter().filter(|one| !hurt.contains(&Some(one.stream)));
    let (mut streams, mut records) = (BTreeSet::new(), 0);
    for one in spared {
        streams.insert(one.stream);
        records = u64::saturating_add(records, one.records());
    }
    // Where it is not known whose they are, nobody was seen to be spared.
    (records > 0 && !hurt.contains(&None)).then(|| {
        format!("{}: none of {} records {verdict}", counted(streams.len() as u64, "other stream"), count(records))
    })
}

/// How files with a reused number fared, or those with a fresh one: a ratio that tells whether the number matters.
fn reuse(report: &Report, reused: bool) -> Option<String> {
    let (mut of, mut hurt) = (0, 0);
    for one in report.generations.iter().filter(|one| one.records() > 0 && one.reuses.is_some() == reused) {
        of += 1;
        hurt += u64::from(one.hurt());
    }
    let reused_any = report.generations.iter().any(|one| one.reuses.is_some());
    let what = if reused { "a reused inode number" } else { "a number new to this run" };
    (reused_any && of > 0).then(|| format!("files with {what}: {hurt} of {of} lost records"))
}

fn stall(report: &Report, stall: &StallReport, events: &[Event]) -> Finding {
    let until_s = stall.until_s.unwrap_or(report.end_us as f64 / 1e6);
    let end =
        stall.until_s.map_or("never moved again".to_owned(), |until| format!("moved again at {}", seconds(until)));
    let after = if stall.after.is_empty() { String::new() } else { format!(" after {}", stall.after) };
    let (begin, over) = ((stall.from_s * 1e6) as u64, (until_s * 1e6) as u64);
    let (mut failing, mut healthy) = (Vec::new(), Vec::new());
    if let (Some((then, first)), Some((now, last))) = (look_after(events, begin), look(events, over))
        && let Some(stream) = report.stream(&stall.stream)
    {
        let gained = |at: usize| progress(first, last, at);
        let (written, delivered) = gained(usize::from(stream));
        let stretch = format!("from {} to {}", seconds(then as f64 / 1e6), seconds(now as f64 / 1e6));
        failing.push(format!(
            "{} {stretch}: {} records written, {} delivered",
            stall.stream,
            count(written),
            count(delivered)
        ));
        let beside: Vec<(u64, u64)> = (0..last.len())
            .filter(|&at| at != usize::from(stream))
            .map(gained)
            .filter(|(written, _)| *written > 0)
            .collect();
        let active = beside.iter().filter(|(_, delivered)| *delivered > 0).count() as u64;
        if !beside.is_empty() {
            let all: u64 = beside.iter().map(|(_, delivered)| *delivered).fold(0, u64::saturating_add);
            healthy.push(format!(
                "meanwhile {active} of {} moved and delivered {} records: {}",
                counted(beside.len() as u64, "other stream"),
                count(all),
                if active > 0 { "the stream stood, not the agent" } else { "nothing moved at all" }
            ));
        }
    }
    Finding {
        headline: format!("{} stood still from {}, {end}", stall.stream, seconds(stall.from_s)),
        evidence: format!("{} records were undelivered at the end; it stopped{after}", count(stall.undelivered)),
        from_s: Some(stall.from_s),
        failing,
        healthy,
    }
}

/// The streams as last sampled at or before this moment.
fn look(events: &[Event], t_us: u64) -> Option<(u64, &[StreamSample])> {
    looks(events).take_while(|(then, _)| *then <= t_us).last()
}

/// The streams as first sampled at or after it: what a stream delivered just before it stopped is none of the stall.
fn look_after(events: &[Event], t_us: u64) -> Option<(u64, &[StreamSample])> {
    looks(events).find(|(then, _)| *then >= t_us)
}

fn looks(events: &[Event]) -> impl Iterator<Item = (u64, &[StreamSample])> {
    events.iter().filter_map(|event| match &event.what {
        What::Streams(streams) => Some((event.t_us, &streams[..])),
        _ => None,
    })
}

fn progress(first: &[StreamSample], last: &[StreamSample], at: usize) -> (u64, u64) {
    let of = |all: &[StreamSample]| all.get(at).copied().unwrap_or_default();
    let (StreamSample(written, delivered), StreamSample(written_then, delivered_then)) = (of(last), of(first));
    (written.saturating_sub(written_then), delivered.saturating_sub(delivered_then))
}

#[cfg(test)]
mod tests {
    use crate::report::examples::{failed, report, stall_story};

    #[test]
    fn a_loss_stands_beside_a_file_that_was_rotated_alike_and_arrived() {
        let mut outcome = failed();
        outcome.causes[0].stream = "web-00".into();
        let report = report(outcome, stall_story());
        let finding = &report.findings[0];
        assert_eq!(
            finding.failing,
            [
                "web-00 generation 3 (inode 132, had been generation 1's): 0 of 100 records arrived",
                "files with a reused inode number: 1 of 1 lost records",
            ]
        );
        assert_eq!(
            finding.healthy,
            [
                "web-00 generation 2 (inode 133, new to this run): 100 of 100 records arrived",
                "1 other stream: 120 of 120 records arrived",
                "files with a number new to this run: 0 of 4 lost records",
            ]
        );
    }

    #[test]
    fn copies_stand_beside_the_streams_that_had_none() {
        let mut outcome = failed();
        (outcome.causes[0].stream, outcome.causes[0].verdict) = ("web-00".into(), "duplicated".into());
        let finding = &report(outcome.clone(), stall_story()).findings[0];
        assert_eq!(finding.healthy, ["1 other stream: none of 120 records duplicated"]);
        let mut elsewhere = outcome.causes[0].clone();
        elsewhere.stream = "worker-00".into();
        outcome.causes.push(elsewhere);
        assert!(report(outcome, stall_story()).findings[0].healthy.is_empty(), "no stream was spared");
    }

    #[test]
    fn a_stall_stands_beside_what_moved_meanwhile() {
        let mut outcome = failed();
        outcome.stalls[0].stream = "web-00".into();
        outcome.stalls[0].from_s = 3.5;
        let report = report(outcome, stall_story());
        let finding = &report.findings[1];
        assert_eq!(finding.failing, ["web-00 from 4.00 s to 12.0 s: 0 records written, 0 delivered"]);
        assert_eq!(
            finding.healthy,
            ["meanwhile 1 of 1 other stream moved and delivered 80 records: the stream stood, not the agent"]
        );
    }
}
