//! One figure over many runs: a line with a dot for each run, small enough to stand in a table.

use std::fmt::Write;

/// Width and height of the picture.
const WIDTH: f64 = 220.0;
const HEIGHT: f64 = 36.0;
/// Room for the dots.
const EDGE: f64 = 4.0;

/// A line over the runs, oldest first; a run without the figure is a gap, a run that did not pass has a hollow dot.
pub fn trend(values: &[Option<f64>], passed: &[bool], says: &str) -> String {
    let known = || values.iter().flatten().copied().filter(|value| value.is_finite());
    let high = known().fold(0.0, f64::max);
    let x = |at: usize| EDGE + at as f64 / (values.len().max(2) - 1) as f64 * (WIDTH - 2.0 * EDGE);
    let y = |value: f64| HEIGHT - EDGE - if high > 0.0 { value.max(0.0) / high * (HEIGHT - 2.0 * EDGE) } else { 0.0 };
    let (mut line, mut dots, mut pen) = (String::new(), String::new(), 'M');
    for (at, value) in values.iter().enumerate() {
        let Some(value) = value.filter(|value| value.is_finite()) else {
            pen = 'M';
            continue;
        };
        let _ = write!(line, "{pen}{:.1} {:.1}", x(at), y(value));
        pen = 'L';
        let class = if passed.get(at).copied().unwrap_or(false) { "dot" } else { "dot hollow" };
        let _ = write!(dots, "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"2.5\"/>", x(at), y(value));
    }
    format!(
        "<svg class=\"trend\" xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{}\"><path class=\"line s0\" d=\"{line}\"/>{dots}</svg>",
        crate::markup::text(says)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_the_figure_is_a_gap_and_one_that_failed_is_hollow() {
        let svg = trend(&[Some(1.0), None, Some(2.0), Some(4.0)], &[true, true, false, true], "p99");
        assert_eq!((svg.matches('M').count(), svg.matches('L').count()), (2, 1), "{svg}");
        assert_eq!(svg.matches("hollow").count(), 1);
        assert!(!trend(&[], &[], "").contains("NaN") && !trend(&[Some(f64::NAN)], &[], "").contains("NaN"));
    }
}
