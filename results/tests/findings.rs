//! Findings name the first few of what they count, and say that there are more.

use std::sync::Arc;

use results::{
    contract::Contract,
    event::{AgentEvent, Event, What},
    identity::{self, RecordId, STAMP_LEN, Stamp, StreamId},
    judge::{Trial, judge},
    ledger::{BatchId, Ledger, LedgerPlan, Seen},
    outcome::{Latency, Rates, Resources},
};

const STREAMS: u16 = 5;
const RECORDS: u64 = 10;

/// All records of each stream are written.
fn ledger() -> Arc<Ledger> {
    let streams = (0..STREAMS).map(|stream| format!("s{stream}")).collect();
    let ledger = Ledger::create(LedgerPlan { run: 1, streams, settle_us: 0, ..LedgerPlan::default() }).expect("room");
    for stream in (0..STREAMS).map(StreamId) {
        ledger.reserve(stream, RECORDS).expect("room");
        ledger.sent(stream, RECORDS);
        ledger.written(stream, RECORDS, 1_000);
    }
    ledger
}

/// Records of a stream arrive in one batch, on a connection of their own.
fn arrive(ledger: &Arc<Ledger>, stream: u16, seqs: &[u64], now_us: u64) -> BatchId {
    let mut intake = ledger.intake();
    intake.begin(now_us);
    for &seq in seqs {
        let id = RecordId { stream: StreamId(stream), seq };
        let stamp = Stamp { run: 1, id, due_us: 0, text_len: STAMP_LEN as u32, at: 0 };
        let mut text = [0; STAMP_LEN];
        stamp.encode(&mut text);
        identity::seal(&mut text, 0);
        intake.record(&text, Seen::default());
    }
    intake.end()
}

/// What is found if the records of each stream arrive in this order.
fn found(arrived: &[u64], ordered: bool) -> Vec<String> {
    let ledger = ledger();
    (0..STREAMS).for_each(|stream| ledger.answered(arrive(&ledger, stream, arrived, 0), 0));
    judged(&ledger, ordered)
}

fn judged(ledger: &Ledger, ordered: bool) -> Vec<String> {
    let trial = Trial {
        scenario: "s".to_owned(),
        agent: "builtin".to_owned(),
        defect: None,
        seed: 1,
        contract: Contract { ordered, ..Contract::default() },
        books: &ledger.close().expect("room"),
        events: &[Event { t_us: 0, what: What::Agent(AgentEvent::Started { pid: 1, process: String::new() }) }],
        latency: Latency::default(),
        route_latency: Vec::new(),
        rates: Rates::default(),
        resources: Resources::default(),
        broken_off: false,
        unknown_because: Vec::new(),
        repeat: String::new(),
        run: String::new(),
    };
    judge(&trial).findings
}

#[test]
fn of_losses_and_copies_the_first_streams_are_named_and_the_others_summed_up() {
    assert_eq!(
        found(&[0, 2, 4, 5, 6, 7, 8], false),
        ["15 of 50 records were lost: s0 3, s1 3, s2 3, 2 more streams 6"]
    );
    let arrived: Vec<u64> = (0..RECORDS).chain([1, 3, 5, 7]).collect();
    let told = "20 surplus copies arrived that the contract does not allow: s0 4, s1 4, s2 4, 2 more streams 8";
    assert_eq!(found(&arrived, false), [told]);
}

#[test]
fn where_copies_are_named_those_that_have_their_reason_are_not() {
    let (ledger, all) = (ledger(), (0..RECORDS).collect::<Vec<_>>());
    (1..STREAMS).for_each(|stream| ledger.answered(arrive(&ledger, stream, &all, 0), 0));
    // What of the first stream was on its way may come again; what of the second was answered may not.
    arrive(&ledger, 0, &all, 0);
    ledger.agent_down(1_000, 1);
    for stream in [0, 1] {
        ledger.answered(arrive(&ledger, stream, &all, 2_000), 2_000);
    }
    let found = judged(&ledger, false);
    assert_eq!(found[0], "10 surplus copies arrived that the contract does not allow: s1 10", "{found:?}");
}

#[test]
fn of_records_out_of_order_the_first_stretches_of_the_first_streams_are_named() {
    let told = "20 records arrived after a later one of their stream: s0 1, 3, 5, …; s1 1, 3, 5, …; s2 1, 3, 5, …; …";
    assert_eq!(found(&[0, 2, 1, 4, 3, 6, 5, 8, 7, 9], true), [told]);
}
