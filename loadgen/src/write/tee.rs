//! A second way for the records of a file: each is sent as a datagram right after it was written, as nginx does with two
//! `access_log` lines.
//!
//! ```text
//! due ─▶ write(2) to the file ─▶ send(2) to the socket        what the socket does not take is lost on its route alone
//! ```
//! The stream waits for the socket before its schedule begins. From then on it waits for nobody.

use std::sync::Arc;

use results::ledger::Ledger;

use crate::{
    clock::RunClock,
    pace::Schedule,
    send::{Fate, GATHER_US, Outlet, SendPlan, Tally, WhenFull, gathered},
};

/// Between two looks at what the kernel counts.
const SETTLE_US: u64 = 100_000;

#[derive(Debug)]
pub(super) struct Tee {
    outlet: Outlet,
    connected: bool,
    settled_us: u64,
}

impl Tee {
    /// Whatever the plan says, it drops: a socket that is full must not hold up the file.
    pub(super) fn new(plan: &SendPlan, ledger: &Arc<Ledger>) -> Self {
        let plan = SendPlan { when_full: WhenFull::Drop, ..plan.clone() };
        let tally = Arc::new(Tally::default());
        Self { outlet: Outlet::new(&plan, Arc::clone(ledger), tally), connected: false, settled_us: 0 }
    }

    /// True once all senders have connected for the first time.
    pub(super) fn is_ready(&mut self) -> bool {
        self.connected = self.connected || self.outlet.connect();
        self.connected
    }

    /// How many of the records that are due leave in this turn, and if none does, when the first turn is whole.
    pub(super) fn turn(&mut self, seq: u64, due: u64, schedule: &Schedule, load_us: u64) -> (u64, u64) {
        let senders = self.outlet.senders();
        let Some(oldest_us) = schedule.when(seq) else { return (due.min(seq + senders), load_us) };
        let ready = gathered(due - seq, senders, load_us.saturating_sub(oldest_us));
        let whole_us = schedule.when(seq + senders - 1).unwrap_or(u64::MAX >> 1).min(oldest_us + GATHER_US);
        (seq + ready.min(senders), whole_us)
    }

    /// Sends texts of records from `seq` on, one message each.
    pub(super) fn send<'a>(&mut self, seq: u64, texts: impl Iterator<Item = &'a [u8]>, now_us: u64, clock: RunClock) {
        self.outlet.set_time(clock.wall_us(now_us));
        for (text, seq) in texts.zip(seq..) {
            let fate = self.outlet.send(seq, text.strip_suffix(b"\n").unwrap_or(text), now_us);
            debug_assert_eq!(fate, Fate::Settled, "a sender that drops never waits");
        }
        self.outlet.flush();
        if now_us >= self.settled_us + SETTLE_US {
            self.outlet.settle();
            self.settled_us = now_us;
        }
    }

    /// Puts down what is known at the end.
    pub(super) fn close(self) {
        self.outlet.close();
    }
}
