//! The books of one stream.

use std::{collections::BTreeMap, ops::Range};

use super::entry::{Allowance, Damage, Marks};
use crate::{bitmap::Bitmap, counts::CountMap, outcome::BookTotals, ranges::RangeSet};

/// Stretches kept per map and stream. Beyond them records are still counted, but no longer by name.
const MAX_STRETCHES: usize = 1 << 18;
/// Bytes of text kept of reasons and labels.
pub(crate) const MAX_EXAMPLE: usize = 200;
/// Different reasons and labels kept a stream.
pub(super) const MAX_WORDS: usize = 32;

/// Records that were counted, and which they were.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// Which; complete up to 262,144 stretches.
    pub seqs: RangeSet,
}

impl Tally {
    pub(crate) fn add(&mut self, seqs: Range<u64>, count: u64) {
        self.count = self.count.saturating_add(count);
        if self.seqs.run_count() < MAX_STRETCHES {
            self.seqs.insert(seqs);
        }
    }
}

/// Records that arrived once more, and when.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Again {
    /// When the first of these copies arrived, microseconds since the start of the run.
    pub from_us: u64,
    /// When the last one did.
    pub until_us: u64,
    /// First of the records.
    pub from: u64,
    /// One past the last of them.
    pub to: u64,
}

/// The books of one stream.
///
/// Of the records that are due (`expected`), each is exactly one of *delivered* (a whole copy arrived), *corrupted
/// only* (only damaged copies arrived, and they could be told to be copies of it) and *lost*:
///
/// ```text
/// due      = (written ∪ arrived) ∖ (lost at the source ∖ arrived)
/// expected = delivered + lost + corrupted only
/// ```
/// Surplus, damaged, late and wrongly labelled copies are counted beside that and never netted against it.
///
/// Of a stream that must be dropped nothing is due, and every copy that arrives is *unexpected*.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StreamBook {
    /// True if nothing of it may arrive.
    pub(crate) to_drop: bool,
    pub(crate) marks: Marks,
    pub(crate) arrived: Bitmap,
    pub(crate) source_lost: RangeSet,
    pub(crate) source_lost_why: BTreeMap<String, u64>,
    pub(crate) surplus: CountMap,
    pub(crate) surplus_unnamed: u64,
    pub(crate) again: Vec<Again>,
    pub(crate) in_flight: CountMap,
    pub(crate) answer_lost: CountMap,
    pub(crate) damaged: CountMap,
    pub(crate) damaged_unnamed: u64,
    pub(crate) reordered: Tally,
    pub(crate) misattributed: Tally,
    pub(crate) seen_under: BTreeMap<String, u64>,
}

impl StreamBook {
    /// How far the stream has come.
    pub fn marks(&self) -> Marks {
        self.marks
    }

    /// True if nothing of the stream may arrive.
    pub fn is_to_drop(&self) -> bool {
        self.to_drop
    }

    /// One past the last record that is due; 0 if none may be.
    fn due(&self) -> u64 {
        if self.to_drop { 0 } else { self.marks.written }
    }

    /// Records that arrived and were to be dropped, ascending.
    pub fn undropped(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.arrived.runs(0..if self.to_drop { self.arrived.end() } else { 0 })
    }

    /// Records that arrived whole.
    pub fn arrived(&self) -> &Bitmap {
        &self.arrived
    }

    /// Records lost at the source, whether or not they turned up later.
    pub fn source_lost(&self) -> &RangeSet {
        &self.source_lost
    }

    /// Why they were, and how many each time.
    pub fn source_lost_why(&self) -> &BTreeMap<String, u64> {
        &self.source_lost_why
    }

    /// Surplus copies per record.
    pub fn surplus(&self) -> &CountMap {
        &self.surplus
    }

    /// When surplus copies arrived, in order of arrival (bounded).
    pub fn again(&self) -> &[Again] {
        &self.again
    }

    /// Damaged copies per record.
    pub fn damaged(&self) -> &CountMap {
        &self.damaged
    }

    /// Records that arrived after a later one.
    pub fn reordered(&self) -> &Tally {
        &self.reordered
    }

    /// Records that arrived under a wrong label.
    pub fn misattributed(&self) -> &Tally {
        &self.misattributed
    }

