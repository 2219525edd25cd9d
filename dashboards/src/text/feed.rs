//! Events into lines at a bounded rate: what a terminal or a pipe gets of a run while it happens.
//!
//! A terminal gets a progress line a second; a pipe one every 10 s, and its rotations summed up. Both are told what is new;
//! news of one kind that come in crowds are told a few times and then counted.

use std::collections::BTreeMap;

use results::event::{AgentEvent, Event, What};

use super::{
    live::{line, news},
    units,
};
use crate::state::State;

/// From one progress line to the next in a pipe, microseconds.
const PLAIN_EVERY_US: u64 = 10_000_000;
/// From one progress line to the next on a terminal, microseconds.
const TERMINAL_EVERY_US: u64 = 1_000_000;
/// News of one kind told one by one within one stretch; further ones are only counted.
const TOLD_EACH: u64 = 3;

/// What the caller prints: progress may be overwritten by the next one, news stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Line {
    /// How things stand.
    Progress(String),
    /// Something happened.
    News(String),
}

/// Where the lines go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A terminal: progress every second.
    Terminal,
    /// A pipe or file: progress every 10 s.
    Plain,
}

/// Turns events into lines, at a bounded rate whatever happens.
#[derive(Debug)]
pub struct Feed {
    place: Place,
    width: usize,
    next_us: u64,
    /// News of this stretch by kind: how many.
    told: BTreeMap<&'static str, u64>,
    /// Totals of files at the begin of this stretch: rotations, archives.
    files: (u64, u64),
}

impl Feed {
    /// A feed for lines of `width` columns.
    pub fn new(place: Place, width: usize) -> Self {
        Self { place, width, next_us: 0, told: BTreeMap::new(), files: (0, 0) }
    }

    /// The lines that `event` calls for; `state` has already taken it in.
    pub fn take(&mut self, event: &Event, state: &State) -> Vec<Line> {
        let mut lines = Vec::new();
        if let Some(words) = news(event, &state.names) {
            let kind = kind(&event.what);
            let told = self.told.entry(kind).or_insert(0);
            *told += 1;
            if *told <= TOLD_EACH || always(&event.what) {
                lines.push(Line::News(format!("{} {words}", units::clock(event.t_us))));
            }
        }
        if matches!(event.what, What::Judged(_)) {
            // No further stretch will tell what this one counted.
            lines.extend(self.summed(state).map(Line::News));
        }
        let due = matches!(event.what, What::Sample(_)) && event.t_us >= self.next_us;
        if due {
            lines.extend(self.summed(state).map(Line::News));
            lines.push(Line::Progress(line(state, self.width)));
            let every = match self.place {
                Place::Terminal => TERMINAL_EVERY_US,
                Place::Plain => PLAIN_EVERY_US,
            };
            // The grid is kept: a late sample does not shift all that follow.
            self.next_us = event.t_us - event.t_us % every + every;
        }
        lines
    }

    /// What the stretch brought that was not told one by one.
    fn summed(&mut self, state: &State) -> Option<String> {
        let mut parts = Vec::new();
        if self.place == Place::Plain {
            let (rotations, archives) = (state.files.rotations - self.files.0, state.files.archives - self.files.1);
            if rotations > 0 {
                parts.push(units::counted(rotations, "rotation"));
            }
            if archives > 0 {
                parts.push(units::counted(archives, "archive"));
            }
            self.files = (state.files.rotations, state.files.archives);
        }
        let untold = std::mem::take(&mut self.told).into_iter().filter(|(_, n)| *n > TOLD_EACH);
        parts.extend(untold.map(|(kind, n)| format!("{} more about {kind}", units::count(n - TOLD_EACH))));
        (!parts.is_empty()).then(|| format!("{} {}", units::clock(state.t_us), parts.join(", ")))
    }
}

/// News that come often are told a few times and then counted, by this name.
fn kind(what: &What) -> &'static str {
    match what {
        What::Fault(_) => "faults",
        What::Agent(_) => "the agent",
        What::Warning(_) => "warnings",
        What::Stall(_) => "stalls",
        What::RotationStep(_) => "failed rotation steps",
        _ => "the rest",
    }
}

