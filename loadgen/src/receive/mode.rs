//! How a receiver behaves, and what came of it.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::{Deserialize, Serialize};

/// What a receiver does with requests. Can be changed while it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Mode {
    /// Books all and answers with success.
    #[default]
    Accept,
    /// Books nothing and answers with this status.
    Refuse {
        /// 400 to 599.
        status: u16,
    },
    /// Books all, and waits before it answers: what an agent has sent and not heard of is in flight.
    Delay {
        /// How long, milliseconds.
        ms: u64,
    },
    /// Books all, and answers only as fast as this many records a second allow: a sink of known speed.
    Pace {
        /// Records a second over all connections, at least 1.
        per_s: u32,
    },
    /// Books nothing and answers nothing; when the mode changes, the connection is cut.
    Hang,
    /// Books nothing and cuts the connection.
    Reset,
    /// Books all, and cuts the connection of every n-th request without an answer.
    LoseAck {
        /// 1 for every request.
        every: u32,
    },
    /// Books the first half of the records, and answers with this status.
    Partial {
        /// 400 to 599.
        status: u16,
    },
    /// Nobody listens, all connections are cut; with the next mode the same port is open again.
    Gone,
}

/// What a receiver has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct HttpCounters {
    /// Connections accepted.
    pub connections: u64,
    /// Requests whose body arrived whole.
    pub requests: u64,
    /// Records booked.
    pub records: u64,
    /// Bytes of bodies, as they came over the wire.
    pub bytes: u64,
    /// Requests answered with an error by [`Mode::Refuse`].
    pub refused: u64,
    /// Requests answered late by [`Mode::Delay`] and [`Mode::Pace`].
    pub delayed: u64,
    /// Requests left without an answer by [`Mode::Hang`].
    pub hung: u64,
    /// Connections cut by [`Mode::Reset`] and [`Mode::Gone`].
    pub cut: u64,
    /// Requests booked and cut by [`Mode::LoseAck`].
    pub lost_answers: u64,
    /// Requests booked by half by [`Mode::Partial`].
    pub partial: u64,
    /// Requests that could not be read: encoding unknown or broken.
    pub malformed: u64,
    /// Requests beyond a limit of size or ratio.
    pub too_large: u64,
}

impl HttpCounters {
    /// Requests and connections on which a mode other than [`Mode::Accept`] took effect.
    pub fn effects(&self) -> u64 {
        self.refused + self.delayed + self.hung + self.cut + self.lost_answers + self.partial
    }
}

/// The same, shared between threads.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) connections: AtomicU64,
    pub(super) requests: AtomicU64,
    pub(super) records: AtomicU64,
    pub(super) bytes: AtomicU64,
    pub(super) refused: AtomicU64,
    pub(super) delayed: AtomicU64,
    pub(super) hung: AtomicU64,
    pub(super) cut: AtomicU64,
    pub(super) lost_answers: AtomicU64,
    pub(super) partial: AtomicU64,
    pub(super) malformed: AtomicU64,
    pub(super) too_large: AtomicU64,
}

/// Adds to one of the counters.
pub(super) fn add(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
}

impl Tally {
    pub(super) fn read(&self) -> HttpCounters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        HttpCounters {
            connections: get(&self.connections),
            requests: get(&self.requests),
            records: get(&self.records),
            bytes: get(&self.bytes),
            refused: get(&self.refused),
            delayed: get(&self.delayed),
            hung: get(&self.hung),
            cut: get(&self.cut),
            lost_answers: get(&self.lost_answers),
            partial: get(&self.partial),
            malformed: get(&self.malformed),
            too_large: get(&self.too_large),
        }
    }
}
