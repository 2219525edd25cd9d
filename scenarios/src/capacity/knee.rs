//! Where latency begins to climb: the point of the curve farthest below the straight line between its ends.

use results::capacity::{Saw, Trial};

/// Latency must at least double along the curve for it to have a knee.
const CLIMBS: f64 = 2.0;

/// The rate at the knee of rate → p99 over the trials that held; `None` if it does not bend, or too few held.
pub fn knee(trials: &[Trial]) -> Option<f64> {
    let mut points: Vec<(f64, f64)> =
        trials.iter().filter(|trial| trial.saw == Saw::Held).map(|trial| (trial.offered_per_s, trial.p99_ms)).collect();
    points.sort_by(|a, b| a.0.total_cmp(&b.0));
    // Trials of one rate count once, by their mean.
    let mut curve: Vec<(f64, f64, f64)> = Vec::new();
    for (rate, p99) in points {
        match curve.last_mut().filter(|last| rate / last.0 < 1.005) {
            Some(last) => (last.1, last.2) = (last.1 + p99, last.2 + 1.0),
            None => curve.push((rate, p99, 1.0)),
        }
    }
    let curve: Vec<(f64, f64)> = curve.into_iter().map(|(rate, sum, n)| (rate, sum / n)).collect();
    let (first, last) = (curve.first()?, curve.last()?);
    let highest = curve.iter().map(|point| point.1).fold(0.0, f64::max);
    if curve.len() < 4 || highest < first.1 * CLIMBS || last.1 <= first.1 {
        return None;
    }
    let below =
        |point: &(f64, f64)| (point.0 - first.0) / (last.0 - first.0) - (point.1 - first.1) / (last.1 - first.1);
    let farthest = curve.iter().max_by(|a, b| below(a).total_cmp(&below(b)))?;
    (below(farthest) > 0.1).then_some(farthest.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::trial::tests::trial;

    fn curve(points: &[(f64, f64)]) -> Vec<Trial> {
        points.iter().map(|&(offered_per_s, p99_ms)| Trial { p99_ms, ..trial(offered_per_s, Saw::Held) }).collect()
    }

    #[test]
    fn a_curve_that_bends_has_its_knee_where_it_bends() {
        let bent = curve(&[(10.0, 5.0), (20.0, 5.5), (40.0, 6.0), (60.0, 7.0), (70.0, 90.0), (75.0, 300.0)]);
        assert_eq!(knee(&bent), Some(60.0));
    }

    #[test]
    fn a_flat_curve_a_straight_one_and_too_few_points_have_none() {
        assert_eq!(knee(&curve(&[(10.0, 5.0), (20.0, 5.1), (40.0, 5.3), (80.0, 6.0)])), None);
        assert_eq!(knee(&curve(&[(10.0, 10.0), (20.0, 20.0), (40.0, 40.0), (80.0, 80.0)])), None);
        assert_eq!(knee(&curve(&[(10.0, 5.0), (20.0, 5.0), (40.0, 900.0)])), None);
        let broke = vec![trial(5.0, Saw::Broke); 6];
        assert_eq!(knee(&broke), None);
    }
}
