//! The source's side of the ledger: what was lost before any agent could read it, record by record or by number.

use std::ops::Range;

use super::{Ledger, intake, lock};
use crate::{books::entry::Entry, identity::StreamId, route::RouteId};

impl Ledger {
    /// Books records as lost on every route before any agent could read them, with the evidence.
    pub fn source_lost(&self, stream: StreamId, seqs: Range<u64>, why: &str) {
        self.routes.ids().for_each(|route| self.source_lost_on(route, stream, seqs.clone(), why));
    }

    /// The same where the records went another way as well, and are lost on this route only.
    pub fn source_lost_on(&self, route: RouteId, stream: StreamId, seqs: Range<u64>, why: &str) {
        let why = intake::excerpt(why.as_bytes());
        let count = seqs.end.saturating_sub(seqs.start);
        let StreamId(stream) = self.routes.entry(route, stream);
        let mut state = lock(&self.state);
        state.add(Entry::SourceLost { stream, seqs });
        state.add(Entry::SourceLostWhy { stream, why, count });
    }

    /// Books `more` records as lost on a route before any agent could read them, where nobody can tell which: a counter of
    /// the kernel, lines of a log. The number may be off by `slack`. Missing records are put down to the source up to
    /// their sum, and never more.
    pub fn source_lost_count(&self, route: RouteId, more: u64, slack: u64, why: &str) {
        let why = intake::excerpt(why.as_bytes());
        lock(&self.state).add(Entry::SourceLostCount { route: route.0, why, count: more, slack });
    }

    /// Notes that the write of a record ended after `bytes` bytes of its line: the record is lost at the source on every
    /// route, and one text on each that may be what is left of it is not held against the agent. Call it beside
    /// [`Self::source_lost`], which has the reason.
    pub fn torn(&self, stream: StreamId, seq: u64, bytes: u64) {
        self.routes.ids().for_each(|route| self.torn_on(route, stream, seq, bytes));
    }

    /// The same on one route only.
    pub fn torn_on(&self, route: RouteId, stream: StreamId, seq: u64, bytes: u64) {
        let StreamId(stream) = self.routes.entry(route, stream);
        let mut state = lock(&self.state);
        state.add(Entry::SourceLost { stream, seqs: seq..seq + 1 });
        if bytes > 0 {
            state.add(Entry::Torn { route: route.0, count: 1 });
        }
    }
}
