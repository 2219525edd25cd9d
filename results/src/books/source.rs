//! Losses before any agent could read: known record by record, or by their number only.
//!
//! ```text
//!  by name     these records; they are not due, whoever asks
//!  by number   n of the route, give or take c: missing records are put down to the source up to n + c, and no further
//! ```
//! A kernel that counts dropped datagrams, a server that logs failed sends: they say how many and not which. What is
//! missing beyond the band was lost by the agent. What is missing short of it contradicts the count, and the run says so.

use std::collections::BTreeMap;

use super::{Books, stream::MAX_WORDS};
use crate::{outcome::SourceLoss, route::RouteId};

/// Losses at the source of which only the number is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceCount {
    /// How many.
    pub count: u64,
    /// By how many that may be off.
    pub slack: u64,
}

/// What is counted under one reason: counts add up, the slack is the widest that was ever claimed.
pub(super) fn count(losses: &mut BTreeMap<String, SourceCount>, why: &str, more: SourceCount) {
    let why = if losses.len() < MAX_WORDS || losses.contains_key(why) { why } else { "…" };
    let of = losses.entry(why.to_owned()).or_default();
    of.count = of.count.saturating_add(more.count);
    of.slack = of.slack.max(more.slack);
}

impl Books {
    /// The least and the most that the source of a route lost, of what is known by number only.
    pub fn source_band(&self, route: RouteId) -> (u64, u64) {
        let losses = self.source_counts[usize::from(route.0)].values();
        losses.fold((0, 0), |(least, most), loss| {
            let SourceCount { count, slack } = *loss;
            (least.saturating_add(count.saturating_sub(slack)), most.saturating_add(count).saturating_add(slack))
        })
    }

    /// Missing records of a route that nobody knows by name to be lost at the source.
    pub fn missing(&self, route: RouteId) -> u64 {
        let books = &self.streams[self.routes.entries(route)];
        books.iter().flat_map(|book| book.lost().map(|range| range.end - range.start)).sum()
    }

    /// Every reason for which records were lost before any agent could read them.
    pub fn source_losses(&self) -> Vec<SourceLoss> {
        self.routes.ids().flat_map(|route| self.source_losses_of(route)).collect()
    }

    /// The same of a route.
    pub fn source_losses_of(&self, route: RouteId) -> Vec<SourceLoss> {
        let name = if self.routes.is_single() { String::new() } else { self.routes.name(route) };
        let mut named: BTreeMap<&str, u64> = BTreeMap::new();
        for book in self.streams[self.routes.entries(route)].iter().filter(|book| !book.is_to_drop()) {
            for (why, count) in book.source_lost_why() {
                *named.entry(why).or_default() += count;
            }
        }
        let loss = |why: &str, count, slack, by_name| SourceLoss {
            route: name.clone(),
            why: why.to_owned(),
            count,
            slack,
            by_name,
        };
        let counted = self.source_counts[usize::from(route.0)].iter();
        let counted = counted.map(|(why, of)| loss(why, of.count, of.slack, false));
        named.iter().map(|(why, count)| loss(why, *count, 0, true)).chain(counted).collect()
    }
}
