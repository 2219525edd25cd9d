//! Where records go. Each output has a thread of its own and takes batches in order, one delivery at a time unless
//! `Workers` says otherwise.
//!
//! A batch is taken when the other side has confirmed it (http: 2xx; file: written), never before. What fails is
//! repeated, for ever unless `Retry_Limit` says otherwise, with growing pauses. What can never be accepted does not
//! block the rest: it is counted as `refused`, named in the log and kept in the dead-letter file, if there is one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use thiserror::Error;

use crate::{
    buffer::{Buffer, Lane},
    defects::Defect,
    service::clock::Clock,
};

pub mod backoff;
#[cfg(test)]
pub(crate) mod bench;
pub mod cloudwatch;
mod dead;
pub mod encode;
pub mod es;
pub(crate) mod escape;
pub mod file;
mod flight;
pub mod forward;
pub mod http;
pub mod name;
pub mod net;
pub mod plan;
mod request;
mod retry;
pub(crate) mod stdout;
#[cfg(test)]
pub(crate) mod stub;
pub mod syslog;

use cloudwatch::credentials::{CredentialsError, Env};
use dead::{DeadLetterError, DeadLetters};
use plan::{Destination, OutputPlan};

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
    /// Records given up because `Retry_Limit` was reached, or a limit of the disk buffer.
    pub dropped: AtomicU64,
    /// Records given up because the other side can never take them.
    pub refused: AtomicU64,
    /// Records of those two kinds that are in the dead-letter file.
    pub buried: AtomicU64,
    /// Records confirmed that were there already, from before.
    pub known: AtomicU64,
}

impl OutputCounters {
    fn confirmed(&self, records: usize, bytes: usize) {
        self.deliveries.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(records as u64, Ordering::Relaxed);
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

/// Why an output cannot start; fits after "failed to".
#[derive(Debug, Error)]
pub enum OutputError {
    /// The dead-letter file cannot be written.
    #[error(transparent)]
    DeadLetter(#[from] DeadLetterError),
    /// There is nothing to sign requests with.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
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
    /// Where records go that are given up.
    dead: Option<Arc<DeadLetters>>,
    env: Env,
    clock: Clock,
    /// The bug it is to have.
    pub(crate) defect: Option<Defect>,
}

impl Context {
    /// What the output of `plan` needs; tells early what would otherwise fail for ever.
    pub(crate) fn new(
        plan: &OutputPlan,
        buffer: Arc<Buffer>,
        lane: Lane,
        linger: Duration,
        clock: Clock,
        env: Env,
    ) -> Result<Self, OutputError> {
        let dead = plan.dead_letter.as_ref().map(|path| DeadLetters::open(path, clock)).transpose()?.map(Arc::new);
        if let Destination::CloudWatch(cloudwatch) = &plan.to {
            cloudwatch.credentials.read(env)?;
        }
        let (seed, counters) = (clock.unix_ns() as u64 ^ lane.0 as u64, Arc::default());
        Ok(Self { buffer, lane, linger, seed, counters, dead, env, clock, defect: None })
    }
}

/// Delivers until the buffer is closed and empty.
pub async fn run(plan: OutputPlan, context: Context) {
    match &plan.to {
        Destination::Http(http) => http::run(&plan, http, &context).await,
        Destination::File(file) => file::run(&plan, file, &context).await,
        Destination::Stdout(to) => stdout::run(&plan, to, &context).await,
        Destination::Forward(forward) => forward::run(&plan, forward, &context).await,
        Destination::Es(es) => es::run(&plan, es, &context).await,
        Destination::CloudWatch(cloudwatch) => cloudwatch::run(&plan, cloudwatch, &context).await,
        Destination::Syslog(syslog) => syslog::run(&plan, syslog, &context).await,
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

/// Makes what is sent of a batch; its length, bytes.
pub type Render = Box<dyn FnMut(&Arc<crate::parse::Batch>) -> usize>;

/// What an output makes of a batch, without sending it: for measurements.
#[doc(hidden)]
pub fn renderer(plan: &OutputPlan) -> Render {
    match &plan.to {
        Destination::Es(es) => es::renderer(es),
        Destination::Forward(forward) => forward::renderer(forward),
        _ => Box::new(|batch| batch.len()),
    }
}
