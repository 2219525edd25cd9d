//! Showing it: what a person sees of a run, as text, from its events and its outcome alone.
//!
//! ```text
//!  events → state (fold) → text/feed      which lines, how often     text/live  what they say
//!  outcome               → text/summary   what was concluded, why, and what to type next
//! ```
//! Knows the results and nothing of how a run comes about. Everything returns a `String`; printing is the caller's. Every
//! byte that came from outside goes through [`display`].

pub mod capacity;
pub mod display;
pub mod gate;
pub mod history;
pub mod html;
pub mod junit;
pub mod markdown;
pub mod markup;
pub mod redact;
pub mod report;
mod routes;
pub mod since;
pub mod state;
pub mod svg;
pub mod text;
pub mod tui;
