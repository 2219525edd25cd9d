//! Several routes, streams that must be dropped, and losses at the source: what is held against whom.

use std::{path::PathBuf, sync::Arc};

use proptest::prelude::*;
use results::{
    books::Books,
    contract::{Contract, Delivery, RouteContract, SourceLossRule},
    event::{AgentEvent, Dropped, Event, ProcessSample, RouteInfo, Sample, StreamSample, Topology, What},
    identity::{self, RecordId, STAMP_LEN, Stamp, StreamId},
    judge::{Trial, judge},
    ledger::{Ledger, LedgerError, LedgerPlan, RouteBook, Seen},
    outcome::{Latency, Outcome, Rates, Resources, Verdict},
    route::RouteId,
    stall::StallDetector,
};

const WEB: StreamId = StreamId(0);
const HEALTH: StreamId = StreamId(1);
const STORE: RouteId = RouteId(0);
const SYSLOG: RouteId = RouteId(1);
const RECORDS: u64 = 100;

/// A ledger of two streams with 100 records each; the second is to be dropped if `dropped` says so.
fn ledger(routes: &[&str], dropped: &[StreamId], books: Option<PathBuf>) -> Arc<Ledger> {
    let routes = routes.iter().map(|name| RouteBook { name: (*name).to_owned() }).collect();
    let streams = vec!["web".to_owned(), "health".to_owned()];
    let plan = LedgerPlan { run: 7, streams, books, settle_us: 1000, routes, dropped: dropped.to_vec() };
    let ledger = Ledger::create(plan).expect("a folder to write in");
    write(&ledger, WEB);
    ledger
}

fn write(ledger: &Ledger, stream: StreamId) {
    ledger.reserve(stream, RECORDS).expect("a folder to write in");
    ledger.sent(stream, RECORDS);
    ledger.written(stream, RECORDS, RECORDS * 100);
}

/// Records of a stream arrive on a route, and are answered at `now_us`.
fn deliver(ledger: &Arc<Ledger>, route: RouteId, stream: StreamId, seqs: impl IntoIterator<Item = u64>, now_us: u64) {
    let mut intake = ledger.intake_on(route);
    intake.begin(now_us);
    for seq in seqs {
        let stamp = Stamp { run: 7, id: RecordId { stream, seq }, due_us: 0, text_len: STAMP_LEN as u32, at: 0 };
        let mut text = [0; STAMP_LEN];
        stamp.encode(&mut text);
        identity::seal(&mut text, 0);
        intake.record(&text, Seen::default());
    }
    let batch = intake.end();
    ledger.answered(batch, now_us);
}

fn started() -> Vec<Event> {
    vec![Event { t_us: 0, what: What::Agent(AgentEvent::Started { pid: 1, process: String::new() }) }]
}

fn judged(books: &Books, contract: Contract, events: &[Event]) -> Outcome {
    judge(&Trial {
        scenario: "s".to_owned(),
        agent: "a".to_owned(),
        defect: None,
        seed: 1,
        contract,
        books,
        events,
        latency: Latency::default(),
        route_latency: vec![Latency { p99: 5.0, ..Latency::default() }, Latency { p99: 80.0, ..Latency::default() }],
        rates: Rates::default(),
        resources: Resources::default(),
        broken_off: false,
        unknown_because: Vec::new(),
        repeat: String::new(),
        run: String::new(),
    })
}

/// The syslog route may lose, the store must not.
fn udp_may_lose() -> Contract {
    let syslog = RouteContract {
        name: "syslog".to_owned(),
        delivery: Delivery::AtMostOnce,
        ordered: false,
        source_loss: SourceLossRule::Counted,
    };
    Contract { routes: vec![syslog], ..Contract::default() }
}

fn counted() -> Contract {
    Contract { source_loss: SourceLossRule::Counted, ..Contract::default() }
}

fn said(outcome: &Outcome, what: &str) -> bool {
    outcome.findings.iter().chain(&outcome.unknown_because).any(|line| line.contains(what))
}

