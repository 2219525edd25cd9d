//! An ELK deployment with the real rsyslog as the store behind its second route: the shipped `elk-syslog.conf`, unchanged.
//!
//! ```text
//! beats ─▶ elk-syslog.conf ─┬─ es ─▶ receiver                                                     route "es"
//!                           └─ syslog udp | tcp ─▶ rsyslog imudp, imtcp ─▶ omfile, a file a host   route "syslog"
//! ```
//! Each route has books of its own. rsyslog is stopped for a while: TCP makes the pipeline wait and keeps every record; of
//! UDP's records those are missing that the kernel says it dropped, no more and no less.

use std::{path::Path, sync::Arc};

use loadgen::{
    beats::{BeatsPlan, BeatsSender},
    clock::RunClock,
    pace::Pace,
    payload::{Body, Size},
    receive::{ElasticPlan, FollowPlan, Follower, Format, HttpPlan, Keys, Protocol, Receiver},
    write::{LoadPlan, StreamPlan},
};
use nix::sys::signal::Signal;
use results::{
    identity::{self, Stamp, StreamId},
    ledger::{Ledger, LedgerPlan, RouteBook},
    outcome::BookTotals,
    route::RouteId,
};

use super::{
    rsyslog::{installed, rsyslog},
    stage::{PATIENCE, port},
};
use crate::support::{
    Running,
    deployment::{Agent, shipped},
    place, until,
};

const ES: RouteId = RouteId(0);
const SYSLOG: RouteId = RouteId(1);
const PODS: [&str; 2] = ["pod-00", "pod-01"];
/// Records a second of both pods together.
const RATE: f64 = 2_000.0;
/// How long rsyslog is stopped at least.
const STOPPED_US: u64 = 800_000;

/// rsyslog that keeps a file for each host, by both protocols; their ports.
fn store(place: &Path) -> (Running, u16, u16) {
    let (udp, tcp) = (port(), port());
    let rules = ["udp", "tcp"].map(|mode| {
        let folder = place.join("kept").join(mode);
        std::fs::create_dir_all(&folder).unwrap();
        format!(
            "template(name=\"{mode}-file\" type=\"string\" string=\"{}/%hostname:::secpath-replace%.log\")\n\
             ruleset(name=\"{mode}\") {{ action(type=\"omfile\" dynaFile=\"{mode}-file\" template=\"kept\") }}\n",
            folder.display()
        )
    });
    let inputs = format!(
        "input(type=\"imudp\" address=\"127.0.0.1\" port=\"{udp}\" ruleset=\"udp\")\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{tcp}\" ruleset=\"tcp\")\n"
    );
    // A tab is to stay a tab.
    let kept = "global(parser.escapeControlCharactersOnReceive=\"off\")\ntemplate(name=\"kept\" type=\"string\" string=\"%hostname% %msg%\\n\")\n";
    (rsyslog(place, &format!("{kept}{}{inputs}", rules.concat()), tcp), udp, tcp)
}

/// What the kernel dropped of the datagrams to a port of loopback.
fn dropped(udp: u16) -> u64 {
    let here = format!("0100007F:{udp:04X}");
    let table = std::fs::read_to_string("/proc/net/udp").unwrap();
    let of = |line: &str| {
        let mut words = line.split_whitespace();
        (words.nth(1) == Some(&here)).then(|| words.last().and_then(|drops| drops.parse().ok()).unwrap())
    };
    table.lines().find_map(of).expect("rsyslog has that port")
}

struct Stood {
    es: BookTotals,
    syslog: BookTotals,
    dropped: u64,
    place: tempfile::TempDir,
}

