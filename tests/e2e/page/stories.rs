//! Runs as they would lie on disk, made up: a stall, a pass, nothing at all, and one in which very much happened.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use results::{
    books::Books,
    event::{
        AgentEvent, Event, Fault, FaultState, FileId, Generation, GenerationEnd, Phase, RotationStep, Sample, Stall,
        StepKind, StreamSample, What,
    },
    identity::StreamId,
    outcome::{BookTotals, Cause, Latency, Outcome, Proofs, Rates, Resources, SCHEMA, StallReport, Verdict},
    run::{Manifest, RunState},
};
use serde_json::json;

const S: u64 = 1_000_000;

fn at(t_us: u64, what: What) -> Event {
    Event { t_us, what }
}

fn outcome(folder: &Path, verdict: Verdict) -> Outcome {
    let fail = verdict == Verdict::Fail;
    let lost = if fail { 400 } else { 0 };
    Outcome {
        schema: SCHEMA,
        scenario: "tail-stall".into(),
        agent: "builtin".into(),
        defect: fail.then(|| "stale-membership-inode-reuse".into()),
        seed: 7,
        verdict,
        exit: 0,
        broken_off: false,
        books: BookTotals {
            sent: 1200,
            written: 1200,
            expected: 1200,
            delivered: 1200 - lost,
            lost,
            ..BookTotals::default()
        },
        routes: Vec::new(),
        source_losses: Vec::new(),
        processes: Vec::new(),
        stalls: Vec::new(),
        causes: Vec::new(),
        proofs: Proofs { rotations: 3, inodes_reused: 1, archives: 1, faults: 1, ..Proofs::default() },
        latency_ms: Latency { p50: 2.0, p90: 8.0, p99: 100.0, p999: 110.0, max: 120.0 },
        rates: Rates { sent_per_s: 100.0, delivered_per_s: 80.0, sent_bytes_per_s: 30_000.0 },
        resources: Resources {
            agent_cpu_s: 0.3,
            agent_rss_max_bytes: 10_000_000,
            bench_cpu_s: 1.0,
            bench_rss_max_bytes: 20_000_000,
        },
        findings: Vec::new(),
        unknown_because: Vec::new(),
        repeat: "tailproof run tail-stall --seed 7".into(),
        run: folder.display().to_string(),
    }
}

/// Writes the folder of a run.
fn store(folder: &Path, outcome: Outcome, events: &[Event]) -> PathBuf {
    std::fs::create_dir_all(folder).unwrap();
    let settled = json!({ "question": "Does every path keep moving?", "contract": results::contract::Contract { ordered: true, latency_p99_us: Some(50_000_000), ..Default::default() } });
    let environment = json!({ "tailproof": "0.1.0", "kernel": "6.1", "cores": 2 });
    let new =
        Manifest::new(&outcome.scenario, &outcome.agent, outcome.defect.clone(), outcome.seed, settled, environment);
    let manifest =
        Manifest { repeat: outcome.repeat.clone(), state: RunState::Complete, outcome: Some(outcome), ..new };
    std::fs::write(folder.join("run.json"), serde_json::to_vec_pretty(&manifest).unwrap()).unwrap();
    std::fs::write(folder.join("agent.conf"), "[INPUT]\n    Name tail\n    Path /var/log/containers/a-very-long-path-that-does-not-fit-on-any-phone-at-all-and-has-to-be-scrolled/*.log\n").unwrap();
    Books::new(1, vec!["web-00".into(), "worker-00".into()]).store(&folder.join("books.bin")).unwrap();
    let mut file = std::io::BufWriter::new(std::fs::File::create(folder.join("events.jsonl")).unwrap());
    for event in events {
        serde_json::to_writer(&mut file, event).unwrap();
        file.write_all(b"\n").unwrap();
    }
    file.flush().unwrap();
    folder.to_owned()
}

fn file(inode: u64, generation: u32) -> FileId {
    FileId { device: 1, inode, born_ns: 1 + u64::from(generation) }
}

