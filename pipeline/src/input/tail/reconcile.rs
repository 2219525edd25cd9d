//! A name against what is on the disk: the file it denotes, its successor, its absence, its return.

use std::{io, path::Path};

use super::{FileState, Tailer, archive, file::Generation, lineage::Lineage, resolve::resolve, siblings};
use crate::{
    checkpoint::{EntryState, Fingerprint},
    chunk::{Source, SourceId, mix, mix_text},
    defects::Defect,
    os::{Disk, Fd, Stat, disk::Kind},
};

/// First pause before a name that denotes nothing is looked at again, ms; doubled each time.
const RETRY_MS: u64 = 5;
/// Times that links are followed again because a directory on the way was not watched yet.
const FOLLOW_MAX: usize = 4;
/// Entries kept for one name: as many as rotated files are looked at, and the live one.
const KNOWN_MAX: usize = siblings::MAX + 16;

/// What was found behind a name and opened.
pub(super) struct Opened {
    pub(super) fd: Fd,
    pub(super) stat: Stat,
    pub(super) head: archive::Head,
}

impl Tailer {
    /// Looks at one name.
    pub(super) fn check(&mut self, disk: &mut impl Disk, id: u64) {
        self.defects(disk, id);
        let Some(lineage) = self.lineages.get_mut(&id) else { return };
        let path = lineage.path.clone();
        let settled = lineage.live.filter(|_| !lineage.recover && !lineage.depends_on.is_empty());
        let polled = !lineage.depends_on.iter().all(|(dir, _)| self.watches.is_watched(dir));
        let found = disk.stat(&path);
        if let (Some(live), Ok(stat)) = (settled, &found)
            && self.numbers.get(&(stat.identity.dev, stat.identity.ino)) == Some(&live)
            && !polled
        {
            return;
        }
        self.follow_links(disk, id);
        let Some(lineage) = self.lineages.get_mut(&id) else { return };
        let found = Self::denoted(disk, lineage);
        lineage.denoted = found;
        match found {
            Some(number) => self.denotes(disk, id, number),
            None => self.absent(disk, id),
        }
        if self.lineages.get(&id).is_some_and(|lineage| lineage.recover) {
            self.recover(disk, id);
        }
        let unwatched = |lineage: &Lineage| !lineage.depends_on.iter().all(|(dir, _)| self.watches.is_watched(dir));
        if self.lineages.get(&id).is_some_and(unwatched) {
            self.look_at(id, self.now + self.plan.poll_ms);
        }
    }

    /// Device and inode number of the file that the name denotes; where its link is gone, what that led to.
    pub(super) fn denoted(disk: &mut impl Disk, lineage: &Lineage) -> Option<(u64, u64)> {
        let stat = disk.stat(&lineage.path).or_else(|error| {
            let fallback = lineage.fallback();
            fallback.map_or(Err(error), |path| disk.stat(&path))
        });
        stat.ok().filter(|stat| stat.kind == Kind::File).map(|stat| (stat.identity.dev, stat.identity.ino))
    }

    /// Finds out where the name leads and watches every step of the way.
    fn follow_links(&mut self, disk: &mut impl Disk, id: u64) {
        let Some(lineage) = self.lineages.get(&id) else { return };
        let (path, old_target) = (lineage.path.clone(), lineage.target.clone());
        let mut resolved = resolve(disk, &path);
        for _ in 0..FOLLOW_MAX {
            let mut new = false;
            for (dir, name) in &resolved.depends_on {
                new |= self.watches.want_name(disk, dir, name, id);
            }
            if !new {
                break;
            }
            // What was seen before the watch was there may be outdated.
            let old = std::mem::replace(&mut resolved, resolve(disk, &path));
            self.drop_names(disk, id, &old.depends_on, &resolved.depends_on);
        }
        let itself = path.parent().zip(path.file_name()).map(|(dir, name)| (dir.to_owned(), name.to_owned()));
        let link_is_gone = resolved.target.is_none() || (resolved.target == itself && disk.lstat(&path).is_err());
        if link_is_gone && let Some(old) = old_target {
            // The link was taken away; the file it led to may well go on.
            if !resolved.depends_on.contains(&old) {
                self.watches.want_name(disk, &old.0, &old.1, id);
                resolved.depends_on.push(old.clone());
            }
            resolved.target = Some(old);
        }
        let Some(lineage) = self.lineages.get_mut(&id) else { return };
        if lineage.target != resolved.target {
            lineage.target = resolved.target;
            lineage.judged.clear();
            lineage.recover = true;
        }
        let old = std::mem::replace(&mut lineage.depends_on, resolved.depends_on.clone());
        self.drop_names(disk, id, &old, &resolved.depends_on);
        self.counters.watches_refused = self.watches.refused;
    }

    fn drop_names(
        &mut self,
        disk: &mut impl Disk,
        id: u64,
        old: &[(std::path::PathBuf, std::ffi::OsString)],
        new: &[(std::path::PathBuf, std::ffi::OsString)],
    ) {
        for (dir, name) in old.iter().filter(|pair| !new.contains(pair)) {
            self.watches.drop_name(disk, dir, name, id);
        }
    }