    /// The wrong labels, escaped, with counts (bounded).
    pub fn seen_under(&self) -> &BTreeMap<String, u64> {
        &self.seen_under
    }

    /// How many surplus copies of a record are allowed: (in flight at a crash, answer lost).
    pub fn allowed(&self, seq: u64) -> (u64, u64) {
        (self.in_flight.get(seq), self.answer_lost.get(seq))
    }

    /// Records that are due and of which no copy arrived, ascending.
    pub fn lost(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.arrived
            .gaps(0..self.due())
            .flat_map(|gap| self.source_lost.missing(gap))
            .flat_map(|gap| self.undamaged(gap))
    }

    /// Due records of which only damaged copies arrived, ascending.
    pub fn corrupted_only(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.damaged
            .within(0..self.due())
            .flat_map(|(range, _)| self.source_lost.missing(range))
            .flat_map(|range| self.arrived.gaps(range).collect::<Vec<_>>())
    }

    /// Surplus copies that nothing allows: (records, copies of each), ascending.
    pub fn forbidden_surplus(&self) -> Vec<(Range<u64>, u64)> {
        self.split_surplus()
            .into_iter()
            .filter_map(|(range, copies, allowed)| (copies > allowed).then(|| (range, copies - allowed)))
            .collect()
    }

    /// Surplus copies that are allowed: (records, copies of each, the allowance), ascending.
    pub fn allowed_surplus(&self) -> Vec<(Range<u64>, u64, Allowance)> {
        let mut parts = Vec::new();
        for (range, copies, _) in self.split_surplus() {
            let (in_flight, answer_lost) = self.allowed(range.start);
            let lost_answers = copies.min(answer_lost);
            let resent = (copies - lost_answers).min(in_flight);
            for (copies, allowance) in [(lost_answers, Allowance::AnswerLost), (resent, Allowance::InFlight)] {
                if copies > 0 {
                    parts.push((range.clone(), copies, allowance));
                }
            }
        }
        parts
    }

    /// Surplus cut where allowances change: (records, copies, allowed copies).
    fn split_surplus(&self) -> Vec<(Range<u64>, u64, u64)> {
        let mut parts = Vec::new();
        for (range, copies) in self.surplus.iter().filter(|_| !self.to_drop) {
            let mut cuts = vec![range.start, range.end];
            for map in [&self.in_flight, &self.answer_lost] {
                cuts.extend(map.within(range.clone()).flat_map(|(part, _)| [part.start, part.end]));
            }
            cuts.sort_unstable();
            cuts.dedup();
            for cut in cuts.windows(2) {
                let (in_flight, answer_lost) = self.allowed(cut[0]);
                parts.push((cut[0]..cut[1], copies, in_flight + answer_lost));
            }
        }
        parts
    }

    fn undamaged(&self, gap: Range<u64>) -> Vec<Range<u64>> {
        let mut parts = Vec::new();
        let mut from = gap.start;
        for (hit, _) in self.damaged.within(gap.clone()) {
            if hit.start > from {
                parts.push(from..hit.start);
            }
            from = hit.end;
        }
        if from < gap.end {
            parts.push(from..gap.end);
        }
        parts
    }

    /// Records that were written and have to arrive: nothing of a stream that must be dropped, and none that is known by name
    /// to be lost at the source and did not turn up.
    pub(crate) fn owed(&self) -> u64 {
        if self.to_drop {
            return 0;
        }
        let written = self.marks.written;
        let lost =
            self.source_lost.within(0..written).map(|range| range.end - range.start - self.arrived.count_in(range));
        written - lost.sum::<u64>()
    }

    /// The counts of this stream.
    pub fn totals(&self) -> BookTotals {
        let Marks { sent, written, .. } = self.marks;
        if self.to_drop {
            return self.dropped_totals();
        }
        let length = |range: Range<u64>| range.end - range.start;
        let source_lost: u64 =
            self.source_lost.iter().map(|range| length(range.clone()) - self.arrived.count_in(range)).sum();
        let delivered = self.arrived.count();
        let early = self.arrived.count_in(written..self.arrived.end().max(written));
        let expected = self.owed() + early;
        let corrupted_only: u64 = self.corrupted_only().map(length).sum();
        let allowed = self.allowed_surplus().into_iter().map(|(range, copies, _)| length(range) * copies).sum();
        BookTotals {
            sent,
            written,
            expected,
            delivered,
            lost: expected - delivered - corrupted_only,
            duplicated: self.surplus.total().saturating_add(self.surplus_unnamed),
            duplicated_allowed: allowed,
            unexpected: 0,
            corrupted: self.damaged_copies(),
            reordered: self.reordered.count,
            misattributed: self.misattributed.count,
            source_lost,
            ..BookTotals::default()
        }
    }

