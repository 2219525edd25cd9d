//! The tailer: files in, whole lines out, nothing lost at a rotation.
//!
//! Straight-line code against [`Disk`]; time is an argument. What every part is for:
//!
//! ```text
//! plan       what to tail          glob      which paths match
//! watch      directories and names that are watched, and for whom
//! lineage    one name and its generations, oldest first: the order of delivery
//! file       one generation: offset, marker, whole lines    archive  a generation that is gzip by now
//! resolve    links of a name       siblings  rotated names beside it, in order of age
//! reconcile  a name against what is on the disk: successors, renames back    recover   generations that were missed
//! discover   scans and notifications    turn    one name reads    book    what is delivered, what has to be stored
//! ```

mod archive;
mod book;
pub(crate) mod config;
mod discover;
mod file;
pub(crate) mod glob;
mod lineage;
mod lines;
pub mod plan;
mod reconcile;
mod recover;
mod resolve;
pub(crate) mod siblings;
mod turn;
mod watch;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    path::PathBuf,
};

pub use plan::TailPlan;

use self::{book::Book, file::Generation, glob::Pattern, lineage::Lineage, watch::Watches};

use crate::{
    checkpoint::CheckpointEntry,
    chunk::{Ack, Chunk},
    defects::Defect,
    os::{Disk, Identity, WatchId},
};

/// Buffers kept for reuse.
const POOL_MAX: usize = 8;
/// Buffers up to twice this are worth keeping whatever the plan says, bytes.
const READ_FLOOR: usize = 64 << 10;
/// Defect `checkpoint-lag`: how long an offset waits to be stored, ms.
const CHECKPOINT_LAG_MS: u64 = 10_000;

/// What a step came to.
#[derive(Debug)]
pub enum Step {
    /// Something was done; there may be more at once.
    Again,
    /// Whole lines.
    Chunk(Chunk),
    /// Nothing to do before a notification, an ack that makes room, or this time.
    Idle {
        /// Monotonic ms, the clock of `now_ms`.
        until_ms: Option<u64>,
    },
}

/// Where a file stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileState {
    /// Its name denotes it.
    Live,
    /// Renamed away; read to its end before its successor.
    Rotated,
    /// No name denotes it any more; still read to its end.
    Unlinked,
    /// Read from a compressed archive.
    Archive,
}

/// One open file, for the log and the health page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileStatus {
    /// The name under which it is followed.
    pub path: PathBuf,
    /// Which file.
    pub identity: Identity,
    /// Everything before it was read, bytes.
    pub offset_read: u64,
    /// Everything before it was delivered, bytes.
    pub offset_acked: u64,
    /// Its size when last looked at, bytes.
    pub size: u64,
    /// Where it stands.
    pub state: FileState,
}

/// What happened so far, counted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TailCounters {
    /// Files opened for reading.
    pub files_opened: u64,
    /// Files read to their end and closed.
    pub files_closed: u64,
    /// Successors that took over a name.
    pub rotations: u64,
    /// Generations found under a rotated name only.
    pub recovered: u64,
    /// Of these, read from a compressed archive.
    pub archives: u64,
    /// Checkpointed files that are nowhere to be found.
    pub missing: u64,
    /// Files that were cut or replaced in place and read again from their beginning.
    pub truncations: u64,
    /// Lines longer than allowed, dropped or cut.
    pub long_lines: u64,
    /// Times that notifications were lost and everything was looked at again.
    pub overflows: u64,
    /// Watches that were refused; the files are polled.
    pub watches_refused: u64,
    /// Times that a file had to wait for a descriptor.
    pub open_limit: u64,
    /// Reads and opens that failed for another reason.
    pub errors: u64,
    /// Bytes handed out in chunks.
    pub bytes: u64,
}

