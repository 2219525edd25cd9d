//! `{"log":"text\n","stream":"stdout","time":"…Z"}`, as Docker's json-file driver writes it.
//!
//! The driver cuts a text into fragments of 16 KiB; only the last one ends with LF, which the container wrote and which
//! stays. Further fields, as `"attrs":{…}`, become fields of the record.

use super::{
    batch::{Head, Span, Stream},
    time::TimeReader,
};
use crate::{
    event::{Value, json},
    output::escape::Escaper,
};

const LOG: &[u8] = b"{\"log\":\"";
const STREAM: &[u8] = b",\"stream\":\"std";
const TIME: &[u8] = b",\"time\":\"";

/// Takes a line that stands at `at` in its chunk, its text decoded at the end of `arena`; none, and the arena as
/// it was, if the line does not follow the framing.
pub(super) fn split(line: &[u8], at: usize, times: &mut TimeReader, arena: &mut Vec<u8>) -> Option<Head> {
    let start = arena.len();
    let head = usual(line, at, times, arena).or_else(|| {
        arena.truncate(start);
        other(line, at, times, arena)
    });
    let Some(mut head) = head else {
        arena.truncate(start);
        return None;
    };
    head.complete = arena.len() > start && arena.last() == Some(&b'\n');
    head.text = Span::joined(start, arena.len() - start);
    Some(head)
}

/// The order of keys that the driver writes.
fn usual(line: &[u8], at: usize, times: &mut TimeReader, arena: &mut Vec<u8>) -> Option<Head> {
    let rest = unescape(line.strip_prefix(LOG)?, arena)?;
    let rest = rest.strip_prefix(STREAM)?;
    let (stream, rest) = match rest.get(..4)? {
        b"out\"" => (Stream::Stdout, &rest[4..]),
        b"err\"" => (Stream::Stderr, &rest[4..]),
        _ => return None,
    };
    let rest = rest.strip_prefix(TIME)?;
    let stamp = rest.strip_suffix(b"\"}")?;
    let time = times.read(stamp)?;
    let stamp = Span::read(at + line.len() - rest.len(), stamp.len());
    Some(Head { time, offset: 0, stamp, text: Span::joined(0, 0), stream, complete: false, more: Vec::new() })
}

/// Decodes a JSON string up to its closing quote; returns what follows it.
fn unescape<'a>(mut text: &'a [u8], arena: &mut Vec<u8>) -> Option<&'a [u8]> {
    loop {
        let stop = memchr::memchr2(b'"', b'\\', text)?;
        arena.extend_from_slice(&text[..stop]);
        if text[stop] == b'"' {
            return Some(&text[stop + 1..]);
        }
        let plain = match text.get(stop + 1)? {
            byte @ (b'"' | b'\\' | b'/') => *byte,
            b'n' => b'\n',
            b't' => b'\t',
            b'r' => b'\r',
            b'b' => 8,
            b'f' => 12,
            b'u' => {
                let code = u32::from_str_radix(str::from_utf8(text.get(stop + 2..stop + 6)?).ok()?, 16).ok()?;
                // Halves of a pair are left to the general reader.
                let c = char::from_u32(code)?;
                arena.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                text = &text[stop + 6..];
                continue;
            }
            _ => return None,
        };
        arena.push(plain);
        text = &text[stop + 2..];
    }
}

/// Any other order, further keys, blanks, rare escapes.
#[cold]
fn other(line: &[u8], at: usize, times: &mut TimeReader, arena: &mut Vec<u8>) -> Option<Head> {
    let mut fields = json::object(line)?;
    let mut text = |key| match fields.remove(key)? {
        Value::Text(text) => Some(text),
        _ => None,
    };
    let (log, stream, time) = (text("log")?, text("stream")?, text("time")?);
    let stream = match stream.as_slice() {
        b"stdout" => Stream::Stdout,
        b"stderr" => Stream::Stderr,
        _ => return None,
    };
    // A time stands verbatim in the line, for it has nothing to be escaped.
    let start = memchr::memmem::find(line, &time)?;
    let stamp = Span::read(at + start, time.len());
    let time = times.read(&time)?;
    arena.extend_from_slice(&log);
    let mut more = Vec::new();
    json::write_fields(&fields, &mut Escaper::default(), &mut more);
    Some(Head { time, offset: 0, stamp, text: Span::joined(0, 0), stream, complete: false, more })
}