    /// The name denotes a file.
    fn denotes(&mut self, disk: &mut impl Disk, id: u64, number: (u64, u64)) {
        if let Some(lineage) = self.lineages.get_mut(&id) {
            (lineage.absent_ms, lineage.retries) = (None, 0);
        }
        match self.numbers.get(&number).copied() {
            Some(file) if self.files.get(&file).is_some_and(|file| file.source.lineage == id) => self.is_live(id, file),
            // Another name has it already: it is read once, under the name that came first.
            Some(_) => self.vanished(id),
            None => self.successor(disk, id, number),
        }
    }

    /// The name denotes a file that is not open: a successor, or one that came back.
    fn successor(&mut self, disk: &mut impl Disk, id: u64, number: (u64, u64)) {
        if self.defect == Some(Defect::StaleMembershipInodeReuse) && self.stale.contains(&number) {
            return self.vanished(id);
        }
        let Some(lineage) = self.lineages.get(&id) else { return };
        let path = if disk.stat(&lineage.path).is_ok() { Some(lineage.path.clone()) } else { lineage.fallback() };
        let opened = match path.map(|path| self.open(disk, &path)) {
            Some(Ok(Some(opened))) => opened,
            Some(Ok(None)) => return self.look_at(id, self.now),
            Some(Err(_)) | None => {
                self.vanished(id);
                return self.look_at(id, self.now + self.plan.poll_ms);
            }
        };
        self.vanished(id);
        if opened.head.archive.is_some() {
            disk.close(opened.fd);
            return;
        }
        let known = self.book.find(&opened.stat.identity, &opened.head.bytes, opened.stat.size);
        let file = known.unwrap_or_else(|| self.enter_new(id, &opened));
        let Some((page, lineage)) = self.book.page(file).zip(self.lineages.get_mut(&id)) else { return };
        let offset = page.read.max(page.entry.offset);
        if page.entry.path != lineage.path && (!page.finished || opened.stat.size <= offset) {
            disk.close(opened.fd);
            return;
        }
        let first = lineage.known.is_empty() || lineage.known == [file];
        self.counters.rotations += u64::from(!first && known.is_none());
        lineage.recover = true;
        self.install(id, file, &opened, offset);
        self.is_live(id, file);
    }

    /// An entry for a file that was never seen.
    fn enter_new(&mut self, id: u64, opened: &Opened) -> u64 {
        let Some(lineage) = self.lineages.get(&id) else { return 0 };
        let from_end = !self.plan.read_from_head && lineage.ancient && lineage.known.is_empty();
        let offset = if from_end { opened.stat.size } else { 0 };
        let (path, head) = (lineage.path.clone(), Fingerprint::of(&opened.head.bytes));
        self.book.add(id, &path, opened.stat.identity, head, offset, EntryState::Open)
    }

    /// Opens a file; `None` if it is open already, or is no regular file any more.
    pub(super) fn open(&mut self, disk: &mut impl Disk, path: &Path) -> io::Result<Option<Opened>> {
        if self.files.len() >= self.plan.max_open_files {
            self.counters.open_limit += 1;
            return Err(io::ErrorKind::QuotaExceeded.into());
        }
        let fd = disk.open(path).inspect_err(|error| match error.raw_os_error() {
            Some(nix::libc::EMFILE | nix::libc::ENFILE) => self.counters.open_limit += 1,
            Some(nix::libc::ENOENT) => {}
            _ => self.counters.errors += 1,
        })?;
        let opened = disk.fstat(fd).and_then(|mut stat| {
            let number = (stat.identity.dev, stat.identity.ino);
            if stat.kind != Kind::File || self.numbers.contains_key(&number) {
                return Ok(None);
            }
            stat.identity.generation = disk.generation(fd);
            let head = archive::head(disk, fd, stat.size)?;
            Ok(Some(Opened { fd, stat, head }))
        });
        if !matches!(opened, Ok(Some(_))) {
            disk.close(fd);
        }
        opened
    }

    /// Start of the ids of a file's records: from its entry, which survives a restart, and the file itself. Without
    /// checkpoints nothing survives, and two lives must not meet: then the start of the process is part of it.
    pub(super) fn base(&self, file: u64) -> u128 {
        let Some(page) = self.book.page(file) else { return 0 };
        let identity = page.entry.identity;
        let birth = identity.birth_ns.unwrap_or(0) as u64;
        let salt = if self.plan.keeps { 0 } else { self.plan.started_ns as u64 };
        let numbers = [file, identity.dev, identity.ino, u64::from(identity.generation.unwrap_or(0)), birth, salt];
        let base = mix_text(0, page.entry.path.as_os_str().as_encoded_bytes());
        numbers.iter().fold(base, |base, &number| mix(base, number)).max(1)
    }

