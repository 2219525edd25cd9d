//! What a scenario may not say about its front ends and the groups that ask them.

use loadgen::front::nginx::{MAX_CONNECTIONS, MAX_TEXT};

use super::{Checked, Of, is_name, topology::NAMED};
use crate::spec::{Front, FrontServer, Group, Layout, Via, units::Size};

/// Most worker processes.
const MOST_WORKERS: u16 = 64;
/// nginx counts in milliseconds.
const SHORTEST_FLUSH_US: u64 = 1_000;

impl Of<'_> {
    pub(super) fn fronts(&self) -> Checked {
        let spec = self.spec;
        let mut names = Vec::new();
        for (at, front) in spec.front.iter().enumerate() {
            let key = |name: &str| format!("front.{at}.{name}");
            if !is_name(&front.name) {
                return self.refuse(&key("name"), NAMED);
            }
            names.push(front.name.clone());
            let mut asking = spec.load.group.iter().filter(|group| asks(group, &front.name)).peekable();
            let Some(node) = asking.peek().map(|group| group.node.clone()) else {
                return self.refuse(&key("name"), "nobody asks it; write via = { http = { front = … } } into a group");
            };
            if asking.any(|group| group.node != node) {
                return self.refuse(&key("name"), "its log lies on one node; give all its groups the same one");
            }
            if spec.load.group.iter().any(|group| group.name == front.name && group.via == Via::File) {
                return self.refuse(&key("name"), "a group of that name writes files; give the front end another one");
            }
            if front.syslog.is_some() && spec.process.is_empty() {
                return self
                    .refuse(&key("syslog"), "the agent that the bench configures only tails; write a [[process]]");
            }
            if front.buffer.is_some() && front.syslog.is_some() {
                return self.refuse(&key("buffer"), "a datagram holds one line; leave the buffer out");
            }
            if front.buffer.is_some_and(|buffer| !(256..=64 << 20).contains(&buffer.0)) {
                return self.refuse(&key("buffer"), "give 256 B to 64 MiB");
            }
            match front.server {
                FrontServer::Nginx => self.nginx(front, &key)?,
                FrontServer::Embedded if front.workers.is_some() => {
                    return self.refuse(&key("workers"), "the bench has none; leave it out, or set server = \"nginx\"");
                }
                FrontServer::Embedded => {}
            }
        }
        self.no_twins("front", &names)
    }
}

impl Of<'_> {
    fn nginx(&self, front: &Front, key: &dyn Fn(&str) -> String) -> Checked {
        let spec = self.spec;
        if front.syslog.is_none() && spec.load.layout != Layout::Plain {
            let why = "nginx writes bare lines into its log; set load.layout = \"plain\", or send them to a socket with `syslog`";
            return self.refuse(&key("server"), why);
        }
        if front.buffer.is_some() && front.flush.0 < SHORTEST_FLUSH_US {
            return self.refuse(&key("flush"), "nginx counts in milliseconds; give at least \"1ms\"");
        }
        if front.workers.is_some_and(|workers| !(1..=MOST_WORKERS).contains(&workers)) {
            return self.refuse(&key("workers"), format!("give 1 to {MOST_WORKERS}"));
        }
        let asking = || spec.load.group.iter().enumerate().filter(|(_, group)| asks(group, &front.name));
        let connections: usize = asking().map(|(_, group)| usize::from(group.streams)).sum();
        if connections > MAX_CONNECTIONS {
            let why = format!("{connections} streams ask it, each on a connection; nginx keeps {MAX_CONNECTIONS} here");
            return self.refuse(&key("server"), why);
        }
        let longest = |group: &Group| group.long.map_or(group.size.0, |long| long.size.0);
        match asking().find(|(_, group)| longest(group) > MAX_TEXT) {
            Some((at, _)) => self.refuse(
                &format!("load.group.{at}.size"),
                format!("nginx takes requests of {} at most here; ask for less", Size(MAX_TEXT)),
            ),
            None => Ok(()),
        }
    }
}

fn asks(group: &Group, front: &str) -> bool {
    matches!(&group.via, Via::Http(http) if http.front == front)
}

#[cfg(test)]
mod tests {
    use results::identity::StreamId;

