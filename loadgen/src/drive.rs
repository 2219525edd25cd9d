//! An HTTP client that asks on schedule, whatever the server makes of it: each request is a record of the run.
//!
//! ```text
//! due ▸ reserve (durable) ▸ sent ▸ GET <text> ▸ answer            one stream = one connection, one request at a time
//!  └──────────────── latency ────────────────┘
//! ```
//! Open loop: the schedule never waits for an answer; what falls due meanwhile is asked next, and its latency counts
//! from when it was due. (The timers of a waiting connection have a grain of one millisecond, which is part of it.)
//!
//! A record is *written* when the front end has logged it. The embedded one tells so itself. A real one logs behind
//! its answer, so any answer will do; it must then be let end in peace. A request that certainly never left is lost at
//! the source; so is one whose connection broke, unless the front end says that it logged it.

mod answer;
mod asker;
mod line;
mod report;
#[cfg(test)]
mod tests;
mod watch;

use std::{
    io,
    net::SocketAddr,
    path::PathBuf,
    sync::{Arc, OnceLock},
    thread::JoinHandle,
    time::Duration,
};

pub use report::{Answers, Doubt, DriveCounters, DriveReport};
use results::{identity::StreamId, ledger::Ledger};
use thiserror::Error;

use self::{asker::Task, report::Tally};
use crate::{
    clock::RunClock,
    payload::Body,
    write::{Lateness, LoadPlan, StreamReport, WriteFault, reins::Reins},
};

/// Who says that a request is in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// The embedded front end books it; what is in doubt is left to it.
    ByFront,
    /// Whoever answers, logs.
    ByAnswer,
}

/// What to ask, and whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DrivePlan {
    /// The front end.
    pub to: SocketAddr,
    /// The streams of the load that are requests; each has a connection of its own.
    pub streams: Vec<StreamId>,
    /// Threads that ask; streams are dealt out to them in turn. At least one is used.
    pub threads: usize,
    /// An answer that takes longer is not waited for; the connection is given up.
    pub answer_within: Duration,
    /// Who says that a request is in the log.
    pub told: Told,
    /// Nothing is asked, and no schedule begins, before this Unix datagram socket takes connections.
    pub after: Option<PathBuf>,
}

impl DrivePlan {
    /// One thread, ten seconds for an answer, the embedded front end, at once.
    pub fn new(to: SocketAddr, streams: Vec<StreamId>) -> Self {
        Self { to, streams, threads: 1, answer_within: Duration::from_secs(10), told: Told::ByFront, after: None }
    }
}

/// Why nothing can be asked.
#[derive(Debug, Error)]
pub enum DriveError {
    /// A stream is none of the load, or none that can be asked for.
    #[error("ask for stream {0}: it is no stream of requests; give it the body `request` or `probe`")]
    NoRequest(u16),
    /// A thread or its runtime could not be started.
    #[error("start the HTTP load: {0}; raise the limit of processes or open files")]
    Start(io::Error),
}

/// What all connections share.
struct Shared {
    to: SocketAddr,
    told: Told,
    answer_within_us: u64,
    ledger: Arc<Ledger>,
    clock: RunClock,
    after: Option<PathBuf>,
    /// When the schedules began.
    start_us: OnceLock<u64>,
    reins: Reins,
    tally: Tally,
}

impl Shared {
    /// When the schedules began: with the first thread that may ask.
    fn start_us(&self) -> u64 {
        *self.start_us.get_or_init(|| self.clock.now_us())
    }
}

/// Running requests. Dropping it stops them.
pub struct Driver {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<Vec<asker::Asked>>>,
}

impl std::fmt::Debug for Driver {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Driver").field("to", &self.shared.to).finish_non_exhaustive()
    }
}

impl Driver {
    /// Starts to ask; the schedules begin now, or once `plan.after` is there. The streams are those of `load`, by index.
    pub fn start(plan: &DrivePlan, load: &LoadPlan, ledger: Arc<Ledger>, clock: RunClock) -> Result<Self, DriveError> {
        let payloads = load.payloads();
        let shared = Arc::new(Shared {
            to: plan.to,
            told: plan.told,
            answer_within_us: plan.answer_within.as_micros() as u64,
            ledger,
            clock,
            after: plan.after.clone(),
            start_us: OnceLock::new(),
            reins: Reins::default(),
            tally: Tally::default(),
        });
        let mut shards: Vec<Vec<Task>> =
            (0..plan.threads.clamp(1, plan.streams.len().max(1))).map(|_| Vec::new()).collect();
        let threads = shards.len();
        for (at, id) in plan.streams.iter().enumerate() {
            let stream = load.streams.get(usize::from(id.0));
            let (Some(stream), Some(payload)) = (stream, payloads.get(*id)) else {
                return Err(DriveError::NoRequest(id.0));
            };
            if !matches!(stream.body, Body::Request | Body::Probe) {
                return Err(DriveError::NoRequest(id.0));
            }
            shards[at % threads].push(Task { id: *id, payload: payload.clone(), schedule: load.schedule(stream) });
        }
        let mut driver = Self { shared, threads: Vec::new() };
        for (at, tasks) in shards.into_iter().enumerate() {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let runtime = runtime.map_err(DriveError::Start)?;
            let shared = Arc::clone(&driver.shared);
            let work = move || asker::run(&runtime, &shared, tasks);
            let thread = std::thread::Builder::new().name(format!("drive-{at}")).spawn(work);
            driver.threads.push(thread.map_err(DriveError::Start)?);
        }
        Ok(driver)
    }

    /// From now on all schedules run at `factor` times their pace; 0 pauses them.
    pub fn set_rate(&self, factor: f64) {
        self.shared.reins.set_rate(factor);
    }

    /// How late the load was so far.
    pub fn late(&self) -> Lateness {
        self.shared.reins.late.read()
    }

    /// Failures so far, the first thousand.
    pub fn errors(&self) -> Vec<WriteFault> {
        self.shared.reins.faults.read().0
    }

    /// What was asked and answered so far.
    pub fn counters(&self) -> DriveCounters {
        self.shared.tally.read()
    }

    /// Lets what is under way be answered, for a second at most, and tells what was done.
    pub fn stop(mut self) -> DriveReport {
        let asked = self.join();
        let mut report = DriveReport {
            load: self.shared.reins.report(Vec::new()),
            counters: self.counters(),
            ..DriveReport::default()
        };
        let mut answers = report::histogram();
        for one in asked {
            let at = usize::from(one.stream.0);
            if report.load.streams.len() <= at {
                report.load.streams.resize(at + 1, StreamReport::default());
            }
            report.load.streams[at] = StreamReport { records: one.records, bytes: one.bytes, generations: 0 };
            report.doubts.extend(one.doubts);
            if let Some(histogram) = one.answers {
                answers.add(histogram).expect("they are made alike");
            }
        }
        report.answers = Answers::of(&answers);
        report
    }

    fn join(&mut self) -> Vec<asker::Asked> {
        self.shared.reins.stop();
        // A thread that panicked has said so on stderr; its streams show no records.
        self.threads.drain(..).flat_map(|thread| thread.join().unwrap_or_default()).collect()
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.join();
    }
}
