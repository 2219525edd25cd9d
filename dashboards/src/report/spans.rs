//! What was going on when: the stretches of the run, the faults, the lives of the agent, the stalls. Shaded over every chart.

use std::collections::BTreeSet;

use results::event::{AgentEvent, Event, Fault, FaultState, What};

use crate::text::live;

/// Stretches kept of one run; further ones are counted only.
pub const MOST: usize = 2_000;
/// Why an agent ended that was asked to.
const PLANNED: &str = "as planned";

/// What a stretch is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A phase of the run.
    Phase,
    /// A fault was in force.
    Fault,
    /// The agent was not running though the run was under way.
    Down,
    /// A stream stood still.
    Stall,
}

/// A stretch of the run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: String,
    /// When it began, microseconds since the start of the run.
    pub from_us: u64,
    /// When it ended.
    pub until_us: u64,
    /// True if it was seen to end.
    pub ended: bool,
    /// Evidence; empty where there is none.
    pub detail: String,
}

impl Kind {
    /// Its name in the data and in classes.
    pub fn word(self) -> &'static str {
        match self {
            Self::Phase => "phase",
            Self::Fault => "fault",
            Self::Down => "down",
            Self::Stall => "stall",
        }
    }
}

/// All stretches, by kind and then by begin, and how many were left out.
pub fn spans(events: &[Event], names: &[String], end_us: u64) -> (Vec<Span>, usize) {
    let mut spans = Vec::new();
    let mut faults: Vec<(u32, Span)> = Vec::new();
    let mut up = BTreeSet::new();
    for event in events {
        match &event.what {
            What::Phase(phase) => {
                end(&mut spans, event.t_us, |span| span.kind == Kind::Phase);
                spans.push(begin(Kind::Phase, live::name(*phase), event.t_us));
            }
            What::Fault(fault) => self::fault(&mut faults, &mut spans, event.t_us, fault),
            What::Agent(AgentEvent::Started { process, .. }) => {
                up.insert(process);
                end(&mut spans, event.t_us, |span| span.kind == Kind::Down && span.name == down(process));
            }
            What::Agent(AgentEvent::Ended { how, asked, process, .. }) if up.remove(process) => {
                let why = if *asked { PLANNED } else { "by itself" };
                let detail = format!("{how}, {why}");
                spans.push(Span { detail, ..begin(Kind::Down, &down(process), event.t_us) });
            }
            What::Stall(stall) => {
                let name = names.get(usize::from(stall.stream.0)).cloned();
                let name = name.unwrap_or_else(|| format!("stream {}", stall.stream.0));
                let same = |span: &Span| span.kind == Kind::Stall && span.from_us == stall.from_us && span.name == name;
                match stall.until_us {
                    Some(until_us) => end(&mut spans, until_us, same),
                    None => spans.push(begin(Kind::Stall, &name, stall.from_us)),
                }
            }
            _ => {}
        }
    }
    spans.extend(faults.into_iter().map(|(_, span)| span));
    for span in spans.iter_mut().filter(|span| !span.ended) {
        span.until_us = end_us.max(span.from_us);
    }
    // At the end of all the bench ends the agent: nobody waited for it then.
    spans.retain(|span| span.kind != Kind::Down || span.ended || !span.detail.ends_with(PLANNED));
    spans.sort_by_key(|span| (span.kind, span.from_us));
    let more = spans.len().saturating_sub(MOST);
    spans.truncate(MOST);
    (spans, more)
}

fn down(process: &str) -> String {
    if process.is_empty() { "agent down".to_owned() } else { format!("{process} down") }
}

fn begin(kind: Kind, name: &str, t_us: u64) -> Span {
    Span { kind, name: name.to_owned(), from_us: t_us, until_us: t_us, ended: false, detail: String::new() }
}

/// Ends the last span of these that has not ended.
fn end(spans: &mut [Span], t_us: u64, which: impl Fn(&Span) -> bool) {
    if let Some(span) = spans.iter_mut().rev().find(|span| which(span) && !span.ended) {
        span.until_us = t_us.max(span.from_us);
        span.ended = true;
    }
}

fn fault(open: &mut Vec<(u32, Span)>, spans: &mut Vec<Span>, t_us: u64, fault: &Fault) {
    let begun = open.iter().position(|(id, _)| *id == fault.id);
    match (fault.state, begun) {
        (FaultState::Applied, _) => {
            open.push((
                fault.id,
                Span { detail: fault.detail.clone(), ..begin(Kind::Fault, &live::fault_name(fault), t_us) },
            ));
        }
        (FaultState::Healed | FaultState::NoEffect, begun) => {
            let mut span =
                begun.map_or_else(|| begin(Kind::Fault, &live::fault_name(fault), t_us), |at| open.remove(at).1);
            let no_effect = if fault.state == FaultState::NoEffect { "NO EFFECT: " } else { "" };
            span.detail = format!("{no_effect}{}", fault.detail);
            span.until_us = t_us.max(span.from_us);
            span.ended = true;
            spans.push(span);
        }
    }
}

#[cfg(test)]
mod tests {
    use results::{
        event::{Phase, Stall},
        identity::StreamId,
    };

    use super::*;

    fn at(t_us: u64, what: What) -> Event {
        Event { t_us, what }
    }

    fn fault_of(id: u32, state: FaultState, detail: &str) -> What {
        What::Fault(Fault { id, name: "refuse".into(), on: String::new(), state, hits: 0, detail: detail.into() })
    }

    fn told(events: &[Event]) -> Vec<String> {
        let (spans, _) = spans(events, &["app".into()], 100);
        let say = |span: &Span| {
            let open = if span.ended { "" } else { "…" };
            format!("{} {} {}–{}{open} {}", span.kind.word(), span.name, span.from_us, span.until_us, span.detail)
        };
        spans.iter().map(|span| say(span).trim_end().to_owned()).collect()
    }

    #[test]
    fn stretches_end_where_they_were_seen_to_end_and_else_with_the_run() {
        let stall = |until_us| What::Stall(Stall { stream: StreamId(0), from_us: 30, until_us });
        let events = [
            at(0, What::Phase(Phase::WarmUp)),
            at(10, What::Phase(Phase::Measure)),
            at(20, fault_of(1, FaultState::Applied, "503")),
            at(21, fault_of(2, FaultState::Applied, "503")),
            at(40, stall(None)),
            at(50, fault_of(1, FaultState::Healed, "17 refused")),
            at(60, fault_of(2, FaultState::NoEffect, "none came")),
            at(70, stall(Some(65))),
            at(80, stall(None)),
        ];
        assert_eq!(
            told(&events),
            [
                "phase warm-up 0–10",
                "phase measure 10–100…",
                "fault refuse 20–50 17 refused",
                "fault refuse 21–60 NO EFFECT: none came",
                "stall app 30–65",
                "stall app 30–100…",
            ]
        );
    }

    #[test]
    fn an_agent_that_is_down_is_shaded_but_not_at_the_planned_end() {
        let ended =
            |asked| What::Agent(AgentEvent::Ended { pid: 1, how: "signal 9".into(), asked, process: String::new() });
        let events = [
            at(1, What::Agent(AgentEvent::Started { pid: 1, process: String::new() })),
            at(20, ended(false)),
            at(30, What::Agent(AgentEvent::Started { pid: 2, process: String::new() })),
            at(90, ended(true)),
            at(95, What::Phase(Phase::Judge)),
        ];
        assert_eq!(told(&events), ["phase judge 95–100…", "down agent down 20–30 signal 9, by itself"]);
    }
}
