//! Both ends of the wire: what is written for the agent to read, and what takes back what it delivers.
//!
//! ```text
//! pace ─▶ payload ─▶ frame ─▶ write ─▶ files ─▶ (agent) ─▶ receive ─▶ decode ─▶ ledger
//!                                └──── booked before it is written ────────────────┘
//! ```
//! Knows the judge's books and nothing of the agent between its two ends.

pub mod beats;
pub mod clock;
pub mod drive;
pub mod frame;
pub mod front;
pub mod kube;
pub mod pace;
pub mod payload;
pub mod receive;
pub mod send;
pub mod write;

#[cfg(test)]
mod trial;
