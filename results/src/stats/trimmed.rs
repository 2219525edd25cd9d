//! The trimmed mean and its error: the middle three fifths decide, so one run in five may go astray on either side.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// One value in so many is left out at either end.
const TRIM: usize = 5;
/// Resamples of a bootstrap: its error is then known to about 3 %.
const RESAMPLES: usize = 500;
/// The bootstrap's own seed: the same values yield the same answer.
const SEED: u64 = 0x7461_696c;

/// The mean of what is left after a fifth is taken off at either end; 0 of nothing.
pub fn trimmed_mean(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = &sorted[sorted.len() / TRIM..sorted.len() - sorted.len() / TRIM];
    middle.iter().sum::<f64>() / middle.len().max(1) as f64
}

/// The standard error of the trimmed mean, by bootstrap; 0 of fewer than two values.
pub fn bootstrap_error(values: &[f64]) -> f64 {
    let n = values.len();
    if n < 2 {
        return 0.0;
    }
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let mut chance = Pcg64Mcg::seed_from_u64(SEED);
    let mut drawn = vec![0_usize; n];
    let (mut sum, mut squares) = (0.0, 0.0);
    // Deviations from the centre, so that the squares keep their digits.
    let centre = trimmed_mean(values);
    for _ in 0..RESAMPLES {
        drawn.fill(0);
        for _ in 0..n {
            drawn[chance.random_range(0..n)] += 1;
        }
        let off = of_drawn(&sorted, &drawn) - centre;
        sum += off;
        squares += off * off;
    }
    let mean = sum / RESAMPLES as f64;
    let variance = (squares / RESAMPLES as f64 - mean * mean).max(0.0);
    // A resample of n values varies like n - 1 of them.
    (variance * n as f64 / (n - 1) as f64).sqrt()
}

/// The trimmed mean of a resample, given how often each value was drawn.
fn of_drawn(sorted: &[f64], drawn: &[usize]) -> f64 {
    let n = sorted.len();
    let (from, to) = (n / TRIM, n - n / TRIM);
    let (mut at, mut sum) = (0, 0.0);
    for (value, &times) in sorted.iter().zip(drawn) {
        let inside = (at + times).min(to).saturating_sub(at.max(from));
        sum += value * inside as f64;
        at += times;
    }
    sum / (to - from) as f64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn one_run_astray_in_five_moves_nothing() {
        assert!((trimmed_mean(&[1.0, 1.0, 1.0, 1.0, 900.0]) - 1.0).abs() < 1e-12);
        assert!((trimmed_mean(&[1.0, 2.0, 6.0]) - 3.0).abs() < 1e-12, "three are too few to leave any out");
        assert!(trimmed_mean(&[]).abs() < 1e-12);
    }

    #[test]
    fn equal_values_have_no_error_and_one_value_has_none_that_could_be_told() {
        assert!(bootstrap_error(&[0.3; 9]) < 1e-9);
        assert!(bootstrap_error(&[0.3]).abs() < 1e-12);
    }

    proptest! {
        #[test]
        fn a_resample_that_draws_each_once_is_the_sample(values in prop::collection::vec(-5.0..5.0f64, 1..40)) {
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let once = of_drawn(&sorted, &vec![1; sorted.len()]);
            prop_assert!((once - trimmed_mean(&values)).abs() < 1e-9);
        }

        #[test]
        fn order_does_not_matter_and_scale_carries_over(values in prop::collection::vec(-5.0..5.0f64, 2..30), by in 0.1..9.0f64) {
            let turned: Vec<f64> = values.iter().rev().copied().collect();
            prop_assert!((bootstrap_error(&values) - bootstrap_error(&turned)).abs() < 1e-12);
            let scaled: Vec<f64> = values.iter().map(|value| value * by).collect();
            prop_assert!((bootstrap_error(&scaled) - by * bootstrap_error(&values)).abs() < 1e-6);
        }
    }
}
