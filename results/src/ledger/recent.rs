//! Batches of records that may still be doubled by a crash: those not yet answered, or answered a moment ago.
//!
//! Kept as stretches, oldest first, and bounded: when the bound is reached the oldest batches are forgotten, and a
//! doubling of theirs counts as forbidden. That is the safe side: it is never forgiven by accident.

use std::{collections::VecDeque, ops::Range};

/// Stretches kept over all batches.
const MAX_STRETCHES: usize = 1 << 20;

/// A batch of records that arrived together, on one request or one read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct BatchId(pub(crate) u64);

/// A stretch of records of one stream.
pub(crate) type Stretch = (u16, Range<u64>);

#[derive(Debug)]
struct Batch {
    id: u64,
    answered_us: Option<u64>,
    stretches: Vec<Stretch>,
}

/// The recent batches.
#[derive(Debug, Default)]
pub(crate) struct Recent {
    batches: VecDeque<Batch>,
    next: u64,
    stretches: usize,
}

impl Recent {
    /// Remembers a batch that has arrived.
    pub(crate) fn push(&mut self, stretches: Vec<Stretch>) -> BatchId {
        let id = self.next;
        self.next += 1;
        self.stretches += stretches.len();
        self.batches.push_back(Batch { id, answered_us: None, stretches });
        while self.stretches > MAX_STRETCHES {
            self.drop_oldest();
        }
        BatchId(id)
    }

    fn drop_oldest(&mut self) {
        if let Some(batch) = self.batches.pop_front() {
            self.stretches -= batch.stretches.len();
        }
    }

    fn position(&self, id: BatchId) -> Option<usize> {
        self.batches.binary_search_by_key(&id.0, |batch| batch.id).ok()
    }

    pub(crate) fn answered(&mut self, id: BatchId, now_us: u64) {
        if let Some(at) = self.position(id) {
            self.batches[at].answered_us = Some(now_us);
        }
    }

    /// Forgets a batch and says what was in it.
    pub(crate) fn take(&mut self, id: BatchId) -> Vec<Stretch> {
        let Some(batch) = self.position(id).and_then(|at| self.batches.remove(at)) else { return Vec::new() };
        self.stretches -= batch.stretches.len();
        batch.stretches
    }

    /// Forgets what was answered before `settled_us`.
    pub(crate) fn settle(&mut self, settled_us: u64) {
        while self.batches.front().is_some_and(|batch| batch.answered_us.is_some_and(|at| at < settled_us)) {
            self.drop_oldest();
        }
    }

    /// What is in flight of these entries: not answered, or not before `settled_us`.
    pub(crate) fn in_flight(&self, settled_us: u64, entries: &Range<usize>) -> Vec<Stretch> {
        let open = self.batches.iter().filter(|batch| batch.answered_us.is_none_or(|at| at >= settled_us));
        let of_these = |(entry, _): &&Stretch| entries.contains(&usize::from(*entry));
        open.flat_map(|batch| batch.stretches.iter().filter(of_these).cloned()).collect()
    }
}
