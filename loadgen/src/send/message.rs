//! What stands around a text on its way, as nginx and rsyslog write it. Times are UTC.
//!
//! ```text
//! RFC 3164  <190>Nov 21 05:50:01 node-1 nginx: text
//! RFC 5424  <190>1 2026-11-21T05:50:01.123456Z node-1 nginx 1 access - text
//! LF        message LF                octets    9 message9B      (connections only)
//! ```

use std::io::Write;

use jiff::{Timestamp, tz::Offset};

use super::{Framing, SendPlan, SyslogFormat};

/// Facility local7, severity info: what nginx sends by default.
const PRIORITY: u8 = 23 * 8 + 6;
const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// Renders messages into a buffer of its own.
#[derive(Debug)]
pub(super) struct Message {
    format: SyslogFormat,
    /// None for datagrams: each is one message.
    framing: Option<Framing>,
    host: String,
    ident: String,
    /// The head of the moment for which it was last rendered.
    head: Vec<u8>,
    /// That moment, microseconds since 1970, rounded as far as the format tells time.
    at_us: Option<u64>,
    bytes: Vec<u8>,
}

impl Message {
    pub(super) fn new(plan: &SendPlan) -> Self {
        Self {
            format: plan.format,
            framing: plan.to.is_stream().then_some(plan.framing),
            host: plan.host.clone(),
            ident: plan.ident.clone(),
            head: Vec::new(),
            at_us: None,
            bytes: Vec::new(),
        }
    }

    /// Messages rendered from now on carry this time, microseconds since 1970.
    pub(super) fn set_time(&mut self, wall_us: u64) {
        let at_us = match self.format {
            SyslogFormat::Rfc3164 => wall_us - wall_us % 1_000_000,
            SyslogFormat::Rfc5424 => wall_us,
        };
        if self.at_us == Some(at_us) {
            return;
        }
        self.at_us = Some(at_us);
        let time = Timestamp::from_microsecond(at_us as i64).unwrap_or(Timestamp::UNIX_EPOCH);
        let civil = Offset::UTC.to_datetime(time);
        let (host, ident) = (&self.host, &self.ident);
        let (hour, minute, second) = (civil.hour(), civil.minute(), civil.second());
        self.head.clear();
        match self.format {
            SyslogFormat::Rfc3164 => {
                let month = MONTHS[(civil.month() as usize - 1) % 12];
                let day = civil.day();
                write!(self.head, "<{PRIORITY}>{month} {day:2} {hour:02}:{minute:02}:{second:02} {host} {ident}: ")
            }
            SyslogFormat::Rfc5424 => {
                let (year, month, day, micro) = (civil.year(), civil.month(), civil.day(), at_us % 1_000_000);
                write!(
                    self.head,
                    "<{PRIORITY}>1 {year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{micro:06}Z {host} {ident} 1 access - "
                )
            }
        }
        .expect("memory takes every byte");
    }

    /// The message of a text.
    pub(super) fn render(&mut self, text: &[u8]) -> &[u8] {
        self.bytes.clear();
        if self.framing == Some(Framing::Octets) {
            write!(self.bytes, "{} ", self.head.len() + text.len()).expect("memory takes every byte");
        }
        self.bytes.extend_from_slice(&self.head);
        self.bytes.extend_from_slice(text);
        if self.framing == Some(Framing::Lf) {
            self.bytes.push(b'\n');
        }
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::send::SendTo;

    fn rendered(format: SyslogFormat, framing: Framing, stream: bool) -> String {
        let to = if stream { SendTo::UnixStream("/x".into()) } else { SendTo::UnixDatagram("/x".into()) };
        let plan = SendPlan { format, framing, ..SendPlan::new(results::identity::StreamId(0), to) };
        let mut message = Message::new(&plan);
        message.set_time(951_827_696_123_456);
        message.set_time(951_827_696_123_456);
        String::from_utf8(message.render(b"a b").to_vec()).expect("text")
    }

    #[test]
    fn messages_are_what_nginx_and_rsyslog_write() {
        use {Framing::*, SyslogFormat::*};
        assert_eq!(rendered(Rfc3164, Lf, false), "<190>Feb 29 12:34:56 node-1 nginx: a b");
        assert_eq!(rendered(Rfc3164, Lf, true), "<190>Feb 29 12:34:56 node-1 nginx: a b\n");
        let new = "<190>1 2000-02-29T12:34:56.123456Z node-1 nginx 1 access - a b";
        assert_eq!(rendered(Rfc5424, Octets, true), format!("{} {new}", new.len()));
        assert_eq!(rendered(Rfc5424, Octets, false), new);
    }

    #[test]
    fn a_day_of_one_digit_is_padded_with_a_blank_and_a_new_moment_is_seen() {
        let plan = SendPlan::new(results::identity::StreamId(0), SendTo::UnixDatagram("/x".into()));
        let mut message = Message::new(&plan);
        message.set_time(1_788_393_600_000_000);
        let first = message.render(b"").to_vec();
        message.set_time(1_788_393_601_000_000);
        assert_eq!(
            (first, message.render(b"").to_vec()),
            (b"<190>Sep  3 00:00:00 node-1 nginx: ".to_vec(), b"<190>Sep  3 00:00:01 node-1 nginx: ".to_vec())
        );
    }
}
