//! Streams that stopped, and what had happened to them just before.

use std::collections::BTreeMap;

use crate::{
    books::Books,
    cause::{name, seconds},
    event::{Event, FaultState, Stall, StepKind, What},
    identity::StreamId,
    outcome::StallReport,
};

/// Looks at the streams come so far apart; what happened this long after the last progress seen may have ended it.
const LOOK_US: u64 = 250_000;

/// One report a stall, in the order in which they began.
pub(super) fn reports(books: &Books, events: &[Event]) -> Vec<StallReport> {
    let mut stalls: BTreeMap<(u64, StreamId), Option<u64>> = BTreeMap::new();
    for event in events {
        if let What::Stall(Stall { stream, from_us, until_us }) = event.what {
            stalls.insert((from_us, stream), until_us);
        }
    }
    let report = |((from_us, stream), until_us): ((u64, StreamId), Option<u64>)| StallReport {
        stream: books.name(stream),
        from_s: from_us as f64 / 1e6,
        until_s: until_us.map(|until| until as f64 / 1e6),
        after: after(events, books.routes().stream_of(stream), from_us + LOOK_US),
        undelivered: books
            .streams()
            .get(usize::from(stream.0))
            .map_or(0, |book| book.lost().map(|run| run.end - run.start).sum()),
    };
    stalls.into_iter().map(report).collect()
}

/// The last thing that was done to a stream, or to all of them, up to a moment.
fn after(events: &[Event], stream: StreamId, until_us: u64) -> String {
    let before = events.iter().take_while(|event| event.t_us <= until_us);
    let said = before.filter_map(|event| {
        let at = seconds(event.t_us);
        match &event.what {
            What::RotationStep(step) if step.stream == stream && step.step != StepKind::Steer => {
                let to = step.to.as_ref().map_or_else(String::new, |to| format!(" to {}", name(to)));
                Some(format!("rotation {} ({} {}{to}) at {at}", step.rotation, verb(step.step), name(&step.path)))
            }
            What::Fault(fault) if fault.state != FaultState::NoEffect => {
                let what = if fault.state == FaultState::Healed { "the end of " } else { "" };
                let on = if fault.on.is_empty() { String::new() } else { format!(" on {}", name(&fault.on)) };
                Some(format!("{what}fault {} ({}{on}) at {at}", fault.id, fault.name))
            }
            _ => None,
        }
    });
    said.last().unwrap_or_else(|| "the start of the run".to_owned())
}

fn verb(step: StepKind) -> &'static str {
    match step {
        StepKind::Close => "close",
        StepKind::Rename => "rename",
        StepKind::Unlink => "unlink",
        StepKind::Archive => "archive",
        StepKind::Reopen => "reopen",
        StepKind::Symlink => "link",
        StepKind::Steer => "steer",
    }
}
