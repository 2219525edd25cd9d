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

mod hex;

pub use hex::{get_hex, put_hex};
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
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<(Self, u32), StampError> {
        let b = bytes.first_chunk::<STAMP_LEN>().ok_or(StampError::Short(bytes.len()))?;
        Self::decode_fast(b).ok_or(()).or_else(|()| Self::decode_slowly(b))
    }

    /// Eight digits at a time; `None` where a byte is not what it must be.
    #[inline]
    fn decode_fast(b: &[u8; STAMP_LEN]) -> Option<(Self, u32)> {
        let dashes = b[12] & b[17] & b[30] & b[41] & b[50] == b'-' && b[12] | b[17] | b[30] | b[41] | b[50] == b'-';
        if b[..4] != MAGIC[..] || !dashes {
            return None;
        }
        let run = hex::eight([b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11]])?;
        let stream_and_top = hex::eight([b[13], b[14], b[15], b[16], b[18], b[19], b[20], b[21]])?;
        let seq = hex::eight([b[22], b[23], b[24], b[25], b[26], b[27], b[28], b[29]])?;
        let due_top = hex::eight([b'0', b'0', b'0', b'0', b'0', b'0', b[31], b[32]])?;
        let due = hex::eight([b[33], b[34], b[35], b[36], b[37], b[38], b[39], b[40]])?;
        let len_and_at = hex::eight([b[42], b[43], b[44], b[45], b[46], b[47], b[48], b[49]])?;
        let check = hex::eight([b[51], b[52], b[53], b[54], b[55], b[56], b[57], b[58]])?;
        let stream = StreamId((stream_and_top >> 16) as u16);
        let stamp = Self {
            run,
            id: RecordId { stream, seq: u64::from(stream_and_top & 0xffff) << 32 | u64::from(seq) },
            due_us: u64::from(due_top) << 32 | u64::from(due),
            text_len: len_and_at >> 8,
            at: len_and_at as u8,
        };
        Some((stamp, check))
    }

    /// Digit by digit, to say which byte is wrong.
    #[cold]
    fn decode_slowly(b: &[u8; STAMP_LEN]) -> Result<(Self, u32), StampError> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn stamp() -> impl Strategy<Value = Stamp> {
        (any::<u32>(), any::<u16>(), 0u64..1 << 48, 0u64..1 << 40, 0u32..1 << 24, any::<u8>()).prop_map(
            |(run, stream, seq, due_us, text_len, at)| Stamp {
                run,
                id: RecordId { stream: StreamId(stream), seq },
                due_us,
                text_len,
                at,
            },
        )
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(stamp in stamp(), tail in prop::collection::vec(any::<u8>(), 0..100)) {
            let mut head = [0; STAMP_LEN];
            stamp.encode(&mut head);
            let mut text = [&head[..], &tail].concat();
            seal(&mut text, 0);
            prop_assert_eq!(Stamp::decode(&text), Ok((stamp, check(&text, 0))));
        }

        #[test]
        fn any_bytes_are_decoded_as_digit_by_digit_or_refused_at_the_first_bad_byte(
            stamp in stamp(), place in 0usize..STAMP_LEN, byte in any::<u8>(),
        ) {
            let mut head = [0; STAMP_LEN];
            stamp.encode(&mut head);
            head[place] = byte;
            prop_assert_eq!(Stamp::decode(&head), Stamp::decode_slowly(&head));
        }

        #[test]
        fn a_seal_breaks_with_any_changed_byte(stamp in stamp(), place in 0usize..STAMP_LEN + 20, change in 1u8..) {
            let mut head = [0; STAMP_LEN];
            stamp.encode(&mut head);
            let mut text = [&head[..], &[b'x'; 20]].concat();
            seal(&mut text, 0);
            text[place] ^= change;
            let passes = Stamp::decode(&text).is_ok_and(|(_, stated)| stated == check(&text, 0));
            prop_assert!(!passes);
        }
    }

    #[test]
    fn a_cut_stamp_says_how_much_of_it_is_there() {
        assert_eq!(Stamp::decode(b"tp1-00"), Err(StampError::Short(6)));
    }
}
