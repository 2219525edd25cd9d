//! RFC 3339 times of log lines; the minute is remembered, so that most lines cost a comparison and a few digits.

/// A point in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Time {
    /// Whole seconds since 1970.
    pub seconds: i64,
    /// Nanoseconds within the second.
    pub nanos: u32,
}

impl Time {
    /// From nanoseconds since 1970.
    pub fn from_unix_ns(ns: i64) -> Self {
        Self { seconds: ns.div_euclid(1_000_000_000), nanos: ns.rem_euclid(1_000_000_000) as u32 }
    }
}

/// Longest time that is understood, bytes: `2026-11-21T05:50:01.123456789+09:00`.
pub(super) const TIME_MAX: usize = 35;
const MINUTE: usize = 16;
const SECOND: usize = 19;

/// Reads times and remembers the last minute and zone.
#[derive(Debug, Clone, Copy, Default)]
pub struct TimeReader {
    minute: [u8; MINUTE],
    zone: [u8; 6],
    zone_len: usize,
    seconds: i64,
}

impl TimeReader {
    /// Reads `text` if it is a time of RFC 3339 with at most nine digits of fraction.
    pub fn read(&mut self, text: &[u8]) -> Option<Time> {
        if text.len() > TIME_MAX || text.len() <= SECOND || text[MINUTE] != b':' {
            return None;
        }
        let second = digits(&text[MINUTE + 1..SECOND])?;
        let (nanos, zone) = fraction(&text[SECOND..])?;
        let known = self.zone_len == zone.len() && text[..MINUTE] == self.minute && zone == &self.zone[..self.zone_len];
        if !known {
            self.remember(&text[..MINUTE], zone)?;
        }
        (second < 60).then_some(Time { seconds: self.seconds + i64::from(second), nanos })
    }

    #[cold]
    fn remember(&mut self, minute: &[u8], zone: &[u8]) -> Option<()> {
        if zone.is_empty() || zone.len() > 6 || minute[10] != b'T' {
            return None;
        }
        let text = format!("{}:00{}", str::from_utf8(minute).ok()?, str::from_utf8(zone).ok()?);
        let at: jiff::Timestamp = text.parse().ok()?;
        *self = Self { zone_len: zone.len(), seconds: at.as_second(), ..Self::default() };
        self.minute.copy_from_slice(minute);
        self.zone[..zone.len()].copy_from_slice(zone);
        Some(())
    }
}

fn digits(text: &[u8]) -> Option<u32> {
    let mut value = 0;
    for &byte in text {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + u32::from(digit);
    }
    Some(value)
}

/// Nanoseconds, and what follows the fraction.
fn fraction(rest: &[u8]) -> Option<(u32, &[u8])> {
    let Some((b'.', rest)) = rest.split_first().map(|(first, rest)| (*first, rest)) else {
        return Some((0, rest));
    };
    if rest.len() > 9
        && !rest[9].is_ascii_digit()
        && let Some(nanos) = digits(&rest[..9])
    {
        return Some((nanos, &rest[9..]));
    }
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let scale = 9usize.checked_sub(length).filter(|_| length > 0)?;
    Some((digits(&rest[..length])? * 10u32.pow(scale as u32), &rest[length..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn times_are_read_as_a_calendar_reads_them(
            seconds in 0i64..4_000_000_000, nanos in 0u32..1_000_000_000, places in 0usize..=9, hours in -12i32..=12,
        ) {
            let at = jiff::Timestamp::new(seconds, 0).unwrap();
            let zoned = at.to_zoned(jiff::tz::Offset::from_seconds(hours * 3600).unwrap().to_time_zone());
            let scale = 10u32.pow(9 - places as u32);
            let fraction = if places == 0 { String::new() } else { format!(".{:0places$}", nanos / scale) };
            let sign = if hours < 0 { '-' } else { '+' };
            let text = format!("{}{fraction}{sign}{:02}:00", zoned.strftime("%Y-%m-%dT%H:%M:%S"), hours.abs());
            let nanos = if places == 0 { 0 } else { nanos / scale * scale };
            let mut reader = TimeReader::default();
            for _ in 0..2 {
                prop_assert_eq!(reader.read(text.as_bytes()), Some(Time { seconds, nanos }), "{}", text);
            }
        }

        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(any::<u8>(), 0..40)) {
            TimeReader::default().read(&text);
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026-11-21",
            "2026-11-21T05:50:61Z",
            "2026-13-21T05:50:01Z",
            "2026-11-21T05:50:01.Z",
            "2026-11-21T05:50:01.1234567890Z",
            "2026-11-21T05:50:01",
            "2026-11-21 05:50:01Z",
        ] {
            assert_eq!(TimeReader::default().read(text.as_bytes()), None, "{text}");
        }
    }
}
