//! What a run concluded: the document that `--json` prints, the report shows and the gate reads.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::contract::Delivery;

/// Version of the document.
pub const SCHEMA: u32 = 1;

/// The three verdicts; worst wins, `Fail` being the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// Every promise was kept and the run proves it.
    Pass,
    /// The run proves nothing: empty, broken off, a fault without effect, an absent agent.
    Unknown,
    /// A promise was broken.
    Fail,
}

/// One judged run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Outcome {
    /// Version of this document, [`SCHEMA`].
    pub schema: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the agent.
    pub agent: String,
    /// The planted defect, if any.
    pub defect: Option<String>,
    /// The seed that repeats the run.
    pub seed: u64,
    /// The verdict.
    pub verdict: Verdict,
    /// Exit code of the command for this run: 0, 1, 3 or 130.
    pub exit: u8,
    /// True if the run was interrupted or killed before it was complete.
    pub broken_off: bool,
    /// The books, over all routes.
    pub books: BookTotals,
    /// What each route delivered, where there are several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteReport>,
    /// Why records were lost before any agent could read them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub source_losses: Vec<SourceLoss>,
    /// What each process of the agent used, where they have names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub processes: Vec<ProcessReport>,
    /// Streams that stopped.
    pub stalls: Vec<StallReport>,
    /// Why records were lost, doubled, ….
    pub causes: Vec<Cause>,
    /// What took effect.
    pub proofs: Proofs,
    /// Delivery latency from the time a record was due, over the measure phase.
    pub latency_ms: Latency,
    /// Rates over the measure phase.
    pub rates: Rates,
    /// What agent and bench used.
    pub resources: Resources,
    /// One sentence each, worst first.
    pub findings: Vec<String>,
    /// Why the verdict is unknown, one sentence each; empty otherwise.
    pub unknown_because: Vec<String>,
    /// The command that repeats the run.
    pub repeat: String,
    /// Path of the run folder.
    pub run: String,
}

/// Records, counted separately and never netted. Records are counted where they are made, once (sent, written, to drop);
/// deliveries where they are due, once for each route (all others).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookTotals {
    /// Booked before being written.
    pub sent: u64,
    /// Whose write returned.
    pub written: u64,
    /// Written of streams that the agent must drop.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub to_drop: u64,
    /// Due at the sink by contract: written less to drop, less lost at the source.
    pub expected: u64,
    /// Distinct records that arrived whole.
    pub delivered: u64,
    /// Expected, and no copy arrived, whole or damaged.
    pub lost: u64,
    /// Surplus copies.
    pub duplicated: u64,
    /// Surplus copies that the contract allows: in flight at a crash, or their ack was lost.
    pub duplicated_allowed: u64,
    /// Never sent, or sent and meant to be dropped.
    pub unexpected: u64,
    /// Cut, merged, NUL-filled, changed.
    pub corrupted: u64,
    /// Arrived after a later record of their stream.
    pub reordered: u64,
    /// Arrived under a wrong path, tag or output stream.
    pub misattributed: u64,
    /// Lost before any agent could read them.
    pub source_lost: u64,
    /// How many of those are put down to the source by their number only: nobody can tell which they were.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub source_lost_by_number: u64,
}

