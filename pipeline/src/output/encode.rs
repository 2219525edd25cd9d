//! Records into JSON, straight into the body of a request.
//!
//! ```text
//! {"date":1763704201.123456789,"time":"2026-11-21T05:50:01.123456789Z","stream":"stdout","_p":"F","log":"…","file":"/p"}
//!  └ Json_date_key              └ as it stands in the line ──────────────────────┘ CRI only ┘      └ Path_Key
//! ```
//! Everything that is the same for all records of a batch is rendered once a batch.

use std::ops::Range;

use super::{
    escape::Escaper,
    plan::{DateFormat, RecordFormat},
};
use crate::{
    config::plan::Framing,
    event::{Event, json},
    parse::{Batch, Form, Record, Stream, time::Time},
};

/// What stands around the records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A record and a line feed.
    Lines,
    /// A record and a comma; the caller puts the brackets.
    Array,
    /// A record and nothing more.
    Stream,
    /// `tag: [time, record]` and a line feed, as Fluent Bit's file output does by default.
    Prefixed,
}

/// Renders records; remembers the last second.
#[derive(Debug, Clone)]
pub struct Encoder {
    format: RecordFormat,
    layout: Layout,
    tag_key: Option<String>,
    escaper: Escaper,
    clock: Clock,
    parts: Parts,
}

/// What is the same for all records of a batch.
#[derive(Debug, Clone, Default)]
struct Parts {
    open: Vec<u8>,
    /// From the end of the date to the first field.
    dated: Vec<u8>,
    stamp_key: Vec<u8>,
    /// By stream, then whole or partial: from the end of the stamp to the beginning of the text.
    middle: [[Vec<u8>; 2]; 2],
    raw: Vec<u8>,
    /// From the end of a field to the beginning of each group.
    groups: Vec<Vec<u8>>,
    path: Vec<u8>,
    offset_key: Option<Vec<u8>>,
    close: Vec<u8>,
}

impl Encoder {
    /// An encoder for one output.
    pub fn new(format: RecordFormat, layout: Layout) -> Self {
        let (escaper, clock, parts) = (Escaper::default(), Clock::default(), Parts::default());
        Self { format, layout, tag_key: None, escaper, clock, parts }
    }

    /// With the tag under a key, behind the date.
    #[must_use]
    pub fn tagged(mut self, key: Option<String>) -> Self {
        self.tag_key = key.filter(|_| self.format.date_key.is_some());
        self
    }

    /// Appends the records `range` of `batch` to `out`.
    pub fn batch(&mut self, batch: &Batch, range: Range<usize>, out: &mut Vec<u8>) {
        self.begin(batch);
        out.reserve(batch.carried() * range.len() / batch.len().max(1) + 96 * range.len());
        if batch.events.is_empty() {
            batch.records[range].iter().for_each(|record| self.record(batch, record, out));
        } else {
            batch.events[range].iter().for_each(|event| self.event(event, out));
        }
    }

    /// Appends record `index` of the batch that was begun.
    #[inline]
    pub fn one(&mut self, batch: &Batch, index: usize, out: &mut Vec<u8>) {
        match batch.events.get(index) {
            Some(event) => self.event(event, out),
            None => self.record(batch, &batch.records[index], out),
        }
    }

    /// Appends one record that has fields.
    pub fn event(&mut self, event: &Event, out: &mut Vec<u8>) {
        self.open(event.time, out);
        if out.last() != Some(&b'{') && !event.fields.is_empty() {
            out.push(b',');
        }
        json::write_fields(&event.fields, &mut self.escaper, out);
        out.extend_from_slice(&self.parts.close);
    }

