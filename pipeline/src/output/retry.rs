//! What becomes of a delivery that failed: again after a pause, for ever unless `Retry_Limit` says otherwise.
//!
//! Records that can never be accepted do not stand in front of the others: they go to the dead-letter file, or are
//! dropped; either way they are counted and named in the log.

use std::{
    fmt::Display,
    ops::Range,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use super::{Context, OutputCounters, backoff::Backoff, dead::DeadLetters, plan::OutputPlan, plan::RetryLimit};
use crate::parse::Batch;

/// Longest pause that the other side can ask for.
const ASKED_MAX: Duration = Duration::from_secs(60);

/// The patience of one delivery at a time.
#[derive(Debug)]
pub(super) struct Retry {
    pub(super) name: String,
    limit: RetryLimit,
    backoff: Backoff,
    counters: Arc<OutputCounters>,
    dead: Option<Arc<DeadLetters>>,
}

impl Retry {
    /// For the worker `worker` of an output.
    pub(super) fn new(plan: &OutputPlan, context: &Context, worker: u64) -> Self {
        Self {
            name: plan.name.clone(),
            limit: plan.retry,
            backoff: Backoff::new(context.seed.wrapping_add(worker << 32), plan.pauses),
            counters: Arc::clone(&context.counters),
            dead: context.dead.clone(),
        }
    }

    /// Records were confirmed.
    pub(super) fn confirmed(&mut self, records: usize, bytes: usize) {
        self.reset();
        self.counters.confirmed(records, bytes);
    }

    /// The other side answers again.
    pub(super) fn reset(&mut self) {
        if self.backoff.failures() > 0 {
            tracing::info!(output = self.name, failures = self.backoff.failures(), "delivers again");
        }
        self.backoff.reset();
    }

    /// A delivery failed. True: it is time to try again, the pause is over. False: the limit is reached.
    pub(super) async fn again(&mut self, error: &(impl Display + ?Sized), asked: Option<Duration>) -> bool {
        let pause = self.backoff.pause().max(asked.unwrap_or_default().min(ASKED_MAX));
        let failures = self.backoff.failures();
        if let RetryLimit::After(most) = self.limit
            && failures > most
        {
            self.backoff.reset();
            return false;
        }
        self.counters.retries.fetch_add(1, Ordering::Relaxed);
        if failures.is_power_of_two() {
            tracing::warn!(output = self.name, %error, failures, pause_ms = pause.as_millis() as u64, "tries again");
        }
        tokio::time::sleep(pause).await;
        true
    }

    /// `Retry_Limit` is reached: the records are given up.
    pub(super) fn dropped(&self, batch: &Batch, range: Range<usize>, why: &(impl Display + ?Sized)) {
        let records = range.len();
        self.counters.dropped.fetch_add(records as u64, Ordering::Relaxed);
        tracing::error!(output = self.name, error = %why, records, "Retry_Limit is reached: given up");
        self.bury(batch, range, why);
    }

    /// The records can never be accepted.
    pub(super) fn refused(&self, batch: &Batch, range: Range<usize>, why: &(impl Display + ?Sized)) {
        let records = range.len();
        let before = self.counters.refused.fetch_add(records as u64, Ordering::Relaxed);
        // One line a record could fill a disk: each doubling of the count is told.
        if (before + records as u64).ilog2() > before.checked_ilog2().unwrap_or(0) || before == 0 {
            let all = before + records as u64;
            tracing::error!(output = self.name, error = %why, records, all, "can never be accepted: given up");
        }
        self.bury(batch, range, why);
    }

    fn bury(&self, batch: &Batch, range: Range<usize>, why: &(impl Display + ?Sized)) {
        let Some(dead) = &self.dead else { return };
        match dead.bury(&self.name, batch, range.clone(), &why.to_string()) {
            Ok(()) => {
                self.counters.buried.fetch_add(range.len() as u64, Ordering::Relaxed);
            }
            Err(error) => tracing::error!(output = self.name, %error, records = range.len(), "the records are lost"),
        }
    }
}
