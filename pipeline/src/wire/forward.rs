//! The forward protocol of Fluentd and Fluent Bit: its four kinds of messages, and the answers to them.
//!
//! ```text
//! Message               [tag, time, record, options?]
//! Forward               [tag, [[time, record], …], options?]
//! PackedForward         [tag, bytes of [time, record] one after the other, options?]
//! CompressedPackedF.    the same, gzip, with the option "compressed": "gzip"
//! answer                {"ack": chunk}        if the options have a "chunk"
//! ```
//! An entry may carry metadata, `[[time, {…}], record]`: it is read and left out. What is no entry is skipped and
//! counted; what is no message at all is an error.

use thiserror::Error;

use super::{
    inflate::{InflateError, Limits, gunzip},
    msgpack::{self, MsgpackError, Reader},
};
use crate::event::{Event, Fields, Text, Value};

pub mod handshake;

/// How a message carries its records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// One record.
    Message,
    /// Records in an array.
    Forward,
    /// Records as bytes.
    Packed,
    /// Records as compressed bytes.
    Compressed,
}

/// What a message says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    /// Its name; whoever sends one waits for its answer.
    pub chunk: Option<Text>,
    /// How many records the sender counts.
    pub size: Option<u64>,
    /// What it is about: 0 logs, 1 metrics, 2 traces.
    pub fluent_signal: Option<u64>,
}

/// One message.
#[derive(Debug, Clone, PartialEq)]
pub struct Message {
    /// How it carried its records.
    pub mode: Mode,
    /// The tag of its records.
    pub tag: Text,
    /// Its records in order.
    pub events: Vec<Event>,
    /// Entries that were no records.
    pub skipped: usize,
    /// What it says about itself.
    pub options: Options,
}

