//! The filters of a pipeline in their order, and the way of a batch through them.
//!
//! ```text
//! batch ─▶ filter 0 ─▶ filter 1 ─▶ … ─▶ buffer          one batch may become several, in order
//!             ▲            └─ rewrite_tag: a copy with another tag starts again from the first
//! ```
//! All inputs share one chain, one at a time: records of one tag leave in the order in which they came.
//!
//! A filter that panics takes the records that it had in hand with it. From then on nothing is released any more, and the
//! service ends with an error ([`Chain::broken`]): what was not answered for comes again at the next start.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use super::{Filter, FilterCounters, FilterError, FilterPlan, Flow};
use crate::{
    buffer::{Buffer, Done, route::Matching},
    config::plan::LogLevel,
    defects::Defect,
    parse::Batch,
    service::log::Scope,
};

/// The filters of a pipeline; shared by its inputs.
#[derive(Debug)]
pub struct Chain {
    links: Mutex<Vec<Link>>,
    matches: Vec<(Option<usize>, Matching)>,
    counters: Vec<(String, Arc<FilterCounters>)>,
    /// When something is to be done without a batch, ms.
    due_ms: AtomicU64,
    wake: Wake,
    /// The filter that panicked.
    broken: OnceLock<String>,
}

#[derive(Debug)]
struct Link {
    name: String,
    log_level: Option<LogLevel>,
    input: Option<usize>,
    matches: Matching,
    filter: Filter,
    counters: Arc<FilterCounters>,
}

/// Wakes whoever calls [`Chain::expire`]: a filter that has a thread of its own has heard something.
#[derive(Debug, Clone)]
pub(crate) struct Wake {
    buffer: Weak<Buffer>,
    woken: Arc<AtomicBool>,
}

impl Wake {
    pub(crate) fn wake(&self) {
        self.woken.store(true, Ordering::Release);
        if let Some(buffer) = self.buffer.upgrade() {
            buffer.wake();
        }
    }
}

const NEVER: u64 = u64::MAX;
/// A filter of that name panics, whatever it is.
#[cfg(test)]
pub(crate) const PANICS: &str = "panics";

impl Chain {
    /// Starts the filters of a plan in front of a buffer.
    pub fn open(plans: &[FilterPlan], buffer: &Arc<Buffer>) -> Result<Self, FilterError> {
        let wake = Wake { buffer: Arc::downgrade(buffer), woken: Arc::default() };
        let link = |(index, plan): (usize, &FilterPlan)| {
            Ok(Link {
                name: plan.name.clone(),
                log_level: plan.log_level,
                input: plan.input,
                matches: plan.matches.clone(),
                filter: Filter::new(plan, index, &wake)?,
                counters: Arc::default(),
            })
        };
        let links: Vec<Link> = plans.iter().enumerate().map(link).collect::<Result<_, FilterError>>()?;
        Ok(Self {
            matches: plans.iter().map(|plan| (plan.input, plan.matches.clone())).collect(),
            counters: links.iter().map(|link| (link.name.clone(), Arc::clone(&link.counters))).collect(),
            links: Mutex::new(links),
            due_ms: AtomicU64::new(NEVER),
            wake,
            broken: OnceLock::new(),
        })
    }

    /// The same with a bug in the filters whose bug it is.
    #[must_use]
    pub fn planted(self, defect: Option<Defect>) -> Self {
        if let Some(defect) = defect {
            self.links().iter_mut().for_each(|link| link.filter.plant(defect));
        }
        self
    }

    /// Passes a batch through every filter that matches it; what comes out goes into the buffer. `mono_ms` is the time of
    /// a clock that never goes back.
    pub fn push(&self, batch: Batch, buffer: &Buffer, mono_ms: u64) {
        let sees = |(input, matching): &(Option<usize>, Matching)| {
            input.is_none_or(|input| input == batch.input) && matching.matches(&batch.tag)
        };
        if !self.matches.iter().any(sees) {
            buffer.push(batch);
            return;
        }
        let mut batch = batch.into_events();
        let acks = std::mem::take(&mut batch.acks);
        if !acks.is_empty() {
            batch.holds.push(buffer.hold(batch.input, Done::Acks(acks)));
        }
        if self.broken().is_some() {
            return;
        }
        let mut links = self.links();
        self.pass(&mut links, vec![(0, batch)], buffer, mono_ms);
        if self.note(&links) {
            buffer.wake();
        }
    }

    /// The filter that panicked: the service must not go on.
    pub(crate) fn broken(&self) -> Option<&str> {
        self.broken.get().map(String::as_str)
    }

    /// Hands on what was kept back long enough. To be called when [`Chain::expires_at_ms`] has come.
    pub fn expire(&self, buffer: &Buffer, mono_ms: u64) {
        self.turn(buffer, mono_ms, false);
    }

