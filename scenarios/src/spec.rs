//! A scenario as written: one TOML file, one question.
//!
//! ```toml
//! name = "tail-stall"
//! question = "Does every path keep moving when rotation hands an archived file's inode to the new one?"
//! [time]      warm_up, measure, drain, stall
//! [load]      layout, pace, [[load.group]] streams of one kind
//! [rotate]    by which rotator, how often
//! [[swap]]    symlinks that are replaced
//! [[remove]]  live files that are unlinked
//! [[fault]]   what happens to the agent and its sink
//! [sink]      where records must arrive
//! [agent]     settings of the agent's configuration
//! [contract]  what is promised, and what must be seen to have happened
//! ```
//! This mirrors the file; [`crate::plan`] settles defaults and contradictions. Unknown keys are errors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use units::{Rate, Size, Span};

pub mod file;
pub mod units;

/// A scenario file.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Spec {
    /// Its name: lower-case letters, digits and dashes.
    pub name: String,
    /// The one question that a run of it answers.
    pub question: String,
    /// How long its stretches are.
    pub time: Time,
    /// What is written.
    pub load: Load,
    /// How files are rotated; absent: not at all.
    pub rotate: Option<Rotate>,
    /// Symbolic links that are replaced.
    #[serde(default)]
    pub swap: Vec<Swap>,
    /// Live files that are unlinked while they are read.
    #[serde(default)]
    pub remove: Vec<Remove>,
    /// What happens to the agent and to its sink.
    #[serde(default)]
    pub fault: Vec<Fault>,
    /// Where the records must arrive.
    #[serde(default)]
    pub sink: Sink,
    /// Settings of the agent.
    #[serde(default)]
    pub agent: Agent,
    /// What is promised.
    #[serde(default)]
    pub contract: Contract,
}

/// The stretches of a run.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Time {
    /// Load without faults, booked but not part of rates and latencies.
    pub warm_up: Span,
    /// Load with rotations and faults.
    pub measure: Span,
    /// How long to wait at most, after the load, until the books stop moving.
    pub drain: Span,
}

/// What is written, where and how.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// How files and links are laid out; it also decides the framing of a line.
    #[serde(default)]
    pub layout: Layout,
    /// How the rate runs over the measure stretch.
    #[serde(default)]
    pub pace: Pace,
    /// Streams of one kind.
    pub group: Vec<Group>,
}

/// How files and links are laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// `/var/log/containers/*.log` links to `/var/log/pods/…/0.log`, lines in CRI framing.
    #[default]
    Kubelet,
    /// The same, with one more link on to Docker's json-file, lines in its framing.
    Docker,
    /// One directory, one file a stream, bare lines.
    Plain,
}

/// How the rate runs over the measure stretch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Pace {
    /// The rate of every group, all the time.
    #[default]
    Steady,
    /// From a share of the rate to another, linearly.
    Ramp {
        /// Share of the rate at the begin, 0 to 1.
        from: f64,
        /// Share of the rate at the end.
        to: f64,
        /// How long it takes.
        over: Span,
    },
    /// The rate, and now and then more.
    Burst {
        /// How many times the rate during a burst.
        times: f64,
        /// From the begin of one burst to the begin of the next.
        every: Span,
        /// How long a burst is.
        length: Span,
    },
    /// As fast as the machine writes.
    AllOut,
}

/// Streams of one kind.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name; its streams are called `<name>-00`, `<name>-01`, ….
    pub name: String,
    /// How many streams.
    #[serde(default = "one")]
    pub streams: u16,
    /// Records a second of all its streams together.
    pub rate: Rate,
    /// What a record says.
    #[serde(default)]
    pub body: Body,
    /// Length of a record without framing; at least 120 B.
    #[serde(default = "default_size")]
    pub size: Size,
    /// Now and then a longer record.
    pub long: Option<Long>,
    /// How lines are handed to the kernel.
    #[serde(default)]
    pub write: Write,
    /// Every n-th record goes to stderr; 0: none does.
    #[serde(default)]
    pub stderr_every: u32,
}

