//! Records on disk: batches of inputs with `storage.type filesystem`, until every output has taken them.
//!
//! ```text
//! <storage.path>/0000000000000001.seg     batches 1 to 40: frames with checksums (store/frame.rs, store/record.rs)
//!                000000000000002a.seg     batches 42 to …, being written
//!                http.0.taken             everything before this number is taken by that output
//!                lock, name               one process at a time; what batches of this folder are named after
//! ```
//! A source is released once its batch is written: `storage.sync normal` leaves it to the kernel when that reaches the
//! disk (a killed process loses nothing, a power cut may), `full` waits for the disk. A process starts a segment of its
//! own and never writes into an old one. A segment is deleted when every output is past it, but for the newest 8 MiB,
//! however many processes wrote them: these tell which records a tailed file or a peer brings again, because the process
//! was killed between their writing and the note of it (a checkpoint, an entry of `Dedup_File`). What the disk refuses
//! stays in memory, in its place in the order, and its source is not released.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    sync::Arc,
};

use nix::fcntl::{Flock, FlockArg};
use thiserror::Error;

use crate::{chunk::mix, parse::Batch};

mod cursor;
mod files;
mod frame;
mod known;
mod record;
mod replay;

use cursor::Cursor;
use known::Known;
use replay::Reader;

/// A segment that is longer is full, bytes.
const SEGMENT: u64 = 4 << 20;
/// So much of the newest segments is kept although everything in it is taken, bytes; a process that is killed again and
/// again leaves small ones.
const KEPT: u64 = 8 << 20;
/// Most segments that are kept for that.
const KEPT_SEGMENTS: usize = 1024;

/// Why records cannot be kept on disk; fits after "failed to".
#[derive(Debug, Error)]
pub enum StoreError {
    /// Another process has the folder.
    #[error("use {0}: another process keeps its records there; stop it or set another storage.path")]
    Busy(PathBuf),
    /// The system refused something.
    #[error("use {path}: {error}; check storage.path and its permissions")]
    Io {
        /// What it is about.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

/// What a store has counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreCounters {
    /// Records that were damaged on disk, and are lost.
    pub damaged: u64,
    /// Records that a source brought again and that were here already.
    pub again: u64,
    /// Times that the disk refused a batch.
    pub refused: u64,
    /// Segments that are there.
    pub segments: u64,
    /// Bytes that the disk does not take now; they wait in memory.
    pub held_bytes: u64,
}

/// The segments of one folder and how far each output is.
#[derive(Debug)]
pub(super) struct Store {
    folder: PathBuf,
    sync_full: bool,
    /// What ids of batches are made of.
    name: u128,
    segments: BTreeMap<u64, Segment>,
    active: Option<File>,
    /// Number of the next batch; the first is 1.
    next: u64,
    lanes: Vec<LaneOnDisk>,
    /// Batches that the disk refused, in order.
    held: BTreeMap<u64, Arc<Batch>>,
    /// What those weigh, bytes.
    pub(super) held_bytes: usize,
    /// Records of the newest segments that the process found.
    known: Known,
    counters: StoreCounters,
    /// Bytes that the disk still takes: tests make it full.
    #[cfg(test)]
    pub(super) room: Option<u64>,
    _lock: Flock<File>,
}

#[derive(Debug, Default)]
struct Segment {
    /// One past the last number in it.
    end: u64,
    len: u64,
    /// Where each batch begins, from the first; of segments that this process wrote.
    starts: Vec<(u64, u64)>,
}

#[derive(Debug)]
struct LaneOnDisk {
    /// The first number that is not taken.
    cursor: Cursor,
    /// The first number that its queue in memory has not got.
    loaded: u64,
    /// Bytes on disk that are not taken, about.
    bytes: u64,
    reader: Option<Reader>,
}

/// Where a batch is on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) seq: u64,
    /// Bytes of its frames; 0 if the disk refused it.
    pub(crate) bytes: u64,
}

