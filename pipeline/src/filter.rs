//! What happens to records between an input and the buffer, in the order of the configuration.
//!
//! A filter sees batches of fields whose tag it matches; batches that no filter matches pass as they are, untouched and
//! without being taken apart. A filter may change, drop or keep back records and give them other tags. Whatever comes
//! out carries the holds of what it came from, so that an offset moves only when all of it was taken. What is dropped is
//! dropped because the configuration says so, and counted.

use std::sync::atomic::{AtomicU64, Ordering};

use thiserror::Error;

use crate::{buffer::route::Matching, config::plan::LogLevel, defects::Defect, event::Event, parse::Batch};

pub(crate) mod chain;
pub mod grep;
pub mod kubernetes;
pub mod lua;
pub mod modify;
pub mod multiline;
pub mod nest;
pub mod parser;
pub mod record_modifier;
pub mod rewrite_tag;
pub mod throttle;
pub(crate) mod words;

pub use chain::Chain;

/// One filter.
#[derive(Debug, Clone)]
pub struct FilterPlan {
    /// Its name in messages: the plugin and its place, as `grep.0`.
    pub name: String,
    /// What of it is logged, if that differs from the rest.
    pub log_level: Option<LogLevel>,
    /// The input whose records it sees, before all others; none: those of all.
    pub input: Option<usize>,
    /// The tags it sees.
    pub matches: Matching,
    /// What it does.
    pub what: FilterKind,
}

/// What a filter does.
#[derive(Debug, Clone)]
pub enum FilterKind {
    /// Keeps or drops by what fields say.
    Grep(grep::GrepPlan),
    /// Says which pod a record is from.
    Kubernetes(Box<kubernetes::KubernetesPlan>),
    /// Runs a script.
    Lua(lua::LuaPlan),
    /// Changes keys under conditions.
    Modify(modify::ModifyPlan),
    /// Joins records that belong together.
    Multiline(multiline::MultilineFilterPlan),
    /// Puts fields into a map, or takes them out of one.
    Nest(nest::NestPlan),
    /// Makes fields of a text.
    Parser(parser::ParserFilterPlan),
    /// Adds and removes fields.
    RecordModifier(record_modifier::RecordModifierPlan),
    /// Gives records another tag.
    RewriteTag(rewrite_tag::RewriteTagPlan),
    /// Lets so many pass.
    Throttle(throttle::ThrottlePlan),
}

/// Why a filter does not start; fits after "failed to".
#[derive(Debug, Error)]
#[error("start the filter {name}: {reason}")]
pub struct FilterError {
    /// Its name.
    pub name: String,
    /// What is wrong, and what can be done.
    pub reason: String,
}

/// What a filter counted since the start; read while it works.
#[derive(Debug, Default)]
pub struct FilterCounters {
    /// Records that came in.
    pub records: AtomicU64,
    /// Records that were dropped as the configuration asks.
    pub dropped: AtomicU64,
    /// Records that were made beside those that came in.
    pub added: AtomicU64,
    /// Records at which it failed; they passed as they were.
    pub failed: AtomicU64,
    /// Records that are kept back now.
    pub held: AtomicU64,
}

/// A filter at work.
#[derive(Debug)]
enum Filter {
    Grep(grep::GrepPlan),
    Kubernetes(Box<kubernetes::Kubernetes>),
    Lua(lua::Lua),
    Modify(modify::ModifyPlan),
    Multiline(multiline::Multiline),
    Nest(nest::NestPlan),
    Parser(parser::ParserFilter),
    RecordModifier(record_modifier::RecordModifier),
    RewriteTag(rewrite_tag::RewriteTag),
    Throttle(throttle::Throttle),
}

/// What a filter hands on, and what it is told.
#[derive(Debug)]
pub(crate) struct Flow<'a> {
    /// Time of a clock that never goes back, ms.
    pub(crate) mono_ms: u64,
    /// What it counts.
    pub(crate) counters: &'a FilterCounters,
    /// Its name.
    pub(crate) name: &'a str,
    /// What goes on to the next filter, in order.
    pub(crate) on: Vec<Batch>,
    /// What passes the filters again from the first.
    pub(crate) again: Vec<Batch>,
}

