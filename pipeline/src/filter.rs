//! What happens to records between an input and the buffer, in the order of the configuration.
//!
//! A filter sees batches of fields whose tag it matches; batches that no filter matches pass as they are, untouched and
//! without being taken apart. A filter may change, drop or keep back records and give them other tags. Whatever comes
//! out carries the holds of what it came from, so that an offset moves only when all of it was taken.

use std::sync::{Mutex, PoisonError};

use crate::{
    buffer::{Buffer, Done, route::Matching},
    config::plan::LogLevel,
    parse::Batch,
};

/// One filter.
#[derive(Debug, Clone)]
pub struct FilterPlan {
    /// Its name in messages: the plugin and its place, as `grep.0`.
    pub name: String,
    /// What of it is logged, if that differs from the rest.
    pub log_level: Option<LogLevel>,
    /// The tags it sees.
    pub matches: Matching,
    /// What it does.
    pub what: FilterKind,
}

/// What a filter does.
#[derive(Debug, Clone)]
pub enum FilterKind {}

/// The filters of a pipeline; shared by its inputs.
#[derive(Debug)]
pub struct Chain {
    links: Mutex<Vec<Link>>,
    matches: Vec<Matching>,
}

#[derive(Debug)]
struct Link {
    plan: FilterPlan,
}

impl Chain {
    /// The filters of a plan.
    pub fn new(plans: &[FilterPlan]) -> Self {
        let links = plans.iter().map(|plan| Link { plan: plan.clone() }).collect();
        Self { links: Mutex::new(links), matches: plans.iter().map(|plan| plan.matches.clone()).collect() }
    }

    /// Passes a batch through every filter that matches it; what comes out goes into the buffer. `mono_ms` is the time of
    /// a clock that never goes back.
    pub fn push(&self, batch: Batch, buffer: &Buffer, mono_ms: u64) {
        if !self.matches.iter().any(|matching| matching.matches(&batch.tag)) {
            buffer.push(batch);
            return;
        }
        let mut batch = batch.into_events();
        let acks = std::mem::take(&mut batch.acks);
        if !acks.is_empty() {
            batch.holds.push(buffer.hold(batch.input, Done::Acks(acks)));
        }
        let mut batches = vec![batch];
        let mut links = self.links.lock().unwrap_or_else(PoisonError::into_inner);
        for link in links.iter_mut() {
            let (mine, others) = batches.into_iter().partition(|batch| link.plan.matches.matches(&batch.tag));
            batches = others;
            link.apply(mine, mono_ms, &mut batches);
        }
        drop(links);
        for batch in batches {
            buffer.push(batch);
        }
    }
}

impl Link {
    fn apply(&mut self, _batches: Vec<Batch>, _mono_ms: u64, _out: &mut Vec<Batch>) {
        match self.plan.what {}
    }
}
