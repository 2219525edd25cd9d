//! What a load did, and what failed while it ran.

use results::identity::StreamId;

use super::Lateness;

/// A write, open or booking that failed while the load was running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WriteFault {
    /// The stream.
    pub stream: StreamId,
    /// When, microseconds since the start of the run.
    pub at_us: u64,
    /// Records lost by it at the source.
    pub lost: u64,
    /// What was tried, on which file, and what the system says.
    pub error: String,
}

/// What a load did.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LoadReport {
    /// Per stream.
    pub streams: Vec<StreamReport>,
    /// How late the load ever was.
    pub late: Lateness,
    /// Failures, the first thousand.
    pub errors: Vec<WriteFault>,
    /// Number of all failures.
    pub error_count: u64,
}

/// What one stream did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StreamReport {
    /// Records attempted: all but those lost at the source are in files.
    pub records: u64,
    /// Bytes in files, with framing.
    pub bytes: u64,
    /// Files opened.
    pub generations: u32,
}
