//! A disk of memory with inode numbers that are handed out again, notifications that coalesce and overflow, and a
//! script of one-call steps that the world takes between any two calls of the tailer.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    ffi::OsString,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use crate::os::{DirEvent, Disk, Event, Fd, Identity, Stat, WatchId, disk::Kind};

/// What the world does in one go.
#[derive(Debug, Clone)]
pub(super) enum Prim {
    /// The writer appends a record to the file it has open.
    Write,
    Rename(PathBuf, PathBuf),
    /// The writer creates a file at the path and goes on in it.
    Create(PathBuf),
    /// Writes a compressed copy; the first half of it, or all.
    Pack {
        from: PathBuf,
        to: PathBuf,
        half: bool,
    },
    /// Copies a file.
    Copy(PathBuf, PathBuf),
    Truncate(PathBuf),
    Unlink(PathBuf),
    Link {
        at: PathBuf,
        to: PathBuf,
    },
}

#[derive(Debug, Default)]
pub(super) struct Inode {
    number: u64,
    birth: i64,
    mtime: i64,
    nlink: u64,
    opens: u32,
    pub(super) data: Vec<u8>,
}

#[derive(Debug, Clone)]
enum Node {
    File(u64),
    Link(PathBuf),
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) script: VecDeque<Prim>,
    nodes: BTreeMap<PathBuf, Node>,
    pub(super) inodes: BTreeMap<u64, Inode>,
    dirs: BTreeMap<PathBuf, i64>,
    fds: Vec<Option<u64>>,
    free: Vec<u64>,
    next: u64,
    clock: i64,
    watches: BTreeMap<WatchId, Result<PathBuf, u64>>,
    next_watch: u32,
    events: VecDeque<Event>,
    pub(super) cap: usize,
    pub(super) births: bool,
    pub(super) generations: bool,
    pub(super) refuse_watches: bool,
    writer: u64,
    pub(super) written: u64,
    /// Files that the tailer had open in this life.
    pub(super) opened: BTreeSet<u64>,
    /// Chance in 256 that the world moves before a call.
    pub(super) pace: u8,
    random: u64,
    pub(super) reused: u32,
}

fn errno(number: i32) -> io::Error {
    io::Error::from_raw_os_error(number)
}

impl World {
    pub(super) fn new(dirs: &[&str], seed: u64) -> Self {
        let dirs = dirs.iter().map(|dir| (PathBuf::from(dir), 0)).collect();
        Self {
            dirs,
            random: seed | 1,
            cap: 1000,
            births: true,
            generations: true,
            pace: 128,
            next: 100,
            ..Self::default()
        }
    }

    pub(super) fn random(&mut self, below: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % below
    }

    /// The record with a number, as a line.
    pub(super) fn line(seq: u64) -> Vec<u8> {
        format!("record {seq:06} {}\n", "x".repeat((seq * 7 % 23) as usize)).into_bytes()
    }

    /// The agent dies: its descriptors and watches are gone.
    pub(super) fn agent_died(&mut self) {
        (0..self.fds.len()).for_each(|fd| self.close(Fd(fd as u32)));
        self.watches.clear();
        self.events.clear();
        self.opened.clear();
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.nodes.contains_key(Path::new(path))
    }

    fn move_on(&mut self) {
        while self.random(256) < u64::from(self.pace) {
            let Some(prim) = self.script.pop_front() else { return };
            self.perform(prim);
        }
    }

    pub(super) fn perform(&mut self, prim: Prim) {
        self.clock += 1;
        match prim {
            Prim::Write => {
                let line = Self::line(self.written);
                self.written += 1;
                let writer = self.writer;
                self.append(writer, &line);
            }
            Prim::Rename(from, to) => {
                if let Some(node) = self.nodes.remove(&from) {
                    self.tell(&from, DirEvent::MovedAway);
                    self.put(&to, node);
                }
            }
            Prim::Create(path) => {
                self.writer = self.create(&path);
            }
            Prim::Pack { from, to, half } => {
                let Some(data) = self.data(&from) else { return };
                let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
                packed.write_all(&data).unwrap();
                let mut packed = packed.finish().unwrap();
                if half {
                    packed.truncate(packed.len() / 2);
                }
                let inode = if let Some(Node::File(inode)) = self.nodes.get(&to) { *inode } else { self.create(&to) };
                self.inodes.get_mut(&inode).unwrap().data = packed;
            }
            Prim::Copy(from, to) => {
                let Some(data) = self.data(&from) else { return };
                let copy = self.create(&to);
                self.append(copy, &data);
            }
            Prim::Truncate(path) => {
                if let Some(&Node::File(inode)) = self.nodes.get(&path) {
                    self.inodes.get_mut(&inode).unwrap().data.clear();
                    self.append(inode, b"");
                }
            }
            Prim::Unlink(path) => {
                if let Some(node) = self.nodes.remove(&path) {
                    self.tell(&path, DirEvent::Deleted);
                    self.unlinked(&node);
                }
            }
            Prim::Link { at, to } => self.put(&at, Node::Link(to)),
        }
    }

