//! A run that the tests of the written reports are fed with: a stream whose fourth file gets the number of its second and is
//! never read, beside one that is well.

use results::{
    books::Books,
    event::{
        AgentEvent, Event, Fault, FaultState, FileId, Generation, GenerationEnd, Phase, RotationStep, Sample, Stall,
        StepKind, StreamSample, What,
    },
    identity::{self, RecordId, STAMP_LEN, Stamp, StreamId},
    ledger::{Ledger, LedgerPlan, Seen},
    outcome::Outcome,
    run::{Manifest, RunState, StoredRun},
};

use super::{Beside, Report};

const S: u64 = 1_000_000;
const PATH: &str = "pods/web-00/0.log";

pub(crate) fn at(t_us: u64, what: What) -> Event {
    Event { t_us, what }
}

fn opened(t_us: u64, stream: u16, generation: u32, inode: u64, first_seq: u64) -> Event {
    let file = FileId { device: 1, inode, born_ns: 1 + u64::from(generation) };
    let stream = StreamId(stream);
    at(t_us, What::GenerationOpened(Generation { stream, generation, path: PATH.into(), file, first_seq }))
}

fn closed(t_us: u64, generation: u32, end_seq: u64) -> Event {
    at(t_us, What::GenerationClosed(GenerationEnd { stream: StreamId(0), generation, end_seq, bytes: 30_000 }))
}

fn step(t_us: u64, rotation: u32, kind: StepKind, file: Option<(u64, u32)>, to: Option<&str>) -> Event {
    let held = (kind == StepKind::Unlink).then_some(false);
    let file = file.map(|(inode, generation)| FileId { device: 1, inode, born_ns: 1 + u64::from(generation) });
    let (path, to, stream) = (PATH.to_owned(), to.map(str::to_owned), StreamId(0));
    at(t_us, What::RotationStep(RotationStep { stream, rotation, step: kind, path, to, file, held, error: None }))
}

/// What happened, second by second.
pub(crate) fn stall_story() -> Vec<Event> {
    let mut events = vec![
        at(0, What::Begun(vec!["web-00".into(), "worker-00".into()])),
        opened(1, 0, 0, 131, 0),
        opened(2, 1, 0, 200, 0),
        at(3, What::Agent(AgentEvent::Started { pid: 42, process: String::new() })),
        at(4, What::Phase(Phase::WarmUp)),
        at(S, What::Phase(Phase::Measure)),
    ];
    for second in 1..=12u64 {
        let (written, web) = (100 * second.min(4), 100 * second.min(3));
        let worker = 10 * second;
        events.push(at(second * S + 1, What::Streams(vec![StreamSample(written, web), StreamSample(worker, worker)])));
        events.push(at(second * S + 2, What::Sample(sample(second, written + worker, web + worker))));
    }
    for (generation, inode, seq) in [(1u32, 132, 100), (2, 133, 200), (3, 132, 300)] {
        let t_us = u64::from(generation) * S + S / 2;
        let before = if generation == 1 { 131 } else { 131 + u64::from(generation) - 1 };
        events.push(step(t_us, generation, StepKind::Rename, Some((before, generation - 1)), Some("0.log.1")));
        if generation == 3 {
            events.push(step(t_us + 1, 3, StepKind::Archive, Some((132, 1)), Some("0.log.1.gz")));
            events.push(step(t_us + 2, 3, StepKind::Unlink, Some((132, 1)), None));
            events.push(step(t_us + 3, 3, StepKind::Steer, Some((132, 1)), None));
        }
        events.push(closed(t_us + 4, generation - 1, seq));
        events.push(opened(t_us + 5, 0, generation, inode, seq));
        events.push(step(t_us + 6, generation, StepKind::Reopen, None, None));
    }
    let refuse = |state, detail: &str| {
        What::Fault(Fault { id: 1, name: "refuse".into(), on: String::new(), state, hits: 17, detail: detail.into() })
    };
    events.push(at(2 * S, refuse(FaultState::Applied, "status 503")));
    events.push(at(3 * S, refuse(FaultState::Healed, "17 requests were refused")));
    events.push(at(9 * S, What::Stall(Stall { stream: StreamId(0), from_us: 3 * S, until_us: None })));
    events.push(at(11 * S, What::Phase(Phase::Drain)));
    events.sort_by_key(|event| event.t_us);
    events
}

fn sample(second: u64, written: u64, delivered: u64) -> Sample {
    Sample {
        sent: written,
        written,
        written_bytes: written * 300,
        delivered,
        backlog_bytes: (written - delivered) * 300,
        p50_us: 2_000,
        p99_us: 100_000 + second,
        max_us: 120_000,
        agent_cpu_us: second * 20_000,
        agent_rss_bytes: 10_000_000,
        ..Sample::default()
    }
}

/// 400 records of stream 0, the last 100 of which never arrived; 120 of stream 1.
pub(crate) fn books_with_hole() -> Books {
    let streams = vec!["web-00".to_owned(), "worker-00".to_owned()];
    let ledger =
        Ledger::create(LedgerPlan { run: 1, streams, books: None, settle_us: S, ..LedgerPlan::default() }).unwrap();
    for (stream, written, arrived) in [(0, 400, 300), (1, 120, 120)] {
        let stream = StreamId(stream);
        ledger.reserve(stream, 1 << 12).unwrap();
        ledger.sent(stream, written);
        ledger.written(stream, written, written * 300);
        let mut intake = ledger.intake();
        intake.begin(S);
        for seq in 0..arrived {
            let id = RecordId { stream, seq };
            let mut text = [0; STAMP_LEN];
            Stamp { run: 1, id, due_us: 0, text_len: STAMP_LEN as u32, at: 0 }.encode(&mut text);
            identity::seal(&mut text, 0);
            intake.record(&text, Seen::default());
        }
        intake.end();
    }
    ledger.close().unwrap()
}

/// The outcome of that run.
pub(crate) fn failed() -> Outcome {
    crate::text::examples::failed_outcome()
}

/// A run as it would lie on disk.
pub(crate) fn stored(outcome: &Outcome, events: Vec<Event>) -> StoredRun {
    let settled = serde_json::json!({
        "question": "Does every path keep moving?",
        "contract": results::contract::Contract { ordered: true, ..Default::default() },
        "measure": "12s",
    });
    let environment = serde_json::json!({ "tailproof": "0.1.0", "kernel": "6.1", "cores": 2 });
    let manifest = Manifest {
        state: if outcome.broken_off { RunState::BrokenOff } else { RunState::Complete },
        repeat: outcome.repeat.clone(),
        outcome: Some(outcome.clone()),
        ..Manifest::new(&outcome.scenario, &outcome.agent, outcome.defect.clone(), outcome.seed, settled, environment)
    };
    StoredRun { path: outcome.run.clone().into(), manifest, events, torn_line: None }
}

/// The report of a run.
#[expect(clippy::needless_pass_by_value, reason = "tests read better without borrowing what they just made")]
pub(crate) fn report(outcome: Outcome, events: Vec<Event>) -> Report {
    let beside = Beside { agent_conf: Some("[INPUT]\n    Name tail\n".into()), ..Beside::default() };
    Report::new(&stored(&outcome, events), Some(&books_with_hole()), beside).unwrap()
}
