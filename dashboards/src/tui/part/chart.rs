//! Bars over time, in eighths of a cell where the terminal has such signs.

use ratatui::layout::Rect;

use crate::tui::{look::Ink, pen::Pen};

/// Draws a bar a column that grows from the bottom of `area`; `ceiling` fills it. A column without value stays empty, and
/// one above zero is always seen.
pub(crate) fn bars(pen: &mut Pen<'_>, area: Rect, values: &[Option<f64>], ceiling: f64, ink: Ink) {
    let signs = pen.look.bars();
    let steps = signs.len() - 1;
    for (x, value) in (0..area.width).zip(values) {
        let Some(height) = height(*value, ceiling, usize::from(area.height) * steps) else { continue };
        for from_bottom in 0..area.height {
            let filled = height.saturating_sub(usize::from(from_bottom) * steps).min(steps);
            if filled > 0 {
                pen.cell(area, x, area.height - 1 - from_bottom, signs[filled], ink);
            }
        }
    }
}

/// Draws a dash at the height of each value where no bar stands.
pub(crate) fn level(pen: &mut Pen<'_>, area: Rect, values: &[Option<f64>], bars: &[Option<f64>], ceiling: f64) {
    let steps = pen.look.bars().len() - 1;
    let sign = pen.look.signs().level;
    let whole = usize::from(area.height) * steps;
    for ((x, value), bar) in (0..area.width).zip(values).zip(bars) {
        let Some(level) = height(*value, ceiling, whole) else { continue };
        let row = level.saturating_sub(1) / steps;
        let covered = height(*bar, ceiling, whole).unwrap_or(0).div_ceil(steps);
        if row >= covered && row < usize::from(area.height) {
            pen.cell(area, x, area.height - 1 - row as u16, sign, Ink::Quiet);
        }
    }
}

/// In steps of the whole height.
fn height(value: Option<f64>, ceiling: f64, whole: usize) -> Option<usize> {
    let share = value.filter(|value| *value > 0.0)? / ceiling;
    (ceiling > 0.0).then(|| ((share * whole as f64).round() as usize).clamp(1, whole))
}
