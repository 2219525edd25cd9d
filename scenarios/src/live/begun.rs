//! What a run says first: its streams on every route, and what stands between load and books.

use results::{
    event::{RouteInfo, Topology},
    identity::StreamId,
    route::Routes,
};

use crate::{
    plan::{Plan, Way},
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
    })
}

/// The streams of which nothing may arrive.
pub(super) fn dropped(plan: &Plan) -> Vec<StreamId> {
    let streams = plan.streams.iter().enumerate().filter(|(_, stream)| stream.expect == Expect::Dropped);
    streams.map(|(at, _)| StreamId(at as u16)).collect()
}