#[test]
fn a_record_is_due_on_every_route_and_written_once() {
    let ledger = ledger(&["store", "syslog"], &[], None);
    deliver(&ledger, STORE, WEB, 0..100, 10);
    deliver(&ledger, SYSLOG, WEB, 0..90, 10);
    let totals = ledger.totals();
    assert_eq!((totals.written, totals.expected, totals.delivered, totals.lost), (100, 200, 190, 10));
    assert_eq!(ledger.written_bytes(), 10_000);
    let names = ["web → store", "health → store", "web → syslog", "health → syslog"];
    let books = ledger.close().unwrap();
    assert_eq!(books.names(), names);
    let outcome = judged(&books, Contract::default(), &started());
    assert_eq!(outcome.verdict, Verdict::Fail);
    assert_eq!(outcome.findings[0], "10 of 100 records were lost on syslog: web 10");
    assert!(outcome.causes.iter().all(|cause| cause.stream == "web → syslog"), "{:?}", outcome.causes);
    let [store, syslog] = &outcome.routes[..] else { panic!("{:?}", outcome.routes) };
    assert_eq!((store.books.lost, syslog.books.lost, syslog.books.written), (0, 10, 100));
    assert!((syslog.latency_ms.p99 - 80.0).abs() < 1e-9);
}

#[test]
fn a_route_that_may_lose_is_told_with_its_share_and_fails_nobody() {
    let ledger = ledger(&["store", "syslog"], &[], None);
    deliver(&ledger, STORE, WEB, 0..100, 10);
    deliver(&ledger, SYSLOG, WEB, 0..90, 10);
    let books = ledger.close().unwrap();
    let outcome = judged(&books, udp_may_lose(), &started());
    assert_eq!(outcome.verdict, Verdict::Pass, "{:?}", outcome.findings);
    assert!(said(&outcome, "10 of 100 records (10.000 %) were lost on syslog, which at-most-once allows"));
    assert_eq!(outcome.routes[1].delivery, Delivery::AtMostOnce);
}

#[test]
fn datagrams_that_the_kernel_dropped_explain_what_is_missing_of_their_route_if_they_are_enough() {
    let cause = |route: &str, datagrams| {
        let ledger = ledger(&["store", "syslog"], &[], None);
        deliver(&ledger, STORE, WEB, 0..100, 10);
        deliver(&ledger, SYSLOG, WEB, 0..90, 10);
        let mut events = started();
        events.push(Event {
            t_us: 9,
            what: What::Dropped(Dropped { route: route.to_owned(), datagrams, link: String::new() }),
        });
        let outcome = judged(&ledger.close().unwrap(), udp_may_lose(), &events);
        let [cause] = &outcome.causes[..] else { panic!("{:?}", outcome.causes) };
        (cause.cause.clone(), cause.count, cause.stream.clone())
    };
    let all = |name: &str| (name.to_owned(), 10, "web → syslog".to_owned());
    assert_eq!(cause("syslog", 10), all("datagrams-dropped"));
    assert_eq!(cause("syslog", 9), all("unexplained"), "one record more is missing than was dropped");
    assert_eq!(cause("store", 10), all("unexplained"), "they were dropped elsewhere");
}

#[test]
fn a_route_may_lose_and_not_double() {
    let ledger = ledger(&["store", "syslog"], &[], None);
    for route in [STORE, SYSLOG, SYSLOG] {
        deliver(&ledger, route, WEB, 0..100, 10);
    }
    let outcome = judged(&ledger.close().unwrap(), udp_may_lose(), &started());
    assert_eq!(outcome.findings[0], "100 surplus copies arrived on syslog that the contract does not allow: web 100");
}

#[test]
fn a_route_on_which_nothing_arrived_proves_nothing_even_if_it_may_lose() {
    let ledger = ledger(&["store", "syslog"], &[], None);
    deliver(&ledger, STORE, WEB, 0..100, 10);
    let outcome = judged(&ledger.close().unwrap(), udp_may_lose(), &started());
    assert_eq!(outcome.verdict, Verdict::Unknown);
    assert!(said(&outcome, "nothing arrived on syslog at all"), "{:?}", outcome.unknown_because);
}

