//! When records are due: a pure function of time, so that a late writer never moves the schedule (open loop).
//!
//! ```text
//! Steady ────────   Ramp ╱‾‾‾‾   Burst ▁▁█▁▁▁▁█▁▁   AllOut: always due, as fast as the writer can
//! ```
//! A [`Schedule`] is one stream's share of a pace; `due` counts the records due by a time, `when` is its inverse.

use serde::{Deserialize, Serialize};

/// How fast records become due. Rates are records a second over all streams, times are microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Pace {
    /// The same rate throughout.
    Steady {
        /// Records a second.
        per_s: f64,
    },
    /// From one rate to another, then that.
    Ramp {
        /// Records a second at the start.
        from: f64,
        /// Records a second at the end of the ramp and from then on.
        to: f64,
        /// Length of the ramp, microseconds.
        over_us: u64,
    },
    /// A base rate, and a peak at regular intervals.
    Burst {
        /// Records a second between bursts.
        base: f64,
        /// Records a second in a burst.
        peak: f64,
        /// From one burst to the next, microseconds; each interval begins with the quiet part.
        every_us: u64,
        /// Length of a burst, microseconds, at most `every_us`.
        length_us: u64,
    },
    /// No schedule: the next record is due when the last one was written.
    AllOut,
}

impl Pace {
    /// Records due in the first `at_us` microseconds, not rounded; `None` without a schedule.
    fn total(&self, at_us: f64) -> Option<f64> {
        const S: f64 = 1e-6;
        Some(match *self {
            Self::Steady { per_s } => per_s * at_us * S,
            Self::Ramp { from, to, over_us } => {
                let over = (over_us as f64).max(1.0);
                let ramp = at_us.min(over);
                (from * ramp + (to - from) * ramp * ramp / (2.0 * over) + to * (at_us - ramp)) * S
            }
            Self::Burst { base, peak, every_us, length_us } => {
                let every = (every_us as f64).max(1.0);
                let length = (length_us as f64).min(every);
                let (whole, part) = ((at_us / every).floor(), at_us % every);
                let burst = whole * length + (part - (every - length)).max(0.0);
                (base * (at_us - burst) + peak * burst) * S
            }
            Self::AllOut => return None,
        })
    }

    /// The highest rate of this pace, records a second; `None` without a schedule.
    pub fn peak_per_s(&self) -> Option<f64> {
        match *self {
            Self::Steady { per_s } => Some(per_s),
            Self::Ramp { from, to, .. } => Some(from.max(to)),
            Self::Burst { base, peak, .. } => Some(base.max(peak)),
            Self::AllOut => None,
        }
    }
}

/// No record is due later than this, microseconds: a stamp has no more digits.
const HORIZON_US: u64 = 1 << 40;

/// One stream's share of a pace, and the factor in force. Time is microseconds since the start of the load.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Schedule {
    pace: Pace,
    share: f64,
    factor: f64,
    /// Since when the factor is in force, and how many records were due then, not rounded.
    since_us: u64,
    before: f64,
}

impl Schedule {
    /// `share` of `pace`, a number of records per record of the whole.
    pub fn new(pace: Pace, share: f64) -> Self {
        Self { pace, share: share.max(0.0), factor: 1.0, since_us: 0, before: 0.0 }
    }

    /// True if this schedule never says no.
    pub fn is_all_out(&self) -> bool {
        self.pace == Pace::AllOut
    }

    /// How many records are due at or before `at_us`; `u64::MAX` for [`Pace::AllOut`] unless its factor is 0.
    pub fn due(&self, at_us: u64) -> u64 {
        match self.exact(at_us) {
            Some(exact) => exact.floor() as u64,
            None if self.factor <= 0.0 => 0,
            None => u64::MAX,
        }
    }

    /// When record `n` (from 0) is due: the first microsecond at which `due` exceeds `n`.
    ///
    /// `None` if that never happens or lies beyond 12 days, or if there is no schedule.
    pub fn when(&self, n: u64) -> Option<u64> {
        if self.is_all_out() || self.due(HORIZON_US) <= n {
            return None;
        }
        if let Pace::Steady { per_s } = self.pace
            && self.before < (n + 1) as f64
        {
            return Some(self.divide(n, per_s));
        }
        Some(self.search(n, 0, HORIZON_US))
    }

    /// When record `n` is due, which is not before `low` and not after `high`.
    fn search(&self, n: u64, mut low: u64, mut high: u64) -> u64 {
        while low < high {
            let middle = low.midpoint(high);
            if self.due(middle) > n {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        low
    }

    /// When neighbouring records are due, each found from the one before.
    pub fn times(&self) -> Times<'_> {
        Times { schedule: self, at: None, gap_us: 0 }
    }

    /// The steady case by division, then corrected by the microsecond that rounding may cost.
    fn divide(&self, n: u64, per_s: f64) -> u64 {
        let rate = per_s * self.share * self.factor * 1e-6;
        let mut at = self.since_us + (((n + 1) as f64 - self.before) / rate).ceil() as u64;
        while self.due(at) <= n {
            at += 1;
        }
        while at > 0 && self.due(at - 1) > n {
            at -= 1;
        }
        at
    }

    /// From `at_us` on the rate is `factor` times the pace; what became due before stays due.
    pub fn set_factor(&mut self, at_us: u64, factor: f64) {
        let at_us = at_us.max(self.since_us);
        self.before = self.exact(at_us).unwrap_or(0.0);
        self.since_us = at_us;
        self.factor = if factor.is_finite() { factor.max(0.0) } else { 1.0 };
    }

    fn exact(&self, at_us: u64) -> Option<f64> {
        if at_us < self.since_us {
            // The past is asked for only by `when`; it answers "not yet known to be due" up to the change.
            return self.pace.total(0.0).map(|_| self.before * at_us as f64 / self.since_us as f64);
        }
        let passed = self.pace.total(at_us as f64)? - self.pace.total(self.since_us as f64)?;
        Some(self.before + passed * self.share * self.factor)
    }
}

/// Due times in the order of the records: [`Schedule::when`], but begun where the last search ended.
#[derive(Debug, Clone)]
pub struct Times<'a> {
    schedule: &'a Schedule,
    /// The last record asked for, and when it was due.
    at: Option<(u64, u64)>,
    /// From the record before to that one.
    gap_us: u64,
}

