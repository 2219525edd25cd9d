//! The one place of this crate that waits.

use std::time::Duration;

/// Waits, because a step says so: the wait is part of what is performed, not a hope that something is done by then.
#[expect(clippy::disallowed_methods, reason = "a `Wait` step is a stretch of time that the rotation itself takes")]
pub(crate) fn wait(span: Duration) {
    if !span.is_zero() {
        std::thread::sleep(span);
    }
}
