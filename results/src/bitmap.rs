//! One bit a record, in pages: a page that nobody touched or that is full takes no memory for its bits.
//!
//! ```text
//! pages  [ Full | Full | Bits ▓▓░▓ | Empty ]     65,536 records a page, 8 KiB when it has gaps
//! ```
//! So a run that is delivered in order costs 16 bytes per 65,536 records, and no run costs more than one bit a
//! record plus that.

use std::ops::Range;

/// Records a page.
pub const PAGE_BITS: u64 = 1 << 16;
/// Words a page.
pub(crate) const PAGE_WORDS: usize = (PAGE_BITS / 64) as usize;

/// The bits of one page.
pub(crate) type PageWords = [u64; PAGE_WORDS];

#[derive(Debug, Clone, PartialEq, Eq)]
enum Page {
    Empty,
    Full,
    Bits(Box<PageWords>, u32),
}

/// A growing set of sequences.
#[derive(Debug, Clone, Default)]
pub struct Bitmap {
    pages: Vec<Page>,
    count: u64,
}

impl PartialEq for Bitmap {
    /// Equal by members, whatever the number of empty pages behind the last one.
    fn eq(&self, other: &Self) -> bool {
        let longest = self.pages.len().max(other.pages.len());
        let page = |map: &Self, at: usize| map.pages.get(at).cloned().unwrap_or(Page::Empty);
        self.count == other.count && (0..longest).all(|at| page(self, at) == page(other, at))
    }
}

impl Eq for Bitmap {}

impl Bitmap {
    /// Number of members.
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Bytes of memory held.
    pub fn memory_bytes(&self) -> usize {
        let bits = self.pages.iter().filter(|page| matches!(page, Page::Bits(..))).count();
        self.pages.capacity() * size_of::<Page>() + bits * size_of::<PageWords>()
    }

    /// True if `seq` is a member.
    pub fn contains(&self, seq: u64) -> bool {
        match self.pages.get((seq / PAGE_BITS) as usize) {
            None | Some(Page::Empty) => false,
            Some(Page::Full) => true,
            Some(Page::Bits(words, _)) => words[word_of(seq)] >> (seq % 64) & 1 == 1,
        }
    }

    /// Adds a range and tells of each stretch that was a member before, ascending; returns how many are new.
    pub fn insert(&mut self, range: Range<u64>, mut again: impl FnMut(Range<u64>)) -> u64 {
        if range.is_empty() {
            return 0;
        }
        let last = ((range.end - 1) / PAGE_BITS) as usize;
        if self.pages.len() <= last {
            self.pages.resize(last + 1, Page::Empty);
        }
        let before = self.count;
        let mut repeats = Repeats { open: None, tell: &mut again };
        let mut from = range.start;
        while from < range.end {
            let at = (from / PAGE_BITS) as usize;
            let base = at as u64 * PAGE_BITS;
            let to = range.end.min(base + PAGE_BITS);
            self.count += self.pages[at].insert(base, from..to, &mut repeats);
            from = to;
        }
        repeats.close();
        self.count - before
    }

    /// The first member at or after `seq`.
    pub fn next_set(&self, seq: u64) -> Option<u64> {
        let mut seq = seq;
        while let Some(page) = self.pages.get((seq / PAGE_BITS) as usize) {
            match page {
                Page::Empty => {}
                Page::Full => return Some(seq),
                Page::Bits(words, _) => {
                    if let Some(found) = scan(words, seq, |word| word) {
                        return Some(found);
                    }
                }
            }
            seq = (seq / PAGE_BITS + 1) * PAGE_BITS;
        }
        None
    }

    /// The first sequence at or after `seq` that is no member.
    pub fn next_clear(&self, seq: u64) -> u64 {
        let mut seq = seq;
        while let Some(page) = self.pages.get((seq / PAGE_BITS) as usize) {
            match page {
                Page::Empty => return seq,
                Page::Full => {}
                Page::Bits(words, _) => {
                    if let Some(found) = scan(words, seq, |word| !word) {
                        return found;
                    }
                }
            }
            seq = (seq / PAGE_BITS + 1) * PAGE_BITS;
        }
        seq
    }

    /// The stretches of members within `range`, ascending.
    pub fn runs(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let mut at = range.start;
        std::iter::from_fn(move || {
            let start = self.next_set(at).filter(|&start| start < range.end)?;
            at = self.next_clear(start).min(range.end);
            Some(start..at)
        })
    }

    /// The stretches within `range` that are no members, ascending.
    pub fn gaps(&self, range: Range<u64>) -> impl Iterator<Item = Range<u64>> + '_ {
        let mut at = range.start;
        std::iter::from_fn(move || {
            let start = self.next_clear(at);
            if start >= range.end {
                return None;
            }
            at = self.next_set(start).unwrap_or(range.end).min(range.end);
            Some(start..at)
        })
    }

    /// How many members `range` has.
    pub fn count_in(&self, range: Range<u64>) -> u64 {
        self.runs(range).map(|run| run.end - run.start).sum()
    }

    /// One past the last member.
    pub fn end(&self) -> u64 {
        for (at, page) in self.pages.iter().enumerate().rev() {
            let base = at as u64 * PAGE_BITS;
            match page {
                Page::Empty => {}
                Page::Full => return base + PAGE_BITS,
                Page::Bits(words, _) => {
                    if let Some(word) = words.iter().rposition(|word| *word != 0) {
                        return base + word as u64 * 64 + 64 - u64::from(words[word].leading_zeros());
                    }
                }
            }
        }
        0
    }

    /// Adds all members of a page, from the books file.
    pub(crate) fn insert_page(&mut self, page: u64, words: &PageWords) {
        let mut start = 0;
        while start < PAGE_BITS {
            let base = page * PAGE_BITS;
            let Some(from) = scan(words, start, |word| word) else { return };
            let to = scan(words, from, |word| !word).unwrap_or(PAGE_BITS);
            self.insert(base + from..base + to, |_| ());
            start = to;
        }
    }

    /// The pages that hold bits of their own, for the books file.
    pub(crate) fn page_words(&self, page: u64) -> Option<&PageWords> {
        match self.pages.get(page as usize) {
            Some(Page::Bits(words, _)) => Some(words),
            _ => None,
        }
    }
}

