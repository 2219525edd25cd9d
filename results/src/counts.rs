//! How often each sequence was seen, run-length encoded: one tree node per stretch of equal counts.

use std::{collections::BTreeMap, ops::Range};

/// A count per sequence; nearly all of them zero, and those that are not come in stretches.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CountMap {
    /// First sequence → (one past the last, count). Disjoint; neighbours that touch differ in count.
    runs: BTreeMap<u64, (u64, u64)>,
    total: u64,
}

impl CountMap {
    /// Adds `by` to the count of every member of `range`.
    pub fn add(&mut self, range: Range<u64>, by: u64) {
        if range.is_empty() || by == 0 {
            return;
        }
        self.split(range.start);
        self.split(range.end);
        let inside: Vec<(u64, (u64, u64))> =
            self.runs.range(range.clone()).map(|(&start, &run)| (start, run)).collect();
        let mut from = range.start;
        for (start, (end, count)) in inside {
            if start > from {
                self.runs.insert(from, (start, by));
            }
            self.runs.insert(start, (end, count.saturating_add(by)));
            from = end;
        }
        if from < range.end {
            self.runs.insert(from, (range.end, by));
        }
        self.total = self.total.saturating_add((range.end - range.start).saturating_mul(by));
        self.join(&range);
    }

    /// Takes one off each member of `range` that has any, and says which those are, ascending.
    pub fn take_one(&mut self, range: Range<u64>) -> Vec<Range<u64>> {
        let parts: Vec<(Range<u64>, u64)> = self.within(range.clone()).collect();
        for (part, count) in &parts {
            self.split(part.start);
            self.split(part.end);
            if *count == 1 {
                self.runs.remove(&part.start);
            } else {
                self.runs.insert(part.start, (part.end, count - 1));
            }
            self.total = self.total.saturating_sub(part.end - part.start);
        }
        self.join(&range);
        parts.into_iter().map(|(part, _)| part).collect()
    }

    /// Cuts the run that spans `at` in two.
    fn split(&mut self, at: u64) {
        if let Some((&start, &(end, count))) = self.runs.range(..at).next_back()
            && end > at
        {
            self.runs.insert(start, (at, count));
            self.runs.insert(at, (end, count));
        }
    }

    /// Joins touching runs of equal count in and around `range`.
    fn join(&mut self, range: &Range<u64>) {
        let first = self.runs.range(..range.start).next_back().map_or(range.start, |(&start, _)| start);
        let keys: Vec<u64> = self.runs.range(first..=range.end).map(|(&start, _)| start).collect();
        let mut last: Option<(u64, u64, u64)> = None;
        for key in keys {
            let (end, count) = self.runs[&key];
            match last {
                Some((start, until, same)) if until == key && same == count => {
                    self.runs.remove(&key);
                    self.runs.insert(start, (end, count));
                    last = Some((start, end, count));
                }
                _ => last = Some((key, end, count)),
            }
        }
    }

    /// The count of one sequence.
    pub fn get(&self, seq: u64) -> u64 {
        self.runs.range(..=seq).next_back().filter(|(_, (end, _))| *end > seq).map_or(0, |(_, &(_, count))| count)
    }

    /// The sum of all counts.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Number of stretches.
    pub fn run_count(&self) -> usize {
        self.runs.len()
    }

    /// The stretches with a count above zero, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (Range<u64>, u64)> + '_ {
        self.runs.iter().map(|(&start, &(end, count))| (start..end, count))
    }

    /// The parts of `range` with a count above zero, ascending.
    pub fn within(&self, range: Range<u64>) -> impl Iterator<Item = (Range<u64>, u64)> + '_ {
        let first = self.runs.range(..=range.start).next_back().map_or(range.start, |(&start, _)| start);
        self.runs
            .range(first..range.end.max(first))
            .map(move |(&start, &(end, count))| (start.max(range.start)..end.min(range.end), count))
            .filter(|(part, _)| !part.is_empty())
    }

    /// Adds all counts of another map.
    pub fn union(&mut self, other: &Self) {
        for (range, count) in other.iter() {
            self.add(range, count);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_one_counter_a_sequence(adds in prop::collection::vec((0u64..100, 0u64..30, 0u64..3), 0..40), from in 0u64..110) {
            let mut map = CountMap::default();
            let mut model = vec![0u64; 140];
            for (start, len, by) in adds {
                map.add(start..start + len, by);
                (start..start + len).for_each(|seq| model[seq as usize] += by);
            }
            for (seq, &count) in model.iter().enumerate() {
                prop_assert_eq!(map.get(seq as u64), count);
            }
            prop_assert_eq!(map.total(), model.iter().sum::<u64>());
            let mut less = map.clone();
            let taken: Vec<u64> = less.take_one(from..from + 25).into_iter().flatten().collect();
            let had: Vec<u64> = (from..from + 25).filter(|&seq| model[seq as usize] > 0).collect();
            prop_assert_eq!(&taken, &had);
            for seq in taken {
                less.add(seq..seq + 1, 1);
            }
            prop_assert_eq!(&less, &map);
            prop_assert_eq!(map.within(20..90).map(|(range, count)| (range.end - range.start) * count).sum::<u64>(),
                model[20..90].iter().sum::<u64>());
            let runs: Vec<_> = map.iter().collect();
            prop_assert!(runs.windows(2).all(|pair| pair[0].0.end < pair[1].0.start
                || (pair[0].0.end == pair[1].0.start && pair[0].1 != pair[1].1)));
        }
    }
}