fn opened(t_us: u64, stream: u16, generation: u32, inode: u64, first_seq: u64) -> Event {
    let path = format!("var/log/pods/bench_web-{stream:02}_81579367-f6f4-437a-aa3b-ad56e174fe42/app/0.log");
    let file = file(inode, generation);
    at(t_us, What::GenerationOpened(Generation { stream: StreamId(stream), generation, path, file, first_seq }))
}

fn step(t_us: u64, stream: u16, rotation: u32, step: StepKind, file: Option<FileId>) -> Event {
    let (path, to) = ("var/log/pods/0.log".into(), (step == StepKind::Rename).then(|| "var/log/pods/0.log.1".into()));
    let held = (step == StepKind::Unlink).then_some(true);
    at(
        t_us,
        What::RotationStep(RotationStep {
            stream: StreamId(stream),
            rotation,
            step,
            path,
            to,
            file,
            held,
            error: None,
        }),
    )
}

/// Samples of twelve seconds; the first stream stands after the eighth where it is to fail.
fn twelve_seconds(fail: bool) -> Vec<Event> {
    let mut events = vec![
        at(0, What::Begun(vec!["web-00".into(), "worker-00".into()])),
        opened(1, 0, 0, 131, 0),
        opened(2, 1, 0, 200, 0),
        at(3, What::Agent(AgentEvent::Started { pid: 42, process: String::new() })),
        at(4, What::Phase(Phase::Measure)),
    ];
    for quarter in 1..=48u64 {
        let written = quarter * 25;
        let web = if fail { (quarter * 20).min(640) } else { quarter * 20 };
        let delivered = web + quarter * 5;
        let streams = vec![StreamSample(quarter * 20, web), StreamSample(quarter * 5, quarter * 5)];
        events.push(at(quarter * S / 4, What::Streams(streams)));
        if quarter.is_multiple_of(4) {
            let sample = Sample {
                sent: written,
                written,
                written_bytes: written * 300,
                delivered,
                p50_us: 2_000 + quarter * 10,
                p90_us: 8_000,
                p99_us: 90_000 + quarter * 100,
                p999_us: 110_000,
                max_us: 120_000,
                agent_cpu_us: quarter * 8_000,
                agent_rss_bytes: 10_000_000 + quarter * 1000,
                agent_open_files: 12,
                bench_late_us: 500,
                ..Sample::default()
            };
            events.push(at(quarter * S / 4, What::Sample(sample)));
        }
    }
    for (generation, inode, seq) in [(1u32, 132, 160), (2, 133, 320), (3, 132, 640)] {
        let t_us = u64::from(generation) * 2 * S + S / 2;
        let before = file(if generation == 1 { 131 } else { 130 + u64::from(generation) }, generation - 1);
        events.push(step(t_us, 0, generation, StepKind::Rename, Some(before)));
        if generation == 3 {
            events.push(step(t_us + 2, 0, 3, StepKind::Unlink, Some(file(132, 1))));
        }
        let end = GenerationEnd { stream: StreamId(0), generation: generation - 1, end_seq: seq, bytes: 48_000 };
        events.push(at(t_us + 4, What::GenerationClosed(end)));
        events.push(opened(t_us + 5, 0, generation, inode, seq));
    }
    let refuse = |state, detail: &str| {
        What::Fault(Fault { id: 1, name: "refuse".into(), on: String::new(), state, hits: 17, detail: detail.into() })
    };
    events.push(at(4 * S, refuse(FaultState::Applied, "status 503")));
    events.push(at(5 * S, refuse(FaultState::Healed, "17 requests were refused")));
    events.push(at(11 * S, What::Phase(Phase::Drain)));
    events
}