/// The tailer.
#[derive(Debug)]
pub struct Tailer {
    plan: TailPlan,
    defect: Option<Defect>,
    patterns: Vec<Pattern>,
    lineages: BTreeMap<u64, Lineage>,
    by_path: BTreeMap<PathBuf, u64>,
    next_lineage: u64,
    /// Open files by source id.
    files: BTreeMap<u64, Generation>,
    /// Open files by device and inode number: unique while they are open.
    numbers: BTreeMap<(u64, u64), u64>,
    file_watches: BTreeMap<WatchId, u64>,
    watches: Watches,
    book: Book,
    /// Names to look at.
    checks: VecDeque<u64>,
    /// Names with something to read, in turn.
    ready: VecDeque<u64>,
    looks: BTreeSet<(u64, u64)>,
    wakes: BTreeSet<(u64, u64)>,
    next_scan: u64,
    events_ms: Option<u64>,
    started: bool,
    now: u64,
    pool: Vec<Vec<u8>>,
    counters: TailCounters,
    /// Defect: every number that was ever open.
    stale: BTreeSet<(u64, u64)>,
    /// Defect: files that were renamed once, and when.
    doomed: BTreeMap<u64, u64>,
    /// Defect: when entries were last given out.
    stored_ms: u64,
}

impl Tailer {
    /// A tailer that continues where the restored entries end.
    pub fn new(plan: TailPlan, restored: Vec<CheckpointEntry>, defect: Option<Defect>) -> Self {
        let mut book = Book::restored(restored);
        book.early = defect == Some(Defect::CheckpointBeforeDelivery);
        Self {
            patterns: plan.paths.iter().map(|path| Pattern::new(path)).collect(),
            watches: Watches::new(plan.inotify),
            book,
            plan,
            defect,
            lineages: BTreeMap::new(),
            by_path: BTreeMap::new(),
            next_lineage: 1,
            files: BTreeMap::new(),
            numbers: BTreeMap::new(),
            file_watches: BTreeMap::new(),
            checks: VecDeque::new(),
            ready: VecDeque::new(),
            looks: BTreeSet::new(),
            wakes: BTreeSet::new(),
            next_scan: 0,
            events_ms: None,
            started: false,
            now: 0,
            pool: Vec::new(),
            counters: TailCounters::default(),
            stale: BTreeSet::new(),
            doomed: BTreeMap::new(),
            stored_ms: 0,
        }
    }

    /// Does a little: handles notifications, looks at one name, or reads one chunk. `now_ms` is monotonic; `room` is
    /// how many bytes the buffer still takes: without room nothing is read, everything else goes on.
    pub fn step(&mut self, disk: &mut impl Disk, now_ms: u64, room: usize) -> Step {
        self.now = self.now.max(now_ms);
        if !self.started || self.now >= self.next_scan {
            self.refresh(disk, false);
            return Step::Again;
        }
        if self.events_ms != Some(self.now) && self.take_events(disk) {
            return Step::Again;
        }
        self.take_timers();
        if let Some(id) = self.checks.pop_front() {
            if let Some(lineage) = self.lineages.get_mut(&id) {
                lineage.in_checks = false;
                self.check(disk, id);
            }
            return Step::Again;
        }
        if room > 0
            && let Some(id) = self.ready.pop_front()
        {
            if let Some(lineage) = self.lineages.get_mut(&id) {
                lineage.in_ready = false;
            }
            return self.turn(disk, id, room).map_or(Step::Again, Step::Chunk);
        }
        if self.take_events(disk) {
            return Step::Again;
        }
        let timers = [self.looks.first(), self.wakes.first()];
        let first = timers.into_iter().flatten().map(|&(at, _)| at).chain([self.next_scan]).min();
        Step::Idle { until_ms: first }
    }

    /// Takes note of what was delivered.
    pub fn acked(&mut self, acks: &[Ack]) {
        for ack in acks {
            self.book.acked(ack);
        }
    }

    /// The entries that changed since the last call and have to be stored now.
    pub fn dirty(&mut self) -> Option<Vec<CheckpointEntry>> {
        if self.defect == Some(Defect::CheckpointLag) {
            if self.now < self.stored_ms + CHECKPOINT_LAG_MS {
                return None;
            }
            self.stored_ms = self.now;
        }
        self.book.take_dirty()
    }