impl Flow<'_> {
    /// Hands a batch on; one without records only lets its holds go.
    pub(crate) fn on(&mut self, batch: Batch) {
        if !batch.is_empty() {
            self.on.push(batch);
        }
    }

    /// Hands on what is left of a batch once `keep` has seen and changed its records.
    fn each(&mut self, mut batch: Batch, mut keep: impl FnMut(&mut Event) -> bool) {
        let before = batch.events.len();
        batch.events.retain_mut(|event| keep(event));
        self.drop((before - batch.events.len()) as u64);
        self.on(batch);
    }

    /// Counts what was dropped on purpose.
    pub(crate) fn drop(&self, records: u64) {
        self.counters.dropped.fetch_add(records, Ordering::Relaxed);
    }

    /// Counts what it failed at; whether it is the first time, which is worth a line in the log.
    pub(crate) fn fail(&self, records: u64) -> bool {
        self.counters.failed.fetch_add(records, Ordering::Relaxed) == 0
    }
}

impl Filter {
    fn new(plan: &FilterPlan, index: usize, wake: &chain::Wake) -> Result<Self, FilterError> {
        let fail = |reason| FilterError { name: plan.name.clone(), reason };
        Ok(match &plan.what {
            FilterKind::Grep(plan) => Self::Grep(plan.clone()),
            FilterKind::Kubernetes(plan) => {
                Self::Kubernetes(Box::new(kubernetes::Kubernetes::new(plan, wake.clone()).map_err(fail)?))
            }
            FilterKind::Lua(plan) => Self::Lua(lua::Lua::new(plan).map_err(fail)?),
            FilterKind::Modify(plan) => Self::Modify(plan.clone()),
            FilterKind::Multiline(plan) => Self::Multiline(multiline::Multiline::new(plan.clone())),
            FilterKind::Nest(plan) => Self::Nest(plan.clone()),
            FilterKind::Parser(plan) => Self::Parser(parser::ParserFilter::new(plan)),
            FilterKind::RecordModifier(plan) => {
                Self::RecordModifier(record_modifier::RecordModifier::new(plan.clone()))
            }
            FilterKind::RewriteTag(plan) => Self::RewriteTag(rewrite_tag::RewriteTag::new(plan.clone(), index)),
            FilterKind::Throttle(plan) => Self::Throttle(throttle::Throttle::new(*plan)),
        })
    }

    /// From now on it has the bug, if it is one of its own.
    fn plant(&mut self, defect: Defect) {
        if let Self::RewriteTag(rewrite) = self {
            rewrite.plant(defect);
        }
    }

    /// Passes a batch of fields.
    fn apply(&mut self, batch: Batch, flow: &mut Flow<'_>) {
        match self {
            Self::Grep(grep) => flow.each(batch, |event| grep.keeps(&event.fields)),
            Self::Kubernetes(kubernetes) => kubernetes.apply(batch, flow),
            Self::Lua(lua) => lua.apply(batch, flow),
            Self::Modify(modify) => flow.each(batch, |event| {
                modify.apply(&mut event.fields);
                true
            }),
            Self::Multiline(multiline) => multiline.apply(batch, flow),
            Self::Nest(nest) => flow.each(batch, |event| {
                nest.apply(&mut event.fields);
                true
            }),
            Self::Parser(parser) => flow.each(batch, |event| {
                parser.apply(event);
                true
            }),
            Self::RecordModifier(modifier) => flow.each(batch, |event| {
                modifier.apply(&mut event.fields);
                true
            }),
            Self::RewriteTag(rewrite) => rewrite.apply(batch, flow),
            Self::Throttle(throttle) => throttle.apply(batch, flow),
        }
    }

    /// Hands on what was kept back long enough; everything, if nothing more will come.
    fn expire(&mut self, last: bool, flow: &mut Flow<'_>) {
        match self {
            Self::Multiline(multiline) => multiline.expire(last, flow),
            Self::Kubernetes(kubernetes) => kubernetes.expire(flow),
            _ => {}
        }
    }

    /// When [`Filter::expire`] has something to do, ms.
    fn expires_at_ms(&self) -> Option<u64> {
        match self {
            Self::Multiline(multiline) => multiline.expires_at_ms(),
            Self::Kubernetes(kubernetes) => kubernetes.expires_at_ms(),
            _ => None,
        }
    }

    /// Whether it passes by what this filter itself sent through again.
    fn spares(&self, batch: &Batch) -> bool {
        matches!(self, Self::RewriteTag(rewrite) if rewrite.sent(batch))
    }
}

#[cfg(test)]
pub(crate) mod tests;
