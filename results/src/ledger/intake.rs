//! What one connection or one output file delivers: verified record by record, booked in stretches.
//!
//! The fast path takes no lock, reads no clock and allocates nothing per record: neighbouring records of a stream
//! become one stretch, and stretches are booked under one lock, many at a time.

use std::{ops::Range, sync::Arc};

use super::{
    Ledger,
    damage::{self, Finding, Known},
    labels::{OutputRule, Seen},
    recent::{BatchId, Stretch},
};
use crate::{
    books::{Damage, MAX_EXAMPLE, entry::Entry},
    identity::{self, MAGIC, RecordId, STAMP_LEN, Stamp, StreamId},
    route::RouteId,
};

/// Stretches collected before they are booked.
const MAX_STRETCHES: usize = 1024;
/// Records collected before they are booked.
const MAX_RECORDS: usize = 1 << 14;
/// Different path labels remembered within a booking.
const MAX_PATHS: usize = 256;

/// Neighbouring records that arrived one after the other under the same labels.
#[derive(Debug)]
pub(super) struct Arrival {
    pub(super) stream: u16,
    pub(super) from: u64,
    pub(super) to: u64,
    /// Index into the paths seen, where one was.
    pub(super) path: Option<u32>,
    /// True if the output stream was the wrong one.
    pub(super) wrong_output: bool,
}

/// What was collected since the last booking.
#[derive(Debug, Default)]
pub(super) struct Collected {
    pub(super) arrivals: Vec<Arrival>,
    /// When each record was due, in the order of the arrivals.
    pub(super) due_us: Vec<u64>,
    pub(super) paths: Vec<Vec<u8>>,
    pub(super) odd: Vec<Entry>,
    /// What was booked of the open batch.
    pub(super) stretches: Vec<Stretch>,
}

/// One connection, or one output file: where records come in.
#[derive(Debug)]
pub struct Intake {
    ledger: Arc<Ledger>,
    route: RouteId,
    /// Crashes of the agent that this connection has not seen.
    opened_at_crash: u64,
    now_us: u64,
    /// Where the last record had its stamp; the next one most likely has it there too.
    stamp_at: usize,
    rules: Arc<[OutputRule]>,
    collected: Collected,
}

impl Intake {
    pub(super) fn new(ledger: Arc<Ledger>, route: RouteId) -> Self {
        let (opened_at_crash, rules) = ledger.opening(route);
        Self { ledger, route, opened_at_crash, now_us: 0, stamp_at: 0, rules, collected: Collected::default() }
    }

    /// A batch begins to arrive: a request, or a read.
    pub fn begin(&mut self, now_us: u64) {
        self.now_us = now_us;
        self.rules = self.ledger.opening(self.route).1;
        self.collected.stretches.clear();
    }

    /// Takes what claims to be one record, unescaped, with the labels it came under.
    pub fn record(&mut self, text: &[u8], seen: Seen<'_>) {
        match self.verify(text) {
            Some(stamp) => self.arrived(&stamp, seen),
            None => self.odd(text),
        }
        self.book_if_full();
    }

    /// Takes a record whose whole text the caller has compared with the one this stamp stands for: booked like
    /// [`Self::record`], without a second look at the bytes. False, and nothing is booked, if it is not of this
    /// run: its text belongs to [`Self::record`] then.
    #[must_use]
    pub fn record_proven(&mut self, stamp: &Stamp, seen: Seen<'_>) -> bool {
        if !self.is_ours(stamp) {
            return false;
        }
        self.stamp_at = usize::from(stamp.at);
        self.arrived(stamp, seen);
        self.book_if_full();
        true
    }

    #[inline]
    fn book_if_full(&mut self) {
        let collected = &self.collected;
        if collected.due_us.len() >= MAX_RECORDS
            || collected.arrivals.len() + collected.odd.len() >= MAX_STRETCHES
            || collected.paths.len() >= MAX_PATHS
        {
            self.book();
        }
    }

    /// The batch is complete and booked; answer it, and then say so with [`Ledger::answered`].
    pub fn end(&mut self) -> BatchId {
        self.book();
        self.ledger.batch(std::mem::take(&mut self.collected.stretches))
    }

