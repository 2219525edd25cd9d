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
