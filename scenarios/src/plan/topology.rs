//! Processes, routes and links as meant: instances named, configurations found, every name in braces checked.

use std::collections::{BTreeMap, BTreeSet};

use results::contract::{Delivery, RouteContract, SourceLossRule};
use serde::Serialize;

use super::{
    Bundle, Source, Spec, SpecError, Stream, bundle,
    names::{self, Known, Name, Part, SinkPart},
};
use crate::spec::{self, Fault, FaultDo, Limits, Probes, Process, Sink, SinkKind, Via};

/// One agent process.
#[derive(Debug, Clone, Serialize)]
pub struct Instance {
    /// Its name.
    pub name: String,
    /// Its configuration.
    pub config: Bundle,
    /// What the variables of the configuration stand for; names in braces are filled in.
    pub env: BTreeMap<String, String>,
    /// How much of the machine it may use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limits: Option<Limits>,
    /// What is asked of it while it runs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<Probes>,
    /// The routes at whose ends it delivers itself, by index.
    pub delivers: Vec<usize>,
    /// True if a fault starts it, and not the begin of the run.
    pub later: bool,
    /// Configurations that are put in place by a `reload`, by their names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub reloads: Vec<Bundle>,
}

/// One way that every record takes.
#[derive(Debug, Clone, Serialize)]
pub struct Way {
    /// Its name; empty if it is the only one and nobody named it.
    pub name: String,
    /// Where it ends.
    pub sink: Sink,
    /// How often a record may arrive on it.
    pub delivery: Delivery,
}

/// A wire that can be cut.
#[derive(Debug, Clone, Serialize)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// The port it leads to; names in braces are filled in.
    pub to: String,
    /// What it relays.
    pub wire: spec::Wire,
}

/// Without routes, what there is to say about the way is said by the sink.
pub(super) fn is_plain(ways: &[Way]) -> bool {
    matches!(ways, [only] if only.name.is_empty())
}

/// What a scenario says about its boxes and wires.
pub(super) struct Topology {
    pub(super) ways: Vec<Way>,
    pub(super) instances: Vec<Instance>,
    pub(super) links: Vec<Link>,
    pub(super) known: Known,
}

/// Settles it; the parts alone have been checked.
pub(super) fn settle(spec: &Spec, source: &Source) -> Result<Topology, SpecError> {
    let ways = ways(spec);
    let known = known(spec);
    for (at, link) in spec.link.iter().enumerate() {
        check_names(&link.to, (&known, &ways), source, &format!("link.{at}.to"))?;
    }
    for (at, group) in spec.load.group.iter().enumerate() {
        let to = match &group.via {
            Via::File | Via::Http(_) => continue,
            Via::Beats(beats) => &beats.to,
            Via::Syslog(syslog) => &syslog.to,
        };
        check_names(to, (&known, &ways), source, &format!("load.group.{at}.via"))?;
    }
    for (at, front) in spec.front.iter().enumerate() {
        let to = front.syslog.as_deref().unwrap_or_default();
        check_names(to, (&known, &ways), source, &format!("front.{at}.syslog"))?;
    }
    let links =
        spec.link.iter().map(|link| Link { name: link.name.clone(), to: link.to.clone(), wire: link.wire }).collect();
    let mut instances = Vec::new();
    for (at, process) in spec.process.iter().enumerate() {
        let key = format!("process.{at}.config");
        let config = bundle::bundle(source, &process.config).map_err(|why| source.wrong(&key, why))?;
        if let Some(missing) = config.variables().into_iter().find(|name| !process.env.contains_key(*name)) {
            let why =
                format!("{} uses ${{{missing}}}, which stands for nothing here; give {missing} = …", process.config);
            return Err(source.wrong(&format!("process.{at}.env"), why));
        }
        let mut delivers = BTreeSet::new();
        for (name, value) in &process.env {
            check_names(value, (&known, &ways), source, &format!("process.{at}.env.{name}"))?;
            delivers.extend(names::ends_of(value, &known, &links_to(spec)));
        }
        for name in instance_names(process) {
            instances.push(Instance {
                config: config.clone(),
                env: process.env.clone(),
                limits: process.limits,
                probes: process.probes.clone(),
                delivers: delivers.iter().copied().collect(),
                later: spec.fault.iter().any(|f| f.what == FaultDo::StartProcess && concerns(spec, f, &name)),
                reloads: reloads(spec, source, &name)?,
                name,
            });
        }
    }
    Ok(Topology { ways, instances, links, known })
}

/// Every name that the scenario gives.
pub(super) fn known(spec: &Spec) -> Known {
    Known {
        processes: spec.process.iter().flat_map(instance_names).collect(),
        routes: ways(spec).into_iter().map(|way| way.name).collect(),
        links: spec.link.iter().map(|link| link.name.clone()).collect(),
        kube: spec.kube.is_some(),
    }
}

