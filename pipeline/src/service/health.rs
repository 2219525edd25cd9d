//! Whether the pipeline is well: outputs that fail too often, as Fluent Bit's `HC_*` keys say, and what these miss: data
//! that is there and is not being read, and a loop that does not come round any more.

use std::{collections::VecDeque, fmt};

use super::board::Figures;
use crate::config::plan::Health;

/// Between two samples of the counters, ms.
const SAMPLE_MS: u64 = 1_000;

/// One reason to be unwell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Unwell {
    /// More failed deliveries within the period than `HC_Errors_Count`.
    Errors(u64),
    /// More records given up within the period than `HC_Retry_Failure_Count`.
    RetryFailures(u64),
    /// A file of this input has unread bytes and does not move, for so long, ms.
    Stalled(String, u64),
    /// The buffer of this input is full and nothing is taken from it, for so long, ms.
    Stuck(String, u64),
    /// The loop has not come round for so long, ms.
    Silent(u64),
}

impl fmt::Display for Unwell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Errors(count) => write!(f, "{count} deliveries failed within HC_Period"),
            Self::RetryFailures(count) => write!(f, "{count} records were given up within HC_Period"),
            Self::Stalled(input, ms) => write!(f, "{input}: unread data, and no progress for {} s", ms / 1_000),
            Self::Stuck(input, ms) => write!(f, "{input}: full, and nothing taken for {} s", ms / 1_000),
            Self::Silent(ms) => write!(f, "the loop has not come round for {} s", ms / 1_000),
        }
    }
}

/// The counters of a moment.
#[derive(Debug, Clone, Copy, Default)]
struct Sample {
    at_ms: u64,
    errors: u64,
    given_up: u64,
}

/// What was seen of an input: records delivered are not told per input, so a full buffer that stays exactly as full.
#[derive(Debug, Clone, Copy)]
struct Full {
    waiting: u64,
    since_ms: u64,
}

/// Watches the figures.
#[derive(Debug)]
pub(super) struct Watch {
    health: Health,
    samples: VecDeque<Sample>,
    full: Vec<Option<Full>>,
}

impl Watch {
    pub(super) fn new(health: Health, inputs: usize) -> Self {
        Self { health, samples: VecDeque::new(), full: vec![None; inputs] }
    }

    /// What is wrong, given the figures of now. Time must not go back.
    pub(super) fn judge(&mut self, figures: &Figures) -> Vec<Unwell> {
        let now_ms = figures.at_ms;
        let sum = |of: fn(&super::board::OutputFigures) -> u64| figures.outputs.iter().map(of).sum();
        let now = Sample {
            at_ms: now_ms,
            errors: sum(|output| output.retries + output.refused),
            given_up: sum(|output| output.dropped),
        };
        let mut unwell = self.counted(now);
        for (index, input) in figures.inputs.iter().enumerate() {
            if let Some(files) = input.files.filter(|files| files.stalled_ms >= self.health.stall_ms) {
                unwell.push(Unwell::Stalled(input.name.clone(), files.stalled_ms));
            }
            let full = &mut self.full[index];
            *full = input.paused.then(|| {
                let fresh = Full { waiting: input.waiting_bytes, since_ms: now_ms };
                full.filter(|full| full.waiting == input.waiting_bytes).unwrap_or(fresh)
            });
            if let Some(full) = full.filter(|full| now_ms - full.since_ms >= self.health.stall_ms) {
                unwell.push(Unwell::Stuck(input.name.clone(), now_ms - full.since_ms));
            }
        }
        unwell
    }

    /// What the counters of the period say.
    fn counted(&mut self, now: Sample) -> Vec<Unwell> {
        // The oldest sample is the last one that is as old as the period: what came after it counts.
        while self.samples.get(1).is_some_and(|sample| now.at_ms - sample.at_ms >= self.health.period_ms) {
            self.samples.pop_front();
        }
        let before = self.samples.front().copied().unwrap_or_default();
        let (errors, given_up) = (now.errors - before.errors, now.given_up - before.given_up);
        if self.samples.back().is_none_or(|sample| now.at_ms - sample.at_ms >= SAMPLE_MS) {
            self.samples.push_back(now);
        }
        let errors = (errors > self.health.errors).then_some(Unwell::Errors(errors));
        let given_up = (given_up > self.health.retry_failures).then_some(Unwell::RetryFailures(given_up));
        errors.into_iter().chain(given_up).collect()
    }
}