#[test]
fn what_was_in_flight_may_be_doubled_on_the_routes_of_the_process_that_went_down_and_on_no_other() {
    let ledger = ledger(&["store", "syslog"], &[], None);
    for route in [STORE, SYSLOG] {
        deliver(&ledger, route, WEB, 0..10, 100);
    }
    ledger.agent_down_on(&[SYSLOG], 200, 0);
    for route in [STORE, SYSLOG] {
        deliver(&ledger, route, WEB, 0..10, 300);
    }
    let [store, syslog] = ledger.route_totals()[..] else { panic!("two routes") };
    assert_eq!((store.duplicated, store.duplicated_allowed), (10, 0));
    assert_eq!((syslog.duplicated, syslog.duplicated_allowed), (10, 10));
}

#[test]
fn nothing_of_a_stream_to_drop_may_arrive_and_all_of_it_that_stays_away_proves_that_it_is_dropped() {
    let ledger = ledger(&[], &[HEALTH], None);
    write(&ledger, HEALTH);
    deliver(&ledger, STORE, WEB, 0..100, 10);
    let totals = ledger.totals();
    assert_eq!((totals.written, totals.to_drop, totals.expected, totals.lost), (200, 100, 100, 0));
    // It cannot stall, and what is delivered is compared with what is due.
    assert_eq!(ledger.streams(), [StreamSample(100, 100), StreamSample(0, 0)]);
    let mut stalls = StallDetector::new(1);
    for t_us in [0, 1_000_000, 9_000_000] {
        assert_eq!(stalls.observe(t_us, &ledger.streams(), |_| true), []);
    }
    let samples = ledger.route_samples(&ledger.take_latencies());
    assert_eq!((samples.len(), samples[0].due, samples[0].delivered), (1, 100, 100));
    let outcome = judged(&ledger.close().unwrap(), Contract::default(), &started());
    assert_eq!(outcome.verdict, Verdict::Pass, "{:?}", outcome.findings);
    assert!(said(&outcome, "100 records were written that must be dropped, and none of them arrived"));
}

#[test]
fn a_record_that_was_to_be_dropped_and_arrived_is_named() {
    let ledger = ledger(&[], &[HEALTH], None);
    write(&ledger, HEALTH);
    deliver(&ledger, STORE, WEB, 0..100, 10);
    deliver(&ledger, STORE, HEALTH, [7, 9, 9], 99_000_000);
    let totals = ledger.totals();
    assert_eq!((totals.unexpected, totals.delivered, totals.duplicated, totals.lost), (3, 100, 0, 0));
    assert_eq!(ledger.take_latency().count, 100, "how late it came is of no interest");
    let outcome = judged(&ledger.close().unwrap(), Contract::default(), &started());
    assert_eq!(outcome.verdict, Verdict::Fail);
    assert_eq!(outcome.findings[0], "3 records arrived that were to be dropped: health 7, 9");
}

#[test]
fn a_stream_to_drop_that_was_never_written_proves_nothing() {
    let ledger = ledger(&[], &[HEALTH], None);
    deliver(&ledger, STORE, WEB, 0..100, 10);
    let outcome = judged(&ledger.close().unwrap(), Contract::default(), &started());
    assert_eq!(outcome.verdict, Verdict::Unknown);
    assert!(said(&outcome, "nothing of health was written, which is to be dropped"), "{:?}", outcome.unknown_because);
}

#[test]
fn a_loss_at_the_source_is_held_against_the_run_unless_the_scenario_counts_it() {
    let run = |contract| {
        let ledger = ledger(&["tail", "syslog"], &[], None);
        deliver(&ledger, STORE, WEB, 0..100, 10);
        deliver(&ledger, SYSLOG, WEB, 0..60, 10);
        ledger.source_lost_on(SYSLOG, WEB, 60..100, "EAGAIN: the queue of the socket was full");
        judged(&ledger.close().unwrap(), contract, &started())
    };
    let forbidden = run(Contract::default());
    assert_eq!((forbidden.verdict, forbidden.books.lost), (Verdict::Unknown, 0));
    assert!(said(
        &forbidden,
        "40 records were lost at the source on syslog before any agent could read them: 40 EAGAIN"
    ));
    let counted = run(counted());
    assert_eq!(counted.verdict, Verdict::Pass, "{:?}", counted.unknown_because);
    assert!(said(&counted, "40 records were lost at the source on syslog and are not the agent's fault"));
    let [loss] = &counted.source_losses[..] else { panic!("{:?}", counted.source_losses) };
    assert_eq!((loss.route.as_str(), loss.count, loss.by_name), ("syslog", 40, true));
    assert_eq!((counted.routes[0].books.source_lost, counted.routes[1].books.source_lost), (0, 40));
}

