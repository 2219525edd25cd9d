//! Lines, bands and shades of one chart, as paths in a box of 1000 by its height; no text, so that the box can be stretched.

use std::fmt::Write;

use crate::report::{
    lanes::Lane,
    sampling::Series,
    spans::{Kind, Span},
};

/// Width of the box that plots are drawn in.
pub const WIDTH: f64 = 1000.0;
/// Decades that a logarithmic axis shows at most.
const MOST_DECADES: f64 = 6.0;

/// The two axes of a plot.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scale {
    /// End of the time axis, microseconds; it begins at 0.
    pub end_us: u64,
    /// Lower end of the value axis.
    pub low: f64,
    /// Upper end of the value axis.
    pub high: f64,
    /// Whether it is logarithmic.
    pub log: bool,
    /// Height of the box.
    pub height: f64,
}

impl Scale {
    /// The axes of a lane: values from 0, or from the decade below the least.
    pub fn of(lane: &Lane, end_us: u64, height: f64) -> Self {
        let most = lane.max();
        if !lane.log {
            return Self {
                end_us,
                low: 0.0,
                high: if most > 0.0 { nice(most * 1.03) } else { 1.0 },
                log: false,
                height,
            };
        }
        let least = lane.series.iter().filter(|series| !series.cells.is_empty()).map(Series::min);
        let least = least.filter(|value| *value > 0.0).fold(f64::INFINITY, f64::min);
        let high = decade(most.max(1e-3), f64::ceil);
        let low = if least.is_finite() { decade(least, f64::floor) } else { high / 10.0 };
        let low = low.min(high / 10.0).max(high / 10f64.powf(MOST_DECADES));
        Self { end_us, low, high, log: true, height }
    }

    /// Where a moment lies.
    pub fn x(&self, t_us: u64) -> f64 {
        (t_us as f64 / self.end_us.max(1) as f64).clamp(0.0, 1.0) * WIDTH
    }

    /// Where a value lies.
    pub fn y(&self, value: f64) -> f64 {
        let share = if self.log {
            (value.max(self.low) / self.low).log10() / (self.high / self.low).log10()
        } else {
            (value - self.low) / (self.high - self.low)
        };
        (1.0 - share.clamp(0.0, 1.0)) * self.height
    }
}

/// The least of 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8 times a power of ten that is not below `value`.
pub fn nice(value: f64) -> f64 {
    let decade = decade(value, f64::floor);
    let steps = [1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0];
    steps.into_iter().map(|step| step * decade).find(|step| *step >= value * 0.999_999).unwrap_or(value)
}

fn decade(value: f64, to: fn(f64) -> f64) -> f64 {
    10f64.powf(to(value.log10()))
}

/// The shades of what was going on: faults, an agent that was down, stalls.
pub fn shades(spans: &[Span], scale: &Scale) -> String {
    let mut out = String::new();
    for span in spans.iter().filter(|span| span.kind != Kind::Phase) {
        let (from, until) = (scale.x(span.from_us), scale.x(span.until_us));
        let width = (until - from).max(1.5);
        let _ = write!(
            out,
            "<rect class=\"shade {}\" x=\"{from:.1}\" y=\"0\" width=\"{width:.1}\" height=\"{}\"/>",
            span.kind.word(),
            scale.height
        );
    }
    out
}

/// Thin lines where a writer was brought to a new file; too many become none.
pub fn ticks(rotations: &[(u64, u16)], scale: &Scale) -> String {
    const MOST: usize = 120;
    if rotations.len() > MOST {
        return String::new();
    }
    let tick = |(t_us, _): &(u64, u16)| format!("M{:.1} 0V{}", scale.x(*t_us), scale.height);
    let path: String = rotations.iter().map(tick).collect();
    if path.is_empty() { path } else { format!("<path class=\"tick\" d=\"{path}\"/>") }
}

