//! The live front of the books: the generator books here before it writes, the receivers book what comes back.
//!
//! ```text
//! generator ── reserve ▸ sent ▸ write(2) ▸ written ──┐             ┌── totals, streams, latency ─▶ screen
//!                                                    ├─▶ [ books ] ┤
//! receivers ── intake: begin ▸ record… ▸ end ────────┘             └── flush, close ─▶ books.bin
//! ```
//! The generator's side is a few atomics, so a booking costs no lock. Doublings are allowed per record: a record that
//! was in flight when the agent went down, or whose answer was lost on purpose, may arrive once more for each time.

mod damage;
mod intake;
mod labels;
mod latency;
mod recent;
mod repair;
mod state;

use std::{
    ops::Range,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

pub use intake::Intake;
pub use labels::{Labels, OutputRule, Seen};
pub use latency::LatencySample;
pub use recent::BatchId;
use thiserror::Error;

use self::{intake::Collected, recent::Stretch, state::State};
use crate::{
    books::{Allowance, Books, BooksFileError, BooksWriter, Marks, StreamBook, entry::Entry},
    event::StreamSample,
    identity::StreamId,
    outcome::{BookTotals, Latency},
};

/// What a ledger is for.
#[derive(Debug, Clone)]
pub struct LedgerPlan {
    /// Tag of the run.
    pub run: u32,
    /// Names of the streams; the index is the [`StreamId`].
    pub streams: Vec<String>,
    /// Where the books are kept so that they survive the bench; `None` keeps them in memory only.
    pub books: Option<PathBuf>,
    /// How long after an answer the agent may still be about to note it, microseconds.
    pub settle_us: u64,
}

/// Why books cannot be kept.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// More streams than a stamp can tell apart.
    #[error("keep books of {0} streams: at most 65536 fit; use fewer streams")]
    TooManyStreams(usize),
    /// The books file could not be written.
    #[error(transparent)]
    File(#[from] BooksFileError),
}

/// Entries waiting for [`Ledger::flush`] before the ledger writes them by itself.
const MAX_PENDING: usize = 1 << 16;

/// The generator's side of a stream.
#[derive(Debug, Default)]
struct AtomicMarks {
    reserved: AtomicU64,
    sent: AtomicU64,
    written: AtomicU64,
    bytes: AtomicU64,
}

impl AtomicMarks {
    fn load(&self) -> Marks {
        // In this order, what is seen as written is seen as sent, and that as reserved.
        let bytes = self.bytes.load(Ordering::Acquire);
        let written = self.written.load(Ordering::Acquire);
        let sent = self.sent.load(Ordering::Acquire).max(written);
        let reserved = self.reserved.load(Ordering::Acquire).max(sent);
        Marks { reserved, sent, written, bytes }
    }
}

/// The books of a running run. All methods may be called from any thread.
#[derive(Debug)]
pub struct Ledger {
    run: u32,
    settle_us: u64,
    marks: Vec<AtomicMarks>,
    state: Mutex<State>,
    file: Mutex<Option<BooksWriter>>,
    /// What went wrong while an intake had to write, for the next flush to tell.
    late_error: Mutex<Option<LedgerError>>,
    rules: Mutex<Arc<[OutputRule]>>,
}

impl Ledger {
    /// Opens the books, and their file if there is to be one.
    pub fn create(plan: LedgerPlan) -> Result<Arc<Self>, LedgerError> {
        let count = plan.streams.len();
        if count > usize::from(u16::MAX) + 1 {
            return Err(LedgerError::TooManyStreams(count));
        }
        let books = Books::new(plan.run, plan.streams);
        let file = match plan.books {
            Some(path) => Some(BooksWriter::create(path, &books)?),
            None => None,
        };
        Ok(Arc::new(Self {
            run: plan.run,
            settle_us: plan.settle_us,
            marks: (0..count).map(|_| AtomicMarks::default()).collect(),
            state: Mutex::new(State::new(books, file.is_some())),
            file: Mutex::new(file),
            late_error: Mutex::new(None),
            rules: Mutex::new(vec![OutputRule::default(); count].into()),
        }))
    }

    /// Notes that records below `upto` may be written from now on. It is in the file when this returns, so it
    /// survives a kill of the bench (though not a power cut). Call it for blocks of many records.
    pub fn reserve(&self, stream: StreamId, upto: u64) -> Result<(), LedgerError> {
        let mut file = lock(&self.file);
        let marks = &self.marks[usize::from(stream.0)];
        marks.reserved.fetch_max(upto, Ordering::AcqRel);
        let entry = Entry::Marks { stream: stream.0, marks: marks.load() };
        match &mut *file {
            Some(file) => Ok(file.append([&entry])?),
            None => Ok(()),
        }
    }

    /// Books records below `upto` as sent. Call it before the write.
    pub fn sent(&self, stream: StreamId, upto: u64) {
        self.marks[usize::from(stream.0)].sent.fetch_max(upto, Ordering::AcqRel);
    }

    /// Books records below `upto` as written; `bytes` is how many bytes this write added.
    pub fn written(&self, stream: StreamId, upto: u64, bytes: u64) {
        let marks = &self.marks[usize::from(stream.0)];
        marks.written.fetch_max(upto, Ordering::AcqRel);
        marks.bytes.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Books records as lost before any agent could read them, with the evidence.
    pub fn source_lost(&self, stream: StreamId, seqs: Range<u64>, why: &str) {
        let why = intake::excerpt(why.as_bytes());
        let count = seqs.end.saturating_sub(seqs.start);
        let mut state = lock(&self.state);
        state.add(Entry::SourceLost { stream: stream.0, seqs });
        state.add(Entry::SourceLostWhy { stream: stream.0, why, count });
    }

    /// Notes that the write of a record ended after `bytes` bytes of its line: the record is lost at the source, and one
    /// text that may be what is left of it is not held against the agent. Call it beside [`Self::source_lost`], which has
    /// the reason.
    pub fn torn(&self, stream: StreamId, seq: u64, bytes: u64) {
        let mut state = lock(&self.state);
        state.add(Entry::SourceLost { stream: stream.0, seqs: seq..seq + 1 });
        if bytes > 0 {
            state.add(Entry::Torn { count: 1 });
        }
    }

    /// From `from_seq` on, records of a stream must arrive under these labels.
    pub fn route(&self, stream: StreamId, from_seq: u64, labels: Labels) {
        lock(&self.state).routes.set(stream, from_seq, labels);
    }

    /// Which output stream the records of a stream must carry as a label; stdout until told. Call it before the load.
    pub fn set_output(&self, stream: StreamId, rule: OutputRule) {
        let mut rules = lock(&self.rules);
        let mut changed = rules.to_vec();
        if let Some(of) = changed.get_mut(usize::from(stream.0)) {
            *of = rule;
        }
        *rules = changed.into();
    }

    /// A connection or output file through which records come in from now on.
    pub fn intake(self: &Arc<Self>) -> Intake {
        Intake::new(Arc::clone(self))
    }

    /// A batch was answered with success (or read, for a file).
    pub fn answered(&self, batch: BatchId, now_us: u64) {
        let mut state = lock(&self.state);
        state.recent.answered(batch, now_us);
        state.recent.settle(now_us.saturating_sub(self.settle_us));
    }

    /// A batch was taken, and its answer was lost on purpose: its records may be doubled once more. The fault of
    /// that number is in the events of the run.
    pub fn answer_lost(&self, batch: BatchId, _fault_id: u32) {
        let mut state = lock(&self.state);
        let stretches = state.recent.take(batch);
        state.allow(stretches, Allowance::AnswerLost);
    }

    /// Nothing more will be said of a batch, and no doubling of it is to be allowed.
    pub fn forget(&self, batch: BatchId) {
        lock(&self.state).recent.take(batch);
    }

    /// The agent went down at `now_us`, by the fault of that number: what was in flight may be doubled once more.
    /// That is what has arrived and was not answered, or answered less than the settling time ago, or arrives later
    /// through an intake opened before. Nothing else.
    pub fn agent_down(&self, now_us: u64, _fault_id: u32) {
        let mut state = lock(&self.state);
        state.crashes += 1;
        let stretches = state.recent.in_flight(now_us.saturating_sub(self.settle_us));
        state.allow(stretches, Allowance::InFlight);
    }

    /// The counts so far. What is on its way counts as lost here.
    pub fn totals(&self) -> BookTotals {
        self.state().books.totals()
    }

    /// Written and delivered records of every stream.
    pub fn streams(&self) -> Vec<StreamSample> {
        let state = self.state();
        let sample = |book: &StreamBook| StreamSample(book.marks().written, book.arrived().count());
        state.books.streams().iter().map(sample).collect()
    }

    /// Bytes written so far, with framing.
    pub fn written_bytes(&self) -> u64 {
        self.marks.iter().map(|marks| marks.bytes.load(Ordering::Relaxed)).sum()
    }

    /// Delivery latency since the last call.
    pub fn take_latency(&self) -> LatencySample {
        lock(&self.state).latencies.take()
    }

    /// Only records due in `[from_us, to_us)` count for [`Self::latency`]. Holds for what arrives from now on.
    pub fn measure(&self, from_us: u64, to_us: u64) {
        lock(&self.state).latencies.measure(from_us, to_us);
    }

    /// Delivery latency of the records due in the measure window.
    pub fn latency(&self) -> Latency {
        lock(&self.state).latencies.measured()
    }

    /// A copy of the books as they are.
    pub fn snapshot(&self) -> Books {
        self.state().books.clone()
    }

    /// Writes what is new to the file. Call it about four times a second; it is one write(2).
    pub fn flush(&self) -> Result<(), LedgerError> {
        if let Some(error) = lock(&self.late_error).take() {
            return Err(error);
        }
        let mut file = lock(&self.file);
        let Some(file) = &mut *file else { return Ok(()) };
        let mut state = self.state();
        let pending = state.pending.replace(Vec::new()).unwrap_or_default();
        let marks: Vec<Entry> = state.marks_entries();
        drop(state);
        Ok(file.append(marks.iter().chain(&pending))?)
    }

    /// Closes the books: the file is replaced by a snapshot that says it is complete. What arrives later is booked
    /// in memory only.
    pub fn close(&self) -> Result<Books, LedgerError> {
        let file = lock(&self.file).take();
        let mut state = self.state();
        state.pending = None;
        let books = state.books.clone();
        drop(state);
        if let Some(file) = file {
            file.finish(&books)?;
        }
        Ok(books)
    }

    /// For a new intake: how many crashes there were, and which rules hold.
    fn opening(&self) -> (u64, Arc<[OutputRule]>) {
        (lock(&self.state).crashes, Arc::clone(&lock(&self.rules)))
    }

    fn sent_so_far(&self, stream: StreamId) -> Option<u64> {
        self.marks.get(usize::from(stream.0)).map(|marks| marks.sent.load(Ordering::Acquire))
    }

    fn book(&self, collected: &mut Collected, opened_at: u64, now_us: u64) {
        let mut state = lock(&self.state);
        state.book(collected, opened_at, now_us, |stream| self.marks[usize::from(stream)].sent.load(Ordering::Acquire));
        let full = state.pending.as_ref().is_some_and(|pending| pending.len() > MAX_PENDING);
        drop(state);
        if full && let Err(error) = self.flush() {
            *lock(&self.late_error) = Some(error);
        }
    }

    fn batch(&self, stretches: Vec<Stretch>) -> BatchId {
        lock(&self.state).recent.push(stretches)
    }

    /// The state, with the generator's side brought up to date.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = lock(&self.state);
        state.advance(self.marks.iter().map(AtomicMarks::load));
        state
    }
}

/// A lock whose holder panicked still guards consistent counts: every booking is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
