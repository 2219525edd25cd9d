//! Writers: they append due records to files, as container runtimes and applications do, and are told to swap files.
//!
//! ```text
//! reserve (durable) ▸ sent ▸ write(2) ▸ written        a record is in the books before it is in the file
//! ```
//! Open loop: the schedule never waits for a writer; one that falls behind catches up, and says how late it was.
//! A write that fails is booked as lost at the source with the error; it is never a panic and never silent.

pub mod block;
pub(crate) mod control;
mod error;
pub(crate) mod file;
pub(crate) mod late;
pub mod layout;
pub(crate) mod reins;
mod report;
mod shard;
mod stream;
mod tee;
#[cfg(test)]
mod tests;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread::JoinHandle,
    time::Duration,
};

pub use control::{Ticket, TicketError};
pub use error::WriteError;
pub use late::Lateness;
pub use layout::{PodIdentity, StreamPaths};
pub use report::{LoadReport, StreamReport, WriteFault};
use results::{
    event::What,
    identity::StreamId,
    ledger::{Labels, Ledger, OutputRule},
};

use self::{
    control::{Command, Done, Reopen, lock},
    shard::{Shard, Shared},
    stream::StreamWriter,
};
use crate::{
    clock::RunClock,
    frame::Framing,
    pace::{Pace, Schedule},
    payload::{Body, Payloads, Size},
    send::SendPlan,
};

/// How records get into a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WriteMode {
    /// One write(2) a line, as unbuffered applications and runtimes do.
    PerLine,
    /// What is due goes out in writes of at most so many bytes, whole lines only.
    Batch {
        /// Largest write.
        bytes: u64,
    },
}

/// How much of the load a stream carries.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Rate {
    /// A weight: the pace of the load is divided among the streams by these.
    Share(f64),
    /// Its own steady rate, records a second.
    PerS(f64),
}

/// Whether a swap of files may cut a line in two: the head goes to the old file tagged `P`, the rest to the new one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cut {
    /// Files are swapped between lines.
    #[default]
    Never,
    /// If the line that is due is longer than 16 KiB, it is cut between its parts.
    LongLines,
    /// Whatever line is due is cut. CRI only: with other framings it never happens.
    AnyLine,
}

/// One stream of the load.
#[derive(Debug, Clone, PartialEq)]
pub struct StreamPlan {
    /// Letters, digits, `-` and `.`, as a pod may be named.
    pub name: String,
    /// What its records look like.
    pub body: Body,
    /// How long they are.
    pub size: Size,
    /// How they lie in the file.
    pub framing: Framing,
    /// How they get there.
    pub write: WriteMode,
    /// How many.
    pub rate: Rate,
    /// To which output stream.
    pub output: OutputRule,
    /// The writer stops before the line that finds this many bytes in the file, and says so by `on_full`.
    pub max_size: Option<u64>,
    /// Whether a swap may cut a line.
    pub cut: Cut,
    /// The path under which its records must arrive; `None` leaves that unchecked.
    pub label: Option<String>,
    /// True if they may also arrive under an empty one.
    pub may_lack_label: bool,
    /// Folder below the root in which its tree lies; empty: the root itself.
    pub under: PathBuf,
    /// True if no file is written: somebody else brings these records to the agent, on [`LoadPlan::schedule`].
    pub is_sent: bool,
    /// Where each record is sent right after it was written to its file; nobody waits for that socket.
    pub tee: Option<SendPlan>,
    /// Name of its pod, where that is not its own: a name that is given again.
    pub pod: Option<String>,
}

impl StreamPlan {
    /// 300-byte application lines, plain, one write a line, an equal share.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            body: Body::AppText,
            size: Size::Fixed(300),
            framing: Framing::Plain,
            write: WriteMode::PerLine,
            rate: Rate::Share(1.0),
            output: OutputRule::Stdout,
            max_size: None,
            cut: Cut::Never,
            label: None,
            may_lack_label: false,
            under: PathBuf::new(),
            is_sent: false,
            tee: None,
            pod: None,
        }
    }
}

/// A load.
#[derive(Debug, Clone, PartialEq)]
pub struct LoadPlan {
    /// Tag of the run.
    pub run: u32,
    /// Seed of all texts and names.
    pub seed: u64,
    /// The pace that is divided among the streams.
    pub pace: Pace,
    /// Where the files go; paths in events are relative to it.
    pub root: PathBuf,
    /// The streams; the index is the [`StreamId`].
    pub streams: Vec<StreamPlan>,
    /// Threads that write; streams are dealt out to them in turn. At least one is used.
    pub threads: usize,
}

