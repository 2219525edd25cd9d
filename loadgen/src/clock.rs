//! The only door of this crate to the clock and to sleep: microseconds since the start of the run.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use jiff::tz::Offset;

/// Length of the time that container runtimes write: `2026-11-21T05:48:09.123456781Z`.
pub const WALL_LEN: usize = 30;

/// The time of a run. Copies agree with each other.
#[derive(Debug, Clone, Copy)]
pub struct RunClock {
    start: Instant,
    wall_start_us: u64,
}

impl RunClock {
    /// The run starts now.
    #[expect(clippy::disallowed_methods, reason = "this module is the door to the clock")]
    pub fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { start: Instant::now(), wall_start_us: wall.as_micros() as u64 }
    }

    /// Microseconds since the start of the run, monotonic.
    pub fn now_us(&self) -> u64 {
        self.start.elapsed().as_micros() as u64
    }

    /// Microseconds since 1970 at a moment of the run; follows the monotonic clock, not later corrections.
    pub fn wall_us(&self, at_us: u64) -> u64 {
        self.wall_start_us + at_us
    }

    /// A moment of the run as container runtimes write it, UTC with nine digits.
    ///
    /// The last digit is 1, because runtimes leave trailing zeros out and the width must not change.
    pub fn wall_text(&self, at_us: u64) -> [u8; WALL_LEN] {
        wall_text(self.wall_us(at_us))
    }

    /// Sleeps until a moment of the run, or until the thread is unparked; may wake early.
    pub fn park_until(&self, at_us: u64) {
        let now = self.now_us();
        if at_us > now {
            std::thread::park_timeout(Duration::from_micros(at_us - now));
        }
    }
}

fn wall_text(wall_us: u64) -> [u8; WALL_LEN] {
    let mut out = *b"0000-00-00T00:00:00.000000001Z";
    let time = jiff::Timestamp::from_microsecond(wall_us as i64).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    let civil = Offset::UTC.to_datetime(time);
    put_decimal(&mut out[..4], civil.year() as u64);
    put_decimal(&mut out[5..7], civil.month() as u64);
    put_decimal(&mut out[8..10], civil.day() as u64);
    put_decimal(&mut out[11..13], civil.hour() as u64);
    put_decimal(&mut out[14..16], civil.minute() as u64);
    put_decimal(&mut out[17..19], civil.second() as u64);
    put_decimal(&mut out[20..26], wall_us % 1_000_000);
    out
}

fn put_decimal(out: &mut [u8], mut value: u64) {
    for digit in out.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wall_time_is_what_a_container_runtime_writes() {
        assert_eq!(&wall_text(1_700_000_000_123_456), b"2023-11-14T22:13:20.123456001Z");
        assert_eq!(&wall_text(951_782_400_000_000), b"2000-02-29T00:00:00.000000001Z");
    }

    #[test]
    fn time_does_not_run_backwards_and_parking_ends() {
        let clock = RunClock::start();
        let before = clock.now_us();
        while clock.now_us() < before + 500 {
            clock.park_until(before + 500);
        }
        assert!(clock.now_us() >= before + 500);
    }
}
