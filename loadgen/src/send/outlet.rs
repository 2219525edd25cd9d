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

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use results::{identity::StreamId, ledger::Ledger};

use super::{
    SendCounters, SendPlan, SendTo, WhenFull, books::SourceBooks, kernel::KernelDrops, message::Message, queue,
    socket::Socket,
};

/// Rest after a connection that failed, doubled up to the longest. A dropping sender of datagrams does not rest: it
/// looks for the socket anew with every message.
const REST_US: u64 = 5_000;
const REST_MAX_US: u64 = 500_000;

/// Counters that the outside may read.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    sent: AtomicU64,
    lost: AtomicU64,
    connections: AtomicU64,
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

fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// Where messages go, for whoever connects.
struct Way<'a> {
    to: &'a SendTo,
    when_full: WhenFull,
    is_relayed: bool,
    tally: &'a Tally,
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

/// One sender's connection.
#[derive(Debug, Default)]
struct Line {
    socket: Option<Socket>,
    /// No new connection before this moment.
    rest_until_us: u64,
    rest_us: u64,
    /// What is left of a message that went out in part, whose it is, and how much of it is out.
    rest: Vec<u8>,
    rest_of: (u64, u64),
    /// Bytes sent through the connection, and where each message that may lie in its buffers ends.
    bytes: u64,
    ends: VecDeque<u64>,
    /// How many bytes the buffers hold.
    between: u64,
    /// How many bytes the other side is known to have read.
    read: u64,
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

/// A message was not taken.
#[derive(Debug)]
struct Trouble {
    error: io::Error,
    /// Another attempt may succeed.
    is_passing: bool,
    cut: Option<Cut>,
}

/// A connection that had carried something ended.
#[derive(Debug)]
struct Cut {
    /// The record of which a part is out, and how many bytes.
    torn: Option<(u64, u64)>,
    in_buffers: u64,
}

impl Line {
    fn connect(&mut self, way: &Way<'_>) -> io::Result<()> {
        let socket = Socket::connect(way.to, way.when_full)?;
        add(&way.tally.connections, 1);
        self.between = socket.between(way.is_relayed);
        self.socket = Some(socket);
        (self.bytes, self.read, self.rest_us) = (0, 0, 0);
        self.ends.clear();
        Ok(())
    }

    fn attempt(&mut self, way: &Way<'_>, message: &[u8], seq: u64, now_us: u64) -> Result<(), Trouble> {
        let is_stream = way.to.is_stream();
        if self.socket.is_none() {
            let rests = way.when_full == WhenFull::Block || is_stream;
            if rests && now_us < self.rest_until_us {
                let error = io::Error::new(ErrorKind::NotConnected, "not connected, waiting for the next attempt");
                return Err(Trouble { error, is_passing: true, cut: None });
            }
            if let Err(error) = self.connect(way) {
                self.rest_us = (self.rest_us * 2).clamp(REST_US, REST_MAX_US);
                self.rest_until_us = now_us + self.rest_us;
                return Err(Trouble { error, is_passing: true, cut: None });
            }
        }
        let done = if is_stream { self.stream(message, seq) } else { self.datagram(message).map_err(|e| (e, 0)) };
        done.map_err(|(error, out)| self.trouble(error, out, seq))
    }

    /// What a failed send means. `out` bytes of the record's message had left before.
    fn trouble(&mut self, error: io::Error, out: u64, seq: u64) -> Trouble {
        match error.kind() {
            // The message alone is at fault (too long), or the queue is full: the socket is as good as before.
            ErrorKind::WouldBlock => Trouble { error, is_passing: true, cut: None },
            _ if error.raw_os_error() == Some(nix::errno::Errno::EMSGSIZE as i32) => {
                Trouble { error, is_passing: false, cut: None }
            }
            _ => {
                self.socket = None;
                let torn = if out > 0 {
                    Some((seq, out))
                } else if self.rest.is_empty() {
                    None
                } else {
                    Some(self.rest_of)
                };
                self.rest.clear();
                self.forget_read();
                let in_buffers = self.ends.len() as u64;
                self.ends.clear();
                let cut = (torn.is_some() || in_buffers > 0).then_some(Cut { torn, in_buffers });
                Trouble { error, is_passing: true, cut }
            }
        }
    }

    fn datagram(&mut self, message: &[u8]) -> io::Result<()> {
        let socket = self.socket.as_mut().expect("the caller connected");
        loop {
            match socket.send(message) {
                Ok(_) => return socket.refusal(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// An error comes with how many bytes of this message are out.
    fn stream(&mut self, message: &[u8], seq: u64) -> Result<(), (io::Error, u64)> {
        self.push_rest().map_err(|error| (error, 0))?;
        let (out, error) = self.push(message);
        if out == message.len() {
            self.took(message.len() as u64);
            return Ok(());
        }
        let error = error.unwrap_or_else(|| ErrorKind::WriteZero.into());
        if out > 0 && error.kind() == ErrorKind::WouldBlock {
            // It has begun, so it is on its way: the rest goes before anything else.
            self.rest.extend_from_slice(&message[out..]);
            self.rest_of = (seq, out as u64);
            return Ok(());
        }
        Err((error, out as u64))
    }

    fn push_rest(&mut self) -> io::Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let rest = std::mem::take(&mut self.rest);
        let (out, error) = self.push(&rest);
        self.rest_of.1 += out as u64;
        if out == rest.len() {
            self.took(self.rest_of.1);
            return Ok(());
        }
        self.rest.extend_from_slice(&rest[out..]);
        Err(error.unwrap_or_else(|| ErrorKind::WriteZero.into()))
    }

    /// How much went out, and why not all.
    fn push(&mut self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let Some(socket) = &mut self.socket else { return (0, Some(ErrorKind::NotConnected.into())) };
        let mut out = 0;
        while out < bytes.len() {
            match socket.send(&bytes[out..]) {
                Ok(0) => return (out, None),
                Ok(count) => out += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return (out, Some(error)),
            }
        }
        (out, None)
    }

    /// A whole message of so many bytes is in the connection.
    fn took(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.ends.push_back(self.bytes);
        self.forget_read();
    }

    /// Forgets the messages that cannot lie in the buffers any more.
    fn forget_read(&mut self) {
        let unread_from = self.bytes.saturating_sub(self.between).max(self.read);
        while self.ends.front().is_some_and(|end| *end <= unread_from) {
            self.ends.pop_front();
        }
    }
}
