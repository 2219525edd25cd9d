//! The sender's thread: one window after the other, each until it is acknowledged.

use std::{
    io::{self, Write},
    net::TcpStream,
    sync::Arc,
    time::Duration,
};

use results::ledger::Ledger;

use super::{
    BeatsPlan,
    wire::{self, Answers},
};
use crate::{
    clock::RunClock,
    pace::Schedule,
    payload::Payload,
    write::{LoadPlan, WriteFault, reins::Reins},
};

/// Longest rest between two looks at the schedule.
const STEP_US: u64 = 5_000;
/// Rest after a connection that failed, doubled up to the longest.
const REST_US: u64 = 20_000;
const REST_MAX_US: u64 = 500_000;
/// Without a word from the agent for so long the connection is given up, as Filebeat's `timeout` does (30 s there).
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE_US: u64 = 5_000_000;
/// From one look at the stop flag to the next while an answer is awaited.
const LOOK: Duration = Duration::from_millis(50);
/// Once the load has ended, so long is waited for what is not acknowledged yet.
const GRACE_US: u64 = 5_000_000;
/// Records reserved at once.
const RESERVE: u64 = 8_192;

pub(super) struct Work {
    plan: BeatsPlan,
    payload: Payload,
    schedule: Schedule,
    ledger: Arc<Ledger>,
    clock: RunClock,
    reins: Arc<Reins>,
    connection: Option<TcpStream>,
    begin_us: u64,
    factor_turn: u64,
    /// The next record, and one past the last reserved one.
    seq: u64,
    reserved: u64,
    /// Records below this fell due while an answer was awaited.
    excused: u64,
    /// When the sender was told to stop.
    stopped_us: Option<u64>,
    rest_us: u64,
}

impl Work {
    pub(super) fn new(
        plan: BeatsPlan,
        load: &LoadPlan,
        ledger: Arc<Ledger>,
        clock: RunClock,
        reins: Arc<Reins>,
    ) -> Self {
        let schedule = load.schedule(&load.streams[usize::from(plan.stream.0)]);
        let payload = load.payloads().get(plan.stream).expect("one payload for each stream").clone();
        Self {
            payload,
            schedule,
            ledger,
            clock,
            reins,
            connection: None,
            begin_us: clock.now_us(),
            factor_turn: 0,
            seq: 0,
            reserved: 0,
            excused: 0,
            stopped_us: None,
            rest_us: REST_US,
            plan,
        }
    }

    /// Sends until it is told to stop, and what is not acknowledged a little longer.
    pub(super) fn run(mut self) {
        while !self.reins.is_stopped() {
            let turn_us = self.clock.now_us();
            self.obey(turn_us);
            let load_us = turn_us - self.begin_us;
            let due = self.schedule.due(load_us);
            if due <= self.seq {
                let next = self.schedule.when(self.seq).map_or(u64::MAX, |at_us| self.begin_us + at_us);
                self.clock.park_until(next.min(turn_us + STEP_US));
                self.note(turn_us, 0);
                continue;
            }
            // What fell due while an answer was awaited is not late: the agent held it up.
            let at_us = self.schedule.when(self.seq).filter(|_| self.seq >= self.excused);
            self.note(turn_us, at_us.map_or(0, |at_us| load_us.saturating_sub(at_us)));
            if let Err((lost, error)) = self.send(due.min(self.seq + u64::from(self.plan.window.max(1)))) {
                self.fault(lost, error);
                return;
            }
            self.excused = self.schedule.due(self.clock.now_us() - self.begin_us);
        }
    }

