//! Delivery latency: from the time a record was due until it arrived, so that a stalled generator hides nothing.

use hdrhistogram::Histogram;

use crate::outcome::Latency;

/// Longest latency told apart: a day, microseconds.
const LONGEST_US: u64 = 86_400_000_000;

/// Latencies since the last look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LatencySample {
    /// Records that arrived whole for the first time.
    pub count: u64,
    /// Median, microseconds.
    pub p50_us: u64,
    /// 90th percentile, microseconds.
    pub p90_us: u64,
    /// 99th percentile, microseconds.
    pub p99_us: u64,
    /// 99.9th percentile, microseconds.
    pub p999_us: u64,
    /// Largest, microseconds.
    pub max_us: u64,
}

/// The histogram since the last look, and the one of the measure window.
#[derive(Debug)]
pub(crate) struct Latencies {
    interval: Histogram<u64>,
    measured: Histogram<u64>,
    window: (u64, u64),
}

impl Latencies {
    pub(crate) fn new() -> Self {
        let empty = || Histogram::new_with_bounds(1, LONGEST_US, 3).expect("1 < a day, three digits: valid bounds");
        Self { interval: empty(), measured: empty(), window: (0, 0) }
    }

    /// Only records due in `[from_us, to_us)` count for the final figures.
    pub(crate) fn measure(&mut self, from_us: u64, to_us: u64) {
        self.window = (from_us, to_us);
    }

    pub(crate) fn book(&mut self, due_us: &[u64], now_us: u64) {
        for &due in due_us {
            let latency = now_us.saturating_sub(due);
            self.interval.saturating_record(latency);
            if self.window.0 <= due && due < self.window.1 {
                self.measured.saturating_record(latency);
            }
        }
    }

    pub(crate) fn take(&mut self) -> LatencySample {
        let sample = LatencySample {
            count: self.interval.len(),
            p50_us: self.interval.value_at_quantile(0.5),
            p90_us: self.interval.value_at_quantile(0.9),
            p99_us: self.interval.value_at_quantile(0.99),
            p999_us: self.interval.value_at_quantile(0.999),
            max_us: self.interval.max(),
        };
        self.interval.reset();
        sample
    }

    pub(crate) fn measured(&self) -> Latency {
        let ms = |quantile: f64| self.measured.value_at_quantile(quantile) as f64 / 1e3;
        Latency { p50: ms(0.5), p90: ms(0.9), p99: ms(0.99), p999: ms(0.999), max: self.measured.max() as f64 / 1e3 }
    }
}
