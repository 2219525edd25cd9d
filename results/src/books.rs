//! The books: what was sent and what came back, record by record, for all streams of a run.
//!
//! One bit a record says whether it arrived whole; everything else (losses at the source, surplus copies, damage)
//! is kept as stretches, so memory is one bit a record and a little per gap. Books of several receivers, or of the
//! generating and the receiving side, are added with [`Books::merge`]: a record that two of them saw arrived twice.
//!
//! A run with several routes has one book for each stream on each of them ([`crate::route`]). Records are counted where they
//! are made, once: sent, written. Deliveries are counted where they are due, on each route: expected, delivered, lost, ….

use std::collections::BTreeMap;

mod codec;
pub(crate) mod entry;
mod file;
mod load;
mod merge;
mod source;
mod stream;

pub use entry::{Allowance, Damage, Marks};
pub use file::BooksFileError;
pub(crate) use file::BooksWriter;
pub use source::SourceCount;
pub use stream::{Again, Strangers, StreamBook, Tally};
use thiserror::Error;

use self::entry::Entry;
pub(crate) use self::stream::MAX_EXAMPLE;
use crate::{
    identity::StreamId,
    outcome::BookTotals,
    route::{RouteId, Routes},
};

/// The books of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Books {
    pub(crate) run: u32,
    pub(crate) names: Vec<String>,
    pub(crate) streams: Vec<StreamBook>,
    pub(crate) routes: Routes,
    /// One a route.
    pub(crate) strangers: Vec<Strangers>,
    /// One a route: losses at the source known by number only, by reason.
    pub(crate) source_counts: Vec<BTreeMap<String, SourceCount>>,
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
    /// Empty books with one route.
    pub fn new(run: u32, streams: Vec<String>) -> Self {
        let books = streams.iter().map(|_| StreamBook::default()).collect();
        Self {
            run,
            routes: Routes::new(&[], streams.len()),
            names: streams,
            streams: books,
            strangers: vec![Strangers::default()],
            source_counts: vec![BTreeMap::new()],
            complete: true,
        }
    }

    /// Empty books of these streams on several routes; nothing of the streams in `dropped` may arrive.
    pub fn on_routes(run: u32, streams: &[String], routes: &[String], dropped: &[StreamId]) -> Self {
        let names = Routes::new(routes, streams.len()).entry_names(streams);
        Self::new(run, names).with_ways(routes, dropped).expect("as many names as there are entries")
    }

    /// The same empty books, whose names are those of entries; `None` if they cannot be.
    fn with_ways(mut self, routes: &[String], dropped: &[StreamId]) -> Option<Self> {
        let count = routes.len().max(1);
        if !self.routes.is_single() || !self.names.len().is_multiple_of(count) {
            return None;
        }
        self.routes = Routes::new(routes, self.names.len() / count);
        self.strangers = vec![Strangers::default(); count];
        self.source_counts = vec![BTreeMap::new(); count];
        for stream in dropped {
            if usize::from(stream.0) >= self.routes.streams() {
                return None;
            }
            for route in self.routes.ids() {
                self.streams[usize::from(self.routes.entry(route, *stream).0)].to_drop = true;
            }
        }
        Some(self)
    }

    /// The routes.
    pub fn routes(&self) -> &Routes {
        &self.routes
    }

    /// Streams of which nothing may arrive.
    pub fn to_drop(&self) -> Vec<StreamId> {
        let streams = self.streams[..self.routes.streams()].iter().enumerate();
        streams.filter(|(_, book)| book.to_drop).map(|(at, _)| StreamId(at as u16)).collect()
    }

    /// The tag of the run.
    pub fn run(&self) -> u32 {
        self.run
    }

    /// False if they were loaded from a file that nobody closed: the bench was killed.
    pub fn complete(&self) -> bool {
        self.complete
    }

    /// Names of the entries: streams, or streams on routes; the index is the [`StreamId`].
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// Name of a stream, or its number where it has none.
    pub fn name(&self, stream: StreamId) -> String {
        self.names.get(usize::from(stream.0)).cloned().unwrap_or_else(|| format!("stream {}", stream.0))
    }

    /// The books of every entry: of every stream, on every route; the index is the [`StreamId`].
    pub fn streams(&self) -> &[StreamBook] {
        &self.streams
    }

    /// Damaged and unknown texts over all streams and routes.
    pub fn strangers(&self) -> Strangers {
        let mut sum = Strangers::default();
        self.strangers.iter().for_each(|strangers| sum.merge(strangers));
        sum
    }

    /// Damaged and unknown texts of a route.
    pub fn strangers_on(&self, route: RouteId) -> &Strangers {
        &self.strangers[usize::from(route.0)]
    }

    /// The counts over all streams and routes: records where they are made, deliveries on each route.
    ///
    /// `expected = delivered + lost + corrupted only`, where the last are records of which only damaged copies
    /// arrived; see [`StreamBook`].
    pub fn totals(&self) -> BookTotals {
        let mut sum = BookTotals::default();
        for route in self.routes.ids() {
            sum.add(&self.route_totals(route));
        }
        // What is written is written once, for all routes.
        let streams = &self.streams[self.routes.entries(RouteId(0))];
        sum.sent = streams.iter().map(|book| book.marks.sent).sum();
        sum.written = streams.iter().map(|book| book.marks.written).sum();
        sum.to_drop = streams.iter().filter(|book| book.to_drop).map(|book| book.marks.written).sum();
        sum
    }

    /// The counts of a route over all streams.
    pub fn route_totals(&self, route: RouteId) -> BookTotals {
        let mut sum = BookTotals::default();
        self.streams[self.routes.entries(route)].iter().for_each(|book| sum.add(&book.totals()));
        let strangers = self.strangers_on(route);
        sum.unexpected += strangers.unexpected;
        sum.corrupted += strangers.unidentified - self.torn_on(route);
        let by_number = sum.lost.min(self.source_band(route).1);
        sum.lost -= by_number;
        sum.expected -= by_number;
        sum.source_lost += by_number;
        sum.source_lost_by_number = by_number;
        sum
    }

    /// Texts that cannot be told to be any record, and are not held against the agent: at most one for each write that
    /// the bench itself broke off, less those whose piece was long enough to be known.
    pub fn torn_fragments(&self) -> u64 {
        self.routes.ids().map(|route| self.torn_on(route)).sum()
    }

    /// The same of a route.
    pub(crate) fn torn_on(&self, route: RouteId) -> u64 {
        let known: u64 = self.streams[self.routes.entries(route)].iter().map(StreamBook::torn_at_source).sum();
        let strangers = self.strangers_on(route);
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
        if self.names != other.names || self.routes != other.routes || self.to_drop() != other.to_drop() {
            return Err(MergeError::Streams);
        }
        for (mine, theirs) in self.streams.iter_mut().zip(&other.streams) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.strangers.iter_mut().zip(&other.strangers) {
            mine.merge(theirs);
        }
        for (mine, theirs) in self.source_counts.iter_mut().zip(&other.source_counts) {
            for (why, more) in theirs {
                source::count(mine, why, *more);
            }
        }
        self.complete &= other.complete;
        Ok(())
    }

    /// Adds an entry.
    ///
    /// # Panics
    /// If the stream or the route is not one of the books'.
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
            Entry::SourceLostCount { route, why, count, slack } => {
                let more = SourceCount { count: *count, slack: *slack };
                source::count(&mut self.source_counts[usize::from(*route)], why, more);
            }
            Entry::DamageKind { route, damage, count } => {
                *self.stranger(*route).damage.entry(*damage).or_default() += count;
            }
            Entry::Unidentified { route, count } => self.stranger(*route).unidentified += count,
            Entry::Fragments { route, count } => self.stranger(*route).fragments += count,
            Entry::Torn { route, count } => self.stranger(*route).torn += count,
            Entry::Unexpected { route, count } => self.stranger(*route).unexpected += count,
            Entry::Example { route, text } => self.stranger(*route).example(text.clone()),
        }
    }

    fn stranger(&mut self, route: u8) -> &mut Strangers {
        &mut self.strangers[usize::from(route)]
    }

    fn stream(&mut self, stream: u16) -> &mut StreamBook {
        &mut self.streams[usize::from(stream)]
    }
}

#[cfg(test)]
mod tests;
