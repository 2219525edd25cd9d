//! Senders: records that reach the agent as syslog messages, over datagrams or connections, from senders that wait or
//! that drop.
//!
//! ```text
//! reserve (durable) ▸ sent ▸ send(2) ─┬─ taken ───────▸ written
//!                                     ├─ EAGAIN, …  ──▸ written, and lost at the source by name, with errno
//!                                     └─ cut  ────────▸ what lay in the buffers of the connection: a number, no names
//! ```
//! Several senders are the connections that one server has in flight: their requests end in the same turn of its loop, so
//! that their messages leave back to back. Open loop all the same: the schedule waits for nobody. A message is one system
//! call, as the real senders make it; there is no sendmmsg here.

mod books;
mod kernel;
mod line;
mod message;
mod outlet;
mod queue;
mod socket;
#[cfg(test)]
mod tests;
mod work;

use std::{net::SocketAddr, sync::Arc, thread::JoinHandle};

use results::{identity::StreamId, ledger::Ledger, route::RouteId};

pub use self::{kernel::datagram_queue_max, socket::SendTo};
pub(crate) use self::{
    outlet::{Fate, Outlet, Tally},
    work::{GATHER_US, gathered},
};
use crate::{
    clock::RunClock,
    write::{Lateness, LoadPlan, LoadReport, WriteError, reins::Reins},
};

/// How the head of a message looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum SyslogFormat {
    /// As BSD had it, and nginx still has.
    #[default]
    Rfc3164,
    /// Versioned, with a full timestamp.
    Rfc5424,
}

/// What parts the messages of a connection.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Framing {
    /// Each ends with a line feed.
    #[default]
    Lf,
    /// Each begins with its length.
    Octets,
}

/// What a sender does when the other side does not take a message at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum WhenFull {
    /// It is gone, as with nginx.
    #[default]
    Drop,
    /// The sender waits, as syslog(3) and rsyslog do.
    Block,
}

/// What the senders of one stream are to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SendPlan {
    /// Whose records.
    pub stream: StreamId,
    /// On which route they are lost if they are; `None`: on every one.
    pub route: Option<RouteId>,
    /// Where to.
    pub to: SendTo,
    /// Where a relay of the bench that listens there brings the messages.
    pub behind: Option<SocketAddr>,
    /// Head of the messages.
    pub format: SyslogFormat,
    /// What parts them, on connections.
    pub framing: Framing,
    /// Whether they wait or drop.
    pub when_full: WhenFull,
    /// Connections in flight, each with a socket of its own; at least one is used.
    pub senders: u32,
    /// Name of the host in the messages.
    pub host: String,
    /// Name of the program in the messages.
    pub ident: String,
}

impl SendPlan {
    /// As one connection of nginx would.
    pub fn new(stream: StreamId, to: SendTo) -> Self {
        Self {
            stream,
            route: None,
            to,
            behind: None,
            format: SyslogFormat::default(),
            framing: Framing::default(),
            when_full: WhenFull::default(),
            senders: 1,
            host: "node-1".to_owned(),
            ident: "nginx".to_owned(),
        }
    }
}

/// What senders did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SendCounters {
    /// Messages that were taken.
    pub sent: u64,
    /// Records lost at the source by name.
    pub lost: u64,
    /// Connections made, the first ones too.
    pub connections: u64,
    /// Connections that were cut while messages may have lain in their buffers.
    pub cuts: u64,
    /// The most records that were lost in those buffers.
    pub in_buffers: u64,
    /// Datagrams that the kernel says it dropped at the other end.
    pub kernel_dropped: u64,
}

/// What the thread and the outside share.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    reins: Reins,
    tally: Arc<Tally>,
}

/// Running senders of one stream. Dropping them stops them.
#[derive(Debug)]
pub struct SyslogSender {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl SyslogSender {
    /// Connects, and from then on sends on the schedule that `load` has for the stream: an agent that does not listen yet
    /// has not lost anything yet.
    ///
    /// # Panics
    /// If the load has no such stream.
    pub fn start(plan: SendPlan, load: &LoadPlan, ledger: Arc<Ledger>, clock: RunClock) -> Result<Self, WriteError> {
        let shared = Arc::new(Shared::default());
        let work = work::Work::new(plan, load, ledger, clock, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("load-syslog".into()).spawn(move || work.run());
        Ok(Self { shared, thread: Some(thread.map_err(WriteError::Thread)?) })
    }

    /// From now on the schedule runs at `factor` times its pace; 0 pauses it.
    pub fn set_rate(&self, factor: f64) {
        self.shared.reins.set_rate(factor);
    }

    /// How late they were so far; while the other side makes them wait, nothing is late.
    pub fn late(&self) -> Lateness {
        self.shared.reins.late.read()
    }

    /// What they did so far.
    pub fn counters(&self) -> SendCounters {
        self.shared.tally.read()
    }

    /// True once all have connected and the schedule runs.
    pub fn is_connected(&self) -> bool {
        self.shared.tally.read().connections > 0
    }

    /// Sends nothing more, and tells what was done. What waited for the other side is booked as lost at the source.
    pub fn stop(mut self) -> LoadReport {
        self.end();
        self.shared.reins.report(Vec::new())
    }

    fn end(&mut self) {
        self.shared.reins.stop();
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            // A panic was reported on stderr by itself.
            drop(thread.join());
        }
    }
}

impl Drop for SyslogSender {
    fn drop(&mut self) {
        self.end();
    }
}
