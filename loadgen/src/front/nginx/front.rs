//! nginx as the front end of a run: the same that the embedded one offers, and its books, as far as nginx lets them be kept.
//!
//! ```text
//! answered by nginx  ─▶ written                            (booked by whoever asked: drive::Told::ByAnswer)
//! failed send        ─▶ lost at the source, by name; by number ± the connections where the line does not name it
//! ended by itself    ─▶ a failure; what it had answered and not logged: none, give or take the connections
//! ```

use std::{
    net::SocketAddr,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use results::{identity::StreamId, ledger::Ledger};

use super::{Nginx, NginxPlan, held::family, work::Work};
use crate::{
    clock::RunClock,
    front::FrontError,
    write::{
        LoadReport, Observer, StreamPaths, StreamReport, Ticket, WriteFault,
        control::{Command, Desk, Done, Reopen},
        reins::Faults,
    },
};

/// What nginx is to be in a run.
#[derive(Debug, Clone)]
pub struct NginxFrontPlan {
    /// The process.
    pub nginx: NginxPlan,
    /// The streams of the requests, each a connection; the first one stands for the log where a single stream is meant.
    pub streams: Vec<StreamId>,
    /// Tag of the run.
    pub run: u32,
    /// Where paths in events begin.
    pub root: PathBuf,
    /// Where the log lies.
    pub paths: StreamPaths,
}

/// What its thread and the outside share.
pub(super) struct Shared {
    pub(super) ledger: Arc<Ledger>,
    pub(super) clock: RunClock,
    pub(super) observer: Observer,
    pub(super) desk: Desk,
    pub(super) stop: AtomicBool,
    /// The process id of the master; 0 once it has ended.
    pub(super) pid: AtomicU32,
    pub(super) faults: Faults,
}

/// A running nginx that is looked after. Dropping it ends it.
pub struct NginxFront {
    shared: Arc<Shared>,
    at: SocketAddr,
    paths: StreamPaths,
    lead: StreamId,
    /// Says how many files it had.
    thread: Option<JoinHandle<u32>>,
}

impl std::fmt::Debug for NginxFront {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("NginxFront").field("at", &self.at).field("log", &self.paths.live).finish_non_exhaustive()
    }
}

impl NginxFront {
    /// Starts nginx, waits until it listens, and looks after it from then on.
    pub fn start(
        plan: NginxFrontPlan,
        ledger: Arc<Ledger>,
        clock: RunClock,
        observer: Observer,
    ) -> Result<Self, FrontError> {
        let lead = *plan.streams.first().ok_or(FrontError::NoStream)?;
        plan.paths.create_dirs()?;
        let nginx = Nginx::start(&plan.nginx)?;
        let shared = Arc::new(Shared {
            ledger,
            clock,
            observer,
            desk: Desk::default(),
            stop: AtomicBool::new(false),
            pid: AtomicU32::new(nginx.pid()),
            faults: Faults::default(),
        });
        let (at, paths) = (nginx.addr(), plan.paths.clone());
        let work = Work::new(nginx, plan, Arc::clone(&shared));
        let thread = std::thread::Builder::new().name("nginx".into()).spawn(move || work.run());
        Ok(Self { shared, at, paths, lead, thread: Some(thread.map_err(FrontError::Start)?) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.at
    }

    /// Where its log lies.
    pub fn paths(&self) -> &StreamPaths {
        &self.paths
    }

    /// Its processes, master and workers; none once it has ended.
    pub fn pids(&self) -> Vec<u32> {
        match self.shared.pid.load(Ordering::Acquire) {
            0 => Vec::new(),
            pid => family(pid),
        }
    }

    /// The size of the file at the path of its log, bytes; `None` while there is none.
    pub fn file_size(&self) -> Option<u64> {
        std::fs::metadata(&self.paths.live).ok().map(|about| about.len())
    }

    /// After `delay`, tells it to open its log anew; done once none of its processes has the old file open any more. It
    /// knows no other path than its own.
    pub fn reopen_as(&self, path: Option<PathBuf>, label: Option<String>, delay: Duration) -> Ticket {
        let at_us = self.shared.clock.now_us() + delay.as_micros() as u64;
        self.ask(|done| Command::Reopen(Reopen { path, label, at_us, done }))
    }

    /// Fails: nginx does not close its log without opening another one.
    pub fn close(&self) -> Ticket {
        self.ask(Command::Close)
    }

    fn ask(&self, command: impl FnOnce(Done) -> Command) -> Ticket {
        let (done, ticket) = Done::new();
        self.shared.desk.ask(command(done));
        self.wake();
        ticket
    }

    fn wake(&self) {
        self.thread.iter().for_each(|thread| thread.thread().unpark());
    }

    /// Failures so far, the first thousand.
    pub fn errors(&self) -> Vec<WriteFault> {
        self.shared.faults.read().0
    }

    /// Lets it write what it buffers and end, and books the rest of what it says. Stop the client first.
    pub fn stop(mut self) -> LoadReport {
        let generations = self.join().unwrap_or(0);
        let (errors, error_count) = self.shared.faults.read();
        let mut report = LoadReport { errors, error_count, ..LoadReport::default() };
        report.streams.resize(usize::from(self.lead.0) + 1, StreamReport::default());
        // What is in its files it does not tell.
        report.streams[usize::from(self.lead.0)].generations = generations;
        report
    }

    fn join(&mut self) -> Option<u32> {
        self.shared.stop.store(true, Ordering::Release);
        self.wake();
        // A thread that panicked has said so on stderr.
        self.thread.take()?.join().ok()
    }
}

impl Drop for NginxFront {
    fn drop(&mut self) {
        self.join();
    }
}