/// Lines at every quarter of the time and at half the height.
pub fn grid(scale: &Scale) -> String {
    let (half, height) = (scale.height / 2.0, scale.height);
    format!("<path class=\"grid\" d=\"M0 {half}H1000M250 0V{height}M500 0V{height}M750 0V{height}\"/>")
}

/// A series: the band from its least to its largest values, and the line of its means.
pub fn series(series: &Series, scale: &Scale) -> String {
    let nth = series.nth;
    let mut out = String::new();
    if series.cells.iter().any(|cell| cell.max > cell.min) {
        let up = series.cells.iter().map(|cell| point(scale, cell.t_us, cell.max));
        let down = series.cells.iter().rev().map(|cell| point(scale, cell.t_us, cell.min));
        let _ = write!(out, "<path class=\"band s{nth}\" d=\"M{}Z\"/>", up.chain(down).collect::<Vec<_>>().join("L"));
    }
    let mut line = String::new();
    let mut before: Option<usize> = None;
    for cell in &series.cells {
        // A column without points is a gap, not a straight line over it.
        let pen = if before.is_some_and(|before| before + 1 == cell.column) { 'L' } else { 'M' };
        let _ = write!(line, "{pen}{}", point(scale, cell.t_us, cell.mean));
        if pen == 'M' {
            line.push_str("h0.01");
        }
        before = Some(cell.column);
    }
    if !line.is_empty() {
        let _ = write!(out, "<path class=\"line s{nth}\" d=\"{line}\"/>");
    }
    out
}

fn point(scale: &Scale, t_us: u64, value: f64) -> String {
    format!("{:.1} {:.1}", scale.x(t_us), scale.y(value))
}

/// All of a lane but its text.
pub fn lane(lane: &Lane, spans: &[Span], rotations: &[(u64, u16)], scale: &Scale) -> String {
    let lines: String = lane.series.iter().map(|one| series(one, scale)).collect();
    format!("{}{}{}{lines}", shades(spans, scale), grid(scale), ticks(rotations, scale))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::report::{lanes::Unit, sampling::columns};

    fn lane_of(values: &[f64], log: bool) -> Lane {
        let times: Vec<u64> = (0..values.len() as u64).map(|n| n * 1000).collect();
        let values: Vec<_> = values.iter().map(|value| Some(*value)).collect();
        let series = vec![Series { name: "x", nth: 0, cells: columns(&times, &values, 720) }];
        Lane { id: "x", title: "x", unit: Unit::Millis, log, series }
    }

    #[test]
    fn an_axis_ends_at_a_round_number_above_all_values() {
        let nice = [0.9, 25_300.0, 100.0, 7.1].map(|value| (nice(value) * 1000.0).round() as u64);
        assert_eq!(nice, [1_000, 30_000_000, 100_000, 8_000]);
        let scale = Scale::of(&lane_of(&[3.0, 120.0], true), 1000, 100.0);
        assert!((scale.low - 1.0).abs() < 1e-9 && (scale.high - 1000.0).abs() < 1e-6, "{scale:?}");
    }

    #[test]
    fn a_gap_is_not_drawn_over() {
        let mut lane = lane_of(&[1.0, 2.0, 3.0, 4.0], false);
        lane.series[0].cells.remove(1);
        let path = series(&lane.series[0], &Scale::of(&lane, 3000, 100.0));
        assert_eq!(path.matches('M').count(), 2, "{path}");
    }

    proptest! {
        #[test]
        fn everything_is_drawn_inside_the_box(values in prop::collection::vec(0.0f64..1e12, 1..60), log: bool) {
            let lane = lane_of(&values, log);
            let scale = Scale::of(&lane, 60_000, 100.0);
            prop_assert!(scale.high > scale.low && scale.high.is_finite());
            for value in values {
                prop_assert!((0.0..=100.0).contains(&scale.y(value)));
            }
            prop_assert!(!super::lane(&lane, &[], &[], &scale).contains("NaN"));
        }
    }
}