    fn book(&mut self) {
        self.ledger.book(&mut self.collected, self.route, self.opened_at_crash, self.now_us);
    }

    /// The stamp of a text that is one whole record of this run.
    #[inline]
    fn verify(&mut self, text: &[u8]) -> Option<Stamp> {
        let mut at = self.stamp_at;
        if text.get(at..at + MAGIC.len()) != Some(MAGIC) {
            at = identity::find(text)?;
            self.stamp_at = at;
        }
        let (stamp, stated) = Stamp::decode(&text[at..]).ok()?;
        let fits = stamp.text_len as usize == text.len() && usize::from(stamp.at) == at && text.len() >= at + STAMP_LEN;
        (fits && self.is_ours(&stamp) && identity::check(text, at) == stated).then_some(stamp)
    }

    #[inline]
    fn is_ours(&self, stamp: &Stamp) -> bool {
        stamp.run == self.ledger.run && usize::from(stamp.id.stream.0) < self.rules.len()
    }

    #[inline]
    fn arrived(&mut self, stamp: &Stamp, seen: Seen<'_>) {
        let (stream, seq) = (stamp.id.stream.0, stamp.id.seq);
        let rule = self.rules[usize::from(stream)];
        let wrong_output = seen.output.is_some_and(|output| output != rule.label(seq).as_bytes());
        let path = seen.path.map(|path| self.path(path));
        self.collected.due_us.push(stamp.due_us);
        match self.collected.arrivals.last_mut() {
            Some(last)
                if last.to == seq
                    && last.stream == stream
                    && last.path == path
                    && last.wrong_output == wrong_output =>
            {
                last.to += 1;
            }
            _ => self.collected.arrivals.push(Arrival { stream, from: seq, to: seq + 1, path, wrong_output }),
        }
    }

    /// The index of a path label; nearly always the one of the record before.
    fn path(&mut self, path: &[u8]) -> u32 {
        let paths = &mut self.collected.paths;
        let at = paths.iter().rposition(|known| known == path).unwrap_or_else(|| {
            paths.push(path.to_vec());
            paths.len() - 1
        });
        at as u32
    }

    #[cold]
    fn odd(&mut self, text: &[u8]) {
        let ledger = &self.ledger;
        let known = Known { run: ledger.run, sent: &|stream: StreamId| ledger.sent_so_far(stream) };
        let (route, routes) = (self.route.0, &ledger.routes);
        let odd = &mut self.collected.odd;
        match damage::classify(text, &known) {
            Finding::Damaged(ids, damage) => {
                odd.push(Entry::DamageKind { route, damage, count: ids.len() as u64 });
                let entry = |id: RecordId| routes.entry(self.route, id.stream).0;
                let copy = |id: RecordId| Entry::Damaged { stream: entry(id), seqs: id.seq..id.seq + 1, copies: 1 };
                odd.extend(ids.into_iter().map(copy));
            }
            Finding::Unidentified(damage) => {
                odd.push(Entry::DamageKind { route, damage, count: 1 });
                odd.push(Entry::Unidentified { route, count: 1 });
                if matches!(damage, Damage::NoStamp | Damage::StampCut) {
                    odd.push(Entry::Fragments { route, count: 1 });
                }
                odd.push(Entry::Example { route, text: excerpt(text) });
            }
            Finding::Unexpected => {
                odd.push(Entry::Unexpected { route, count: 1 });
                odd.push(Entry::Example { route, text: excerpt(text) });
            }
        }
    }
}

impl Collected {
    /// Remembers a stretch of the open batch.
    pub(super) fn remember(&mut self, stream: u16, seqs: Range<u64>) {
        match self.stretches.last_mut() {
            Some((last, range)) if *last == stream && range.end == seqs.start => range.end = seqs.end,
            _ => self.stretches.push((stream, seqs)),
        }
    }
}

/// The beginning of a text from outside, made harmless.
pub(super) fn excerpt(text: &[u8]) -> String {
    text[..text.len().min(MAX_EXAMPLE / 2)].escape_ascii().to_string().chars().take(MAX_EXAMPLE).collect()
}
