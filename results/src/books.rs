//! The books: what was sent and what came back, record by record, for all streams of a run.
//!
//! One bit a record says whether it arrived whole; everything else (losses at the source, surplus copies, damage)
//! is kept as stretches, so memory is one bit a record and a little per gap. Books of several receivers, or of the
//! generating and the receiving side, are added with [`Books::merge`]: a record that two of them saw arrived twice.

mod codec;
pub(crate) mod entry;
mod file;
mod load;
mod merge;
mod stream;

pub use entry::{Allowance, Damage, Marks};
pub use file::BooksFileError;
pub(crate) use file::BooksWriter;
pub use stream::{Again, Strangers, StreamBook, Tally};
use thiserror::Error;

use self::entry::Entry;
pub(crate) use self::stream::MAX_EXAMPLE;
use crate::{identity::StreamId, outcome::BookTotals};

/// The books of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    pub(crate) run: u32,
    pub(crate) names: Vec<String>,
    pub(crate) streams: Vec<StreamBook>,
    pub(crate) strangers: Strangers,
    pub(crate) complete: bool,
}

/// Books that do not belong together.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum MergeError {
    /// They are of different runs.
    #[error("the books are of different runs ({0:08x} and {1:08x}); merge books of one run only")]
    Run(u32, u32),
    /// They list different streams.
    #[error("the books list different streams; merge books of one scenario and one run only")]
    Streams,
}

impl Books {
    /// Empty books.
    pub fn new(run: u32, streams: Vec<String>) -> Self {
        let books = streams.iter().map(|_| StreamBook::default()).collect();
        Self { run, names: streams, streams: books, strangers: Strangers::default(), complete: true }
    }

    /// The tag of the run.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// False if they were loaded from a file that nobody closed: the bench was killed.
    pub fn complete(&self) -> bool {
        self.complete
    }

    /// Names of the streams; the index is the [`StreamId`].
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Name of a stream, or its number where it has none.
    pub fn name(&self, stream: StreamId) -> String {
        self.names.get(usize::from(stream.0)).cloned().unwrap_or_else(|| format!("stream {}", stream.0))
    }

    /// The books of every stream; the index is the [`StreamId`].
    pub fn streams(&self) -> &[StreamBook] {
        &self.streams
    }

    /// Damaged and unknown texts over all streams.
    pub fn strangers(&self) -> &Strangers {
        &self.strangers
    }

    /// The counts over all streams.
    ///
    /// `expected = delivered + lost + corrupted only`, where the last are records of which only damaged copies
    /// arrived; see [`StreamBook`].
    pub fn totals(&self) -> BookTotals {
        let mut sum = self.streams.iter().map(StreamBook::totals).fold(BookTotals::default(), |mut sum, one| {
            sum.sent += one.sent;
            sum.written += one.written;
            sum.expected += one.expected;
            sum.delivered += one.delivered;
            sum.lost += one.lost;
            sum.duplicated += one.duplicated;
            sum.duplicated_allowed += one.duplicated_allowed;
            sum.corrupted += one.corrupted;
            sum.reordered += one.reordered;
            sum.misattributed += one.misattributed;
            sum.source_lost += one.source_lost;
            sum
        });
        sum.unexpected = self.strangers.unexpected;
        sum.corrupted += self.strangers.unidentified - self.torn_fragments();
        sum
    }

    /// Texts that cannot be told to be any record, and are not held against the agent: at most one for each write that
    /// the bench itself broke off, less those whose piece was long enough to be known.
    pub fn torn_fragments(&self) -> u64 {
        let known: u64 = self.streams.iter().map(StreamBook::torn_at_source).sum();
        let strangers = &self.strangers;
        strangers.torn.saturating_sub(known).min(strangers.fragments).min(strangers.unidentified)
    }

    /// Bytes of the bits that say what arrived.
    pub fn memory_bytes(&self) -> usize {
        self.streams.iter().map(|stream| stream.arrived.memory_bytes()).sum()
    }

    /// Adds the books of another receiver, or of the other side, of the same run.
    pub fn merge(&mut self, other: &Self) -> Result<(), MergeError> {
        if self.run != other.run {
            return Err(MergeError::Run(self.run, other.run));
        }
        if self.names != other.names {
            return Err(MergeError::Streams);
        }
        for (mine, theirs) in self.streams.iter_mut().zip(&other.streams) {
            mine.merge(theirs);
        }
        self.strangers.merge(&other.strangers);
        self.complete &= other.complete;
        Ok(())
    }

    /// Adds an entry.
    ///
    /// # Panics
    /// If the stream is not one of the books'.
    pub(crate) fn add(&mut self, entry: &Entry) {
        match entry {
            Entry::Marks { stream, marks } => self.stream(*stream).advance(*marks),
            Entry::SourceLost { stream, seqs } => {
                self.stream(*stream).source_lost.insert(seqs.clone());
            }
            Entry::SourceLostWhy { stream, why, count } => {
                stream::count_word(&mut self.stream(*stream).source_lost_why, why, *count);
            }
            Entry::Arrived { stream, seqs } => {
                self.stream(*stream).arrived.insert(seqs.clone(), |_| ());
            }
            Entry::ArrivedPage { stream, page, words } => self.stream(*stream).arrived.insert_page(*page, words),
            Entry::Surplus { stream, seqs, copies } => self.stream(*stream).add_surplus(seqs.clone(), *copies),
            Entry::SurplusUnnamed { stream, count } => self.stream(*stream).surplus_unnamed += count,
            Entry::Again { stream, again } => self.stream(*stream).add_again(again.clone()),
            Entry::Allowed { stream, seqs, times, allowance } => {
                self.stream(*stream).allow(seqs.clone(), *times, *allowance);
            }
            Entry::Damaged { stream, seqs, copies } => self.stream(*stream).add_damaged(seqs.clone(), *copies),
            Entry::DamagedUnnamed { stream, count } => self.stream(*stream).damaged_unnamed += count,
            Entry::Reordered { stream, seqs, count } => self.stream(*stream).reordered.add(seqs.clone(), *count),
            Entry::Misattributed { stream, seqs, count } => {
                self.stream(*stream).misattributed.add(seqs.clone(), *count);
            }
            Entry::SeenUnder { stream, label, count } => {
                stream::count_word(&mut self.stream(*stream).seen_under, label, *count);
            }
            Entry::DamageKind { damage, count } => *self.strangers.damage.entry(*damage).or_default() += count,
            Entry::Unidentified { count } => self.strangers.unidentified += count,
            Entry::Fragments { count } => self.strangers.fragments += count,
            Entry::Torn { count } => self.strangers.torn += count,
            Entry::Unexpected { count } => self.strangers.unexpected += count,
            Entry::Example { text } => self.strangers.example(text.clone()),
        }
    }

    fn stream(&mut self, stream: u16) -> &mut StreamBook {
        &mut self.streams[usize::from(stream)]
    }
}

#[cfg(test)]
mod tests;
