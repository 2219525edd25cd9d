//! One generation: an open file, how far it is read, and its whole lines.
//!
//! The offset always stands at the beginning of a line; an unfinished last line is read again when it has grown.
//! Before a read the bytes before the offset are compared with those that were read there: a file that was cut and
//! has regrown past the offset is noticed although its size tells nothing.

use std::{io, sync::Arc};

use super::{
    FileState, TailPlan,
    archive::Gunzip,
    lines::{Cut, cut},
};
use crate::{
    chunk::{Chunk, Source},
    os::{Disk, Fd, Identity, WatchId},
};

/// Bytes before the offset that are remembered.
pub(super) const MARKER: usize = 32;
/// Smallest read, however little room the buffer has.
const READ_MIN: usize = 4 << 10;
/// First read of a file, and the smallest afterwards: at the live end a big buffer would be zeroed for a few lines.
const APPETITE_FIRST: usize = 64 << 10;
const APPETITE_LEAST: usize = 16 << 10;

/// One open file.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "four independent facts about a read position, none a state")]
pub(super) struct Generation {
    pub(super) source: Arc<Source>,
    pub(super) identity: Identity,
    pub(super) fd: Fd,
    pub(super) archive: Option<Box<Gunzip>>,
    /// The beginning of the first line that was not handed out.
    pub(super) offset: u64,
    /// Bytes seen so far, unfinished line included.
    pub(super) seen: u64,
    pub(super) state: FileState,
    /// When its name stopped denoting it, ms.
    pub(super) rotated_ms: u64,
    /// When it last had something new, ms.
    pub(super) grew_ms: u64,
    /// Read, and waiting for the generations before it to be looked at once more.
    pub(super) held: Option<Chunk>,
    /// Fires at the next write.
    pub(super) watch: Option<WatchId>,
    /// The last read met the end.
    pub(super) at_end: bool,
    /// The archive cannot be unpacked, so far.
    broken: bool,
    /// Within a line that is too long.
    skipping: bool,
    /// A full buffer held no line end: read as much as the longest line.
    wide: bool,
    /// How much the next read asks for at most: what the last one found twice over.
    appetite: usize,
    marker: Vec<u8>,
}

/// What a read came to.
#[derive(Debug)]
pub(super) enum Got {
    /// Whole lines.
    Lines(Chunk),
    /// Progress without lines; read on.
    More,
    /// Nothing but perhaps an unfinished line.
    End,
    /// The file is not the one that was read before.
    Replaced,
}

/// What a read may use.
pub(super) struct Means<'a> {
    pub(super) plan: &'a TailPlan,
    pub(super) room: usize,
    pub(super) pool: &'a mut Vec<Vec<u8>>,
    pub(super) long_lines: &'a mut u64,
}

impl Generation {
    /// A file that is read from `offset` on.
    pub(super) fn new(source: Arc<Source>, identity: Identity, fd: Fd, offset: u64, archive: bool, now: u64) -> Self {
        Self {
            source,
            identity,
            fd,
            archive: archive.then(|| Box::new(Gunzip::new(offset))),
            offset,
            seen: offset,
            state: if archive { FileState::Archive } else { FileState::Rotated },
            rotated_ms: now,
            grew_ms: now,
            held: None,
            watch: None,
            at_end: false,
            broken: false,
            skipping: false,
            wide: false,
            appetite: APPETITE_FIRST,
            marker: Vec::new(),
        }
    }

    /// The last bytes before the offset.
    pub(super) fn tail(&self) -> &[u8] {
        &self.marker
    }

    /// Whether the bytes before the offset are no longer those that were read.
    pub(super) fn was_cut(&mut self, disk: &mut impl Disk) -> bool {
        self.archive.is_none() && matches!(self.marker_holds(disk), Ok(false))
    }

    /// Reads once.
    pub(super) fn read(&mut self, disk: &mut impl Disk, now: u64, means: &mut Means<'_>) -> io::Result<Got> {
        if self.archive.is_none() && !self.marker_holds(disk)? {
            return Ok(Got::Replaced);
        }
        let asked = means.plan.chunk_bytes.min(means.room).min(self.appetite).max(READ_MIN);
        let want = if self.wide { asked.max(means.plan.max_line_bytes + 1) } else { asked };
        let mut buffer = means.pool.pop().unwrap_or_default();
        let ended;
        if let Some(archive) = &mut self.archive {
            ended = archive.fill(disk, self.fd, want)?;
            self.broken = false;
            let n = archive.unpacked().len().min(want);
            buffer.clear();
            buffer.extend_from_slice(&archive.unpacked()[..n]);
        } else {
            // A used buffer keeps its length, so that only what it lacks has to be zeroed.
            if buffer.len() < want {
                buffer.resize(want, 0);
            }
            let n = disk.read_at(self.fd, self.offset, &mut buffer[..want])?;
            ended = n < want;
            buffer.truncate(n);
        }
        let ended = ended && buffer.len() < want;
        self.appetite = if ended { (2 * buffer.len()).max(APPETITE_LEAST) } else { self.appetite.saturating_mul(4) };
        let seen = self.offset + buffer.len() as u64;
        if seen > self.seen {
            self.grew_ms = now;
        }
        self.seen = seen;
        self.at_end = ended;
        self.sort_out(buffer, want, means)
    }

