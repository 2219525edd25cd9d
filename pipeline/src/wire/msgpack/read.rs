//! One value after the other from bytes that are all there.

use super::{
    EVENT_TIME, MsgpackError, Scan, VALUES_MAX,
    head::{Head, Kind, head},
};
use crate::{
    event::{DEPTH_MAX, Fields, Text, Value},
    parse::time::Time,
};

/// Reads values in order.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    all: &'a [u8],
    at: usize,
    values: usize,
}

impl<'a> Reader<'a> {
    /// From the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { all: bytes, at: 0, values: VALUES_MAX }
    }

    /// How far it has read, bytes.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Whether everything is read.
    pub fn is_over(&self) -> bool {
        self.at >= self.all.len()
    }

    /// The next value.
    pub fn value(&mut self) -> Result<Value, MsgpackError> {
        self.nested(0)
    }

    /// The next value, which must be text or bytes; not copied.
    pub fn text(&mut self, expected: &'static str) -> Result<&'a [u8], MsgpackError> {
        let (at, head) = self.head()?;
        match head.kind {
            Kind::Str | Kind::Bin => self.body(at, head),
            _ => Err(MsgpackError::Unexpected { at, expected }),
        }
    }

    /// How many values the array has that is next; they follow.
    pub fn array(&mut self, expected: &'static str) -> Result<usize, MsgpackError> {
        let (at, head) = self.head()?;
        if head.kind != Kind::Array {
            return Err(MsgpackError::Unexpected { at, expected });
        }
        self.at += head.len;
        Ok(head.values as usize)
    }

    /// The next value, which must be a map.
    pub fn fields(&mut self, expected: &'static str) -> Result<Fields, MsgpackError> {
        let at = self.at;
        match self.value()? {
            Value::Map(fields) => Ok(fields),
            _ => Err(MsgpackError::Unexpected { at, expected }),
        }
    }

    /// A time, as the extension or as a number of seconds; none for any other value, which is stepped over.
    pub fn time(&mut self) -> Result<Option<Time>, MsgpackError> {
        let (at, head) = self.head()?;
        let time = match head.kind {
            Kind::Int(seconds) => Some(Time { seconds, nanos: 0 }),
            Kind::Uint(seconds) => i64::try_from(seconds).ok().map(|seconds| Time { seconds, nanos: 0 }),
            Kind::Float(seconds) if seconds.abs() < 9e9 => Some(Time::from_unix_ns((seconds * 1e9) as i64)),
            Kind::Ext(EVENT_TIME) if head.bytes == 8 => {
                let body = self.body(at, head)?;
                let number = |from: usize| body[from..from + 4].iter().fold(0u32, |n, &byte| n << 8 | u32::from(byte));
                let (seconds, nanos) = (number(0), number(4));
                self.at = at;
                (nanos < 1_000_000_000).then_some(Time { seconds: seconds.into(), nanos })
            }
            _ => None,
        };
        self.skip()?;
        Ok(time)
    }

    /// Steps over the next value.
    pub fn skip(&mut self) -> Result<(), MsgpackError> {
        let mut scan = Scan::new(usize::MAX);
        let rest = self.all.get(self.at..).ok_or(MsgpackError::Short)?;
        self.at += scan.advance(rest)?.ok_or(MsgpackError::Short)?;
        Ok(())
    }

    /// Whether the next value is an array.
    pub fn is_array(&self) -> bool {
        head(self.all, self.at).is_ok_and(|head| head.kind == Kind::Array)
    }

    /// Whether the next value is a map.
    pub fn is_map(&self) -> bool {
        head(self.all, self.at).is_ok_and(|head| head.kind == Kind::Map)
    }

    /// Whether the next value is text or bytes.
    pub fn is_text(&self) -> bool {
        head(self.all, self.at).is_ok_and(|head| matches!(head.kind, Kind::Str | Kind::Bin))
    }

    fn head(&self) -> Result<(usize, Head), MsgpackError> {
        Ok((self.at, head(self.all, self.at)?))
    }

    fn body(&mut self, at: usize, head: Head) -> Result<&'a [u8], MsgpackError> {
        let body = self.all[at + head.len..].get(..head.bytes).ok_or(MsgpackError::Short)?;
        self.at = at + head.len + head.bytes;
        Ok(body)
    }

    fn nested(&mut self, depth: usize) -> Result<Value, MsgpackError> {
        let (at, head) = self.head()?;
        self.values = self.values.checked_sub(1).ok_or(MsgpackError::Many { at })?;
        if matches!(head.kind, Kind::Array | Kind::Map) {
            if depth >= DEPTH_MAX {
                return Err(MsgpackError::Deep { at });
            }
            // A value has at least one byte.
            if head.values > (self.all.len() - at - head.len) as u64 {
                return Err(MsgpackError::Short);
            }
        }
        if !matches!(head.kind, Kind::Str | Kind::Bin | Kind::Ext(_)) {
            self.at += head.len;
        }
        Ok(match head.kind {
            Kind::Nil => Value::Null,
            Kind::Bool(value) => Value::Bool(value),
            Kind::Int(value) => Value::Int(value),
            Kind::Uint(value) => i64::try_from(value).map_or(Value::Unsigned(value), Value::Int),
            Kind::Float(value) => Value::Float(value),
            Kind::Str => Value::text(self.body(at, head)?),
            Kind::Bin | Kind::Ext(_) => Value::Binary(self.body(at, head)?.to_vec()),
            Kind::Array => {
                let mut values = Vec::with_capacity(head.values.min(64) as usize);
                for _ in 0..head.values {
                    values.push(self.nested(depth + 1)?);
                }
                Value::Array(values)
            }
            Kind::Map => {
                let mut fields = Fields(Vec::with_capacity(head.values.min(128) as usize / 2));
                for _ in 0..head.values / 2 {
                    let key = self.key()?;
                    fields.0.push((key, self.nested(depth + 1)?));
                }
                Value::Map(fields)
            }
        })
    }

    /// Keys are text; numbers, which some senders use, are written out.
    fn key(&mut self) -> Result<Text, MsgpackError> {
        let (at, head) = self.head()?;
        let number = match head.kind {
            Kind::Str | Kind::Bin => return self.body(at, head).map(<[u8]>::to_vec),
            Kind::Int(value) => value.to_string(),
            Kind::Uint(value) => value.to_string(),
            _ => return Err(MsgpackError::Unexpected { at, expected: "a key of text" }),
        };
        self.at += head.len;
        Ok(number.into_bytes())
    }
}
