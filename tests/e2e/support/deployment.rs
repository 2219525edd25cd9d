//! The pipeline by itself: processes that a test starts, kills and starts again, between writers and a receiver whose
//! books tell each record.
//!
//! ```text
//! writers ─▶ files ─▶ tailproof pipeline (─▶ tailproof pipeline) ─▶ receiver ─▶ ledger
//! ```

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::Arc,
};

use loadgen::{
    clock::RunClock,
    frame::Framing,
    pace::Pace,
    receive::{HttpPlan, Protocol, Receiver},
    write::{LoadPlan, StreamPlan, Writers},
};
use results::{
    ledger::{Ledger, LedgerPlan},
    outcome::BookTotals,
};

use super::{LOOK, last, program};

/// Streams of the load.
const STREAMS: usize = 2;

/// Writers and receiver, and the books of both.
pub(crate) struct Ends {
    pub(crate) clock: RunClock,
    pub(crate) sink: Receiver,
    ledger: Arc<Ledger>,
    writers: Option<Writers>,
}

impl Ends {
    /// Starts to write below `root`, so many records a second, and to receive.
    pub(crate) fn start(root: &Path, framing: Framing, protocol: Protocol, per_s: f64) -> Self {
        let clock = RunClock::start();
        let names: Vec<String> = (0..STREAMS).map(|n| format!("web-{n}")).collect();
        let streams = names.iter().map(|name| StreamPlan { framing, ..StreamPlan::new(name) }).collect();
        let (pace, root) = (Pace::Steady { per_s }, root.to_owned());
        let load = LoadPlan { run: 7, seed: 7, pace, root, streams, threads: 1 };
        let ledger =
            Ledger::create(LedgerPlan { run: 7, streams: names, books: None, settle_us: 0, ..LedgerPlan::default() })
                .unwrap();
        let http = HttpPlan { protocol, payloads: Some(Arc::new(load.payloads())), ..HttpPlan::default() };
        let sink = Receiver::start(http, Arc::clone(&ledger), clock).unwrap();
        let writers = Writers::start(load, Arc::clone(&ledger), clock, Arc::new(|_| ()), Arc::new(|_| ())).unwrap();
        Self { clock, sink, ledger, writers: Some(writers) }
    }

    /// Records that arrived so far.
    pub(crate) fn delivered(&self) -> u64 {
        self.ledger.totals().delivered
    }

    /// Waits until more than that have arrived.
    pub(crate) fn goes_on(&self, what: &str, before: u64, agents: &[&Agent]) {
        self.wait(what, 30, agents, || self.delivered() > before);
    }

    /// Lets so much time pass.
    pub(crate) fn rest(&self, ms: u64) {
        self.clock.park_until(self.clock.now_us() + ms * 1_000);
    }

    /// Ends the load, waits until all of it has arrived, and closes the books.
    pub(crate) fn settle(mut self, agents: &[&Agent]) -> BookTotals {
        let report = self.writers.take().expect("it settles once").stop();
        assert_eq!(report.error_count, 0, "{:?}", report.errors);
        self.wait("all of it arrives", 90, agents, || {
            let totals = self.ledger.totals();
            totals.delivered >= totals.written
        });
        // What comes twice comes again soon after.
        self.rest(500);
        drop(self.sink);
        self.ledger.close().unwrap();
        self.ledger.totals()
    }

    /// Waits for something; says what the agents said if it does not come.
    pub(crate) fn wait(&self, what: &str, seconds: u64, agents: &[&Agent], mut done: impl FnMut() -> bool) {
        let until = self.clock.now_us() + seconds * 1_000_000;
        while !done() {
            if self.clock.now_us() > until {
                let said: Vec<String> = agents.iter().map(|agent| last(&agent.log(), 15)).collect();
                panic!("{what}: not within {seconds} s; {:?}\n{}", self.ledger.totals(), said.join("\n---\n"));
            }
            self.clock.park_until(self.clock.now_us() + LOOK);
        }
    }
}

/// A pipeline that can be killed and started again; dropping it kills it.
pub(crate) struct Agent {
    /// What stands before the program, if anything does.
    pub(crate) before: Vec<String>,
    config: PathBuf,
    env: Vec<(String, String)>,
    log: PathBuf,
    child: Option<Child>,
}

impl Agent {
    /// One with this configuration; it is not started yet.
    pub(crate) fn new(config: PathBuf, env: &[(&str, String)]) -> Self {
        let log = config.with_extension("stderr");
        let env = env.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        Self { before: Vec::new(), config, env, log, child: None }
    }

    /// Starts it, again or for the first time.
    pub(crate) fn start(&mut self) {
        let log = OpenOptions::new().create(true).append(true).open(&self.log).unwrap();
        let mut words: Vec<String> = self.before.clone();
        words.extend([program().display().to_string(), "pipeline".to_owned(), "-c".to_owned()]);
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).arg(&self.config).envs(self.env.iter().map(|(name, value)| (name, value)));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        self.child = Some(command.spawn().unwrap_or_else(|error| panic!("{}: {error}", words[0])));
    }

    /// SIGKILL; panics if it had ended by itself.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("it runs");
        if let Some(status) = child.try_wait().unwrap() {
            panic!("{} ended by itself, {status}\n{}", self.config.display(), last(&self.log(), 30));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// What it said so far, all its lives together.
    pub(crate) fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The shipped configurations, copied to `folder`, with one aggregator at this port.
pub(crate) fn shipped(folder: &Path, aggregator: u16) {
    for entry in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("pipeline/configs")).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, folder.join(path.file_name().unwrap())).unwrap();
    }
    let login = "Shared_Key ${SHARED_KEY}\nSelf_Hostname ${HOSTNAME}\n";
    let upstream = format!("[UPSTREAM]\nName one\n[NODE]\nName one\nHost 127.0.0.1\nPort {aggregator}\n{login}");
    fs::write(folder.join("forwarder-upstream.conf"), upstream).unwrap();
}
