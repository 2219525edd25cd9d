//! What a scenario may not say about its processes, routes and links, and about whom a fault happens to.

use std::collections::BTreeSet;

use results::contract::Delivery;

use super::{Checked, Of, is_name};
use crate::{
    plan::{
        names,
        topology::{known, links_to, ways},
    },
    spec::{Expect, Fault, FaultDo, Http, SinkKind, Syslog, Transport, Via, WhenFull, Wire},
};

/// Most processes of a run.
const MOST_PROCESSES: usize = 64;
/// Words that names in braces begin with.
const RESERVED: [&str; 12] =
    ["sink", "link", "kube", "port", "socket", "sockets", "logs", "logs_tag", "state", "root", "seed", "name"];
pub(super) const NAMED: &str = "use lower-case letters, digits and dashes, at most 48";

impl Of<'_> {
    pub(super) fn topology(&self) -> Checked {
        self.processes()?;
        self.routes()?;
        self.links()?;
        self.fronts()?;
        self.groups_and_nodes()?;
        self.chains()
    }

    fn processes(&self) -> Checked {
        let spec = self.spec;
        if spec.agent.is_some() && !spec.process.is_empty() {
            return self.refuse("agent", "processes have configurations of their own; leave [agent] out");
        }
        for (at, process) in spec.process.iter().enumerate() {
            let key = |name: &str| format!("process.{at}.{name}");
            if !is_name(&process.name) || RESERVED.contains(&process.name.as_str()) {
                return self.refuse(&key("name"), format!("{NAMED}, and no word that stands for something in braces"));
            }
            if process.count == 0 {
                return self.refuse(&key("count"), "give at least 1");
            }
            let limits = process.limits;
            if limits.and_then(|limits| limits.cpu).is_some_and(|cpu| cpu.0 < 10) {
                return self.refuse(&key("limits.cpu"), "give at least \"10m\"");
            }
            if limits.and_then(|limits| limits.memory).is_some_and(|memory| memory.0 < 4 << 20) {
                return self.refuse(&key("limits.memory"), "give at least \"4 MiB\"");
            }
        }
        let names = known(spec).processes;
        if names.len() > MOST_PROCESSES {
            return self.refuse("process", format!("{} processes; at most {MOST_PROCESSES} are started", names.len()));
        }
        self.no_twins("process", &names)
    }

    fn routes(&self) -> Checked {
        let spec = self.spec;
        if spec.sink.is_some() && !spec.route.is_empty() {
            return self.refuse("sink", "every [[route]] has a sink of its own; leave [sink] out");
        }
        if !spec.route.is_empty() && spec.process.is_empty() {
            let why = "the agent that the bench configures has one output; write a [[process]] with a configuration";
            return self.refuse("route", why);
        }
        if let Some(at) = spec.route.iter().position(|route| !is_name(&route.name)) {
            return self.refuse(&format!("route.{at}.name"), NAMED);
        }
        self.no_twins("route", &known(spec).routes)?;
        for (at, way) in ways(spec).iter().enumerate() {
            let key = |name: &str| match spec.route.len() {
                0 => format!("sink.{name}"),
                _ => format!("route.{at}.sink.{name}"),
            };
            self.sink(&way.sink, &key)?;
            if way.sink.kind.is_lossy() && way.delivery != Delivery::AtMostOnce {
                let why =
                    "UDP may lose what it likes; promise delivery = \"at-most-once\" here, and see how much it was";
                return self.refuse(&key("kind"), why);
            }
            let is_simple = matches!(way.sink.kind, SinkKind::Http | SinkKind::HttpArray | SinkKind::File);
            if spec.process.is_empty() && !is_simple {
                return self.refuse(&key("kind"), "the agent that the bench configures cannot; write a [[process]]");
            }
        }
        Ok(())
    }

    fn links(&self) -> Checked {
        if let Some(at) = self.spec.link.iter().position(|link| !is_name(&link.name)) {
            return self.refuse(&format!("link.{at}.name"), NAMED);
        }
        self.no_twins("link", &known(self.spec).links)
    }

    fn groups_and_nodes(&self) -> Checked {
        let spec = self.spec;
        for (at, group) in spec.load.group.iter().enumerate() {
            let key = |name: &str| format!("load.group.{at}.{name}");
            if group.node.as_ref().is_some_and(|node| !known(spec).processes.contains(node)) {
                return self.refuse(&key("node"), "name the process that is to read these files");
            }
            let named = |groups: &Option<Vec<String>>| groups.as_ref().is_none_or(|names| names.contains(&group.name));
            let is_logged = |http: &Http| spec.front.iter().all(|it| it.name != http.front || it.syslog.is_none());
            let in_file = group.via.is_written() || matches!(&group.via, Via::Http(http) if is_logged(http));
            if !in_file && spec.rotate.as_ref().is_some_and(|rotate| named(&rotate.groups)) {
                let why =
                    format!("group `{}` is sent and lies in no file; name the groups that are rotated", group.name);
                return self.refuse("rotate.groups", why);
            }
            match &group.via {
                Via::Beats(_) | Via::Syslog(_) if group.node.is_some() && !group.via.is_written() => {
                    return self.refuse(&key("node"), "records that are sent lie on no node");
                }
                Via::Beats(_) | Via::Syslog(_) if spec.process.is_empty() => {
                    return self
                        .refuse(&key("via"), "the agent that the bench configures only tails; write a [[process]]");
                }
                Via::Beats(beats) if !(1..=8_192).contains(&beats.window) => {
                    return self.refuse(&key("via"), "a window has 1 to 8192 events");
                }
                Via::Syslog(syslog) => self.syslog(at, syslog)?,
                Via::Http(http) if !spec.front.iter().any(|front| front.name == http.front) => {
                    return self.refuse(&key("via"), format!("no [[front]] is called `{}`", http.front));
                }
                Via::File | Via::Beats(_) | Via::Http(_) => {}
            }
        }
        if spec.load.group.iter().all(|group| group.expect == Expect::Dropped) {
            return self.refuse("load.group", "every group is to be dropped; one at least must arrive");
        }
        Ok(())
    }

    fn syslog(&self, at: usize, syslog: &Syslog) -> Checked {
        let key = format!("load.group.{at}.via");
        if !(1..=1_024).contains(&syslog.senders) {
            return self.refuse(&key, "give 1 to 1024 senders");
        }
        if syslog.file && (syslog.when_full == WhenFull::Block || syslog.transport != Transport::UnixDgram) {
            let why = "what is written to a file as well goes by datagrams to a Unix socket and never waits for it";
            return self.refuse(&key, why);
        }
        let routes = known(self.spec).routes;
        match &syslog.route {
            Some(route) if !routes.contains(route) => {
                self.refuse(&key, format!("no route is called `{route}`; there are: {}", routes.join(", ")))
            }
            None if syslog.file && routes.len() > 1 => {
                self.refuse(&key, "say with `route` on which of them a record is lost that the socket does not take")
            }
            _ => Ok(()),
        }
    }

    /// Which doublings the end of a process explains can be told from the ends of a way only if no other process
    /// stands on it: see docs/decisions/0008-kills-in-a-chain.md.
    fn chains(&self) -> Checked {
        let spec = self.spec;
        let mut ends = vec![0; ways(spec).len()];
        let mut in_the_middle = false;
        for process in &spec.process {
            let ends_of = |value: &String| names::ends_of(value, &known(spec), &links_to(spec));
            let reached: BTreeSet<usize> = process.env.values().flat_map(ends_of).collect();
            for &way in &reached {
                ends[way] += usize::from(process.count);
            }
            in_the_middle |= reached.is_empty();
        }
        let lenient = |(way, ends): (_, &usize)| {
            let way: &crate::plan::Way = way;
            way.delivery == Delivery::AtLeastOnce && (in_the_middle || *ends > 1)
        };
        let kill = spec.fault.iter().position(|f| matches!(f.what, FaultDo::KillAgent | FaultDo::TerminateAgent));
        match kill {
            Some(at) if ways(spec).iter().zip(&ends).any(lenient) => self.refuse(
                &format!("fault.{at}.do"),
                "with several processes on one way nobody can tell from its ends which copies the end of one of them \
                 explains; promise contract.delivery = \"exactly-once\" (or \"at-most-once\")",
            ),
            _ => Ok(()),
        }
    }

    /// A fault of a link makes agents send again what they have no answer for, and the bench sees neither what they had
    /// sent nor what they wait for. Only a cut right before a sink is like the end of a process: what was in flight is known.
    fn copies_over_a_link(&self, at: usize, fault: &Fault) -> Checked {
        let spec = self.spec;
        let Some(link) = spec.link.iter().find(|link| fault.link.as_ref() == Some(&link.name)) else { return Ok(()) };
        let ends = names::ends_of(&link.to, &known(spec), &[]);
        let is_known = fault.what == FaultDo::CutLink && !ends.is_empty();
        let concerned = |way: usize| ends.is_empty() || ends.contains(&way);
        let mut lenient = ways(spec).into_iter().enumerate().filter(|(_, way)| way.delivery == Delivery::AtLeastOnce);
        if link.wire == Wire::Tcp && !is_known && lenient.any(|(way, _)| concerned(way)) {
            let why = "an agent may send again what this fault holds up, and nobody can tell from the ends which copies that \
                       explains; promise contract.delivery = \"exactly-once\" (or \"at-most-once\")";
            return self.refuse(&format!("fault.{at}.do"), why);
        }
        Ok(())
    }

    /// Whom or what a fault happens to.
    pub(super) fn target(&self, at: usize, fault: &Fault) -> Checked {
        let spec = self.spec;
        let key = |name: &str| format!("fault.{at}.{name}");
        let known = known(spec);
        let chosen = [
            ("process", &fault.process, &known.processes, fault.what.hits_process()),
            ("route", &fault.route, &known.routes, fault.what.hits_sink()),
            ("link", &fault.link, &known.links, fault.what.hits_link()),
        ];
        for (kind, name, all, fits) in chosen {
            let Some(name) = name else { continue };
            if !fits {
                return self.refuse(&key(kind), format!("this fault does not happen to a {kind}; leave it out"));
            }
            if !all.contains(name) {
                let list = if all.iter().all(String::is_empty) { "none".to_owned() } else { all.join(", ") };
                return self.refuse(&key(kind), format!("no {kind} is called `{name}`; there are: {list}"));
            }
        }
        if fault.what.hits_link() && fault.link.is_none() {
            return self.refuse(&key("do"), "say over which link with `link`");
        }
        self.copies_over_a_link(at, fault)?;
        let own_only = matches!(fault.what, FaultDo::StartProcess | FaultDo::Reload { .. });
        if own_only && spec.process.is_empty() {
            return self.refuse(&key("do"), "only a [[process]] can be started later or reloaded");
        }
        if fault.what == FaultDo::StartProcess && (fault.process.is_none() || fault.every.is_some()) {
            return self.refuse(&key("do"), "say which process, and once: it is started and stays");
        }
        let way = ways(spec).into_iter().find(|way| fault.route.as_ref().is_none_or(|route| *route == way.name));
        if fault.what.hits_sink() && way.is_some_and(|way| !way.sink.kind.answers()) {
            let why = "this sink never answers, so it can neither refuse nor delay; use for example kind = \"http\"";
            return self.refuse(&key("do"), why);
        }
        Ok(())
    }

    pub(super) fn no_twins(&self, kind: &str, names: &[String]) -> Checked {
        match names.iter().enumerate().find(|(at, name)| names[..*at].contains(name)) {
            Some((_, twin)) => self.refuse(kind, format!("two are called `{twin}`; give each a name of its own")),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        plan::{Overrides, Plan},
        spec::file::Source,
    };

    const CHAIN: &str = r#"
name = "chain"
question = "Does it?"
[time]
warm_up = "1s"
measure = "5s"
drain = "10s"
[load]
layout = "docker"
[[load.group]]
name = "web"
rate = "1k/s"
node = "forwarder"
[[process]]
name = "forwarder"
config = "forwarder.conf"
env = { LOGS = "{logs}", AGGREGATOR_0_PORT = "{aggregator.port.in}", AGGREGATOR_1_PORT = "2", AGGREGATOR_2_PORT = "3", STATE = "s", HOSTNAME = "h", HTTP_PORT = "1", SHARED_KEY = "k" }
[[process]]
name = "aggregator"
config = "aggregator.conf"
env = { PORT = "{port.in}", ES_HOST = "e", ES_PORT = "{sink.store.port}", STATE = "s", HOSTNAME = "h", HTTP_PORT = "1", SHARED_KEY = "k" }
[[route]]
name = "store"
sink = { kind = "elastic" }
[contract]
delivery = "exactly-once"
"#;

    fn settle(text: &str) -> Result<Plan, String> {
        let source = Source { origin: "x.toml".into(), text: text.to_owned(), folder: None };
        Plan::settle(&source, &Overrides::default()).map_err(|error| error.to_string())
    }

    /// A fault over a link that leads there, where copies would be allowed if anybody could tell which.
    fn over_a_link(what: &str, to: &str) -> String {
        let link = format!(
            "[[link]]\nname = \"west\"\nto = \"{to}\"\n[[fault]]\nlink = \"west\"\nat = \"1s\"\nfor = \"1s\"\n"
        );
        format!("{CHAIN}{link}do = \"{what}\"\n").replace("exactly-once", "at-least-once")
    }

    #[test]
    fn what_a_cut_before_a_sink_had_in_flight_is_known() {
        settle(&over_a_link("cut_link", "{sink.store.port}")).unwrap();
    }

    #[test]
    fn a_process_that_delivers_over_a_link_delivers_itself() {
        let text = over_a_link("cut_link", "{sink.store.port}")
            .replace("ES_PORT = \"{sink.store.port}\"", "ES_PORT = \"{link.west.port}\"");
        assert_eq!(settle(&text).unwrap().instances[1].delivers, [0]);
    }

    #[test]
    fn a_chain_is_settled() {
        let plan = settle(CHAIN).unwrap();
        let names: Vec<&str> = plan.instances.iter().map(|instance| instance.name.as_str()).collect();
        assert_eq!(names, ["forwarder", "aggregator"]);
        assert_eq!((plan.instances[0].delivers.as_slice(), plan.instances[1].delivers.as_slice()), (&[][..], &[0][..]));
        assert!(plan.instances[0].config.files.contains_key("forwarder-upstream.conf"));
        assert!(plan.sink.is_none() && plan.agent.is_none());
    }

    #[test]
    fn every_contradiction_points_at_its_line() {
        let fault = |what: &str| format!("{CHAIN}[[fault]]\nat = \"1s\"\nfor = \"1s\"\n{what}\n");
        for (text, line, why) in [
            (format!("{CHAIN}[sink]\nkind = \"http\"\n"), "[sink]", "every [[route]] has a sink of its own"),
            (format!("{CHAIN}[agent]\nmerge_json = true\n"), "[agent]", "processes have configurations of their own"),
            (CHAIN.replace("{port.in}", "{port}"), "PORT = \"{port}\"", "the bench knows nothing called `{port}`"),
            (CHAIN.replace("{sink.store.port}", "{sink.shop.port}"), "{sink.shop.port}", "no route is called `shop`"),
            (CHAIN.replace("{sink.store.port}", "{sink.store.path}"), "{sink.store.path}", "listens on a port"),
            (CHAIN.replace("aggregator.conf", "agg.conf"), "agg.conf", "there is no such file"),
            (CHAIN.replace("node = \"forwarder\"", "node = \"pod\""), "node", "name the process"),
            (CHAIN.replace("name = \"aggregator\"", "name = \"sink\""), "\"sink\"", "no word that stands"),
            (CHAIN.replace("name = \"aggregator\"", "name = \"forwarder\""), "process", "two are called `forwarder`"),
            (CHAIN.replace("\"elastic\"", "\"syslog-udp\""), "\"syslog-udp\"", "UDP may lose"),
            (fault("do = \"kill_agent\"\nprocess = \"pod\""), "\"pod\"", "no process is called `pod`"),
            (fault("do = \"kill_agent\"\nroute = \"store\""), "route = \"store\"", "does not happen to a route"),
            (fault("do = \"gone\"\nroute = \"shop\""), "route = \"shop\"", "no route is called `shop`"),
            (fault("do = \"start_process\""), "start_process", "say which process"),
            (CHAIN.replace("ES_HOST = \"e\", ", ""), "ES_PORT", "aggregator.conf uses ${ES_HOST}"),
            (fault("do = \"kill_agent\"").replace("exactly-once", "at-least-once"), "kill_agent", "nobody can tell"),
            (over_a_link("hang_link", "{sink.store.port}"), "hang_link", "send again what this fault holds up"),
            (over_a_link("cut_link", "{aggregator.port.in}"), "cut_link", "send again what this fault holds up"),
        ] {
            let error = settle(&text).expect_err(&text);
            let number =
                error.strip_prefix("x.toml:").and_then(|rest| rest.split(':').next()).and_then(|n| n.parse().ok());
            let at: usize = number.unwrap_or_else(|| panic!("no line in {error}"));
            let shown = text.lines().nth(at - 1).unwrap_or_default();
            assert!(shown.contains(line) && error.contains(why), "{error}\nline {at} is {shown}, not {line}");
        }
    }

    #[test]
    fn a_process_that_a_fault_starts_does_not_run_from_the_begin_on() {
        let aggregator = CHAIN.lines().skip_while(|line| *line != "name = \"aggregator\"").skip(1).take(2);
        let more = format!("[[process]]\nname = \"more\"\n{}\n", aggregator.collect::<Vec<_>>().join("\n"));
        let fault = "[[fault]]\ndo = \"start_process\"\nprocess = \"more\"\nat = \"1s\"\nfor = \"1s\"\n";
        let plan = settle(&format!("{CHAIN}{more}{fault}")).unwrap();
        assert_eq!(plan.instances.iter().map(|instance| instance.later).collect::<Vec<_>>(), [false, false, true]);
    }
}