/// Why bytes are no message.
#[derive(Debug, Error)]
pub enum ForwardError {
    /// They are no values, or not those that a message has.
    #[error(transparent)]
    Msgpack(#[from] MsgpackError),
    /// Its content cannot be unpacked.
    #[error(transparent)]
    Inflate(#[from] InflateError),
    /// It has too few or too many parts.
    #[error("a message has 2 to 4 parts, not {0}; check that the sender speaks the forward protocol")]
    Parts(usize),
    /// A compression that is not known.
    #[error("the compression {0:?} is not known; use gzip or text")]
    Compression(String),
    /// It is about something else.
    #[error("signal {0} is not about logs; send logs only")]
    Signal(u64),
}

/// Reads the message `bytes`, which end with it.
pub fn decode(bytes: &[u8], limits: &Limits) -> Result<Message, ForwardError> {
    let mut reader = Reader::new(bytes);
    let parts = reader.array("an array as a message")?;
    if !(2..=4).contains(&parts) {
        return Err(ForwardError::Parts(parts));
    }
    let tag = reader.text("a tag")?.to_vec();
    let (mut events, mut skipped) = (Vec::new(), 0);
    if reader.is_text() {
        let packed = reader.text("records")?;
        let (options, compressed) = options(&mut reader, parts - 2)?;
        let unpacked = if compressed { gunzip(packed, limits)? } else { Vec::new() };
        let mut entries = Reader::new(if compressed { &unpacked } else { packed });
        while !entries.is_over() {
            entry(&mut entries, &mut events, &mut skipped)?;
        }
        let mode = if compressed { Mode::Compressed } else { Mode::Packed };
        return Ok(Message { mode, tag, events, skipped, options });
    }
    let mode = if reader.is_array() { Mode::Forward } else { Mode::Message };
    let rest = if mode == Mode::Forward {
        for _ in 0..reader.array("records")? {
            entry(&mut reader, &mut events, &mut skipped)?;
        }
        parts - 2
    } else {
        let time = reader.time()?;
        record(time, &mut reader, &mut events, &mut skipped)?;
        parts.checked_sub(3).ok_or(ForwardError::Parts(parts))?
    };
    let (options, _) = options(&mut reader, rest)?;
    Ok(Message { mode, tag, events, skipped, options })
}

fn entry(reader: &mut Reader<'_>, events: &mut Vec<Event>, skipped: &mut usize) -> Result<(), ForwardError> {
    if !reader.is_array() {
        *skipped += 1;
        return Ok(reader.skip()?);
    }
    let parts = reader.array("an entry")?;
    if parts != 2 {
        *skipped += 1;
        for _ in 0..parts {
            reader.skip()?;
        }
        return Ok(());
    }
    let time = if reader.is_array() {
        let inner = reader.array("a time with metadata")?;
        let time = if inner > 0 { reader.time()? } else { None };
        for _ in 1..inner {
            reader.skip()?;
        }
        time
    } else {
        reader.time()?
    };
    record(time, reader, events, skipped)
}

fn record(
    time: Option<crate::parse::time::Time>,
    reader: &mut Reader<'_>,
    events: &mut Vec<Event>,
    skipped: &mut usize,
) -> Result<(), ForwardError> {
    match time {
        Some(time) if reader.is_map() => events.push(Event { time, fields: reader.fields("a record")?, id: 0 }),
        _ => {
            reader.skip()?;
            *skipped += 1;
        }
    }
    Ok(())
}

/// The options, and whether the content is compressed.
fn options(reader: &mut Reader<'_>, parts: usize) -> Result<(Options, bool), ForwardError> {
    let mut options = Options::default();
    if parts == 0 {
        return Ok((options, false));
    }
    let Value::Map(fields) = reader.value()? else { return Ok((options, false)) };
    let number = |key: &str| match fields.get(key) {
        Some(Value::Int(number)) => u64::try_from(*number).ok(),
        _ => None,
    };
    options.chunk = fields.get("chunk").and_then(Value::as_bytes).map(<[u8]>::to_vec);
    options.size = number("size");
    options.fluent_signal = number("fluent_signal");
    if let Some(signal) = options.fluent_signal.filter(|signal| *signal != 0) {
        return Err(ForwardError::Signal(signal));
    }
    let compressed = match fields.get("compressed").and_then(Value::as_bytes) {
        None | Some(b"text") => false,
        Some(b"gzip") => true,
        Some(other) => return Err(ForwardError::Compression(String::from_utf8_lossy(other).into_owned())),
    };
    Ok((options, compressed))
}

/// Appends one message. [`Mode::Message`] carries the first record only.
pub fn encode(mode: Mode, tag: &[u8], events: &[Event], options: &Options, out: &mut Vec<u8>) {
    let mut about = Fields::default();
    if let Some(chunk) = &options.chunk {
        about.push("chunk", Value::Text(chunk.clone()));
    }
    if let Some(size) = options.size {
        about.push("size", Value::Int(size as i64));
    }
    if let Some(signal) = options.fluent_signal {
        about.push("fluent_signal", Value::Int(signal as i64));
    }
    if mode == Mode::Compressed {
        about.push("compressed", Value::text("gzip"));
    }
    let head = if mode == Mode::Message { 3 } else { 2 };
    msgpack::encode_array(head + usize::from(!about.is_empty()), out);
    msgpack::encode_text(tag, out);
    match mode {
        Mode::Message => {
            let event = events.first().expect("a message carries a record");
            msgpack::encode_time(event.time, out);
            msgpack::encode_fields(&event.fields, out);
        }
        Mode::Forward => {
            msgpack::encode_array(events.len(), out);
            encode_entries(events, out);
        }
        Mode::Packed => {
            let mut packed = Vec::with_capacity(events.len() * 64);
            encode_entries(events, &mut packed);
            msgpack::encode_binary(&packed, out);
        }
        Mode::Compressed => {
            let mut packed = Vec::with_capacity(events.len() * 64);
            encode_entries(events, &mut packed);
            msgpack::encode_binary(&super::inflate::gzip(&packed), out);
        }
    }
    if !about.is_empty() {
        msgpack::encode_fields(&about, out);
    }
}

/// Appends records as entries, one after the other.
pub fn encode_entries(events: &[Event], out: &mut Vec<u8>) {
    for event in events {
        msgpack::encode_array(2, out);
        msgpack::encode_time(event.time, out);
        msgpack::encode_fields(&event.fields, out);
    }
}

/// Appends the answer to a chunk.
pub fn encode_ack(chunk: &[u8], out: &mut Vec<u8>) {
    msgpack::encode_map(1, out);
    msgpack::encode_text(b"ack", out);
    msgpack::encode_text(chunk, out);
}

/// The chunk that an answer is about.
pub fn decode_ack(bytes: &[u8]) -> Result<Text, ForwardError> {
    let at = 0;
    let fields = Reader::new(bytes).fields("an answer")?;
    let chunk = fields.get("ack").and_then(Value::as_bytes).map(<[u8]>::to_vec);
    Ok(chunk.ok_or(MsgpackError::Unexpected { at, expected: "an answer with `ack`" })?)
}

#[cfg(test)]
pub(crate) mod tests;