/// What the processes of a kind are called.
pub(super) fn instance_names(process: &Process) -> Vec<String> {
    match process.count {
        1 => vec![process.name.clone()],
        count => (0..count).map(|n| format!("{}-{n}", process.name)).collect(),
    }
}

pub(super) fn delivery(written: spec::Delivery) -> Delivery {
    match written {
        spec::Delivery::AtMostOnce => Delivery::AtMostOnce,
        spec::Delivery::AtLeastOnce => Delivery::AtLeastOnce,
        spec::Delivery::ExactlyOnce => Delivery::ExactlyOnce,
    }
}

pub(super) fn source_loss(written: spec::SourceLoss) -> SourceLossRule {
    match written {
        spec::SourceLoss::Forbidden => SourceLossRule::Forbidden,
        spec::SourceLoss::Counted => SourceLossRule::Counted,
    }
}

/// What a route is held to, if it says anything of its own.
pub(super) fn own_contract(route: &spec::Route, all: &spec::Contract) -> Option<RouteContract> {
    let has_own = route.delivery.is_some() || route.ordered.is_some() || route.source_loss.is_some();
    has_own.then(|| RouteContract {
        name: route.name.clone(),
        delivery: delivery(route.delivery.unwrap_or(all.delivery)),
        ordered: route.ordered.unwrap_or(all.ordered),
        source_loss: source_loss(route.source_loss.unwrap_or(all.source_loss)),
    })
}

/// Lets pods take over the names of others, as `[kube]` says.
pub(super) fn with_pods(mut streams: Vec<Stream>, kube: Option<&spec::Kube>) -> Vec<Stream> {
    for pods in kube.into_iter().flat_map(|kube| &kube.pods) {
        let Some(before) = &pods.instead_of else { continue };
        let of = |group: &str| -> Vec<usize> { (0..streams.len()).filter(|&at| streams[at].is_of(group)).collect() };
        for (old, new) in of(before).into_iter().zip(of(&pods.group)) {
            streams[new].pod = Some(streams[old].name.clone());
            streams[old].is_replaced = true;
        }
    }
    streams
}

/// The ways of a scenario: its routes, else the one to its sink.
pub(super) fn ways(spec: &Spec) -> Vec<Way> {
    let promised = |own: Option<spec::Delivery>| delivery(own.unwrap_or(spec.contract.delivery));
    if spec.route.is_empty() {
        let sink = spec.sink.clone().unwrap_or_default();
        return vec![Way { name: String::new(), sink, delivery: promised(None) }];
    }
    let way = |route: &spec::Route| Way {
        name: route.name.clone(),
        sink: route.sink.clone(),
        delivery: promised(route.delivery),
    };
    spec.route.iter().map(way).collect()
}

/// Whether a fault happens to this instance: the one it names, else the first.
pub(super) fn concerns(spec: &Spec, fault: &Fault, instance: &str) -> bool {
    let first = || spec.process.first().map(instance_names).and_then(|names| names.into_iter().next());
    fault.process.clone().or_else(first).is_some_and(|name| name == instance)
}

fn reloads(spec: &Spec, source: &Source, instance: &str) -> Result<Vec<Bundle>, SpecError> {
    let mut found: Vec<Bundle> = Vec::new();
    for (at, fault) in spec.fault.iter().enumerate() {
        let FaultDo::Reload { config, .. } = &fault.what else { continue };
        if concerns(spec, fault, instance) && !found.iter().any(|known| known.name == *config) {
            let key = format!("fault.{at}.do");
            found.push(bundle::bundle(source, config).map_err(|why| source.wrong(&key, why))?);
        }
    }
    Ok(found)
}

/// Where each link leads.
pub(super) fn links_to(spec: &Spec) -> Vec<&str> {
    spec.link.iter().map(|link| link.to.as_str()).collect()
}

/// Refuses a value that names what does not exist; the error points at its key.
fn check_names(value: &str, (known, ways): (&Known, &[Way]), source: &Source, key: &str) -> Result<(), SpecError> {
    let parts = names::parts(value, known).map_err(|why| source.wrong(key, why.to_string()))?;
    let misfit = parts.iter().find_map(|part| match part {
        Part::Name(Name::Sink(route, asked)) => {
            let has_path = matches!(ways[*route].sink.kind, SinkKind::File | SinkKind::SyslogUnix);
            ((*asked == SinkPart::Path) != has_path).then_some(has_path)
        }
        _ => None,
    });
    match misfit {
        Some(true) => Err(source.wrong(key, "this sink is a path, it has no host and port; ask for {sink.….path}")),
        Some(false) => Err(source.wrong(key, "this sink listens on a port; ask for {sink.….host} and {sink.….port}")),
        None => Ok(()),
    }
}