#[test]
fn a_run_whose_source_lost_everything_is_no_pass() {
    let ledger = ledger(&[], &[], None);
    ledger.source_lost(WEB, 0..100, "nobody listened");
    let outcome = judged(&ledger.close().unwrap(), counted(), &started());
    assert_eq!(outcome.verdict, Verdict::Unknown, "{:?}", outcome.findings);
    assert!(said(&outcome, "nothing was left for the agent to deliver"));
}

/// A run in which so many are missing, and the source says that it lost `count`, give or take `slack`.
fn by_number(missing: u64, count: u64, slack: u64) -> Outcome {
    let ledger = ledger(&[], &[], None);
    deliver(&ledger, STORE, WEB, missing..100, 10);
    ledger.source_lost_count(STORE, count, slack, "drops of the socket");
    judged(&ledger.close().expect("books in memory"), counted(), &started())
}

proptest! {
    #[test]
    fn missing_records_are_put_down_to_the_source_up_to_its_number_and_never_more(
        missing in 0u64..100, count in 0u64..60, slack in 0u64..10,
    ) {
        let outcome = by_number(missing, count, slack);
        let most = count + slack;
        let books = outcome.books;
        prop_assert_eq!(books.lost, missing.saturating_sub(most));
        prop_assert_eq!(books.source_lost, missing.min(most));
        prop_assert_eq!(books.expected, books.delivered + books.lost);
        let expected = if missing > most {
            Verdict::Fail
        } else if missing < count.saturating_sub(slack) {
            // The counter says that more is missing than is: it is not to be trusted.
            Verdict::Unknown
        } else {
            Verdict::Pass
        };
        prop_assert_eq!(outcome.verdict, expected, "{:?} {:?}", outcome.findings, outcome.unknown_because);
    }

    #[test]
    fn no_route_makes_up_for_another(
        on_store in prop::collection::btree_set(0u64..100, 0..100),
        on_syslog in prop::collection::btree_set(0u64..100, 0..100),
        lost_on_syslog in prop::collection::btree_set(0u64..100, 0..30),
    ) {
        let ledger = ledger(&["store", "syslog"], &[], None);
        deliver(&ledger, STORE, WEB, on_store.iter().copied(), 10);
        deliver(&ledger, SYSLOG, WEB, on_syslog.iter().copied(), 10);
        for &seq in &lost_on_syslog {
            ledger.source_lost_on(SYSLOG, WEB, seq..seq + 1, "full");
        }
        let [store, syslog] = ledger.route_totals()[..] else { panic!("two routes") };
        prop_assert_eq!(store.lost, 100 - on_store.len() as u64);
        prop_assert_eq!(store.source_lost, 0);
        let missing = (0..100).filter(|seq| !on_syslog.contains(seq) && !lost_on_syslog.contains(seq)).count();
        prop_assert_eq!(syslog.lost, missing as u64);
        prop_assert_eq!(syslog.source_lost, lost_on_syslog.difference(&on_syslog).count() as u64);
        prop_assert_eq!(ledger.totals().lost, store.lost + syslog.lost);
    }
}

