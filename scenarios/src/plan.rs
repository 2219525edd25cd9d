//! A scenario as meant: every default and every contradiction settled once; the runner sees only this.

use results::identity::StreamId;
use serde::Serialize;

use crate::spec::{
    Agent, Body, Expect, Fault, Front, Group, Kube, Layout, Long, Net, Pace, Remove, Rotate, Rotator, Sink, Spec, Swap,
    SwapHow, Via, Write,
    file::{Source, SpecError},
    units::{Rate, Size, Span},
};

pub use self::{
    bundle::Bundle,
    topology::{Instance, Link, Way},
};

mod bundle;
mod check;
pub mod names;
pub mod paths;
mod topology;

/// Without a `contract.stall`, a stream that stands this long has stalled.
const STALL: Span = Span(5_000_000);
/// Without a `contract.settle`, a delivery is settled this long after its answer.
const SETTLE: Span = Span(250_000);

/// What the command line changes in a scenario.
#[derive(Debug, Clone, Default)]
pub struct Overrides {
    /// Another length of the measure stretch.
    pub duration: Option<Span>,
    /// Another total rate; the groups keep their proportions.
    pub rate: Option<Rate>,
    /// Single values, `key=value`.
    pub set: Vec<String>,
}

/// A settled scenario.
#[derive(Debug, Clone, Serialize)]
pub struct Plan {
    /// Its name.
    pub name: String,
    /// Its question.
    pub question: String,
    /// Length of the warm-up.
    pub warm_up: Span,
    /// Length of the measure stretch.
    pub measure: Span,
    /// Longest drain.
    pub drain: Span,
    /// Layout of files and links.
    pub layout: Layout,
    /// How the rate runs.
    pub pace: Pace,
    /// The streams; the index is the [`StreamId`].
    pub streams: Vec<Stream>,
    /// How files are rotated.
    pub rotate: Option<On<Rotate>>,
    /// Links that are replaced.
    pub swaps: Vec<On<Swap>>,
    /// Files that are unlinked.
    pub removes: Vec<On<Remove>>,
    /// What happens to the agent and its sink.
    pub faults: Vec<Fault>,
    /// Where records must arrive, unless routes say so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sink: Option<Sink>,
    /// Settings of the agent, unless it is processes with configurations of their own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent: Option<Agent>,
    /// The ways of a record, at least one; without routes that to the sink, which is called nothing.
    #[serde(skip_serializing_if = "topology::is_plain")]
    pub ways: Vec<Way>,
    /// The agent's processes; none: one, configured by the bench.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub instances: Vec<Instance>,
    /// The front ends that are asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub fronts: Vec<Front>,
    /// The wires that can be cut.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub links: Vec<Link>,
    /// Limits of the network that the run is in.
    #[serde(skip_serializing_if = "is_usual")]
    pub net: Net,
    /// The Kubernetes API server, if there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kube: Option<Kube>,
    /// The names in braces that texts of this scenario may have.
    #[serde(skip)]
    pub known: names::Known,
    /// What is promised.
    pub contract: results::contract::Contract,
    /// A delivery is settled this long after its answer.
    pub settle: Span,
}

/// One stream.
#[derive(Debug, Clone, Serialize)]
pub struct Stream {
    /// Its name, `<group>-<nn>`.
    pub name: String,
    /// Records a second.
    pub rate: Rate,
    /// What a record says.
    pub body: Body,
    /// Length of a record.
    pub size: Size,
    /// Now and then a longer one.
    pub long: Option<Long>,
    /// How lines are handed to the kernel.
    pub write: Write,
    /// Every n-th record goes to stderr; 0: none.
    pub stderr_every: u32,
    /// The node on which its files lie; none: the one tree of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// How its records get to the agent.
    #[serde(skip_serializing_if = "is_file")]
    pub via: Via,
    /// What is to become of them.
    #[serde(skip_serializing_if = "is_delivered")]
    pub expect: Expect,
    /// The name of its pod, if it is that of another stream.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pod: Option<String>,
    /// True if another pod takes over the name of its own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub is_replaced: bool,
}

/// Something, and the streams it concerns.
#[derive(Debug, Clone, Serialize)]
pub struct On<T> {
    /// What.
    pub what: T,
    /// Which streams.
    pub streams: Vec<StreamId>,
}

impl Stream {
    /// Whether it is of this group.
    pub fn is_of(&self, group: &str) -> bool {
        self.name.rsplit_once('-').is_some_and(|(of, _)| of == group)
    }
}

impl Plan {
    /// Reads, checks and settles a scenario.
    pub fn settle(source: &Source, overrides: &Overrides) -> Result<Self, SpecError> {
        let source = source.with(&overrides.set)?;
        let mut spec = source.parse()?;
        if overrides.duration == Some(Span(0)) {
            return Err(SpecError::Flag {
                flag: "--duration",
                why: "a run of no length proves nothing; give for example 10s",
            });
        }
        if let Some(duration) = overrides.duration {
            spec.time.measure = duration;
        }
        check::check(&spec, &source)?;
        let topology = topology::settle(&spec, &source)?;
        if let Some(rate) = overrides.rate {
            let total: f64 = spec.load.group.iter().map(|group| group.rate.0).sum();
            if rate.0 <= 0.0 {
                return Err(SpecError::Flag { flag: "--rate", why: "give a rate above 0, for example 5k/s" });
            }
            spec.load.group.iter_mut().for_each(|group| group.rate.0 *= rate.0 / total);
            // The scenario's own rate is no promise about another one.
            spec.contract.min_rate = spec.contract.min_rate.map(|least| Rate(least.0 * (rate.0 / total)));
        }
        Ok(Self::from_checked(spec, topology))
    }

