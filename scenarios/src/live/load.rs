//! The load as the scenario means it: pace, streams, and where the files of each lie.

use std::path::{Path, PathBuf};

use loadgen::{
    frame::Framing,
    pace,
    payload::{Body, Size},
    write::{Cut, LoadPlan, Rate, StreamPaths, StreamPlan, WriteMode},
};
use results::{identity::StreamId, ledger::OutputRule};

use super::places::Place;
use crate::{
    plan::{Plan, Stream},
    spec::{self, Asks, Layout, Rotator, Via},
};

/// Folder of the trees of nodes.
const NODES: &str = "nodes";

/// The whole load.
pub(super) fn plan(plan: &Plan, seed: u64, run: u32, root: &Path) -> LoadPlan {
    let total = plan.rate().0;
    let us = |span: spec::units::Span| span.0;
    let mut load = LoadPlan {
        run,
        seed,
        pace: match plan.pace {
            spec::Pace::Steady => pace::Pace::Steady { per_s: total },
            spec::Pace::Ramp { from, to, over } => {
                pace::Pace::Ramp { from: from * total, to: to * total, over_us: us(over) }
            }
            spec::Pace::Burst { times, every, length } => {
                pace::Pace::Burst { base: total, peak: total * times, every_us: us(every), length_us: us(length) }
            }
            spec::Pace::AllOut => pace::Pace::AllOut,
        },
        root: root.to_owned(),
        streams: plan.streams.iter().enumerate().map(|(at, stream)| stream_plan(plan, at, stream)).collect(),
        threads: 2,
    };
    for at in 0..load.streams.len() {
        let watch = load.paths(StreamId(at as u16)).map(|paths| paths.watch.display().to_string());
        load.streams[at].label = watch.filter(|_| !load.streams[at].is_sent);
        // With an API server that tells whose a record is, that is proven instead of the path.
        if plan.kube.as_ref().is_some_and(|kube| kube.proven) {
            load.streams[at].label = load.identity(StreamId(at as u16)).map(|identity| identity.uid);
            load.streams[at].may_lack_label = plan.streams[at].is_replaced;
        }
    }
    load
}

/// The folder in which a process finds the files that it is to tail: that of its own node if there is one of its name.
pub(super) fn watched(plan: &Plan, root: &Path, process: &str) -> PathBuf {
    let has_node = plan.streams.iter().any(|stream| stream.node.as_deref() == Some(process));
    let tree = if has_node { root.join(node(process)) } else { root.to_owned() };
    match plan.layout {
        Layout::Kubelet | Layout::Docker => tree.join("var/log/containers"),
        Layout::Plain => tree.join("logs"),
    }
}

/// Where the files of each stream are at the begin.
pub(super) fn places(plan: &Plan, load: &LoadPlan) -> Vec<Place> {
    let paths = (0..load.streams.len()).filter_map(|at| match &plan.streams[at].via {
        Via::Http(http) => log_of(load, &http.front, StreamId(at as u16)),
        _ => load.paths(StreamId(at as u16)),
    });
    paths.map(|paths| Place { live: paths.live, link: paths.watch, rotation: 0, later: Vec::new() }).collect()
}

/// Where the log of a front end lies that a stream asks.
pub(super) fn log_of(load: &LoadPlan, front: &str, stream: StreamId) -> Option<StreamPaths> {
    let of = load.streams.get(usize::from(stream.0))?;
    Some(StreamPaths::new(&load.root.join(&of.under), of.framing, front, load.seed))
}

fn node(name: &str) -> PathBuf {
    Path::new(NODES).join(name)
}

/// What a record of a stream is: what is asked for, where a front end logs it.
fn body(stream: &Stream) -> Body {
    match (&stream.via, stream.body) {
        (Via::Http(http), _) => match http.asks {
            Asks::Shop => Body::Request,
            Asks::Healthcheck => Body::Probe,
        },
        (_, spec::Body::NginxJson) => Body::NginxJson,
        (_, spec::Body::IngressJson) => Body::IngressJson,
        (_, spec::Body::AppText) => Body::AppText,
        (_, spec::Body::NginxCombined) => Body::NginxCombined,
        (_, spec::Body::Logfmt) => Body::Logfmt,
        (_, spec::Body::Ltsv) => Body::Ltsv,
        (_, spec::Body::StackTrace) => Body::StackTrace,
    }
}

fn stream_plan(plan: &Plan, at: usize, stream: &Stream) -> StreamPlan {
    let docker = plan.rotate.as_ref().filter(|on| on.what.by == Rotator::Docker);
    let is_docker_rotated = docker.filter(|on| on.streams.contains(&StreamId(at as u16)));
    let size = stream.size.0 as u32;
    StreamPlan {
        body: body(stream),
        size: match stream.long {
            Some(long) => Size::Spread { min: size, max: size, long_every: long.every, long: long.size.0 as u32 },
            None => Size::Fixed(size),
        },
        framing: match plan.layout {
            Layout::Kubelet => Framing::Cri,
            Layout::Docker => Framing::Docker,
            Layout::Plain => Framing::Plain,
        },
        write: match stream.write {
            spec::Write::Line => WriteMode::PerLine,
            spec::Write::Batch(size) => WriteMode::Batch { bytes: size.0 },
        },
        rate: Rate::Share(stream.rate.0),
        output: if stream.stderr_every > 0 {
            OutputRule::EveryNthStderr(stream.stderr_every)
        } else {
            OutputRule::Stdout
        },
        max_size: is_docker_rotated.map(|on| on.what.max_size.0),
        // A runtime that reopens in the middle of a long line finishes the old file with a partial line.
        cut: if stream.long.is_some() { Cut::LongLines } else { Cut::Never },
        under: stream.node.as_deref().map(node).unwrap_or_default(),
        is_sent: !stream.via.is_written(),
        pod: stream.pod.clone(),
        ..StreamPlan::new(&stream.name)
    }
}
