//! Adding books: of two receivers, of two machines, of the generating and the receiving side.

use super::{
    Again, Strangers, StreamBook,
    stream::{Tally, count_word},
};

impl StreamBook {
    /// Adds another part of the same stream's books. What both saw arrive arrived twice.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.advance(other.marks);
        let Self { arrived, surplus, .. } = self;
        for run in other.arrived.runs(0..other.arrived.end()) {
            arrived.insert(run, |again| surplus.add(again, 1));
        }
        self.surplus.union(&other.surplus);
        self.surplus_unnamed += other.surplus_unnamed;
        let mut again = std::mem::take(&mut self.again);
        again.extend(other.again.iter().cloned());
        again.sort_unstable();
        for again in again {
            self.add_again(again);
        }
        self.source_lost.union(&other.source_lost);
        for (why, count) in &other.source_lost_why {
            count_word(&mut self.source_lost_why, why, *count);
        }
        self.in_flight.union(&other.in_flight);
        self.answer_lost.union(&other.answer_lost);
        self.damaged.union(&other.damaged);
        self.damaged_unnamed += other.damaged_unnamed;
        self.reordered.merge(&other.reordered);
        self.misattributed.merge(&other.misattributed);
        for (seen, count) in &other.seen_under {
            count_word(&mut self.seen_under, seen, *count);
        }
    }
}

impl Tally {
    fn merge(&mut self, other: &Self) {
        self.count += other.count;
        self.seqs.union(&other.seqs);
    }
}

impl Strangers {
    pub(crate) fn merge(&mut self, other: &Self) {
        for (damage, count) in &other.damage {
            *self.damage.entry(*damage).or_default() += count;
        }
        self.unidentified += other.unidentified;
        self.fragments += other.fragments;
        self.torn += other.torn;
        self.unexpected += other.unexpected;
        for example in &other.examples {
            self.example(example.clone());
        }
    }
}

impl Again {
    /// True if the copies arrived at or after a moment.
    pub fn is_after(&self, t_us: u64) -> bool {
        self.until_us >= t_us
    }
}
