//! Does the backlog grow? A straight line through what was seen of it, and how far off that line may be.

/// A slope and twice its standard error, both a second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Slope {
    /// Records a second.
    pub per_s: f64,
    /// By how much it may be off, records a second.
    pub error_per_s: f64,
}

/// The least-squares line through (seconds, records). What hangs together from one point to the next (a rotation, a batch)
/// counts for fewer points than there are, so that a short swing is not taken for growth. Fewer than four points say nothing.
pub fn slope(points: &[(f64, f64)]) -> Slope {
    let n = points.len() as f64;
    if points.len() < 4 {
        return Slope::default();
    }
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (mean_t, mean_y) = (mean(|point| point.0), mean(|point| point.1));
    let spread: f64 = points.iter().map(|(t, _)| (t - mean_t).powi(2)).sum();
    if spread <= 0.0 {
        return Slope::default();
    }
    let per_s = points.iter().map(|(t, y)| (t - mean_t) * (y - mean_y)).sum::<f64>() / spread;
    let off: Vec<f64> = points.iter().map(|(t, y)| y - mean_y - per_s * (t - mean_t)).collect();
    let squares: f64 = off.iter().map(|off| off * off).sum();
    if squares <= 0.0 {
        return Slope { per_s, error_per_s: 0.0 };
    }
    let neighbours: f64 = off.windows(2).map(|pair| pair[0] * pair[1]).sum();
    let hangs = (neighbours / squares).clamp(0.0, 0.8);
    let error = (squares / (n - 2.0) / spread * (1.0 + hangs) / (1.0 - hangs)).sqrt();
    Slope { per_s, error_per_s: 2.0 * error }
}

impl Slope {
    /// True if the backlog grows by more than chance and by more than half a percent of what is offered. Growth by two
    /// percent needs half the certainty: taking a rate for sustained that is not is the worse mistake.
    pub fn grows(&self, offered_per_s: f64) -> bool {
        let surely = self.per_s > self.error_per_s && self.per_s > offered_per_s * 0.005;
        surely || self.per_s > (self.error_per_s / 2.0).max(offered_per_s * 0.02)
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    /// Ten seconds, four looks a second.
    fn seen(of: impl FnMut(f64) -> f64) -> Slope {
        let times: Vec<f64> = (0..40).map(|n| f64::from(n) * 0.25).collect();
        let points: Vec<(f64, f64)> = times.iter().copied().zip(times.iter().copied().map(of)).collect();
        slope(&points)
    }

    #[test]
    fn growth_of_a_percent_is_told_from_noise() {
        let mut chance = Pcg64Mcg::seed_from_u64(3);
        let (mut grown, mut still) = (0, 0);
        for _ in 0..500 {
            let mut noise = || chance.random_range(-500.0..500.0);
            grown += u32::from(seen(|t| 2_000.0 + 200.0 * t + noise()).grows(20_000.0));
            still += u32::from(seen(|_| 2_000.0 + noise()).grows(20_000.0));
        }
        assert!(grown > 490, "1 % of growth was seen {grown} times of 500");
        assert!(still < 15, "growth was seen {still} times of 500 where there was none");
    }

    #[test]
    fn a_swing_of_a_rotation_is_no_growth() {
        for shift in 0..8 {
            let swing = |t: f64| 3_000.0 * ((t + f64::from(shift) * 0.25) % 2.0);
            assert!(!seen(swing).grows(20_000.0), "a saw-tooth of 2 s, begun at {shift}");
        }
    }

    #[test]
    fn a_falling_or_hardly_growing_backlog_is_none() {
        assert!(!seen(|t| 9_000.0 - 400.0 * t).grows(20_000.0));
        assert!(!seen(|t| 50.0 * t).grows(20_000.0), "50/s of 20,000/s is below half a percent");
        assert!(seen(|t| 150.0 * t).grows(20_000.0));
        assert_eq!(slope(&[(0.0, 1.0), (1.0, 9.0)]), Slope::default(), "two points make no line");
        assert_eq!(slope(&[(1.0, 1.0); 9]), Slope::default());
    }
}
