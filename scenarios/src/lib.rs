//! What to try, and trying it: scenario files, the agents that can be put to the test, and the live runner.
//!
//! A scenario is one TOML file that asks one question ([`spec`]). It is settled once ([`plan`]), performed on real
//! files with real processes ([`live`]), and judged by `results`. Nothing here draws: whoever shows a run is handed its events.

pub mod agents;
pub mod capacity;
pub mod doctor;
pub mod library;
pub mod live;
pub mod plan;
pub mod spec;
