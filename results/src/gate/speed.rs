//! Is it slower? One metric at a time, from replicates, within an error budget for the whole session.
//!
//! ```text
//!  change  ─1%──0──+1%────+5%──────+10%──▶        (rule: percent 5, noise 1)
//!  worse        │     ├──────x──────┤             whole interval beyond the noise, estimate beyond `percent`
//!  same      ├──x───┤                │             whole interval below twice `percent`
//!  undecided    ├──────x────────────────┤         neither: more replicates are needed, never a pass
//! ```
//! The chance of a false alarm is [`FALSE_ALARM`] for a session, shared by its metrics and looks; that of passing something
//! that is slower by twice `percent` is [`MISSED`] for each metric.

use serde::Serialize;

use super::{Metric, Rule};
use crate::stats::{
    Interval, Shape,
    looks::{self, look},
    paired, shape, trimmed_mean, unpaired,
};

/// The chance that a session without any change raises an alarm, over all metrics and looks.
pub const FALSE_ALARM: f64 = 0.01;
/// The chance that a slowdown of twice a rule's `percent` is passed, over all looks at one metric.
pub const MISSED: f64 = 0.02;

/// What is concluded of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// It grew worse, beyond noise and rule.
    Worse,
    /// It cannot be told.
    Undecided,
    /// No change worth telling; one of twice `percent` is ruled out.
    Same,
    /// It grew better, beyond noise and rule.
    Better,
    /// No rule holds it: shown and not judged.
    Shown,
}

/// Measurements of both sides.
#[derive(Debug, Clone, PartialEq)]
pub enum Sides {
    /// `(old, new)`, measured in turn in one session.
    Pairs(Vec<(f64, f64)>),
    /// Old and new, measured apart.
    Heaps(Vec<f64>, Vec<f64>),
}

/// One metric and what is concluded of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SpeedCheck {
    /// Which one.
    pub metric: Metric,
    /// The rule that holds it.
    pub rule: Option<Rule>,
    /// What is concluded.
    pub decision: Decision,
    /// Centre of the old side, in the metric's unit.
    pub old: Option<f64>,
    /// Centre of the new side.
    pub new: Option<f64>,
    /// Estimate of the change, percent; above 0 is more.
    pub change_percent: Option<f64>,
    /// Lower bound of the change, percent.
    pub low_percent: Option<f64>,
    /// Upper bound of the change, percent.
    pub high_percent: Option<f64>,
    /// Replicates of each side that were looked at (of the smaller side).
    pub replicates: usize,
    /// Replicates of each side that the next look needs; `None` where more would not help.
    pub needed: Option<usize>,
    /// What else there is to say, one sentence each.
    pub notes: Vec<String>,
}

impl Sides {
    /// Replicates of the smaller side.
    pub fn replicates(&self) -> usize {
        match self {
            Self::Pairs(pairs) => pairs.len(),
            Self::Heaps(old, new) => old.len().min(new.len()),
        }
    }

    /// The first `most` of each side.
    fn first(&self, most: usize) -> Self {
        match self {
            Self::Pairs(pairs) => Self::Pairs(pairs[..most].to_vec()),
            // All of the old: it is the same at each look.
            Self::Heaps(old, new) if new.len() > most => Self::Heaps(old.clone(), new[..most].to_vec()),
            heaps @ Self::Heaps(..) => heaps.clone(),
        }
    }

    fn interval(&self) -> Option<Interval> {
        match self {
            Self::Pairs(pairs) => paired(pairs),
            Self::Heaps(old, new) => unpaired(old, new),
        }
    }

    fn apart(&self) -> (Vec<f64>, Vec<f64>) {
        match self {
            Self::Pairs(pairs) => pairs.iter().copied().unzip(),
            Self::Heaps(old, new) => (old.clone(), new.clone()),
        }
    }
}

/// Judges one of `metrics` metrics that have a rule. Without a rule it is only shown.
pub fn check(metric: Metric, rule: Option<Rule>, sides: &Sides, metrics: usize) -> SpeedCheck {
    let replicates = sides.replicates();
    let look = look(replicates);
    let seen = look.map_or_else(|| sides.clone(), |look| sides.first(look.replicates));
    let (old, new) = seen.apart();
    let mut check = SpeedCheck {
        metric,
        rule,
        decision: if rule.is_some() { Decision::Undecided } else { Decision::Shown },
        old: (!old.is_empty()).then(|| trimmed_mean(&old)),
        new: (!new.is_empty()).then(|| trimmed_mean(&new)),
        change_percent: None,
        low_percent: None,
        high_percent: None,
        replicates: seen.replicates(),
        needed: looks::next(replicates),
        notes: shapes(&old, &new),
    };
    if let (Some(old), Some(new)) = (check.old, check.new) {
        check.change_percent = Some((new / old - 1.0) * 100.0);
    }
    let Some(interval) = seen.interval() else { return check };
    check.change_percent = Some(interval.change() * 100.0);
    let Some(look) = look else { return check };
    let alarm = FALSE_ALARM * look.share / metrics.max(1) as f64;
    let missed = MISSED * look.share;
    // The bounds that decide: an alarm must be surer than a pass.
    let (low, high) = if metric.lower_is_better() { (alarm, missed) } else { (missed, alarm) };
    check.low_percent = Some(interval.low(low) * 100.0);
    check.high_percent = Some(interval.high(high) * 100.0);
    if let (Some(rule), Some(old)) = (rule, check.old) {
        // As if more were worse, whatever the metric.
        let worse = if metric.lower_is_better() { interval } else { interval.turned() };
        check.decision = decide(&rule, worse, old, alarm, missed);
    }
    if check.decision != Decision::Undecided {
        check.needed = None;
    }
    check
}

fn decide(rule: &Rule, worse: Interval, old: f64, alarm: f64, missed: f64) -> Decision {
    let noise = rule.noise_percent / 100.0;
    // Both floors must be reached, so the higher one counts.
    let least = (rule.percent / 100.0).max(rule.absolute / old);
    let beyond = |change: Interval| change.low(alarm) > noise && change.change() >= least;
    if beyond(worse) {
        Decision::Worse
    } else if beyond(worse.turned()) {
        Decision::Better
    } else if worse.high(missed) < 2.0 * least {
        Decision::Same
    } else {
        Decision::Undecided
    }
}

fn shapes(old: &[f64], new: &[f64]) -> Vec<String> {
    let sides = [("old", old), ("new", new)];
    let told = sides.iter().filter_map(|(side, values)| match shape(values) {
        Shape::Steady => None,
        Shape::Trend { change } => Some(format!(
            "the {side} runs drift by {:+.1} % from the first third to the last: measure both sides in turn",
            change * 100.0
        )),
        Shape::TwoModes { low, high, upper } => Some(format!(
            "the {side} runs have two modes, {} near {low:.4} and {upper} near {high:.4}: no single figure tells them",
            values.len() - upper
        )),
    });
    told.collect()
}
