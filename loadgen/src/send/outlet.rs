//! One message at a time goes out here, and what becomes of it is booked on the spot.
//!
//! ```text
//!            ┌ taken                      sent
//!  send(2) ──┼ EAGAIN        drop: lost by name        block: waits, tried again
//!            ├ other errno   drop: lost by name        block: a new connection, tried again
//!            └ part of it    the rest goes first next time; if it cannot, the record is torn
//! ```
//! A connection that ends takes along what its peer had not read: at most as much as the buffers hold, and no more than the
//! kernel said was unread when it was last asked. Nobody can tell which records that were, so they are booked by number, from
//! none to all of them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use results::{identity::StreamId, ledger::Ledger};

use super::{
    SendCounters, SendPlan, SendTo, WhenFull,
    books::SourceBooks,
    kernel::KernelDrops,
    line::{Line, Trouble, Way},
    message::Message,
    queue,
};

/// Counters that the outside may read.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sent: AtomicU64,
    lost: AtomicU64,
    pub(super) connections: AtomicU64,
    cuts: AtomicU64,
    in_buffers: AtomicU64,
    kernel_dropped: AtomicU64,
    /// Looks at what the other sides have read.
    looks: AtomicU64,
}

impl Tally {
    #[cfg(test)]
    pub(super) fn looks(&self) -> u64 {
        self.looks.load(Ordering::Relaxed)
    }

    pub(crate) fn read(&self) -> SendCounters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        SendCounters {
            sent: get(&self.sent),
            lost: get(&self.lost),
            connections: get(&self.connections),
            cuts: get(&self.cuts),
            in_buffers: get(&self.in_buffers),
            kernel_dropped: get(&self.kernel_dropped),
        }
    }
}

pub(super) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// Whatever it is, it is booked.
    Settled,
    /// Nothing yet: it is to be tried again, not before this moment, microseconds since the start of the run.
    Waits(u64),
}

/// The sockets of the senders of one stream.
#[derive(Debug)]
pub(crate) struct Outlet {
    to: SendTo,
    when_full: WhenFull,
    message: Message,
    lines: Vec<Line>,
    books: SourceBooks,
    stream: StreamId,
    /// Of the port, and of the one behind a relay.
    kernel: Vec<KernelDrops>,
    /// A relay of the bench stands before the agent: what it has read may still be lost.
    is_relayed: bool,
    tally: Arc<Tally>,
}

impl Outlet {
    pub(crate) fn new(plan: &SendPlan, ledger: Arc<Ledger>, tally: Arc<Tally>) -> Self {
        Self {
            message: Message::new(plan),
            lines: (0..plan.senders.max(1)).map(|_| Line::default()).collect(),
            books: SourceBooks::new(ledger, plan.stream, plan.route),
            kernel: match &plan.to {
                SendTo::Udp(to) => [Some(*to), plan.behind].into_iter().flatten().map(KernelDrops::new).collect(),
                _ => Vec::new(),
            },
            is_relayed: plan.behind.is_some(),
            stream: plan.stream,
            to: plan.to.clone(),
            when_full: plan.when_full,
            tally,
        }
    }

    /// Number of senders.
    pub(crate) fn senders(&self) -> u64 {
        self.lines.len() as u64
    }

    /// Connects those that are not; false while one cannot.
    pub(crate) fn connect(&mut self) -> bool {
        let way = Way { to: &self.to, when_full: self.when_full, is_relayed: self.is_relayed, tally: &self.tally };
        self.lines.iter_mut().all(|line| line.socket.is_some() || line.connect(&way).is_ok())
    }

    /// Messages from now on carry this time.
    pub(crate) fn set_time(&mut self, wall_us: u64) {
        self.message.set_time(wall_us);
    }

