//! What a figure in the middle would hide: a trend over the session, or two modes instead of one.

/// How a row of measurements looks, in the order they were taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Shape {
    /// Nothing stands out.
    Steady,
    /// It rises or falls from run to run.
    Trend {
        /// From the first third to the last, as a ratio less 1.
        change: f64,
    },
    /// Two groups with a gap between them.
    TwoModes {
        /// Centre of the lower group.
        low: f64,
        /// Centre of the upper group.
        high: f64,
        /// How many are in the upper group.
        upper: usize,
    },
}

/// Fewer values have no shape.
const FEWEST: usize = 8;
/// A gap is one if it is so many times the mean distance between neighbours within the groups.
const GAP: f64 = 6.0;
/// Standard deviations of Kendall's count that chance seldom reaches (3 in 1,000).
const SIGMAS: f64 = 3.0;
/// Changes below this are of no interest.
const SMALL: f64 = 0.03;

/// Looks for two modes, then for a trend.
pub fn shape(values: &[f64]) -> Shape {
    if values.len() < FEWEST || values.iter().any(|value| !(value.is_finite() && *value > 0.0)) {
        return Shape::Steady;
    }
    two_modes(values).or_else(|| trend(values)).unwrap_or(Shape::Steady)
}

/// The widest gap, if at least a quarter of the values lie on either side of it and it dwarfs the distances within.
fn two_modes(values: &[f64]) -> Option<Shape> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let n = sorted.len();
    let least = n.div_ceil(4);
    let at = (least..=n - least)
        .max_by(|&left, &right| (sorted[left] - sorted[left - 1]).total_cmp(&(sorted[right] - sorted[right - 1])))?;
    let gap = sorted[at] - sorted[at - 1];
    let within = (sorted[n - 1] - sorted[0] - gap) / (n - 2) as f64;
    let (low, high) = (mean(&sorted[..at]), mean(&sorted[at..]));
    (gap > GAP * within && high / low - 1.0 > SMALL).then_some(Shape::TwoModes { low, high, upper: n - at })
}

/// Kendall's count of pairs that rise less those that fall, against what chance would do.
fn trend(values: &[f64]) -> Option<Shape> {
    let n = values.len();
    let signs = (0..n).flat_map(|left| (left + 1..n).map(move |right| (left, right)));
    let count: f64 = signs.map(|(left, right)| direction(values[right] - values[left])).sum();
    let deviation = ((n * (n - 1) * (2 * n + 5)) as f64 / 18.0).sqrt();
    let change = mean(&values[n - n / 3..]) / mean(&values[..n / 3]) - 1.0;
    (count.abs() > SIGMAS * deviation && change.abs() > SMALL).then_some(Shape::Trend { change })
}

fn direction(difference: f64) -> f64 {
    if difference == 0.0 { 0.0 } else { difference.signum() }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rise_from_run_to_run_is_a_trend() {
        let rising: Vec<f64> = (0..12).map(|nth| 100.0 + f64::from(nth) + f64::from(nth % 3)).collect();
        assert!(matches!(shape(&rising), Shape::Trend { change } if change > 0.05), "{:?}", shape(&rising));
    }

    #[test]
    fn two_groups_are_two_modes_and_not_their_mean() {
        let jumping = [10.0, 14.0, 10.1, 14.1, 10.05, 10.15, 13.95, 14.05, 10.08, 14.02];
        assert!(matches!(shape(&jumping), Shape::TwoModes { upper: 5, .. }), "{:?}", shape(&jumping));
    }

    #[test]
    fn one_outlier_few_values_and_plain_noise_have_no_shape() {
        assert_eq!(shape(&[10.0, 10.1, 10.2, 10.3, 10.15, 10.05, 10.25, 10.12, 19.0]), Shape::Steady);
        assert_eq!(shape(&[10.0, 20.0, 10.0, 20.0]), Shape::Steady);
        assert_eq!(shape(&[10.0, 10.4, 9.9, 10.1, 10.6, 9.8, 10.2, 10.3, 9.7, 10.5]), Shape::Steady);
        assert_eq!(shape(&[f64::NAN; 12]), Shape::Steady);
        assert_eq!(shape(&[3.0; 12]), Shape::Steady);
    }
}
