//! `throttle`: lets so many records pass, averaged over a sliding window; the others are dropped, counted and logged.
//!
//! ```text
//! Interval 1s, Window 5:  ▁▃█▂▅   a record passes while the sum of all five is below 5 × Rate
//! ```

use std::collections::VecDeque;

use super::Flow;
use crate::{
    config::{error::At, keys::Keys, value},
    parse::Batch,
};

pub(crate) const KEYS: &[&str] = &["Rate", "Window", "Interval", "Print_Status"];

/// How many pass.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ThrottlePlan {
    /// Records an interval.
    pub rate: f64,
    /// Intervals in the window.
    pub window: usize,
    /// Length of an interval, ms.
    pub interval_ms: u64,
    /// Whether the log says at every interval how many passed.
    pub print: bool,
}

pub(crate) fn plan(keys: &Keys<'_>) -> At<ThrottlePlan> {
    keys.need("Rate")?;
    let rate = |text: &str| text.parse().ok().filter(|rate: &f64| rate.is_finite() && *rate > 0.0);
    Ok(ThrottlePlan {
        rate: keys.read("Rate", 1.0, "a number of records above 0, as 800", rate)?,
        window: keys.number("Window", 5, 1, 86_400)? as usize,
        interval_ms: keys.read("Interval", 1_000, "a time from 1 ms to a day, as 1s", |text| {
            value::duration_ms(text).filter(|ms| (1..=86_400_000).contains(ms))
        })?,
        print: keys.boolean("Print_Status", false)?,
    })
}

/// The filter at work.
#[derive(Debug)]
pub(super) struct Throttle {
    plan: ThrottlePlan,
    /// Records that passed in each interval, the current one last.
    passed: VecDeque<u64>,
    sum: u64,
    /// End of the current interval, ms.
    ends_ms: u64,
    dropped: u64,
}

impl Throttle {
    pub(super) fn new(plan: ThrottlePlan) -> Self {
        Self { passed: vec![0; plan.window].into(), plan, sum: 0, ends_ms: 0, dropped: 0 }
    }

    pub(super) fn apply(&mut self, mut batch: Batch, flow: &mut Flow<'_>) {
        self.advance(flow);
        let most = self.plan.rate * self.plan.window as f64;
        let before = batch.events.len();
        batch.events.retain(|_| {
            let passes = (self.sum as f64) < most;
            self.sum += u64::from(passes);
            passes
        });
        let passed = batch.events.len() as u64;
        if let Some(now) = self.passed.back_mut() {
            *now += passed;
        }
        self.dropped += before as u64 - passed;
        flow.drop(before as u64 - passed);
        flow.on(batch);
    }

    /// Moves the window to now.
    fn advance(&mut self, flow: &Flow<'_>) {
        let (now_ms, interval) = (flow.mono_ms, self.plan.interval_ms);
        if now_ms < self.ends_ms {
            return;
        }
        self.report(flow.name);
        let steps = (now_ms - self.ends_ms) / interval + 1;
        for _ in 0..steps.min(self.plan.window as u64) {
            self.sum -= self.passed.pop_front().unwrap_or(0);
            self.passed.push_back(0);
        }
        self.ends_ms += steps * interval;
    }

    fn report(&mut self, name: &str) {
        let (passed, dropped) = (self.sum, std::mem::take(&mut self.dropped));
        if dropped > 0 {
            tracing::warn!(filter = name, dropped, window = passed, "over the rate: dropped as Rate asks");
        } else if self.plan.print {
            tracing::info!(filter = name, window = passed, "within the rate");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::{
        FilterCounters,
        tests::{batch, refused},
    };

    /// How many of `records` pass at this time.
    fn pass(throttle: &mut Throttle, mono_ms: u64, records: usize) -> usize {
        let counters = FilterCounters::default();
        let mut flow = Flow { mono_ms, counters: &counters, name: "t", on: Vec::new(), again: Vec::new() };
        throttle.apply(batch("t", &vec!["{}"; records]), &mut flow);
        let passed = flow.on.iter().map(Batch::len).sum();
        assert_eq!(counters.dropped.into_inner(), (records - passed) as u64);
        passed
    }

    #[test]
    fn the_average_over_the_window_is_kept() {
        let plan = ThrottlePlan { rate: 10.0, window: 3, interval_ms: 1_000, print: false };
        let mut throttle = Throttle::new(plan);
        assert_eq!(pass(&mut throttle, 5_000, 29), 29);
        assert_eq!(pass(&mut throttle, 5_900, 5), 1);
        assert_eq!(pass(&mut throttle, 7_999, 5), 0);
        assert_eq!(pass(&mut throttle, 8_000, 40), 30);
        assert_eq!(pass(&mut throttle, 100_000, 10), 10);
        assert_eq!(pass(&mut throttle, 100_001, 100), 20);
    }

    #[test]
    fn a_rate_is_needed() {
        insta::assert_snapshot!(refused("throttle", "Window 3"), @"use the configuration t.conf:3: the section has no `Rate`; add it");
        insta::assert_snapshot!(refused("throttle", "Rate 0"), @r#"use the configuration t.conf:6: `Rate` cannot be "0"; write a number of records above 0, as 800"#);
    }
}
