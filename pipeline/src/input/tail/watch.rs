//! Which directories are watched, and who wants to know about which name in them.
//!
//! Two paths can lead to one directory and so to one watch: everybody who asked is told.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use crate::os::{Disk, WatchId};

/// One directory.
#[derive(Debug, Default)]
struct Dir {
    watch: Option<WatchId>,
    /// Names, and the lineages that depend on them.
    names: BTreeMap<OsString, BTreeSet<u64>>,
    /// Patterns whose component at this depth is matched against the names here.
    patterns: BTreeSet<(usize, usize)>,
}

/// All watched directories.
#[derive(Debug, Default)]
pub(super) struct Watches {
    dirs: BTreeMap<PathBuf, Dir>,
    by_watch: BTreeMap<WatchId, BTreeSet<PathBuf>>,
    /// Without notifications nothing is watched and everything polled.
    enabled: bool,
    /// Watches that the system refused, since the start.
    pub(super) refused: u64,
}

/// Whom an event concerns.
#[derive(Debug, Default)]
pub(super) struct Concerned {
    /// Lineages that depend on the name.
    pub(super) lineages: BTreeSet<u64>,
    /// Patterns, depths and the directory, for a name that may match.
    pub(super) patterns: Vec<(usize, usize, PathBuf)>,
}

impl Watches {
    /// No directory yet.
    pub(super) fn new(enabled: bool) -> Self {
        Self { enabled, ..Self::default() }
    }

    /// A lineage depends on a name. True if the directory was not watched before: what was seen of it may be outdated.
    pub(super) fn want_name(&mut self, disk: &mut impl Disk, dir: &Path, name: &OsStr, lineage: u64) -> bool {
        self.dirs.entry(dir.to_owned()).or_default().names.entry(name.to_owned()).or_default().insert(lineage);
        self.ensure(disk, dir)
    }

    /// A pattern is matched against the names of a directory.
    pub(super) fn want_pattern(&mut self, disk: &mut impl Disk, dir: &Path, pattern: usize, depth: usize) {
        self.dirs.entry(dir.to_owned()).or_default().patterns.insert((pattern, depth));
        self.ensure(disk, dir);
    }

    /// A lineage no longer depends on a name.
    pub(super) fn drop_name(&mut self, disk: &mut impl Disk, dir: &Path, name: &OsStr, lineage: u64) {
        let Some(entry) = self.dirs.get_mut(dir) else { return };
        if let Some(who) = entry.names.get_mut(name) {
            who.remove(&lineage);
            if who.is_empty() {
                entry.names.remove(name);
            }
        }
        if entry.names.is_empty() && entry.patterns.is_empty() {
            self.drop_dir(disk, dir);
        }
    }

    /// A directory that a pattern reached is gone.
    pub(super) fn drop_patterns(&mut self, disk: &mut impl Disk, dir: &Path) {
        if let Some(entry) = self.dirs.get_mut(dir) {
            entry.patterns.clear();
            if entry.names.is_empty() {
                self.drop_dir(disk, dir);
            }
        }
    }

    /// Whether a directory is watched.
    pub(super) fn is_watched(&self, dir: &Path) -> bool {
        self.dirs.get(dir).is_some_and(|dir| dir.watch.is_some())
    }

    /// Asks again for every watch: a directory may have been replaced by another of its name.
    pub(super) fn renew(&mut self, disk: &mut impl Disk) {
        let dirs: Vec<PathBuf> = self.dirs.keys().cloned().collect();
        for dir in dirs {
            self.ask(disk, &dir);
        }
    }

    /// A watch is gone. Gives the lineages that looked through it.
    pub(super) fn gone(&mut self, watch: WatchId) -> BTreeSet<u64> {
        let mut concerned = BTreeSet::new();
        for path in self.by_watch.remove(&watch).unwrap_or_default() {
            if let Some(dir) = self.dirs.get_mut(&path) {
                dir.watch = None;
                concerned.extend(dir.names.values().flatten());
            }
        }
        concerned
    }

    /// Whom an event about a name concerns.
    pub(super) fn concerned(&self, watch: WatchId, name: &OsStr) -> Concerned {
        let mut out = Concerned::default();
        for path in self.by_watch.get(&watch).into_iter().flatten() {
            let Some(dir) = self.dirs.get(path) else { continue };
            out.lineages.extend(dir.names.get(name).into_iter().flatten());
            out.patterns.extend(dir.patterns.iter().map(|&(pattern, depth)| (pattern, depth, path.clone())));
        }
        out
    }

    /// Everybody who looks at a directory.
    pub(super) fn neighbours(&self, watch: WatchId) -> BTreeSet<u64> {
        let dirs = self.by_watch.get(&watch).into_iter().flatten().filter_map(|path| self.dirs.get(path));
        dirs.flat_map(|dir| dir.names.values().flatten().copied()).collect()
    }

    fn ensure(&mut self, disk: &mut impl Disk, dir: &Path) -> bool {
        if self.is_watched(dir) {
            return false;
        }
        self.ask(disk, dir)
    }

    /// True if the directory is watched by a watch it had not before.
    fn ask(&mut self, disk: &mut impl Disk, dir: &Path) -> bool {
        if !self.enabled {
            return false;
        }
        let answer = disk.watch_dir(dir);
        let Some(entry) = self.dirs.get_mut(dir) else { return false };
        let new = match answer {
            Ok(watch) => Some(watch),
            Err(error) => {
                self.refused += u64::from(error.kind() != std::io::ErrorKind::NotFound);
                None
            }
        };
        let old = std::mem::replace(&mut entry.watch, new);
        if old == new {
            return false;
        }
        if let Some(old) = old {
            self.release(disk, old, dir);
        }
        if let Some(new) = new {
            self.by_watch.entry(new).or_default().insert(dir.to_owned());
        }
        new.is_some()
    }

    fn drop_dir(&mut self, disk: &mut impl Disk, path: &Path) {
        if let Some(watch) = self.dirs.remove(path).and_then(|dir| dir.watch) {
            self.release(disk, watch, path);
        }
    }

    /// A path no longer uses a watch; the last one takes it back.
    fn release(&mut self, disk: &mut impl Disk, watch: WatchId, path: &Path) {
        if let Some(paths) = self.by_watch.get_mut(&watch) {
            paths.remove(path);
            if paths.is_empty() {
                self.by_watch.remove(&watch);
                disk.unwatch(watch);
            }
        }
    }
}