    /// Nothing more will come: hands on what waits for more of the same.
    pub fn finish(&self, buffer: &Buffer, mono_ms: u64) {
        self.turn(buffer, mono_ms, true);
    }

    /// When [`Chain::expire`] has something to do, ms of the same clock.
    pub fn expires_at_ms(&self) -> Option<u64> {
        if self.wake.woken.load(Ordering::Acquire) {
            return Some(0);
        }
        Some(self.due_ms.load(Ordering::Acquire)).filter(|due| *due != NEVER)
    }

    /// Whether nothing is kept back.
    pub fn is_empty(&self) -> bool {
        self.counters.iter().all(|(_, counters)| counters.held.load(Ordering::Acquire) == 0)
    }

    /// What each filter counts, by its name.
    pub fn counters(&self) -> impl Iterator<Item = (&str, &Arc<FilterCounters>)> {
        self.counters.iter().map(|(name, counters)| (name.as_str(), counters))
    }

    fn turn(&self, buffer: &Buffer, mono_ms: u64, last: bool) {
        if self.matches.is_empty() {
            return;
        }
        // First, so that what is heard from now on wakes again.
        self.wake.woken.store(false, Ordering::Release);
        let mut links = self.links();
        let first = shared(&links);
        for index in 0..links.len() {
            let run = links[index].run(mono_ms, |filter, flow| filter.expire(last, flow));
            let Some((on, again)) = run else { return self.break_off(&links[index].name, buffer) };
            let on = on.into_iter().map(|batch| (index + 1, batch));
            let todo = on.chain(again.into_iter().map(|batch| (first, batch))).collect();
            self.pass(&mut links, todo, buffer, mono_ms);
        }
        self.note(&links);
    }

    /// Notes when something is due; whether that is earlier than before.
    fn note(&self, links: &[Link]) -> bool {
        let due = links.iter().filter_map(|link| link.filter.expires_at_ms()).min().unwrap_or(NEVER);
        due < self.due_ms.swap(due, Ordering::AcqRel)
    }

    /// Each batch from its filter on; the chain stays locked while the buffer is filled, so that order is kept.
    fn pass(&self, links: &mut [Link], todo: Vec<(usize, Batch)>, buffer: &Buffer, mono_ms: u64) {
        let mut todo = VecDeque::from(todo);
        let first = shared(links);
        while let Some((from, batch)) = todo.pop_front() {
            let sees = |link: &Link| {
                let mine = link.input.is_none_or(|input| input == batch.input);
                mine && link.matches.matches(&batch.tag) && !link.filter.spares(&batch)
            };
            let Some(at) = links[from..].iter().position(sees).map(|at| from + at) else {
                buffer.push(batch);
                continue;
            };
            let link = &mut links[at];
            link.counters.records.fetch_add(batch.len() as u64, Ordering::Relaxed);
            let Some((on, again)) = link.run(mono_ms, |filter, flow| filter.apply(batch, flow)) else {
                return self.break_off(&link.name, buffer);
            };
            on.into_iter().rev().for_each(|batch| todo.push_front((at + 1, batch)));
            todo.extend(again.into_iter().map(|batch| (first, batch)));
        }
    }

    /// A filter has panicked: nothing that goes down from now on counts as taken, and the service is told.
    fn break_off(&self, filter: &str, buffer: &Buffer) {
        buffer.abandon();
        // Another may have panicked before: one name is enough.
        let _ = self.broken.set(filter.to_owned());
        self.wake.wake();
    }

    /// A panic of a filter is caught within the lock.
    fn links(&self) -> MutexGuard<'_, Vec<Link>> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Link {
    /// What it hands on, and what it sends round again; none if it panicked: it is not used again then.
    fn run(&mut self, mono_ms: u64, what: impl FnOnce(&mut Filter, &mut Flow<'_>)) -> Option<(Vec<Batch>, Vec<Batch>)> {
        let _scope = self.log_level.map(|level| Scope::enter(Some(level)));
        let counters = Arc::clone(&self.counters);
        let work = || {
            #[cfg(test)]
            assert!(self.name != PANICS, "on purpose");
            let mut flow = Flow { mono_ms, counters: &counters, name: &self.name, on: Vec::new(), again: Vec::new() };
            what(&mut self.filter, &mut flow);
            (flow.on, flow.again)
        };
        catch_unwind(AssertUnwindSafe(work)).ok()
    }
}

impl Drop for Chain {
    fn drop(&mut self) {
        // What a filter still keeps back was not taken.
        if let Some(buffer) = self.wake.buffer.upgrade() {
            buffer.abandon();
        }
    }
}

/// The first filter that is not one input's own: what is sent through again has been through those.
fn shared(links: &[Link]) -> usize {
    links.iter().take_while(|link| link.input.is_some()).count()
}
