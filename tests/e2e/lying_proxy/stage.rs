//! Writers, agent, proxy, receiver and judge, put together as in a run.

use std::{net::SocketAddr, path::Path, process::Command, sync::Arc};

use ::scenarios::{
    agents::{Agent, SinkAt, Wiring},
    spec::{self, Layout, units::Span},
};
use loadgen::{
    clock::RunClock,
    pace::Pace,
    receive::{Format, HttpPlan, Receiver},
    write::{LoadPlan, Rate, StreamPlan, Writers},
};
use results::{
    books::Books,
    contract::{Contract, Delivery},
    event::{AgentEvent, Event, What},
    identity::StreamId,
    judge::{Trial, judge},
    ledger::{Ledger, LedgerPlan},
    outcome::{Latency, Outcome, Rates, Resources},
    stall::StallDetector,
};

use super::{
    liar::{Liar, Plan},
    proxy::Proxy,
};
use crate::support::{Running, place, program, start_command};

/// A stream that stands so long has stalled, microseconds.
const STALL: u64 = 2_000_000;
/// Length of the load, microseconds: a stall must show within it.
const LOAD: u64 = 4_000_000;
/// Records a second and stream.
const RATE: f64 = 250.0;

/// Performs one load through agent and proxy; the books, and what is concluded from them.
pub(super) fn perform(plans: &[Plan]) -> (Books, Outcome) {
    let place = place();
    let clock = RunClock::start();
    let names: Vec<String> = plans.iter().map(|plan| plan.name.clone()).collect();
    let ledger =
        Ledger::create(LedgerPlan { run: 7, streams: names, books: None, settle_us: 0, ..LedgerPlan::default() })
            .unwrap();
    let http = HttpPlan { format: Format::JsonLines, ..HttpPlan::default() };
    let sink = Receiver::start(http, Arc::clone(&ledger), clock).unwrap();
    let proxy = Proxy::start(Liar::new(plans.to_vec()), sink.addr());
    let writers =
        Writers::start(load(plans, place.path()), Arc::clone(&ledger), clock, Arc::new(|_| ()), Arc::new(|_| ()));
    let writers = writers.unwrap();
    let agent = agent(place.path(), proxy.address);
    let mut events = vec![Event {
        t_us: clock.now_us(),
        what: What::Agent(AgentEvent::Started { pid: agent.child.id(), process: String::new() }),
    }];
    let mut stalls = StallDetector::new(STALL);
    let mut look = |ledger: &Ledger| {
        let found = stalls.observe(clock.now_us(), &ledger.streams(), |_| true);
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

fn agent(root: &Path, sink: SocketAddr) -> Running {
    let wiring = Wiring {
        pattern: root.join("logs/*.log"),
        layout: Layout::Plain,
        state: root.to_owned(),
        sink: SinkAt::Http { addr: sink, array: false },
        gzip: false,
        settings: spec::Agent { refresh: Span(1_000_000), ..spec::Agent::default() },
    };
    let launch = Agent::Builtin.launch(&wiring, program(), None);
    launch.files.iter().for_each(|(path, text)| std::fs::write(path, text).unwrap());
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
        route_latency: Vec::new(),
        rates: Rates::default(),
        resources: Resources::default(),
        broken_off: false,
        unknown_because: Vec::new(),
        repeat: String::new(),
        run: String::new(),
    })
}