/// The figures seen from outside: also unwell if they are old.
pub(super) fn seen(figures: &Figures, now_ms: u64, stall_ms: u64) -> Vec<Unwell> {
    let age = now_ms.saturating_sub(figures.at_ms);
    let silent = (age >= stall_ms).then_some(Unwell::Silent(age));
    figures.unwell.iter().cloned().chain(silent).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service::board::{FileFigures, InputFigures, OutputFigures};

    const HEALTH: Health = Health { check: true, errors: 5, retry_failures: 2, period_ms: 10_000, stall_ms: 60_000 };

    fn outputs(at_ms: u64, retries: u64, dropped: u64) -> Figures {
        let output = OutputFigures { retries, dropped, ..OutputFigures::default() };
        Figures { at_ms, outputs: vec![output], ..Figures::default() }
    }

    #[test]
    fn only_failures_within_the_period_count_and_only_more_than_the_limit() {
        let mut watch = Watch::new(HEALTH, 0);
        let mut judge = |at_ms, retries, dropped| watch.judge(&outputs(at_ms, retries, dropped));
        assert_eq!(judge(0, 0, 0), []);
        assert_eq!(judge(1_000, 5, 2), []);
        assert_eq!(judge(2_000, 6, 2), [Unwell::Errors(6)]);
        assert_eq!(judge(3_000, 6, 3), [Unwell::Errors(6), Unwell::RetryFailures(3)]);
        for at_ms in (4_000..13_000).step_by(1_000) {
            judge(at_ms, 6, 3);
        }
        assert_eq!(judge(13_000, 6, 3), []);
        assert_eq!(judge(14_000, 13, 3), [Unwell::Errors(7)]);
    }

    #[test]
    fn an_input_that_stands_before_unread_data_makes_it_unwell() {
        let mut watch = Watch::new(HEALTH, 1);
        let mut judge = |stalled_ms| {
            let files = Some(FileFigures { unread_bytes: 1, stalled_ms, ..FileFigures::default() });
            let input = InputFigures { name: "tail.0".to_owned(), files, ..InputFigures::default() };
            watch.judge(&Figures { at_ms: 70_000, inputs: vec![input], ..Figures::default() })
        };
        assert_eq!(judge(59_999), []);
        assert_eq!(judge(60_000), [Unwell::Stalled("tail.0".to_owned(), 60_000)]);
        assert_eq!(judge(0), []);
    }

    #[test]
    fn a_full_buffer_that_does_not_move_makes_it_unwell() {
        let mut watch = Watch::new(HEALTH, 1);
        let mut judge = |at_ms, paused, waiting_bytes| {
            let input = InputFigures { name: "a".to_owned(), paused, waiting_bytes, ..InputFigures::default() };
            watch.judge(&Figures { at_ms, inputs: vec![input], ..Figures::default() })
        };
        assert_eq!(judge(0, true, 100), []);
        assert_eq!(judge(59_000, true, 100), []);
        assert_eq!(judge(60_000, true, 100), [Unwell::Stuck("a".to_owned(), 60_000)]);
        assert_eq!(judge(61_000, true, 90), []);
        assert_eq!(judge(62_000, false, 90), []);
        assert_eq!(judge(121_500, true, 90), []);
    }

    #[test]
    fn figures_that_nobody_renews_are_a_loop_that_stands() {
        let figures = outputs(1_000, 0, 0);
        assert_eq!(seen(&figures, 60_999, 60_000), []);
        assert_eq!(seen(&figures, 61_000, 60_000), [Unwell::Silent(60_000)]);
    }
}
