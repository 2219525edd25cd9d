//! How it goes, as figures: put up by the loop a few times a second, read by whoever asks.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicU64, Ordering},
};

use super::{Service, health::Unwell};
use crate::buffer::{Lane, StoreCounters};

/// Everything that can be asked about a running pipeline.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Figures {
    /// When it was put up, ms of the clock of the process.
    pub(crate) at_ms: u64,
    /// Seconds since 1970 at which the process started.
    pub(crate) started_unix_s: u64,
    /// How often a new configuration was taken over.
    pub(crate) reloads: u64,
    /// Each input.
    pub(crate) inputs: Vec<InputFigures>,
    /// Each filter.
    pub(crate) filters: Vec<FilterFigures>,
    /// Each output.
    pub(crate) outputs: Vec<OutputFigures>,
    /// Records that no output wanted.
    pub(crate) unrouted: u64,
    /// The buffer on disk, if there is one.
    pub(crate) store: Option<StoreCounters>,
    /// What is wrong, if anything is.
    pub(crate) unwell: Vec<Unwell>,
}

/// One input.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct InputFigures {
    pub(crate) name: String,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    /// Bytes that wait for outputs, and how many may.
    pub(crate) waiting_bytes: u64,
    pub(crate) limit_bytes: u64,
    /// No room: nothing is read until outputs take something.
    pub(crate) paused: bool,
    /// Messages that could not be understood.
    pub(crate) malformed: u64,
    /// Records that were lost before they could be read, where that can be told.
    pub(crate) lost: u64,
    /// What only files have.
    pub(crate) files: Option<FileFigures>,
}

/// What only files have.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct FileFigures {
    pub(crate) opened: u64,
    pub(crate) closed: u64,
    pub(crate) rotated: u64,
    pub(crate) truncated: u64,
    pub(crate) missing: u64,
    pub(crate) long_lines: u64,
    pub(crate) errors: u64,
    /// Bytes that are in the files and were not read, as the second look found.
    pub(crate) unread_bytes: u64,
    /// Longest time that a file with unread bytes has not moved, ms.
    pub(crate) stalled_ms: u64,
}

/// One filter.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FilterFigures {
    pub(crate) name: String,
    pub(crate) records: u64,
    pub(crate) dropped: u64,
    pub(crate) added: u64,
    /// Records at which it failed; they passed as they were.
    pub(crate) failed: u64,
    /// Records that it keeps back now.
    pub(crate) held: u64,
}

/// One output.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct OutputFigures {
    pub(crate) name: String,
    pub(crate) deliveries: u64,
    pub(crate) records: u64,
    pub(crate) bytes: u64,
    /// Deliveries that failed and were repeated.
    pub(crate) retries: u64,
    /// Records given up because `Retry_Limit` was reached, or dropped at `storage.total_limit_size`.
    pub(crate) dropped: u64,
    /// Bytes on disk that wait for it.
    pub(crate) stored_bytes: u64,
    /// Records that the other side can never take.
    pub(crate) refused: u64,
}

/// Where the figures are put up. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Board(Arc<Mutex<Arc<Figures>>>);

impl Board {
    /// What was put up last.
    pub(crate) fn read(&self) -> Arc<Figures> {
        Arc::clone(&self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Puts new figures up.
    pub(crate) fn put(&self, figures: Figures) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(figures);
    }
}

impl Service {
    fn input_figures(&self, index: usize, at_ms: u64) -> InputFigures {
        let mut figures = InputFigures {
            name: self.names[index].clone(),
            waiting_bytes: self.buffer.used(index) as u64,
            limit_bytes: self.limits[index] as u64,
            paused: self.buffer.room(index) == 0,
            ..InputFigures::default()
        };
        if let Some(input) = self.inputs.iter().find(|input| input.index == index) {
            let (parsed, tailed) = (input.parsed(), input.tailed());
            figures.records = parsed.records;
            figures.malformed = parsed.unparsed;
            figures.bytes = tailed.bytes;
            figures.files = Some(FileFigures {
                opened: tailed.files_opened,
                closed: tailed.files_closed,
                rotated: tailed.rotations,
                truncated: tailed.truncations,
                missing: tailed.missing,
                long_lines: tailed.long_lines,
                errors: tailed.errors,
                unread_bytes: input.unread.bytes(),
                stalled_ms: input.unread.stalled_ms(at_ms),
            });
        }
        if let Some(listener) = self.listeners.iter().find(|listener| listener.index == index) {
            figures.records = of(&listener.counters.records);
            figures.bytes = of(&listener.counters.bytes);
            figures.malformed = of(&listener.counters.malformed);
            figures.lost = of(&listener.counters.lost);
        }
        figures
    }

    /// The figures of now; what is unwell is for [`super::health`] to say.
    pub(super) fn figures(&self, at_ms: u64) -> Figures {
        let filters = self.chain.counters().map(|(name, counters)| FilterFigures {
            name: name.to_owned(),
            records: of(&counters.records),
            dropped: of(&counters.dropped),
            added: of(&counters.added),
            failed: of(&counters.failed),
            held: of(&counters.held),
        });
        let outputs = self.outputs.iter().enumerate().map(|(lane, output)| {
            let counters = &output.counters;
            OutputFigures {
                name: output.name.clone(),
                deliveries: of(&counters.deliveries),
                records: of(&counters.records),
                bytes: of(&counters.bytes),
                retries: of(&counters.retries),
                dropped: of(&counters.dropped) + self.buffer.overflowed(Lane(lane)),
                stored_bytes: self.buffer.stored(Lane(lane)),
                refused: of(&counters.refused),
            }
        });
        Figures {
            at_ms,
            started_unix_s: self.office.started_unix_s,
            reloads: self.office.reloads,
            inputs: (0..self.names.len()).map(|index| self.input_figures(index, at_ms)).collect(),
            filters: filters.collect(),
            outputs: outputs.collect(),
            unrouted: self.buffer.unrouted(),
            store: self.buffer.store_counters(),
            unwell: Vec::new(),
        }
    }
}

fn of(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
