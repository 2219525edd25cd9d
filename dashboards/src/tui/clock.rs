//! The clock of the dashboard: when frames are drawn and how far a replay moves on. The figures know the time of the run only.

use std::time::Instant;

/// Runs from its making.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock(Instant);

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock module of the crate")]
    pub(super) fn start() -> Self {
        Self(Instant::now())
    }

    /// Microseconds since its making.
    pub(super) fn now_us(self) -> u64 {
        self.0.elapsed().as_micros() as u64
    }
}
