//! What the ledger keeps behind its lock, and how arrivals become entries of the books.

use std::{collections::BTreeMap, ops::Range};

use super::{
    intake::{Arrival, Collected, excerpt},
    labels::Paths,
    latency::Latencies,
    recent::{Recent, Stretch},
};
use crate::{
    books::{Again, Allowance, Books, Marks, entry::Entry},
    counts::CountMap,
    identity::StreamId,
    ranges::RangeSet,
    route::RouteId,
};

/// Stretches of grants kept a stream and kind; beyond them doublings are not allowed, which is the safe side.
const MAX_GRANTS: usize = 1 << 18;

/// The books and what is needed to fill them.
#[derive(Debug)]
pub(super) struct State {
    pub(super) books: Books,
    /// Entries not yet in the file; `None` without a file.
    pub(super) pending: Option<Vec<Entry>>,
    pub(super) recent: Recent,
    /// One a route.
    pub(super) latencies: Vec<Latencies>,
    /// By stream: the same on every route.
    pub(super) paths: Paths,
    /// Copies that may still come, by entry and kind; used up as they arrive, so that nothing is forgiven afterwards.
    grants: Vec<[CountMap; 2]>,
    /// Crashes of the agent so far, by route.
    pub(super) crashes: Vec<u64>,
    /// Per entry, one past the latest record that arrived whole.
    high: Vec<u64>,
}

impl State {
    pub(super) fn new(books: Books, filed: bool) -> Self {
        let (entries, routes) = (books.streams().len(), books.routes().count());
        let paths = Paths::new(books.routes().streams());
        Self {
            books,
            pending: filed.then(Vec::new),
            recent: Recent::default(),
            latencies: (0..routes).map(|_| Latencies::new()).collect(),
            paths,
            grants: vec![Default::default(); entries],
            crashes: vec![0; routes],
            high: vec![0; entries],
        }
    }

    pub(super) fn add(&mut self, entry: Entry) {
        self.books.add(&entry);
        if let Some(pending) = &mut self.pending {
            pending.push(entry);
        }
    }

    /// Books what an intake of a route collected that was opened when there had been so many crashes; `sent` says how far
    /// a stream has been sent.
    pub(super) fn book(
        &mut self,
        collected: &mut Collected,
        (route, opened_at): (RouteId, u64),
        now_us: u64,
        sent: impl Fn(u16) -> u64,
    ) {
        let missed = self.crashes[usize::from(route.0)] - opened_at;
        let all_due_us = std::mem::take(&mut collected.due_us);
        let mut due_us = &all_due_us[..];
        let arrivals = std::mem::take(&mut collected.arrivals);
        for arrival in &arrivals {
            debug_assert!(arrival.from < arrival.to, "an arrival has at least one record");
            let (mine, rest) = due_us.split_at((arrival.to - arrival.from) as usize);
            due_us = rest;
            let sent = sent(arrival.stream);
            let to = arrival.to.min(sent.max(arrival.from));
            if to < arrival.to {
                let text = format!("records {}–{} of stream {}", to, arrival.to - 1, arrival.stream);
                self.add(Entry::Unexpected { route: route.0, count: arrival.to - to });
                self.add(Entry::Example { route: route.0, text });
            }
            if to > arrival.from {
                let entry = self.books.routes().entry(route, StreamId(arrival.stream)).0;
                // What comes through an old connection was in flight at each crash since.
                (0..missed).for_each(|_| self.grant(entry, arrival.from..to, Allowance::InFlight));
                self.arrived(entry, arrival.from..to, mine, now_us);
                self.check_labels(entry, arrival, to, &collected.paths);
                collected.remember(entry, arrival.from..to);
            }
        }
        collected.arrivals = arrivals;
        collected.arrivals.clear();
        collected.due_us = all_due_us;
        collected.due_us.clear();
        collected.paths.clear();
        for entry in collected.odd.drain(..) {
            self.add(entry);
        }
    }

