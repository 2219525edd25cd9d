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
//! [[process]] agents with configurations of their own, instead of [agent]
//! [[route]]   several ways that every record takes, instead of [sink]
//! [[front]]   front ends whose access log is read
//! [[link]]    wires between processes that can be cut
//! [net]       limits of the network that the run is in
//! [kube]      a stand-in Kubernetes API server that knows the pods of the load
//! [contract]  what is promised, and what must be seen to have happened
//! ```
//! This mirrors the file; [`crate::plan`] settles defaults and contradictions. Unknown keys are errors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use contract::{Contract, Delivery, Proof, SourceLoss};
pub use fault::{Fault, FaultDo, ReloadOutcome};
pub use front::{AccessLog, Asks, Front, FrontServer, Http};
pub use hands::{Remove, Rotate, Rotator, Swap, SwapHow};
pub use kube::{Kube, Pods};
pub use load::{
    Beats, Body, Expect, Group, Layout, Load, Long, Pace, Syslog, SyslogFormat, SyslogFraming, Transport, Via,
    WhenFull, Write,
};
pub use net::{Net, Probes};
pub use topology::{Limits, Link, Process, Route, Wire};
use units::{Size, Span};

mod contract;
mod fault;
pub mod file;
mod front;
mod hands;
mod kube;
mod load;
mod net;
mod topology;
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
    pub sink: Option<Sink>,
    /// Settings of the agent.
    pub agent: Option<Agent>,
    /// Agents with configurations of their own; none: one agent, configured by the bench.
    #[serde(default)]
    pub process: Vec<Process>,
    /// Ways that every record takes; none: the one to the sink.
    #[serde(default)]
    pub route: Vec<Route>,
    /// Front ends to which groups of requests are sent.
    #[serde(default)]
    pub front: Vec<Front>,
    /// Wires between processes over which faults can be laid.
    #[serde(default)]
    pub link: Vec<Link>,
    /// Limits of the network that the run is in; absent: those of the machine.
    #[serde(default)]
    pub net: Net,
    /// A stand-in Kubernetes API server; absent: none.
    pub kube: Option<Kube>,
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

/// Where the records must arrive.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Sink {
    /// How the agent hands them over.
    #[serde(default)]
    pub kind: SinkKind,
    /// Whether request bodies are compressed.
    #[serde(default)]
    pub gzip: bool,
    /// How many records a second the receiver answers for: a sink of known speed. Absent: as many as come.
    #[serde(default)]
    pub accepts: Option<units::Rate>,
    /// CloudWatch refuses records that are older; absent: two weeks, as the service does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub oldest: Option<Span>,
    /// Key of the record's text in what arrives; absent: `log`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// How records lie in files.
    #[serde(default, skip_serializing_if = "Lines::is_default")]
    pub lines: Lines,
    /// The key that the sender of a forward route must know; absent: everybody is let in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shared_key: Option<String>,
}

/// How records lie in the lines of a file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Lines {
    /// Each line is a JSON object.
    #[default]
    Json,
    /// Each line holds one record's whole text somewhere, as a template put it there.
    Embedded,
}

impl Lines {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
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
    /// Elasticsearch's `_bulk`.
    Elastic,
    /// CloudWatch Logs.
    Cloudwatch,
    /// The forward protocol of Fluentd and Fluent Bit.
    Forward,
    /// Lumberjack version 2, the protocol of Beats.
    Lumberjack,
    /// Syslog in UDP datagrams.
    SyslogUdp,
    /// Syslog over TCP, framed either way.
    SyslogTcp,
    /// Syslog in datagrams to a Unix socket.
    SyslogUnix,
}

impl SinkKind {
    /// True where the sink is asked and answers, so that it can refuse, delay and cut.
    pub fn answers(self) -> bool {
        !matches!(self, Self::File | Self::SyslogUdp | Self::SyslogUnix)
    }

    /// True where what is lost on the way is lost silently: nothing more than at most once can be promised.
    pub fn is_lossy(self) -> bool {
        self == Self::SyslogUdp
    }
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