impl LoadPlan {
    /// The texts of all streams, for whoever must recompute one.
    pub fn payloads(&self) -> Payloads {
        Payloads::new(self.run, self.seed, self.streams.iter().map(|stream| (stream.body, stream.size)))
    }

    /// Where a stream's files lie.
    pub fn paths(&self, stream: StreamId) -> Option<StreamPaths> {
        let plan = self.streams.get(usize::from(stream.0))?;
        let root = self.root.join(&plan.under);
        Some(StreamPaths::of_pod(&root, plan.framing, &plan.name, &self.identity(stream)?))
    }

    /// The pod and the container whose output a stream is.
    pub fn identity(&self, stream: StreamId) -> Option<PodIdentity> {
        let plan = self.streams.get(usize::from(stream.0))?;
        Some(PodIdentity::new(&plan.name, plan.pod.as_deref(), self.seed))
    }

    /// When the records of a stream are due.
    pub fn schedule(&self, stream: &StreamPlan) -> Schedule {
        let weights = self.streams.iter().filter_map(|stream| match stream.rate {
            Rate::Share(weight) => Some(weight),
            Rate::PerS(_) => None,
        });
        match stream.rate {
            Rate::Share(weight) => Schedule::new(self.pace, weight / weights.sum::<f64>().max(f64::MIN_POSITIVE)),
            Rate::PerS(per_s) => Schedule::new(Pace::Steady { per_s }, 1.0),
        }
    }
}

/// Told of every generation that is opened or closed, on the writer's thread: keep it short.
pub type Observer = Arc<dyn Fn(What) + Send + Sync>;
/// Told once when a stream is full, on the writer's thread: hand it on, do not wait for a [`Ticket`] in it.
pub type OnFull = Arc<dyn Fn(StreamId) + Send + Sync>;

/// A running load. Dropping it stops it.
pub struct Writers {
    shared: Arc<Shared>,
    /// Which thread writes a stream: the index modulo their number.
    threads: Vec<JoinHandle<Vec<(StreamId, StreamReport)>>>,
    paths: Vec<StreamPaths>,
    clock: RunClock,
}

impl std::fmt::Debug for Writers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Writers").field("paths", &self.paths).finish_non_exhaustive()
    }
}

impl Writers {
    /// Creates directories, files and links, and starts to write. The schedule begins now.
    ///
    /// # Panics
    /// If the ledger has fewer streams than the plan.
    #[expect(clippy::needless_pass_by_value, reason = "a plan is spent by the load it starts")]
    pub fn start(
        plan: LoadPlan,
        ledger: Arc<Ledger>,
        clock: RunClock,
        observer: Observer,
        on_full: OnFull,
    ) -> Result<Self, WriteError> {
        check_names(&plan)?;
        let payloads = plan.payloads();
        let shared = Arc::new(Shared::new(plan.streams.len(), plan.root.clone(), ledger, clock, observer, on_full));
        let ids = || (0..plan.streams.len()).map(|at| StreamId(at as u16));
        let paths: Vec<StreamPaths> = ids().filter_map(|id| plan.paths(id)).collect();
        let mut shards: Vec<Shard> =
            (0..plan.threads.clamp(1, plan.streams.len().max(1))).map(|_| Shard::new(Arc::clone(&shared))).collect();
        let threads = shards.len();
        for ((id, paths), stream) in ids().zip(&paths).zip(&plan.streams) {
            shared.ledger.set_output(id, stream.output);
            if stream.is_sent {
                continue;
            }
            paths.create_dirs()?;
            if stream.may_lack_label {
                shared.ledger.may_lack_label(id);
            }
            if let Some(path) = &stream.label {
                shared.ledger.route(id, 0, Labels { path: path.clone() });
            }
            let payload = payloads.get(id).cloned().unwrap_or_else(|| unreachable!("one payload for each stream"));
            let writer = StreamWriter::open(id, stream, plan.schedule(stream), payload, paths.live.clone(), &shared)?;
            paths.create_links()?;
            shards[usize::from(id.0) % threads].push(writer);
        }
        shared.begin(clock.now_us());
        let mut writers = Self { shared, threads: Vec::new(), paths, clock };
        for (at, shard) in shards.into_iter().enumerate() {
            let thread = std::thread::Builder::new()
                .name(format!("load-{at}"))
                .spawn(move || shard.run())
                .map_err(WriteError::Thread)?;
            writers.threads.push(thread);
        }
        Ok(writers)
    }