/// What a record says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// One nginx access log entry as JSON.
    #[default]
    NginxJson,
    /// A line of application text.
    AppText,
}

/// Now and then a longer record.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Long {
    /// Every n-th record.
    pub every: u32,
    /// Its length.
    pub size: Size,
}

/// How lines are handed to the kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Write {
    /// One `write(2)` a line, as containerd and Docker do.
    #[default]
    Line,
    /// Many lines a `write(2)`, as buffering applications do.
    Batch(Size),
}

/// How files are rotated.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Whose order of steps.
    pub by: Rotator,
    /// Groups whose files are rotated; absent: all.
    pub groups: Option<Vec<String>>,
    /// How often the kubelet looks (Docker looks at every line).
    #[serde(default = "ten_seconds")]
    pub every: Span,
    /// Files smaller than this are left alone.
    #[serde(default)]
    pub max_size: Size,
    /// How many files of a container are kept, the live one included.
    #[serde(default = "five")]
    pub max_files: u32,
    /// Whether rotated files are compressed.
    #[serde(default = "yes")]
    pub archive: bool,
    /// From the rename to the new file: how long the runtime takes to open it.
    #[serde(default = "two_milliseconds")]
    pub reopen_delay: Span,
    /// Every n-th reopen fails and the rename is undone, as the kubelet does; 0: none fails.
    #[serde(default)]
    pub fail_every: u32,
    /// Whether the bench may bring a freed inode number back with probe files (and says so when it did).
    #[serde(default)]
    pub steer: bool,
}

/// Whose order of steps a rotation follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rotator {
    /// The kubelet with containerd: archive the older, rename the live file, ask the runtime to reopen.
    Kubelet,
    /// Docker's json-file driver: close, shift names, create, compress at leisure.
    Docker,
}

/// A symbolic link that is replaced.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Swap {
    /// How.
    pub how: SwapHow,
    /// Groups whose links are replaced; absent: all.
    pub groups: Option<Vec<String>>,
    /// From one to the next.
    pub every: Span,
}

/// How a symbolic link is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SwapHow {
    /// A new link is made aside and renamed over the old one: the name is never absent.
    Atomic,
    /// The old link is removed, then the new one made: the name is absent for a moment.
    TwoStep,
    /// The container restarts: `0.log` → `1.log`, and a new link whose name holds the new container id.
    ContainerRestart,
}

/// A live file that is unlinked; its writer opens a new one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remove {
    /// Groups whose files are unlinked; absent: all.
    pub groups: Option<Vec<String>>,
    /// From one to the next.
    pub every: Span,
}

/// Something that happens to the agent or its sink.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// What happens.
    #[serde(rename = "do")]
    pub what: FaultDo,
    /// When, from the begin of the measure stretch.
    pub at: Span,
    /// Again and again, from one to the next; absent: once.
    pub every: Option<Span>,
    /// For how long; a killed agent is started again after it.
    #[serde(rename = "for")]
    pub lasts: Span,
    /// Each occurrence is moved by up to this much, either way, by the seed.
    #[serde(default)]
    pub jitter: Span,
}

/// What happens to the agent or its sink.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultDo {
    /// SIGKILL; a new process after `for`.
    KillAgent,
    /// SIGTERM; a new process after it ended and `for` is over.
    TerminateAgent,
    /// SIGSTOP, SIGCONT after `for`.
    PauseAgent,
    /// The sink answers with an error status and takes nothing.
    Refuse {
        /// The status, 400 to 599.
        status: u16,
    },
    /// The sink takes its time for every answer.
    Slow {
        /// How long.
        delay: Span,
    },
    /// The sink takes requests and never answers.
    Hang,
    /// The sink cuts connections before it took anything.
    Reset,
    /// The sink takes the records and cuts the connection instead of answering.
    LoseAcks {
        /// Every n-th request; 1: all.
        every: u32,
    },
    /// The sink takes the first half of a request and answers with an error status.
    Partial {
        /// The status, 400 to 599.
        status: u16,
    },
    /// The sink is gone: connections are refused.
    Gone,
}

