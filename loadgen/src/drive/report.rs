//! What an HTTP load did.

use std::sync::atomic::{AtomicU64, Ordering};

use hdrhistogram::Histogram;
use results::identity::StreamId;

use crate::write::LoadReport;

/// What was asked and answered so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DriveCounters {
    /// Requests begun.
    pub asked: u64,
    /// Whole answers.
    pub answered: u64,
    /// Of them those whose status was not 2xx.
    pub not_ok: u64,
    /// Connections opened.
    pub connections: u64,
    /// Requests that could not be sent or got no whole answer.
    pub failed: u64,
}

/// As [`DriveCounters`], shared; each connection adds to it.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) asked: AtomicU64,
    pub(super) answered: AtomicU64,
    pub(super) not_ok: AtomicU64,
    pub(super) connections: AtomicU64,
    pub(super) failed: AtomicU64,
}

impl Tally {
    pub(super) fn read(&self) -> DriveCounters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        DriveCounters {
            asked: get(&self.asked),
            answered: get(&self.answered),
            not_ok: get(&self.not_ok),
            connections: get(&self.connections),
            failed: get(&self.failed),
        }
    }
}

/// A request that left and was not answered: only the front end can tell whether it was logged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubt {
    /// The stream.
    pub stream: StreamId,
    /// The record.
    pub seq: u64,
    /// What became of the connection.
    pub why: String,
}

/// How long answers took, from when their request was due, microseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Answers {
    /// Half of them took at most this long.
    pub p50_us: u64,
    /// Nine in ten.
    pub p90_us: u64,
    /// All but one in a hundred.
    pub p99_us: u64,
    /// All but one in a thousand.
    pub p999_us: u64,
    /// All.
    pub max_us: u64,
}

impl Answers {
    pub(super) fn of(histogram: &Histogram<u64>) -> Self {
        let at = |quantile| histogram.value_at_quantile(quantile);
        Self { p50_us: at(0.5), p90_us: at(0.9), p99_us: at(0.99), p999_us: at(0.999), max_us: histogram.max() }
    }
}

/// Three digits, up to two minutes; what takes longer counts as that.
pub(super) fn histogram() -> Histogram<u64> {
    Histogram::new_with_bounds(1, 120_000_000, 3).expect("the bounds are in order")
}

/// What an HTTP load did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct DriveReport {
    /// As of any load; streams by their index, those that were not asked for are empty.
    pub load: LoadReport,
    /// What was asked and answered.
    pub counters: DriveCounters,
    /// How long answers took.
    pub answers: Answers,
    /// What the embedded front end has to settle.
    pub doubts: Vec<Doubt>,
}