    fn data(&self, path: &Path) -> Option<Vec<u8>> {
        match self.nodes.get(path) {
            Some(Node::File(inode)) => Some(self.inodes[inode].data.clone()),
            _ => None,
        }
    }

    fn append(&mut self, inode: u64, bytes: &[u8]) {
        let Some(file) = self.inodes.get_mut(&inode) else { return };
        file.data.extend_from_slice(bytes);
        file.mtime = self.clock;
        let hit = self.watches.iter().find(|(_, what)| **what == Err(inode)).map(|(&watch, _)| watch);
        if let Some(watch) = hit {
            self.watches.remove(&watch);
            self.queue(Event::Modified(watch));
        }
    }

    fn create(&mut self, path: &Path) -> u64 {
        self.clock += 1;
        self.next += 1;
        let number = self.free.pop().inspect(|_| self.reused += 1).unwrap_or(self.next);
        let inode = Inode { number, birth: self.clock, mtime: self.clock, ..Inode::default() };
        self.inodes.insert(self.next, inode);
        let id = self.next;
        self.put(path, Node::File(id));
        id
    }

    fn put(&mut self, path: &Path, node: Node) {
        if let Node::File(inode) = node {
            self.inodes.get_mut(&inode).unwrap().nlink = 1;
        }
        if let Some(old) = self.nodes.insert(path.to_owned(), node) {
            self.unlinked(&old);
        }
        self.tell(path, DirEvent::Appeared);
    }

    fn unlinked(&mut self, node: &Node) {
        if let Node::File(inode) = *node {
            self.inodes.get_mut(&inode).unwrap().nlink = 0;
            self.reap(inode);
        }
    }

    /// The number of a file without names and descriptors is free again.
    fn reap(&mut self, inode: u64) {
        let file = &self.inodes[&inode];
        if file.nlink == 0 && file.opens == 0 && self.writer != inode {
            self.free.push(file.number);
            self.inodes.remove(&inode);
        }
    }

    fn tell(&mut self, path: &Path, what: DirEvent) {
        let dir = path.parent().unwrap();
        *self.dirs.get_mut(dir).unwrap() = self.clock;
        let hit = self.watches.iter().find(|(_, watched)| watched.as_deref() == Ok(dir)).map(|(&watch, _)| watch);
        if let Some(watch) = hit {
            self.queue(Event::Name(watch, what, path.file_name().unwrap().to_owned()));
        }
    }

    fn queue(&mut self, event: Event) {
        if self.events.back() == Some(&event) || self.events.back() == Some(&Event::Overflow) {
        } else if self.events.len() >= self.cap {
            self.events.push_back(Event::Overflow);
        } else {
            self.events.push_back(event);
        }
    }

    fn walk(&self, path: &Path) -> io::Result<u64> {
        let mut path = path.to_owned();
        for _ in 0..8 {
            match self.nodes.get(&path) {
                Some(Node::File(inode)) => return Ok(*inode),
                Some(Node::Link(to)) => path = to.clone(),
                None => return Err(errno(nix::libc::ENOENT)),
            }
        }
        Err(errno(nix::libc::ELOOP))
    }

    fn stat_of(&self, inode: u64) -> Stat {
        let file = &self.inodes[&inode];
        let birth_ns = self.births.then_some(file.birth);
        Stat {
            identity: Identity { dev: 1, ino: file.number, generation: None, birth_ns },
            kind: Kind::File,
            size: file.data.len() as u64,
            nlink: file.nlink,
            mtime_ns: file.mtime,
        }
    }

