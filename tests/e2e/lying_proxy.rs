//! The judge is judged over the wire: between a real agent and the sink stands a proxy that lies about k records of
//! every class at once, and knows which. The books must name class, count and exactly those records.
//!
//! ```text
//! writers ─▶ files ─▶ tailproof pipeline ─▶ proxy (lies) ─▶ receiver ─▶ ledger ─▶ judge
//! ```

mod liar;
mod proxy;

use std::{collections::BTreeSet, ops::Range, path::Path, process::Command, sync::Arc};

use ::scenarios::{
    agents::{Agent, SinkAt, Wiring},
    spec::{Layout, units::Span},
};
use loadgen::{
    clock::RunClock,
    pace::Pace,
    receive::{Format, HttpPlan, HttpReceiver},
    write::{LoadPlan, Rate, StreamPlan, Writers},
};
use results::{
    books::{Books, StreamBook},
    contract::{Contract, Delivery},
    event::{AgentEvent, Event, What},
    identity::StreamId,
    judge::{Trial, judge},
    ledger::{Ledger, LedgerPlan},
    outcome::{Latency, Outcome, Rates, Resources, Verdict},
    stall::StallDetector,
};

use self::{
    liar::{HORIZON, Liar, Lie, Plan, plans},
    proxy::Proxy,
};
use crate::support::{Running, live, place, program, short_or_long, start_command};

/// A stream that stands so long has stalled, microseconds.
const STALL: u64 = 2_000_000;
/// Length of the load, microseconds: a stall must show within it.
const LOAD: u64 = 4_000_000;
/// Records a second and stream.
const RATE: f64 = 250.0;

#[test]
fn lies_about_k_records_of_every_class_are_named_one_by_one_for_k_from_0_to_5() {
    let _live = live();
    let seeds = short_or_long("rounds of lies", 1, 4);
    for seed in 1..=seeds {
        for k in 0..=5 {
            let plans = plans(k, seed * 10 + k as u64);
            let (books, outcome) = perform(&plans);
            hold(&plans, &books, &outcome, k);
            println!("seed {seed}, k = {k}: {:?}", outcome.books);
        }
    }
}

/// Which records of a stream are named under which class.
#[derive(Debug, Default, PartialEq, Eq)]
struct Named {
    lost: BTreeSet<u64>,
    doubled: BTreeSet<u64>,
    reordered: BTreeSet<u64>,
    damaged: BTreeSet<u64>,
    mislabelled: BTreeSet<u64>,
}

fn named(book: &StreamBook) -> Named {
    let each = |ranges: Vec<Range<u64>>| ranges.into_iter().flatten().collect();
    Named {
        lost: each(book.lost().collect()),
        doubled: each(book.surplus().iter().map(|(range, _)| range).collect()),
        reordered: each(book.reordered().seqs.iter().collect()),
        damaged: each(book.damaged().iter().map(|(range, _)| range).collect()),
        mislabelled: each(book.misattributed().seqs.iter().collect()),
    }
}

fn expected(plan: &Plan, written: u64) -> Named {
    let victims = plan.victims.clone();
    match plan.lie {
        Lie::Drop => Named { lost: victims, ..Named::default() },
        Lie::Double | Lie::Resurrect => Named { doubled: victims, ..Named::default() },
        Lie::Swap | Lie::Delay => Named { reordered: victims, ..Named::default() },
        Lie::Flip => Named { damaged: victims, ..Named::default() },
        Lie::Relabel => Named { mislabelled: victims, ..Named::default() },
        Lie::Invent => Named::default(),
        Lie::Stall => {
            let from = victims.first().copied().unwrap_or(written);
            Named { lost: (from..written).collect(), ..Named::default() }
        }
    }
}

fn hold(plans: &[Plan], books: &Books, outcome: &Outcome, k: usize) {
    let mut stalled = 0;
    for (plan, book) in plans.iter().zip(books.streams()) {
        let written = book.marks().written;
        assert!(written > 2 * HORIZON, "{}: only {written} records were written", plan.name);
        assert_eq!(named(book), expected(plan, written), "k = {k}, stream {}", plan.name);
        if plan.lie == Lie::Stall {
            stalled += expected(plan, written).lost.len() as u64;
        }
    }
    let (count, totals) = (k as u64, outcome.books);
    assert_eq!(totals.lost, count + stalled, "nothing is netted: {totals:?}");
    assert_eq!(totals.duplicated, 2 * count, "doubled and resurrected: {totals:?}");
    assert_eq!(totals.duplicated_allowed, 0, "the agent was never interrupted: {totals:?}");
    assert_eq!(totals.reordered, 2 * count, "swapped and delayed: {totals:?}");
    assert_eq!((totals.corrupted, totals.misattributed, totals.unexpected), (count, count, count), "{totals:?}");
    assert_eq!(totals.delivered + totals.lost + count, totals.expected, "{totals:?}");
    let stopped: BTreeSet<&str> = outcome.stalls.iter().map(|stall| stall.stream.as_str()).collect();
    let to_stop = plans.iter().filter(|plan| plan.lie == Lie::Stall && !plan.victims.is_empty());
    assert_eq!(stopped, to_stop.map(|plan| plan.name.as_str()).collect(), "{:?}", outcome.stalls);
    let verdict = if k == 0 { Verdict::Pass } else { Verdict::Fail };
    assert_eq!(outcome.verdict, verdict, "{:?} {:?}", outcome.findings, outcome.unknown_because);
}