    /// Where a stream's files lie.
    ///
    /// # Panics
    /// If the load has no such stream.
    pub fn paths(&self, stream: StreamId) -> &StreamPaths {
        &self.paths[usize::from(stream.0)]
    }

    /// Lets the writer go on in its old file until `delay` is over, then opens `path` (or its path anew) and closes
    /// the old file. Ends a [`Self::close`] and the halt of a full file.
    pub fn reopen(&self, stream: StreamId, path: Option<PathBuf>, delay: Duration) -> Ticket {
        self.reopen_as(stream, path, None, delay)
    }

    /// As [`Self::reopen`]; from the first record in the new file on, records must arrive under the path `label`.
    pub fn reopen_as(&self, stream: StreamId, path: Option<PathBuf>, label: Option<String>, delay: Duration) -> Ticket {
        let at_us = self.clock.now_us() + delay.as_micros() as u64;
        self.ask(stream, |done| Command::Reopen(Reopen { path, label, at_us, done }))
    }

    /// Lets the writer close its file and hold its records until [`Self::reopen`].
    pub fn close(&self, stream: StreamId) -> Ticket {
        self.ask(stream, Command::Close)
    }

    /// Lets the writer hold its records, its file open. When the ticket is done, no write is under way.
    pub fn hold(&self, stream: StreamId) -> Ticket {
        self.ask(stream, Command::Hold)
    }

    /// Ends [`Self::hold`]; what became due meanwhile is written at once.
    pub fn release(&self, stream: StreamId) -> Ticket {
        self.ask(stream, Command::Release)
    }

    fn ask(&self, stream: StreamId, command: impl FnOnce(Done) -> Command) -> Ticket {
        let (done, ticket) = Done::new();
        if let Some(desk) = self.shared.desks.get(usize::from(stream.0))
            && let Some(thread) = self.threads.get(usize::from(stream.0) % self.threads.len().max(1))
        {
            desk.ask(command(done));
            thread.thread().unpark();
        }
        ticket
    }

    /// The size of the file a stream has open, bytes, as the file system knows it; `None` while none is open.
    pub fn file_size(&self, stream: StreamId) -> Option<u64> {
        let file = lock(&self.shared.desks.get(usize::from(stream.0))?.file);
        file.as_ref().and_then(|file| file.metadata().ok()).map(|meta| meta.len())
    }

    /// From now on all schedules run at `factor` times their pace; 0 pauses them.
    pub fn set_rate(&self, factor: f64) {
        self.shared.reins.set_rate(factor);
        for thread in &self.threads {
            thread.thread().unpark();
        }
    }

    /// How late the load was so far.
    pub fn late(&self) -> Lateness {
        self.shared.reins.late.read()
    }

    /// Failures so far, the first thousand.
    pub fn errors(&self) -> Vec<WriteFault> {
        self.shared.reins.faults.read().0
    }

    /// Stops writing, closes the files, and tells what was done.
    pub fn stop(mut self) -> LoadReport {
        let mut streams = vec![StreamReport::default(); self.paths.len()];
        for (stream, report) in self.join() {
            streams[usize::from(stream.0)] = report;
        }
        self.shared.reins.report(streams)
    }

    fn join(&mut self) -> Vec<(StreamId, StreamReport)> {
        self.shared.reins.stop();
        for thread in &self.threads {
            thread.thread().unpark();
        }
        // A writer that panicked has been reported on stderr by the panic itself; its streams show no records.
        self.threads.drain(..).flat_map(|thread| thread.join().unwrap_or_default()).collect()
    }
}

impl Drop for Writers {
    fn drop(&mut self) {
        self.join();
    }
}

fn check_names(plan: &LoadPlan) -> Result<(), WriteError> {
    for (at, stream) in plan.streams.iter().enumerate() {
        if !layout::is_plain_name(&stream.name) {
            return Err(WriteError::Name(stream.name.clone()));
        }
        if plan.streams[..at].iter().any(|other| other.name == stream.name && other.framing == stream.framing) {
            return Err(WriteError::SameName(stream.name.clone()));
        }
    }
    Ok(())
}

/// A path as events tell it.
pub(crate) fn shown(path: &Path, root: &Path) -> String {
    let path = path.strip_prefix(root).unwrap_or(path);
    path.as_os_str().as_encoded_bytes().utf8_chunks().fold(String::new(), |mut text, chunk| {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().flat_map(|byte| format!("\\x{byte:02x}").into_bytes()).map(char::from));
        text
    })
}
