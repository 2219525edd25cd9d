//! What lies over a link, and what came of it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// A network fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Fault {
    /// Everything arrives later, each way.
    Delay {
        /// Milliseconds.
        ms: u64,
    },
    /// Every open connection is reset now; new ones pass. Datagrams: the senders get other source ports.
    Cut,
    /// One in so many pieces that come over the wire has its connection reset, by the seed; of datagrams it is lost.
    CutEvery {
        /// At least 1.
        n: u32,
    },
    /// Half-open: connections are accepted and stay open, nothing is read and nothing forwarded. What was under way goes on
    /// when it is healed. Datagrams are lost.
    Hang,
    /// No connection comes through: what is open stands still, new ones are reset. Datagrams are lost.
    Partition,
}

/// What is in force.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Setting {
    pub(super) fault: Option<Fault>,
    /// How often something was laid or healed.
    pub(super) turn: u64,
    /// How often all connections were to be cut.
    pub(super) cuts: u64,
    pub(super) is_over: bool,
}

impl Setting {
    /// Nothing goes through.
    pub(super) fn is_frozen(&self) -> bool {
        matches!(self.fault, Some(Fault::Hang | Fault::Partition))
    }
}

/// What a link has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LinkCounters {
    /// Connections accepted; of datagrams, their senders.
    pub connections: u64,
    /// Bytes brought to where the link leads.
    pub bytes_there: u64,
    /// Bytes brought back.
    pub bytes_back: u64,
    /// Pieces that were delayed.
    pub delayed: u64,
    /// Connections that were reset by [`Fault::Cut`] and [`Fault::CutEvery`].
    pub cut: u64,
    /// Connections on which something wanted to pass and stood still, each once a fault.
    pub held: u64,
    /// New connections that were reset by [`Fault::Partition`].
    pub refused: u64,
    /// Datagrams lost by a fault.
    pub dropped: u64,
    /// Connections for which nobody was there where the link leads.
    pub unreachable: u64,
    /// Datagrams lost because too many were in flight.
    pub overflowed: u64,
}

impl Fault {
    /// Its name as in a scenario file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Delay { .. } => "delay_link",
            Self::Cut => "cut_link",
            Self::CutEvery { .. } => "cut_link_every",
            Self::Hang => "hang_link",
            Self::Partition => "partition",
        }
    }

    /// What its hits are, to be put behind their number.
    pub fn what_happened(&self) -> &'static str {
        match self {
            Self::Delay { .. } => "pieces of traffic were delayed",
            Self::Cut | Self::CutEvery { .. } => "connections were reset",
            Self::Hang => "connections stood still with something to say",
            Self::Partition => "connections stood still or were refused",
        }
    }

    /// How often it hit between two readings.
    pub(super) fn hits(self, before: &LinkCounters, now: &LinkCounters) -> u64 {
        let [b, n] = [before, now];
        match self {
            Self::Delay { .. } => n.delayed - b.delayed,
            Self::Cut | Self::CutEvery { .. } => n.cut + n.dropped - b.cut - b.dropped,
            Self::Hang => n.held + n.dropped - b.held - b.dropped,
            Self::Partition => n.held + n.refused + n.dropped - b.held - b.refused - b.dropped,
        }
    }
}

/// The same, shared between threads.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) connections: AtomicU64,
    pub(super) bytes_there: AtomicU64,
    pub(super) bytes_back: AtomicU64,
    pub(super) delayed: AtomicU64,
    pub(super) cut: AtomicU64,
    pub(super) held: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) unreachable: AtomicU64,
    pub(super) overflowed: AtomicU64,
}

/// Adds to one of the counters.
pub(super) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

impl Tally {
    pub(super) fn read(&self) -> LinkCounters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        LinkCounters {
            connections: get(&self.connections),
            bytes_there: get(&self.bytes_there),
            bytes_back: get(&self.bytes_back),
            delayed: get(&self.delayed),
            cut: get(&self.cut),
            held: get(&self.held),
            refused: get(&self.refused),
            dropped: get(&self.dropped),
            unreachable: get(&self.unreachable),
            overflowed: get(&self.overflowed),
        }
    }
}
