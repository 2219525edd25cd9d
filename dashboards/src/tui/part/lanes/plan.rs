//! Which lanes there are, and which of them a number of rows has room for.

use crate::tui::{
    board::Board,
    history::{Column, Family, Mark, Series},
    look::Ink,
};

/// A lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    /// Delivered over offered.
    Rate,
    /// Records written and not delivered.
    Backlog,
    /// Delivery latency, 99 in 100.
    Delay,
    /// Another share of it.
    DelayOf(Series),
    /// CPU of the agent.
    Cpu,
    /// Memory of the agent.
    Rss,
    /// Files the agent holds open.
    OpenFiles,
    /// How much the agent was throttled.
    Throttled,
    /// Rotations, archives and swaps in one.
    Files,
    /// Rotations.
    Rotation,
    /// Archives.
    Archive,
    /// Swaps.
    Swap,
    /// All faults in one.
    Faults,
    /// Faults of a family.
    Fault(Family),
    /// Findings.
    Finding,
}

impl Lane {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Rate => "delivered",
            Self::Backlog => "backlog",
            Self::Delay => "delay p99",
            Self::DelayOf(Series::P50) => "delay p50",
            Self::DelayOf(Series::P90) => "delay p90",
            Self::DelayOf(Series::P999) => "delay 99.9",
            Self::DelayOf(_) => "delay max",
            Self::Cpu => "agent CPU",
            Self::Rss => "agent RSS",
            Self::OpenFiles => "open files",
            Self::Throttled => "throttled",
            Self::Files => "files",
            Self::Rotation => "rotate",
            Self::Archive => "archive",
            Self::Swap => "swap",
            Self::Faults => "faults",
            Self::Fault(family) => family.name(),
            Self::Finding => "findings",
        }
    }

    /// What its bars are; `None` for lanes of happenings.
    pub(super) fn series(self) -> Option<(Series, Ink)> {
        match self {
            Self::Rate => Some((Series::Delivered, Ink::Flow)),
            Self::Backlog => Some((Series::Backlog, Ink::Wait)),
            Self::Delay => Some((Series::P99, Ink::Delay)),
            Self::DelayOf(series) => Some((series, Ink::Delay)),
            Self::Cpu => Some((Series::Cpu, Ink::Use)),
            Self::Rss => Some((Series::Rss, Ink::Use)),
            Self::OpenFiles => Some((Series::OpenFiles, Ink::Use)),
            Self::Throttled => Some((Series::Throttled, Ink::Use)),
            _ => None,
        }
    }

    /// Whether the run has shown anything of it.
    fn has_any(self, all: &Column) -> bool {
        match self {
            Self::Rotation => all.count(Mark::Rotation) > 0,
            Self::Archive => all.count(Mark::Archive) > 0,
            Self::Swap => all.count(Mark::Swap) > 0,
            Self::Fault(family) => all.count(Mark::Fault(family)) > 0,
            Self::OpenFiles | Self::Throttled => {
                let stat = self.series().and_then(|(series, _)| all.stat(series));
                stat.is_some_and(|stat| stat.max > 0.0)
            }
            _ => true,
        }
    }
}

/// The few that are shown first, in the order of the screen.
const FEW: [Lane; 6] = [Lane::Rate, Lane::Backlog, Lane::Delay, Lane::Cpu, Lane::Files, Lane::Faults];
/// All, in the order of the screen.
const ALL: [Lane; 14] = [
    Lane::Rate,
    Lane::Backlog,
    Lane::Delay,
    Lane::Cpu,
    Lane::Rss,
    Lane::OpenFiles,
    Lane::Throttled,
    Lane::Rotation,
    Lane::Archive,
    Lane::Swap,
    Lane::Fault(Family::Sink),
    Lane::Fault(Family::Process),
    Lane::Fault(Family::Hand),
    Lane::Finding,
];
/// Which of the few go first when rows run short.
const LAST_TO_GO: [Lane; 7] =
    [Lane::Rate, Lane::Backlog, Lane::Faults, Lane::Delay, Lane::Finding, Lane::Files, Lane::Cpu];
/// Which lanes further rows go to, one after the other.
const GROW: [Lane; 12] = [
    Lane::Rate,
    Lane::Backlog,
    Lane::Delay,
    Lane::Rate,
    Lane::Cpu,
    Lane::Backlog,
    Lane::Rss,
    Lane::Rate,
    Lane::Delay,
    Lane::Backlog,
    Lane::Delay,
    Lane::Rate,
];

/// The lanes for `rows` rows without the axis, with the rows of each: few where there is little room, all where there is
/// more; what the run has shown nothing of comes last.
pub(crate) fn plan(board: &Board, rows: u16) -> Vec<(Lane, u16)> {
    let rows = usize::from(rows);
    let all = board.history.between(0, u64::MAX);
    let shown = |lane: &Lane| lane.has_any(&all);
    let wanted: Vec<Lane> = ALL.into_iter().filter(shown).collect();
    let lanes: Vec<Lane> = if wanted.len() <= rows {
        // Lanes of nothing are worth a row only where rows are plenty.
        let room = if rows >= ALL.len() + GROW.len() / 2 { ALL.to_vec() } else { wanted };
        room.into_iter().collect()
    } else {
        let kept = &LAST_TO_GO[..rows.min(LAST_TO_GO.len())];
        FEW.into_iter().chain([Lane::Finding]).filter(|lane| kept.contains(lane)).collect()
    };
    grow(lanes, rows)
}

/// Gives the rows that are left to the bars.
pub(crate) fn grow(lanes: Vec<Lane>, rows: usize) -> Vec<(Lane, u16)> {
    let mut planned: Vec<(Lane, u16)> = lanes.into_iter().map(|lane| (lane, 1)).collect();
    let mut left = rows.saturating_sub(planned.len());
    for lane in GROW {
        if let Some((_, height)) = planned.iter_mut().find(|(there, _)| *there == lane && left > 0) {
            *height += 1;
            left -= 1;
        }
    }
    planned
}
