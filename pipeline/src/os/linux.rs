//! The real disk: Linux, `pread`, `statx`, inotify.

use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs::{self, File, Metadata, OpenOptions},
    io,
    os::{
        fd::{AsFd, AsRawFd, BorrowedFd},
        unix::fs::{FileExt, MetadataExt, OpenOptionsExt},
    },
    path::{Path, PathBuf},
    time::UNIX_EPOCH,
};

use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify, InotifyEvent, WatchDescriptor};

use super::{
    disk::{DirEvent, Disk, Event, Fd, Identity, Kind, Stat, WatchId},
    version,
};

/// The disk of this machine. Descriptors are closed when it is dropped.
#[derive(Debug)]
pub struct LinuxDisk {
    files: Vec<Option<File>>,
    free: Vec<u32>,
    inotify: Option<Inotify>,
    watches: BTreeMap<WatchDescriptor, WatchId>,
    descriptors: BTreeMap<WatchId, WatchDescriptor>,
    next_watch: u32,
}

impl Default for LinuxDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl LinuxDisk {
    /// Opens inotify; where that is refused every watch fails and the tailer polls.
    pub fn new() -> Self {
        Self {
            files: Vec::new(),
            free: Vec::new(),
            inotify: Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC).ok(),
            watches: BTreeMap::new(),
            descriptors: BTreeMap::new(),
            next_watch: 0,
        }
    }

    /// Readable when notifications wait; `None` if there is no inotify.
    pub fn event_fd(&self) -> Option<BorrowedFd<'_>> {
        self.inotify.as_ref().map(AsFd::as_fd)
    }

    fn file(&self, fd: Fd) -> io::Result<&File> {
        let slot = self.files.get(fd.0 as usize).and_then(Option::as_ref);
        slot.ok_or_else(|| io::Error::from_raw_os_error(nix::libc::EBADF))
    }

    fn watch(&mut self, path: &Path, flags: AddWatchFlags) -> io::Result<WatchId> {
        let inotify = self.inotify.as_ref().ok_or_else(|| io::Error::from_raw_os_error(nix::libc::ENOSYS))?;
        let descriptor = inotify.add_watch(path, flags)?;
        if let Some(&known) = self.watches.get(&descriptor) {
            return Ok(known);
        }
        let id = WatchId(self.next_watch);
        self.next_watch = self.next_watch.wrapping_add(1);
        self.watches.insert(descriptor, id);
        self.descriptors.insert(id, descriptor);
        Ok(id)
    }

    fn translate(&mut self, raw: InotifyEvent, out: &mut Vec<Event>) {
        if raw.mask.contains(AddWatchFlags::IN_Q_OVERFLOW) {
            out.push(Event::Overflow);
            return;
        }
        let Some(&id) = self.watches.get(&raw.wd) else { return };
        let name = raw.name.unwrap_or_default();
        if raw.mask.contains(AddWatchFlags::IN_IGNORED) {
            self.watches.remove(&raw.wd);
            self.descriptors.remove(&id);
            out.push(Event::Gone(id));
        } else if raw.mask.contains(AddWatchFlags::IN_MODIFY) {
            // It fires once: forget it now, so that arming again before IN_IGNORED is read gets a new id.
            self.watches.remove(&raw.wd);
            self.descriptors.remove(&id);
            out.push(Event::Modified(id));
        } else if raw.mask.contains(AddWatchFlags::IN_MOVE_SELF) {
            // The directory lives on under another name: what it reports from now on is about other paths.
            self.unwatch(id);
            out.push(Event::Gone(id));
        } else if raw.mask.intersects(AddWatchFlags::IN_CREATE | AddWatchFlags::IN_MOVED_TO) {
            out.push(Event::Name(id, DirEvent::Appeared, name));
        } else if raw.mask.contains(AddWatchFlags::IN_MOVED_FROM) {
            out.push(Event::Name(id, DirEvent::MovedAway, name));
        } else if raw.mask.contains(AddWatchFlags::IN_DELETE) {
            out.push(Event::Name(id, DirEvent::Deleted, name));
        }
    }
}