    /// One window: booked, sent, and sent again until it is acknowledged. An error: how many never were, and why.
    fn send(&mut self, upto: u64) -> Result<(), (u64, String)> {
        let (stream, from) = (self.plan.stream, self.seq);
        if upto > self.reserved {
            self.reserved = upto + RESERVE;
            self.ledger.reserve(stream, self.reserved).map_err(|error| (0, error.to_string()))?;
        }
        let (events, bytes) = self.events(upto);
        self.seq = upto;
        self.ledger.sent(stream, upto);
        let mut trial = Trial { events: &events, done: 0, unbooked: Some((upto, bytes)) };
        let mut last = "it was never tried".to_owned();
        while trial.done < events.len() && self.may_go_on() {
            match self.attempt(&mut trial) {
                Ok(()) => self.rest_us = REST_US,
                Err(error) => {
                    last = error.to_string();
                    self.connection = None;
                    self.clock.park_until(self.clock.now_us() + self.rest_us);
                    self.rest_us = (self.rest_us * 2).min(REST_MAX_US);
                }
            }
        }
        let first = from + trial.done as u64;
        if first == upto {
            return Ok(());
        }
        let why = format!("the agent did not acknowledge it before the load was over: {last}");
        if let Some((upto, bytes)) = trial.unbooked {
            self.ledger.written(stream, upto, bytes);
        }
        self.ledger.source_lost(stream, first..upto, &why);
        Err((upto - first, why))
    }

    /// The records up to there as events, and how many bytes of text they are.
    fn events(&self, upto: u64) -> (Vec<Vec<u8>>, u64) {
        let mut times = self.schedule.times();
        let mut bytes = 0;
        let event = |seq| {
            let due_us = self.begin_us + times.when(seq).unwrap_or(0);
            let text = self.payload.expected(seq, due_us);
            bytes += text.len() as u64 + 1;
            wire::event(&text, &self.plan.name, &self.clock.wall_text(due_us))
        };
        let events = (self.seq..upto).map(event).collect();
        (events, bytes)
    }

    /// Sends what is not acknowledged yet, and waits until it is.
    fn attempt(&mut self, trial: &mut Trial<'_>) -> io::Result<()> {
        let mut stream = match self.connection.take() {
            Some(stream) => stream,
            None => connect(self.plan.to)?,
        };
        let rest = &trial.events[trial.done..];
        stream.write_all(&wire::window(rest, self.plan.compress))?;
        if let Some((upto, bytes)) = trial.unbooked.take() {
            self.ledger.written(self.plan.stream, upto, bytes);
        }
        let before = trial.done;
        let mut answers = Answers::default();
        let mut heard_us = self.clock.now_us();
        while trial.done < trial.events.len() {
            match answers.next(&mut stream) {
                Ok(Some(sequence)) if sequence as usize > rest.len() => {
                    return Err(io::Error::new(io::ErrorKind::InvalidData, "more was acknowledged than was sent"));
                }
                Ok(Some(sequence)) => {
                    trial.done = trial.done.max(before + sequence as usize);
                    heard_us = self.clock.now_us();
                }
                Ok(None) => {}
                Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                    if self.clock.now_us() > heard_us + PATIENCE_US || !self.may_go_on() {
                        return Err(error);
                    }
                }
                Err(error) => return Err(error),
            }
        }
        self.connection = Some(stream);
        Ok(())
    }

    fn may_go_on(&mut self) -> bool {
        if !self.reins.is_stopped() {
            return true;
        }
        let now_us = self.clock.now_us();
        now_us < *self.stopped_us.get_or_insert(now_us) + GRACE_US
    }

    fn obey(&mut self, now_us: u64) {
        if let Some(factor) = self.reins.new_factor(&mut self.factor_turn) {
            self.schedule.set_factor(now_us - self.begin_us, factor);
        }
    }

    fn note(&self, turn_us: u64, late_us: u64) {
        self.reins.late.note(self.clock.now_us() - turn_us, late_us);
    }

    fn fault(&self, lost: u64, error: String) {
        let at_us = self.clock.now_us();
        self.reins.faults.push(WriteFault { stream: self.plan.stream, at_us, lost, error });
    }
}

/// A window on its way.
struct Trial<'a> {
    events: &'a [Vec<u8>],
    /// How many of them are acknowledged.
    done: usize,
    /// What is to be booked as written once it was sent for the first time.
    unbooked: Option<(u64, u64)>,
}

fn connect(to: std::net::SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect_timeout(&to, LOOK)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(LOOK))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(stream)
}