    use crate::{
        plan::{Overrides, Plan},
        spec::file::Source,
    };

    const FRONT: &str = r#"
name = "front"
question = "Does it?"
[time]
warm_up = "1s"
measure = "5s"
drain = "10s"
[load]
layout = "plain"
[[load.group]]
name = "files"
rate = "1k/s"
[[load.group]]
name = "shop"
streams = 2
rate = "1k/s"
via = { http = { front = "access" } }
[[load.group]]
name = "probe"
rate = "10/s"
via = { http = { front = "access", asks = "healthcheck" } }
expect = "dropped"
[[front]]
name = "access"
buffer = "64 KiB"
[rotate]
by = "kubelet"
"#;

    fn settle(text: &str) -> Result<Plan, String> {
        let source = Source { origin: "x.toml".into(), text: text.to_owned(), folder: None };
        Plan::settle(&source, &Overrides::default()).map_err(|error| error.to_string())
    }

    #[test]
    fn requests_to_one_front_end_share_a_log_that_is_rotated_once() {
        let plan = settle(FRONT).unwrap();
        assert_eq!(plan.asking("access").collect::<Vec<_>>(), [1, 2, 3].map(StreamId));
        assert_eq!(plan.rotate.expect("it is rotated").streams, [0, 1].map(StreamId));
        let named = FRONT.replace("by = \"kubelet\"", "by = \"kubelet\"\ngroups = [\"probe\"]");
        assert_eq!(settle(&named).unwrap().rotate.expect("it is rotated").streams, [StreamId(1)]);
    }

    #[test]
    fn every_contradiction_points_at_its_key() {
        for (from, to, why) in [
            ("front = \"access\" }", "front = \"accesss\" }", "no [[front]] is called `accesss`"),
            ("name = \"access\"\nb", "name = \"other\"\nb", "nobody asks it"),
            ("name = \"access\"\nb", "name = \"a b\"\nb", "lower-case letters"),
            ("name = \"files\"", "name = \"access\"", "a group of that name writes files"),
            ("64 KiB\"", "64 KiB\"\nsyslog = \"/s\"", "only tails"),
            (
                "[rotate]",
                "syslog = \"/s\"\n[[process]]\nname = \"a\"\nconfig = \"sidecar-fluentd.conf\"\n[rotate]",
                "a datagram holds one line",
            ),
            ("64 KiB", "1 B", "give 256 B to 64 MiB"),
            ("64 KiB\"", "64 KiB\"\nworkers = 2", "the bench has none"),
            ("64 KiB\"", "64 KiB\"\nserver = \"apache\"", "unknown variant `apache`"),
            ("64 KiB\"", "64 KiB\"\nflush = \"0ms\"\nserver = \"nginx\"", "give at least \"1ms\""),
            ("64 KiB\"", "64 KiB\"\nworkers = 0\nserver = \"nginx\"", "give 1 to 64"),
        ] {
            let text = FRONT.replacen(from, to, 1);
            assert_ne!(text, FRONT);
            let error = settle(&text).expect_err(&text);
            assert!(error.starts_with("x.toml:") && error.contains(why), "{error}\nnot: {why}");
        }
    }

    #[test]
    fn what_nginx_cannot_do_is_refused_where_it_is_asked_for() {
        let nginx = FRONT.replacen("buffer", "server = \"nginx\"\nbuffer", 1);
        settle(&nginx).unwrap();
        for (from, to, line, why) in [
            ("\"plain\"", "\"kubelet\"", 25, "front.0.server: nginx writes bare lines into its log"),
            ("streams = 2", "streams = 4001", 25, "nginx keeps 4000 here"),
            (
                "rate = \"10/s\"",
                "rate = \"10/s\"\nsize = \"40 KiB\"",
                21,
                "load.group.2.size: nginx takes requests of 32 KiB",
            ),
        ] {
            let text = nginx.replacen(from, to, 1);
            assert_ne!(text, nginx);
            let error = settle(&text).expect_err(&text);
            assert!(
                error.starts_with(&format!("x.toml:{line}: ")) && error.contains(why),
                "{error}\nnot: {line} {why}"
            );
        }
    }
}
