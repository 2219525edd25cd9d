//! How late the load is against its own schedule: a bench that cannot keep up must say so.

use std::sync::atomic::{AtomicU64, Ordering};

/// Later than this counts as late.
const LIMIT_US: u64 = 100_000;

/// How late a load was. Time during which a stream was held, closed, full or out of disk does not count.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Lateness {
    /// The latest a record was ever found unwritten after it was due, microseconds.
    pub max_us: u64,
    /// The share of the time during which a record was more than 100 ms late, 0 to 1.
    pub share: f64,
}

/// Adds up lateness over threads.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "the unit belongs to the name")]
pub(crate) struct Meter {
    max_us: AtomicU64,
    late_us: AtomicU64,
    total_us: AtomicU64,
}

impl Meter {
    /// One turn of a thread that took `turn_us` and found its latest record `late_us` late.
    pub(crate) fn note(&self, turn_us: u64, late_us: u64) {
        self.total_us.fetch_add(turn_us, Ordering::Relaxed);
        if late_us > LIMIT_US {
            self.late_us.fetch_add(turn_us, Ordering::Relaxed);
        }
        self.max_us.fetch_max(late_us, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Lateness {
        let total = self.total_us.load(Ordering::Relaxed).max(1);
        let share = self.late_us.load(Ordering::Relaxed) as f64 / total as f64;
        Lateness { max_us: self.max_us.load(Ordering::Relaxed), share: share.min(1.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_counts_time_beyond_the_limit_only() {
        let meter = Meter::default();
        meter.note(900, LIMIT_US);
        meter.note(100, LIMIT_US + 1);
        assert_eq!(meter.read(), Lateness { max_us: LIMIT_US + 1, share: 0.1 });
    }
}
