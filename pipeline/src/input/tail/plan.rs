//! What to tail and how, every default settled.

use crate::parse::pattern::Pattern;

/// What to tail and how.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the configuration")]
pub struct TailPlan {
    /// Absolute paths; `*` and `?` match within one component.
    pub paths: Vec<String>,
    /// Paths that are not tailed although they match; `*` and `?` as in `paths`, `*` also within a whole path.
    pub exclude: Vec<String>,
    /// The tag of the records; `*` becomes the path with `/` turned into `.`.
    pub tag: String,
    /// What of the path the tag may name: each group as `<name>`.
    pub tag_regex: Option<Pattern>,
    /// Files whose content is older than this are not begun, ms.
    pub ignore_older_ms: Option<u64>,
    /// Full scan and check of every name, ms. The safety net: events come sooner.
    pub refresh_interval_ms: u64,
    /// How long a rotated file must have been quiet, its end reached, before it is closed, ms.
    pub rotate_wait_ms: u64,
    /// Files found at the very first start: true reads them from their beginning, false from their end.
    pub read_from_head: bool,
    /// Bytes of one read, and of one turn of a file.
    pub chunk_bytes: usize,
    /// Longest line, bytes, without its LF.
    pub max_line_bytes: usize,
    /// A longer line: true drops it, false cuts it.
    pub skip_long_lines: bool,
    /// Use notifications; false polls.
    pub inotify: bool,
    /// How often a file without notifications is looked at, ms.
    pub poll_ms: u64,
    /// How long a file rests after data before it is read again, ms, so that reads are large.
    pub rest_ms: u64,
    /// Descriptors that may be open; more files wait, and that is counted.
    pub max_open_files: usize,
    /// How long a name that has vanished is remembered, ms.
    pub forget_after_ms: u64,
    /// When the tailer started, nanoseconds since 1970: rotated files born later belong to names found later.
    pub started_ns: i64,
    /// Checkpoints are kept, so the ids of files outlive the process.
    pub keeps: bool,
}

impl TailPlan {
    /// The defaults for some paths.
    pub fn new(paths: Vec<String>) -> Self {
        Self {
            paths,
            exclude: Vec::new(),
            tag: "tail.*".to_owned(),
            tag_regex: None,
            ignore_older_ms: None,
            refresh_interval_ms: 10_000,
            rotate_wait_ms: 5_000,
            read_from_head: true,
            chunk_bytes: 256 << 10,
            max_line_bytes: 1 << 20,
            skip_long_lines: true,
            inotify: true,
            poll_ms: 50,
            rest_ms: 10,
            max_open_files: 16_384,
            forget_after_ms: 600_000,
            started_ns: 0,
            keeps: false,
        }
    }
}
