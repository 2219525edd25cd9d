//! What the configuration means: every default settled. The rest of the pipeline sees only this.

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

pub use crate::output::{
    backoff::Pauses,
    plan::{DateFormat, Destination, OutputPlan, RecordFormat, RetryLimit},
};
use crate::{
    filter::FilterPlan,
    input::{
        beats::BeatsInput, dummy::DummyInput, forward::ForwardInput, http::HttpInput, stdin::StdinInput,
        syslog::SyslogInput,
    },
    parse::{multiline::MultilinePlan, parser::ParserPlan, pattern::Pattern},
};

/// The whole pipeline.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The process as a whole.
    pub service: ServicePlan,
    /// Where records come from; never empty.
    pub inputs: Vec<InputPlan>,
    /// What happens to them, in order.
    pub filters: Vec<FilterPlan>,
    /// Where they go; never empty.
    pub outputs: Vec<OutputPlan>,
}

/// The process as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePlan {
    /// The longest that a record waits for others before it is sent, ms.
    pub flush_ms: u64,
    /// The longest that a shutdown waits for the outputs, ms.
    pub grace_ms: u64,
    /// What is logged.
    pub log_level: LogLevel,
    /// Where the log goes; standard error without one.
    pub log_file: Option<PathBuf>,
    /// The pages that tell how it goes, if they are wanted.
    pub http: Option<HttpServer>,
    /// What counts as unwell.
    pub health: Health,
    /// How long outputs pause between tries.
    pub pauses: Pauses,
    /// Records on the disk.
    pub storage: StoragePlan,
}

/// The pages that tell how it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HttpServer {
    /// The address that listens.
    pub listen: SocketAddr,
}

/// What counts as unwell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Health {
    /// Whether `/api/v1/health` is there.
    pub check: bool,
    /// More errors of outputs than this within the period.
    pub errors: u64,
    /// More records given up than this within the period.
    pub retry_failures: u64,
    /// The period, ms.
    pub period_ms: u64,
    /// An input with unread data has made no progress for so long, ms.
    pub stall_ms: u64,
}

/// Records on the disk, as `[SERVICE]` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoragePlan {
    /// The folder, if any input keeps its records there.
    pub path: Option<PathBuf>,
    /// Whether what is written reaches the disk before an input is answered, and not only the kernel.
    pub sync_full: bool,
    /// Whether records carry a checksum.
    pub checksum: bool,
    /// Most segments in memory at a time.
    pub chunks_up: usize,
    /// Most bytes of what was found at the start that are in memory at a time.
    pub backlog_bytes: usize,
    /// Whether `/api/v1/storage` is there.
    pub metrics: bool,
}

/// Where records wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Storage {
    /// In memory.
    Memory,
    /// In segments on the disk.
    Filesystem,
}

/// What is logged; each includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// Nothing.
    Off,
    /// What is broken.
    Error,
    /// What is unusual.
    Warn,
    /// What goes on.
    Info,
    /// Every decision.
    Debug,
    /// Every step.
    Trace,
}

/// One input.
#[derive(Debug, Clone, PartialEq)]
pub struct InputPlan {
    /// Its name in messages and metrics: its alias, or the plugin and its place, as `tail.0`.
    pub name: String,
    /// What of it is logged, if that differs from the rest.
    pub log_level: Option<LogLevel>,
    /// Where its records wait.
    pub storage: Storage,
    /// Most bytes of records that wait for the outputs.
    pub buffer_bytes: usize,
    /// Where its records come from.
    pub from: InputKind,
}

impl InputPlan {
    /// File of its checkpoints, if it keeps any.
    pub fn db(&self) -> Option<&PathBuf> {
        self.tail()?.db.as_ref()
    }

    /// Whether what was not delivered is read again at the next start.
    pub fn can_be_read_again(&self) -> bool {
        self.storage == Storage::Filesystem || self.db().is_some()
    }

    /// What it tails, if it does.
    pub fn tail(&self) -> Option<&TailInput> {
        match &self.from {
            InputKind::Tail(tail) => Some(tail),
            _ => None,
        }
    }
}

/// Where records come from.
#[derive(Debug, Clone, PartialEq)]
pub enum InputKind {
    /// Files that grow and rotate.
    Tail(Box<TailInput>),
    /// The same record over and over.
    Dummy(Box<DummyInput>),
    /// Records from forwarders.
    Forward(Box<ForwardInput>),
    /// Syslog messages.
    Syslog(Box<SyslogInput>),
    /// Records from Beats and Logstash.
    Beats(Box<BeatsInput>),
    /// Records in requests.
    Http(Box<HttpInput>),
    /// Lines from standard input.
    Stdin(Box<StdinInput>),
}

/// Files to tail.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the configuration")]
pub struct TailInput {
    /// Patterns of the files.
    pub paths: Vec<String>,
    /// Patterns of files that are left out.
    pub exclude: Vec<String>,
    /// Tag of the records; `*` stands for the path with dots for slashes.
    pub tag: String,
    /// How a line is framed.
    pub framing: Framing,
    /// The parser of texts whose fields become fields of the record without being copied: JSON as it stands, or parts of a line.
    pub merge: Option<Arc<ParserPlan>>,
    /// Key of the text.
    pub text_key: String,
    /// Key of the path, if it is wanted.
    pub path_key: Option<String>,
    /// Key of the offset, if it is wanted.
    pub offset_key: Option<String>,
    /// File of the checkpoints; without one, nothing survives a restart.
    pub db: Option<PathBuf>,
    /// When checkpoints reach the disk.
    pub db_sync: DbSync,
    /// Period of the safety scan, ms.
    pub refresh_interval_ms: u64,
    /// How long a rotated file must be quiet before it is closed, ms.
    pub rotate_wait_ms: u64,
    /// Whether files found at the start are read from the head.
    pub read_from_head: bool,
    /// Most bytes of one read.
    pub chunk_bytes: usize,
    /// Longest line, bytes.
    pub line_max: usize,
    /// Longer lines are skipped instead of cut.
    pub skip_long_lines: bool,
    /// Lines without text make no records.
    pub skip_empty_lines: bool,
    /// Whether the kernel is asked to tell about changes; otherwise files are polled.
    pub inotify: bool,
    /// What of the path the tag may name, as `<pod>`.
    pub tag_regex: Option<Pattern>,
    /// Files whose content is older are not begun, ms.
    pub ignore_older_ms: Option<u64>,
    /// The pipeline ends once everything is read and delivered.
    pub exit_on_eof: bool,
    /// Rules by which texts belong together.
    pub rules: Vec<Arc<MultilinePlan>>,
    /// What makes fields of the text.
    pub parser: Option<Arc<ParserPlan>>,
    /// What makes fields of its first line, and then of each further one; without any, `parser` sees the text as a whole.
    pub line_parsers: Vec<Arc<ParserPlan>>,
}

/// How a line is framed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// Not at all: the line is the text.
    Plain,
    /// As containerd and CRI-O write it.
    Cri,
    /// As Docker's json-file driver writes it.
    Docker,
    /// As one of the two, told apart by the first byte of what is read of a file.
    Either,
}

/// When checkpoints reach the disk. They reach the kernel at once in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DbSync {
    /// When the kernel likes.
    Off,
    /// Every few seconds.
    Normal,
    /// Every second.
    Full,
}