/// News that are told however often they come: they are findings, or few by nature.
fn always(what: &What) -> bool {
    matches!(
        what,
        What::Phase(_)
            | What::Agent(
                AgentEvent::Ended { asked: false, .. } | AgentEvent::OomKilled { .. } | AgentEvent::ProbeFailed { .. }
            )
    )
}

#[cfg(test)]
mod tests {
    use results::event::{FaultState, Phase};

    use super::*;
    use crate::{
        state::Lengths,
        text::examples::{at, fault, outcome, reopened, sample},
    };

    const S: u64 = 1_000_000;

    /// Feeds events and returns what was printed.
    fn printed(place: Place, events: &[Event]) -> Vec<String> {
        let mut state = State::new(Lengths { warm_up_us: 3 * S, measure_us: 60 * S, drain_us: 0 });
        let mut feed = Feed::new(place, 80);
        let mut out = Vec::new();
        for event in events {
            state.fold(event);
            out.extend(feed.take(event, &state).into_iter().map(|line| match line {
                Line::Progress(text) => format!("~ {text}"),
                Line::News(text) => format!("! {text}"),
            }));
        }
        out
    }

    #[test]
    fn one_line_a_second_says_how_things_stand() {
        let mut events =
            vec![at(0, What::Phase(Phase::WarmUp)), at(0, sample(0)), at(3 * S, What::Phase(Phase::Measure))];
        events.extend([
            at(11 * S, sample(11)),
            at(11 * S + S / 2, fault(0, FaultState::Applied)),
            at(12 * S, sample(12)),
        ]);
        insta::assert_snapshot!(printed(Place::Terminal, &events).join("\n"));
    }

    #[test]
    fn a_pipe_gets_a_progress_line_every_ten_seconds() {
        let events: Vec<Event> = (0..=40 * 4).map(|n| at(n * S / 4, sample(n / 4))).collect();
        let lines = printed(Place::Plain, &events);
        assert_eq!(lines.len(), 5, "{lines:#?}");
        assert_eq!(printed(Place::Terminal, &events).len(), 41);
    }

    #[test]
    fn many_faults_are_told_a_few_times_and_then_counted() {
        let mut events = vec![at(0, sample(0))];
        events.extend((0..100).flat_map(|n| {
            [at(S + u64::from(n), fault(n, FaultState::Applied)), at(S + u64::from(n), fault(n, FaultState::Healed))]
        }));
        events.push(at(10 * S, sample(10)));
        let lines = printed(Place::Plain, &events);
        assert_eq!(lines.len(), 6, "{lines:#?}");
        assert_eq!(lines[4], "! 00:10 197 more about faults");
    }

    #[test]
    fn what_was_only_counted_is_told_at_the_end() {
        let mut events: Vec<Event> = (0..5).map(|n| at(S, fault(n, FaultState::Applied))).collect();
        assert_eq!(printed(Place::Terminal, &events).len(), 3);
        events.push(at(2 * S, What::Judged(Box::new(outcome()))));
        assert_eq!(printed(Place::Terminal, &events)[3], "! 00:02 2 more about faults");
    }

    #[test]
    fn rotations_are_counted_in_a_pipe_and_not_told_one_by_one() {
        let mut events = vec![at(0, sample(0))];
        events.extend((1..=412).map(|n| at(S, reopened(n))));
        events.push(at(10 * S, sample(10)));
        let lines = printed(Place::Plain, &events);
        assert_eq!(lines[1], "! 00:10 412 rotations");
        assert!(lines[2].ends_with("rot 412"), "{lines:#?}");
    }

    #[test]
    fn a_death_nobody_asked_for_is_always_told() {
        let died =
            What::Agent(AgentEvent::Ended { pid: 7, how: "signal 11".into(), asked: false, process: String::new() });
        let events: Vec<Event> = (0..50).map(|n| at(n, died.clone())).collect();
        assert_eq!(printed(Place::Plain, &events).len(), 50);
    }
}