impl Times<'_> {
    /// When record `n` is due, as [`Schedule::when`] says.
    pub fn when(&mut self, n: u64) -> Option<u64> {
        let found = match self.at {
            Some((before, at_us)) if before <= n => self.later(n, at_us)?,
            _ => self.schedule.when(n)?,
        };
        self.gap_us = self.at.map_or(0, |(_, at_us)| found.saturating_sub(at_us));
        self.at = Some((n, found));
        Some(found)
    }

    /// Not before `low`; most likely a gap later.
    fn later(&self, n: u64, low: u64) -> Option<u64> {
        let (mut low, mut high) = (low, low + self.gap_us);
        let mut step = self.gap_us.max(1);
        while self.schedule.due(high) <= n {
            if high >= HORIZON_US {
                return None;
            }
            (low, high) = (high + 1, (high + step).min(HORIZON_US));
            step *= 2;
        }
        if low < high && self.schedule.due(high - 1) <= n {
            return Some(high);
        }
        Some(self.schedule.search(n, low, high))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn pace() -> impl Strategy<Value = Pace> {
        prop_oneof![
            (0.5f64..2e6).prop_map(|per_s| Pace::Steady { per_s }),
            (0.0f64..1e5, 1.0f64..1e6, 1u64..60_000_000).prop_map(|(from, to, over_us)| Pace::Ramp {
                from,
                to,
                over_us
            }),
            (0.5f64..1e4, 1.0f64..1e6, 1_000u64..10_000_000, 0.01f64..1.0).prop_map(|(base, peak, every_us, part)| {
                Pace::Burst { base, peak, every_us, length_us: (every_us as f64 * part) as u64 }
            }),
        ]
    }

    proptest! {
        #[test]
        fn when_is_the_inverse_of_due(pace in pace(), share in 0.01f64..1.0, n in 0u64..2_000_000, change in prop::option::of((0u64..20_000_000, 0.1f64..8.0))) {
            let mut schedule = Schedule::new(pace, share);
            if let Some((at_us, factor)) = change {
                schedule.set_factor(at_us, factor);
            }
            if let Some(at_us) = schedule.when(n) {
                prop_assert!(schedule.due(at_us) > n);
                prop_assert!(at_us == 0 || schedule.due(at_us - 1) <= n);
            }
        }

        #[test]
        fn one_after_the_other_is_as_each_by_itself(pace in pace(), share in 0.01f64..1.0, first in 0u64..500_000, steps in prop::collection::vec(0u64..40, 1..60), change in prop::option::of((0u64..20_000_000, 0.1f64..8.0))) {
            let mut schedule = Schedule::new(pace, share);
            if let Some((at_us, factor)) = change {
                schedule.set_factor(at_us, factor);
            }
            let mut times = schedule.times();
            let mut n = first;
            for step in steps {
                // Mostly the next one; now and then the same, one further ahead, or one before.
                n = match step { 0 => n, 1 => n + 1_000, 2 => n.saturating_sub(5), _ => n + 1 };
                prop_assert_eq!(times.when(n), schedule.when(n));
            }
        }

        #[test]
        fn due_never_falls_and_a_new_rate_keeps_what_was_due(pace in pace(), at_us in 1u64..100_000_000, later in 0u64..100_000_000, factor in 0.0f64..5.0) {
            let mut schedule = Schedule::new(pace, 1.0);
            let before = schedule.due(at_us);
            schedule.set_factor(at_us, factor);
            prop_assert_eq!(schedule.due(at_us), before);
            prop_assert!(schedule.due(at_us + later) >= before);
        }
    }

    #[test]
    fn bursts_and_ramps_add_up() {
        let burst =
            Schedule::new(Pace::Burst { base: 10.0, peak: 1_000.0, every_us: 1_000_000, length_us: 100_000 }, 1.0);
        assert_eq!((burst.due(900_000), burst.due(1_000_000), burst.due(2_000_000)), (9, 109, 218));
        let ramp = Schedule::new(Pace::Ramp { from: 0.0, to: 100.0, over_us: 10_000_000 }, 1.0);
        assert_eq!((ramp.due(5_000_000), ramp.due(10_000_000), ramp.due(11_000_000)), (125, 500, 600));
    }

    #[test]
    fn a_share_of_a_steady_pace_is_exact_to_the_microsecond() {
        let schedule = Schedule::new(Pace::Steady { per_s: 1_000.0 }, 0.5);
        assert_eq!((schedule.when(0), schedule.when(1), schedule.due(2_000)), (Some(2_000), Some(4_000), 1));
        let mut all_out = Schedule::new(Pace::AllOut, 1.0);
        assert_eq!((all_out.due(0), all_out.when(5)), (u64::MAX, None));
        all_out.set_factor(7, 0.0);
        assert_eq!(all_out.due(9), 0);
    }
}
