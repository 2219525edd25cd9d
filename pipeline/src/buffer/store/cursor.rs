//! How far an output is: a number in a small file, written in place.
//!
//! ```text
//! number:8 │ version:8 │ crc32:4      twice, written in turn: a torn one leaves the other
//! ```

use std::{
    fs::{File, OpenOptions},
    io,
    os::unix::fs::FileExt,
    path::Path,
};

const SLOT: usize = 20;

/// How far an output is.
#[derive(Debug)]
pub(super) struct Cursor {
    /// The first number that is not taken; none if the file was empty.
    pub(super) at: Option<u64>,
    version: u64,
    file: File,
}

impl Cursor {
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).truncate(false).read(true).write(true).open(path)?;
        let newest = [0, 1].into_iter().filter_map(|slot| read(&file, slot)).max_by_key(|&(_, version)| version);
        let (at, version) = newest.map_or((None, 0), |(at, version)| (Some(at), version));
        Ok(Self { at, version, file })
    }

    /// Begins at a number.
    pub(super) fn start(&mut self, at: u64) {
        if self.at != Some(at) {
            self.at = None;
            self.advance(at);
        }
    }

    /// Moves forward. If it cannot be stored, what was taken since comes again after a restart.
    pub(super) fn advance(&mut self, to: u64) {
        if self.at.is_some_and(|at| at >= to) {
            return;
        }
        (self.at, self.version) = (Some(to), self.version + 1);
        let mut slot = [0; SLOT];
        slot[..8].copy_from_slice(&to.to_le_bytes());
        slot[8..16].copy_from_slice(&self.version.to_le_bytes());
        let crc = crc32fast::hash(&slot[..16]);
        slot[16..].copy_from_slice(&crc.to_le_bytes());
        if let Err(error) = self.file.write_all_at(&slot, (self.version % 2) * SLOT as u64)
            && self.version.is_power_of_two()
        {
            tracing::warn!(%error, "cannot store how far an output is: after a restart it gets records again");
        }
    }
}

fn read(file: &File, slot: u64) -> Option<(u64, u64)> {
    let mut bytes = [0; SLOT];
    file.read_exact_at(&mut bytes, slot * SLOT as u64).ok()?;
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"));
    let crc = u32::from_le_bytes(bytes[16..].try_into().expect("four bytes"));
    (crc32fast::hash(&bytes[..16]) == crc).then(|| (number(0), number(8)))
}
