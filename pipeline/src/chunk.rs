//! What travels from an input to the parsers, and what comes back when it has been taken.
//!
//! A chunk is a run of whole lines of one file. Consecutive chunks of a file are contiguous, and chunks of one
//! container (all generations of one path) leave the tailer in the order in which they were written.

use std::{path::PathBuf, sync::Arc};

/// A file that is being read: one generation of a path. Never reused within a process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SourceId(pub u64);

/// What is constant for all chunks of one file.
#[derive(Debug, PartialEq, Eq)]
pub struct Source {
    /// The file.
    pub id: SourceId,
    /// The path under which it was found (the name that matched the pattern, links not resolved).
    pub path: PathBuf,
    /// The tag of its records, `*` expanded.
    pub tag: Arc<str>,
    /// Key under which the fragments of a line are joined: the same for all generations of one path.
    pub lineage: u64,
    /// Start of the ids of its records, the same after a restart: an id is this plus the record's offset. 0: unknown.
    pub base: u128,
}

/// A number that depends on every bit of both, evenly spread.
pub(crate) fn mix(of: u128, with: u64) -> u128 {
    let step = |mut bits: u64| {
        bits = bits.wrapping_add(0x9e37_79b9_7f4a_7c15);
        bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ bits >> 31
    };
    let low = step(of as u64 ^ step(with));
    let high = step((of >> 64) as u64 ^ step(low));
    let low = step(low ^ high.rotate_left(32));
    u128::from(high) << 64 | u128::from(low)
}

/// As [`mix`], with text.
pub(crate) fn mix_text(of: u128, text: &[u8]) -> u128 {
    let part = |of, bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        mix(of, u64::from_le_bytes(word))
    };
    text.chunks(8).fold(mix(of, text.len() as u64), part)
}

/// Whole lines of one file.
#[derive(Debug)]
pub struct Chunk {
    /// Where they come from.
    pub source: Arc<Source>,
    /// Offset of the first byte in the file (in the uncompressed content, for an archive).
    pub offset: u64,
    /// The lines, each ended by LF, except that the last line of a file that ended without one lacks it.
    pub bytes: Vec<u8>,
}

impl Chunk {
    /// One past the offset of the last byte.
    pub fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64
    }
}

/// Everything of `source` before offset `end` has been taken by every output it was routed to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ack {
    /// The file.
    pub source: SourceId,
    /// One past the last byte that is taken.
    pub end: u64,
}
