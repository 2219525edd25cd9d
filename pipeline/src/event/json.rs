//! Fields from JSON and into it. Order and repeated keys are kept; numbers stay whole where they are.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Fields, Value};
use crate::output::escape::Escaper;

/// The object `text`, which may be surrounded by blanks; nesting deeper than 128 is refused.
pub fn object(text: &[u8]) -> Option<Fields> {
    match serde_json::from_slice(text).ok()? {
        Value::Map(fields) => Some(fields),
        _ => None,
    }
}

/// The value `text`.
pub fn value(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok()
}

/// The inside of an object, without its braces.
pub fn inner(text: &[u8]) -> Option<Fields> {
    object(&[b"{", text, b"}"].concat())
}

/// Appends a value. Bytes that are no UTF-8 become U+FFFD; a number that JSON cannot carry becomes null.
pub(crate) fn write(value: &Value, escaper: &mut Escaper, out: &mut Vec<u8>) {
    use std::io::Write;
    let plain = match value {
        Value::Bool(value) => write!(out, "{value}"),
        Value::Int(value) => write!(out, "{value}"),
        Value::Unsigned(value) => write!(out, "{value}"),
        Value::Float(value) if value.is_finite() => write!(out, "{value:?}"),
        Value::Null | Value::Float(_) => write!(out, "null"),
        Value::Text(text) | Value::Binary(text) => return string(text, escaper, out),
        Value::Array(values) => {
            out.push(b'[');
            for (index, value) in values.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(value, escaper, out);
            }
            out.push(b']');
            return;
        }
        Value::Map(fields) => return write_object(fields, escaper, out),
    };
    plain.expect("memory takes every byte");
}

/// Appends an object.
pub(crate) fn write_object(fields: &Fields, escaper: &mut Escaper, out: &mut Vec<u8>) {
    out.push(b'{');
    write_fields(fields, escaper, out);
    out.push(b'}');
}

/// Appends the inside of an object.
pub(crate) fn write_fields(fields: &Fields, escaper: &mut Escaper, out: &mut Vec<u8>) {
    for (index, (key, value)) in fields.0.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        string(key, escaper, out);
        out.push(b':');
        write(value, escaper, out);
    }
}

fn string(text: &[u8], escaper: &mut Escaper, out: &mut Vec<u8>) {
    out.push(b'"');
    escaper.escape(text, out);
    out.push(b'"');
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Any)
    }
}

struct Any;

impl<'de> Visitor<'de> for Any {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Unsigned(value), Value::Int))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::text(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(value) = values.next_element()? {
            array.push(value);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut fields = Fields::default();
        while let Some((key, value)) = map.next_entry::<String, Value>()? {
            fields.push(key, value);
        }
        Ok(Value::Map(fields))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            (i64::MAX as u64 + 1..=u64::MAX).prop_map(Value::Unsigned),
            any::<f64>().prop_filter("JSON has no other", |value| value.is_finite()).prop_map(Value::Float),
            any::<String>().prop_map(Value::text),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            let pair = (any::<String>().prop_map(String::into_bytes), inner.clone());
            prop_oneof![
                proptest::collection::vec(inner, 0..6).prop_map(Value::Array),
                proptest::collection::vec(pair, 0..6).prop_map(|pairs| Value::Map(Fields(pairs))),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_again(value in values()) {
            let mut out = Vec::new();
            write(&value, &mut Escaper::default(), &mut out);
            prop_assert_eq!(super::value(&out), Some(value));
        }

        #[test]
        fn no_bytes_make_it_panic(text in proptest::collection::vec(any::<u8>(), 0..64)) {
            super::value(&text);
        }
    }

    #[test]
    fn nesting_without_end_is_refused() {
        assert_eq!(super::value("[".repeat(1_000_000).as_bytes()), None);
    }
}