/// Performs one load through agent and proxy; the books, and what is concluded from them.
fn perform(plans: &[Plan]) -> (Books, Outcome) {
    let place = place();
    let clock = RunClock::start();
    let names: Vec<String> = plans.iter().map(|plan| plan.name.clone()).collect();
    let ledger = Ledger::create(LedgerPlan { run: 7, streams: names, books: None, settle_us: 0 }).unwrap();
    let http = HttpPlan { format: Format::JsonLines, ..HttpPlan::default() };
    let sink = HttpReceiver::start(http, Arc::clone(&ledger), clock).unwrap();
    let proxy = Proxy::start(Liar::new(plans.to_vec()), sink.addr());
    let writers =
        Writers::start(load(plans, place.path()), Arc::clone(&ledger), clock, Arc::new(|_| ()), Arc::new(|_| ()));
    let writers = writers.unwrap();
    let agent = agent(place.path(), proxy.address);
    let mut events =
        vec![Event { t_us: clock.now_us(), what: What::Agent(AgentEvent::Started { pid: agent.child.id() }) }];
    let mut stalls = StallDetector::new(STALL);
    let mut look = |ledger: &Ledger| {
        let found = stalls.observe(clock.now_us(), &ledger.streams(), true, true);
        events.extend(found.into_iter().map(|stall| Event { t_us: clock.now_us(), what: What::Stall(stall) }));
        clock.park_until(clock.now_us() + 20_000);
    };
    while clock.now_us() < LOAD {
        look(&ledger);
    }
    drop(writers.stop());
    while proxy.seen() != ledger.streams().iter().map(|stream| stream.0).collect::<Vec<_>>() {
        assert!(clock.now_us() < LOAD + 20_000_000, "the agent did not deliver: {:?}", proxy.seen());
        look(&ledger);
    }
    // What the proxy has seen is booked once the agent, whose last answer has come, is gone.
    drop((agent, proxy, sink));
    let books = ledger.close().unwrap();
    let outcome = conclude(&books, &events);
    (books, outcome)
}

fn load(plans: &[Plan], root: &Path) -> LoadPlan {
    let mut load = LoadPlan {
        run: 7,
        seed: 7,
        pace: Pace::Steady { per_s: 1.0 },
        root: root.to_owned(),
        streams: plans
            .iter()
            .map(|plan| StreamPlan { rate: Rate::PerS(RATE), ..StreamPlan::new(&plan.name) })
            .collect(),
        threads: 1,
    };
    for at in 0..plans.len() {
        load.streams[at].label = load.paths(StreamId(at as u16)).map(|paths| paths.watch.display().to_string());
    }
    load
}

fn agent(root: &Path, sink: std::net::SocketAddr) -> Running {
    let wiring = Wiring {
        pattern: root.join("logs/*.log"),
        layout: Layout::Plain,
        state: root.to_owned(),
        sink: SinkAt::Http { addr: sink, array: false },
        gzip: false,
        settings: ::scenarios::spec::Agent { refresh: Span(1_000_000), ..::scenarios::spec::Agent::default() },
    };
    let launch = Agent::Builtin.launch(&wiring, program(), None);
    std::fs::write(&launch.config.0, &launch.config.1).unwrap();
    let mut command = Command::new(launch.program);
    command.args(launch.args);
    start_command(command, "the agent behind the proxy".to_owned())
}

fn conclude(books: &Books, events: &[Event]) -> Outcome {
    judge(&Trial {
        scenario: "lying-proxy".to_owned(),
        agent: "builtin".to_owned(),
        defect: None,
        seed: 7,
        contract: Contract {
            delivery: Delivery::ExactlyOnce,
            ordered: true,
            stall_limit_us: STALL,
            ..Contract::default()
        },
        books,
        events,
        latency: Latency::default(),
        rates: Rates::default(),
        resources: Resources::default(),
        broken_off: false,
        unknown_because: Vec::new(),
        repeat: String::new(),
        run: String::new(),
    })
}
