//! What happens in a run, in order: the one stream that the judge, the screen and the stored run are functions of.
//!
//! One event is one line of `events.jsonl`: `{"t_us":1200345,"what":{"rotation_step":{…}}}`. Paths are relative to
//! the run's work folder where they lie in it. Bytes from outside that are no UTF-8 are escaped as `\xNN` before they get here.

mod parts;

pub use parts::{Dropped, ProcessSample, RouteInfo, RouteSample, SourceInfo, Topology, WayInfo};
use serde::{Deserialize, Serialize};

use crate::identity::StreamId;

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Microseconds since the start of the run (monotonic).
    pub t_us: u64,
    /// What happened.
    pub what: What,
}

/// Everything that can happen in a run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum What {
    /// The first event: the names of the streams, index = stream; with several routes, of every stream on every route, route
    /// by route.
    Begun(Vec<String>),
    /// Right after it, where there is more than one agent between files and one sink: what there is.
    Topology(Topology),
    /// A stretch of the run begins.
    Phase(Phase),
    /// Totals, about once a second.
    Sample(Sample),
    /// Written and delivered records of every stream, about four times a second (index = stream).
    Streams(Vec<StreamSample>),
    /// A writer opened a new file: a generation of its stream.
    GenerationOpened(Generation),
    /// A writer left a file: its last record is known.
    GenerationClosed(GenerationEnd),
    /// A primitive step of a rotation or swap was performed.
    RotationStep(RotationStep),
    /// A fault was planned, applied, healed, or had no effect.
    Fault(Fault),
    /// The agent was started or ended.
    Agent(AgentEvent),
    /// Advice from the bench about itself, once per kind (`bench-behind`, `no-inode-reuse`, …).
    Warning(Warning),
    /// A stream stopped moving, or moved again.
    Stall(Stall),
    /// The kernel, or a link with a fault, dropped datagrams on their way to a sink, by its own counter; at the end.
    Dropped(Dropped),
    /// The run is judged: the last event of a complete run.
    Judged(Box<crate::outcome::Outcome>),
}

/// The stretches of a run, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// Directories, receivers, agent: not yet any load.
    SetUp,
    /// Load without faults; booked, but not part of rates and latencies.
    WarmUp,
    /// Load with faults.
    Measure,
    /// No more load; waiting until the books stop moving.
    Drain,
    /// The books are closed.
    Judge,
}

/// Totals at a moment. Records and bytes since the start of the run; microseconds; bytes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sample {
    /// Records booked before being written.
    pub sent: u64,
    /// Records whose write returned.
    pub written: u64,
    /// Bytes of those, with framing.
    pub written_bytes: u64,
    /// Distinct records that arrived whole.
    pub delivered: u64,
    /// Surplus copies so far.
    pub duplicated: u64,
    /// Records that arrived cut, merged or changed so far.
    #[serde(default)]
    pub corrupted: u64,
    /// Records that arrived and were never sent so far.
    #[serde(default)]
    pub unexpected: u64,
    /// Records that arrived after a later one of their stream so far.
    #[serde(default)]
    pub reordered: u64,
    /// Records that arrived under a wrong name so far.
    #[serde(default)]
    pub misattributed: u64,
    /// Written, not yet delivered: bytes (estimate from the mean record).
    pub backlog_bytes: u64,
    /// Delivery latency since the last sample, from the time a record was due.
    pub p50_us: u64,
    /// As above.
    #[serde(default)]
    pub p90_us: u64,
    /// As above.
    pub p99_us: u64,
    /// As above.
    #[serde(default)]
    pub p999_us: u64,
    /// As above.
    pub max_us: u64,
    /// How late the generator is against its own schedule.
    pub bench_late_us: u64,
    /// CPU time of the agent since its start, user and system.
    pub agent_cpu_us: u64,
    /// Resident memory of the agent.
    pub agent_rss_bytes: u64,
    /// Files, sockets and the like that the agent has open; 0 while it does not run or cannot be looked at.
    #[serde(default)]
    pub agent_open_files: u64,
    /// How long the agent's control group has been throttled since the agent's start; 0 where nothing limits it.
    #[serde(default)]
    pub agent_throttled_us: u64,
    /// Each route, where there are several or some streams are to be dropped; index = route.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteSample>,
    /// Each process of the agent, where they have names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<ProcessSample>,
}

impl Sample {
    /// Records that were due by then, over all routes: what `delivered` is to be compared with.
    pub fn due(&self) -> u64 {
        if self.routes.is_empty() {
            return self.written;
        }
        self.routes.iter().map(|route| route.due).fold(0, u64::saturating_add)
    }
}

/// One stream at a moment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSample(
    /// Records written; 0 for a stream of which nothing may arrive.
    pub u64,
    /// Distinct records delivered.
    pub u64,
);

