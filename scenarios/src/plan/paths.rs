//! What stands between a stream and the end of a route, as far as the scenario tells.
//!
//! ```text
//! stream ─▶ readers ─▶ what their variables name: a port of a process, a link, a socket, the end of a route ─▶ …
//! ```
//! Whoever names a port connects to it; whoever names a socket may stand at either end of it. What cannot be told counts as
//! standing on the way: then too much is excused, and nobody is accused of what was done to another.

use std::collections::BTreeSet;

use results::{identity::StreamId, route::RouteId};

use super::{
    Instance, Plan, Stream,
    names::{Name, Part, parts},
};
use crate::spec::Via;

/// Something that a record can pass.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Node {
    Process(usize),
    Link(usize),
    Route(usize),
    /// Without a name: the folder of all of them.
    Socket(Option<String>),
}

/// What stands on one way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Between {
    /// Index = instance of the plan; the agent that the bench configures is 0.
    pub processes: BTreeSet<usize>,
    /// Index = link of the plan.
    pub links: BTreeSet<usize>,
}

/// Where the records of some streams enter, and their ways from there.
#[derive(Debug, Clone)]
pub struct Source {
    /// The streams.
    pub streams: Vec<StreamId>,
    /// The processes that take the records in first; several: one of them does, nobody can tell which.
    pub readers: BTreeSet<usize>,
    /// Links before the readers.
    pub before: BTreeSet<usize>,
    /// Index = route.
    pub ways: Vec<Between>,
}

/// The ways of all streams.
#[derive(Debug, Clone)]
pub struct Paths {
    sources: Vec<Source>,
    /// Index = link: the route at whose end it leads directly.
    ends: Vec<Option<RouteId>>,
    /// Index = stream.
    of: Vec<usize>,
}

impl Paths {
    /// What the scenario tells.
    pub fn of(plan: &Plan) -> Self {
        let map = Map { plan };
        let (mut entries, mut sources, mut of) = (Vec::<BTreeSet<Node>>::new(), Vec::<Source>::new(), Vec::new());
        for (at, stream) in plan.streams.iter().enumerate() {
            let entry = map.entry(stream);
            let known = entries.iter().position(|known| *known == entry).unwrap_or_else(|| {
                sources.push(map.source(&entry));
                entries.push(entry);
                sources.len() - 1
            });
            sources[known].streams.push(StreamId(at as u16));
            of.push(known);
        }
        let end = |after: BTreeSet<Node>| {
            after.into_iter().find_map(|node| match node {
                Node::Route(route) => Some(RouteId(route as u8)),
                _ => None,
            })
        };
        let ends = (0..plan.links.len()).map(|link| end(map.after(&Node::Link(link)))).collect();
        Self { sources, ends, of }
    }

    /// The route to whose end a link leads, with nothing between.
    pub fn end_of(&self, link: usize) -> Option<RouteId> {
        self.ends.get(link).copied().flatten()
    }

    /// Where records enter; streams that enter alike are one.
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// What stands between a stream and the end of a route.
    pub fn way(&self, stream: StreamId, route: RouteId) -> &Between {
        &self.sources[self.of[usize::from(stream.0)]].ways[usize::from(route.0)]
    }
}

/// The scenario as a graph.
struct Map<'p> {
    plan: &'p Plan,
}

