//! Where records go. Each output has a thread of its own and takes batches in order, one delivery at a time.
//!
//! A batch is taken when the other side has confirmed it (http: 2xx; file: written), never before. What fails is
//! repeated, for ever unless `Retry_Limit` says otherwise, with growing pauses of at most five seconds.
//! What can never be accepted does not block the rest: a request answered with 413 is halved down to single records,
//! and a single record that is still too large is dropped, counted as `refused` and named in the log.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    buffer::{Buffer, Lane},
    config::plan::{Destination, OutputPlan, RetryLimit},
};

pub mod backoff;
pub mod encode;
pub(crate) mod escape;
mod file;
pub(crate) mod http;
pub mod name;
mod stdout;

/// What an output counted since the start; read by the progress line while the output works.
#[derive(Debug, Default)]
pub struct OutputCounters {
    /// Deliveries confirmed: requests or writes.
    pub deliveries: AtomicU64,
    /// Records confirmed.
    pub records: AtomicU64,
    /// Bytes confirmed, as sent.
    pub bytes: AtomicU64,
    /// Deliveries that failed and were repeated.
    pub retries: AtomicU64,
    /// Records dropped because `Retry_Limit` was reached.
    pub dropped: AtomicU64,
    /// Records dropped because the other side can never take them.
    pub refused: AtomicU64,
}

impl OutputCounters {
    fn confirmed(&self, records: usize, bytes: usize) {
        self.deliveries.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// What every output needs beside its plan.
#[derive(Debug)]
pub struct Context {
    /// The batches.
    pub buffer: Arc<Buffer>,
    /// Which queue of the buffer is its own.
    pub lane: Lane,
    /// The longest that a batch waits for others.
    pub linger: Duration,
    /// Seed of the pauses.
    pub seed: u64,
    /// What it counts.
    pub counters: Arc<OutputCounters>,
}

/// Delivers until the buffer is closed and empty.
pub async fn run(plan: OutputPlan, context: Context) {
    match plan.to {
        Destination::Http(http) => http::run(plan.name, http, plan.retry, context).await,
        Destination::File(file) => file::run(plan.name, file, plan.retry, context).await,
        Destination::Stdout(format) => stdout::run(plan.name, format, plan.retry, context).await,
        Destination::Null => {
            while let Some(batches) = context.buffer.next(context.lane, NULL_BYTES, Duration::ZERO).await {
                let records = batches.iter().map(|batch| batch.len()).sum();
                context.counters.confirmed(records, 0);
                context.buffer.taken(context.lane, batches.len());
            }
        }
    }
}

const NULL_BYTES: usize = 8 << 20;

/// Decides after the `times`-th failure in a row (from 1): whether to try again.
fn again(limit: RetryLimit, times: u32) -> bool {
    match limit {
        RetryLimit::Never => true,
        RetryLimit::After(most) => times <= most,
    }
}