    fn node_stat(kind: Kind, mtime_ns: i64) -> Stat {
        Stat { identity: Identity { dev: 1, ino: 2, ..Identity::default() }, kind, size: 0, nlink: 1, mtime_ns }
    }

    fn inode(&self, fd: Fd) -> io::Result<u64> {
        self.fds.get(fd.0 as usize).copied().flatten().ok_or_else(|| errno(nix::libc::EBADF))
    }

    fn watch(&mut self, what: Result<PathBuf, u64>) -> io::Result<WatchId> {
        if self.refuse_watches {
            return Err(errno(nix::libc::ENOSPC));
        }
        if let Some((&watch, _)) = self.watches.iter().find(|(_, known)| **known == what) {
            return Ok(watch);
        }
        self.next_watch += 1;
        self.watches.insert(WatchId(self.next_watch), what);
        Ok(WatchId(self.next_watch))
    }

    pub(super) fn open_files(&self) -> usize {
        self.fds.iter().flatten().count()
    }
}

impl Disk for World {
    fn open(&mut self, path: &Path) -> io::Result<Fd> {
        self.move_on();
        let inode = self.walk(path)?;
        self.inodes.get_mut(&inode).unwrap().opens += 1;
        self.opened.insert(inode);
        self.fds.push(Some(inode));
        Ok(Fd((self.fds.len() - 1) as u32))
    }
    fn read_at(&mut self, fd: Fd, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        self.move_on();
        let data = &self.inodes[&self.inode(fd)?].data;
        let rest = data.get(offset as usize..).unwrap_or(&[]);
        let n = rest.len().min(into.len());
        into[..n].copy_from_slice(&rest[..n]);
        Ok(n)
    }
    fn fstat(&mut self, fd: Fd) -> io::Result<Stat> {
        self.move_on();
        Ok(self.stat_of(self.inode(fd)?))
    }
    fn generation(&mut self, fd: Fd) -> Option<u32> {
        self.generations.then(|| self.inode(fd).ok()).flatten().map(|inode| inode as u32)
    }
    fn stat(&mut self, path: &Path) -> io::Result<Stat> {
        self.move_on();
        if let Some(&mtime) = self.dirs.get(path) {
            return Ok(Self::node_stat(Kind::Dir, mtime));
        }
        Ok(self.stat_of(self.walk(path)?))
    }
    fn lstat(&mut self, path: &Path) -> io::Result<Stat> {
        self.move_on();
        match self.nodes.get(path) {
            Some(Node::Link(_)) => Ok(Self::node_stat(Kind::Link, 0)),
            Some(Node::File(inode)) => Ok(self.stat_of(*inode)),
            None if self.dirs.keys().any(|dir| dir.starts_with(path)) => Ok(Self::node_stat(Kind::Dir, 0)),
            None => Err(errno(nix::libc::ENOENT)),
        }
    }
    fn readlink(&mut self, path: &Path) -> io::Result<PathBuf> {
        self.move_on();
        match self.nodes.get(path) {
            Some(Node::Link(to)) => Ok(to.clone()),
            _ => Err(errno(nix::libc::EINVAL)),
        }
    }
    fn list(&mut self, dir: &Path) -> io::Result<Vec<OsString>> {
        self.move_on();
        let inside = self.nodes.keys().filter(|path| path.parent() == Some(dir));
        Ok(inside.map(|path| path.file_name().unwrap().to_owned()).collect())
    }
    fn close(&mut self, fd: Fd) {
        if let Some(inode) = self.fds[fd.0 as usize].take() {
            self.inodes.get_mut(&inode).unwrap().opens -= 1;
            self.watches.retain(|_, what| *what != Err(inode) || self.inodes[&inode].opens > 0);
            self.reap(inode);
        }
    }
    fn watch_dir(&mut self, dir: &Path) -> io::Result<WatchId> {
        self.move_on();
        self.watch(Ok(dir.to_owned()))
    }
    fn watch_file(&mut self, fd: Fd) -> io::Result<WatchId> {
        self.move_on();
        let inode = self.inode(fd)?;
        self.watch(Err(inode))
    }
    fn unwatch(&mut self, watch: WatchId) {
        self.watches.remove(&watch);
    }
    fn read_events(&mut self, max: usize) -> io::Result<Vec<Event>> {
        self.move_on();
        let n = self.events.len().min(max);
        Ok(self.events.drain(..n).collect())
    }
}
