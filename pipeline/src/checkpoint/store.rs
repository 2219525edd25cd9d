//! The checkpoint file: appended to, compacted, recovered.
//!
//! A full disk is no error: what could not be written stays known, [`Store::is_behind`] says so, and [`Store::mend`]
//! writes all of it once there is room. Until then nothing new is to be read.

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
    thread::{self, JoinHandle},
};

use thiserror::Error;

use super::{
    entry::{CheckpointEntry, EntryState},
    frame,
};
use crate::os::is_full;

/// A file smaller than this is not worth compacting, bytes: whoever writes has to wait for it.
const COMPACT_FROM: u64 = 1 << 20;
/// How much longer than its live entries the file may become.
const COMPACT_RATIO: u64 = 4;

/// Why a checkpoint file cannot be used.
#[derive(Debug, Error)]
pub enum CheckpointError {
    /// The disk refused.
    #[error("{op} {path}: {source}; check the folder's permissions and free space")]
    Io {
        /// What was attempted.
        op: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Not a checkpoint file.
    #[error("{0} is no checkpoint file; move it away or name another path")]
    Foreign(PathBuf),
    /// Written by a newer version.
    #[error("{path} has checkpoint format {found}, this program knows 1; use the newer program or move the file away")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u8,
    },
}

/// The open checkpoint file.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    file: File,
    live: BTreeMap<u64, CheckpointEntry>,
    length: u64,
    live_bytes: u64,
    unsynced: bool,
    /// A sync that is under way, on a thread of its own: a disk that takes its time holds up neither reading nor what the
    /// next acks move.
    syncing: Option<JoinHandle<io::Result<()>>>,
    sync_file: fn(&File) -> io::Result<()>,
    synced_ms: u64,
    sync_interval_ms: u64,
    /// The disk was full: the file lacks what is known, or ends in a torn frame.
    behind: bool,
    /// Bytes that were damaged or torn when the file was opened, and were left out.
    pub cut_bytes: u64,
    scratch: Vec<u8>,
}

