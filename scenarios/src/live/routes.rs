//! The far ends of the routes: one receiver each, booking under its route.

use std::{net::Ipv4Addr, path::Path, sync::Arc};

use loadgen::{
    clock::RunClock,
    payload::Payloads,
    receive::{
        CloudWatchPlan, DatagramAt, DatagramReceiver, ElasticPlan, FollowPlan, Follower, Format, ForwardPlan, HttpPlan,
        Keys, Mode, Protocol, Receiver,
    },
};
use results::{ledger::Ledger, route::RouteId};

use super::{RunError, names::End, stage::make};
use crate::{
    plan::{Plan, Way},
    spec::{Lines, Sink, SinkKind},
};

/// One way's end.
pub(super) struct Route {
    /// Its name; empty if it is the only one and nobody named it.
    pub(super) name: String,
    /// How its sink behaves when nothing is wrong with it.
    pub(super) healthy: Mode,
    taker: Taker,
}

/// What takes the records in.
enum Taker {
    Server(Receiver),
    Files { _reads: Follower, folder: std::path::PathBuf },
    Datagrams(DatagramReceiver),
}

impl Route {
    /// The server, if the sink is one that answers.
    pub(super) fn server(&self) -> Option<&Receiver> {
        match &self.taker {
            Taker::Server(server) => Some(server),
            Taker::Files { .. } | Taker::Datagrams(_) => None,
        }
    }

    /// Where it ends.
    pub(super) fn end(&self) -> End {
        match &self.taker {
            Taker::Server(server) => End::At(server.addr()),
            Taker::Files { folder, .. } => End::Path(folder.clone()),
            Taker::Datagrams(receiver) => match receiver.at() {
                DatagramAt::Udp(at) => End::At(*at),
                DatagramAt::Unix(path) => End::Path(path.clone()),
            },
        }
    }

    /// Datagrams that the kernel dropped before they could be taken in, where it tells.
    pub(super) fn dropped(&self) -> Option<u64> {
        match &self.taker {
            Taker::Datagrams(receiver) => receiver.counters().dropped,
            Taker::Server(_) | Taker::Files { .. } => None,
        }
    }
}

/// What the ends need to know of the run.
pub(super) struct Around<'a> {
    pub(super) ledger: &'a Arc<Ledger>,
    pub(super) clock: RunClock,
    pub(super) payloads: Arc<Payloads>,
    /// Folder for what agents write.
    pub(super) out: &'a Path,
    /// Folder for sockets.
    pub(super) sockets: &'a Path,
    /// Every record must say whose it is.
    pub(super) proves_pods: bool,
}

/// Opens the end of every way.
pub(super) fn open(plan: &Plan, around: &Around<'_>) -> Result<Vec<Route>, RunError> {
    let open = |(at, way): (usize, &Way)| one(RouteId(at as u8), way, around);
    plan.ways.iter().enumerate().map(open).collect()
}

fn one(id: RouteId, way: &Way, around: &Around<'_>) -> Result<Route, RunError> {
    let sink = &way.sink;
    let healthy = sink.accepts.map_or(Mode::Accept, |rate| Mode::Pace { per_s: rate.0 as u32 });
    let taker = match sink.kind {
        SinkKind::File => files(id, way, around)?,
        SinkKind::SyslogUdp => datagrams(id, DatagramAt::Udp((Ipv4Addr::LOCALHOST, 0).into()), around)?,
        SinkKind::SyslogUnix => {
            let name = if way.name.is_empty() { "sink" } else { &way.name };
            datagrams(id, DatagramAt::Unix(around.sockets.join(format!("{name}.sock"))), around)?
        }
        _ => server(id, sink, healthy, around)?,
    };
    Ok(Route { name: way.name.clone(), healthy, taker })
}

fn files(id: RouteId, way: &Way, around: &Around<'_>) -> Result<Taker, RunError> {
    let folder = if way.name.is_empty() { around.out.to_owned() } else { around.out.join(&way.name) };
    make(&folder)?;
    let follow = FollowPlan {
        dir: folder.clone(),
        pattern: "*".to_owned(),
        format: match way.sink.lines {
            Lines::Json => Format::JsonLines,
            Lines::Embedded => Format::Embedded,
        },
        keys: keys(&way.sink, around),
        payloads: Some(Arc::clone(&around.payloads)),
        route: id,
    };
    let reads = Follower::start(follow, Arc::clone(around.ledger), around.clock)?;
    Ok(Taker::Files { _reads: reads, folder })
}

fn datagrams(id: RouteId, at: DatagramAt, around: &Around<'_>) -> Result<Taker, RunError> {
    Ok(Taker::Datagrams(DatagramReceiver::start(at, id, around.ledger, around.clock)?))
}

fn server(id: RouteId, sink: &Sink, healthy: Mode, around: &Around<'_>) -> Result<Taker, RunError> {
    let text = keys(sink, around).text;
    let (protocol, format) = match sink.kind {
        SinkKind::HttpArray => (Protocol::Records, Format::JsonArray),
        SinkKind::Elastic => (Protocol::Elastic(ElasticPlan::default()), Format::Auto),
        SinkKind::Cloudwatch => {
            let usual = CloudWatchPlan::default();
            let old_ms_max = sink.oldest.map_or(usual.old_ms_max, |oldest| (oldest.0 / 1000).cast_signed());
            (Protocol::CloudWatch(CloudWatchPlan { old_ms_max, ..usual }), Format::Auto)
        }
        SinkKind::Lumberjack => (Protocol::Lumberjack, Format::Auto),
        SinkKind::SyslogTcp => (Protocol::Syslog, Format::Auto),
        SinkKind::Forward => {
            let forward = ForwardPlan { shared_key: sink.shared_key.clone(), text_key: text, ..ForwardPlan::default() };
            (Protocol::Forward(forward), Format::Auto)
        }
        SinkKind::Http | SinkKind::File | SinkKind::SyslogUdp | SinkKind::SyslogUnix => {
            (Protocol::Records, Format::JsonLines)
        }
    };
    let payloads = Some(Arc::clone(&around.payloads));
    let plan = HttpPlan { protocol, format, keys: keys(sink, around), payloads, route: id, ..HttpPlan::default() };
    let server = Receiver::start(plan, Arc::clone(around.ledger), around.clock)?;
    server.set(healthy, 0)?;
    Ok(Taker::Server(server))
}

fn keys(sink: &Sink, around: &Around<'_>) -> Keys {
    let usual = Keys::default();
    let owner = around.proves_pods.then(|| ("kubernetes".to_owned(), "pod_id".to_owned()));
    Keys { text: sink.text.clone().unwrap_or_else(|| usual.text.clone()), owner, ..usual }
}
