//! `Decode_Field json log` and `Decode_Field_As escaped log do_next`: fields whose text has a format of its own.
//!
//! `Decode_Field` adds the fields that it finds to the record; `Decode_Field_As` puts what it finds in the place of
//! the text. A text that cannot be decoded stays as it is. `try_next` goes on to the next decoder of the same field only
//! where this one found nothing, `do_next` in any case; without either the first that finds something is the last.

use crate::{
    config::{
        Entry,
        error::At,
        keys::{Keys, bad},
    },
    event::{Fields, Text, Value, json},
};

/// One decoder of one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decoder {
    key: Text,
    how: How,
    in_place: bool,
    then: Then,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Json,
    Escaped,
    MysqlQuoted,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Then {
    Stop,
    Try,
    Go,
}

/// Those of a section, in order.
pub(super) fn plan(keys: &Keys<'_>) -> At<Vec<Decoder>> {
    let mut entries: Vec<(&Entry, bool)> = keys.all("Decode_Field").map(|entry| (entry, false)).collect();
    entries.extend(keys.all("Decode_Field_As").map(|entry| (entry, true)));
    entries.sort_by_key(|(entry, _)| (entry.line.file, entry.line.line));
    let one = |(entry, in_place): (&Entry, bool)| {
        read(&entry.value, in_place).ok_or_else(|| {
            (
                entry.line,
                bad(entry, "json, escaped, escaped_utf8 or mysql_quoted, a field, then perhaps try_next or do_next"),
            )
        })
    };
    entries.into_iter().map(one).collect()
}

fn read(text: &str, in_place: bool) -> Option<Decoder> {
    let mut words = text.split_whitespace();
    let how = match words.next()?.to_ascii_lowercase().as_str() {
        "json" => How::Json,
        "escaped" | "escaped_utf8" => How::Escaped,
        "mysql_quoted" => How::MysqlQuoted,
        _ => return None,
    };
    let key = words.next()?.as_bytes().to_vec();
    let then = match words.next() {
        None => Then::Stop,
        Some("try_next") => Then::Try,
        Some("do_next") => Then::Go,
        Some(_) => return None,
    };
    words.next().is_none().then_some(Decoder { key, how, in_place, then })
}

/// Runs the decoders over `fields`.
pub(super) fn all(decoders: &[Decoder], fields: &mut Fields) {
    for (index, decoder) in decoders.iter().enumerate() {
        let before = &decoders[..index];
        let ended = before.iter().any(|earlier| earlier.key == decoder.key && earlier.then == Then::Stop);
        let Some(Value::Text(text)) = fields.get(&decoder.key) else { continue };
        if ended {
            continue;
        }
        match decoder.read(text) {
            Some(Value::Map(found)) if !decoder.in_place => fields.0.extend(found.0),
            Some(found) if decoder.in_place || !matches!(found, Value::Array(_)) => fields.set(&decoder.key, found),
            _ => {}
        }
    }
}

impl Decoder {
    fn read(&self, text: &[u8]) -> Option<Value> {
        match self.how {
            How::Json => json::value(text).filter(|value| matches!(value, Value::Map(_) | Value::Array(_))),
            How::Escaped => unescape(text).map(Value::Text),
            How::MysqlQuoted => {
                let quote = text.first().filter(|quote| b"'\"".contains(quote))?;
                let inner = text[1..].strip_suffix(std::slice::from_ref(quote))?;
                unescape(inner).map(Value::Text)
            }
        }
    }
}

/// The text without its escapes; none if one is broken.
pub(crate) fn unescape(text: &[u8]) -> Option<Text> {
    let mut out = Text::with_capacity(text.len());
    let mut rest = text;
    while let Some(stop) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..stop]);
        rest = escape(&rest[stop..], &mut out)?;
    }
    out.extend_from_slice(rest);
    Some(out)
}

/// Appends what the escape at the head of `text` stands for; what follows it. An unknown one stands for itself.
pub(super) fn escape<'a>(text: &'a [u8], out: &mut Text) -> Option<&'a [u8]> {
    let plain = match text.get(1)? {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        b'0' => 0,
        byte @ (b'"' | b'\\' | b'/' | b'\'') => *byte,
        b'x' if text.get(2..4).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit)) => {
            let digit = |byte: u8| char::from(byte).to_digit(16).unwrap_or(0) as u8;
            out.push(digit(text[2]) << 4 | digit(text[3]));
            return Some(&text[4..]);
        }
        b'u' => {
            let (c, length) = unicode(text)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(&text[length..]);
        }
        _ => {
            out.extend_from_slice(&text[..2]);
            return Some(&text[2..]);
        }
    };
    out.push(plain);
    Some(&text[2..])
}

/// `\u00e9`, or the two halves of a pair; with its length.
fn unicode(text: &[u8]) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let text =
            text.get(at..at + 6)?.strip_prefix(b"\\u").filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
        u16::from_str_radix(str::from_utf8(text).ok()?, 16).ok()
    };
    let first = unit(0)?;
    if let Some(c) = char::from_u32(u32::from(first)) {
        return Some((c, 6));
    }
    let pair = [first, unit(6)?];
    char::decode_utf16(pair).next()?.ok().map(|c| (c, 12))
}
