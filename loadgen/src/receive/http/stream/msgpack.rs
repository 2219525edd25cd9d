//! `MessagePack`, read only as far as forwarded records need it; written apart from the agent's own codec on purpose.

use super::Broken;

/// Deepest nesting that is followed.
const DEPTH_MAX: usize = 64;

/// A value that borrows its texts.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Unsigned(u64),
    Float(f64),
    /// str or bin.
    Bytes(&'a [u8]),
    Array(Vec<Value<'a>>),
    Map(Vec<(Value<'a>, Value<'a>)>),
    /// Type and content.
    Ext(i8, &'a [u8]),
}

/// The value at the head of `input` and what follows it; `Ok(None)` until all of it is there.
pub(super) fn read(input: &[u8]) -> Result<Option<(Value<'_>, &[u8])>, Broken> {
    let mut reader = Reader { input };
    match reader.value(DEPTH_MAX) {
        Ok(value) => Ok(Some((value, reader.input))),
        Err(Stop::Short) => Ok(None),
        Err(Stop::Broken) => Err(Broken),
    }
}

enum Stop {
    Short,
    Broken,
}

struct Reader<'a> {
    input: &'a [u8],
}

impl<'a> Reader<'a> {
    fn take(&mut self, len: usize) -> Result<&'a [u8], Stop> {
        let (head, rest) = self.input.split_at_checked(len).ok_or(Stop::Short)?;
        self.input = rest;
        Ok(head)
    }

    fn number(&mut self, len: usize) -> Result<u64, Stop> {
        Ok(self.take(len)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    fn value(&mut self, depth: usize) -> Result<Value<'a>, Stop> {
        let marker = self.take(1)?[0];
        Ok(match marker {
            0x00..=0x7f => Value::Int(i64::from(marker)),
            0x80..=0x8f => self.map(usize::from(marker & 15), depth)?,
            0x90..=0x9f => self.array(usize::from(marker & 15), depth)?,
            0xa0..=0xbf => Value::Bytes(self.take(usize::from(marker & 31))?),
            0xc0 => Value::Nil,
            0xc1 => return Err(Stop::Broken),
            0xc2 | 0xc3 => Value::Bool(marker == 0xc3),
            0xc4..=0xc6 => self.bytes(1 << (marker - 0xc4))?,
            0xc7..=0xc9 => {
                let len = self.number(1 << (marker - 0xc7))? as usize;
                self.ext(len)?
            }
            0xca => Value::Float(f64::from(f32::from_bits(self.number(4)? as u32))),
            0xcb => Value::Float(f64::from_bits(self.number(8)?)),
            0xcc..=0xcf => Value::Unsigned(self.number(1 << (marker - 0xcc))?),
            0xd0 => Value::Int(i64::from(self.number(1)? as i8)),
            0xd1 => Value::Int(i64::from(self.number(2)? as i16)),
            0xd2 => Value::Int(i64::from(self.number(4)? as i32)),
            0xd3 => Value::Int(self.number(8)? as i64),
            0xd4..=0xd8 => self.ext(1 << (marker - 0xd4))?,
            0xd9..=0xdb => self.bytes(1 << (marker - 0xd9))?,
            0xdc | 0xdd => {
                let len = self.number(2 << (marker - 0xdc))? as usize;
                self.array(len, depth)?
            }
            0xde | 0xdf => {
                let len = self.number(2 << (marker - 0xde))? as usize;
                self.map(len, depth)?
            }
            0xe0..=0xff => Value::Int(i64::from(marker as i8)),
        })
    }

    fn bytes(&mut self, width: usize) -> Result<Value<'a>, Stop> {
        let len = self.number(width)? as usize;
        Ok(Value::Bytes(self.take(len)?))
    }

    fn ext(&mut self, len: usize) -> Result<Value<'a>, Stop> {
        let kind = self.take(1)?[0] as i8;
        Ok(Value::Ext(kind, self.take(len)?))
    }

    /// Every element takes a byte at least, so what is promised beyond that is not there yet.
    fn array(&mut self, len: usize, depth: usize) -> Result<Value<'a>, Stop> {
        let depth = depth.checked_sub(1).ok_or(Stop::Broken)?;
        if len > self.input.len() {
            return Err(Stop::Short);
        }
        (0..len).map(|_| self.value(depth)).collect::<Result<_, _>>().map(Value::Array)
    }

    fn map(&mut self, len: usize, depth: usize) -> Result<Value<'a>, Stop> {
        let depth = depth.checked_sub(1).ok_or(Stop::Broken)?;
        if len.saturating_mul(2) > self.input.len() {
            return Err(Stop::Short);
        }
        let mut pair = || Ok((self.value(depth)?, self.value(depth)?));
        (0..len).map(|_| pair()).collect::<Result<_, _>>().map(Value::Map)
    }
}

