//! What a scenario holds an agent to, and what must have happened for the run to prove anything.

use serde::{Deserialize, Serialize};

use crate::outcome::Proofs;

/// How often a record may arrive.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// Never twice; it may be lost.
    AtMostOnce,
    /// Never lost; twice only if it was in flight at a crash or its answer was lost.
    #[default]
    AtLeastOnce,
    /// Never lost, never twice.
    ExactlyOnce,
}

/// The promises of an agent in a scenario.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contract {
    /// How often a record may arrive.
    pub delivery: Delivery,
    /// True if the records of a stream must arrive in order.
    pub ordered: bool,
    /// How long a stream may make no progress while the sink is healthy and the agent is up, microseconds.
    pub stall_limit_us: u64,
    /// The least that must have taken effect; below it the run is inconclusive.
    pub proof: Proofs,
    /// The least rate at which the bench must have written for the run to prove anything, records a second.
    pub min_rate_per_s: Option<f64>,
    /// The largest 99th percentile of delivery latency, microseconds.
    pub latency_p99_us: Option<u64>,
}

impl Default for Contract {
    /// At least once, any order, no stall above 10 s.
    fn default() -> Self {
        Self {
            delivery: Delivery::default(),
            ordered: false,
            stall_limit_us: 10_000_000,
            proof: Proofs::default(),
            min_rate_per_s: None,
            latency_p99_us: None,
        }
    }
}
