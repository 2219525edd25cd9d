//! What the outside tells whoever makes load, whatever its kind, and what is told back.

use std::sync::{
    Mutex,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

use super::{LoadReport, StreamReport, WriteFault, control::lock, late::Meter};

/// Failures kept in full.
const MAX_FAULTS: usize = 1_000;

/// Failures: the first thousand, and how many there were.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<(Vec<WriteFault>, u64)>);

impl Faults {
    pub(crate) fn push(&self, fault: WriteFault) {
        let mut faults = lock(&self.0);
        faults.1 += 1;
        if faults.0.len() < MAX_FAULTS {
            faults.0.push(fault);
        }
    }

    pub(crate) fn read(&self) -> (Vec<WriteFault>, u64) {
        lock(&self.0).clone()
    }
}

/// What threads that make load share with the outside.
#[derive(Debug)]
pub(crate) struct Reins {
    stop: AtomicBool,
    /// Times the pace of the plan, and how often it was set.
    factor: Mutex<(f64, u64)>,
    factor_turn: AtomicU64,
    pub(crate) late: Meter,
    pub(crate) faults: Faults,
}

impl Default for Reins {
    fn default() -> Self {
        Self {
            stop: AtomicBool::new(false),
            factor: Mutex::new((1.0, 0)),
            factor_turn: AtomicU64::new(0),
            late: Meter::default(),
            faults: Faults::default(),
        }
    }
}

impl Reins {
    pub(crate) fn stop(&self) {
        self.stop.store(true, Ordering::Release);
    }

    pub(crate) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Acquire)
    }

    /// From now on schedules run at `factor` times their pace; 0 pauses them.
    pub(crate) fn set_rate(&self, factor: f64) {
        let mut entry = lock(&self.factor);
        *entry = (factor, entry.1 + 1);
        self.factor_turn.store(entry.1, Ordering::Release);
    }

    /// The factor, if it was set since `seen`, which it updates; free while it was not.
    pub(crate) fn new_factor(&self, seen: &mut u64) -> Option<f64> {
        if self.factor_turn.load(Ordering::Acquire) == *seen {
            return None;
        }
        let (factor, turn) = *lock(&self.factor);
        *seen = turn;
        Some(factor)
    }

    /// What was done, given what each stream did.
    pub(crate) fn report(&self, streams: Vec<StreamReport>) -> LoadReport {
        let (errors, error_count) = self.faults.read();
        LoadReport { streams, late: self.late.read(), errors, error_count }
    }
}

#[cfg(test)]
mod tests {
    use results::identity::StreamId;

    use super::*;

    #[test]
    fn a_factor_is_told_once_and_the_last_one_counts() {
        let (reins, mut seen) = (Reins::default(), 0);
        assert_eq!(reins.new_factor(&mut seen), None);
        reins.set_rate(2.0);
        reins.set_rate(0.5);
        assert_eq!(reins.new_factor(&mut seen), Some(0.5));
        assert_eq!(reins.new_factor(&mut seen), None);
    }

    #[test]
    fn failures_without_end_are_counted_and_the_first_are_kept() {
        let faults = Faults::default();
        for at_us in 0..=MAX_FAULTS as u64 {
            faults.push(WriteFault { stream: StreamId(0), at_us, lost: 1, error: String::new() });
        }
        let (kept, count) = faults.read();
        assert_eq!((kept.len(), count), (MAX_FAULTS, MAX_FAULTS as u64 + 1));
        assert_eq!(kept[MAX_FAULTS - 1].at_us, MAX_FAULTS as u64 - 1);
    }
}
