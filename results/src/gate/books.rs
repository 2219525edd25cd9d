//! The books of the gate: which counts a contract forbids, and whether any grew. Exact, without statistics: one record in ten
//! million is enough.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Facts;
use crate::{
    contract::{Contract, Delivery},
    outcome::{BookTotals, Outcome, Verdict},
};

/// One of the seven counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Book {
    /// Never arrived.
    Lost,
    /// Streams that stood still.
    Stalled,
    /// Arrived damaged.
    Corrupted,
    /// Arrived again, without leave.
    Duplicated,
    /// Nobody sent it.
    Unexpected,
    /// Arrived under a wrong label.
    Misattributed,
    /// Arrived after a later one.
    Reordered,
}

impl Book {
    /// All of them, worst first.
    pub const ALL: [Self; 7] = [
        Self::Lost,
        Self::Stalled,
        Self::Corrupted,
        Self::Duplicated,
        Self::Unexpected,
        Self::Misattributed,
        Self::Reordered,
    ];

    /// Its name in verdicts, baselines and documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::Lost => "lost",
            Self::Stalled => "stalled",
            Self::Corrupted => "corrupted",
            Self::Duplicated => "duplicated",
            Self::Unexpected => "unexpected",
            Self::Misattributed => "misattributed",
            Self::Reordered => "reordered",
        }
    }
}

/// The counts that the contract forbids; books that it leaves open are absent. In a run that was broken off, records may still
/// have been on their way: it says nothing of missing ones.
pub(super) fn forbidden(outcome: &Outcome, contract: &Contract) -> BTreeMap<Book, u64> {
    let books = &outcome.books;
    // A route may be held to something else than the others.
    let own = outcome.routes.iter().map(|route| (route.delivery, route.books));
    let routes: Vec<(Delivery, BookTotals)> =
        if own.len() == 0 { vec![(contract.delivery, *books)] } else { own.collect() };
    let surplus = routes.iter().map(|(delivery, books)| match delivery {
        Delivery::AtLeastOnce => books.duplicated.saturating_sub(books.duplicated_allowed),
        Delivery::AtMostOnce | Delivery::ExactlyOnce => books.duplicated,
    });
    let surplus = surplus.fold(0, u64::saturating_add);
    let must_arrive = routes.iter().filter(|(delivery, _)| *delivery != Delivery::AtMostOnce);
    let (bound_routes, lost) =
        must_arrive.fold((0, 0u64), |(n, lost), (_, books)| (n + 1, lost.saturating_add(books.lost)));
    let bound = [
        (Book::Lost, bound_routes > 0 && !outcome.broken_off, lost),
        (Book::Stalled, !outcome.broken_off, outcome.stalled_streams() as u64),
        (Book::Corrupted, true, books.corrupted),
        (Book::Duplicated, true, surplus),
        (Book::Unexpected, true, books.unexpected),
        (Book::Misattributed, true, books.misattributed),
        (Book::Reordered, contract.ordered, books.reordered),
    ];
    bound.into_iter().filter(|(_, is_bound, _)| *is_bound).map(|(book, _, count)| (book, count)).collect()
}

/// One book, against what the baseline admits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BookCheck {
    /// Which one.
    pub book: Book,
    /// The most that any run of the baseline had; more fails.
    pub admitted: u64,
    /// The most that any new run had.
    pub most: u64,
    /// How many of the new runs had more than is admitted.
    pub runs_above: usize,
    /// The folder of the run with the most, if it is above.
    pub run: Option<String>,
    /// Fail if any run is above.
    pub verdict: Verdict,
}

/// Judges every book that binds a new run. A run whose verdict is unknown broke no promise, whatever it counted (its agent may never
/// have started): it is no witness here, and keeps the gate from passing elsewhere.
pub(super) fn check(new: &[Facts], admitted: &BTreeMap<Book, u64>) -> Vec<BookCheck> {
    let known: Vec<&Facts> = new.iter().filter(|run| run.verdict != Verdict::Unknown).collect();
    let bound = |book: &Book| known.iter().any(|run| run.books.contains_key(book)) || admitted.contains_key(book);
    let one = |book: Book| {
        let admitted = admitted.get(&book).copied().unwrap_or(0);
        let count = |run: &Facts| run.books.get(&book).copied().unwrap_or(0);
        let worst = known.iter().max_by_key(|run| count(run));
        let most = worst.map_or(0, |run| count(run));
        let above = most > admitted;
        BookCheck {
            book,
            admitted,
            most,
            runs_above: known.iter().filter(|run| count(run) > admitted).count(),
            run: worst.filter(|_| above).map(|run| run.run.clone()),
            verdict: if above { Verdict::Fail } else { Verdict::Pass },
        }
    };
    Book::ALL.into_iter().filter(bound).map(one).collect()
}