impl Store {
    /// Opens the folder, for outputs with these names. `salt` names a new folder.
    pub(super) fn open(folder: &Path, sync_full: bool, outputs: &[String], salt: u64) -> Result<Self, StoreError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |error| StoreError::Io { path, error }
        };
        fs::create_dir_all(folder).map_err(failed(folder))?;
        let lock = OpenOptions::new().create(true).truncate(false).write(true).open(folder.join("lock"));
        let lock = lock.map_err(failed(&folder.join("lock")))?;
        let lock =
            Flock::lock(lock, FlockArg::LockExclusiveNonblock).map_err(|_| StoreError::Busy(folder.to_owned()))?;
        let name = files::name(folder, salt).map_err(failed(&folder.join("name")))?;
        let mut segments = BTreeMap::new();
        for entry in fs::read_dir(folder).map_err(failed(folder))? {
            let entry = entry.map_err(failed(folder))?;
            let first =
                entry.file_name().to_str().and_then(|name| u64::from_str_radix(name.strip_suffix(".seg")?, 16).ok());
            if let Some(first) = first {
                let len = entry.metadata().map_err(failed(&entry.path()))?.len();
                segments.insert(first, Segment { end: first, len, starts: Vec::new() });
            }
        }
        let (known, next) = files::newest(folder, &segments).map_err(failed(folder))?;
        let firsts: Vec<u64> = segments.keys().copied().collect();
        for (place, segment) in segments.values_mut().enumerate() {
            segment.end = firsts.get(place + 1).copied().unwrap_or(next);
        }
        let mut cursors = Vec::new();
        for output in outputs {
            let path = folder.join(format!("{}.taken", crate::output::name::safe(output)));
            cursors.push(Cursor::open(&path).map_err(failed(&path))?);
        }
        // An output that is new gets what waits for the others, or everything if there are none.
        let oldest = firsts.first().copied().unwrap_or(next);
        let least = cursors.iter().filter_map(|cursor| cursor.at).min().unwrap_or(oldest).max(oldest);
        let lane = |mut cursor: Cursor| {
            let at = cursor.at.unwrap_or(least).clamp(oldest, next);
            // Written at once: an output that has taken nothing yet must not look like a new one at the next start.
            cursor.start(at);
            let bytes = segments.values().filter(|segment| segment.end > at).map(|segment| segment.len).sum();
            LaneOnDisk { cursor, loaded: at, bytes, reader: None }
        };
        let lanes = cursors.into_iter().map(lane).collect();
        let mut store = Self {
            folder: folder.to_owned(),
            sync_full,
            name,
            segments,
            active: None,
            next,
            lanes,
            held: BTreeMap::new(),
            held_bytes: 0,
            known,
            counters: StoreCounters::default(),
            #[cfg(test)]
            room: None,
            _lock: lock,
        };
        store.delete();
        Ok(store)
    }

    /// What it has counted.
    pub(super) fn counters(&self) -> StoreCounters {
        let (segments, held_bytes) = (self.segments.len() as u64, self.held_bytes as u64);
        StoreCounters { segments, held_bytes, ..self.counters }
    }

    fn path(&self, first: u64) -> PathBuf {
        self.folder.join(format!("{first:016x}.seg"))
    }

    /// What batch `seq` is named.
    fn origin(&self, seq: u64) -> u128 {
        mix(self.name, seq)
    }

    /// Takes a batch in: written if the disk takes it, else kept in memory. The lanes that are `wanted` get it.
    pub(super) fn push(&mut self, mut batch: Batch, wanted: &[bool]) -> Arc<Batch> {
        self.counters.again += self.known.take_out(&mut batch);
        if batch.is_empty() {
            // All of it is here: its source is released.
            return Arc::new(batch);
        }
        let seq = self.next;
        self.next += 1;
        batch.origin = self.origin(seq);
        let mut bytes = Vec::new();
        record::write(&batch, seq, &mut bytes);
        let written = self.retry_held() && self.append(seq, &bytes);
        batch.stored = Some(Stored { seq, bytes: if written { bytes.len() as u64 } else { 0 } });
        let holds = if written { std::mem::take(&mut batch.holds) } else { Vec::new() };
        let batch = Arc::new(batch);
        if !written {
            self.held_bytes += batch.weight();
            self.held.insert(seq, Arc::clone(&batch));
        }
        for (lane, wanted) in self.lanes.iter_mut().zip(wanted) {
            if *wanted {
                lane.bytes += bytes.len() as u64;
            } else if lane.loaded == seq {
                // Nothing for it: it is past this as soon as it is past what was before.
                lane.loaded = self.next;
                if lane.cursor.at == Some(seq) {
                    lane.cursor.advance(self.next);
                }
            }
        }
        drop(holds);
        batch
    }

    /// A lane has taken a batch and everything before it.
    pub(super) fn taken(&mut self, lane: usize, stored: Stored) {
        let on_disk = &mut self.lanes[lane];
        on_disk.bytes = on_disk.bytes.saturating_sub(stored.bytes);
        on_disk.cursor.advance(stored.seq + 1);
        if on_disk.cursor.at == Some(self.next) {
            on_disk.bytes = 0;
        }
        self.delete();
    }

    /// Nothing of a lane is in memory: it is past everything that it has got or passed over.
    pub(super) fn idle(&mut self, lane: usize) {
        let lane = &mut self.lanes[lane];
        lane.cursor.advance(lane.loaded);
        if lane.loaded == self.next {
            lane.bytes = 0;
        }
        self.delete();
    }

    /// Takes so much off what waits for a lane: it was dropped.
    pub(super) fn dropped(&mut self, lane: usize, stored: Stored) {
        self.lanes[lane].bytes = self.lanes[lane].bytes.saturating_sub(stored.bytes);
    }

    /// Every output that had it in memory has taken a batch: one that the disk refused is needed no more.
    pub(super) fn released(&mut self, stored: Stored) {
        if self.lanes.iter().all(|lane| lane.loaded > stored.seq)
            && let Some(batch) = self.held.remove(&stored.seq)
        {
            self.held_bytes -= batch.weight();
        }
    }

    fn delete(&mut self) {
        let least = self.lanes.iter().filter_map(|lane| lane.cursor.at).min().unwrap_or(self.next);
        while let Some((&first, segment)) = self.segments.first_key_value() {
            if segment.end > least || first >= files::kept(&self.segments) {
                break;
            }
            if let Err(error) = fs::remove_file(self.path(first)) {
                tracing::warn!(path = ?self.path(first), %error, "cannot delete a segment that is done");
                break;
            }
            self.segments.remove(&first);
        }
    }

    /// Writes what the disk refused before, in order. True: nothing is left of it.
    pub(super) fn retry_held(&mut self) -> bool {
        while let Some((&seq, batch)) = self.held.first_key_value() {
            let batch = Arc::clone(batch);
            let mut bytes = Vec::new();
            record::write(&batch, seq, &mut bytes);
            if !self.append(seq, &bytes) {
                return false;
            }
            if let Some(batch) = self.held.remove(&seq) {
                self.held_bytes -= batch.weight();
            }
        }
        true
    }

    /// Writes the frames of a batch; false if the disk does not take them.
    fn append(&mut self, seq: u64, bytes: &[u8]) -> bool {
        match self.try_append(seq, bytes) {
            Ok(()) => true,
            Err(error) => {
                self.counters.refused += 1;
                if self.counters.refused.is_power_of_two() {
                    tracing::error!(folder = ?self.folder, %error, "the disk takes no records: they stay in memory and inputs pause");
                }
                false
            }
        }
    }

    fn try_append(&mut self, seq: u64, bytes: &[u8]) -> io::Result<()> {
        let full = self.segments.last_key_value().is_some_and(|(_, segment)| segment.len >= SEGMENT);
        if full && let Some(file) = self.active.take() {
            file.sync_data()?;
        }
        if self.active.is_none() {
            // What a full disk left of an earlier try holds nothing.
            let again = self.segments.get(&seq).is_some_and(|segment| segment.len == 0);
            let file = OpenOptions::new().create(again).create_new(!again).append(true).open(self.path(seq))?;
            self.segments.insert(seq, Segment { end: seq, ..Segment::default() });
            file.set_len(0)?;
            if self.sync_full {
                File::open(&self.folder)?.sync_all()?;
            }
            self.active = Some(file);
        }
        let (Some(file), Some(mut entry)) = (&mut self.active, self.segments.last_entry()) else { return Ok(()) };
        let segment = entry.get_mut();
        #[cfg(test)]
        let bytes_that_fit = match &mut self.room {
            Some(room) if *room < bytes.len() as u64 => &bytes[..std::mem::take(room) as usize],
            Some(room) => {
                *room -= bytes.len() as u64;
                bytes
            }
            None => bytes,
        };
        #[cfg(not(test))]
        let bytes_that_fit = bytes;
        let mut written = file.write_all(bytes_that_fit);
        if bytes_that_fit.len() < bytes.len() {
            written = Err(io::ErrorKind::StorageFull.into());
        }
        if written.is_ok() && self.sync_full {
            written = file.sync_data();
        }
        if let Err(error) = written {
            // What was written of it is cut off, or, if even that fails, skipped by readers as damage.
            if file.set_len(segment.len).is_err() {
                self.active = None;
            }
            return Err(error);
        }
        segment.starts.push((seq, segment.len));
        segment.len += bytes.len() as u64;
        segment.end = seq + 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests;
