//! The routes of a run, each with its books and with what it is held to.

use std::ops::Range;

use super::Trial;
use crate::{
    books::{Books, StreamBook},
    contract::{Contract, Delivery, RouteContract},
    event::What,
    outcome::{BookTotals, RouteReport},
    route::RouteId,
};

/// A route as the judge sees it.
pub(super) struct Way {
    pub(super) id: RouteId,
    /// `" on store"`, for sentences; empty if there is one only.
    pub(super) on: String,
    pub(super) contract: RouteContract,
    pub(super) books: BookTotals,
    entries: Range<usize>,
}

impl Way {
    /// All of them, in order.
    pub(super) fn all(trial: &Trial<'_>) -> Vec<Self> {
        let (books, routes) = (trial.books, trial.books.routes());
        let way = |id: RouteId| Self {
            id,
            on: if routes.is_single() { String::new() } else { format!(" on {}", routes.name(id)) },
            contract: held_to(&trial.contract, books, id),
            books: books.route_totals(id),
            entries: routes.entries(id),
        };
        routes.ids().map(way).collect()
    }

    /// True if records may be missing on it.
    pub(super) fn may_lose(&self) -> bool {
        self.contract.delivery == Delivery::AtMostOnce
    }

    /// Surplus copies that its contract does not allow.
    pub(super) fn forbidden_copies(&self) -> u64 {
        match self.contract.delivery {
            Delivery::AtLeastOnce => self.books.duplicated.saturating_sub(self.books.duplicated_allowed),
            Delivery::AtMostOnce | Delivery::ExactlyOnce => self.books.duplicated,
        }
    }

    /// Its streams with their books, under their own names: which route it is says the sentence.
    pub(super) fn streams<'a>(&self, books: &'a Books) -> impl Iterator<Item = (&'a str, &'a StreamBook)> + use<'a> {
        let tail = if self.on.is_empty() { String::new() } else { format!(" → {}", books.routes().name(self.id)) };
        let entries = books.names()[self.entries.clone()].iter().zip(&books.streams()[self.entries.clone()]);
        entries.map(move |(name, book)| (name.strip_suffix(&tail).unwrap_or(name), book))
    }
}

/// The only route has no name in the books: what is said of any route is said of it.
fn held_to(contract: &Contract, books: &Books, id: RouteId) -> RouteContract {
    match (books.routes().is_single(), contract.routes.first()) {
        (true, Some(only)) => only.clone(),
        _ => contract.of_route(&books.routes().name(id)),
    }
}

/// What is told of each route, where there are several.
pub(super) fn reports(trial: &Trial<'_>, ways: &[Way]) -> Vec<RouteReport> {
    if ways.len() < 2 {
        return Vec::new();
    }
    let topology = trial.events.iter().find_map(|event| match &event.what {
        What::Topology(topology) => Some(topology),
        _ => None,
    });
    let report = |way: &Way| {
        let at = usize::from(way.id.0);
        let info = topology.and_then(|topology| topology.routes.get(at));
        RouteReport {
            name: trial.books.routes().name(way.id),
            delivery: way.contract.delivery,
            books: way.books,
            latency_ms: trial.route_latency.get(at).copied().unwrap_or_default(),
            processes: info.map(|info| info.processes.clone()).unwrap_or_default(),
        }
    };
    ways.iter().map(report).collect()
}
