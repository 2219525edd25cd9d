//! What lies over a link, and what came of it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

use super::Wire;

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
    /// Bytes of those.
    pub delayed_bytes: u64,
    /// Connections that were reset by [`Fault::Cut`] and [`Fault::CutEvery`].
    pub cut: u64,
    /// Bytes that had come over those, either way, and were not brought on.
    pub cut_bytes: u64,
    /// Connections on which something wanted to pass and stood still, each once a fault.
    pub held: u64,
    /// New connections that were reset by [`Fault::Partition`].
    pub refused: u64,
    /// Datagrams lost by a fault on the way there.
    pub dropped: u64,
    /// The same on the way back.
    pub dropped_back: u64,
    /// Connections for which nobody was there where the link leads; datagrams likewise.
    pub unreachable: u64,
    /// Datagrams lost because too many were in flight, either way.
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

    /// How often it hit between two readings.
    pub(super) fn hits(self, before: &LinkCounters, now: &LinkCounters) -> u64 {
        let [b, n] = [before, now];
        let dropped = n.dropped + n.dropped_back - b.dropped - b.dropped_back;
        match self {
            Self::Delay { .. } => n.delayed - b.delayed,
            Self::Cut | Self::CutEvery { .. } => n.cut - b.cut + dropped,
            Self::Hang => n.held - b.held + dropped,
            Self::Partition => n.held + n.refused - b.held - b.refused + dropped,
        }
    }

    /// What happened between two readings: "2 connections reset, and 13441 bytes on the way lost".
    pub(super) fn tell(self, wire: Wire, before: &LinkCounters, now: &LinkCounters) -> String {
        let [b, n] = [before, now];
        let hits = self.hits(b, n);
        match (self, wire) {
            (Self::Delay { ms }, _) => {
                let bytes = n.delayed_bytes - b.delayed_bytes;
                format!("{} of traffic, {}, came {ms} ms later", many(hits, "piece"), many(bytes, "byte"))
            }
            (Self::Cut, Wire::Udp) => format!("{} got another port", many(hits, "sender")),
            (_, Wire::Udp) => format!("{} lost", many(hits, "datagram")),
            (Self::Cut | Self::CutEvery { .. }, Wire::Tcp) => {
                let bytes = n.cut_bytes - b.cut_bytes;
                format!("{} reset, and {} on the way lost", many(hits, "connection"), many(bytes, "byte"))
            }
            (Self::Hang, Wire::Tcp) => {
                format!("{} stood still with something to say", many(hits, "connection"))
            }
            (Self::Partition, Wire::Tcp) => {
                let (held, refused) = (n.held - b.held, n.refused - b.refused);
                format!("{} stood still with something to say, {refused} new refused", many(held, "connection"))
            }
        }
    }
}

/// A number and its noun.
fn many(count: u64, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The same, shared between threads.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) connections: AtomicU64,
    pub(super) bytes_there: AtomicU64,
    pub(super) bytes_back: AtomicU64,
    pub(super) delayed: AtomicU64,
    pub(super) delayed_bytes: AtomicU64,
    pub(super) cut: AtomicU64,
    pub(super) cut_bytes: AtomicU64,
    pub(super) held: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) dropped: AtomicU64,
    pub(super) dropped_back: AtomicU64,
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
            delayed_bytes: get(&self.delayed_bytes),
            cut: get(&self.cut),
            cut_bytes: get(&self.cut_bytes),
            held: get(&self.held),
            refused: get(&self.refused),
            dropped: get(&self.dropped),
            dropped_back: get(&self.dropped_back),
            unreachable: get(&self.unreachable),
            overflowed: get(&self.overflowed),
        }
    }
}