impl Map<'_> {
    /// Where the records of a stream enter.
    fn entry(&self, stream: &Stream) -> BTreeSet<Node> {
        let mut entry = BTreeSet::new();
        let mut is_read = stream.via.is_written();
        match &stream.via {
            Via::File => {}
            Via::Beats(beats) => entry.extend(self.named(&beats.to)),
            Via::Syslog(syslog) => entry.extend(self.named(&syslog.to)),
            Via::Http(http) => {
                let front = self.plan.fronts.iter().find(|front| front.name == http.front);
                match front.and_then(|front| front.syslog.as_ref()) {
                    Some(to) => entry.extend(self.named(to)),
                    None => is_read = true,
                }
            }
        }
        if is_read {
            entry.extend(self.tailers(stream.node.as_deref()).into_iter().map(Node::Process));
        }
        entry
    }

    /// The processes that may tail files: those of a node its own; those of no node whoever is told where they lie.
    fn tailers(&self, node: Option<&str>) -> BTreeSet<usize> {
        let all = 0..self.plan.instances.len().max(1);
        let instances = || self.plan.instances.iter().enumerate();
        if let Some(own) = node.and_then(|node| instances().find(|(_, instance)| instance.name == node)) {
            return BTreeSet::from([own.0]);
        }
        let is_told = |instance: &Instance| {
            let names = instance.env.values().flat_map(|value| self.names(value));
            names.into_iter().any(|name| matches!(name, Name::Logs | Name::LogsTag | Name::Root))
        };
        let told: BTreeSet<usize> = instances().filter(|(_, it)| is_told(it)).map(|(at, _)| at).collect();
        if told.is_empty() { all.collect() } else { told }
    }

    fn source(&self, entry: &BTreeSet<Node>) -> Source {
        let reached = self.reach(entry.clone());
        let is_process = |node: &Node| matches!(node, Node::Process(_));
        // From where they enter up to the first process, whatever lies between.
        let (mut seen, mut next) = (entry.clone(), entry.clone());
        while !next.is_empty() {
            let beyond: BTreeSet<Node> =
                next.iter().filter(|node| !is_process(node)).flat_map(|node| self.after(node)).collect();
            next = beyond.difference(&seen).cloned().collect();
            seen.extend(beyond);
        }
        let readers = between(&seen);
        let before = between(&seen.iter().filter(|node| !is_process(node)).cloned().collect()).links;
        let ways = (0..self.plan.ways.len()).map(|route| self.way(&reached, &readers, route)).collect();
        let everybody = || (0..self.plan.instances.len().max(1)).collect();
        let readers = if readers.processes.is_empty() { everybody() } else { readers.processes };
        Source { streams: Vec::new(), readers, before, ways }
    }

    /// What is reached from where the records enter and leads to the end of a route.
    fn way(&self, reached: &BTreeSet<Node>, readers: &Between, route: usize) -> Between {
        if !reached.contains(&Node::Route(route)) {
            // Its end is written down where nobody here reads.
            let (processes, links) = (self.plan.instances.len().max(1), self.plan.links.len());
            return Between { processes: (0..processes).collect(), links: (0..links).collect() };
        }
        let leads = |node: &Node| self.reach(BTreeSet::from([node.clone()])).contains(&Node::Route(route));
        let mut on_it = between(&reached.iter().filter(|node| leads(node)).cloned().collect());
        if on_it.processes.is_empty() {
            on_it.processes.extend(&readers.processes);
        }
        on_it
    }

    /// Everything that can be reached from some nodes, and these.
    fn reach(&self, mut reached: BTreeSet<Node>) -> BTreeSet<Node> {
        let mut next = reached.clone();
        while !next.is_empty() {
            let beyond: BTreeSet<Node> = next.iter().flat_map(|node| self.after(node)).collect();
            next = beyond.difference(&reached).cloned().collect();
            reached.extend(beyond);
        }
        reached
    }

    /// What comes directly after a node.
    fn after(&self, node: &Node) -> BTreeSet<Node> {
        match node {
            Node::Route(_) => BTreeSet::new(),
            Node::Link(link) => self.named(&self.plan.links[*link].to),
            Node::Process(process) => {
                let Some(instance) = self.plan.instances.get(*process) else {
                    // The one that the bench configures delivers itself, on the one way that there is then.
                    return BTreeSet::from([Node::Route(0)]);
                };
                let mut after: BTreeSet<Node> = instance.env.values().flat_map(|value| self.named(value)).collect();
                after.remove(node);
                after
            }
            Node::Socket(name) => {
                let is_it = |other: &Option<String>| name.is_none() || other.is_none() || other == name;
                let names_it = |instance: &Instance| {
                    let named = instance.env.values().flat_map(|value| self.named(value));
                    named.into_iter().any(|node| matches!(&node, Node::Socket(other) if is_it(other)))
                };
                let instances = self.plan.instances.iter().enumerate();
                instances.filter(|(_, instance)| names_it(instance)).map(|(at, _)| Node::Process(at)).collect()
            }
        }
    }

    /// What a text names that records can pass.
    fn named(&self, text: &str) -> BTreeSet<Node> {
        let node = |name: Name| match name {
            Name::Port(Some(process), _) => {
                self.plan.instances.iter().position(|instance| instance.name == process).map(Node::Process)
            }
            Name::Socket(name) => Some(Node::Socket(Some(name))),
            Name::Sockets => Some(Node::Socket(None)),
            Name::Sink(route, _) => Some(Node::Route(route)),
            Name::Link(link, _) => Some(Node::Link(link)),
            Name::Port(None, _)
            | Name::State
            | Name::Logs
            | Name::LogsTag
            | Name::Root
            | Name::Process
            | Name::Seed
            | Name::Kube(_) => None,
        };
        self.names(text).into_iter().filter_map(node).collect()
    }

    /// The names in a text; the plan was checked, so that each of them means something.
    fn names(&self, text: &str) -> Vec<Name> {
        let named = |part| match part {
            Part::Name(name) => Some(name),
            Part::Text(_) => None,
        };
        parts(text, &self.plan.known).unwrap_or_default().into_iter().filter_map(named).collect()
    }
}

