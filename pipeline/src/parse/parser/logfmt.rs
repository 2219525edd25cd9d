//! `key=value key="a \"quoted\" value" bare`.

use crate::event::{Fields, Text, Value};

/// The fields of `text`; none if it does not follow the format. A key without a value is true if `bare`.
pub(super) fn fields(text: &[u8], bare: bool) -> Option<Fields> {
    let mut fields = Fields::default();
    let mut rest = text.trim_ascii();
    while !rest.is_empty() {
        let length = rest.iter().position(|byte| *byte == b'=' || byte.is_ascii_whitespace()).unwrap_or(rest.len());
        let key = &rest[..length];
        if key.is_empty() || memchr::memchr(b'"', key).is_some() {
            return None;
        }
        rest = &rest[length..];
        let value;
        match rest.split_first() {
            Some((b'=', after)) => (value, rest) = self::value(after)?,
            _ if bare => value = Value::Bool(true),
            _ => return None,
        }
        fields.push(key, value);
        rest = rest.trim_ascii_start();
    }
    (!fields.is_empty()).then_some(fields)
}

/// A value and what follows it.
fn value(text: &[u8]) -> Option<(Value, &[u8])> {
    let Some(quoted) = text.strip_prefix(b"\"") else {
        let length = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
        return Some((Value::text(&text[..length]), &text[length..]));
    };
    let mut value = Text::new();
    let mut rest = quoted;
    loop {
        let stop = memchr::memchr2(b'"', b'\\', rest)?;
        value.extend_from_slice(&rest[..stop]);
        if rest[stop] == b'"' {
            // Whatever stands behind the quote begins the next key.
            return Some((Value::Text(value), &rest[stop + 1..]));
        }
        rest = super::decode::escape(&rest[stop..], &mut value)?;
    }
}