impl Outcome {
    /// Streams that stood still at least once.
    pub fn stalled_streams(&self) -> usize {
        self.stalls.iter().map(|stall| stall.stream.as_str()).collect::<BTreeSet<_>>().len()
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl BookTotals {
    /// Adds every count of another part.
    pub fn add(&mut self, other: &Self) {
        let Self { sent, written, to_drop, expected, delivered, lost, duplicated, duplicated_allowed, .. } = *other;
        let Self { unexpected, corrupted, reordered, misattributed, source_lost, source_lost_by_number, .. } = *other;
        self.sent += sent;
        self.written += written;
        self.to_drop += to_drop;
        self.expected += expected;
        self.delivered += delivered;
        self.lost += lost;
        self.duplicated += duplicated;
        self.duplicated_allowed += duplicated_allowed;
        self.unexpected += unexpected;
        self.corrupted += corrupted;
        self.reordered += reordered;
        self.misattributed += misattributed;
        self.source_lost += source_lost;
        self.source_lost_by_number += source_lost_by_number;
    }
}

/// What one route delivered, and what it was held to.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RouteReport {
    /// Its name.
    pub name: String,
    /// How often a record may arrive on it.
    pub delivery: Delivery,
    /// Its books; written and sent are those of the run.
    pub books: BookTotals,
    /// Its delivery latency, over the measure phase.
    pub latency_ms: Latency,
    /// Names of the processes that it goes through, as far as the scenario tells.
    pub processes: Vec<String>,
}

/// A reason for which records were lost before any agent could read them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceLoss {
    /// The route; empty where there is one only.
    pub route: String,
    /// The evidence: an error, a counter, a line of a log.
    pub why: String,
    /// How many.
    pub count: u64,
    /// By how many that may be off.
    pub slack: u64,
    /// True if it is known which they were; else the number is all there is.
    pub by_name: bool,
}

/// What a process of the agent used, over all its lifetimes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct ProcessReport {
    /// Its name.
    pub name: String,
    /// CPU time, seconds.
    pub cpu_s: f64,
    /// Its largest resident size, bytes.
    pub rss_max_bytes: u64,
    /// How long its limit of CPU held it up, seconds.
    pub throttled_s: f64,
    /// How often it was started.
    pub starts: u64,
    /// How often it ended without being asked to.
    pub deaths: u64,
    /// How often the kernel killed it for memory.
    pub oom_kills: u64,
    /// What limits it, and by what means; empty where nothing does.
    pub limits: String,
}

/// A stream that stopped while its sink was healthy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct StallReport {
    /// Name of the stream.
    pub stream: String,
    /// Last progress, seconds since the start of the run.
    pub from_s: f64,
    /// When it moved again, or `null`.
    pub until_s: Option<f64>,
    /// The last event of this stream before it stopped.
    pub after: String,
    /// Records written and not delivered at the end.
    pub undelivered: u64,
}

/// A cause, and how many records it explains.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cause {
    /// Which of the seven verdicts: `lost`, `duplicated`, …
    pub verdict: String,
    /// Name of the stream.
    pub stream: String,
    /// How many records.
    pub count: u64,
    /// A stable name: `inode-reuse`, `rename-create-gap`, …; `unexplained` where the evidence does not tell.
    pub cause: String,
    /// The sentence: which files, inodes, generations, times.
    pub evidence: String,
}

/// What took effect in a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proofs {
    /// Rotations completed.
    pub rotations: u64,
    /// New files that got the inode number of an earlier one of this run.
    pub inodes_reused: u64,
    /// Compressed archives completed.
    pub archives: u64,
    /// Symbolic links replaced.
    pub symlink_swaps: u64,
    /// Reused inode numbers that the bench steered back with probe files.
    pub inodes_steered: u64,
    /// Faults that took effect.
    pub faults: u64,
    /// Times the agent was killed, stopped or restarted on purpose.
    pub agent_interruptions: u64,
    /// Requests that the sink refused, left hanging, cut or answered with an error on purpose.
    pub sink_refusals: u64,
}

/// Milliseconds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Latency {
    /// Median.
    pub p50: f64,
    /// 90th percentile.
    pub p90: f64,
    /// 99th percentile.
    pub p99: f64,
    /// 99.9th percentile.
    pub p999: f64,
    /// Largest.
    pub max: f64,
}

/// Per second, over the measure phase.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Rates {
    /// Records written.
    pub sent_per_s: f64,
    /// Records delivered, over all routes.
    pub delivered_per_s: f64,
    /// Bytes written, with framing.
    pub sent_bytes_per_s: f64,
}

/// CPU seconds and peak resident bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub struct Resources {
    /// CPU time of all lifetimes of the agent.
    pub agent_cpu_s: f64,
    /// Its largest resident size.
    pub agent_rss_max_bytes: u64,
    /// CPU time of the bench.
    pub bench_cpu_s: f64,
    /// Its largest resident size.
    pub bench_rss_max_bytes: u64,
}
