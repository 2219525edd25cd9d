//! What events say of the parts of a deployment: its routes, its processes, and the wire between them and the sinks.

use serde::{Deserialize, Serialize};

use crate::identity::StreamId;

/// What stands between the generator and the judge.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topology {
    /// The routes; index = route. With several, entry `route × streams + stream` of the names is a stream on a route.
    pub routes: Vec<RouteInfo>,
    /// Streams of which nothing may arrive.
    pub dropped: Vec<StreamId>,
    /// Names of the processes under test, in the order of the scenario.
    pub processes: Vec<String>,
    /// Where the records of which streams enter, and what stands on their ways.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sources: Vec<SourceInfo>,
}

/// Where the records of some streams enter, as far as the scenario tells.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SourceInfo {
    /// The streams.
    pub streams: Vec<StreamId>,
    /// Names of the processes that may take them in; several: one of them does.
    pub readers: Vec<String>,
    /// What stands on the way to the end of each route; index = route.
    pub ways: Vec<WayInfo>,
}

/// What may stand on one way.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WayInfo {
    /// Names of processes.
    pub processes: Vec<String>,
    /// Names of links.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<String>,
}

/// A way that every record takes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteInfo {
    /// Its name.
    pub name: String,
    /// Names of the processes it goes through, as far as the scenario tells.
    pub processes: Vec<String>,
}

/// One route at a moment; records since the start of the run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteSample {
    /// Due on it: written, less to drop, less lost at the source.
    pub due: u64,
    /// Distinct records that arrived whole.
    pub delivered: u64,
    /// Surplus copies.
    pub duplicated: u64,
    /// Lost before any agent could read them.
    pub source_lost: u64,
    /// 99th percentile of delivery latency since the last sample, microseconds.
    pub p99_us: u64,
}

/// One process of the agent at a moment.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProcessSample {
    /// Its name.
    pub name: String,
    /// CPU time over all its lifetimes, microseconds.
    pub cpu_us: u64,
    /// Resident memory now, bytes.
    pub rss_bytes: u64,
    /// Its largest resident size so far, bytes.
    pub rss_max_bytes: u64,
    /// How long its limit of CPU has held it up, microseconds.
    pub throttled_us: u64,
    /// Files, sockets and the like that it has open.
    pub open_files: u64,
}

/// Datagrams that were sent to a sink and never came into its hands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Dropped {
    /// Name of the route; empty if it is the only one.
    pub route: String,
    /// How many, by the counter of the socket, or of the link.
    pub datagrams: u64,
    /// The link that lost them on purpose; empty: the kernel dropped them.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub link: String,
}
