//! Rules from runs of the same build: how much do they differ by themselves, and what would therefore be news?
//!
//! A rule is proposed so that none of these runs would have raised an alarm, and so that ten pairs suffice to find a change of
//! twice its `percent`. Measured in turn, runs of one build are pairs whose true change is nothing.

use serde::Serialize;

use super::{FALSE_ALARM, Facts, GateError, MISSED, Metric, Rule};
use crate::{
    outcome::Verdict,
    stats::{Interval, bootstrap_error, looks::look, trimmed_mean},
};

/// Pairs that shall suffice.
const TARGET: usize = 10;
/// Fewer runs tell too little of their noise.
const FEWEST: usize = 10;
/// Percentages that are proposed; a metric that needs more is too noisy to hold.
const PERCENTS: [f64; 10] = [2.0, 3.0, 5.0, 10.0, 15.0, 20.0, 25.0, 30.0, 40.0, 50.0];
/// The least noise that is believed, percent.
const LEAST_NOISE: f64 = 0.5;

/// One metric's noise, and the rule that follows.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Calibration {
    /// The metric.
    pub metric: Metric,
    /// Centre of the runs, in its unit.
    pub centre: f64,
    /// Standard deviation of one run against its neighbour, percent.
    pub spread_percent: f64,
    /// The second half of the runs against the first, percent.
    pub drift_percent: f64,
    /// The rule; `None` where it is too noisy for any.
    pub rule: Option<Rule>,
}

/// Proposes rules from runs of one build, scenario and machine, at least ten. Runs that prove nothing are left out.
pub fn calibrate(runs: &[Facts]) -> Result<Vec<Calibration>, GateError> {
    let mut runs: Vec<&Facts> = runs.iter().filter(|run| run.verdict != Verdict::Unknown).collect();
    if runs.len() < FEWEST {
        return Err(GateError::TooFewToCalibrate { runs: runs.len() });
    }
    if let Some(why) = runs.iter().flat_map(|run| super::same::differences(runs[0], run)).next() {
        return Err(GateError::NotAlike { why });
    }
    runs.sort_by(|left, right| (&left.started, &left.run).cmp(&(&right.started, &right.run)));
    let ruled = Metric::ALL.iter().filter(|metric| metric.usual_rule().is_some()).count();
    let one = |metric: Metric| {
        let values: Vec<f64> = runs.iter().map(|run| run.figures.get(&metric).copied()).collect::<Option<_>>()?;
        Some(metered(metric, &values, ruled))
    };
    Ok(Metric::ALL.into_iter().filter(|metric| metric.usual_rule().is_some()).filter_map(one).collect())
}

fn metered(metric: Metric, values: &[f64], ruled: usize) -> Calibration {
    let logs: Vec<f64> = values.iter().map(|value| value.ln()).collect();
    let steps: Vec<f64> = logs.windows(2).map(|two| two[1] - two[0]).collect();
    // As noisy as the estimator finds them, so that a stray run weighs here what it weighs there.
    let spread = bootstrap_error(&steps) * (steps.len() as f64).sqrt();
    let (first, second) = logs.split_at(logs.len() / 2);
    let drift = trimmed_mean(second) - trimmed_mean(first);
    Calibration {
        metric,
        centre: trimmed_mean(values),
        spread_percent: spread.exp_m1() * 100.0,
        drift_percent: drift.exp_m1() * 100.0,
        rule: propose(metric, spread, drift, ruled),
    }
}

/// The first of [`PERCENTS`] with which [`TARGET`] pairs of that spread find twice as much, and which the drift does not reach.
fn propose(metric: Metric, spread: f64, drift: f64, ruled: usize) -> Option<Rule> {
    let share = look(TARGET)?.share;
    let error = spread / (TARGET as f64).sqrt();
    let interval = Interval { log_ratio: 0.0, error, freedom: (TARGET - 1) as f64 };
    // One more standard error: the estimate itself may fall short of the truth.
    let alarm = interval.high(FALSE_ALARM * share / ruled.max(1) as f64).ln_1p() + error;
    let pass = interval.high(MISSED * share).ln_1p() + error;
    let noise = (drift.abs() * 200.0).ceil() / 2.0;
    let noise_percent = noise.max(LEAST_NOISE);
    let wide_enough = |percent: &f64| {
        let found = (2.0 * percent / 100.0).ln_1p();
        *percent >= 2.0 * noise_percent && found >= alarm + noise_percent / 100.0 && found >= pass
    };
    let percent = PERCENTS.into_iter().find(wide_enough)?;
    Some(Rule { percent, absolute: metric.usual_rule()?.absolute, noise_percent })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quiet_metric_gets_a_narrow_rule_a_noisy_one_a_wide_one_and_a_wild_one_none() {
        let rule = |spread: f64| propose(Metric::AgentCpuUsPerRecord, spread, 0.0, 4).map(|rule| rule.percent);
        assert_eq!([0.005, 0.03, 0.1, 0.9].map(rule), [Some(2.0), Some(5.0), Some(15.0), None]);
    }

    #[test]
    fn a_rule_stands_above_the_drift_of_the_session() {
        let rule = propose(Metric::AgentCpuUsPerRecord, 0.005, 0.031, 4).unwrap();
        assert_eq!((rule.percent, rule.noise_percent), (10.0, 3.5));
    }
}
