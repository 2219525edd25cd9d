//! Where inputs that are not files put their records, and how they learn that these were taken.
//!
//! Each such input has a thread of its own. It asks for room, which is how a full buffer slows it down, pushes records
//! and may wait for the receipt before it tells its peer that they have arrived.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use tokio::sync::{oneshot, watch};

use crate::{
    buffer::{Buffer, Done, Note},
    chunk::{Source, SourceId},
    event::Event,
    filter::Chain,
    parse::{Batch, Now},
    service::clock::Clock,
};

/// The way of one input into the pipeline. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Intake {
    name: Arc<str>,
    input: usize,
    buffer: Arc<Buffer>,
    chain: Arc<Chain>,
    clock: Clock,
    stop: watch::Receiver<bool>,
    source: Arc<Source>,
    counters: Arc<IntakeCounters>,
}

/// What an input counted since the start; read while it works.
#[derive(Debug, Default)]
pub struct IntakeCounters {
    /// Records that were pushed.
    pub records: AtomicU64,
    /// Bytes of what arrived.
    pub bytes: AtomicU64,
    /// Messages that could not be understood: refused, or kept raw where the protocol has no refusal.
    pub malformed: AtomicU64,
    /// Records that were lost before they could be taken, where the input can tell (a socket without backpressure).
    pub lost: AtomicU64,
    /// It has come to its end, and the pipeline is to end with it.
    pub over: AtomicBool,
}

/// Resolves once everything that was pushed has been taken by every output it was routed to.
#[derive(Debug)]
pub struct Receipt(oneshot::Receiver<()>);

impl Receipt {
    /// Waits until it is taken; for ever if it goes down with the service.
    pub async fn taken(self) {
        if self.0.await.is_err() {
            // Whoever had the records in hand is gone: they were not taken, and never will be.
            std::future::pending::<()>().await;
        }
    }
}

impl Intake {
    pub(crate) fn new(
        name: &str,
        input: usize,
        buffer: Arc<Buffer>,
        chain: Arc<Chain>,
        clock: Clock,
        stop: watch::Receiver<bool>,
    ) -> Self {
        let source = Source { id: SourceId(0), path: std::path::PathBuf::new(), tag: "".into(), lineage: 0, base: 0 };
        let (source, counters) = (Arc::new(source), Arc::new(IntakeCounters::default()));
        Self { name: name.into(), input, buffer, chain, clock, stop, source, counters }
    }

    /// Its name in messages.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Waits until the buffer has room for this input.
    pub async fn room(&self) {
        loop {
            let made = self.buffer.room_made(self.input);
            if self.buffer.room(self.input) > 0 {
                return;
            }
            // A full disk that takes records again tells nobody.
            let _ = tokio::time::timeout(std::time::Duration::from_millis(500), made).await;
        }
    }

    /// Passes records through the filters into the buffer. More than there was room for is taken as well, so a message
    /// is never cut: bound its size before.
    pub fn push(&self, tag: &Arc<str>, events: Vec<Event>) -> Receipt {
        let (tell, told) = oneshot::channel();
        self.pass(tag, events, Done::Told(tell));
        Receipt(told)
    }

    /// As [`Intake::push`]; `note` is done as soon as all of it is taken, by whoever took the last of it.
    pub(crate) fn push_noted(&self, tag: &Arc<str>, events: Vec<Event>, note: Note) -> Receipt {
        let (tell, told) = oneshot::channel();
        self.pass(tag, events, Done::Noted(note, tell));
        Receipt(told)
    }

    fn pass(&self, tag: &Arc<str>, events: Vec<Event>, done: Done) {
        self.counters.records.fetch_add(events.len() as u64, Ordering::Relaxed);
        let mut batch = Batch::of_events(self.input, Arc::clone(tag), Arc::clone(&self.source), events);
        batch.holds.push(self.buffer.hold(self.input, done));
        self.chain.push(batch, &self.buffer, self.clock.mono_ms());
    }

    /// Resolves when nothing new is to be read: the input finishes what it has in hand, waits for its receipts, ends.
    pub async fn stopped(&self) {
        let mut stop = self.stop.clone();
        // The service that says it may have ended without: that is a stop as well.
        let _ = stop.wait_for(|stopped| *stopped).await;
    }

    /// Nothing more will come, and the pipeline is to end once all of it is delivered.
    pub(crate) fn end(&self) {
        self.counters.over.store(true, Ordering::Release);
        self.buffer.wake();
    }

    /// What time it is.
    pub fn now(&self) -> Now {
        Now { unix_ns: self.clock.unix_ns(), mono_ms: self.clock.mono_ms() }
    }

    /// What it counts.
    pub fn counters(&self) -> &Arc<IntakeCounters> {
        &self.counters
    }
}
