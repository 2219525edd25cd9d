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

/// What arrived since the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LatencySamples {
    /// Over all routes.
    pub all: LatencySample,
    /// Each route; index = route.
    pub routes: Vec<LatencySample>,
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

    /// The figures since the last look, and the histogram that they are of.
    pub(crate) fn take(&mut self) -> (LatencySample, Histogram<u64>) {
        let interval = self.interval.clone();
        self.interval.reset();
        (sample(&interval), interval)
    }

    pub(crate) fn measured(&self) -> Latency {
        latency(&self.measured)
    }

    /// The same over several routes.
    pub(crate) fn measured_on_all(all: &[Self]) -> Latency {
        latency(&sum(all.iter().map(|one| &one.measured)))
    }
}

/// All of them as one.
pub(crate) fn sum<'a>(all: impl IntoIterator<Item = &'a Histogram<u64>>) -> Histogram<u64> {
    let mut sum = empty();
    for one in all {
        sum.add(one).expect("all have the same bounds");
    }
    sum
}

fn empty() -> Histogram<u64> {
    Histogram::new_with_bounds(1, LONGEST_US, 3).expect("1 < a day, three digits: valid bounds")
}

pub(crate) fn sample(interval: &Histogram<u64>) -> LatencySample {
    LatencySample {
        count: interval.len(),
        p50_us: interval.value_at_quantile(0.5),
        p90_us: interval.value_at_quantile(0.9),
        p99_us: interval.value_at_quantile(0.99),
        p999_us: interval.value_at_quantile(0.999),
        max_us: interval.max(),
    }
}

fn latency(measured: &Histogram<u64>) -> Latency {
    let ms = |quantile: f64| measured.value_at_quantile(quantile) as f64 / 1e3;
    Latency { p50: ms(0.5), p90: ms(0.9), p99: ms(0.99), p999: ms(0.999), max: measured.max() as f64 / 1e3 }
}
