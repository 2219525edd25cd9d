//! What is remembered of one file, one end of the agent, one fault of the sink.

use super::words::short;
use crate::event::FileId;

/// One file of a stream, over its life.
#[derive(Debug, Clone)]
pub(super) struct Life {
    pub(super) stream: u16,
    pub(super) generation: u32,
    pub(super) path: String,
    pub(super) file: FileId,
    pub(super) first_seq: u64,
    /// One past its last record; the end of the stream while it is open.
    pub(super) end_seq: u64,
    pub(super) opened_us: u64,
    pub(super) closed_us: Option<u64>,
    pub(super) renamed: Option<(u64, String)>,
    pub(super) unlinked: Option<Unlinked>,
    pub(super) archived: Option<(u64, String)>,
    /// Index of the latest earlier file, of any stream, that had the same number.
    pub(super) number_of: Option<usize>,
}

impl Life {
    /// True for the very file; another one that had the same number, such as an archive, was born at another time.
    pub(super) fn is(&self, file: FileId) -> bool {
        let same_birth = self.file.born_ns == file.born_ns || self.file.born_ns == 0 || file.born_ns == 0;
        (self.file.device, self.file.inode) == (file.device, file.inode) && same_birth && self.unlinked.is_none()
    }
}

/// The end of a file's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unlinked {
    pub(super) t_us: u64,
    /// The name it had last.
    pub(super) path: String,
    /// Whether the agent had it open just before; `None` where nobody looked.
    pub(super) held: Option<bool>,
}

/// A fault of a sink or of a link, while it was in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Trouble {
    pub(super) id: u32,
    pub(super) name: String,
    /// The route or the link; empty where there is one sink only.
    pub(super) on: String,
    /// What it came to.
    pub(super) detail: String,
    pub(super) from_us: u64,
    pub(super) until_us: Option<u64>,
}

impl Trouble {
    /// Microseconds of a stretch of time in which it was in force.
    pub(super) fn within(&self, from_us: u64, to_us: u64) -> u64 {
        self.until_us.unwrap_or(u64::MAX).min(to_us).saturating_sub(self.from_us.max(from_us))
    }
}

/// When the agent ended, and whether it came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Ending {
    pub(super) t_us: u64,
    /// Name of the process; empty if it is the only one.
    pub(super) process: String,
    pub(super) how: String,
    pub(super) restarted_us: Option<u64>,
}

impl Ending {
    /// Who it was that ended, for sentences.
    pub(super) fn who(&self) -> String {
        if self.process.is_empty() { "the agent".to_owned() } else { short(&self.process) }
    }
}
