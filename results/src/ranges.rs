//! A set of sequences kept as intervals: memory is one tree node per gap, whatever the number of records.

use std::{collections::BTreeMap, ops::Range};

/// Disjoint, non-adjacent half-open intervals.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RangeSet {
    /// First sequence → one past the last.
    runs: BTreeMap<u64, u64>,
    count: u64,
}

impl RangeSet {
    /// Adds a range; returns how many of its members are new.
    pub fn insert(&mut self, range: Range<u64>) -> u64 {
        if range.is_empty() {
            return 0;
        }
        let before = self.count;
        let (mut from, mut to) = (range.start, range.end);
        if let Some((&start, &end)) = self.runs.range(..=from).next_back()
            && end >= from
        {
            from = start;
            to = to.max(end);
            self.runs.remove(&start);
            self.count -= end - start;
        }
        while let Some((&start, &end)) = self.runs.range(from..=to).next() {
            to = to.max(end);
            self.runs.remove(&start);
            self.count -= end - start;
        }
        self.runs.insert(from, to);
        self.count += to - from;
        self.count - before
    }

    /// True if `seq` is a member.
    pub fn contains(&self, seq: u64) -> bool {
        self.runs.range(..=seq).next_back().is_some_and(|(_, &end)| end > seq)
    }

    /// Number of members.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Number of intervals.
    pub fn run_count(&self) -> usize {
        self.runs.len()
    }

    /// True without members.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// The intervals, ascending.
    pub fn iter(&self) -> impl Iterator<Item = Range<u64>> + '_ {
        self.runs.iter().map(|(&start, &end)| start..end)
    }

    /// The parts of `range` that are members, ascending.
    pub fn within(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let first = self.runs.range(..=range.start).next_back().map_or(range.start, |(&start, _)| start);
        self.runs
            .range(first..range.end.max(first))
            .map(move |(&start, &end)| start.max(range.start)..end.min(range.end))
            .filter(|part| !part.is_empty())
    }

    /// The parts of `range` that are not members, ascending.
    pub fn missing(&self, range: Range<u64>) -> Vec<Range<u64>> {
        let mut parts = Vec::new();
        let mut from = range.start;
        for run in self.within(range.clone()) {
            if run.start > from {
                parts.push(from..run.start);
            }
            from = run.end;
        }
        if from < range.end {
            parts.push(from..range.end);
        }
        parts
    }

    /// Adds all of another set.
    pub fn union(&mut self, other: &Self) {
        for run in other.iter() {
            self.insert(run);
        }
    }
}

impl FromIterator<Range<u64>> for RangeSet {
    fn from_iter<I: IntoIterator<Item = Range<u64>>>(ranges: I) -> Self {
        let mut set = Self::default();
        for range in ranges {
            set.insert(range);
        }
        set
    }
}

/// "5", "5–9" or "5–9, 12, …": at most `most` intervals of a list, ends included, for sentences.
pub fn sentence(ranges: impl IntoIterator<Item = Range<u64>>, most: usize) -> String {
    let mut text = String::new();
    for (at, range) in ranges.into_iter().enumerate() {
        if at == most {
            text.push_str(", …");
            break;
        }
        if at > 0 {
            text.push_str(", ");
        }
        text.push_str(&range.start.to_string());
        if range.end > range.start + 1 {
            text.push('–');
            text.push_str(&(range.end - 1).to_string());
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn behaves_like_a_set_of_numbers(ranges in prop::collection::vec((0u64..200, 0u64..20), 0..40), from in 0u64..200, len in 0u64..60) {
            let mut set = RangeSet::default();
            let mut model = BTreeSet::new();
            for (start, len) in ranges {
                let fresh = (start..start + len).filter(|seq| model.insert(*seq)).count() as u64;
                prop_assert_eq!(set.insert(start..start + len), fresh);
            }
            prop_assert_eq!(set.count(), model.len() as u64);
            prop_assert_eq!(set.iter().flatten().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            prop_assert!(set.iter().zip(set.iter().skip(1)).all(|(left, right)| left.end < right.start));
            let window = from..from + len;
            let inside: Vec<u64> = window.clone().filter(|seq| model.contains(seq)).collect();
            let outside: Vec<u64> = window.clone().filter(|seq| !model.contains(seq)).collect();
            prop_assert_eq!(set.within(window.clone()).flatten().collect::<Vec<_>>(), inside);
            prop_assert_eq!(set.missing(window).into_iter().flatten().collect::<Vec<_>>(), outside);
        }
    }

    #[test]
    fn sentences_name_ends_and_stop_in_time() {
        assert_eq!(sentence([5..6, 7..10, 20..22], 2), "5, 7–9, …");
        assert_eq!(sentence([], 2), "");
    }
}
