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

/// What becomes of a run in which records were lost before any agent could read them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceLossRule {
    /// It proves less than it should: the load was not what the scenario says.
    #[default]
    Forbidden,
    /// They are counted, shown with their cause, and held against nobody: the way in is known to lose.
    Counted,
}

impl SourceLossRule {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What one route is held to, where it is not what all are.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteContract {
    /// Name of the route.
    pub name: String,
    /// How often a record may arrive on it.
    pub delivery: Delivery,
    /// True if the records of a stream must arrive in order on it.
    pub ordered: bool,
    /// What becomes of a run whose source loses records on it.
    #[serde(default, skip_serializing_if = "SourceLossRule::is_default")]
    pub source_loss: SourceLossRule,
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
    /// What becomes of a run whose source loses records.
    #[serde(default, skip_serializing_if = "SourceLossRule::is_default")]
    pub source_loss: SourceLossRule,
    /// Routes that are held to something else.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<RouteContract>,
}

impl Contract {
    /// What a route is held to.
    pub fn of_route(&self, name: &str) -> RouteContract {
        let own = self.routes.iter().find(|route| route.name == name).cloned();
        own.unwrap_or_else(|| RouteContract {
            name: name.to_owned(),
            delivery: self.delivery,
            ordered: self.ordered,
            source_loss: self.source_loss,
        })
    }
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
            source_loss: SourceLossRule::default(),
            routes: Vec::new(),
        }
    }
}
