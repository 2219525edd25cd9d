//! SIGKILL over and over, on the forwarder and on the aggregator of a deployment whose configurations are the shipped
//! ones: no record is lost, and none comes twice.
//!
//! ```text
//! files ─▶ forwarder ─▶ aggregator (Dedup_File, buffer on disk) ─▶ store
//!            ✗ ✗ ✗          ✗ ✗ ✗
//! ```
//! While the forwarder is killed the store is a plain HTTP server, which would show each copy; while the aggregator is
//! killed it is Elasticsearch, since an answer that a killed aggregator did not hear can be told apart only by ids.

use std::{fs, path::Path};

use loadgen::{
    frame::Framing,
    receive::{ElasticPlan, Protocol},
};

use crate::support::{
    deployment::{Agent, Ends, shipped},
    free_port, place, short_or_long,
};

/// Records a second.
const RATE: f64 = 2_000.0;
/// A process lives at least so long, ms, and up to twice as long.
const LIFE_MS: u64 = 130;

struct Deployment {
    forwarder: Agent,
    aggregator: Agent,
    ends: Ends,
}

impl Deployment {
    fn start(root: &Path, protocol: Protocol) -> Self {
        let port = free_port();
        shipped(root, port);
        let elastic = matches!(protocol, Protocol::Elastic(_));
        let ends = Ends::start(root, Framing::Docker, protocol, RATE);
        let sink = ends.sink.addr().port();
        if !elastic {
            let config = root.join("aggregator.conf");
            let text = fs::read_to_string(&config).unwrap();
            let (head, _) = text.split_once("[OUTPUT]").unwrap();
            fs::write(config, format!("{head}[OUTPUT]\nName http\nMatch *\nPort {sink}\n")).unwrap();
        }
        let agent = |name: &str, more: &[(&str, String)]| {
            let state = root.join(format!("state-{name}"));
            fs::create_dir(&state).unwrap();
            let mut env = vec![
                ("STATE", state.display().to_string()),
                ("LOGS", root.join("var/log/containers").display().to_string()),
                ("SHARED_KEY", "secret".to_owned()),
                ("HOSTNAME", name.to_owned()),
                ("HTTP_PORT", free_port().to_string()),
            ];
            env.extend_from_slice(more);
            let mut agent = Agent::new(root.join(format!("{name}.conf")), &env);
            agent.start();
            agent
        };
        let es = [("PORT", port.to_string()), ("ES_HOST", "127.0.0.1".to_owned()), ("ES_PORT", sink.to_string())];
        let aggregator = agent("aggregator", &es);
        Self { forwarder: agent("forwarder", &[]), aggregator, ends }
    }
}

/// Kills one of the two again and again, each time after it has got something done.
fn storm(kills: u64, protocol: Protocol, of_aggregator: bool) {
    let place = place();
    let Deployment { mut forwarder, mut aggregator, ends } = Deployment::start(place.path(), protocol);
    for kill in 0..kills {
        let before = ends.delivered();
        ends.rest(LIFE_MS + kill * 37 % LIFE_MS);
        ends.goes_on(&format!("after {kill} kills it goes on"), before, &[&forwarder, &aggregator]);
        let victim = if of_aggregator { &mut aggregator } else { &mut forwarder };
        victim.kill();
        victim.start();
    }
    let clock = ends.clock;
    let totals = ends.settle(&[&forwarder, &aggregator]);
    assert!(totals.written > kills * 100, "{totals:?}");
    assert_eq!((totals.lost, totals.duplicated, totals.corrupted, totals.unexpected), (0, 0, 0, 0), "{totals:?}");
    assert_eq!(totals.delivered, totals.written, "{totals:?}");
    println!("{kills} kills, {totals:?}, {:.1} s", clock.now_us() as f64 / 1e6);
}

#[test]
fn a_forwarder_that_is_killed_over_and_over_loses_nothing_and_its_aggregator_takes_nothing_twice() {
    storm(short_or_long("kills of the forwarder", 20, 200), Protocol::Records, false);
}

#[test]
fn an_aggregator_that_is_killed_over_and_over_loses_nothing_and_stores_nothing_twice() {
    storm(short_or_long("kills of the aggregator", 20, 200), Protocol::Elastic(ElasticPlan::default()), true);
}