#[test]
fn books_of_several_routes_survive_a_kill_and_a_close() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let path = folder.path().join("books.bin");
    let ledger = ledger(&["store", "syslog"], &[HEALTH], Some(path.clone()));
    write(&ledger, HEALTH);
    deliver(&ledger, SYSLOG, WEB, 3..50, 10);
    deliver(&ledger, STORE, HEALTH, [5], 10);
    ledger.source_lost_count(SYSLOG, 4, 1, "drops of the socket");
    ledger.flush().unwrap();
    let killed = Books::load(&path).unwrap();
    assert!(!killed.complete());
    assert_eq!((killed.totals(), killed.names()), (ledger.totals(), ledger.snapshot().names()));
    let closed = ledger.close().unwrap();
    assert_eq!(Books::load(&path).unwrap(), closed);
    assert_eq!(
        (closed.routes().names(), closed.to_drop()),
        (&["store", "syslog"].map(str::to_owned)[..], vec![HEALTH])
    );
    assert_eq!(closed.source_band(SYSLOG), (3, 5));
}

#[test]
fn what_does_not_fit_is_refused() {
    let plan = |streams: usize, routes: usize, dropped: u16| LedgerPlan {
        streams: vec!["s".to_owned(); streams],
        routes: vec![RouteBook { name: "r".to_owned() }; routes],
        dropped: vec![StreamId(dropped)],
        ..LedgerPlan::default()
    };
    assert!(matches!(Ledger::create(plan(40_000, 2, 0)), Err(LedgerError::TooManyStreams(80_000))));
    assert!(matches!(Ledger::create(plan(1, 257, 0)), Err(LedgerError::TooManyRoutes(257))));
    assert!(matches!(Ledger::create(plan(2, 1, 2)), Err(LedgerError::NoStream(2, 2))));
    assert!(Ledger::create(plan(32_768, 2, 7)).is_ok());
}

#[test]
fn what_each_process_used_and_went_through_is_told() {
    let at = |t_us, what| Event { t_us, what };
    let agent = |event| What::Agent(event);
    let used = |cpu_us, rss_bytes| {
        let name = "aggregator-0".to_owned();
        let process = ProcessSample { name, cpu_us, rss_bytes, throttled_us: 500_000, ..ProcessSample::default() };
        What::Sample(Sample { processes: vec![process], ..Sample::default() })
    };
    let process = || "aggregator-0".to_owned();
    let route = |name: &str, of: &[&str]| RouteInfo {
        name: name.to_owned(),
        processes: of.iter().map(|name| (*name).to_owned()).collect(),
    };
    let events = [
        at(
            0,
            What::Topology(Topology {
                routes: vec![route("store", &["aggregator-0"]), route("syslog", &[])],
                dropped: Vec::new(),
                processes: vec!["forwarder".to_owned(), process()],
                ..Topology::default()
            }),
        ),
        at(1, agent(AgentEvent::Started { pid: 4, process: process() })),
        at(1, agent(AgentEvent::Limited { process: process(), how: "150m CPU by cgroup v2".to_owned() })),
        at(2, used(1_000_000, 30)),
        at(3, agent(AgentEvent::OomKilled { pid: 4, process: process(), how: "oom_kill rose to 1".to_owned() })),
        at(3, agent(AgentEvent::Ended { pid: 4, how: "signal 9".to_owned(), asked: false, process: process() })),
        at(4, agent(AgentEvent::Started { pid: 5, process: process() })),
        at(5, used(1_500_000, 20)),
    ];
    let ledger = ledger(&["store", "syslog"], &[], None);
    deliver(&ledger, STORE, WEB, 0..100, 10);
    deliver(&ledger, SYSLOG, WEB, 0..100, 10);
    let outcome = judged(&ledger.close().unwrap(), Contract::default(), &events);
    let [forwarder, aggregator] = &outcome.processes[..] else { panic!("{:?}", outcome.processes) };
    assert_eq!((forwarder.name.as_str(), forwarder.starts), ("forwarder", 0));
    assert_eq!((aggregator.starts, aggregator.deaths, aggregator.oom_kills), (2, 1, 1));
    assert_eq!((aggregator.cpu_s, aggregator.rss_max_bytes, aggregator.throttled_s), (1.5, 30, 0.5));
    assert_eq!(aggregator.limits, "150m CPU by cgroup v2");
    assert_eq!(outcome.routes[0].processes, ["aggregator-0"]);
    assert_eq!(outcome.verdict, Verdict::Fail);
    assert!(said(&outcome, "aggregator-0 ended by itself at 0.000 s (signal 9): out of memory, oom_kill rose to 1"));
}
