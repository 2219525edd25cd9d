//! `kubernetes`: which pod a record is from, and what the API server knows of it.
//!
//! ```text
//! tag ─▶ pod ─▶ known?  ── yes ─▶ merge the log, add `kubernetes`, go on
//!                 │ no           ▲
//!                 ├─▶ the records wait ─┐        at most Hold_Time and Hold_Max_Size: then they go on
//!                 └─▶ fetch thread ─────┘        with what the file name tells, counted and logged
//! ```
//! Inputs never wait for the API server: only the records of a pod that is not known yet do. What is known is kept by
//! container id (or pod uid), not by name, so that a pod that takes over a name gets its own labels. A failed or
//! unfinished question is asked again; what is too old is asked again while the old answer still counts.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::Ordering},
};

use super::{Flow, chain::Wake};
use crate::parse::Batch;

mod book;
mod fetch;
mod merge;
mod meta;
mod plan;
mod pod;

use book::{Book, Found};
use fetch::Fetcher;
use merge::Merger;
pub use plan::KubernetesPlan;
pub(crate) use plan::{KEYS, plan};
use pod::Names;

/// The filter at work.
#[derive(Debug)]
pub(super) struct Kubernetes {
    plan: KubernetesPlan,
    names: Names,
    book: Book,
    merger: Merger,
    fetcher: Fetcher,
    held: BTreeMap<pod::Key, Held>,
    held_bytes: usize,
}

/// Records of a pod that is not known yet.
#[derive(Debug)]
struct Held {
    batches: Vec<Batch>,
    bytes: usize,
    until_ms: u64,
}

impl Kubernetes {
    pub(super) fn new(plan: &KubernetesPlan, wake: Wake) -> Result<Self, String> {
        Ok(Self {
            names: Names::new(&plan.tag_prefix, plan.name.clone()),
            book: Book::new(plan.cache_ttl_ms),
            merger: Merger::new(plan),
            fetcher: Fetcher::start(plan.server.clone(), wake)?,
            held: BTreeMap::new(),
            held_bytes: 0,
            plan: plan.clone(),
        })
    }

    pub(super) fn apply(&mut self, batch: Batch, flow: &mut Flow<'_>) {
        self.hear(flow);
        let Some(pod) = self.names.of(&batch.tag) else {
            if flow.fail(batch.len() as u64) {
                tracing::warn!(filter = flow.name, tag = ?batch.tag, "the tag names no pod; its records pass without metadata");
            }
            flow.on(batch);
            return;
        };
        // Behind those that wait, whatever is known by now.
        if self.held.contains_key(&pod.key) {
            self.hold(batch, &pod, flow);
            return;
        }
        match self.book.find(&pod.key, flow.mono_ms) {
            Found::Known { meta, stale } => {
                if stale {
                    self.fetcher.ask(&pod);
                }
                self.merger.apply(batch, &pod, Some(&meta), flow);
            }
            Found::New if self.book.ask(&pod.key, flow.mono_ms) => {
                self.fetcher.ask(&pod);
                self.hold(batch, &pod, flow);
            }
            // Also where so many questions are open that nobody waits for another.
            Found::Missing | Found::New => self.without(batch, &pod, flow),
        }
        self.note(flow);
    }

    fn hold(&mut self, batch: Batch, pod: &Arc<pod::Pod>, flow: &mut Flow<'_>) {
        let bytes = batch.weight();
        let until_ms = flow.mono_ms + self.plan.hold_ms;
        let held = self.held.entry(pod.key.clone());
        let held = held.or_insert_with(|| Held { batches: Vec::new(), bytes: 0, until_ms });
        held.batches.push(batch);
        held.bytes += bytes;
        self.held_bytes += bytes;
        if self.held_bytes > self.plan.hold_bytes || self.plan.hold_ms == 0 {
            self.give_up(&pod.key, flow);
        }
        self.note(flow);
    }

    /// The records of a pod go on without an answer.
    fn give_up(&mut self, key: &pod::Key, flow: &mut Flow<'_>) {
        self.book.late(key, flow.mono_ms);
        tracing::warn!(filter = flow.name, namespace = ?key.namespace, pod = ?key.name, "no metadata in time; its records pass without");
        self.release(key, flow);
    }

    fn release(&mut self, key: &pod::Key, flow: &mut Flow<'_>) {
        let Some(held) = self.held.remove(key) else { return };
        self.held_bytes -= held.bytes;
        for batch in held.batches {
            let Some(pod) = self.names.of(&batch.tag) else { continue };
            match self.book.find(key, flow.mono_ms) {
                Found::Known { meta, .. } => self.merger.apply(batch, &pod, Some(&meta), flow),
                Found::Missing | Found::New => self.without(batch, &pod, flow),
            }
        }
    }

    fn without(&mut self, batch: Batch, pod: &Arc<pod::Pod>, flow: &mut Flow<'_>) {
        flow.fail(batch.len() as u64);
        self.merger.apply(batch, pod, None, flow);
    }

    /// Takes the answers that came.
    fn hear(&mut self, flow: &mut Flow<'_>) {
        for (key, answer) in self.fetcher.answers() {
            if let Err(reason) = &answer {
                tracing::warn!(filter = flow.name, namespace = ?key.namespace, pod = ?key.name, reason, "no metadata");
            }
            self.book.answered(&key, answer, flow.mono_ms);
            self.release(&key, flow);
        }
    }

    pub(super) fn expire(&mut self, flow: &mut Flow<'_>) {
        self.hear(flow);
        let due = |(_, held): &(&pod::Key, &Held)| held.until_ms <= flow.mono_ms;
        let due: Vec<pod::Key> = self.held.iter().filter(due).map(|(key, _)| key.clone()).collect();
        for key in &due {
            self.give_up(key, flow);
        }
        self.note(flow);
    }

    pub(super) fn expires_at_ms(&self) -> Option<u64> {
        self.held.values().map(|held| held.until_ms).min()
    }

    fn note(&self, flow: &Flow<'_>) {
        let held = self.held.values().flat_map(|held| &held.batches).map(Batch::len).sum::<usize>();
        flow.counters.held.store(held as u64, Ordering::Release);
    }
}

#[cfg(test)]
mod tests;
