//! `[contract]`: what is promised, and what must have been seen for the promise to mean anything.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Rate, Span};

/// What is promised, and what must have been seen for the promise to mean anything.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Contract {
    /// How often a record may arrive.
    pub delivery: Delivery,
    /// Whether the records of a stream must arrive in order.
    pub ordered: bool,
    /// What becomes of a run in which records were lost before any agent could read them.
    pub source_loss: SourceLoss,
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

/// What becomes of a run in which records were lost before any agent could read them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SourceLoss {
    /// It proves less than it should: the load was not what the scenario says.
    #[default]
    Forbidden,
    /// They are counted, shown with their cause, and held against nobody: the way in is known to lose.
    Counted,
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
