//! A front end within the bench: it answers every request and logs it as nginx does; the log is the agent's input.
//!
//! ```text
//! client ── GET <text> ──▶ front ── 200 ──▶ client
//!                            └─▶ line ▸ [buffer ▸] write(2) ▸ booked as written      (or a datagram to syslog)
//! ```
//! Unlike nginx it logs before it answers, so that without a buffer an answered request is a written one. What it
//! logged it knows to the record: requests whose connection broke are settled by it when it stops.

pub mod format;
mod log;
pub mod nginx;
mod progress;
mod serve;
mod server;
mod syslog;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod trial;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

use results::{
    identity::{self, RecordId, Stamp, StreamId},
    ledger::{Labels, Ledger},
};
use thiserror::Error;
use tokio::sync::Notify;

pub use self::{format::LogFormat, server::Server};
use self::{log::Log, progress::Progress};
use crate::{
    clock::RunClock,
    drive::Doubt,
    frame::Framing,
    write::{
        LoadReport, Observer, OnFull, StreamPaths, StreamReport, Ticket, WriteError, WriteFault,
        control::{Command, Desk, Done, Reopen, lock},
        reins::Faults,
    },
};

/// Where lines wait until they are written together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Buffer {
    /// Lines that do not fit any more push out what is there, bytes.
    pub bytes: usize,
    /// The first line waits this long at most.
    pub flush: Duration,
}

/// Where lines go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outlet {
    /// To a file.
    File,
    /// To a Unix datagram socket, as RFC 3164 messages; a full socket drops them, as with nginx.
    Syslog(PathBuf),
}

/// A front end.
#[derive(Debug, Clone)]
pub struct FrontPlan {
    /// The streams of the requests; the first one stands for the log where a single stream is meant.
    pub streams: Vec<StreamId>,
    /// Tag of the run.
    pub run: u32,
    /// Where paths in events begin.
    pub root: PathBuf,
    /// Where the log and its links lie.
    pub paths: StreamPaths,
    /// How lines lie in the log: with a container runtime behind it, or bare.
    pub framing: Framing,
    /// What a line says.
    pub format: LogFormat,
    /// Whether lines wait for each other.
    pub buffer: Option<Buffer>,
    /// Where lines go.
    pub outlet: Outlet,
    /// The writer stops before the line that finds this many bytes in the file, and says so by `on_full`.
    pub max_size: Option<u64>,
    /// The path under which records must arrive; `None` leaves that unchecked.
    pub label: Option<String>,
}

