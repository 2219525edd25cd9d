//! The gate: is this build worse than what we had?
//!
//! ```text
//!  runs ─▶ facts ─┬─▶ books    exact: more than the baseline admits, by a single record, fails        ─┐
//!  baseline ──────┼─▶ verdict  worse than the baseline's fails, unknown proves nothing                ─┼─▶ worst wins
//!  reference ─────┴─▶ speed    statistical: only a sure and sizeable slowdown fails                   ─┘
//! ```
//! Correctness is absolute and speed is statistical; neither softens the other. What cannot be told is unknown, with the reason.

pub mod baseline;
mod books;
mod calibrate;
mod changes;
mod facts;
mod judge;
mod machine;
mod metric;
mod pairs;
mod same;
mod speed;
mod words;

#[cfg(test)]
mod examples;
#[cfg(test)]
mod simulated;
#[cfg(test)]
mod tests;

pub use baseline::{Baseline, BaselineError, Held, Written};
pub use books::{Book, BookCheck};
pub use calibrate::{Calibration, calibrate};
pub use changes::{FindingChange, Seen};
pub use facts::{Facts, digest};
pub use judge::{
    Against, GateDocument, GateError, GateReport, SCHEMA, VerdictCheck, compare, judge, judge_without_baseline,
};
pub use machine::Machine;
pub use metric::{Metric, Rule};
pub use pairs::in_turn;
pub use speed::{Decision, FALSE_ALARM, MISSED, Sides, SpeedCheck, check};