impl<'a> Value<'a> {
    pub(super) fn as_bytes(&self) -> Option<&'a [u8]> {
        match self {
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The value under a key of a map.
    pub(super) fn get(&self, key: &[u8]) -> Option<&Value<'a>> {
        let Value::Map(pairs) = self else { return None };
        pairs.iter().find(|(name, _)| name.as_bytes() == Some(key)).map(|(_, value)| value)
    }

    /// As JSON; bytes that are no UTF-8 are replaced.
    pub(super) fn json(&self) -> serde_json::Value {
        match self {
            Value::Nil => serde_json::Value::Null,
            Value::Bool(value) => (*value).into(),
            Value::Int(value) => (*value).into(),
            Value::Unsigned(value) => (*value).into(),
            Value::Float(value) => (*value).into(),
            Value::Bytes(bytes) | Value::Ext(_, bytes) => String::from_utf8_lossy(bytes).into_owned().into(),
            Value::Array(values) => values.iter().map(Value::json).collect(),
            Value::Map(pairs) => {
                let name = |key: &Value<'_>| match key {
                    Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                    other => other.json().to_string(),
                };
                pairs.iter().map(|(key, value)| (name(key), value.json())).collect::<serde_json::Map<_, _>>().into()
            }
        }
    }
}

/// Appends a string.
pub(super) fn put_text(text: &[u8], out: &mut Vec<u8>) {
    match text.len() {
        len @ 0..=31 => out.push(0xa0 | len as u8),
        len @ 32..=255 => out.extend([0xd9, len as u8]),
        len => {
            out.push(0xdb);
            out.extend((len as u32).to_be_bytes());
        }
    }
    out.extend_from_slice(text);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_bytes_make_it_panic_or_allocate_beyond_them(input in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(&input);
        }

        #[test]
        fn a_cut_value_is_waited_for(text in ".{0,300}", cut in 0usize..300) {
            let mut whole = vec![0x82, 0xa1, b'a', 0xcf, 0, 0, 0, 0, 0, 0, 0, 7];
            put_text(b"log", &mut whole);
            put_text(text.as_bytes(), &mut whole);
            let (value, rest) = read(&whole).unwrap().unwrap();
            prop_assert!(rest.is_empty());
            prop_assert_eq!(value.get(b"log").and_then(Value::as_bytes), Some(text.as_bytes()));
            if cut < whole.len() {
                prop_assert_eq!(read(&whole[..cut]).unwrap(), None);
            }
        }
    }

    #[test]
    fn promises_of_four_billion_elements_are_waited_for_in_little_memory() {
        for input in
            [&[0xdd, 0xff, 0xff, 0xff, 0xff][..], &[0xdf, 0xff, 0xff, 0xff, 0xff], &[0xc6, 0xff, 0xff, 0xff, 0xff]]
        {
            assert_eq!(read(input).unwrap(), None);
        }
    }

    #[test]
    fn nesting_without_end_is_refused() {
        assert_eq!(read(&[0x91; 1000]), Err(Broken));
    }
}
