//! Routes: the ways from the generator to the sinks. Every record written is due on every one of them.
//!
//! ```text
//!            stream 0   stream 1   …   stream N−1
//!  route 0   entry 0    entry 1        entry N−1     one book for each entry
//!  route 1   entry N    entry N+1      entry 2N−1
//! ```
//! A stamp says its stream, a receiver knows its route. A run with one route has one entry a stream, under the stream's
//! own name, and nothing in its books says that there is such a thing as a route.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::identity::StreamId;

/// A route, by its place in the run's list.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RouteId(pub u8);

/// The most routes that a run can have.
pub const MAX_ROUTES: usize = 1 << 8;

/// The routes of a run, and which entry of the books is which stream on which of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Routes {
    /// One name at least; the only one may be empty.
    names: Vec<String>,
    streams: usize,
}

impl Routes {
    /// The routes of that many streams; an empty list is the one route without a name.
    pub fn new(names: &[String], streams: usize) -> Self {
        let names = if names.is_empty() { vec![String::new()] } else { names.to_vec() };
        Self { names, streams }
    }

    /// How many there are, one at least.
    pub fn count(&self) -> usize {
        self.names.len()
    }

    /// True if there is nothing to tell apart.
    pub fn is_single(&self) -> bool {
        self.names.len() == 1
    }

    /// How many streams there are.
    pub fn streams(&self) -> usize {
        self.streams
    }

    /// All of them, in order.
    pub fn ids(&self) -> impl Iterator<Item = RouteId> + use<> {
        (0..self.names.len()).map(|at| RouteId(at as u8))
    }

    /// The name of a route; its number where there is none.
    pub fn name(&self, route: RouteId) -> String {
        self.names.get(usize::from(route.0)).cloned().unwrap_or_else(|| format!("route {}", route.0))
    }

    /// The names, in order; the only one may be empty.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The route of that name.
    pub fn named(&self, name: &str) -> Option<RouteId> {
        self.names.iter().position(|known| known == name).map(|at| RouteId(at as u8))
    }

    /// The entry of a stream on a route.
    pub fn entry(&self, route: RouteId, stream: StreamId) -> StreamId {
        StreamId((usize::from(route.0) * self.streams) as u16 + stream.0)
    }

    /// The entries of a route.
    pub fn entries(&self, route: RouteId) -> Range<usize> {
        let from = usize::from(route.0) * self.streams;
        from..from + self.streams
    }

    /// The route of an entry.
    pub fn route_of(&self, entry: StreamId) -> RouteId {
        RouteId((usize::from(entry.0) / self.streams.max(1)) as u8)
    }

    /// The stream of an entry: whose files and stamps it is about.
    pub fn stream_of(&self, entry: StreamId) -> StreamId {
        StreamId((usize::from(entry.0) % self.streams.max(1)) as u16)
    }

    /// What entries are called: `web-00`, or `web-00 → store` where there are several routes.
    pub fn entry_names(&self, streams: &[String]) -> Vec<String> {
        if self.is_single() {
            return streams.to_vec();
        }
        let entries = self.names.iter().flat_map(|route| streams.iter().map(move |stream| (stream, route)));
        entries.map(|(stream, route)| format!("{stream} → {route}")).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_entry_is_one_stream_on_one_route() {
        let routes = Routes::new(&["store".to_owned(), "syslog".to_owned(), "file".to_owned()], 4);
        let mut entries = Vec::new();
        for route in routes.ids() {
            for stream in (0..4).map(StreamId) {
                let entry = routes.entry(route, stream);
                assert_eq!((routes.route_of(entry), routes.stream_of(entry)), (route, stream));
                assert!(routes.entries(route).contains(&usize::from(entry.0)));
                entries.push(entry.0);
            }
        }
        assert_eq!(entries, (0..12).collect::<Vec<u16>>());
    }

    #[test]
    fn one_route_leaves_the_names_of_the_streams_alone() {
        let names = ["web".to_owned(), "app".to_owned()];
        assert_eq!(Routes::new(&[], 2).entry_names(&names), names);
        assert_eq!(Routes::new(&["only".to_owned()], 2).entry_names(&names), names);
        let two = Routes::new(&["a".to_owned(), "b".to_owned()], 2);
        assert_eq!(two.entry_names(&names), ["web → a", "app → a", "web → b", "app → b"]);
        assert_eq!(two.named("b"), Some(RouteId(1)));
    }
}