/// A file as its file system knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileId {
    /// Device number.
    pub device: u64,
    /// Inode number; handed out again after an unlink.
    pub inode: u64,
    /// Birth time, nanoseconds since 1970; 0 where the file system does not tell.
    pub born_ns: u64,
}

/// A writer opened the n-th file of its stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Generation {
    /// The stream.
    pub stream: StreamId,
    /// Which file of the stream this is, from 0.
    pub generation: u32,
    /// Where it was created.
    pub path: String,
    /// The file.
    pub file: FileId,
    /// Sequence of the first record that went into it.
    pub first_seq: u64,
}

/// A writer left a generation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GenerationEnd {
    /// The stream.
    pub stream: StreamId,
    /// Which file of the stream.
    pub generation: u32,
    /// One past the last record that went into it.
    pub end_seq: u64,
    /// Its size then, bytes.
    pub bytes: u64,
}

/// A primitive step that was performed on the files of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RotationStep {
    /// The stream whose files it touched.
    pub stream: StreamId,
    /// Which rotation of the stream, from 1. Swaps and restarts count as rotations of their own.
    pub rotation: u32,
    /// What was done.
    pub step: StepKind,
    /// The file acted on.
    pub path: String,
    /// The second path of a rename, archive or link.
    pub to: Option<String>,
    /// The file acted on, before the step, where it had one.
    pub file: Option<FileId>,
    /// For an unlink: whether the agent had the file open just before; `None` where nobody looked.
    #[serde(default)]
    pub held: Option<bool>,
    /// Why it failed, if it did.
    pub error: Option<String>,
}

/// The primitive steps that rotators and swaps are made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepKind {
    /// The writer closed its file and waits.
    Close,
    /// `rename(2)`.
    Rename,
    /// `unlink(2)`: when the last link and descriptor are gone, the inode number is free again.
    Unlink,
    /// A compressed copy was written; the source is still there.
    Archive,
    /// The writer was asked to open its path anew.
    Reopen,
    /// A symbolic link was created.
    Symlink,
    /// Probe files were created until a freed inode number came back, and removed again.
    Steer,
}

/// The life of a fault.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// Which fault of the plan, from 0.
    pub id: u32,
    /// Its name as in the scenario file: `kill_agent`, `refuse`, …
    pub name: String,
    /// The process, route or link it was done to; empty where there is one only.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub on: String,
    /// What became of it.
    pub state: FaultState,
    /// How many requests it hit; 0 for faults of the agent, and while it is in force.
    #[serde(default)]
    pub hits: u64,
    /// Evidence: "17 requests were refused", "pid 4127 ended by signal 9".
    pub detail: String,
}

/// What became of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FaultState {
    /// It is in force from now on.
    Applied,
    /// It is no longer in force and did what it was for.
    Healed,
    /// It is over (or could not be applied) and nothing was seen of it: the run proves nothing about it.
    NoEffect,
}

/// The agent's lifetimes. A process without a name is the only one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum AgentEvent {
    /// A process was started.
    Started {
        /// Its process id.
        pid: u32,
        /// Its name.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        process: String,
    },
    /// It ended.
    Ended {
        /// Its process id.
        pid: u32,
        /// How: "exit 0", "signal 9".
        how: String,
        /// True if the bench asked for it; else the agent died by itself.
        asked: bool,
        /// Its name.
        #[serde(default, skip_serializing_if = "String::is_empty")]
        process: String,
    },
    /// Its CPU or memory is limited from now on.
    Limited {
        /// Its name.
        process: String,
        /// To what, and by what means: "150m CPU, 128 MiB by cgroup v2".
        how: String,
    },
    /// The kernel killed it for memory, with the counter of its control group as witness.
    OomKilled {
        /// Its process id.
        pid: u32,
        /// Its name.
        process: String,
        /// The evidence: "`oom_kill` rose from 0 to 1 at a limit of 128 MiB".
        how: String,
    },
    /// A probe of it failed so often in a row that an orchestrator would have acted.
    ProbeFailed {
        /// Its name.
        process: String,
        /// The path that was asked for.
        path: String,
        /// How: "3 times in a row, last: status 500".
        how: String,
    },
}

impl AgentEvent {
    /// The name of the process; empty if it is the only one.
    pub fn process(&self) -> &str {
        match self {
            Self::Started { process, .. }
            | Self::Ended { process, .. }
            | Self::Limited { process, .. }
            | Self::OomKilled { process, .. }
            | Self::ProbeFailed { process, .. } => process,
        }
    }
}

/// Advice of the bench about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Warning {
    /// A stable name: `bench-behind`, `tmpfs`, …
    pub name: String,
    /// Cause and next step.
    pub text: String,
}

/// A stream with undelivered records made no progress for longer than the limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stall {
    /// The stream.
    pub stream: StreamId,
    /// Last progress before the stall, microseconds since the start of the run.
    pub from_us: u64,
    /// When it moved again; `None` while it stands.
    pub until_us: Option<u64>,
}