/// Why there is no front end.
#[derive(Debug, Error)]
pub enum FrontError {
    /// No stream is logged.
    #[error("start a front end without streams: name at least one stream of requests")]
    NoStream,
    /// No port can be had.
    #[error("listen on loopback for requests: {0}; free some ports")]
    Listen(io::Error),
    /// Thread or runtime could not be started.
    #[error("start the front end: {0}; raise the limit of processes or open files")]
    Start(io::Error),
    /// Its log cannot be had.
    #[error(transparent)]
    Log(#[from] WriteError),
    /// There is no nginx to be had.
    #[error(transparent)]
    Nginx(#[from] nginx::NginxError),
}

/// Whose stamp is in a text, if it is one of this run.
fn stamped(text: &[u8], run: u32) -> Option<RecordId> {
    let (stamp, _) = Stamp::decode(&text[identity::find(text)?..]).ok()?;
    (stamp.run == run).then_some(stamp.id)
}

/// What its thread and the outside share.
struct Shared {
    ledger: Arc<Ledger>,
    clock: RunClock,
    observer: Observer,
    on_full: OnFull,
    desk: Desk,
    /// Rung for what lies on the desk, and for the end.
    bell: Notify,
    stop: std::sync::atomic::AtomicBool,
    faults: Faults,
}

/// A running front end. Dropping it stops it.
pub struct Front {
    shared: Arc<Shared>,
    at: SocketAddr,
    paths: StreamPaths,
    thread: Option<JoinHandle<Ended>>,
}

/// What is left when its thread has ended.
struct Ended {
    progress: Progress,
    bytes: u64,
    generations: u32,
}

impl std::fmt::Debug for Front {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Front").field("at", &self.at).field("log", &self.paths.live).finish_non_exhaustive()
    }
}

impl Front {
    /// Creates the log and its links, and listens on a free port of loopback.
    pub fn start(
        plan: FrontPlan,
        ledger: Arc<Ledger>,
        clock: RunClock,
        observer: Observer,
        on_full: OnFull,
    ) -> Result<Self, FrontError> {
        if plan.streams.is_empty() {
            return Err(FrontError::NoStream);
        }
        if let Some(path) = &plan.label {
            let route = |id: &StreamId| ledger.route(*id, 0, Labels { path: path.clone() });
            plan.streams.iter().for_each(route);
        }
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(FrontError::Listen)?;
        listener.set_nonblocking(true).map_err(FrontError::Listen)?;
        let at = listener.local_addr().map_err(FrontError::Listen)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(FrontError::Start)?;
        let shared = Arc::new(Shared {
            ledger,
            clock,
            observer,
            on_full,
            desk: Desk::default(),
            bell: Notify::new(),
            stop: false.into(),
            faults: Faults::default(),
        });
        let paths = plan.paths.clone();
        let log = Log::open(plan, Arc::clone(&shared))?;
        let work = move || serve::run(&runtime, listener, log);
        let thread = std::thread::Builder::new().name("front".into()).spawn(work).map_err(FrontError::Start)?;
        Ok(Self { shared, at, paths, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.at
    }

    /// Where its log lies.
    pub fn paths(&self) -> &StreamPaths {
        &self.paths
    }

    /// The size of the open log, bytes, as the file system knows it; `None` while none is open.
    pub fn file_size(&self) -> Option<u64> {
        let file = lock(&self.shared.desk.file);
        file.as_ref().and_then(|file| file.metadata().ok()).map(|meta| meta.len())
    }

    /// Goes on in the old file until `delay` is over, then opens `path` (or its path anew) and closes the old one, as
    /// nginx does on USR1: what is buffered goes into the old one. From then on records must arrive under `label`.
    pub fn reopen_as(&self, path: Option<PathBuf>, label: Option<String>, delay: Duration) -> Ticket {
        let at_us = self.shared.clock.now_us() + delay.as_micros() as u64;
        self.ask(|done| Command::Reopen(Reopen { path, label, at_us, done }))
    }

    /// Closes the log and keeps lines until [`Self::reopen_as`].
    pub fn close(&self) -> Ticket {
        self.ask(Command::Close)
    }

    /// Keeps lines, the log open.
    pub fn hold(&self) -> Ticket {
        self.ask(Command::Hold)
    }

    /// Ends [`Self::hold`].
    pub fn release(&self) -> Ticket {
        self.ask(Command::Release)
    }

    fn ask(&self, command: impl FnOnce(Done) -> Command) -> Ticket {
        let (done, ticket) = Done::new();
        self.shared.desk.ask(command(done));
        self.shared.bell.notify_one();
        ticket
    }

    /// Failures so far, the first thousand.
    pub fn errors(&self) -> Vec<WriteFault> {
        self.shared.faults.read().0
    }

    /// Writes what is buffered, closes the log, and settles what the client could not: a request that was not logged
    /// is lost at the source. Stop the client first.
    pub fn stop(mut self, doubts: &[Doubt]) -> LoadReport {
        let ended = self.join();
        let (errors, error_count) = self.shared.faults.read();
        let mut report = LoadReport { errors, error_count, ..LoadReport::default() };
        let Some(ended) = ended else { return report };
        for doubt in doubts {
            if !ended.progress.is_logged(doubt.stream, doubt.seq) {
                self.shared.ledger.source_lost(doubt.stream, doubt.seq..doubt.seq + 1, &doubt.why);
            }
        }
        if let Some(lead) = ended.progress.lead() {
            report.streams.resize(usize::from(lead.0) + 1, StreamReport::default());
            report.streams[usize::from(lead.0)] =
                StreamReport { records: ended.progress.records(), bytes: ended.bytes, generations: ended.generations };
        }
        report
    }

    fn join(&mut self) -> Option<Ended> {
        self.shared.stop.store(true, std::sync::atomic::Ordering::Release);
        self.shared.bell.notify_one();
        // A thread that panicked has said so on stderr.
        self.thread.take()?.join().ok()
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.join();
    }
}