impl Store {
    /// Opens or creates the file and gives the entries in it, in order of their ids.
    ///
    /// # Errors
    /// If the disk refuses, or the file belongs to somebody else or to a newer version. Damage is no error: every frame
    /// that is whole counts.
    pub fn open(path: &Path, sync_interval_ms: u64) -> Result<(Self, Vec<CheckpointEntry>), CheckpointError> {
        let bytes = match fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(source) => return Err(io_error("read", path, source)),
        };
        let (live, valid) = recover(path, &bytes)?;
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .append(true)
            .open(path)
            .map_err(|source| io_error("open", path, source))?;
        let mut store = Self {
            path: path.to_owned(),
            file,
            live_bytes: live.values().map(frame_len).sum(),
            live,
            length: valid as u64,
            unsynced: false,
            syncing: None,
            sync_file: File::sync_data,
            synced_ms: 0,
            sync_interval_ms,
            behind: false,
            cut_bytes: (bytes.len() - valid) as u64,
            scratch: Vec::new(),
        };
        if valid < frame::HEADER || store.cut_bytes > 0 {
            store.behind = true;
            store.mend()?;
        }
        let entries = store.live.values().cloned().collect();
        Ok((store, entries))
    }

    /// Appends entries: from now on they survive the death of the process.
    pub fn write(&mut self, entries: &[CheckpointEntry]) -> Result<(), CheckpointError> {
        self.scratch.clear();
        for entry in entries {
            frame::encode(entry, &mut self.scratch);
            let old = if entry.state == EntryState::Forgotten {
                self.live.remove(&entry.id)
            } else {
                self.live_bytes += frame_len(entry);
                self.live.insert(entry.id, entry.clone())
            };
            self.live_bytes -= old.as_ref().map_or(0, frame_len);
        }
        if !self.behind
            && let Err(source) = self.file.write_all(&self.scratch)
        {
            // A frame cut in the middle would hide all that follow it: start the file anew from what is known.
            tracing::warn!(path = %self.path.display(), error = %source, "checkpoint append failed, file is rewritten");
            self.behind = true;
        }
        if self.behind {
            return self.mend();
        }
        self.length += self.scratch.len() as u64;
        self.unsynced = true;
        if self.length > COMPACT_FROM && self.length > self.live_bytes * COMPACT_RATIO {
            return unless_full(self.compact());
        }
        Ok(())
    }

    /// Whether the disk was full and the file lacks something; if so, nothing may be read that is not in it.
    pub fn is_behind(&self) -> bool {
        self.behind
    }

    /// Writes what a full disk refused, if it did and now does not. A disk that is still full is no error.
    pub fn mend(&mut self) -> Result<(), CheckpointError> {
        if !self.behind {
            return Ok(());
        }
        let compacted = self.compact();
        self.behind = compacted.is_err();
        unless_full(compacted)
    }

    /// Begins to sync if something is unsynced and the interval is over; `now_ms` is monotonic. What becomes of it is told
    /// by a later call.
    pub fn maintain(&mut self, now_ms: u64) -> Result<(), CheckpointError> {
        if self.syncing.as_ref().is_some_and(|sync| !sync.is_finished()) {
            return Ok(());
        }
        self.end_sync()?;
        if self.unsynced && now_ms.saturating_sub(self.synced_ms) >= self.sync_interval_ms {
            self.synced_ms = now_ms;
            return self.begin_sync();
        }
        Ok(())
    }

    /// Makes everything written so far survive the loss of power.
    pub fn sync(&mut self) -> Result<(), CheckpointError> {
        self.end_sync()?;
        if !std::mem::take(&mut self.unsynced) {
            return Ok(());
        }
        let synced = (self.sync_file)(&self.file);
        self.synced(synced)
    }

    fn begin_sync(&mut self) -> Result<(), CheckpointError> {
        let Ok(file) = self.file.try_clone() else { return self.sync() };
        let sync_file = self.sync_file;
        let begun = thread::Builder::new().name("checkpoint-sync".to_owned()).spawn(move || sync_file(&file));
        // Without a file or a thread to spare it is waited for.
        let Ok(sync) = begun else { return self.sync() };
        self.unsynced = false;
        self.syncing = Some(sync);
        Ok(())
    }

    /// Waits for a sync that is under way.
    fn end_sync(&mut self) -> Result<(), CheckpointError> {
        match self.syncing.take().map(JoinHandle::join) {
            None => Ok(()),
            Some(Ok(synced)) => self.synced(synced),
            Some(Err(panic)) => std::panic::resume_unwind(panic),
        }
    }

    fn synced(&mut self, synced: io::Result<()>) -> Result<(), CheckpointError> {
        match synced {
            Err(error) if is_full(&error) => {
                self.behind = true;
                Ok(())
            }
            other => other.map_err(|source| io_error("sync", &self.path, source)),
        }
    }

    /// Length of the file, bytes.
    pub fn len_bytes(&self) -> u64 {
        self.length
    }

    fn compact(&mut self) -> Result<(), CheckpointError> {
        let mut bytes = frame::MAGIC.to_vec();
        bytes.push(frame::VERSION);
        self.live.values().for_each(|entry| frame::encode(entry, &mut bytes));
        let mut tmp = self.path.clone().into_os_string();
        tmp.push(".tmp");
        let tmp = PathBuf::from(tmp);
        let fail = |op, source| io_error(op, &tmp, source);
        let mut file = File::create(&tmp).map_err(|source| fail("create", source))?;
        let written = file.write_all(&bytes).map_err(|source| fail("write", source));
        if let Err(error) = written.and_then(|()| file.sync_all().map_err(|source| fail("sync", source))) {
            // A full disk needs what it takes; the file in use is whole without it.
            let _ = fs::remove_file(&tmp);
            return Err(error);
        }
        fs::rename(&tmp, &self.path).map_err(|source| fail("rename", source))?;
        let parent = self.path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(parent).and_then(|dir| dir.sync_all()).map_err(|source| io_error("sync", parent, source))?;
        self.file =
            OpenOptions::new().append(true).open(&self.path).map_err(|source| io_error("open", &self.path, source))?;
        self.length = bytes.len() as u64;
        self.unsynced = false;
        Ok(())
    }
}

fn unless_full(result: Result<(), CheckpointError>) -> Result<(), CheckpointError> {
    match result {
        Err(CheckpointError::Io { source, .. }) if is_full(&source) => Ok(()),
        other => other,
    }
}

fn frame_len(entry: &CheckpointEntry) -> u64 {
    8 + 58 + entry.path.as_os_str().len() as u64
}

fn io_error(op: &'static str, path: &Path, source: io::Error) -> CheckpointError {
    CheckpointError::Io { op, path: path.to_owned(), source }
}

/// The live entries, and how many bytes were whole. A damaged frame costs what it says and no other: the entry is as it
/// was before, or not there. A damaged beginning is taken for one only if frames follow.
fn recover(path: &Path, bytes: &[u8]) -> Result<(BTreeMap<u64, CheckpointEntry>, usize), CheckpointError> {
    let (mut live, mut valid) = (BTreeMap::new(), 0);
    let magic = &bytes[..bytes.len().min(frame::MAGIC.len())];
    let foreign = !frame::MAGIC.starts_with(magic);
    match bytes.get(frame::MAGIC.len()) {
        None if !foreign => return Ok((live, 0)),
        Some(&version) if !foreign && version > frame::VERSION => {
            return Err(CheckpointError::Newer { path: path.to_owned(), found: version });
        }
        Some(&version) if !foreign && version == frame::VERSION => valid = frame::HEADER,
        _ => {}
    }
    let mut at = frame::HEADER.min(bytes.len());
    while at < bytes.len() {
        let Some((entry, len)) = frame::decode(&bytes[at..]) else {
            at += 1;
            continue;
        };
        (at, valid) = (at + len, valid + len);
        match entry.state {
            EntryState::Forgotten => live.remove(&entry.id),
            _ => live.insert(entry.id, entry),
        };
    }
    if valid == 0 { Err(CheckpointError::Foreign(path.to_owned())) } else { Ok((live, valid)) }
}

#[cfg(test)]
mod tests;
