//! A run that is played from its events: play, pause, speed, seek by time or to the next finding or fault. A run under way is
//! the same with an end that moves; to follow it is to stand at that end.

use results::event::{AgentEvent, Event, FaultState, What};

use super::{about::About, board::Board};

/// The slowest and fastest, seconds of the run a second.
const SPEEDS: (f64, f64) = (0.125, 1024.0);

/// What to seek.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// A finding.
    Finding,
    /// The begin of a fault.
    Fault,
}

/// A run and how far it is played.
#[derive(Debug, Clone)]
pub struct Replay {
    events: Vec<Event>,
    /// How many of the events the board has taken in.
    taken: usize,
    board: Board,
    now_us: u64,
    end_us: u64,
}

impl Replay {
    /// A run at its begin.
    pub fn new(about: About, events: Vec<Event>) -> Self {
        let mut replay = Self { events: Vec::new(), taken: 0, board: Board::new(about), now_us: 0, end_us: 0 };
        replay.push(events);
        replay.seek(0);
        replay
    }

    /// Further events of a run under way.
    pub fn push(&mut self, events: Vec<Event>) {
        // Events of several threads may be a little out of order: they are played in the order they were written.
        self.end_us = events.iter().map(|event| event.t_us).fold(self.end_us, u64::max);
        self.events.extend(events);
    }

    /// The board as of now.
    pub fn board(&self) -> &Board {
        &self.board
    }

    /// Where it stands, microseconds since the start of the run.
    pub fn now_us(&self) -> u64 {
        self.now_us
    }

    /// Where its events end.
    pub fn end_us(&self) -> u64 {
        self.end_us
    }

    /// Moves on; true once the end is reached.
    pub fn advance(&mut self, by_us: u64) -> bool {
        self.seek(self.now_us.saturating_add(by_us));
        self.now_us >= self.end_us
    }

    /// Goes to a moment; back means from the begin again.
    pub fn seek(&mut self, to_us: u64) {
        let to_us = to_us.min(self.end_us);
        if to_us < self.now_us {
            let revision = self.board.revision;
            self.board = Board::new(self.board.about.clone());
            // Every look is to be drawn, though the same number of events may lead to it.
            self.board.revision = revision + self.events.len() as u64;
            self.taken = 0;
        }
        self.now_us = to_us;
        while let Some(event) = self.events.get(self.taken).filter(|event| event.t_us <= to_us) {
            self.board.fold(event);
            self.taken += 1;
        }
    }

    /// The moment of the next target after now, or of the one before.
    pub fn find(&self, target: Target, forward: bool) -> Option<u64> {
        let times = self.events.iter().filter(|event| is(target, &event.what)).map(|event| event.t_us);
        if forward { times.filter(|t| *t > self.now_us).min() } else { times.filter(|t| *t < self.now_us).max() }
    }
}

fn is(target: Target, what: &What) -> bool {
    match (target, what) {
        (Target::Finding, What::Stall(stall)) => stall.until_us.is_none(),
        (Target::Finding, What::Fault(fault)) => fault.state == FaultState::NoEffect,
        (Target::Finding, What::Agent(AgentEvent::Ended { asked, .. })) => !asked,
        (Target::Finding, What::RotationStep(step)) => step.error.is_some(),
        (Target::Finding, What::Warning(_) | What::Judged(_)) => true,
        (Target::Fault, What::Fault(fault)) => fault.state == FaultState::Applied,
        _ => false,
    }
}

/// A speed twice or half as fast.
pub(super) fn speed(now: f64, faster: bool) -> f64 {
    (if faster { now * 2.0 } else { now / 2.0 }).clamp(SPEEDS.0, SPEEDS.1)
}

#[cfg(test)]
mod tests;
