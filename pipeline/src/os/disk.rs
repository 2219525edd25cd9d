//! What the tailer asks of a disk: one system call a call, errors true to the kernel's numbers.
//!
//! The world may move between any two calls; nothing here hides that. Implementers: [`super::LinuxDisk`], and
//! worlds of memory in tests and in the simulator.

use std::{
    ffi::OsString,
    io,
    path::{Path, PathBuf},
};

/// A file descriptor of a [`Disk`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fd(pub u32);

/// A watch of a [`Disk`]. Two watches on one inode are one watch, as with inotify.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct WatchId(pub u32);

/// Which file it is, beyond its name and beyond its inode number, which is handed out again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Identity {
    /// Device number.
    pub dev: u64,
    /// Inode number.
    pub ino: u64,
    /// Generation of the inode number, where the file system tells it for an open file.
    pub generation: Option<u32>,
    /// Birth time, nanoseconds since 1970, where the file system has one.
    pub birth_ns: Option<i64>,
}

impl Identity {
    /// Same device and inode number: enough while one of the two is held open, and only then.
    pub fn same_number(&self, other: &Self) -> bool {
        self.dev == other.dev && self.ino == other.ino
    }

    /// Nothing that both sides know tells them apart. The content has to agree as well for certainty.
    pub fn may_be(&self, other: &Self) -> bool {
        fn agree<T: PartialEq + Copy>(a: Option<T>, b: Option<T>) -> bool {
            a.is_none() || b.is_none() || a == b
        }
        let told_apart_by_device = self.dev != other.dev && (self.birth_ns.is_none() || other.birth_ns.is_none());
        self.ino == other.ino
            && !told_apart_by_device
            && agree(self.generation, other.generation)
            && agree(self.birth_ns, other.birth_ns)
    }
}

/// What kind of thing a name denotes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Dir,
    /// A symbolic link (from [`Disk::lstat`] only).
    Link,
    /// A pipe, socket or device: never read.
    Other,
}

/// What `stat` tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stat {
    /// Which file.
    pub identity: Identity,
    /// What it is.
    pub kind: Kind,
    /// Bytes.
    pub size: u64,
    /// Number of names; 0 for an unlinked file that is still open.
    pub nlink: u64,
    /// Last change of the content, nanoseconds since 1970.
    pub mtime_ns: i64,
}

/// What happened to a name in a watched directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DirEvent {
    /// Created, linked or moved here.
    Appeared,
    /// Moved away.
    MovedAway,
    /// Unlinked.
    Deleted,
}

/// One notification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A name of a watched directory changed.
    Name(WatchId, DirEvent, OsString),
    /// A watched file was written to; the watch is gone (it fires once).
    Modified(WatchId),
    /// The watch is gone: its directory was deleted, moved or unmounted.
    Gone(WatchId),
    /// Notifications were lost.
    Overflow,
}

/// Where files are. Every method is one system call and fails with the kernel's error number.
pub trait Disk {
    /// Opens a regular file for reading, following links; never blocks on a pipe.
    fn open(&mut self, path: &Path) -> io::Result<Fd>;
    /// Reads at an offset; fewer bytes than asked for means that the end was there a moment ago.
    fn read_at(&mut self, fd: Fd, offset: u64, into: &mut [u8]) -> io::Result<usize>;
    /// What an open file is now. Carries no generation of the inode number; see [`Disk::generation`].
    fn fstat(&mut self, fd: Fd) -> io::Result<Stat>;
    /// The generation of the inode number of an open file, if the file system has one.
    fn generation(&mut self, fd: Fd) -> Option<u32>;
    /// What a path denotes, links followed.
    fn stat(&mut self, path: &Path) -> io::Result<Stat>;
    /// What a path denotes, the last link not followed.
    fn lstat(&mut self, path: &Path) -> io::Result<Stat>;
    /// The text of a link.
    fn readlink(&mut self, path: &Path) -> io::Result<PathBuf>;
    /// The names in a directory, in any order.
    fn list(&mut self, dir: &Path) -> io::Result<Vec<OsString>>;
    /// Gives a descriptor back.
    fn close(&mut self, fd: Fd);
    /// Asks for events about names in a directory (never about writes). Idempotent.
    fn watch_dir(&mut self, dir: &Path) -> io::Result<WatchId>;
    /// Asks for one event at the next write to the file behind this descriptor, whatever its name is now.
    fn watch_file(&mut self, fd: Fd) -> io::Result<WatchId>;
    /// Takes a watch back.
    fn unwatch(&mut self, watch: WatchId);
    /// Notifications that wait, at most about `max`; never blocks.
    fn read_events(&mut self, max: usize) -> io::Result<Vec<Event>>;
}
