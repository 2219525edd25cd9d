//! Which names there are: scans, and what notifications say in between.

use std::{
    ffi::OsStr,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use super::{Tailer, glob, lineage::Lineage, siblings};
use crate::{
    defects::Defect,
    os::{DirEvent, Disk, Event, disk::Kind},
};

/// Notifications taken at once.
const EVENTS: usize = 1024;

impl Tailer {
    /// Lists everything that the patterns reach. The safety net beneath the notifications.
    pub(super) fn scan(&mut self, disk: &mut impl Disk) {
        if !self.started {
            for path in self.book.paths() {
                if self.patterns.iter().any(|pattern| pattern.matches(&path)) {
                    self.follow(path);
                }
            }
        }
        for index in 0..self.patterns.len() {
            if let Some(path) = self.patterns[index].literal() {
                let old = self.plan.ignore_older_ms.is_some() && !self.by_path.contains_key(&path);
                if old && disk.stat(&path).is_ok_and(|stat| self.is_too_old(stat.mtime_ns)) {
                    continue;
                }
                self.follow(path);
            } else {
                let base = self.patterns[index].base.clone();
                self.walk(disk, index, &base, 0);
            }
        }
        self.started = true;
    }

    /// Asks for notifications about a directory, then lists it: in this order nothing falls between.
    fn walk(&mut self, disk: &mut impl Disk, pattern: usize, dir: &Path, depth: usize) {
        self.watches.want_pattern(disk, dir, pattern, depth);
        let Ok(mut names) = disk.list(dir) else {
            self.watches.drop_patterns(disk, dir);
            return;
        };
        names.sort();
        for name in names {
            self.met(disk, pattern, dir, depth, &name);
        }
    }

    /// A name was met in a directory that a pattern reaches.
    fn met(&mut self, disk: &mut impl Disk, pattern: usize, dir: &Path, depth: usize, name: &OsStr) {
        if !self.patterns[pattern].fits(depth, name) {
            return;
        }
        let path = dir.join(name);
        if depth + 1 < self.patterns[pattern].parts.len() {
            if disk.stat(&path).is_ok_and(|stat| stat.kind == Kind::Dir) {
                self.walk(disk, pattern, &path, depth + 1);
            }
        } else if !self.by_path.contains_key(&path) && !siblings::is_no_text(name) {
            let stat = disk.stat(&path);
            if stat.as_ref().is_ok_and(|stat| self.is_too_old(stat.mtime_ns)) {
                // It is met again at the next scan, and followed once it is written to.
                return;
            }
            let kind = stat.map(|stat| stat.kind);
            // A link that leads nowhere yet is kept: its target may be in the middle of a rotation.
            if !matches!(kind, Ok(Kind::Dir | Kind::Other)) {
                self.follow(path);
            }
        }
    }

    /// Whether a file was last written to before `Ignore_Older`.
    fn is_too_old(&self, mtime_ns: i64) -> bool {
        let now_ns = self.plan.started_ns + self.now as i64 * 1_000_000;
        self.plan.ignore_older_ms.is_some_and(|most| now_ns - mtime_ns > most as i64 * 1_000_000)
    }

    /// Follows a name from now on.
    fn follow(&mut self, path: PathBuf) {
        let excluded = |pattern: &String| glob::matches(pattern.as_bytes(), path.as_os_str().as_bytes());
        if self.by_path.contains_key(&path) || self.plan.exclude.iter().any(excluded) {
            return;
        }
        let id = self.next_lineage;
        self.next_lineage += 1;
        let known = if self.started { Vec::new() } else { self.book.of_path(&path) };
        self.by_path.insert(path.clone(), id);
        self.lineages.insert(id, Lineage::new(path, &self.plan, known, self.started));
        self.look_soon(id);
    }

    /// Takes notifications. True if there were any.
    pub(super) fn take_events(&mut self, disk: &mut impl Disk) -> bool {
        self.events_ms = Some(self.now);
        if !self.plan.inotify {
            return false;
        }
        let events = disk.read_events(EVENTS).unwrap_or_else(|_| {
            self.counters.errors += 1;
            Vec::new()
        });
        let any = !events.is_empty();
        for event in events {
            match event {
                Event::Name(watch, kind, name) => {
                    let concerned = self.watches.concerned(watch, &name);
                    let blind = self.defect == Some(Defect::RenameCreateGap) && kind == DirEvent::Appeared;
                    if !blind {
                        concerned.lineages.into_iter().for_each(|id| self.look_soon(id));
                    }
                    if kind == DirEvent::Appeared && !blind {
                        for (pattern, depth, dir) in concerned.patterns {
                            self.met(disk, pattern, &dir, depth, &name);
                        }
                    }
                    if kind == DirEvent::Deleted && self.defect == Some(Defect::UnlinkDropsUnread) {
                        self.watches.neighbours(watch).into_iter().for_each(|id| self.look_soon(id));
                    }
                }
                Event::Modified(watch) => self.modified(watch),
                Event::Gone(watch) => {
                    self.modified(watch);
                    self.watches.gone(watch).into_iter().for_each(|id| self.look_soon(id));
                }
                Event::Overflow => self.overflow(disk),
            }
        }
        any
    }

    /// Notifications were lost: look at everything.
    fn overflow(&mut self, disk: &mut impl Disk) {
        self.counters.overflows += 1;
        self.refresh(disk, true);
    }

    /// Scans, and puts every name and every file in line to be looked at.
    pub(super) fn refresh(&mut self, disk: &mut impl Disk, recover: bool) {
        self.next_scan = self.now + self.plan.refresh_interval_ms.max(1);
        self.scan(disk);
        self.watches.renew(disk);
        let ids: Vec<u64> = self.lineages.keys().copied().collect();
        for id in ids {
            if let Some(lineage) = self.lineages.get_mut(&id) {
                lineage.recover |= recover || lineage.undecided;
            }
            self.look_soon(id);
            self.read_soon(id);
        }
    }
}
