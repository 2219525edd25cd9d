//! One writer thread: its streams in turn, sleeping until the next record is due.

use std::{
    ops::Range,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use results::{identity::StreamId, ledger::Ledger};

use super::{
    Observer, OnFull, StreamReport, WriteFault, block::Block, control::Desk, reins::Reins, stream::StreamWriter,
};
use crate::{clock::RunClock, frame::Framing, payload::Payload};

/// Longest sleep: a request or a change of rate wakes the thread anyway.
const STEP_US: u64 = 1_000;

/// What all writer threads and the outside share.
pub(super) struct Shared {
    pub(super) root: PathBuf,
    pub(super) ledger: Arc<Ledger>,
    pub(super) clock: RunClock,
    pub(super) observer: Observer,
    pub(super) on_full: OnFull,
    pub(super) desks: Vec<Arc<Desk>>,
    pub(super) reins: Reins,
    /// When the schedules began, microseconds since the start of the run.
    start_us: AtomicU64,
}

impl Shared {
    pub(super) fn new(
        streams: usize,
        root: PathBuf,
        ledger: Arc<Ledger>,
        clock: RunClock,
        observer: Observer,
        on_full: OnFull,
    ) -> Self {
        Self {
            root,
            ledger,
            clock,
            observer,
            on_full,
            desks: (0..streams).map(|_| Arc::default()).collect(),
            reins: Reins::default(),
            start_us: AtomicU64::new(0),
        }
    }

    pub(super) fn begin(&self, at_us: u64) {
        self.start_us.store(at_us, Ordering::Release);
    }

    pub(super) fn start_us(&self) -> u64 {
        self.start_us.load(Ordering::Acquire)
    }

    pub(super) fn fault(&self, stream: StreamId, at_us: u64, lost: u64, error: String) {
        self.reins.faults.push(WriteFault { stream, at_us, lost, error });
    }
}

/// Fewest and most records reserved at once.
pub(super) const RESERVE: Range<u64> = 1_024..65_536;

/// Books records below `upto` as sent, reserving more first if need be; false if the books cannot be written.
pub(super) fn book(id: StreamId, upto: u64, reserved: &mut u64, ahead: u64, now_us: u64, shared: &Shared) -> bool {
    if upto > *reserved {
        let block = upto + ahead.clamp(RESERVE.start, RESERVE.end);
        if let Err(error) = shared.ledger.reserve(id, block) {
            shared.fault(id, now_us, 0, format!("reserve records in the books: {error}"));
            return false;
        }
        *reserved = block;
    }
    shared.ledger.sent(id, upto);
    true
}

/// The blocks of one thread, shared by its streams of the same kind.
#[derive(Debug, Default)]
pub(super) struct Blocks(Vec<Block>);

impl Blocks {
    pub(super) fn get(&mut self, payload: &Payload, framing: Framing) -> &mut Block {
        let found = self.0.iter().position(|block| block.fits(payload.pool(), framing));
        let at = found.unwrap_or_else(|| {
            self.0.push(Block::new(payload.pool(), framing));
            self.0.len() - 1
        });
        &mut self.0[at]
    }
}

/// The streams of one thread.
pub(super) struct Shard {
    shared: Arc<Shared>,
    streams: Vec<StreamWriter>,
    blocks: Blocks,
    factor_turn: u64,
}

impl Shard {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self { shared, streams: Vec::new(), blocks: Blocks::default(), factor_turn: 0 }
    }

    pub(super) fn push(&mut self, stream: StreamWriter) {
        self.streams.push(stream);
    }

    /// Writes until told to stop.
    pub(super) fn run(mut self) -> Vec<(StreamId, StreamReport)> {
        let shared = Arc::clone(&self.shared);
        let mut last_us = shared.clock.now_us();
        while !shared.reins.is_stopped() {
            let now_us = shared.clock.now_us();
            self.follow_factor(now_us);
            let (mut late_us, mut wake_us) = (0, now_us + STEP_US);
            for stream in &mut self.streams {
                let step = stream.step(now_us, &mut self.blocks, &shared);
                late_us = late_us.max(step.late_us);
                wake_us = wake_us.min(step.wake_us);
            }
            shared.reins.late.note(now_us - last_us, late_us);
            last_us = now_us;
            shared.clock.park_until(wake_us);
        }
        let now_us = shared.clock.now_us();
        self.streams.into_iter().map(|stream| stream.finish(now_us, &shared)).collect()
    }

    fn follow_factor(&mut self, now_us: u64) {
        let Some(factor) = self.shared.reins.new_factor(&mut self.factor_turn) else { return };
        for stream in &mut self.streams {
            stream.set_factor(now_us.saturating_sub(self.shared.start_us()), factor);
        }
    }
}