impl Disk for LinuxDisk {
    fn open(&mut self, path: &Path) -> io::Result<Fd> {
        let file =
            OpenOptions::new().read(true).custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_NOCTTY).open(path)?;
        let slot = self.free.pop().unwrap_or_else(|| {
            self.files.push(None);
            (self.files.len() - 1) as u32
        });
        self.files[slot as usize] = Some(file);
        Ok(Fd(slot))
    }

    fn read_at(&mut self, fd: Fd, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.file(fd)?.read_at(into, offset)
    }

    fn fstat(&mut self, fd: Fd) -> io::Result<Stat> {
        Ok(stat_of(&self.file(fd)?.metadata()?))
    }

    fn generation(&mut self, fd: Fd) -> Option<u32> {
        version::of(self.file(fd).ok()?)
    }

    fn stat(&mut self, path: &Path) -> io::Result<Stat> {
        Ok(stat_of(&fs::metadata(path)?))
    }

    fn lstat(&mut self, path: &Path) -> io::Result<Stat> {
        Ok(stat_of(&fs::symlink_metadata(path)?))
    }

    fn readlink(&mut self, path: &Path) -> io::Result<PathBuf> {
        fs::read_link(path)
    }

    fn list(&mut self, dir: &Path) -> io::Result<Vec<OsString>> {
        fs::read_dir(dir)?.map(|entry| Ok(entry?.file_name())).collect()
    }

    fn close(&mut self, fd: Fd) {
        if self.files.get_mut(fd.0 as usize).and_then(Option::take).is_some() {
            self.free.push(fd.0);
        }
    }

    fn watch_dir(&mut self, dir: &Path) -> io::Result<WatchId> {
        use AddWatchFlags as F;
        let names = F::IN_CREATE | F::IN_MOVED_FROM | F::IN_MOVED_TO | F::IN_DELETE;
        self.watch(dir, names | F::IN_DELETE_SELF | F::IN_MOVE_SELF | F::IN_ONLYDIR)
    }

    fn watch_file(&mut self, fd: Fd) -> io::Result<WatchId> {
        let raw = self.file(fd)?.as_raw_fd();
        // By the descriptor, not by name: the name may denote another file by now.
        self.watch(Path::new(&format!("/proc/self/fd/{raw}")), AddWatchFlags::IN_MODIFY | AddWatchFlags::IN_ONESHOT)
    }

    fn unwatch(&mut self, watch: WatchId) {
        if let Some(descriptor) = self.descriptors.remove(&watch) {
            self.watches.remove(&descriptor);
            if let Some(inotify) = &self.inotify {
                // Refused only if the kernel has dropped it already.
                let _ = inotify.rm_watch(descriptor);
            }
        }
    }

    fn read_events(&mut self, max: usize) -> io::Result<Vec<Event>> {
        let mut out = Vec::new();
        while out.len() < max {
            let Some(inotify) = &self.inotify else { break };
            match inotify.read_events() {
                Ok(events) if events.is_empty() => break,
                Ok(events) => events.into_iter().for_each(|event| self.translate(event, &mut out)),
                Err(nix::errno::Errno::EAGAIN) => break,
                Err(nix::errno::Errno::EINTR) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(out)
    }
}

fn stat_of(meta: &Metadata) -> Stat {
    let kind = match meta.file_type() {
        kind if kind.is_file() => Kind::File,
        kind if kind.is_dir() => Kind::Dir,
        kind if kind.is_symlink() => Kind::Link,
        _ => Kind::Other,
    };
    let born = meta.created().ok().and_then(|at| at.duration_since(UNIX_EPOCH).ok());
    Stat {
        identity: Identity {
            dev: meta.dev(),
            ino: meta.ino(),
            generation: None,
            birth_ns: born.map(|age| age.as_nanos() as i64),
        },
        kind,
        size: meta.len(),
        nlink: meta.nlink(),
        mtime_ns: meta.mtime() * 1_000_000_000 + meta.mtime_nsec(),
    }
}