    /// Everything that stands before the first field.
    #[inline]
    fn open(&mut self, time: Time, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.parts.open);
        if self.layout == Layout::Prefixed {
            self.clock.write(time, DateFormat::Double, out);
            out.extend_from_slice(b", {");
        } else if self.format.date_key.is_some() {
            self.clock.write(time, self.format.date, out);
            out.extend_from_slice(&self.parts.dated);
        } else {
            out.push(b'{');
        }
    }

    /// Renders what is the same for all records of a batch; [`Encoder::one`] goes on from there.
    pub fn begin(&mut self, batch: &Batch) {
        let labels = &batch.labels;
        let dated = self.format.date_key.is_some();
        let comma = if dated { "," } else { "" };
        let text_key = self.string(&labels.text_key);
        let mut parts = Parts::default();
        if self.layout == Layout::Prefixed {
            parts.open.extend_from_slice(format!("{}: [", batch.tag.replace(char::is_control, "_")).as_bytes());
        }
        if let Some(key) = self.format.date_key.clone() {
            parts.open.extend_from_slice(format!("{{{}:", self.string(&key)).as_bytes());
        }
        if let Some(key) = self.tag_key.clone() {
            parts.dated = format!(",{}:{}", self.string(&key), self.string(&batch.tag)).into_bytes();
        }
        parts.stamp_key = format!("{comma}\"time\":\"").into_bytes();
        for (stream, name) in [(0, "stdout"), (1, "stderr")] {
            for (partial, tag) in [(0, "F"), (1, "P")] {
                let tag = if labels.framing == Framing::Cri { format!(",\"_p\":\"{tag}\"") } else { String::new() };
                parts.middle[stream][partial] = format!("\",\"stream\":\"{name}\"{tag},{text_key}:\"").into_bytes();
            }
        }
        parts.raw = format!("{comma}{text_key}:\"").into_bytes();
        parts.groups = labels.groups.iter().map(|key| format!(",{}:\"", self.string(key)).into_bytes()).collect();
        if let Some(key) = &labels.path_key {
            let path = self.string(&batch.source.path.to_string_lossy());
            parts.path = format!(",{}:{path}", self.string(key)).into_bytes();
        }
        parts.offset_key = labels.offset_key.as_ref().map(|key| format!(",{}:", self.string(key)).into_bytes());
        parts.close = match self.layout {
            Layout::Lines => b"}\n".to_vec(),
            Layout::Array => b"},".to_vec(),
            Layout::Stream => b"}".to_vec(),
            Layout::Prefixed => b"}]\n".to_vec(),
        };
        self.parts = parts;
    }

    fn string(&mut self, text: &str) -> String {
        let mut out = b"\"".to_vec();
        self.escaper.escape(text.as_bytes(), &mut out);
        out.push(b'"');
        String::from_utf8(out).expect("escaping text gives text")
    }

    #[inline]
    fn record(&mut self, batch: &Batch, record: &Record, out: &mut Vec<u8>) {
        self.open(record.time, out);
        match record.form {
            Form::Text => {}
            Form::Pairs => return self.merged(batch, record, out),
            Form::Groups => return self.groups(batch, record, out),
        }
        match record.stream {
            Some(stream) => {
                out.extend_from_slice(&self.parts.stamp_key);
                out.extend_from_slice(batch.slice(record.stamp));
                out.extend_from_slice(&self.parts.middle[stream as usize][usize::from(record.partial)]);
            }
            None => out.extend_from_slice(&self.parts.raw),
        }
        self.escaper.escape(batch.text(record), out);
        out.push(b'"');
        self.finish(record, out);
    }

    fn finish(&mut self, record: &Record, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.parts.path);
        if let Some(key) = &self.parts.offset_key {
            out.extend_from_slice(key);
            decimal(record.offset, 1, out);
        }
        out.extend_from_slice(&self.parts.close);
    }

    /// Parts of the text, each under its key.
    fn groups(&mut self, batch: &Batch, record: &Record, out: &mut Vec<u8>) {
        for (key, span) in self.parts.groups.iter().zip(batch.groups(record)) {
            let Some(span) = span else { continue };
            out.extend_from_slice(&key[usize::from(out.last() == Some(&b'{'))..]);
            self.escaper.escape(batch.slice(*span), out);
            out.push(b'"');
        }
        self.close(record, out);
    }

    /// The fields of a JSON text in place of the text.
    fn merged(&mut self, batch: &Batch, record: &Record, out: &mut Vec<u8>) {
        let fields = batch.text(record);
        if let Some(stream) = record.stream {
            out.extend_from_slice(&self.parts.stamp_key);
            out.extend_from_slice(batch.slice(record.stamp));
            let name: &[u8] =
                if stream == Stream::Stdout { b"\",\"stream\":\"stdout\"" } else { b"\",\"stream\":\"stderr\"" };
            out.extend_from_slice(name);
        }
        if out.last() != Some(&b'{') && !fields.is_empty() {
            out.push(b',');
        }
        out.extend_from_slice(fields);
        self.close(record, out);
    }

    /// As [`Self::finish`], also where nothing stands before it.
    fn close(&mut self, record: &Record, out: &mut Vec<u8>) {
        let (start, first) = (out.len(), out.last() == Some(&b'{'));
        self.finish(record, out);
        if first && out.get(start) == Some(&b',') {
            out.remove(start);
        }
    }
}