fn word_of(seq: u64) -> usize {
    (seq % PAGE_BITS / 64) as usize
}

/// The first bit at or after `seq` in its page that `view` shows as set.
fn scan(words: &PageWords, seq: u64, view: impl Fn(u64) -> u64) -> Option<u64> {
    let base = seq / PAGE_BITS * PAGE_BITS;
    let first = word_of(seq);
    let mut word = view(words[first]) & (u64::MAX << (seq % 64));
    let mut at = first;
    while word == 0 {
        at += 1;
        word = view(*words.get(at)?);
    }
    Some(base + at as u64 * 64 + u64::from(word.trailing_zeros()))
}

impl Page {
    fn insert(&mut self, base: u64, range: Range<u64>, repeats: &mut Repeats<'_>) -> u64 {
        let whole = range.end - range.start == PAGE_BITS;
        match self {
            Self::Full => {
                repeats.push(range);
                return 0;
            }
            Self::Empty if whole => {
                *self = Self::Full;
                return PAGE_BITS;
            }
            Self::Empty => *self = Self::Bits(Box::new([0; PAGE_WORDS]), 0),
            Self::Bits(..) => {}
        }
        let Self::Bits(words, count) = self else { unreachable!("the other two kinds were dealt with above") };
        let mut fresh = 0;
        let mut from = range.start;
        while from < range.end {
            let at = word_of(from);
            let word_base = base + at as u64 * 64;
            let to = range.end.min(word_base + 64);
            let mask = (u64::MAX >> (64 - (to - from))) << (from % 64);
            let present = words[at] & mask;
            if present != 0 {
                repeats.push_bits(word_base, present);
            }
            fresh += u64::from((mask & !present).count_ones());
            words[at] |= mask;
            from = to;
        }
        *count += fresh as u32;
        if u64::from(*count) == PAGE_BITS {
            *self = Self::Full;
        }
        fresh
    }
}

/// Joins repeated bits of neighbouring words into stretches before telling of them.
struct Repeats<'a> {
    open: Option<Range<u64>>,
    tell: &'a mut dyn FnMut(Range<u64>),
}

impl Repeats<'_> {
    fn push(&mut self, range: Range<u64>) {
        match &mut self.open {
            Some(open) if open.end == range.start => open.end = range.end,
            _ => {
                self.close();
                self.open = Some(range);
            }
        }
    }

    fn push_bits(&mut self, base: u64, mut bits: u64) {
        while bits != 0 {
            let start = bits.trailing_zeros();
            let len = (!(bits >> start)).trailing_zeros().min(64 - start);
            self.push(base + u64::from(start)..base + u64::from(start + len));
            bits = if start + len == 64 { 0 } else { bits & (u64::MAX << (start + len)) };
        }
    }

    fn close(&mut self) {
        if let Some(open) = self.open.take() {
            (self.tell)(open);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn spot() -> impl Strategy<Value = u64> {
        prop_oneof![0u64..300, PAGE_BITS - 100..PAGE_BITS + 100, 2 * PAGE_BITS - 3..2 * PAGE_BITS + 70]
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn behaves_like_a_set_of_numbers(adds in prop::collection::vec((spot(), prop_oneof![0u64..5, 60u64..200]), 0..30)) {
            let mut map = Bitmap::default();
            let mut model = BTreeSet::new();
            for (start, len) in adds {
                let mut again = Vec::new();
                let fresh = map.insert(start..start + len, |range| again.push(range));
                let repeated: Vec<u64> = (start..start + len).filter(|seq| !model.insert(*seq)).collect();
                prop_assert_eq!(fresh, len - repeated.len() as u64);
                prop_assert!(again.windows(2).all(|pair| pair[0].end < pair[1].start));
                prop_assert_eq!(again.into_iter().flatten().collect::<Vec<_>>(), repeated);
            }
            prop_assert_eq!(map.count(), model.len() as u64);
            prop_assert_eq!(map.end(), model.last().map_or(0, |last| last + 1));
            let all = 0..3 * PAGE_BITS;
            prop_assert_eq!(map.runs(all.clone()).flatten().collect::<Vec<_>>(), model.iter().copied().collect::<Vec<_>>());
            let gaps: u64 = map.gaps(all.clone()).map(|gap| gap.end - gap.start).sum();
            prop_assert_eq!(gaps + map.count_in(all.clone()), all.end);
        }
    }

    #[test]
    fn a_full_page_frees_its_bits_and_still_reports_repeats() {
        let mut map = Bitmap::default();
        map.insert(1..PAGE_BITS, |_| panic!("nothing was there before"));
        let partial = map.memory_bytes();
        map.insert(0..1, |_| panic!("0 was not there before"));
        assert!(map.memory_bytes() + size_of::<PageWords>() <= partial);
        let mut again = Vec::new();
        assert_eq!(map.insert(PAGE_BITS - 2..PAGE_BITS + 2, |range| again.push(range)), 2);
        assert_eq!(again.into_iter().flatten().collect::<Vec<_>>(), [PAGE_BITS - 2, PAGE_BITS - 1]);
    }
}
