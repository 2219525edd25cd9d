//! What a scenario may not say about its front ends and the groups that ask them.

use super::{Checked, Of, is_name, topology::NAMED};
use crate::spec::{Group, Via};

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
            if front.buffer.is_some() && front.syslog.is_some() {
                return self.refuse(&key("buffer"), "a datagram holds one line; leave the buffer out");
            }
            if front.buffer.is_some_and(|buffer| !(256..=64 << 20).contains(&buffer.0)) {
                return self.refuse(&key("buffer"), "give 256 B to 64 MiB");
            }
        }
        self.no_twins("front", &names)
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
            ("64 KiB\"", "64 KiB\"\nsyslog = \"/s\"", "a datagram holds one line"),
            ("64 KiB", "1 B", "give 256 B to 64 MiB"),
        ] {
            let text = FRONT.replacen(from, to, 1);
            assert_ne!(text, FRONT);
            let error = settle(&text).expect_err(&text);
            assert!(error.starts_with("x.toml:") && error.contains(why), "{error}\nnot: {why}");
        }
    }
}
