//! How often the interval holds the truth, on noise whose truth is known.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{in_full, paired, unpaired};

/// Log-normal with 4 %; of `strays` in a hundred values, each is up to 50 % larger.
fn value(strays: f64, chance: &mut Pcg64Mcg) -> f64 {
    let mut unit = || chance.random_range(0.0..1.0_f64);
    let normal = (0..12).map(|_| unit()).sum::<f64>() - 6.0;
    let stray = if unit() < strays / 100.0 { 1.0 + 0.5 * unit() } else { 1.0 };
    (0.04 * normal).exp() * stray
}

/// The share of intervals, each bound missing with probability `alpha`, that hold the true change of 10 %.
fn coverage(replicates: usize, strays: f64, alpha: f64, in_pairs: bool) -> f64 {
    let tries = if in_full() { 2_000 } else { 500 };
    let mut chance = Pcg64Mcg::seed_from_u64(replicates as u64);
    let held = (0..tries).filter(|_| {
        let old: Vec<f64> = (0..replicates).map(|_| value(strays, &mut chance)).collect();
        let new: Vec<f64> = (0..replicates).map(|_| 1.1 * value(strays, &mut chance)).collect();
        let pairs: Vec<(f64, f64)> = old.iter().copied().zip(new.iter().copied()).collect();
        let interval = if in_pairs { paired(&pairs) } else { unpaired(&old, &new) }.unwrap();
        (interval.low(alpha)..=interval.high(alpha)).contains(&0.1)
    });
    held.count() as f64 / f64::from(tries)
}

#[test]
fn the_interval_holds_the_truth_about_as_often_as_it_says() {
    for in_pairs in [true, false] {
        for strays in [0.0, 8.0] {
            for replicates in [5, 7, 10, 20, 30] {
                let got = coverage(replicates, strays, 0.025, in_pairs);
                assert!(
                    (0.92..=0.995).contains(&got),
                    "95 % is {got} of {replicates}, strays {strays}, pairs {in_pairs}"
                );
                let sure = coverage(replicates, strays, 0.001, in_pairs);
                assert!(sure >= 0.994, "99.8 % is {sure} of {replicates}, strays {strays}, pairs {in_pairs}");
            }
        }
    }
}

#[test]
fn more_replicates_tell_more() {
    let width = |replicates: usize| {
        let mut chance = Pcg64Mcg::seed_from_u64(3);
        let old: Vec<f64> = (0..replicates).map(|_| value(5.0, &mut chance)).collect();
        let new: Vec<f64> = (0..replicates).map(|_| value(5.0, &mut chance)).collect();
        let interval = unpaired(&old, &new).unwrap();
        interval.high(0.01) - interval.low(0.01)
    };
    assert!(width(30) < 0.6 * width(7), "{} after 30, {} after 7", width(30), width(7));
}
