//! The one place where the pipeline reads a clock.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// Time since the start, and the time of day.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    start: Instant,
}

impl Clock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock module")]
    pub(crate) fn start() -> Self {
        Self { start: Instant::now() }
    }

    /// Milliseconds since the start; never goes back.
    pub(crate) fn mono_ms(self) -> u64 {
        self.start.elapsed().as_millis() as u64
    }

    /// Nanoseconds since 1970.
    #[expect(clippy::disallowed_methods, reason = "this is the clock module")]
    #[expect(clippy::unused_self, reason = "who may read the one clock may read the other")]
    pub(crate) fn unix_ns(self) -> i64 {
        SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos() as i64)
    }
}

/// Waits in a test until `done` holds; panics after 20 s.
#[cfg(test)]
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let clock = Clock::start();
    while !done() {
        assert!(clock.mono_ms() < 20_000, "waited in vain until {what}");
        std::thread::park_timeout(std::time::Duration::from_millis(2));
    }
}
