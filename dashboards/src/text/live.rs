//! The run while it happens: one line a second on a terminal, few lines in a pipe, and what is new in between.
//!
//! ```text
//!  00:12 measure 8/60 s  in 24.0k/s  out 23.9k/s  behind 1.23k 410 kB  p99 210 ms  kill_agent
//! ```

use std::collections::BTreeMap;

use results::event::{AgentEvent, Event, Fault, FaultState, Phase, What};

use super::{table, units};
use crate::{display::display, state::State};

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
        if let Some(words) = news(event) {
            let kind = kind(&event.what);
            let told = self.told.entry(kind).or_insert(0);
            *told += 1;
            if *told <= TOLD_EACH || always(&event.what) {
                lines.push(Line::News(format!("{} {words}", units::clock(event.t_us))));
            }
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

/// How things stand, in one line of at most `width` columns.
pub fn line(state: &State, width: usize) -> String {
    let (elapsed, meant) = state.progress();
    let phase = state.phase.map_or("start", |(phase, _)| name(phase));
    let of = if meant > 0 { format!("/{}", meant.div_ceil(1_000_000)) } else { String::new() };
    let sample = &state.sample;
    let p99 = if sample.p99_us > 0 { units::millis(sample.p99_us as f64 / 1e3) } else { "-".to_owned() };
    let head = format!("{} {phase} {}{of} s", units::clock(state.t_us), elapsed / 1_000_000);
    let flow = format!("in {} out {}", units::rate(state.rates.written), units::rate(state.rates.delivered));
    let behind = format!("behind {}", units::short(state.backlog()));
    let behind_bytes = format!("{behind} {}", units::bytes(sample.backlog_bytes));
    let p99 = format!("p99 {p99}");
    // What happens now is never what is cut off: the figures make room for it.
    let mut figures = vec![head, flow, behind_bytes, p99];
    let word = last_word(state);
    let whole = |figures: &[String]| figures.iter().chain(&word).map(String::as_str).collect::<Vec<_>>().join("  ");
    if table::visible(&whole(&figures)) > width {
        figures[2] = behind;
    }
    while table::visible(&whole(&figures)) > width && figures.len() > 1 {
        figures.pop();
    }
    table::fit(&whole(&figures), width)
}

/// The one thing to be said at the end of the line, the worst first.
fn last_word(state: &State) -> Option<String> {
    if !state.stalled.is_empty() {
        return Some(format!("STALLED {}", state.stalled.len()));
    }
    if let Some((name, _)) = state.faults.values().next_back() {
        return Some(display(name).into_owned());
    }
    (state.files.rotations > 0).then(|| format!("rot {}", units::short(state.files.rotations)))
}

/// What an event says to a person; `None` for those that only move the figures.
pub fn news(event: &Event) -> Option<String> {
    match &event.what {
        What::Phase(phase) => Some(format!("phase {}", name(*phase))),
        What::Fault(fault) => Some(fault_words(fault)),
        What::Agent(AgentEvent::Started { pid }) => Some(format!("agent started, pid {pid}")),
        What::Agent(AgentEvent::Ended { pid, how, asked }) => {
            let why = if *asked { "as planned" } else { "BY ITSELF; see agent.log in the run folder" };
            Some(format!("agent ended, pid {pid}, {}, {why}", display(how)))
        }
        What::Warning(warning) => Some(format!("warning[{}]: {}", display(&warning.name), display(&warning.text))),
        What::Stall(stall) => Some(match stall.until_us {
            None => format!("STALL stream {} has not moved since {}", stall.stream.0, units::clock(stall.from_us)),
            Some(until) => {
                let stood = units::millis(until.saturating_sub(stall.from_us) as f64 / 1e3);
                format!("stream {} moves again after {stood}", stall.stream.0)
            }
        }),
        What::RotationStep(step) => {
            let error = step.error.as_deref()?;
            Some(format!("rotation of stream {} failed at {}: {}", step.stream.0, display(&step.path), display(error)))
        }
        What::Sample(_)
        | What::Streams(_)
        | What::GenerationOpened(_)
        | What::GenerationClosed(_)
        | What::Judged(_) => None,
    }
}

fn fault_words(fault: &Fault) -> String {
    let name = display(&fault.name);
    let detail = if fault.detail.is_empty() { String::new() } else { format!(": {}", display(&fault.detail)) };
    match fault.state {
        FaultState::Applied => format!("fault {name}{detail}"),
        FaultState::Healed => format!("fault {name} over{detail}"),
        FaultState::NoEffect => format!("fault {name} had NO EFFECT{detail}"),
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
    matches!(what, What::Phase(_) | What::Agent(AgentEvent::Ended { asked: false, .. }))
}

fn name(phase: Phase) -> &'static str {
    match phase {
        Phase::SetUp => "set-up",
        Phase::WarmUp => "warm-up",
        Phase::Measure => "measure",
        Phase::Drain => "drain",
        Phase::Judge => "judge",
    }
}

#[cfg(test)]
mod tests {
    use results::{
        event::{FileId, Generation, RotationStep, Sample, Stall, StepKind, Warning},
        identity::StreamId,
    };

    use super::*;
    use crate::state::Lengths;

    const S: u64 = 1_000_000;

    fn at(t_us: u64, what: What) -> Event {
        Event { t_us, what }
    }

    fn sample(second: u64) -> What {
        What::Sample(Sample {
            sent: 24_000 * second,
            written: 24_000 * second,
            written_bytes: 8_000_000 * second,
            delivered: 23_900 * second,
            backlog_bytes: 410_000,
            p99_us: 210_400,
            ..Sample::default()
        })
    }

    fn fault(id: u32, state: FaultState) -> What {
        What::Fault(Fault { id, name: "refuse".into(), state, detail: "status 503".into() })
    }

    fn reopened(rotation: u32) -> What {
        What::RotationStep(RotationStep {
            stream: StreamId(0),
            rotation,
            step: StepKind::Reopen,
            path: "pods/a/0.log".into(),
            to: None,
            file: None,
            error: None,
        })
    }

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
    fn a_line_fits_whatever_the_figures_are() {
        let mut state = State::new(Lengths { measure_us: u64::MAX, ..Lengths::default() });
        state.fold(&at(0, What::Phase(Phase::Measure)));
        state.fold(&at(1, sample(0)));
        let huge = Sample {
            written: u64::MAX,
            written_bytes: u64::MAX,
            p99_us: u64::MAX,
            backlog_bytes: u64::MAX,
            ..Sample::default()
        };
        state.fold(&at(u64::MAX, What::Sample(huge)));
        for width in [0, 1, 40, 80, 120] {
            assert!(table::visible(&line(&state, width)) <= width);
        }
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
        let died = What::Agent(AgentEvent::Ended { pid: 7, how: "signal 11".into(), asked: false });
        let events: Vec<Event> = (0..50).map(|n| at(n, died.clone())).collect();
        assert_eq!(printed(Place::Plain, &events).len(), 50);
    }

    #[test]
    fn a_stall_comes_before_everything_else_at_the_end_of_the_line() {
        let mut state = State::default();
        for what in [
            reopened(1),
            fault(1, FaultState::Applied),
            What::Stall(Stall { stream: StreamId(3), from_us: S, until_us: None }),
        ] {
            state.fold(&at(2 * S, what));
        }
        assert!(line(&state, 120).ends_with("STALLED 1"));
        state.fold(&at(3 * S, What::Stall(Stall { stream: StreamId(3), from_us: S, until_us: Some(3 * S) })));
        assert!(line(&state, 120).ends_with("refuse"));
        state.fold(&at(4 * S, fault(1, FaultState::Healed)));
        assert!(line(&state, 120).ends_with("rot 1"));
    }

    #[test]
    fn news_pass_the_door() {
        let warning = What::Warning(Warning { name: "a\u{1b}b".into(), text: "c\u{202e}d".into() });
        assert_eq!(news(&at(0, warning)).unwrap(), "warning[a\\x1bb]: c\\u{202e}d");
        let file = FileId { device: 1, inode: 2, born_ns: 3 };
        let opened = Generation { stream: StreamId(0), generation: 0, path: "x".into(), file, first_seq: 0 };
        assert_eq!(news(&at(0, What::GenerationOpened(opened))), None);
    }
}