    /// Sends a record's text; which sender does follows from its number.
    pub(crate) fn send(&mut self, seq: u64, text: &[u8], now_us: u64) -> Fate {
        let at = (seq % self.senders()) as usize;
        let message = self.message.render(text);
        let line = &mut self.lines[at];
        let way = Way { to: &self.to, when_full: self.when_full, is_relayed: self.is_relayed, tally: &self.tally };
        let tried = line.attempt(&way, message, seq, now_us);
        let fate = match tried {
            Ok(()) => {
                add(&self.tally.sent, 1);
                return Fate::Settled;
            }
            Err(trouble) => trouble,
        };
        let why = || format!("send to the {}: {}", self.to.called(), fate.error);
        if let Some(cut) = &fate.cut {
            add(&self.tally.cuts, 1);
            if let Some((seq, bytes)) = cut.torn {
                add(&self.tally.lost, 1);
                self.books.torn(seq, bytes, &why());
            }
            if cut.in_buffers > 0 {
                // Slacks for one reason do not add up in the ledger: what is claimed is the sum of a stream, for a reason of its own.
                let all = self.tally.in_buffers.fetch_add(cut.in_buffers, Ordering::Relaxed) + cut.in_buffers;
                let (port, stream) = (self.to.called(), self.stream.0);
                let why = format!("the connection to the {port} was cut: what lay in its buffers, of stream {stream}");
                self.books.counted(0, all, &why);
            }
        }
        if cut_here(&fate, seq) {
            return Fate::Settled;
        }
        if self.when_full == WhenFull::Block && fate.is_passing {
            return Fate::Waits(line.rest_until_us.max(now_us));
        }
        add(&self.tally.lost, 1);
        self.books.lost(seq, &why());
        Fate::Settled
    }

    /// Gives a record up that was never sent.
    pub(crate) fn give_up(&mut self, seq: u64, why: &str) {
        add(&self.tally.lost, 1);
        self.books.lost(seq, why);
    }

    /// Puts down the losses by name that are known by now.
    pub(crate) fn flush(&mut self) {
        self.books.flush();
    }

    /// Puts down what the kernel counts.
    pub(crate) fn settle(&mut self) {
        for kernel in &mut self.kernel {
            let (more, slack) = kernel.look();
            if more > 0 || slack > 0 {
                add(&self.tally.kernel_dropped, more);
                let why = "dropped by the kernel: the receive buffer of the UDP port was full";
                self.books.counted(more, slack, why);
            }
        }
        if !self.is_relayed {
            self.look_at_queues();
        }
    }

    /// Notes what the other sides have read, where the kernel tells.
    fn look_at_queues(&mut self) {
        let open = self.lines.iter_mut().filter_map(|line| Some((line.socket.as_ref()?.ends()?, line)));
        let (ends, lines): (Vec<_>, Vec<_>) = open.unzip();
        for (line, unread) in lines.into_iter().zip(queue::unread(&ends)) {
            // Of a message that is not out whole, nothing is counted yet.
            line.read = line.read.max(unread.map_or(0, |unread| line.bytes.saturating_sub(unread)));
            line.forget_read();
        }
        add(&self.tally.looks, 1);
    }

    /// Tries to send what is left of messages that went out in part; true if nothing is.
    pub(crate) fn drain(&mut self) -> bool {
        let mut is_done = true;
        for line in &mut self.lines {
            is_done &= line.push_rest().is_ok();
        }
        is_done
    }

    /// Closes all; what is left of messages is torn.
    pub(crate) fn close(mut self) {
        for line in std::mem::take(&mut self.lines) {
            if !line.rest.is_empty() {
                let (seq, bytes) = line.rest_of;
                add(&self.tally.lost, 1);
                self.books.torn(seq, bytes, "the load ended in the middle of a message");
            }
        }
        self.books.flush();
        self.settle();
    }
}

/// True if the record itself is what was torn.
fn cut_here(trouble: &Trouble, seq: u64) -> bool {
    trouble.cut.as_ref().is_some_and(|cut| cut.torn.is_some_and(|(torn, _)| torn == seq))
}
