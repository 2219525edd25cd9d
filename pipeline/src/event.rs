//! A record as fields: what filters, parsers by regular expression and outputs beyond plain lines work on.
//!
//! Tailed lines travel as spans over the bytes that were read and become fields only where something asks for them
//! ([`crate::parse::Batch::into_events`]). Keys keep their order; a key may come twice, as it may in the formats that
//! records arrive in, and then the first one counts.

pub mod accessor;
pub mod json;

use std::borrow::Cow;

use crate::parse::time::Time;

/// Deepest nesting that is accepted from outside.
pub const DEPTH_MAX: usize = 64;

/// One record.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When it happened.
    pub time: Time,
    /// What it says.
    pub fields: Fields,
    /// Which record it is, the same after a restart: its source and its place there. 0: unknown. Who makes several
    /// records of one gives them [`Event::part`]s, because a store that keeps one record an id would lose the others.
    pub id: u128,
}

/// Bytes of text; from outside, so not always UTF-8.
pub type Text = Vec<u8>;

/// A value of a record.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing.
    Null,
    /// True or false.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A whole number that is too large for [`Value::Int`].
    Unsigned(u64),
    /// Any other number.
    Float(f64),
    /// Text.
    Text(Text),
    /// Bytes that are no text (`MessagePack` bin).
    Binary(Text),
    /// Values in order.
    Array(Vec<Value>),
    /// Keys and values in order.
    Map(Fields),
}

/// Keys and values in order.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Fields(pub Vec<(Text, Value)>);

impl Value {
    /// Text.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Self::Text(text.as_ref().to_vec())
    }

    /// Its bytes, if it is text or binary.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Text(text) | Self::Binary(text) => Some(text),
            _ => None,
        }
    }

    /// It as text, if it is one value: what expressions are matched against.
    pub fn shown(&self) -> Option<Cow<'_, [u8]>> {
        let text = match self {
            Self::Text(text) | Self::Binary(text) => return Some(Cow::Borrowed(text)),
            Self::Bool(value) => value.to_string(),
            Self::Int(value) => value.to_string(),
            Self::Unsigned(value) => value.to_string(),
            Self::Float(value) => value.to_string(),
            Self::Null | Self::Array(_) | Self::Map(_) => return None,
        };
        Some(Cow::Owned(text.into_bytes()))
    }

    /// Its fields, if it is a map.
    pub fn as_map(&self) -> Option<&Fields> {
        match self {
            Self::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// What it holds in memory beside itself, bytes (about).
    pub fn weight(&self) -> usize {
        match self {
            Self::Null | Self::Bool(_) | Self::Int(_) | Self::Unsigned(_) | Self::Float(_) => 0,
            Self::Text(text) | Self::Binary(text) => text.capacity(),
            Self::Array(values) => values.iter().map(|value| size_of::<Self>() + value.weight()).sum(),
            Self::Map(fields) => fields.weight(),
        }
    }
}

impl Fields {
    /// The value of a key; the first if it comes twice.
    pub fn get(&self, key: impl AsRef<[u8]>) -> Option<&Value> {
        let key = key.as_ref();
        self.0.iter().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// As [`Fields::get`], to be changed.
    pub fn get_mut(&mut self, key: impl AsRef<[u8]>) -> Option<&mut Value> {
        let key = key.as_ref();
        self.0.iter_mut().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The value under a path of keys.
    pub fn path<K: AsRef<[u8]>>(&self, keys: &[K]) -> Option<&Value> {
        let (last, before) = keys.split_last()?;
        let mut at = self;
        for key in before {
            at = at.get(key)?.as_map()?;
        }
        at.get(last)
    }

    /// Sets a key: in place if it is there, else at the end.
    pub fn set(&mut self, key: impl AsRef<[u8]>, value: Value) {
        match self.get_mut(key.as_ref()) {
            Some(old) => *old = value,
            None => self.push(key, value),
        }
    }

    /// Adds a key at the end.
    pub fn push(&mut self, key: impl AsRef<[u8]>, value: Value) {
        self.0.push((key.as_ref().to_vec(), value));
    }

    /// Takes a key away, all occurrences; the first value.
    pub fn remove(&mut self, key: impl AsRef<[u8]>) -> Option<Value> {
        let key = key.as_ref();
        let mut first = None;
        while let Some(at) = self.0.iter().position(|(name, _)| name == key) {
            let (_, value) = self.0.remove(at);
            first.get_or_insert(value);
        }
        first
    }

    /// How many keys there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What they hold in memory, bytes (about).
    pub fn weight(&self) -> usize {
        let pair = size_of::<(Text, Value)>();
        self.0.iter().map(|(key, value)| pair + key.capacity() + value.weight()).sum()
    }
}

impl Event {
    /// A record that came from nowhere in particular.
    pub fn new(time: Time, fields: Fields) -> Self {
        Self { time, fields, id: 0 }
    }

    /// The id of part `n` of what was this record; part 0 is the record itself.
    pub fn part(&self, n: u64) -> u128 {
        if n == 0 || self.id == 0 { self.id } else { crate::chunk::mix(self.id, n) }
    }

    /// What it holds in memory, bytes (about).
    pub fn weight(&self) -> usize {
        size_of::<Self>() + self.fields.weight()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_of_a_key_that_comes_twice_counts_and_removing_takes_all() {
        let mut fields = Fields::default();
        for (key, value) in [("a", 1), ("b", 2), ("a", 3)] {
            fields.push(key, Value::Int(value));
        }
        assert_eq!(fields.get("a"), Some(&Value::Int(1)));
        fields.set("a", Value::Null);
        assert_eq!(fields.remove("a"), Some(Value::Null));
        assert_eq!((fields.len(), fields.get("a")), (1, None));
    }

    #[test]
    fn a_path_leads_through_maps_only() {
        let mut inner = Fields::default();
        inner.push("name", Value::text("web"));
        let mut fields = Fields::default();
        fields.push("kubernetes", Value::Map(inner));
        fields.push("log", Value::text("x"));
        assert_eq!(fields.path(&["kubernetes", "name"]).and_then(Value::as_bytes), Some(b"web".as_slice()));
        assert_eq!(fields.path(&["log", "name"]), None);
        assert_eq!(fields.path::<&str>(&[]), None);
    }
}
