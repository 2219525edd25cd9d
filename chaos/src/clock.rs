//! The one place of this crate that waits, and that asks for the time.

use std::{
    sync::OnceLock,
    time::{Duration, Instant},
};

/// Microseconds since the first question, monotonic.
#[expect(clippy::disallowed_methods, reason = "this module is the door to the clock")]
pub(crate) fn mono_us() -> u64 {
    static FIRST: OnceLock<Instant> = OnceLock::new();
    FIRST.get_or_init(Instant::now).elapsed().as_micros() as u64
}

/// Waits, because a step says so: the wait is part of what is performed, not a hope that something is done by then.
#[expect(clippy::disallowed_methods, reason = "a `Wait` step is a stretch of time that the rotation itself takes")]
pub(crate) fn wait(span: Duration) {
    if !span.is_zero() {
        std::thread::sleep(span);
    }
}
