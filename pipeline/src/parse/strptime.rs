//! Times by a format, as Fluent Bit's `Time_Format` writes them.
//!
//! ```text
//! %d/%b/%Y:%H:%M:%S %z      10/Oct/2000:13:55:36 -0700
//! %Y-%m-%dT%H:%M:%S.%L%z    %L (also %N, %f, %9N): up to nine digits of a fraction
//! %b %d %H:%M:%S            no year: the one that makes it nearest to now
//! %s.%L                     seconds since 1970
//! ```
//! A time without a zone is in that of `Time_Offset`, of the system if asked for, else UTC. What follows the time is not
//! looked at: `%Y-%m-%dT%H:%M:%S.%L` is how Docker's times, which end in `Z`, are usually written.

use jiff::{civil, tz};

use super::time::Time;

mod field;

use field::{Found, Item};

/// A format that can be used.
#[derive(Debug, Clone)]
pub struct TimeFormat {
    items: Vec<Item>,
    zone: tz::TimeZone,
    /// The same text always means the same time.
    steady: bool,
    /// A text that stops to follow the format says what it said until then.
    lenient: bool,
}

/// Longest text that is remembered, bytes.
const REMEMBERED_MAX: usize = 48;

impl TimeFormat {
    /// Compiles a format; else the unknown letter after `%`.
    pub fn new(format: &str) -> Result<Self, char> {
        let items = field::items(format)?;
        let has = |wanted: &[Item]| items.iter().any(|item| wanted.contains(item));
        let steady =
            has(&[Item::Epoch]) || (has(&[Item::Year, Item::YearOfCentury]) && has(&[Item::Day, Item::DayOfYear]));
        Ok(Self { items, zone: tz::TimeZone::UTC, steady, lenient: false })
    }

    /// The zone of times that name none.
    #[must_use]
    pub fn in_zone(self, zone: tz::TimeZone) -> Self {
        Self { zone, ..self }
    }

    /// Whether a text may stop to follow the format once it has named a day.
    #[must_use]
    pub fn lenient(self, lenient: bool) -> Self {
        Self { lenient, ..self }
    }

    /// The time that `text` says; what it leaves out is taken from `now`.
    pub fn read(&self, text: &[u8], now: Time) -> Option<Time> {
        let mut found = Found::default();
        let follows = field::read(&self.items, text, &mut found).is_some();
        if !(follows || self.lenient && found.names_a_day()) {
            return None;
        }
        if let Some(seconds) = found.epoch {
            return Some(Time { seconds, nanos: found.nanos });
        }
        let seconds = match found.year {
            Some(year) => self.seconds(&found, year)?,
            None => self.nearest(&found, now)?,
        };
        Some(Time { seconds, nanos: found.nanos })
    }

    fn seconds(&self, found: &Found, year: i16) -> Option<i64> {
        let date = match found.day_of_year {
            Some(day) => civil::Date::new(year, 1, 1).ok()?.with().day_of_year(day).build().ok()?,
            None => civil::Date::new(year, found.month.unwrap_or(1), found.day.unwrap_or(1)).ok()?,
        };
        // A leap second is the last of its minute.
        let time = civil::Time::new(found.hour_of_day()?, found.minute, found.second.min(59), 0).ok()?;
        let at = date.to_datetime(time);
        let stamp = match found.offset_seconds {
            Some(offset) => tz::Offset::from_seconds(offset).ok()?.to_timestamp(at).ok()?,
            None => self.zone.to_timestamp(at).ok()?,
        };
        Some(stamp.as_second())
    }

    /// The year, or the day, that makes it nearest to now.
    fn nearest(&self, found: &Found, now: Time) -> Option<i64> {
        let today = tz::Offset::UTC.to_datetime(jiff::Timestamp::from_second(now.seconds).ok()?).date();
        let dated = found.month.is_some() || found.day.is_some() || found.day_of_year.is_some();
        let candidates = [-1i16, 0, 1].map(|step| {
            if dated {
                return self.seconds(found, today.year() + step);
            }
            let day = today.checked_add(jiff::Span::new().days(step)).ok()?;
            let found = Found { month: Some(day.month()), day: Some(day.day()), ..*found };
            self.seconds(&found, day.year())
        });
        candidates.into_iter().flatten().min_by_key(|seconds| seconds.abs_diff(now.seconds))
    }
}

/// Reads times of one format and remembers the last one: most lines of a log say the same second.
#[derive(Debug, Clone)]
pub struct FormatReader {
    format: TimeFormat,
    last: [u8; REMEMBERED_MAX],
    len: usize,
    time: Time,
}

impl FormatReader {
    /// A reader of one format.
    pub fn new(format: TimeFormat) -> Self {
        Self { format, last: [0; REMEMBERED_MAX], len: 0, time: Time { seconds: 0, nanos: 0 } }
    }

    /// As [`TimeFormat::read`].
    pub fn read(&mut self, text: &[u8], now: Time) -> Option<Time> {
        if self.len > 0 && self.last[..self.len] == *text {
            return Some(self.time);
        }
        let time = self.format.read(text, now)?;
        if self.format.steady && text.len() <= REMEMBERED_MAX {
            self.last[..text.len()].copy_from_slice(text);
            (self.len, self.time) = (text.len(), time);
        }
        Some(time)
    }
}

#[cfg(test)]
mod tests;