    /// Whether everything that was on the disk when it was last looked at is read and delivered.
    pub fn drained(&self) -> bool {
        let looking = !self.started
            || !self.checks.is_empty()
            || self.lineages.values().any(|name| name.recover && name.live.is_some());
        !looking && self.book.settled() && !self.files.values().any(Generation::is_behind)
    }

    /// How far the file of this identity has been read, its unfinished last line included; 0 for a file that is not known.
    pub fn seen(&self, identity: &Identity) -> u64 {
        let open = self.numbers.get(&(identity.dev, identity.ino)).and_then(|id| self.files.get(id));
        match open {
            Some(file) if file.identity.may_be(identity) => file.seen,
            _ => self.book.read(identity),
        }
    }

    /// Every open file.
    pub fn status(&self) -> Vec<FileStatus> {
        let status = |(&id, file): (&u64, &Generation)| FileStatus {
            path: file.source.path.clone(),
            identity: file.identity,
            offset_read: file.offset,
            offset_acked: self.book.page(id).map_or(0, |page| page.entry.offset),
            size: file.seen,
            state: file.state,
        };
        self.files.iter().map(status).collect()
    }

    /// What happened so far.
    pub fn counters(&self) -> TailCounters {
        self.counters
    }

    /// Gives a chunk's buffer back for reuse.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        if self.pool.len() < POOL_MAX && buffer.capacity() <= 2 * self.plan.chunk_bytes.max(READ_FLOOR) {
            self.pool.push(buffer);
        }
    }

    fn take_timers(&mut self) {
        while let Some(&(at, id)) = self.looks.first().filter(|(at, _)| *at <= self.now) {
            self.looks.remove(&(at, id));
            if let Some(lineage) = self.lineages.get_mut(&id) {
                lineage.look_ms = None;
            }
            self.look_soon(id);
        }
        while let Some(&(at, id)) = self.wakes.first().filter(|(at, _)| *at <= self.now) {
            self.wakes.remove(&(at, id));
            if let Some(lineage) = self.lineages.get_mut(&id) {
                lineage.wake_ms = None;
            }
            self.read_soon(id);
        }
    }

    /// Puts a name in line to be looked at.
    fn look_soon(&mut self, id: u64) {
        if let Some(lineage) = self.lineages.get_mut(&id)
            && !std::mem::replace(&mut lineage.in_checks, true)
        {
            self.checks.push_back(id);
        }
    }

    /// Looks at a name at `at` ms, or earlier if that was planned.
    fn look_at(&mut self, id: u64, at: u64) {
        if let Some(lineage) = self.lineages.get_mut(&id)
            && lineage.look_ms.is_none_or(|planned| planned > at)
        {
            lineage.look_ms.replace(at).map(|old| self.looks.remove(&(old, id)));
            self.looks.insert((at, id));
        }
    }

    /// Puts a name in line to read.
    fn read_soon(&mut self, id: u64) {
        if let Some(lineage) = self.lineages.get_mut(&id)
            && !std::mem::replace(&mut lineage.in_ready, true)
        {
            self.ready.push_back(id);
        }
    }

    /// Reads from a name at `at` ms, or earlier if that was planned.
    fn wake_at(&mut self, id: u64, at: u64) {
        if let Some(lineage) = self.lineages.get_mut(&id)
            && lineage.wake_ms.is_none_or(|planned| planned > at)
        {
            lineage.wake_ms.replace(at).map(|old| self.wakes.remove(&(old, id)));
            self.wakes.insert((at, id));
        }
    }

    /// A watched file was written to.
    fn modified(&mut self, watch: WatchId) {
        let Some(file) = self.file_watches.remove(&watch) else { return };
        if let Some(generation) = self.files.get_mut(&file) {
            (generation.watch, generation.at_end) = (None, false);
            let lineage = generation.source.lineage;
            self.read_soon(lineage);
        }
    }
}

#[cfg(test)]
mod tests;
