//! A second look at the files of an input, which trusts nothing that the tailer remembers: what do the patterns name
//! now, how long is it, and how far has it been read?
//!
//! A tailer that takes a new file for one it knows reports no error and goes on with its other files. Seen from the
//! names it is plain: there are unread bytes under this name, and no file of this name moves.

use std::{
    collections::BTreeMap,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use crate::{
    input::tail::{FileStatus, Tailer, glob, siblings},
    os::{Disk, LinuxDisk, disk::Kind},
};

/// From one look to the next, ms.
const LOOK_MS: u64 = 2_000;
/// Names looked at, at most: more are left out of the look, not of the reading.
const NAMES_MAX: usize = 20_000;

/// What the looks have found so far.
#[derive(Debug, Default)]
pub(super) struct Unread {
    next_ms: u64,
    names: BTreeMap<PathBuf, Behind>,
}

/// A name with unread bytes.
#[derive(Debug, PartialEq, Eq)]
struct Behind {
    bytes: u64,
    /// Where the open files of this name stand: as long as that is the same, nothing moves.
    stand: Vec<(u64, u64)>,
    since_ms: u64,
}

impl Unread {
    /// Unread bytes, all names together.
    pub(super) fn bytes(&self) -> u64 {
        self.names.values().map(|behind| behind.bytes).sum()
    }

    /// The longest time that a name with unread bytes has not moved, ms.
    pub(super) fn stalled_ms(&self, now_ms: u64) -> u64 {
        self.names.values().map(|behind| now_ms.saturating_sub(behind.since_ms)).max().unwrap_or(0)
    }

    /// Looks, if it is time to.
    pub(super) fn look(
        &mut self,
        paths: &[String],
        exclude: &[String],
        tailer: &Tailer,
        disk: &mut LinuxDisk,
        now_ms: u64,
    ) {
        if now_ms < self.next_ms {
            return;
        }
        self.next_ms = now_ms + LOOK_MS;
        let open = tailer.status();
        let mut names = BTreeMap::new();
        for path in paths.iter().flat_map(glob::find).take(NAMES_MAX) {
            let excluded = exclude.iter().any(|pattern| glob::matches(pattern.as_bytes(), path.as_os_str().as_bytes()));
            if excluded || path.file_name().is_some_and(siblings::is_no_text) {
                continue;
            }
            let Ok(stat) = disk.stat(&path) else { continue };
            let bytes = stat.size.saturating_sub(tailer.seen(&stat.identity));
            if stat.kind == Kind::File && bytes > 0 {
                let (stand, before) = (stand(&path, &open), self.names.remove(&path));
                let before = before.filter(|before| before.stand == stand).map(|before| before.since_ms);
                names.insert(path, Behind { bytes, stand, since_ms: before.unwrap_or(now_ms) });
            }
        }
        self.names = names;
    }
}

/// Where each open file of a name stands.
fn stand(path: &Path, open: &[FileStatus]) -> Vec<(u64, u64)> {
    open.iter().filter(|file| file.path == path).map(|file| (file.identity.ino, file.offset_read)).collect()
}
