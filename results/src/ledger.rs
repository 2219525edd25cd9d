//! The live front of the books: the generator books here before it writes, the receivers book what comes back.
//!
//! ```text
//! generator ── reserve ▸ sent ▸ write(2) ▸ written ──┐             ┌── totals, streams, latency ─▶ screen
//!                                                    ├─▶ [ books ] ┤
//! receivers ── intake: begin ▸ record… ▸ end ────────┘             └── flush, close ─▶ books.bin
//! ```
//! The generator's side is a few atomics, so a booking costs no lock. Doublings are allowed per record: a record that
//! was in flight when the agent went down, or whose answer was lost on purpose, may arrive once more for each time.
//!
//! With several routes the generator still books once, and every record is due on each of them; an intake belongs to one.

mod damage;
mod intake;
mod labels;
mod latency;
mod recent;
mod repair;
mod source;
mod state;
mod view;

use std::{
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

pub use intake::Intake;
pub use labels::{Labels, OutputRule, Seen};
pub use latency::{LatencySample, LatencySamples};
pub use recent::BatchId;
use thiserror::Error;

use self::{intake::Collected, recent::Stretch, state::State};
use crate::{
    books::{Allowance, Books, BooksFileError, BooksWriter, Marks, entry::Entry},
    identity::StreamId,
    route::{MAX_ROUTES, RouteId, Routes},
};

/// What a ledger is for. By default: no streams, one route, in memory, no time to settle.
#[derive(Debug, Clone, Default)]
pub struct LedgerPlan {
    /// Tag of the run.
    pub run: u32,
    /// Names of the streams; the index is the [`StreamId`].
    pub streams: Vec<String>,
    /// Where the books are kept so that they survive the bench; `None` keeps them in memory only.
    pub books: Option<PathBuf>,
    /// How long after an answer the agent may still be about to note it, microseconds.
    pub settle_us: u64,
    /// The routes that every record takes; the index is the [`RouteId`]. None: one without a name.
    pub routes: Vec<RouteBook>,
    /// Streams of which nothing may arrive, on any route.
    pub dropped: Vec<StreamId>,
}

/// A route to keep books of. What it is held to is in [`crate::contract::Contract::routes`].
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteBook {
    /// Its name.
    pub name: String,
}

/// Why books cannot be kept.
#[derive(Debug, Error)]
pub enum LedgerError {
    /// More streams than a stamp can tell apart.
    #[error("keep books of {0} streams (over all routes): at most 65536 fit; use fewer streams")]
    TooManyStreams(usize),
    /// More routes than can be told apart.
    #[error("keep books of {0} routes: at most 256 fit; use fewer routes")]
    TooManyRoutes(usize),
    /// A stream to drop that does not exist.
    #[error("keep books of stream {0}, which is to be dropped: there are {1} streams; name one of them")]
    NoStream(u16, usize),
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
    routes: Routes,
    /// One a stream, for all routes.
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
        let entries = count * plan.routes.len().max(1);
        if entries > usize::from(u16::MAX) + 1 {
            return Err(LedgerError::TooManyStreams(entries));
        }
        if plan.routes.len() > MAX_ROUTES {
            return Err(LedgerError::TooManyRoutes(plan.routes.len()));
        }
        if let Some(stream) = plan.dropped.iter().find(|stream| usize::from(stream.0) >= count) {
            return Err(LedgerError::NoStream(stream.0, count));
        }
        let names: Vec<String> = plan.routes.into_iter().map(|route| route.name).collect();
        let books = Books::on_routes(plan.run, &plan.streams, &names, &plan.dropped);
        let file = match plan.books {
            Some(path) => Some(BooksWriter::create(path, &books)?),
            None => None,
        };
        Ok(Arc::new(Self {
            run: plan.run,
            settle_us: plan.settle_us,
            routes: books.routes().clone(),
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
        let Some(file) = &mut *file else { return Ok(()) };
        let marks = marks.load();
        let entry = |route| Entry::Marks { stream: self.routes.entry(route, stream).0, marks };
        let entries: Vec<Entry> = self.routes.ids().map(entry).collect();
        Ok(file.append(&entries)?)
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

    /// Records of a stream may arrive under an empty label: there may be nobody left who could tell. Call it before the load.
    pub fn may_lack_label(&self, stream: StreamId) {
        lock(&self.state).paths.may_lack(stream);
    }

    /// From `from_seq` on, records of a stream must arrive under these labels, on whichever route.
    pub fn route(&self, stream: StreamId, from_seq: u64, labels: Labels) {
        lock(&self.state).paths.set(stream, from_seq, labels);
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

    /// A connection or output file of the first route, through which records come in from now on.
    pub fn intake(self: &Arc<Self>) -> Intake {
        self.intake_on(RouteId(0))
    }

    /// The same of any route.
    ///
    /// # Panics
    /// If there is no such route.
    pub fn intake_on(self: &Arc<Self>, route: RouteId) -> Intake {
        assert!(usize::from(route.0) < self.routes.count(), "a route of the ledger's plan");
        Intake::new(Arc::clone(self), route)
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
    pub fn agent_down(&self, now_us: u64, fault_id: u32) {
        self.agent_down_on(&self.routes.ids().collect::<Vec<_>>(), now_us, fault_id);
    }

    /// The same for a process that only these routes go through.
    pub fn agent_down_on(&self, routes: &[RouteId], now_us: u64, _fault_id: u32) {
        let mut state = lock(&self.state);
        for route in routes {
            state.crashes[usize::from(route.0)] += 1;
            let entries = self.routes.entries(*route);
            let stretches = state.recent.in_flight(now_us.saturating_sub(self.settle_us), &entries);
            state.allow(stretches, Allowance::InFlight);
        }
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

    /// For a new intake of a route: how many crashes there were, and which rules hold.
    fn opening(&self, route: RouteId) -> (u64, Arc<[OutputRule]>) {
        (lock(&self.state).crashes[usize::from(route.0)], Arc::clone(&lock(&self.rules)))
    }

    fn sent_so_far(&self, stream: StreamId) -> Option<u64> {
        self.marks.get(usize::from(stream.0)).map(|marks| marks.sent.load(Ordering::Acquire))
    }

    fn book(&self, collected: &mut Collected, route: RouteId, opened_at: u64, now_us: u64) {
        let mut state = lock(&self.state);
        let sent = |stream: u16| self.marks[usize::from(stream)].sent.load(Ordering::Acquire);
        state.book(collected, (route, opened_at), now_us, sent);
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