    /// The counts of a stream of which nothing may arrive.
    fn dropped_totals(&self) -> BookTotals {
        let Marks { sent, written, .. } = self.marks;
        let copies = self.arrived.count().saturating_add(self.surplus.total()).saturating_add(self.surplus_unnamed);
        BookTotals {
            sent,
            written,
            to_drop: written,
            unexpected: copies,
            corrupted: self.damaged_copies(),
            ..BookTotals::default()
        }
    }

    fn damaged_copies(&self) -> u64 {
        self.damaged.total().saturating_sub(self.torn_at_source()).saturating_add(self.damaged_unnamed)
    }

    /// Damaged copies of records that were lost at the source: pieces of writes that failed.
    pub(crate) fn torn_at_source(&self) -> u64 {
        let pieces = self.source_lost.iter().flat_map(|lost| self.damaged.within(lost));
        pieces.map(|(part, copies)| (part.end - part.start) * copies).sum()
    }

    pub(crate) fn advance(&mut self, marks: Marks) {
        self.marks.reserved = self.marks.reserved.max(marks.reserved);
        self.marks.sent = self.marks.sent.max(marks.sent);
        self.marks.written = self.marks.written.max(marks.written);
        self.marks.bytes = self.marks.bytes.max(marks.bytes);
    }

    pub(crate) fn add_surplus(&mut self, seqs: Range<u64>, copies: u64) {
        if self.surplus.run_count() < MAX_STRETCHES {
            self.surplus.add(seqs, copies);
        } else {
            self.surplus_unnamed += (seqs.end - seqs.start) * copies;
        }
    }

    pub(crate) fn add_again(&mut self, again: Again) {
        let room = self.again.len() < MAX_STRETCHES;
        match self.again.last_mut() {
            Some(last) if last.to == again.from && again.from_us.saturating_sub(last.until_us) < 1_000_000 => {
                last.to = again.to;
                last.until_us = last.until_us.max(again.until_us);
            }
            _ if room => self.again.push(again),
            _ => {}
        }
    }

    pub(crate) fn add_damaged(&mut self, seqs: Range<u64>, copies: u64) {
        if self.damaged.run_count() < MAX_STRETCHES {
            self.damaged.add(seqs, copies);
        } else {
            self.damaged_unnamed += (seqs.end - seqs.start) * copies;
        }
    }

    pub(crate) fn allow(&mut self, seqs: Range<u64>, times: u64, allowance: Allowance) {
        let map = match allowance {
            Allowance::InFlight => &mut self.in_flight,
            Allowance::AnswerLost => &mut self.answer_lost,
        };
        if map.run_count() < MAX_STRETCHES {
            map.add(seqs, times);
        }
    }
}

/// Counts a word; words beyond the bound are counted under "…".
pub(crate) fn count_word(words: &mut BTreeMap<String, u64>, word: &str, by: u64) {
    let word = if words.len() < MAX_WORDS || words.contains_key(word) { word } else { "…" };
    *words.entry(word.to_owned()).or_default() += by;
}

/// Damaged and unknown texts over all streams.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Strangers {
    /// Damaged copies by kind, identified or not.
    pub damage: BTreeMap<Damage, u64>,
    /// Damaged texts that could not be told to be copies of any record.
    pub unidentified: u64,
    /// How many of those may be the beginning of a record: no stamp, or cut within it.
    pub fragments: u64,
    /// Writes of the bench that failed half-way and left the beginning of a record behind.
    pub torn: u64,
    /// Texts that nobody sent.
    pub unexpected: u64,
    /// What some of those looked like, escaped (bounded).
    pub examples: Vec<String>,
}

impl Strangers {
    pub(crate) fn example(&mut self, text: String) {
        if !text.is_empty() && self.examples.len() < MAX_WORDS {
            self.examples.push(text);
        }
    }
}