/// Two pods for two seconds and more, rsyslog stopped in between; then everything that is still under way.
fn stood(mode: &str) -> Stood {
    let place = place();
    let (rsyslog, udp, tcp) = store(place.path());
    let clock = RunClock::start();
    let pod = |name: &&str| StreamPlan {
        body: Body::AppText,
        size: Size::Fixed(200),
        is_sent: true,
        ..StreamPlan::new(name)
    };
    let streams = PODS.iter().map(pod).collect();
    let load = LoadPlan {
        run: 7,
        seed: 7,
        pace: Pace::Steady { per_s: RATE },
        root: place.path().into(),
        streams,
        threads: 1,
    };
    let routes = ["es", "syslog"].map(|name| RouteBook { name: name.to_owned() }).into();
    let streams = PODS.map(str::to_owned).into();
    let ledger = Ledger::create(LedgerPlan { run: 7, streams, routes, ..LedgerPlan::default() }).unwrap();
    let payloads = Some(Arc::new(load.payloads()));
    let keys = Keys { text: "message".to_owned(), ..Keys::default() };
    let protocol = Protocol::Elastic(ElasticPlan::default());
    let es = HttpPlan { protocol, keys: keys.clone(), payloads: payloads.clone(), route: ES, ..HttpPlan::default() };
    let es = Receiver::start(es, Arc::clone(&ledger), clock).unwrap();
    let dir = place.path().join("kept").join(mode);
    let kept = FollowPlan { dir, pattern: "*.log".to_owned(), format: Format::Embedded, keys, payloads, route: SYSLOG };
    let _reads = Follower::start(kept, Arc::clone(&ledger), clock).unwrap();

    let (beats, at) = (port(), es.addr());
    let env = [
        ("HTTP_PORT", port().to_string()),
        ("PORT", beats.to_string()),
        ("ES_HOST", at.ip().to_string()),
        ("ES_PORT", at.port().to_string()),
        ("SYSLOG_HOST", "127.0.0.1".to_owned()),
        ("SYSLOG_PORT", if mode == "udp" { udp } else { tcp }.to_string()),
        ("SYSLOG_MODE", mode.to_owned()),
    ];
    shipped(place.path(), 1);
    let mut agent = Agent::new(place.path().join("elk-syslog.conf"), &env);
    agent.start();
    let sender = |at: usize| {
        let (stream, to) = (StreamId(at as u16), ([127, 0, 0, 1], beats).into());
        let plan = BeatsPlan { stream, name: PODS[at].to_owned(), to, window: 256, compress: true };
        BeatsSender::start(plan, &load, Arc::clone(&ledger), clock).unwrap()
    };
    let senders = [sender(0), sender(1)];
    let totals = |route: RouteId| ledger.route_totals()[usize::from(route.0)];
    until("rsyslog keeps records", PATIENCE, || totals(SYSLOG).delivered > 1_000);
    rsyslog.signal(Signal::SIGSTOP);
    let begun_us = clock.now_us();
    // By UDP until its buffer is full, however long the others take for that.
    let is_full = || mode != "udp" || dropped(udp) > 0;
    until("rsyslog stands", PATIENCE, || clock.now_us() > begun_us + STOPPED_US && is_full());
    rsyslog.signal(Signal::SIGCONT);
    let before = totals(SYSLOG).delivered;
    until("rsyslog goes on", PATIENCE, || totals(SYSLOG).delivered > before + 1_000);
    for sender in senders {
        let report = sender.stop();
        assert_eq!(report.error_count, 0, "{:?}", report.errors);
    }
    let all_there = || {
        let written = totals(ES).written - totals(ES).source_lost;
        totals(ES).delivered >= written && totals(SYSLOG).delivered + dropped(udp) >= written
    };
    until(&format!("all of it arrives: {:?}\n{}", totals(SYSLOG), agent.log()), PATIENCE, all_there);
    agent.kill();
    Stood { es: totals(ES), syslog: totals(SYSLOG), dropped: dropped(udp), place }
}

/// Every line lies in the file of its own pod, under the name of that.
fn each_in_its_file(stood: &Stood, mode: &str) {
    for (at, pod) in PODS.iter().enumerate() {
        let path = stood.place.path().join("kept").join(mode).join(format!("bench_{pod}.log"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.lines().count() > 500, "{}: {} lines", path.display(), text.lines().count());
        for line in text.lines() {
            assert!(line.starts_with(&format!("bench/{pod} ")), "{line}");
            let stamp = identity::find(line.as_bytes()).and_then(|at| Stamp::decode(&line.as_bytes()[at..]).ok());
            assert_eq!(stamp.map(|(stamp, _)| stamp.id.stream), Some(StreamId(at as u16)), "{line}");
        }
    }
}

fn assert_whole(way: &str, books: &BookTotals) {
    let wrong = (books.lost, books.duplicated, books.corrupted, books.unexpected, books.reordered);
    assert_eq!((wrong, books.delivered), ((0, 0, 0, 0, 0), books.expected), "{way}: {books:?}");
}

#[test]
fn rsyslog_behind_the_second_route_keeps_every_record_that_comes_by_tcp_even_if_it_stands_for_a_while() {
    if !installed() {
        return;
    }
    let stood = stood("tcp");
    assert_whole("es", &stood.es);
    assert_whole("syslog", &stood.syslog);
    assert!(stood.syslog.delivered > 2_000, "{:?}", stood.syslog);
    each_in_its_file(&stood, "tcp");
}

#[test]
fn of_the_records_that_go_to_rsyslog_by_udp_those_are_missing_that_the_kernel_dropped() {
    if !installed() {
        return;
    }
    let stood = stood("udp");
    assert_whole("es", &stood.es);
    let books = &stood.syslog;
    println!("by UDP {} of {} were lost, the kernel says it dropped {}", books.lost, books.expected, stood.dropped);
    assert!(stood.dropped > 0, "its buffer held everything that came while it stood");
    assert_eq!(books.lost, stood.dropped, "{books:?}");
    assert_eq!((books.duplicated, books.corrupted, books.unexpected), (0, 0, 0), "{books:?}");
    each_in_its_file(&stood, "udp");
}
