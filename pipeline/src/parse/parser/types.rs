//! `Types code:integer took:float`: fields of a text that are no text.

use crate::event::{Fields, Text, Value};

/// What a field is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// A whole number.
    Integer,
    /// Any number.
    Float,
    /// True or false.
    Bool,
    /// A whole number in hexadecimal digits.
    Hex,
}

/// The fields that `text` lists.
pub(super) fn read(text: &str) -> Option<Vec<(Text, Kind)>> {
    text.split_whitespace()
        .map(|word| {
            let (key, kind) = word.rsplit_once(':')?;
            let kind = match kind.to_ascii_lowercase().as_str() {
                "string" => Kind::Text,
                "integer" | "int" => Kind::Integer,
                "float" => Kind::Float,
                "bool" => Kind::Bool,
                "hex" => Kind::Hex,
                _ => return None,
            };
            (!key.is_empty()).then(|| (key.as_bytes().to_vec(), kind))
        })
        .collect()
}

/// Casts the texts among `fields`; what is none of its type stays text.
pub(super) fn cast(types: &[(Text, Kind)], fields: &mut Fields) {
    for (key, kind) in types {
        if let Some(value) = fields.get_mut(key)
            && let Value::Text(text) = value
            && let Some(cast) = one(*kind, text)
        {
            *value = cast;
        }
    }
}

fn one(kind: Kind, text: &[u8]) -> Option<Value> {
    let text = str::from_utf8(text).ok()?.trim();
    match kind {
        Kind::Text => None,
        Kind::Integer => match text.parse() {
            Ok(number) => Some(Value::Int(number)),
            Err(_) => text.parse().ok().map(Value::Unsigned),
        },
        Kind::Float => text.parse().ok().map(Value::Float),
        Kind::Bool if text.eq_ignore_ascii_case("true") => Some(Value::Bool(true)),
        Kind::Bool => text.eq_ignore_ascii_case("false").then_some(Value::Bool(false)),
        Kind::Hex => {
            let digits = text.strip_prefix("0x").or(text.strip_prefix("0X")).unwrap_or(text);
            let number = u64::from_str_radix(digits, 16).ok()?;
            Some(i64::try_from(number).map_or(Value::Unsigned(number), Value::Int))
        }
    }
}
