//! The one way in which books change: live, when a file is loaded, and when a snapshot is written.
//!
//! Entries add and never take back, so any prefix of the entries of a run is a set of books of its own.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::Again;
use crate::bitmap::PageWords;

/// Why a surplus copy of a record is allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Allowance {
    /// It was in flight when the agent went down.
    InFlight,
    /// The sink had it, and the answer was lost on purpose.
    AnswerLost,
}

/// What is wrong with a text that should have been one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Damage {
    /// No trace of a stamp.
    NoStamp,
    /// The text ends within the stamp.
    StampCut,
    /// Several records in one text.
    Merged,
    /// Shorter than the record was.
    Cut,
    /// Longer than the record was.
    Longer,
    /// Bytes were overwritten with NUL.
    NulFilled,
    /// Right length, other bytes.
    Changed,
}

impl Damage {
    /// Every kind, in the order of the file format.
    pub const ALL: [Self; 7] =
        [Self::NoStamp, Self::StampCut, Self::Merged, Self::Cut, Self::Longer, Self::NulFilled, Self::Changed];

    /// The word for sentences: "cut", "merged with another", ….
    pub fn word(self) -> &'static str {
        match self {
            Self::NoStamp => "without a stamp",
            Self::StampCut => "cut within the stamp",
            Self::Merged => "merged with another",
            Self::Cut => "cut",
            Self::Longer => "longer than written",
            Self::NulFilled => "NUL-filled",
            Self::Changed => "changed",
        }
    }
}

/// How far a stream has come. Each field only grows.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Marks {
    /// One past the last record that may have been written; on disk before any of them is.
    pub reserved: u64,
    /// One past the last record booked before its write.
    pub sent: u64,
    /// One past the last record whose write returned.
    pub written: u64,
    /// Bytes written, with framing.
    pub bytes: u64,
}

/// Something that is added to the books: one kind of entry for each thing the books keep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Entry {
    /// A stream came further.
    Marks { stream: u16, marks: Marks },
    /// Records were lost before any agent could read them.
    SourceLost { stream: u16, seqs: Range<u64> },
    /// Why, and how many.
    SourceLostWhy { stream: u16, why: String, count: u64 },
    /// Records arrived whole for the first time.
    Arrived { stream: u16, seqs: Range<u64> },
    /// The same, as the bits of one page; in snapshots, where a page has many gaps.
    ArrivedPage { stream: u16, page: u64, words: Box<PageWords> },
    /// Records arrived whole once more for each copy.
    Surplus { stream: u16, seqs: Range<u64>, copies: u64 },
    /// Surplus copies beyond what can be kept by name.
    SurplusUnnamed { stream: u16, count: u64 },
    /// When surplus copies arrived.
    Again { stream: u16, again: Again },
    /// So many of the surplus copies are allowed.
    Allowed { stream: u16, seqs: Range<u64>, times: u64, allowance: Allowance },
    /// Damaged copies of known records arrived.
    Damaged { stream: u16, seqs: Range<u64>, copies: u64 },
    /// Damaged copies beyond what can be kept by name.
    DamagedUnnamed { stream: u16, count: u64 },
    /// Records arrived after a later one of their stream.
    Reordered { stream: u16, seqs: Range<u64>, count: u64 },
    /// Records arrived under a wrong label.
    Misattributed { stream: u16, seqs: Range<u64>, count: u64 },
    /// Which label, and how many.
    SeenUnder { stream: u16, label: String, count: u64 },
    /// Records of a route were lost before any agent could read them, and only their number is known: so many more, give or
    /// take the slack.
    SourceLostCount { route: u8, why: String, count: u64, slack: u64 },
    /// Damaged texts by kind, of known and unknown records.
    DamageKind { route: u8, damage: Damage, count: u64 },
    /// Damaged texts of unknown records arrived.
    Unidentified { route: u8, count: u64 },
    /// So many of those may be the beginning of a record: short of a stamp, and not otherwise damaged.
    Fragments { route: u8, count: u64 },
    /// Writes of the bench that failed half-way, and left the beginning of a record behind.
    Torn { route: u8, count: u64 },
    /// Texts arrived that nobody sent.
    Unexpected { route: u8, count: u64 },
    /// What an unknown text looked like.
    Example { route: u8, text: String },
}
