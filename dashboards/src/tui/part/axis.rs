//! The time axis under the lanes.
//!
//! ```text
//!  0:00        0:30        1:00        1:30
//! ```

use ratatui::layout::Rect;

use crate::tui::{look::Ink, pen::Pen, window::Window};

/// Columns between two labels at least.
const APART: u16 = 12;
/// Steps that people count in, seconds.
const STEPS: [u64; 15] = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400];

/// Draws the axis into the first row of `area`.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, window: Window) {
    let length_us = window.until_us - window.from_us;
    let labels = u64::from((area.width / APART).max(1));
    let least_us = length_us / labels;
    let step_us = STEPS.iter().map(|s| s * 1_000_000).find(|step| *step >= least_us).unwrap_or(least_us.max(1));
    let mut at_us = window.from_us.div_ceil(step_us).saturating_mul(step_us);
    while let Some(column) = window.place(at_us, area.width) {
        let label = clock(at_us);
        if column + label.len() as u16 <= area.width {
            pen.text(area, column, 0, &label, Ink::Quiet);
        }
        let Some(next) = at_us.checked_add(step_us) else { break };
        at_us = next;
    }
}

/// A moment of the run: `2:05`, `1:02:05`.
pub(crate) fn clock(us: u64) -> String {
    let s = us / 1_000_000;
    if s < 3600 {
        format!("{}:{:02}", s / 60, s % 60)
    } else {
        format!("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60)
    }
}