    /// The unfinished last line of a file that nobody writes to any more.
    pub(super) fn last_words(&mut self, disk: &mut impl Disk) -> io::Result<Option<Chunk>> {
        if self.seen <= self.offset || self.skipping {
            return Ok(None);
        }
        let mut buffer = vec![0; (self.seen - self.offset) as usize];
        if let Some(archive) = &mut self.archive {
            let n = buffer.len().min(archive.unpacked().len());
            archive.take(n, &mut buffer);
        } else {
            let n = disk.read_at(self.fd, self.offset, &mut buffer)?;
            buffer.truncate(n);
        }
        Ok((!buffer.is_empty()).then(|| self.chunk(buffer)))
    }

    /// A read failed. An archive may still be in the making: it is unpacked anew.
    pub(super) fn failed(&mut self, now: u64) {
        if let Some(archive) = &mut self.archive {
            if !self.broken {
                self.grew_ms = now;
            }
            **archive = Gunzip::new(self.offset);
            self.broken = true;
            self.at_end = true;
        }
    }

    /// Whether the last read of the archive failed.
    pub(super) fn is_broken(&self) -> bool {
        self.broken
    }

    /// Bytes that are known to be there and not handed out, an unfinished line included.
    pub(super) fn is_behind(&self) -> bool {
        self.held.is_some() || !self.at_end
    }

    fn sort_out(&mut self, mut buffer: Vec<u8>, want: usize, means: &mut Means<'_>) -> io::Result<Got> {
        if self.skipping {
            let end = memchr::memchr(b'\n', &buffer).map(|at| at + 1);
            let gone = end.unwrap_or(buffer.len());
            self.skipping = end.is_none();
            self.pass(gone, &buffer);
            means.pool.push(buffer);
            return Ok(if gone == 0 { Got::End } else { Got::More });
        }
        let max = means.plan.max_line_bytes;
        let Cut { take, long } = cut(&buffer, max);
        if take > 0 {
            self.wide = false;
            self.at_end &= !long;
            buffer.truncate(take);
            return Ok(Got::Lines(self.passed(buffer)));
        }
        if long {
            *means.long_lines += 1;
            self.skipping = true;
            self.wide = false;
            if means.plan.skip_long_lines {
                means.pool.push(buffer);
                return Ok(Got::More);
            }
            buffer.truncate(max + 1);
            buffer[max] = b'\n';
            self.at_end = false;
            return Ok(Got::Lines(self.passed(buffer)));
        }
        let full = buffer.len() == want;
        self.wide |= full;
        means.pool.push(buffer);
        Ok(if full { Got::More } else { Got::End })
    }

    /// Steps over `n` bytes without handing them out.
    fn pass(&mut self, n: usize, bytes: &[u8]) {
        self.remember(&bytes[..n]);
        self.offset += n as u64;
        if let Some(archive) = &mut self.archive {
            archive.take(n, &mut Vec::new());
        }
    }

    /// Steps over lines that are handed out.
    fn passed(&mut self, lines: Vec<u8>) -> Chunk {
        if let Some(archive) = &mut self.archive {
            archive.take(lines.len(), &mut Vec::new());
        }
        self.chunk(lines)
    }

    fn chunk(&mut self, bytes: Vec<u8>) -> Chunk {
        self.remember(&bytes);
        let chunk = Chunk { source: Arc::clone(&self.source), offset: self.offset, bytes };
        self.offset = chunk.end();
        chunk
    }

    fn remember(&mut self, bytes: &[u8]) {
        if bytes.len() < MARKER {
            let keep = self.marker.len().min(MARKER - bytes.len());
            self.marker.drain(..self.marker.len() - keep);
            self.marker.extend_from_slice(bytes);
        } else {
            self.marker.clear();
            self.marker.extend_from_slice(&bytes[bytes.len() - MARKER..]);
        }
        // A cut line ends with an LF that the file does not have.
        if self.skipping {
            self.marker.clear();
        }
    }

    fn marker_holds(&mut self, disk: &mut impl Disk) -> io::Result<bool> {
        if self.offset == 0 {
            return Ok(true);
        }
        if self.marker.is_empty() {
            return Ok(disk.fstat(self.fd)?.size >= self.offset);
        }
        let mut there = [0; MARKER];
        let there = &mut there[..self.marker.len()];
        let n = disk.read_at(self.fd, self.offset - there.len() as u64, there)?;
        Ok(n == there.len() && *there == self.marker[..])
    }
}
