//! `MessagePack`: values from bytes and back, and finding the end of a value that is still arriving.
//!
//! ```text
//! 93  a3 'k' 'u' 'b'  92 d7 00 <seconds:4> <nanos:4> 81 …     one head, then its bytes or its items
//! ```
//! Promises: nesting ends at [`DEPTH_MAX`], a declared length allocates nothing before its bytes are there, one call
//! makes at most [`VALUES_MAX`] values. An extension becomes its bytes, except event times where a time is due.

mod head;
mod read;
mod scan;

use rmp::encode as rmp;
use thiserror::Error;

pub use read::Reader;
pub use scan::Scan;

use crate::{
    event::{DEPTH_MAX, Fields, Value},
    parse::time::Time,
};

/// Most values that one [`Reader`] makes: a byte of nil would otherwise become 32 in memory.
pub const VALUES_MAX: usize = 2 << 20;
/// The extension type of an event time.
pub const EVENT_TIME: i8 = 0;

/// Why bytes are no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MsgpackError {
    /// More bytes have to come.
    #[error("the value is cut off; send it whole")]
    Short,
    /// A head that the format does not have.
    #[error("byte {at} is 0xc1, which begins no value; check the encoder")]
    Reserved {
        /// Offset of the head.
        at: usize,
    },
    /// Nested too deeply.
    #[error("values are nested deeper than {DEPTH_MAX} at byte {at}; flatten the record")]
    Deep {
        /// Offset of the head.
        at: usize,
    },
    /// A length that is not accepted.
    #[error("byte {at} announces {len} bytes, {most} are the most; send less at once")]
    Long {
        /// Offset of the head.
        at: usize,
        /// What it announces.
        len: u64,
        /// What is accepted.
        most: usize,
    },
    /// More values than one message may have.
    #[error("there are more than {VALUES_MAX} values at byte {at}; send less at once")]
    Many {
        /// Offset of the head.
        at: usize,
    },
    /// Another kind of value was due.
    #[error("{expected} was expected at byte {at}; check the sender's version of the protocol")]
    Unexpected {
        /// Offset of the head.
        at: usize,
        /// What was due.
        expected: &'static str,
    },
}

/// The first value of `bytes`, and its length.
pub fn decode(bytes: &[u8]) -> Result<(Value, usize), MsgpackError> {
    let mut reader = Reader::new(bytes);
    let value = reader.value()?;
    Ok((value, reader.at()))
}

/// Appends a value.
pub fn encode(value: &Value, out: &mut Vec<u8>) {
    let written = match value {
        Value::Null => rmp::write_nil(out).is_ok(),
        Value::Bool(value) => rmp::write_bool(out, *value).is_ok(),
        Value::Int(value) => rmp::write_sint(out, *value).is_ok(),
        Value::Unsigned(value) => rmp::write_uint(out, *value).is_ok(),
        Value::Float(value) => rmp::write_f64(out, *value).is_ok(),
        Value::Text(text) => return encode_text(text, out),
        Value::Binary(bytes) => rmp::write_bin(out, bytes).is_ok(),
        Value::Array(values) => {
            encode_array(values.len(), out);
            return values.iter().for_each(|value| encode(value, out));
        }
        Value::Map(fields) => return encode_fields(fields, out),
    };
    assert!(written, "memory takes every byte");
}

/// Appends a map.
pub fn encode_fields(fields: &Fields, out: &mut Vec<u8>) {
    encode_map(fields.len(), out);
    for (key, value) in &fields.0 {
        encode_text(key, out);
        encode(value, out);
    }
}

/// Appends text; bytes that are no UTF-8 go as they are.
pub fn encode_text(text: &[u8], out: &mut Vec<u8>) {
    rmp::write_str_len(out, length(text.len())).expect("memory takes every byte");
    out.extend_from_slice(text);
}

/// Appends bytes that are no text.
pub fn encode_binary(bytes: &[u8], out: &mut Vec<u8>) {
    rmp::write_bin(out, bytes).expect("memory takes every byte");
}

/// Appends the head of an array of `items` values.
pub fn encode_array(items: usize, out: &mut Vec<u8>) {
    rmp::write_array_len(out, length(items)).expect("memory takes every byte");
}

/// Appends the head of a map of `pairs` keys and values.
pub fn encode_map(pairs: usize, out: &mut Vec<u8>) {
    rmp::write_map_len(out, length(pairs)).expect("memory takes every byte");
}

/// Appends a time as the extension of the forward protocol; seconds outside of its 32 bits stop at its ends.
pub fn encode_time(time: Time, out: &mut Vec<u8>) {
    let seconds = time.seconds.clamp(0, i64::from(u32::MAX)) as u32;
    out.extend_from_slice(&[0xd7, EVENT_TIME as u8]);
    out.extend_from_slice(&seconds.to_be_bytes());
    out.extend_from_slice(&time.nanos.to_be_bytes());
}

fn length(len: usize) -> u32 {
    u32::try_from(len).expect("a record is bounded far below 4 GiB")
}

#[cfg(test)]
pub(crate) mod tests;