    fn arrived(&mut self, entry: u16, seqs: Range<u64>, due_us: &[u64], now_us: u64) {
        let book = &mut self.books.streams[usize::from(entry)];
        let (start, to) = (seqs.start, seqs.end);
        let mut again = Vec::new();
        let fresh = book.arrived.insert(seqs.clone(), |range| again.push(range));
        if fresh == to - start {
            self.first(entry, seqs, &due_us[..fresh as usize], now_us);
        } else {
            let mut from = start;
            for repeat in again {
                if repeat.start > from {
                    let slice = (from - start) as usize..(repeat.start - start) as usize;
                    self.first(entry, from..repeat.start, &due_us[slice], now_us);
                }
                from = repeat.end;
                let again = Again { from_us: now_us, until_us: now_us, from: repeat.start, to: repeat.end };
                self.use_grants(entry, repeat.clone());
                self.add(Entry::Surplus { stream: entry, seqs: repeat, copies: 1 });
                self.add(Entry::Again { stream: entry, again });
            }
            if from < to {
                let slice = (from - start) as usize..(to - start) as usize;
                self.first(entry, from..to, &due_us[slice], now_us);
            }
        }
        let high = &mut self.high[usize::from(entry)];
        *high = to.max(*high);
    }

    /// Books the first whole copies of records; the bits are set already.
    fn first(&mut self, stream: u16, seqs: Range<u64>, due_us: &[u64], now_us: u64) {
        if !self.books.streams[usize::from(stream)].to_drop {
            let route = self.books.routes().route_of(StreamId(stream));
            self.latencies[usize::from(route.0)].book(due_us, now_us);
        }
        let late = seqs.start..seqs.end.min(self.high[usize::from(stream)]);
        if !late.is_empty() {
            self.add(Entry::Reordered { stream, seqs: late.clone(), count: late.end - late.start });
        }
        let Some(pending) = &mut self.pending else { return };
        match pending.last_mut() {
            Some(Entry::Arrived { stream: last, seqs: open }) if *last == stream && open.end == seqs.start => {
                open.end = seqs.end;
            }
            _ => pending.push(Entry::Arrived { stream, seqs }),
        }
    }

    fn check_labels(&mut self, stream: u16, arrival: &Arrival, to: u64, paths: &[Vec<u8>]) {
        if arrival.wrong_output {
            let count = to - arrival.from;
            self.add(Entry::Misattributed { stream, seqs: arrival.from..to, count });
            self.add(Entry::SeenUnder { stream, label: "the other output stream".to_owned(), count });
            return;
        }
        let Some(path) = arrival.path else { return };
        let path = &paths[path as usize];
        for seqs in self.paths.misplaced(arrival.stream, arrival.from, to, path) {
            let count = seqs.end - seqs.start;
            self.add(Entry::Misattributed { stream, seqs, count });
            self.add(Entry::SeenUnder { stream, label: excerpt(path), count });
        }
    }

    /// Lets each record of these stretches arrive once more, however often it is among them.
    pub(super) fn allow(&mut self, stretches: Vec<Stretch>, allowance: Allowance) {
        let mut records: BTreeMap<u16, RangeSet> = BTreeMap::new();
        for (stream, seqs) in stretches {
            records.entry(stream).or_default().insert(seqs);
        }
        for (stream, set) in records {
            set.iter().for_each(|seqs| self.grant(stream, seqs, allowance));
        }
    }

    fn grant(&mut self, stream: u16, seqs: Range<u64>, allowance: Allowance) {
        let grants = &mut self.grants[usize::from(stream)][allowance as usize];
        if grants.run_count() < MAX_GRANTS {
            grants.add(seqs, 1);
        }
    }

    /// Uses up one grant for each of these surplus copies that has one.
    fn use_grants(&mut self, stream: u16, seqs: Range<u64>) {
        let mut rest = vec![seqs];
        for allowance in [Allowance::AnswerLost, Allowance::InFlight] {
            let mut left = Vec::new();
            for seqs in rest {
                let used = self.grants[usize::from(stream)][allowance as usize].take_one(seqs.clone());
                left.extend(used.iter().cloned().collect::<RangeSet>().missing(seqs));
                for seqs in used {
                    self.add(Entry::Allowed { stream, seqs, times: 1, allowance });
                }
            }
            rest = left;
        }
    }

    /// Takes over how far the generator has come.
    pub(super) fn advance(&mut self, marks: impl Iterator<Item = Marks> + Clone) {
        let routes = self.books.routes.count();
        // The generator writes once for all routes.
        let marks = std::iter::repeat_n(marks, routes).flatten();
        for (book, marks) in self.books.streams.iter_mut().zip(marks) {
            book.advance(marks);
        }
    }

    /// How far every stream has come, for every entry of the books.
    pub(super) fn marks_entries(&self) -> Vec<Entry> {
        let streams = self.books.streams().iter().enumerate();
        streams.map(|(stream, book)| Entry::Marks { stream: stream as u16, marks: book.marks() }).collect()
    }
}