/// A run that lost the records of a reused inode.
pub(crate) fn stalled(folder: &Path) -> PathBuf {
    let mut events = twelve_seconds(true);
    events.push(at(11 * S, What::Stall(Stall { stream: StreamId(0), from_us: 8 * S, until_us: None })));
    events.sort_by_key(|event| event.t_us);
    let mut outcome = outcome(folder, Verdict::Fail);
    outcome.stalls = vec![StallReport {
        stream: "web-00".into(),
        from_s: 8.0,
        until_s: None,
        after: "rotation 3".into(),
        undelivered: 400,
    }];
    let evidence =
        "generation 3 of 0.log was given inode 132, the number of generation 1; no record of it ever arrived";
    outcome.causes = vec![Cause {
        verdict: "lost".into(),
        stream: "web-00".into(),
        count: 400,
        cause: "inode-reuse".into(),
        evidence: evidence.into(),
    }];
    outcome.findings = vec!["400 of 1200 records were lost: web-00 400".into()];
    store(folder, outcome, &events)
}

/// A run in which all went well.
pub(crate) fn passed(folder: &Path) -> PathBuf {
    let mut events = twelve_seconds(false);
    events.sort_by_key(|event| event.t_us);
    store(folder, outcome(folder, Verdict::Pass), &events)
}

/// A run of which nothing is known.
pub(crate) fn empty(folder: &Path) -> PathBuf {
    let mut outcome = outcome(folder, Verdict::Unknown);
    outcome.unknown_because = vec!["the bench was killed before it had opened its books".into()];
    (outcome.books, outcome.rates, outcome.proofs) = (BookTotals::default(), Rates::default(), Proofs::default());
    store(folder, outcome, &[])
}

/// An hour in which fifty streams are rotated all the time, with at least so many events.
pub(crate) fn crowded(folder: &Path, least: usize) -> PathBuf {
    const STREAMS: u16 = 50;
    let names = (0..STREAMS).map(|stream| format!("web-{stream:02}")).collect();
    let mut events = vec![at(0, What::Begun(names)), at(1, What::Phase(Phase::Measure))];
    let mut generation = 0u32;
    while events.len() < least {
        for stream in 0..STREAMS {
            let t_us = u64::from(generation) * 8 * S + u64::from(stream) * S / 10;
            let seq = u64::from(generation) * 1000;
            let inode = 10_000 + u64::from(stream) * 7 + u64::from(generation % 3);
            if generation > 0 {
                let before = file(10_000 + u64::from(stream) * 7 + u64::from((generation - 1) % 3), generation - 1);
                events.push(step(t_us, stream, generation, StepKind::Rename, Some(before)));
                events.push(step(t_us + 1, stream, generation, StepKind::Unlink, Some(before)));
                let end = GenerationEnd {
                    stream: StreamId(stream),
                    generation: generation - 1,
                    end_seq: seq,
                    bytes: 300_000,
                };
                events.push(at(t_us + 2, What::GenerationClosed(end)));
            }
            events.push(opened(t_us + 3, stream, generation, inode, seq));
            events.push(step(t_us + 4, stream, generation + 1, StepKind::Reopen, None));
        }
        let t_us = u64::from(generation) * 8 * S + 7 * S;
        let written = u64::from(generation) * 50_000;
        let sample = Sample {
            sent: written,
            written,
            delivered: written.saturating_sub(500),
            p50_us: 2000,
            p99_us: 90_000 + u64::from(generation),
            max_us: 120_000,
            agent_cpu_us: u64::from(generation) * 100_000,
            agent_rss_bytes: 20_000_000,
            ..Sample::default()
        };
        events.push(at(t_us, What::Sample(sample)));
        let fault = |state, t_us| {
            let name = if generation.is_multiple_of(2) { "refuse" } else { "hang" };
            at(
                t_us,
                What::Fault(Fault {
                    id: generation,
                    name: name.into(),
                    on: String::new(),
                    state,
                    hits: 3,
                    detail: "3 requests".into(),
                }),
            )
        };
        events.push(fault(FaultState::Applied, t_us));
        events.push(fault(FaultState::Healed, t_us + S / 2));
        generation += 1;
    }
    store(folder, outcome(folder, Verdict::Pass), &events)
}
