//! Lanes on one time axis: figures as bars, happenings as letters, so that cause and effect stand above each other.
//!
//! ```text
//!  delivered  ▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅▅    ▇▇▇▇▇▇▇▅▅▅▅▅   34.0k of 40.0k/s
//!  backlog                         ▂▄▆█▇▆▅▄▂▁        144k, 3.6 s
//!  sink       ····························5━━━━━····  1 in all
//!             0:00        0:30        1:00
//! ```

use ratatui::layout::Rect;

use super::{axis, chart};
use crate::tui::{
    board::Board,
    history::{Column, Family, Mark, Series},
    look::Ink,
    pen::{Pen, columns, cut, row, rows},
    window::Window,
};

mod facts;
mod plan;

pub(crate) use plan::{Lane, grow, plan};

/// Columns of the names.
const NAMES: u16 = 12;
/// Columns of the figures, where there is room.
const FACTS: u16 = 27;
const FACTS_NARROW: u16 = 21;

/// Draws lanes with their heights and the axis under them; the rows used.
pub(crate) fn draw(pen: &mut Pen<'_>, area: Rect, board: &Board, window: Window, lanes: &[(Lane, u16)]) -> u16 {
    let (names, facts) = match area.width {
        100.. => (NAMES, FACTS),
        56.. => (NAMES, FACTS_NARROW),
        44.. => (NAMES, 14),
        _ => (NAMES, 0),
    };
    let wide = area.width - names - facts;
    let history: Vec<Column> = (0..wide)
        .map(|at| {
            let stretch = window.column(at, wide);
            board.history.between(stretch.start, stretch.end)
        })
        .collect();
    // Side by side all shares of the delay have one scale, so that they can be compared.
    let shares = lanes.iter().any(|(lane, _)| matches!(lane, Lane::DelayOf(_)));
    let longest = history.iter().filter(|_| shares).filter_map(|column| Some(column.stat(Series::Max)?.max));
    let longest = longest.fold(0.0, f64::max);
    let mut y = 0;
    for (lane, height) in lanes {
        let lane_area = rows(area, y, *height);
        pen.text(cut(lane_area, 0, names), 1, 0, lane.name(), Ink::Plain);
        let chart = cut(lane_area, names, wide);
        match lane {
            lane if lane.series().is_none() => happenings(pen, chart, *lane, &history),
            // What is on its way for less than a second is no backlog to be seen.
            Lane::Backlog => figures(pen, chart, *lane, &history, board.about.rate),
            Lane::Delay | Lane::DelayOf(_) => figures(pen, chart, *lane, &history, longest),
            lane => figures(pen, chart, *lane, &history, 0.0),
        }
        let told = facts::of(*lane, board, pen.look);
        let place = cut(lane_area, names + wide + 1, facts.saturating_sub(1));
        for (at, (text, ink)) in (0..*height).zip(told) {
            pen.text(place, 0, at, &text, ink);
        }
        y += height;
    }
    axis::draw(pen, row(cut(area, names, wide), y), window);
    y + 1
}

/// `least` is what fills the lane if nothing is larger.
fn figures(pen: &mut Pen<'_>, area: Rect, lane: Lane, history: &[Column], least: f64) {
    let Some((series, ink)) = lane.series() else { return };
    // Rates are means, so that they can be compared; of everything else the worst is shown, so that spikes survive.
    let of = |series| -> Vec<Option<f64>> {
        let value = |column: &Column| {
            let stat = column.stat(series)?;
            Some(if lane == Lane::Rate { stat.mean() } else { stat.max })
        };
        history.iter().map(value).collect()
    };
    let bars = of(series);
    let offered = if lane == Lane::Rate { of(Series::Offered) } else { Vec::new() };
    let ceiling = bars.iter().chain(&offered).flatten().copied().fold(least, f64::max);
    chart::bars(pen, area, &bars, ceiling, ink);
    chart::level(pen, area, &offered, &bars, ceiling);
}

fn happenings(pen: &mut Pen<'_>, area: Rect, lane: Lane, history: &[Column]) {
    let signs = pen.look.signs();
    for (x, column) in (0..area.width).zip(history) {
        let (sign, ink) = match lane.sign(column) {
            Some(sign) => (sign, lane.ink()),
            None if lane.is_in_force(column) => (signs.in_force, lane.ink()),
            None => (signs.nothing, Ink::Quiet),
        };
        pen.cell(area, x, 0, sign, ink);
    }
}

impl Lane {
    /// What stands for what happened in a column.
    fn sign(self, column: &Column) -> Option<char> {
        let many = |count: u32, letter: char| match count {
            0 => None,
            1 => Some(letter),
            2..=9 => char::from_digit(count, 10),
            _ => Some('+'),
        };
        let fault = |family| column.letter(family);
        match self {
            Self::Rotation => many(column.count(Mark::Rotation), 'R'),
            Self::Archive => many(column.count(Mark::Archive), 'A'),
            Self::Swap => many(column.count(Mark::Swap), 'S'),
            Self::Finding => many(column.count(Mark::Finding), '!'),
            Self::Files => {
                let kinds = [(Mark::Rotation, 'R'), (Mark::Archive, 'A'), (Mark::Swap, 'S')];
                kinds.into_iter().find(|(mark, _)| column.count(*mark) > 0).map(|(_, letter)| letter)
            }
            Self::Fault(family) => fault(family),
            Self::Faults => Family::ALL.into_iter().find_map(fault),
            _ => None,
        }
    }

    fn is_in_force(self, column: &Column) -> bool {
        match self {
            Self::Fault(family) => column.is_in_force(family),
            Self::Faults => Family::ALL.into_iter().any(|family| column.is_in_force(family)),
            _ => false,
        }
    }

    fn ink(self) -> Ink {
        match self {
            Self::Finding => Ink::Bad,
            Self::Fault(_) | Self::Faults => Ink::Doubtful,
            _ => Ink::Deed,
        }
    }
}

/// The lanes in a box with a title; the rows used.
pub(crate) fn titled(pen: &mut Pen<'_>, area: Rect, board: &Board, window: Window, lanes: &[(Lane, u16)]) -> u16 {
    let length = axis::clock(window.until_us - window.from_us);
    let remark = format!("{length} shown, + - zoom, < > move");
    let remark = if columns(&remark) + 16 > usize::from(area.width) { length } else { remark };
    pen.title(area, 0, "timeline", &remark);
    1 + draw(pen, rows(area, 1, area.height.saturating_sub(1)), board, window, lanes)
}
