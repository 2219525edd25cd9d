//! The judge: what a record is, what was booked, what is concluded from it.
//!
//! Knows nobody: no agent, no clock, no network, no thread of its own. Time is an argument, in microseconds
//! since the start of the run. Everything that happened in a run is an [`event::Event`]; the books and the
//! events together yield the [`outcome::Outcome`].

pub mod bitmap;
pub mod books;
pub mod capacity;
pub mod cause;
pub mod contract;
pub mod counts;
pub mod event;
pub mod gate;
pub mod identity;
pub mod judge;
pub mod ledger;
pub mod outcome;
pub mod proofs;
pub mod ranges;
pub mod route;
pub mod run;
pub mod stall;
pub mod stats;
