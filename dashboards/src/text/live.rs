//! The run while it happens: how things stand in one line, and what an event says to a person.
//!
//! ```text
//!  00:12 measure 8/60 s, 00:52 left  in 24.0k/s out 23.9k/s  behind 1.23k, 410 kB  p99 210 ms  hang
//! ```

use results::{
    event::{AgentEvent, Event, Fault, FaultState, Phase, What},
    identity::StreamId,
};

pub use super::feed::{Feed, Line, Place};
use super::{table, units};
use crate::{display::display, state::State};

/// A bench that is later than this has not kept its pace, microseconds.
const LATE_US: u64 = 100_000;

/// How things stand, in one line of at most `width` columns.
pub fn line(state: &State, width: usize) -> String {
    let (elapsed, meant) = state.progress();
    let phase = state.phase.map_or("start", |(phase, _)| name(phase));
    let of = if meant > 0 { format!("/{}", meant.div_ceil(1_000_000)) } else { String::new() };
    let sample = &state.sample;
    let p99 = if sample.p99_us > 0 { units::millis(sample.p99_us as f64 / 1e3) } else { "-".to_owned() };
    let head = format!("{} {phase} {}{of} s", units::clock(state.t_us), elapsed / 1_000_000);
    let left = state.left_us().map_or_else(String::new, |left| format!(", {} left", units::clock(left)));
    let on = match state.routes() {
        1 => String::new(),
        routes => format!(" on {routes} routes"),
    };
    let flow = format!("in {} out {}{on}", units::rate(state.rates.written), units::rate(state.rates.delivered));
    let behind = format!("behind {}", units::short(state.backlog()));
    let behind_bytes = match state.backlog() {
        0 => behind.clone(),
        _ => format!("{behind}, {}", units::bytes(sample.backlog_bytes)),
    };
    let p99 = format!("p99 {p99}");
    // What happens now is never what is cut off: the figures make room for it.
    let mut figures = vec![format!("{head}{left}"), flow, behind_bytes, p99];
    // The light that is always on: without it no figure is to be believed.
    let light = Some(light(sample.bench_late_us));
    let word = last_word(state);
    let whole = |figures: &[String]| {
        figures.iter().chain(&light).chain(&word).map(String::as_str).collect::<Vec<_>>().join("  ")
    };
    if table::visible(&whole(&figures)) > width {
        figures[2] = behind;
    }
    if table::visible(&whole(&figures)) > width {
        figures[0] = head;
    }
    while table::visible(&whole(&figures)) > width && figures.len() > 1 {
        figures.pop();
    }
    table::fit(&whole(&figures), width)
}

/// Whether the bench itself keeps its pace.
fn light(late_us: u64) -> String {
    if late_us <= LATE_US {
        "bench ok".to_owned()
    } else {
        format!("bench {} LATE", units::millis(late_us as f64 / 1e3))
    }
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

/// What an event says to a person, who knows streams by their `names`; `None` for those that only move the figures.
pub fn news(event: &Event, names: &[String]) -> Option<String> {
    match &event.what {
        What::Phase(phase) => Some(format!("phase {}", name(*phase))),
        What::Fault(fault) => Some(fault_words(fault)),
        What::Agent(agent) => Some(agent_words(agent)),
        What::Warning(warning) => Some(format!("warning[{}]: {}", display(&warning.name), display(&warning.text))),
        What::Stall(stall) => Some(match stall.until_us {
            None => {
                format!("STALL {} has not moved since {}", called(stall.stream, names), units::clock(stall.from_us))
            }
            Some(until) => {
                let stood = units::millis(until.saturating_sub(stall.from_us) as f64 / 1e3);
                format!("{} moves again after {stood}", called(stall.stream, names))
            }
        }),
        What::RotationStep(step) => {
            let error = step.error.as_deref()?;
            let stream = called(step.stream, names);
            Some(format!("rotation of {stream} failed at {}: {}", display(&step.path), display(error)))
        }
        What::Begun(_)
        | What::Topology(_)
        | What::Dropped(_)
        | What::Sample(_)
        | What::Streams(_)
        | What::GenerationOpened(_)
        | What::GenerationClosed(_)
        | What::Judged(_) => None,
    }
}

/// A stream's name, or its number where the timeline does not tell.
fn called(stream: StreamId, names: &[String]) -> String {
    let name = names.get(usize::from(stream.0)).map(|name| display(name).into_owned());
    name.unwrap_or_else(|| format!("stream {}", stream.0))
}

fn agent_words(agent: &AgentEvent) -> String {
    let who = match agent.process() {
        "" => "agent".to_owned(),
        name => display(name).into_owned(),
    };
    match agent {
        AgentEvent::Started { pid, .. } => format!("{who} started, pid {pid}"),
        AgentEvent::Ended { pid, how, asked, .. } => {
            let why = if *asked { "as planned" } else { "BY ITSELF; see agent.log in the run folder" };
            format!("{who} ended, pid {pid}, {}, {why}", display(how))
        }
        AgentEvent::Limited { how, .. } => format!("{who} is limited: {}", display(how)),
        AgentEvent::ProbeFailed { path, how, .. } => {
            format!("{who} DID NOT ANSWER its probe of {}: {}", display(path), display(how))
        }
        AgentEvent::OomKilled { pid, how, .. } => format!("{who} OUT OF MEMORY, pid {pid}: {}", display(how)),
    }
}

/// The name of a fault with what it was done to, where there are several; from outside, not yet shown.
pub(crate) fn fault_name(fault: &Fault) -> String {
    if fault.on.is_empty() { fault.name.clone() } else { format!("{} on {}", fault.name, fault.on) }
}

fn fault_words(fault: &Fault) -> String {
    let name = fault_name(fault);
    let name = display(&name);
    let detail = if fault.detail.is_empty() { String::new() } else { format!(": {}", display(&fault.detail)) };
    match fault.state {
        FaultState::Applied => format!("fault {name}{detail}"),
        FaultState::Healed => format!("fault {name} over{detail}"),
        FaultState::NoEffect => format!("fault {name} had NO EFFECT{detail}"),
    }
}

pub(crate) fn name(phase: Phase) -> &'static str {
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
        event::{FileId, Generation, Sample, Stall, Warning},
        identity::StreamId,
    };

    use super::*;
    use crate::{
        state::Lengths,
        text::examples::{at, fault, reopened, sample},
    };

    const S: u64 = 1_000_000;

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
    fn a_stalled_stream_is_called_by_its_name_where_that_is_known() {
        let stall = || at(9 * S, What::Stall(Stall { stream: StreamId(1), from_us: 2 * S, until_us: None }));
        let names = ["web-00".to_owned(), "web\u{1b}-01".to_owned()];
        assert_eq!(news(&stall(), &names).unwrap(), "STALL web\\x1b-01 has not moved since 00:02");
        assert_eq!(news(&stall(), &[]).unwrap(), "STALL stream 1 has not moved since 00:02");
    }

    #[test]
    fn news_pass_the_door() {
        let warning = What::Warning(Warning { name: "a\u{1b}b".into(), text: "c\u{202e}d".into() });
        assert_eq!(news(&at(0, warning), &[]).unwrap(), "warning[a\\x1bb]: c\\u{202e}d");
        let file = FileId { device: 1, inode: 2, born_ns: 3 };
        let opened = Generation { stream: StreamId(0), generation: 0, path: "x".into(), file, first_seq: 0 };
        assert_eq!(news(&at(0, What::GenerationOpened(opened)), &[]), None);
    }
}