    fn from_checked(spec: Spec, topology: topology::Topology) -> Self {
        let groups = &spec.load.group;
        let contract = contract(&spec);
        Self {
            streams: topology::with_pods(groups.iter().flat_map(streams_of).collect(), spec.kube.as_ref()),
            rotate: spec.rotate.map(|rotate| On { streams: chosen(groups, rotate.groups.as_deref()), what: rotate }),
            swaps: spec
                .swap
                .into_iter()
                .map(|swap| On { streams: chosen(groups, swap.groups.as_deref()), what: swap })
                .collect(),
            removes: spec
                .remove
                .into_iter()
                .map(|remove| On { streams: chosen(groups, remove.groups.as_deref()), what: remove })
                .collect(),
            name: spec.name,
            question: spec.question,
            warm_up: spec.time.warm_up,
            measure: spec.time.measure,
            drain: spec.time.drain,
            layout: spec.load.layout,
            pace: spec.load.pace,
            faults: spec.fault,
            sink: spec.route.is_empty().then(|| spec.sink.unwrap_or_default()),
            agent: spec.process.is_empty().then(|| spec.agent.unwrap_or_default()),
            ways: topology.ways,
            instances: topology.instances,
            fronts: spec.front,
            links: topology.links,
            net: spec.net,
            kube: spec.kube,
            known: topology.known,
            settle: spec.contract.settle.unwrap_or(SETTLE),
            contract,
        }
    }

    /// The streams of requests to a front end; the first one stands for its log.
    pub fn asking<'a>(&'a self, front: &'a str) -> impl Iterator<Item = StreamId> + 'a {
        let asks = move |stream: &Stream| matches!(&stream.via, Via::Http(http) if http.front == front);
        self.streams.iter().enumerate().filter(move |(_, stream)| asks(stream)).map(|(at, _)| StreamId(at as u16))
    }

    /// Records a second of all streams together.
    pub fn rate(&self) -> Rate {
        Rate(self.streams.iter().map(|stream| stream.rate.0).sum())
    }
}

fn streams_of(group: &Group) -> impl Iterator<Item = Stream> {
    let each = Rate(group.rate.0 / f64::from(group.streams));
    (0..group.streams).map(move |n| Stream {
        name: format!("{}-{n:02}", group.name),
        rate: each,
        body: group.body,
        size: group.size,
        long: group.long,
        write: group.write,
        stderr_every: group.stderr_every,
        node: group.node.clone(),
        via: group.via.clone(),
        expect: group.expect,
        pod: None,
        is_replaced: false,
    })
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_delivered(expect: &Expect) -> bool {
    *expect == Expect::Delivered
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_usual(net: &Net) -> bool {
    *net == Net::default()
}

fn is_file(via: &Via) -> bool {
    *via == Via::File
}

/// The streams of the named groups; of all without names. Requests to one front end share a log: the first of all its
/// streams stands for it.
fn chosen(groups: &[Group], names: Option<&[String]>) -> Vec<StreamId> {
    let owners: Vec<&Group> =
        groups.iter().flat_map(|group| std::iter::repeat_n(group, usize::from(group.streams))).collect();
    let front = |group: &Group| match &group.via {
        Via::Http(http) => Some(http.front.clone()),
        _ => None,
    };
    let lead = |at: usize| match front(owners[at]) {
        Some(name) => owners.iter().position(|other| front(other).as_ref() == Some(&name)).unwrap_or(at),
        None => at,
    };
    let is_named = |group: &Group| names.is_none_or(|names| names.contains(&group.name));
    let mut chosen: Vec<usize> = (0..owners.len()).filter(|at| is_named(owners[*at])).map(lead).collect();
    chosen.sort_unstable();
    chosen.dedup();
    chosen.into_iter().map(|at| StreamId(at as u16)).collect()
}

fn contract(spec: &Spec) -> results::contract::Contract {
    let written = &spec.contract;
    let proof = &written.proof;
    results::contract::Contract {
        delivery: topology::delivery(written.delivery),
        source_loss: topology::source_loss(written.source_loss),
        routes: spec.route.iter().filter_map(|route| topology::own_contract(route, written)).collect(),
        ordered: written.ordered,
        stall_limit_us: written.stall.unwrap_or(STALL).0,
        min_rate_per_s: written.min_rate.map(|rate| rate.0),
        latency_p99_us: written.latency_p99.map(|span| span.0),
        proof: results::outcome::Proofs {
            rotations: proof.rotations,
            inodes_reused: proof.inodes_reused,
            archives: proof.archives,
            symlink_swaps: proof.symlink_swaps,
            faults: proof.faults,
            agent_interruptions: proof.agent_interruptions,
            sink_refusals: proof.sink_refusals,
            ..results::outcome::Proofs::default()
        },
    }
}
