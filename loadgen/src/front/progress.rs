//! Which requests are in the log: per stream up to where, and what is missing below.
//!
//! A stream is one connection with one request at a time, so lines come in order; a gap is a connection that broke.

use std::collections::{BTreeMap, BTreeSet};

use results::identity::{RecordId, StreamId};

/// Gaps remembered; what is missing beyond them counts as logged.
const MAX_MISSING: usize = 1 << 20;

/// What is in the log.
#[derive(Debug, Default)]
pub(super) struct Progress {
    lead: Option<StreamId>,
    next: BTreeMap<StreamId, u64>,
    missing: BTreeSet<RecordId>,
    records: u64,
}

impl Progress {
    pub(super) fn new(streams: &[StreamId]) -> Self {
        Self { lead: streams.first().copied(), next: streams.iter().map(|id| (*id, 0)).collect(), ..Self::default() }
    }

    /// The stream that stands for the log.
    pub(super) fn lead(&self) -> Option<StreamId> {
        self.lead
    }

    /// Lines of known records.
    pub(super) fn records(&self) -> u64 {
        self.records
    }

    /// Whether a stream is logged here.
    pub(super) fn knows(&self, stream: StreamId) -> bool {
        self.next.contains_key(&stream)
    }

    /// Each stream and the first record that is not in the log nor before one that is.
    pub(super) fn heads(&self) -> impl Iterator<Item = (StreamId, u64)> + '_ {
        self.next.iter().map(|(id, next)| (*id, *next))
    }

    /// A record is in the log; up to where its stream is.
    pub(super) fn logged(&mut self, id: RecordId) -> u64 {
        let Some(next) = self.next.get_mut(&id.stream) else { return 0 };
        self.records += 1;
        if id.seq >= *next {
            let gap = (*next..id.seq).map(|seq| RecordId { stream: id.stream, seq });
            self.missing.extend(gap.take(MAX_MISSING.saturating_sub(self.missing.len())));
            *next = id.seq + 1;
        } else {
            self.missing.remove(&id);
        }
        *next
    }

    /// Whether a record is in the log.
    pub(super) fn is_logged(&self, stream: StreamId, seq: u64) -> bool {
        let is_below = self.next.get(&stream).is_some_and(|next| seq < *next);
        is_below && !self.missing.contains(&RecordId { stream, seq })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_that_was_passed_over_is_missing_until_it_comes_after_all() {
        let (stream, other) = (StreamId(3), StreamId(4));
        let mut progress = Progress::new(&[stream]);
        let mut log = |seq| progress.logged(RecordId { stream, seq });
        assert_eq!((log(0), log(3), log(2)), (1, 4, 4));
        let logged: Vec<bool> = (0..5).map(|seq| progress.is_logged(stream, seq)).collect();
        assert_eq!(logged, [true, false, true, true, false]);
        assert!(!progress.is_logged(other, 0) && !progress.knows(other));
    }
}
