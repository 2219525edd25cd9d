//! The senders' thread: what is due, in turns of as many messages as there are connections in flight.

use std::sync::Arc;

use results::{
    identity::StreamId,
    ledger::{Ledger, OutputRule},
};

use super::{Fate, Outlet, SendPlan, Shared};
use crate::{
    clock::{RunClock, WALL_LEN},
    frame::Framing,
    pace::Schedule,
    payload::Payload,
    write::{
        LoadPlan, WriteFault,
        block::{Block, Dress},
    },
};

/// Longest rest between two looks at the schedule.
const STEP_US: u64 = 5_000;
/// Between two attempts to connect before the schedule begins, and between two at a message that waits.
const REST_US: u64 = 1_000;
/// Longest that a message waits for those that leave with it.
pub(crate) const GATHER_US: u64 = 20_000;
/// Most messages a turn, however many senders there are.
const TURN: u64 = 256;
/// Between two looks at what the kernel counts.
const SETTLE_US: u64 = 100_000;
/// Once the load has ended, so long is waited for what the other side has not taken.
const GRACE_US: u64 = 1_000_000;
/// Records reserved at once.
const RESERVE: u64 = 8_192;
const ENDED: &str = "the load ended before the other side took the message";

/// How many of `ready` records leave now: as many as fill whole turns of `senders`, or whatever there is once the oldest
/// has waited long enough.
pub(crate) fn gathered(ready: u64, senders: u64, waited_us: u64) -> u64 {
    if waited_us >= GATHER_US { ready } else { ready - ready % senders.max(1) }
}

pub(super) struct Work {
    stream: StreamId,
    payload: Payload,
    schedule: Schedule,
    ledger: Arc<Ledger>,
    clock: RunClock,
    shared: Arc<Shared>,
    outlet: Outlet,
    /// The next record, and one past the last reserved one.
    seq: u64,
    reserved: u64,
    begin_us: u64,
    factor_turn: u64,
    settled_us: u64,
    /// Records below this were kept waiting by the other side: they do not count as late.
    excused: u64,
}

impl Work {
    #[expect(clippy::needless_pass_by_value, reason = "a plan is spent by the senders that it starts")]
    pub(super) fn new(
        plan: SendPlan,
        load: &LoadPlan,
        ledger: Arc<Ledger>,
        clock: RunClock,
        shared: Arc<Shared>,
    ) -> Self {
        let schedule = load.schedule(&load.streams[usize::from(plan.stream.0)]);
        let payload = load.payloads().get(plan.stream).expect("one payload for each stream").clone();
        Self {
            stream: plan.stream,
            payload,
            schedule,
            outlet: Outlet::new(&plan, Arc::clone(&ledger), Arc::clone(&shared.tally)),
            ledger,
            clock,
            shared,
            seq: 0,
            reserved: 0,
            begin_us: 0,
            factor_turn: 0,
            settled_us: 0,
            excused: 0,
        }
    }

    /// Sends until it is told to stop.
    pub(super) fn run(mut self) {
        while !self.outlet.connect() {
            if self.is_stopped() {
                return;
            }
            self.clock.park_until(self.clock.now_us() + REST_US);
        }
        self.begin_us = self.clock.now_us();
        let mut block = Block::new(self.payload.pool(), Framing::Plain);
        let mut turn_us = self.begin_us;
        while !self.is_stopped() {
            let now_us = self.clock.now_us();
            self.obey(now_us);
            if now_us >= self.settled_us + SETTLE_US {
                self.outlet.settle();
                self.settled_us = now_us;
            }
            let (late_us, wake_us) = self.step(now_us, &mut block);
            self.shared.reins.late.note(now_us - turn_us, late_us);
            turn_us = now_us;
            self.clock.park_until(wake_us.min(now_us + STEP_US));
        }
        let until_us = self.clock.now_us() + GRACE_US;
        while !self.outlet.drain() && self.clock.now_us() < until_us {
            self.clock.park_until(self.clock.now_us() + REST_US);
        }
        self.outlet.close();
    }

    fn is_stopped(&self) -> bool {
        self.shared.reins.is_stopped()
    }

    /// Sends a turn of what is due: how late its oldest record was, and when to look again.
    fn step(&mut self, now_us: u64, block: &mut Block) -> (u64, u64) {
        let load_us = now_us - self.begin_us;
        let due = self.schedule.due(load_us);
        let Some(oldest_us) = self.schedule.when(self.seq) else {
            return if due > self.seq { (0, self.turn(now_us, due, block)) } else { (0, u64::MAX) };
        };
        if due <= self.seq {
            return (0, self.begin_us + oldest_us);
        }
        let waited_us = load_us.saturating_sub(oldest_us);
        let ready = gathered(due - self.seq, self.outlet.senders(), waited_us);
        if ready == 0 {
            let whole = self.schedule.when(self.seq + self.outlet.senders() - 1).unwrap_or(u64::MAX >> 1);
            return (0, self.begin_us + whole.min(oldest_us + GATHER_US));
        }
        let late_us = if self.seq < self.excused { 0 } else { waited_us };
        (late_us, self.turn(now_us, self.seq + ready, block))
    }

    /// Books, sends and books again the records below `due`, but no more than one turn; when to look again.
    fn turn(&mut self, now_us: u64, due: u64, block: &mut Block) -> u64 {
        let most = self.outlet.senders().min(TURN).min(due - self.seq);
        let count = block.reach(&self.payload, self.seq, most, u64::MAX >> 1);
        let seqs = self.seq..self.seq + count;
        if seqs.end > self.reserved {
            let upto = seqs.end + RESERVE;
            if let Err(error) = self.ledger.reserve(self.stream, upto) {
                self.fault(now_us, format!("reserve records in the books: {error}"));
                return now_us + STEP_US;
            }
            self.reserved = upto;
        }
        self.ledger.sent(self.stream, seqs.end);
        self.outlet.set_time(self.clock.wall_us(now_us));
        let mut times = self.schedule.times();
        let begin_us = self.begin_us;
        let due_us = |seq| times.when(seq).map_or(now_us, |at_us| begin_us + at_us);
        let dress = Dress { time: &[b'0'; WALL_LEN], output: OutputRule::Stdout };
        let lines = block.render(&self.payload, seqs.clone(), dress, due_us);
        let mut has_waited = false;
        let mut given_up_us = None;
        for (line, seq) in lines.iter().zip(seqs.clone()) {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            while let Fate::Waits(until_us) = self.outlet.send(seq, text, self.clock.now_us()) {
                has_waited = true;
                let now_us = self.clock.now_us();
                if self.shared.reins.is_stopped() && now_us > *given_up_us.get_or_insert(now_us + GRACE_US) {
                    self.outlet.give_up(seq, ENDED);
                    break;
                }
                self.clock.park_until(until_us.max(now_us + REST_US));
            }
        }
        self.ledger.written(self.stream, seqs.end, lines.bytes().len() as u64);
        self.outlet.flush();
        self.seq = seqs.end;
        if has_waited {
            let due = self.schedule.due(self.clock.now_us() - self.begin_us);
            self.excused = if due == u64::MAX { self.seq } else { due };
        }
        now_us
    }

    fn obey(&mut self, now_us: u64) {
        if let Some(factor) = self.shared.reins.new_factor(&mut self.factor_turn) {
            self.schedule.set_factor(now_us - self.begin_us, factor);
        }
    }

    fn fault(&self, at_us: u64, error: String) {
        self.shared.reins.faults.push(WriteFault { stream: self.stream, at_us, lost: 0, error });
    }
}
