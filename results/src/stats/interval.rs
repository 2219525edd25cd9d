//! A change and how sure it is: the ratio of two sides, from pairs or from two heaps.

use statrs::distribution::{ContinuousCDF, StudentsT};

use super::{bootstrap_error, trimmed_mean};

/// The logarithm of a ratio, its standard error and its degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// The estimate: natural logarithm of new over old.
    pub log_ratio: f64,
    /// Its standard error.
    pub error: f64,
    /// Degrees of freedom, above 0.
    pub freedom: f64,
}

/// The change within pairs `(old, new)` that were measured side by side: what drifts hits both of a pair and cancels.
/// `None` with fewer than two pairs, or a value that is not above 0.
pub fn paired(pairs: &[(f64, f64)]) -> Option<Interval> {
    let ratios = pairs.iter().map(|&(old, new)| logarithm(new / old).filter(|_| old > 0.0 && new > 0.0));
    let ratios: Vec<f64> = ratios.collect::<Option<_>>()?;
    (ratios.len() > 1).then(|| Interval {
        log_ratio: trimmed_mean(&ratios),
        error: bootstrap_error(&ratios),
        freedom: (ratios.len() - 1) as f64,
    })
}

/// The change between two heaps of measurements. `None` with fewer than two on either side, or a value that is not above 0.
pub fn unpaired(old: &[f64], new: &[f64]) -> Option<Interval> {
    let logarithms = |values: &[f64]| values.iter().map(|&value| logarithm(value)).collect::<Option<Vec<f64>>>();
    let (old, new) = (logarithms(old)?, logarithms(new)?);
    if old.len() < 2 || new.len() < 2 {
        return None;
    }
    let (old_error, new_error) = (bootstrap_error(&old), bootstrap_error(&new));
    let (old_square, new_square) = (old_error.powi(2), new_error.powi(2));
    // Welch and Satterthwaite: as many degrees of freedom as the noisier side has, or more.
    let share = old_square.powi(2) / (old.len() - 1) as f64 + new_square.powi(2) / (new.len() - 1) as f64;
    let both = (old.len() + new.len() - 2) as f64;
    Some(Interval {
        log_ratio: trimmed_mean(&new) - trimmed_mean(&old),
        error: (old_square + new_square).sqrt(),
        freedom: if share > 0.0 { ((old_square + new_square).powi(2) / share).min(both) } else { both },
    })
}

fn logarithm(value: f64) -> Option<f64> {
    (value > 0.0 && value.is_finite()).then(|| value.ln())
}

impl Interval {
    /// The bound that the true change lies below with probability `alpha` only, as a ratio less 1.
    pub fn low(&self, alpha: f64) -> f64 {
        (self.log_ratio - self.reach(alpha)).exp_m1()
    }

    /// The bound that the true change lies above with probability `alpha` only, as a ratio less 1.
    pub fn high(&self, alpha: f64) -> f64 {
        (self.log_ratio + self.reach(alpha)).exp_m1()
    }

    /// The estimate, as a ratio less 1.
    pub fn change(&self) -> f64 {
        self.log_ratio.exp_m1()
    }

    /// The same change seen from the other side: old over new.
    #[must_use]
    pub fn turned(self) -> Self {
        Self { log_ratio: -self.log_ratio, ..self }
    }

    fn reach(&self, alpha: f64) -> f64 {
        let student = StudentsT::new(0.0, 1.0, self.freedom).expect("there are at least two values, so one degree");
        student.inverse_cdf(1.0 - alpha) * self.error
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drift_that_hits_both_of_a_pair_cancels() {
        let pairs: Vec<(f64, f64)> = (1..=10).map(|nth| (f64::from(nth), f64::from(nth) * 1.1)).collect();
        let change = paired(&pairs).unwrap();
        assert!((change.change() - 0.1).abs() < 1e-9 && change.error < 1e-9);
        let (old, new): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
        assert!(unpaired(&old, &new).unwrap().error > 0.1, "unpaired, the drift is noise");
    }

    #[test]
    fn the_bounds_are_those_of_students_distribution() {
        let interval = Interval { log_ratio: 0.0, error: 1.0, freedom: 4.0 };
        // Tabulated: 2.132 at 5 %, 3.747 at 1 %.
        assert!((interval.high(0.05).ln_1p() - 2.132).abs() < 1e-3);
        assert!((interval.low(0.01).ln_1p() + 3.747).abs() < 1e-3);
    }

    #[test]
    fn the_other_side_sees_the_opposite() {
        let interval = unpaired(&[10.0, 11.0, 10.5, 10.2], &[12.0, 12.2, 12.9, 11.8]).unwrap();
        let turned = unpaired(&[12.0, 12.2, 12.9, 11.8], &[10.0, 11.0, 10.5, 10.2]).unwrap();
        assert!((interval.turned().high(0.01) - turned.high(0.01)).abs() < 1e-9);
        assert!(interval.change() > 0.0 && turned.change() < 0.0);
    }

    #[test]
    fn what_has_no_logarithm_yields_no_interval() {
        assert_eq!(unpaired(&[1.0, 0.0], &[1.0, 1.0]), None);
        assert_eq!(unpaired(&[1.0, f64::NAN], &[1.0, 1.0]), None);
        assert_eq!(paired(&[(1.0, 1.0), (1.0, f64::INFINITY)]), None);
        assert_eq!(paired(&[(-1.0, -1.0), (1.0, 1.0)]), None);
        assert_eq!(paired(&[(1.0, 1.0)]), None);
    }
}
