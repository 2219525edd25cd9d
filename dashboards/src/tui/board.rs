//! What the dashboard draws from: a fold of the events of one run, in bounded memory, cheap to copy when the view freezes.
//!
//! [`State`](crate::state::State) is how things stand now; beside it stand how they came to be
//! ([`History`]), every stream with its file, what was found, and what was done.

use std::collections::VecDeque;

use results::event::{AgentEvent, Event, FaultState, Sample, StreamSample, What};

use super::{
    about::About,
    history::{Family, History, Mark, Series},
};
use crate::state::State;

mod finding;
mod log;
mod streams;

pub use finding::{Finding, Findings, Kind};
pub use log::{FaultLine, Life, Log, StepLine};
pub use streams::{Doing, Row, Streams};

/// Rates of the lanes are taken over at least this, microseconds.
const RATE_OVER_US: u64 = 200_000;
/// CPU time is taken over at least this: the kernel counts it in hundredths of a second.
const CPU_OVER_US: u64 = 500_000;
/// The slope of the backlog is taken over this.
const SLOPE_OVER_US: u64 = 5_000_000;
/// Points kept for that.
const MOST_POINTS: usize = 64;

/// Everything the dashboard knows of one run.
#[derive(Debug, Clone, Default)]
pub struct Board {
    /// What the run is about.
    pub about: About,
    /// How things stand.
    pub state: State,
    /// How they came to be.
    pub history: History,
    /// Every stream with its file.
    pub streams: Streams,
    /// What was found so far.
    pub findings: Findings,
    /// What was done to the agent, its sink and its files.
    pub log: Log,
    /// How late the generator was at most, microseconds.
    pub late_us: u64,
    /// Grows with every event: equal revisions look equal.
    pub revision: u64,
    totals: Option<(u64, u64, u64)>,
    usage: Option<(u64, u64, u64)>,
    sampled_us: u64,
    backlogs: VecDeque<(u64, u64)>,
    forced: Vec<Family>,
    forced_until_us: u64,
}

impl Board {
    /// A board for a run of which nothing happened yet.
    pub fn new(about: About) -> Self {
        let state = State::new(about.lengths);
        Self { about, state, ..Self::default() }
    }

    /// Takes in one event.
    pub fn fold(&mut self, event: &Event) {
        self.revision += 1;
        for family in &self.forced {
            self.history.in_force(*family, self.forced_until_us, event.t_us);
        }
        self.forced_until_us = self.forced_until_us.max(event.t_us);
        self.state.fold(event);
        self.streams.fold(event);
        self.log.fold(event);
        for at_us in self.findings.fold(event, &self.state) {
            self.history.mark(Mark::Finding, at_us);
        }
        match &event.what {
            What::Sample(sample) => self.sample(event.t_us, sample),
            What::Streams(streams) => self.rates(event.t_us, streams),
            What::RotationStep(step) if step.error.is_none() => {
                if let Some(mark) = log::mark(step.step) {
                    self.history.mark(mark, event.t_us);
                }
            }
            What::Fault(fault) => {
                if fault.state == FaultState::Applied {
                    self.history.fault(Family::of(&fault.name), &fault.name, event.t_us);
                }
                let in_force = self.state.faults.values().map(|(name, _)| Family::of(name));
                self.forced = in_force.collect();
                self.forced.sort_unstable();
                self.forced.dedup();
            }
            // A new process counts its CPU time from zero.
            What::Agent(AgentEvent::Started { .. }) => self.usage = None,
            _ => {}
        }
    }

    /// By how many records the backlog grew a second of late; `None`: not known yet.
    pub fn slope(&self) -> Option<f64> {
        let ((from, before), (until, now)) = (self.backlogs.front()?, self.backlogs.back()?);
        let seconds = until.saturating_sub(*from) as f64 / 1e6;
        (seconds >= 1.0).then(|| (*now as f64 - *before as f64) / seconds)
    }

    /// As how many seconds of load the backlog came in.
    pub fn behind_s(&self) -> Option<f64> {
        let rate = if self.state.rates.written > 0.0 { self.state.rates.written } else { self.about.rate };
        // On several routes as many records are due a second as are written, times the routes.
        (rate > 0.0).then(|| self.state.backlog() as f64 / rate / self.state.routes() as f64)
    }

    fn rates(&mut self, t_us: u64, streams: &[StreamSample]) {
        let (written, delivered) = streams.iter().fold((0u64, 0u64), |(written, delivered), sample| {
            (written.saturating_add(sample.0), delivered.saturating_add(sample.1))
        });
        let (then_us, written_then, delivered_then) = self.totals.unwrap_or((0, 0, 0));
        let passed_us = t_us.saturating_sub(then_us);
        if passed_us < RATE_OVER_US {
            return;
        }
        let backlog = written.saturating_sub(delivered);
        let per_s = |now: u64, then: u64| now.saturating_sub(then) as f64 * 1e6 / passed_us as f64;
        self.history.value(Series::Offered, then_us, t_us, per_s(written, written_then));
        self.history.value(Series::Delivered, then_us, t_us, per_s(delivered, delivered_then));
        self.history.value(Series::Backlog, then_us, t_us, backlog as f64);
        self.totals = Some((t_us, written, delivered));
        self.backlogs.push_back((t_us, backlog));
        while self.backlogs.len() > MOST_POINTS
            || self.backlogs.get(1).is_some_and(|(then, _)| then.saturating_add(SLOPE_OVER_US) <= t_us)
        {
            self.backlogs.pop_front();
        }
    }

    fn sample(&mut self, t_us: u64, sample: &Sample) {
        let from_us = std::mem::replace(&mut self.sampled_us, t_us);
        self.late_us = self.late_us.max(sample.bench_late_us);
        if sample.max_us > 0 {
            let latencies = [
                (Series::P50, sample.p50_us),
                (Series::P90, sample.p90_us),
                (Series::P99, sample.p99_us),
                (Series::P999, sample.p999_us),
                (Series::Max, sample.max_us),
            ];
            for (series, us) in latencies {
                self.history.value(series, from_us, t_us, us as f64);
            }
        }
        self.history.value(Series::Rss, from_us, t_us, sample.agent_rss_bytes as f64);
        self.history.value(Series::OpenFiles, from_us, t_us, sample.agent_open_files as f64);
        self.used(t_us, sample);
    }

    fn used(&mut self, t_us: u64, sample: &Sample) {
        let now = (t_us, sample.agent_cpu_us, sample.agent_throttled_us);
        let Some((then_us, cpu_us, throttled_us)) = self.usage else {
            self.usage = Some(now);
            return;
        };
        let passed_us = t_us.saturating_sub(then_us);
        if passed_us < CPU_OVER_US {
            return;
        }
        let share = |now: u64, then: u64| now.saturating_sub(then) as f64 / passed_us as f64;
        self.history.value(Series::Cpu, then_us, t_us, share(now.1, cpu_us));
        self.history.value(Series::Throttled, then_us, t_us, share(now.2, throttled_us));
        self.usage = Some(now);
    }
}

#[cfg(test)]
mod tests;
