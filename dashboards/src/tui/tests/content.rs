//! Runs to look at: a usual one that fails, one that passes, an hour of the largest, and one whose names attack the terminal.

use std::sync::OnceLock;

use results::{
    event::{
        AgentEvent, Event, Fault, FaultState, FileId, Generation, GenerationEnd, Phase, RotationStep, Sample, Stall,
        StepKind, StreamSample, Warning, What,
    },
    identity::StreamId,
    outcome::{Cause, Verdict},
};

use crate::{
    state::Lengths,
    text::examples,
    tui::{about::About, board::Board},
};

const S: u64 = 1_000_000;

pub(super) fn some(which: usize) -> &'static Board {
    static ALL: OnceLock<[Board; 3]> = OnceLock::new();
    &ALL.get_or_init(|| [usual(), extreme(), hostile()])[which]
}

fn about(scenario: &str) -> About {
    About {
        scenario: scenario.to_owned(),
        question: "does every path keep moving?".to_owned(),
        agent: "builtin".to_owned(),
        defect: None,
        seed: 17,
        rate: 25_000.0,
        lengths: Lengths { warm_up_us: S, measure_us: 12 * S, drain_us: 12 * S },
        stall_limit_us: 5 * S,
        repeat: format!("tailproof run {scenario} --seed 17"),
        folder: "results/runs/1".to_owned(),
        ..About::default()
    }
}

struct Run(Board);

impl Run {
    fn at(&mut self, t_us: u64, what: What) {
        self.0.fold(&Event { t_us, what });
    }

    fn fault(&mut self, t_us: u64, id: u32, name: &str, state: FaultState, detail: &str) {
        let hits = if state == FaultState::Healed { 17 } else { 0 };
        self.at(
            t_us,
            What::Fault(Fault { id, name: name.into(), on: String::new(), state, hits, detail: detail.into() }),
        );
    }

    fn rotate(&mut self, t_us: u64, stream: u16, rotation: u32, path: &str) {
        let file = |inode| FileId { device: 1, inode, born_ns: t_us };
        let stream = StreamId(stream);
        let inode = 5_455_999 + u64::from(rotation % 2);
        let step = |step, to: Option<&str>| {
            let (path, to) = (path.to_owned(), to.map(str::to_owned));
            What::RotationStep(RotationStep {
                stream,
                rotation,
                step,
                path,
                to,
                file: Some(file(inode)),
                held: None,
                error: None,
            })
        };
        self.at(t_us, step(StepKind::Rename, Some("pods/a/0.log.1")));
        let end_seq = u64::from(rotation) * 44_000;
        self.at(
            t_us + 1,
            What::GenerationClosed(GenerationEnd { stream, generation: rotation - 1, end_seq, bytes: 14_000_000 }),
        );
        self.at(t_us + 2, step(StepKind::Reopen, None));
        let generation =
            Generation { stream, generation: rotation, path: path.into(), file: file(inode), first_seq: end_seq };
        self.at(t_us + 3, What::GenerationOpened(generation));
        self.at(t_us + 4, step(StepKind::Archive, Some("pods/a/0.log.1.gz")));
    }
}

fn sample(second: u64, rate: u64, delivered: u64) -> What {
    What::Sample(Sample {
        sent: rate * second,
        written: rate * second,
        written_bytes: 330 * rate * second,
        delivered,
        backlog_bytes: (rate * second - delivered) * 330,
        p50_us: 58_000 + second * 100,
        p90_us: 90_000,
        p99_us: 112_000 + (second % 5) * 40_000,
        p999_us: 250_000,
        max_us: 310_000 + (second % 7) * 100_000,
        bench_late_us: 4_100,
        agent_cpu_us: second * 40_000 + (second % 3) * 10_000,
        agent_rss_bytes: 10_000_000 + second * 20_000,
        agent_open_files: 23 + second % 4,
        ..Sample::default()
    })
}

/// The web stream stands still from the seventh second on, as with a reused inode number.
pub(super) fn usual() -> Board {
    run(about("tail-stall"), 14, Some(7))
}

pub(super) fn passed() -> Board {
    let mut board = run(about("tail-stall"), 14, None);
    board.fold(&Event { t_us: 14 * S, what: What::Judged(Box::new(examples::outcome())) });
    board
}

fn run(about: About, seconds: u64, stands_from: Option<u64>) -> Board {
    let mut run = Run(Board::new(about));
    run.at(0, What::Begun(["web-00", "worker-00", "worker-01", "worker-02"].map(str::to_owned).to_vec()));
    run.at(10, What::Agent(AgentEvent::Started { pid: 4127, process: String::new() }));
    run.at(20, What::Phase(Phase::WarmUp));
    for quarter in 1..=seconds * 4 {
        let t_us = quarter * S / 4;
        let moved = stands_from.map_or(quarter, |stands| quarter.min(stands * 4));
        let mut streams = vec![StreamSample(quarter * 5500, moved * 5500)];
        streams.extend([StreamSample(quarter * 250, quarter * 250 - 40); 3]);
        let delivered = streams.iter().map(|sample| sample.1).sum();
        run.at(t_us, What::Streams(streams));
        if quarter % 4 == 0 {
            run.at(t_us, sample(quarter / 4, 25_000, delivered));
        }
        if quarter == 4 {
            run.at(t_us, What::Phase(Phase::Measure));
        }
        let on = |s: u64| stands_from.is_some() && quarter == s * 4;
        if on(3) {
            run.fault(3 * S, 0, "refuse", FaultState::Applied, "status 503");
        }
        if on(4) {
            run.fault(4 * S, 0, "refuse", FaultState::Healed, "17 requests were refused");
        }
        if on(11) {
            run.fault(11 * S, 1, "hand_rotate", FaultState::Applied, "by hand");
        }
        if quarter % 8 == 3 {
            run.rotate(t_us + 1000, 0, quarter as u32 / 8 + 1, "pods/a/0.log");
        }
    }
    if let Some(stands) = stands_from {
        run.at(12 * S, What::Stall(Stall { stream: StreamId(0), from_us: stands * S, until_us: None }));
    }
    run.0
}