/// Times as numbers and text; the last second stays rendered.
#[derive(Debug, Clone, Default)]
struct Clock {
    second: Option<(i64, DateFormat)>,
    text: Vec<u8>,
}

impl Clock {
    fn write(&mut self, time: Time, format: DateFormat, out: &mut Vec<u8>) {
        if self.second != Some((time.seconds, format)) {
            self.render(time.seconds, format);
        }
        out.extend_from_slice(&self.text);
        match format {
            DateFormat::Epoch => {}
            DateFormat::EpochMs => decimal(u64::from(time.nanos / 1_000_000), 3, out),
            DateFormat::Double => {
                out.push(b'.');
                decimal(u64::from(time.nanos), 9, out);
            }
            DateFormat::Iso8601 => {
                decimal(u64::from(time.nanos / 1_000), 6, out);
                out.extend_from_slice(b"Z\"");
            }
            DateFormat::Iso8601Ms => {
                decimal(u64::from(time.nanos / 1_000_000), 3, out);
                out.extend_from_slice(b"Z\"");
            }
            DateFormat::Iso8601Ns => {
                decimal(u64::from(time.nanos), 9, out);
                out.extend_from_slice(b"Z\"");
            }
            DateFormat::JavaSql => {
                decimal(u64::from(time.nanos / 1_000), 6, out);
                out.push(b'"');
            }
        }
    }

    #[cold]
    fn render(&mut self, seconds: i64, format: DateFormat) {
        self.second = Some((seconds, format));
        self.text = match format {
            DateFormat::Iso8601 | DateFormat::Iso8601Ms | DateFormat::Iso8601Ns | DateFormat::JavaSql => {
                let between = if format == DateFormat::JavaSql { ' ' } else { 'T' };
                let at = jiff::Timestamp::from_second(seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
                format!("\"{}{between}{}.", at.strftime("%Y-%m-%d"), at.strftime("%H:%M:%S")).into_bytes()
            }
            // Before 1970 a fraction after a negative number would point the wrong way; no log is that old.
            DateFormat::Epoch | DateFormat::EpochMs | DateFormat::Double => seconds.max(0).to_string().into_bytes(),
        };
    }
}

/// At least `width` digits of `value`.
pub(super) fn decimal(mut value: u64, width: usize, out: &mut Vec<u8>) {
    let mut digits = [b'0'; 20];
    let mut at = digits.len();
    while value > 0 {
        at -= 1;
        digits[at] = b'0' + (value % 10) as u8;
        value /= 10;
    }
    out.extend_from_slice(&digits[at.min(digits.len() - width)..]);
}

#[cfg(test)]
mod tests;
