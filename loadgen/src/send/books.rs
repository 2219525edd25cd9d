//! What senders book: losses by name, neighbours with the same reason together, and by number where nobody knows names.

use std::{ops::Range, sync::Arc};

use results::{identity::StreamId, ledger::Ledger, route::RouteId};

/// The books of one stream, as its senders keep them.
#[derive(Debug)]
pub(super) struct SourceBooks {
    ledger: Arc<Ledger>,
    stream: StreamId,
    route: Option<RouteId>,
    /// Lost, and not yet in the ledger: neighbours for the same reason.
    open: Option<(Range<u64>, String)>,
}

impl SourceBooks {
    pub(super) fn new(ledger: Arc<Ledger>, stream: StreamId, route: Option<RouteId>) -> Self {
        Self { ledger, stream, route, open: None }
    }

    /// The record never left.
    pub(super) fn lost(&mut self, seq: u64, why: &str) {
        if let Some((range, reason)) = &mut self.open
            && range.end == seq
            && reason == why
        {
            range.end += 1;
            return;
        }
        self.flush();
        self.open = Some((seq..seq + 1, why.to_owned()));
    }

    /// Of the record only the first `bytes` bytes left.
    pub(super) fn torn(&mut self, seq: u64, bytes: u64, why: &str) {
        self.flush();
        match self.route {
            Some(route) => self.ledger.torn_on(route, self.stream, seq, bytes),
            None => self.ledger.torn(self.stream, seq, bytes),
        }
        self.lost(seq, why);
    }

    /// So many more were lost, nobody knows which; off by at most `slack`.
    pub(super) fn counted(&mut self, more: u64, slack: u64, why: &str) {
        match self.route {
            Some(route) => self.ledger.source_lost_count(route, more, slack, why),
            None => self.ledger.routes().ids().for_each(|route| self.ledger.source_lost_count(route, more, slack, why)),
        }
    }

    /// Puts down what is not yet in the ledger.
    pub(super) fn flush(&mut self) {
        if let Some((range, why)) = self.open.take() {
            match self.route {
                Some(route) => self.ledger.source_lost_on(route, self.stream, range, &why),
                None => self.ledger.source_lost(self.stream, range, &why),
            }
        }
    }
}

impl Drop for SourceBooks {
    fn drop(&mut self) {
        self.flush();
    }
}