/// Ten million records a second on ten thousand streams for an hour, a thousand findings.
pub(super) fn extreme() -> Board {
    let lengths = Lengths { warm_up_us: 60 * S, measure_us: 3540 * S, drain_us: 600 * S };
    let about = About { rate: 1e7, seed: u64::MAX, lengths, ..about("a-scenario-with-quite-a-long-name-for-a-header") };
    let mut run = Run(Board::new(about));
    run.at(0, What::Begun((0..10_000).map(|n| format!("stream-{n:05}")).collect()));
    run.at(10, What::Agent(AgentEvent::Started { pid: u32::MAX, process: String::new() }));
    run.at(20, What::Phase(Phase::WarmUp));
    run.at(60 * S, What::Phase(Phase::Measure));
    for second in 1..=3600u64 {
        let spike = if second == 1800 { 3 } else { 0 };
        if second % 60 == 0 || second > 3597 {
            let stream = |n: u64| StreamSample(second * 1000 + n % 7, second * (1000 - n % 3) - n % 11 - spike);
            run.at(second * S, What::Streams((0..10_000).map(stream).collect()));
        }
        run.at(second * S, sample(second, 10_000_000, second * 9_990_000));
        run.rotate(second * S + 5, (second % 10_000) as u16, second as u32, "pods/a/0.log");
        if second % 100 == 0 {
            run.fault(second * S, second as u32, "hang", FaultState::Applied, "");
            run.fault(second * S + 20 * S, second as u32, "hang", FaultState::Healed, "");
        }
    }
    for n in 0..1_200 {
        run.at(3600 * S, What::Stall(Stall { stream: StreamId(n), from_us: u64::from(n) * 3 * S, until_us: None }));
    }
    run.0
}

const HOSTILE: &str =
    "\u{1b}]0;owned\u{7}\u{1b}[2J\u{9b}31m\u{202e}evil\u{200b}\u{2066}<script>&\u{7f}\r\n\tx\u{e0041}\u{ad}";

/// Names, paths and messages with escape sequences, direction marks, invisible and wide signs.
pub(super) fn hostile() -> Board {
    let about = About {
        scenario: HOSTILE.into(),
        question: HOSTILE.into(),
        agent: HOSTILE.into(),
        defect: Some(HOSTILE.into()),
        repeat: HOSTILE.into(),
        folder: HOSTILE.into(),
        ..about("x")
    };
    let mut run = Run(Board::new(about));
    let wide = "日本語のログ".repeat(20);
    run.at(0, What::Begun(vec![HOSTILE.into(), wide, "e\u{301}".repeat(300), String::new()]));
    run.at(S, What::Streams(vec![StreamSample(u64::MAX, 0), StreamSample(10, u64::MAX), StreamSample(5, 5)]));
    run.at(2 * S, What::Streams(vec![StreamSample(0, 5), StreamSample(10, 0), StreamSample(5, 5)]));
    run.rotate(2 * S, 0, 1, HOSTILE);
    run.fault(2 * S, 0, HOSTILE, FaultState::Applied, HOSTILE);
    run.fault(3 * S, 1, "\u{1b}", FaultState::NoEffect, HOSTILE);
    run.at(3 * S, What::Warning(Warning { name: HOSTILE.into(), text: format!("{HOSTILE}\n{HOSTILE}") }));
    run.at(3 * S, What::Agent(AgentEvent::Started { pid: 1, process: String::new() }));
    run.at(4 * S, What::Agent(AgentEvent::Ended { pid: 1, how: HOSTILE.into(), asked: false, process: String::new() }));
    run.at(4 * S, What::Stall(Stall { stream: StreamId(u16::MAX), from_us: u64::MAX, until_us: None }));
    run.at(4 * S, What::Stall(Stall { stream: StreamId(0), from_us: 0, until_us: None }));
    let error = Some(HOSTILE.to_owned());
    let (stream, path, to) = (StreamId(2), HOSTILE.to_owned(), Some(HOSTILE.to_owned()));
    run.at(
        4 * S,
        What::RotationStep(RotationStep {
            stream,
            rotation: 9,
            step: StepKind::Unlink,
            path,
            to,
            file: None,
            held: Some(true),
            error,
        }),
    );
    let mut outcome = examples::outcome();
    outcome.verdict = Verdict::Fail;
    outcome.findings = vec![HOSTILE.into()];
    outcome.unknown_because = vec![HOSTILE.into()];
    let (verdict, stream, cause, evidence) = (HOSTILE.into(), HOSTILE.into(), HOSTILE.into(), HOSTILE.into());
    outcome.causes = vec![Cause { verdict, stream, count: u64::MAX, cause, evidence }];
    run.at(5 * S, What::Judged(Box::new(outcome)));
    run.0
}
