//! Whom a cause is about: the process that takes a stream in, and what stands on its way, as far as the scenario tells.

use super::{
    history::History,
    life::{Ending, Trouble},
    lost::Case,
    words::short,
};
use crate::{
    event::{SourceInfo, WayInfo},
    identity::StreamId,
    route::RouteId,
};

/// A fault that resets every connection of a link, once.
pub(super) const CUT: &str = "cut_link";

impl History {
    fn source(&self, stream: StreamId) -> Option<&SourceInfo> {
        self.sources.iter().find(|source| source.streams.contains(&stream))
    }

    fn way(&self, stream: StreamId, route: RouteId) -> Option<&WayInfo> {
        self.source(stream)?.ways.get(usize::from(route.0))
    }
}

impl Case<'_> {
    fn way(&self) -> Option<&WayInfo> {
        self.history.way(self.stream, self.books.routes().route_of(self.entry))
    }

    /// Who reads the stream: "the agent", "forwarder-0", "one of tail and sidecar".
    pub(super) fn reader(&self) -> String {
        one_of(self.history.source(self.stream).map_or(&[], |source| &source.readers))
    }

    /// Whoever may have its records in hand on the way.
    pub(super) fn carrier(&self) -> String {
        one_of(self.way().map_or(&[], |way| &way.processes))
    }

    /// True if a link on the way was cut once, which counts as the end of a process does.
    pub(super) fn may_be_cut(&self) -> bool {
        self.history.troubles().any(|trouble| trouble.name == CUT && self.has_link(trouble))
    }

    /// True if the process may have had records of the stream in hand.
    pub(super) fn is_on_the_way(&self, ending: &Ending) -> bool {
        self.way().is_none_or(|way| way.processes.contains(&ending.process))
    }

    /// True if the process may be the one that reads the stream.
    pub(super) fn may_read(&self, process: &str) -> bool {
        self.history.source(self.stream).is_none_or(|source| source.readers.iter().any(|reader| reader == process))
    }

    /// True if what has the fault is the sink of the route or a link to it; one that cannot be placed may be anywhere.
    pub(super) fn is_held_up_by(&self, trouble: &Trouble) -> bool {
        let routes = self.books.routes();
        let is_elsewhere = routes.named(&trouble.on).is_some_and(|route| route != routes.route_of(self.entry));
        let links = || self.history.sources.iter().flat_map(|source| &source.ways).flat_map(|way| &way.links);
        let is_link = !is_elsewhere && links().any(|link| *link == trouble.on);
        !is_elsewhere && (!is_link || self.has_link(trouble))
    }

    /// True if the fault lies over a link on the way.
    pub(super) fn has_link(&self, trouble: &Trouble) -> bool {
        self.way().is_some_and(|way| way.links.contains(&trouble.on))
    }
}

fn one_of(names: &[String]) -> String {
    match names {
        [] => "the agent".to_owned(),
        [only] => short(only),
        [one, other] => format!("one of {} and {}", short(one), short(other)),
        [one, other, ..] => format!("one of {} processes ({}, {}, …)", names.len(), short(one), short(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_it_may_have_been_is_named() {
        let names: Vec<String> = ["a", "b", "c"].map(str::to_owned).into();
        let said: Vec<String> = (0..=3).map(|count| one_of(&names[..count])).collect();
        assert_eq!(said, ["the agent", "a", "one of a and b", "one of 3 processes (a, b, …)"]);
    }
}
