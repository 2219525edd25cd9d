//! A generation that is gzip by now: unpacked as a stream, any number of members.

use std::io::{self, Write};

use flate2::write::MultiGzDecoder;

use crate::{
    checkpoint::Fingerprint,
    os::{Disk, Fd},
};

/// Compressed bytes a read: they unpack to at most a thousand times as many, which bounds the memory.
const PIECE: usize = 4 << 10;
/// What a gzip file begins with.
const MAGIC: [u8; 2] = [0x1f, 0x8b];

/// An archive that is being unpacked.
#[derive(Debug)]
pub(super) struct Gunzip {
    raw_offset: u64,
    decoder: MultiGzDecoder<Vec<u8>>,
    /// Unpacked bytes that are to be thrown away: they were delivered from the plain file.
    skip: u64,
    complete: bool,
}

impl Gunzip {
    /// Unpacks from the beginning and throws the first `skip` bytes away.
    pub(super) fn new(skip: u64) -> Self {
        Self { raw_offset: 0, decoder: MultiGzDecoder::new(Vec::new()), skip, complete: false }
    }

    /// Unpacks until `want` bytes are there or the archive ends; true if it ended, whole.
    pub(super) fn fill(&mut self, disk: &mut impl Disk, fd: Fd, want: usize) -> io::Result<bool> {
        let mut piece = [0; PIECE];
        while self.decoder.get_ref().len() < want && !self.complete {
            let n = disk.read_at(fd, self.raw_offset, &mut piece)?;
            if n == 0 {
                self.decoder.try_finish()?;
                self.complete = true;
            }
            self.decoder.write_all(&piece[..n])?;
            self.raw_offset += n as u64;
            let out = self.decoder.get_mut();
            let gone = self.skip.min(out.len() as u64);
            out.drain(..gone as usize);
            self.skip -= gone;
        }
        Ok(self.complete)
    }

    /// What is unpacked and not taken.
    pub(super) fn unpacked(&self) -> &[u8] {
        self.decoder.get_ref()
    }

    /// Takes the first `n` unpacked bytes.
    pub(super) fn take(&mut self, n: usize, into: &mut Vec<u8>) {
        into.clear();
        into.extend(self.decoder.get_mut().drain(..n));
    }
}

/// What the beginning of a file tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Head {
    /// Its first bytes, unpacked if it is an archive; at most [`Fingerprint::MAX`].
    pub(super) bytes: Vec<u8>,
    /// For an archive: the length of the content, modulo 2^32, as its last member tells.
    pub(super) archive: Option<u64>,
}

/// Reads the head of a file of `size` bytes, unpacked if it is an archive.
pub(super) fn head(disk: &mut impl Disk, fd: Fd, size: u64) -> io::Result<Head> {
    let mut bytes = vec![0; Fingerprint::MAX];
    let n = disk.read_at(fd, 0, &mut bytes)?;
    bytes.truncate(n);
    if !bytes.starts_with(&MAGIC) {
        return Ok(Head { bytes, archive: None });
    }
    let mut unpack = Gunzip::new(0);
    // A cut archive gives what it has; reading it later tells the error.
    let _ = unpack.fill(disk, fd, Fingerprint::MAX);
    let mut length = [0; 4];
    let _ = disk.read_at(fd, size.saturating_sub(4), &mut length)?;
    let mut bytes = unpack.unpacked().to_vec();
    bytes.truncate(Fingerprint::MAX);
    Ok(Head { bytes, archive: Some(u64::from(u32::from_le_bytes(length))) })
}