/// Where the records must arrive.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sink {
    /// How the agent hands them over.
    #[serde(default)]
    pub kind: SinkKind,
    /// Whether request bodies are compressed.
    #[serde(default)]
    pub gzip: bool,
}

/// How the agent hands records over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SinkKind {
    /// HTTP POST, JSON lines.
    #[default]
    Http,
    /// HTTP POST, one JSON array a request.
    HttpArray,
    /// Files with JSON lines, one a tag.
    File,
}

/// Settings of the agent's configuration; what the agents call them differs.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Agent {
    /// Memory for records that are read and not yet delivered (`Mem_Buf_Limit`).
    pub buffer: Size,
    /// How often patterns are looked up anew (`Refresh_Interval`), whole seconds.
    pub refresh: Span,
    /// How long a rotated file is watched after its last byte (`Rotate_Wait`), whole seconds.
    pub rotate_wait: Span,
    /// Whether a json parser merges the fields of the record's text.
    pub merge_json: bool,
}

impl Default for Agent {
    fn default() -> Self {
        Self { buffer: Size(32 << 20), refresh: Span(60_000_000), rotate_wait: Span(5_000_000), merge_json: false }
    }
}

/// What is promised, and what must have been seen for the promise to mean anything.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Contract {
    /// How often a record may arrive.
    pub delivery: Delivery,
    /// Whether the records of a stream must arrive in order.
    pub ordered: bool,
    /// A stream that stands longer than this while its sink is healthy has stalled.
    pub stall: Option<Span>,
    /// A delivered record is settled this long after its answer: doubled by a later crash it is a broken promise.
    pub settle: Option<Span>,
    /// Written records a second, over the measure stretch, below which the run proves nothing.
    pub min_rate: Option<Rate>,
    /// Delivery latency that 99 of 100 records must stay within.
    pub latency_p99: Option<Span>,
    /// What must have happened at least so often.
    pub proof: Proof,
}

/// How often a record may arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// Never twice; losses are counted and allowed.
    AtMostOnce,
    /// Never lost; twice only what was in flight at a crash or whose answer was lost.
    #[default]
    AtLeastOnce,
    /// Never lost, never twice.
    ExactlyOnce,
}

/// What must have happened at least so often; below it the run is *unknown*, never a pass.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Proof {
    /// Rotations completed.
    pub rotations: u64,
    /// New files with the inode number of an earlier one.
    pub inodes_reused: u64,
    /// Compressed archives completed.
    pub archives: u64,
    /// Symbolic links replaced.
    pub symlink_swaps: u64,
    /// Faults that took effect.
    pub faults: u64,
    /// Kills, stops and restarts of the agent.
    pub agent_interruptions: u64,
    /// Requests refused, cut, left hanging.
    pub sink_refusals: u64,
}

fn one() -> u16 {
    1
}

fn five() -> u32 {
    5
}

fn yes() -> bool {
    true
}

fn ten_seconds() -> Span {
    Span(10_000_000)
}

fn two_milliseconds() -> Span {
    Span(2_000)
}

fn default_size() -> Size {
    Size(300)
}

/// The JSON Schema of a scenario file, for editors.
pub fn schema() -> String {
    let schema = schemars::schema_for!(Spec);
    serde_json::to_string_pretty(&schema).expect("a schema is plain JSON")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_schema_is_the_one_of_the_types() {
        let shipped = include_str!("../scenario.schema.json").trim_end();
        assert!(shipped == schema(), "write it anew: tailproof check --schema > scenarios/scenario.schema.json");
    }
}
