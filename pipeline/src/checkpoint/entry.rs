//! One entry: one file, and how far it has been delivered.

use std::path::PathBuf;

use crate::os::Identity;

/// The beginning of a file: recognises it when it has moved into an archive, and tells a new file with an old number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fingerprint {
    /// How many bytes it covers, at most [`Fingerprint::MAX`]; grows with the file.
    pub len: u32,
    /// FNV-1a over them.
    pub hash: u64,
}

impl Fingerprint {
    /// Bytes that a fingerprint covers at most.
    pub const MAX: usize = 1024;

    /// The fingerprint of a file that begins with `head`.
    pub fn of(head: &[u8]) -> Self {
        let head = &head[..head.len().min(Self::MAX)];
        let hash = head
            .iter()
            .fold(0xcbf2_9ce4_8422_2325, |hash: u64, &byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Self { len: head.len() as u32, hash }
    }

    /// Whether a file that begins with `head` can be the one this was taken from, now grown.
    pub fn begins(&self, head: &[u8]) -> bool {
        head.get(..self.len as usize).is_some_and(|head| Self::of(head) == *self)
    }
}

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryState {
    /// Followed: everything before the offset is delivered.
    Open,
    /// Read to its end and delivered, or older than the following: known, not to be read again.
    Done,
    /// The entry is withdrawn.
    Forgotten,
}

/// One file, and how far it has been delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckpointEntry {
    /// Key: a later entry with the same id replaces this one. Grows with the age order of generations.
    pub id: u64,
    /// The name under which it was followed: all generations of one name share it.
    pub path: PathBuf,
    /// Which file.
    pub identity: Identity,
    /// How it begins.
    pub head: Fingerprint,
    /// Everything before it is delivered, bytes (of the uncompressed content).
    pub offset: u64,
    /// Where it stands.
    pub state: EntryState,
}
