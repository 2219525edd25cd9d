//! What a run says first: its streams on every route, and what stands between load and books.

use std::collections::BTreeSet;

use results::{
    event::{RouteInfo, SourceInfo, Topology, WayInfo},
    identity::StreamId,
    route::Routes,
};

use crate::{
    plan::{
        Plan, Way,
        paths::{Between, Paths, Source},
    },
    spec::Expect,
};

/// The names of the streams; with several routes, of every stream on each.
pub(super) fn entries(plan: &Plan) -> Vec<String> {
    let streams: Vec<String> = plan.streams.iter().map(|stream| stream.name.clone()).collect();
    let routes: Vec<String> = plan.ways.iter().map(|way| way.name.clone()).collect();
    Routes::new(&routes, streams.len()).entry_names(&streams)
}

/// What stands between load and books, where it is more than one agent.
pub(super) fn topology(plan: &Plan) -> Option<Topology> {
    let dropped = dropped(plan);
    if plan.instances.is_empty() && dropped.is_empty() {
        return None;
    }
    let route = |(at, way): (usize, &Way)| RouteInfo {
        name: way.name.clone(),
        // One that delivers nowhere itself hands on to the others: it stands on every way.
        processes: plan
            .instances
            .iter()
            .filter(|instance| instance.delivers.is_empty() || instance.delivers.contains(&at))
            .map(|instance| instance.name.clone())
            .collect(),
    };
    Some(Topology {
        routes: plan.ways.iter().enumerate().map(route).collect(),
        dropped,
        processes: plan.instances.iter().map(|instance| instance.name.clone()).collect(),
        sources: sources(plan),
    })
}

/// Where records enter and what stands on their ways, where processes have names.
fn sources(plan: &Plan) -> Vec<SourceInfo> {
    if plan.instances.is_empty() {
        return Vec::new();
    }
    let processes = |at: &BTreeSet<usize>| at.iter().map(|&at| plan.instances[at].name.clone()).collect();
    let way = |way: &Between| WayInfo {
        processes: processes(&way.processes),
        links: way.links.iter().map(|&at| plan.links[at].name.clone()).collect(),
    };
    let paths = Paths::of(plan);
    let source = |source: &Source| SourceInfo {
        streams: source.streams.clone(),
        readers: processes(&source.readers),
        ways: source.ways.iter().map(way).collect(),
    };
    paths.sources().iter().map(source).collect()
}

/// The streams of which nothing may arrive.
pub(super) fn dropped(plan: &Plan) -> Vec<StreamId> {
    let streams = plan.streams.iter().enumerate().filter(|(_, stream)| stream.expect == Expect::Dropped);
    streams.map(|(at, _)| StreamId(at as u16)).collect()
}
