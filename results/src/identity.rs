//! Record identity: the stamp that every generated record carries at its head.
//!
//! ```text
//! tp1-5eed0017-0003-00000012d687-00001e8480-00012c07-9f3a61c2
//! │   │        │    │            │          │     │  └ check: CRC-32 over the text without these 8 digits
//! │   │        │    │            │          │     └ where the stamp begins in the text, bytes
//! │   │        │    │            │          └ length of the whole text, bytes
//! │   │        │    │            └ when the record was due, microseconds since the start of the run
//! │   │        │    └ sequence within the stream, from 0, dense
//! │   │        └ stream
//! │   └ run: records of another run are strangers
//! └ magic
//! ```
//! Lower-case hex and dashes only: it survives JSON escaping, CRI, Docker and syslog framing, regex parsing.
//! Fixed width, so that a writer patches digits in place. The check covers the stamp itself, so a changed
//! digit cannot pass for another record.

use thiserror::Error;

/// What every stamp begins with.
pub const MAGIC: &[u8; 4] = b"tp1-";
/// Length of a stamp, bytes.
pub const STAMP_LEN: usize = 59;
/// Where the eight check digits stand within the stamp, bytes.
pub const CHECK_AT: usize = 51;

/// One stream: one writer of one container, file or socket. An index into the run's list of streams.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct StreamId(pub u16);

/// A record: which stream, and the how-many-th of it (from 0, dense).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct RecordId {
    /// The stream.
    pub stream: StreamId,
    /// The sequence within the stream, below 2^48.
    pub seq: u64,
}

/// A stamp, read or to be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Tag of the run, so that records of an earlier run are recognised as strangers.
    pub run: u32,
    /// Which record this is.
    pub id: RecordId,
    /// When the record was due, microseconds since the start of the run, below 2^40.
    pub due_us: u64,
    /// Length of the whole text, bytes, below 2^24.
    pub text_len: u32,
    /// Where the stamp begins in the text, bytes.
    pub at: u8,
}

/// Why bytes are not a stamp.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum StampError {
    /// Fewer bytes than a stamp has.
    #[error("stamp is cut: {0} of 59 bytes")]
    Short(usize),
    /// A byte that must be a dash, the magic or a hex digit is something else.
    #[error("stamp has an unexpected byte at {0}")]
    Byte(usize),
}

impl Stamp {
    /// Writes all but the check digits (which become zeros; see [`seal`]).
    pub fn encode(&self, out: &mut [u8; STAMP_LEN]) {
        out[..4].copy_from_slice(MAGIC);
        put_hex(&mut out[4..12], u64::from(self.run));
        out[12] = b'-';
        put_hex(&mut out[13..17], u64::from(self.id.stream.0));
        out[17] = b'-';
        put_hex(&mut out[18..30], self.id.seq);
        out[30] = b'-';
        put_hex(&mut out[31..41], self.due_us);
        out[41] = b'-';
        put_hex(&mut out[42..48], u64::from(self.text_len));
        put_hex(&mut out[48..50], u64::from(self.at));
        out[50] = b'-';
        out[51..].copy_from_slice(b"00000000");
    }

    /// Reads a stamp and its check digits from the head of `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<(Self, u32), StampError> {
        let b = bytes.first_chunk::<STAMP_LEN>().ok_or(StampError::Short(bytes.len()))?;
        if let Some(at) = (0..4).find(|&i| b[i] != MAGIC[i]) {
            return Err(StampError::Byte(at));
        }
        if let Some(at) = [12, 17, 30, 41, 50].into_iter().find(|&i| b[i] != b'-') {
            return Err(StampError::Byte(at));
        }
        let field = |from: usize, to: usize| get_hex(&b[from..to]).map_err(|at| StampError::Byte(from + at));
        let stamp = Self {
            run: field(4, 12)? as u32,
            id: RecordId { stream: StreamId(field(13, 17)? as u16), seq: field(18, 30)? },
            due_us: field(31, 41)?,
            text_len: field(42, 48)? as u32,
            at: field(48, 50)? as u8,
        };
        Ok((stamp, field(51, 59)? as u32))
    }
}

/// Where in `text` a stamp begins, if any does.
pub fn find(text: &[u8]) -> Option<usize> {
    memchr::memmem::find(text, MAGIC)
}

/// The check of a text whose stamp begins at `at`: CRC-32 over everything but the eight check digits.
///
/// # Panics
/// If the text ends before the stamp does.
pub fn check(text: &[u8], at: usize) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&text[..at + CHECK_AT]);
    hasher.update(&text[at + STAMP_LEN..]);
    hasher.finalize()
}

/// Computes the check of a stamped text and writes it into its stamp.
pub fn seal(text: &mut [u8], at: usize) {
    let check = check(text, at);
    put_hex(&mut text[at + CHECK_AT..at + STAMP_LEN], u64::from(check));
}

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Writes `value` as lower-case hex into the whole of `out`, most significant digit first.
pub fn put_hex(out: &mut [u8], mut value: u64) {
    for digit in out.iter_mut().rev() {
        *digit = DIGITS[(value & 15) as usize];
        value >>= 4;
    }
}

/// Reads lower-case hex; the error is the index of the first byte that is none.
pub fn get_hex(digits: &[u8]) -> Result<u64, usize> {
    digits.iter().enumerate().try_fold(0u64, |value, (at, &digit)| {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return Err(at),
        };
        Ok(value << 4 | u64::from(nibble))
    })
}