    /// Takes an opened file into the queue of a name.
    pub(super) fn install(&mut self, id: u64, file: u64, opened: &Opened, offset: u64) {
        let base = self.base(file);
        let Some(lineage) = self.lineages.get_mut(&id) else { return };
        let source =
            Source { id: SourceId(file), path: lineage.path.clone(), tag: lineage.tag.clone(), lineage: id, base };
        let archive = opened.head.archive.is_some();
        let identity = opened.stat.identity;
        let generation = Generation::new(source.into(), identity, opened.fd, offset, archive, self.now);
        self.files.insert(file, generation);
        self.numbers.insert((identity.dev, identity.ino), file);
        if self.defect == Some(Defect::StaleMembershipInodeReuse) {
            self.stale.insert((identity.dev, identity.ino));
        }
        lineage.queue.push(file);
        self.counters.files_opened += 1;
        self.counters.archives += u64::from(archive);
        self.book.opened(file, id);
        self.knows(id, file);
        self.read_soon(id);
    }

    /// Adds an entry to those of a name, and drops the oldest that are done with.
    pub(super) fn knows(&mut self, id: u64, file: u64) {
        let Some(lineage) = self.lineages.get_mut(&id) else { return };
        if !lineage.known.contains(&file) {
            lineage.known.push(file);
        }
        while lineage.known.len() > KNOWN_MAX {
            let done =
                |id: &u64| self.book.page(*id).is_none_or(|page| !page.open && page.entry.state == EntryState::Done);
            let Some(at) = lineage.known.iter().position(done) else { break };
            self.book.forget(lineage.known.remove(at));
        }
    }

    /// The name denotes this open file, still or again.
    fn is_live(&mut self, id: u64, file: u64) {
        let Some(lineage) = self.lineages.get_mut(&id) else { return };
        if lineage.live == Some(file) {
            return;
        }
        self.vanished(id);
        if let Some((generation, lineage)) = self.files.get_mut(&file).zip(self.lineages.get_mut(&id)) {
            generation.state = FileState::Live;
            lineage.live = Some(file);
        }
        self.read_soon(id);
    }

    /// The name no longer denotes its file.
    pub(super) fn vanished(&mut self, id: u64) {
        let Some(file) = self.lineages.get_mut(&id).and_then(|lineage| lineage.live.take()) else { return };
        if let Some(generation) = self.files.get_mut(&file) {
            generation.state = FileState::Rotated;
            generation.rotated_ms = self.now;
            if self.defect == Some(Defect::RenameBackStaysRotated) {
                self.doomed.insert(file, self.now);
            }
        }
        if matches!(self.defect, Some(Defect::RotateWaitPurge | Defect::RenameBackStaysRotated)) {
            self.look_at(id, self.now + self.plan.rotate_wait_ms);
        }
        self.read_soon(id);
    }

    /// The name denotes nothing: look again soon, it is most likely in the middle of a rotation.
    fn absent(&mut self, disk: &mut impl Disk, id: u64) {
        self.vanished(id);
        let Some(lineage) = self.lineages.get_mut(&id) else { return };
        let since = *lineage.absent_ms.get_or_insert(self.now);
        lineage.recover = true;
        lineage.retries = (lineage.retries + 1).min(20);
        let pause = (RETRY_MS << (lineage.retries - 1)).min(self.plan.refresh_interval_ms);
        let over = self.now - since >= self.plan.forget_after_ms && lineage.queue.is_empty();
        if over && !self.patterns.iter().any(|pattern| pattern.literal().as_deref() == Some(&lineage.path)) {
            return self.forget(disk, id);
        }
        if self.defect != Some(Defect::RenameCreateGap) {
            self.look_at(id, self.now + pause);
        }
    }

    /// A name that has been gone for long is forgotten, with everything known about it.
    fn forget(&mut self, disk: &mut impl Disk, id: u64) {
        let Some(lineage) = self.lineages.remove(&id) else { return };
        self.by_path.remove(&lineage.path);
        self.drop_names(disk, id, &lineage.depends_on, &[]);
        lineage.look_ms.map(|at| self.looks.remove(&(at, id)));
        lineage.wake_ms.map(|at| self.wakes.remove(&(at, id)));
        lineage.known.into_iter().for_each(|file| self.book.forget(file));
    }

    /// The planted bugs that close files too early.
    fn defects(&mut self, disk: &mut impl Disk, id: u64) {
        let Some(lineage) = self.lineages.get(&id).filter(|_| self.defect.is_some()) else { return };
        for file in lineage.queue.clone() {
            let Some(generation) = self.files.get(&file) else { continue };
            let over = |since: u64| self.now >= since + self.plan.rotate_wait_ms;
            match self.defect {
                Some(Defect::RotateWaitPurge)
                    if generation.state == FileState::Rotated && over(generation.rotated_ms) =>
                {
                    self.close(disk, file);
                }
                Some(Defect::UnlinkDropsUnread) if disk.fstat(generation.fd).is_ok_and(|stat| stat.nlink == 0) => {
                    self.close(disk, file);
                }
                Some(Defect::RenameBackStaysRotated)
                    if generation.state == FileState::Live && self.doomed.get(&file).is_some_and(|&at| over(at)) =>
                {
                    self.doomed.remove(&file);
                    self.close(disk, file);
                    self.book.forget(file);
                }
                _ => {}
            }
        }
    }
}
