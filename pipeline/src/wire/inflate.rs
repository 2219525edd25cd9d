//! gzip and zlib from outside: what they hold, unless that is out of proportion.
//!
//! Limits count what has come out, not what a header claims, and end the work at once: a bomb costs no more than the
//! limit. Small contents may be as repetitive as they like: the ratio counts from 1 MiB on.

use std::io::{BufRead, Read};

use flate2::bufread::{GzDecoder, ZlibDecoder};
use thiserror::Error;

/// What is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most bytes that one compressed byte may become.
    pub ratio: usize,
    /// Most bytes in all.
    pub bytes: usize,
    /// Most members of a gzip stream.
    pub members: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { ratio: 200, bytes: 64 << 20, members: 1024 }
    }
}

/// The ratio says nothing about less than this, bytes.
const RATIO_FROM: usize = 1 << 20;

/// Why compressed bytes are refused.
#[derive(Debug, Error)]
pub enum InflateError {
    /// They are damaged or cut off.
    #[error("{0}; send it again, undamaged")]
    Damaged(std::io::Error),
    /// They hold too much.
    #[error("{len} compressed bytes hold more than {most}; send less at once")]
    Large {
        /// Compressed bytes.
        len: usize,
        /// The limit that was reached, bytes.
        most: usize,
    },
    /// There are too many members.
    #[error("there are more than {0} gzip members; join them before sending")]
    Members(usize),
}

/// What gzip holds, all members.
pub fn gunzip(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, InflateError> {
    let mut out = Vec::new();
    let mut rest = bytes;
    let mut members = 0;
    loop {
        if members == limits.members {
            return Err(InflateError::Members(limits.members));
        }
        members += 1;
        let mut decoder = GzDecoder::new(rest);
        fill(&mut decoder, bytes.len(), limits, &mut out)?;
        rest = decoder.into_inner();
        if rest.fill_buf().map_err(InflateError::Damaged)?.is_empty() {
            return Ok(out);
        }
    }
}

/// What a zlib stream holds.
pub fn unzlib(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>, InflateError> {
    let mut out = Vec::new();
    fill(&mut ZlibDecoder::new(bytes), bytes.len(), limits, &mut out)?;
    Ok(out)
}

/// `bytes` as one gzip member, packed quickly.
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write;
    let mut encoder = flate2::write::GzEncoder::new(Vec::with_capacity(bytes.len() / 4), flate2::Compression::fast());
    encoder.write_all(bytes).expect("memory takes every byte");
    encoder.finish().expect("memory takes every byte")
}

fn fill(from: &mut impl Read, len: usize, limits: &Limits, out: &mut Vec<u8>) -> Result<(), InflateError> {
    let most = limits.bytes.min(len.saturating_mul(limits.ratio).max(RATIO_FROM));
    // One more than is allowed tells that there is more.
    let left = (most - out.len().min(most)) as u64 + 1;
    from.take(left).read_to_end(out).map_err(InflateError::Damaged)?;
    if out.len() > most {
        return Err(InflateError::Large { len, most });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::{Compression, write::GzEncoder, write::ZlibEncoder};
    use proptest::prelude::*;

    use super::*;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn members_one_after_the_other_are_one_content() {
        let all = [gzip(b"one"), gzip(b""), gzip(b"two")].concat();
        assert_eq!(gunzip(&all, &Limits::default()).unwrap(), b"onetwo");
        let few = Limits { members: 2, ..Limits::default() };
        assert!(matches!(gunzip(&all, &few), Err(InflateError::Members(2))));
    }

    #[test]
    fn a_bomb_is_refused_by_ratio_and_by_size_and_a_small_repetitive_text_is_not() {
        let bomb = gzip(&vec![0; 8 << 20]);
        assert!(bomb.len() * 200 < 8 << 20);
        assert!(matches!(gunzip(&bomb, &Limits::default()), Err(InflateError::Large { .. })));
        let split = [bomb.clone(), bomb].concat();
        assert!(matches!(gunzip(&split, &Limits::default()), Err(InflateError::Large { .. })));
        let small = Limits { bytes: 1000, ..Limits::default() };
        assert!(matches!(gunzip(&gzip(&[b'x'; 1001]), &small), Err(InflateError::Large { most: 1000, .. })));
        assert_eq!(gunzip(&gzip(&[b'x'; 1000]), &small).unwrap().len(), 1000);
        assert_eq!(gunzip(&gzip(&vec![b'x'; 900_000]), &Limits::default()).unwrap().len(), 900_000);
    }

    #[test]
    fn what_is_cut_at_any_byte_is_damaged() {
        let whole = gzip(b"some text, some text, some text");
        for at in 0..whole.len() {
            assert!(gunzip(&whole[..at], &Limits::default()).is_err(), "cut at {at}");
        }
        assert!(gunzip(&[&whole, b"garbage".as_slice()].concat(), &Limits::default()).is_err());
    }

    proptest! {
        #[test]
        fn what_was_packed_comes_out(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(&bytes).unwrap();
            prop_assert_eq!(&unzlib(&encoder.finish().unwrap(), &Limits::default()).unwrap(), &bytes);
            prop_assert_eq!(&gunzip(&gzip(&bytes), &Limits::default()).unwrap(), &bytes);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let limits = Limits { bytes: 1 << 16, ..Limits::default() };
            let _ = unzlib(&bytes, &limits);
            let _ = gunzip(&[&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3], bytes.as_slice()].concat(), &limits);
        }
    }
}
