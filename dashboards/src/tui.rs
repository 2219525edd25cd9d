//! The terminal dashboard: one screen that answers whether the agent keeps up, what is behind, what just happened and
//! whether anything is lost.
//!
//! ```text
//!  events ─▶ board (fold) ─▶ scene ─▶ view/*, part/* ─▶ pen ─▶ cells of a frame ─▶ terminal
//!  keys   ─▶ keys (table) ─▶ app ───┘       └─▶ act (a hand on the run), replay (play, seek)
//! ```
//! It draws a copy of nothing: the board is locked while a frame is drawn in memory, a millisecond at most, and never while the
//! terminal takes it. Nothing but the pen writes to a frame, and it lets nothing through that a terminal would obey.

pub mod about;
pub mod act;
pub mod app;
pub mod board;
mod clock;
pub mod export;
pub mod history;
pub mod keys;
pub mod live;
pub mod look;
mod part;
mod pen;
pub mod replay;
pub mod scene;
pub mod terminal;
mod view;
pub mod watch;
pub mod window;

#[cfg(test)]
mod tests;