fn between(nodes: &BTreeSet<Node>) -> Between {
    let mut between = Between::default();
    for node in nodes {
        match node {
            Node::Process(process) => _ = between.processes.insert(*process),
            Node::Link(link) => _ = between.links.insert(*link),
            Node::Route(_) | Node::Socket(_) => {}
        }
    }
    between
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{library, plan::Overrides};

    fn shipped(name: &str) -> Plan {
        Plan::settle(&library::find(name).unwrap(), &Overrides::default()).unwrap()
    }

    type Names<'p> = Vec<&'p str>;

    /// Names of readers, and of processes and links on each way, of a stream.
    fn told(plan: &Plan, stream: u16) -> (Names<'_>, Vec<(Names<'_>, Names<'_>)>) {
        let paths = Paths::of(plan);
        let process = |at: &usize| plan.instances.get(*at).map_or("", |instance| instance.name.as_str());
        let source = paths.sources().iter().find(|source| source.streams.contains(&StreamId(stream))).unwrap();
        let ways = source.ways.iter().map(|way| {
            let links = way.links.iter().map(|&link| plan.links[link].name.as_str());
            (way.processes.iter().map(process).collect(), links.collect())
        });
        (source.readers.iter().map(process).collect(), ways.collect())
    }

    #[test]
    fn one_agent_stands_on_the_one_way() {
        assert_eq!(told(&shipped("steady"), 0), (vec![""], vec![(vec![""], vec![])]));
    }

    #[test]
    fn a_forwarder_stands_on_the_way_of_its_own_node_only() {
        let plan = shipped("forward-aggregate");
        let aggregators = ["aggregator-0", "aggregator-1", "aggregator-2"];
        for (stream, forwarder) in [(0, "forwarder-0"), (2, "forwarder-1")] {
            let (readers, ways) = told(&plan, stream);
            assert_eq!(readers, [forwarder]);
            let [(processes, links)] = &ways[..] else { panic!("{ways:?}") };
            assert_eq!(*processes, [&aggregators[..], &[forwarder]].concat());
            assert_eq!(*links, ["to-aggregator-0"]);
        }
    }

    #[test]
    fn a_link_leads_to_the_end_of_a_route_only_if_nothing_stands_between() {
        let over = |to: &str| {
            let set = vec![format!("link.0.to={to}")];
            let plan =
                Plan::settle(&library::find("forward-aggregate").unwrap(), &Overrides { set, ..Overrides::default() });
            Paths::of(&plan.unwrap()).end_of(0)
        };
        assert_eq!(over("{aggregator-0.port.forward}"), None);
        assert_eq!(over("{sink.store.port}"), Some(RouteId(0)));
    }

    #[test]
    fn two_ways_of_one_process_and_two_processes_side_by_side() {
        let both = vec![(vec!["logstash"], vec![]), (vec!["logstash"], vec![])];
        assert_eq!(told(&shipped("elk-syslog"), 0), (vec!["logstash"], both));
        let plan = shipped("daemonset-vs-sidecar");
        let (readers, ways) = told(&plan, 0);
        assert_eq!(readers, ["daemonset", "sidecar"], "the file is tailed, and the socket read");
        assert_eq!(ways, [(vec!["daemonset"], vec![]), (vec!["sidecar"], vec![])]);
    }
}
