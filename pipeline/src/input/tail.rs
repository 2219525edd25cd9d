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
//! reconcile  a name against what is on the disk: successors, missed generations, renames back
//! turn       one name reads        book      what is delivered, what has to be stored
//! ```

pub mod plan;

pub use plan::TailPlan;

use std::path::PathBuf;

use crate::{
    checkpoint::CheckpointEntry,
    chunk::{Ack, Chunk},
    defects::Defect,
    os::{Disk, Identity},
};

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
    counters: TailCounters,
}

impl Tailer {
    /// A tailer that continues where the restored entries end.
    pub fn new(plan: TailPlan, restored: Vec<CheckpointEntry>, defect: Option<Defect>) -> Self {
        let _ = (plan, restored, defect);
        Self { counters: TailCounters::default() }
    }

    /// Does a little: handles notifications, looks at one name, or reads one chunk. `now_ms` is monotonic; `room` is
    /// how many bytes the buffer still takes: without room nothing is read, everything else goes on.
    pub fn step(&mut self, disk: &mut impl Disk, now_ms: u64, room: usize) -> Step {
        let _ = (disk, now_ms, room);
        Step::Idle { until_ms: None }
    }

    /// Takes note of what was delivered.
    pub fn acked(&mut self, acks: &[Ack]) {
        let _ = acks;
    }

    /// The entries that changed since the last call and have to be stored now.
    pub fn dirty(&mut self) -> Option<Vec<CheckpointEntry>> {
        None
    }

    /// Whether everything that was on the disk when it was last looked at is read and delivered.
    pub fn drained(&self) -> bool {
        true
    }

    /// Every open file.
    pub fn status(&self) -> Vec<FileStatus> {
        Vec::new()
    }

    /// What happened so far.
    pub fn counters(&self) -> TailCounters {
        self.counters
    }

    /// Gives a chunk's buffer back for reuse.
    pub fn recycle(&mut self, buffer: Vec<u8>) {
        drop(buffer);
    }
}
