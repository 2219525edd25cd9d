//! `[[process]]`, `[[route]]`, `[[link]]`: deployments of several processes, the ways that every record takes, and the
//! wires between two boxes that can be cut.
//!
//! ```text
//! load ─▶ forwarder-0 ─┬─[link]─▶ aggregator-0 ─┬─▶ route "store"
//!         forwarder-1 ─┴─[link]─▶ aggregator-1 ─┴─▶ route "syslog"      each route has books of its own
//! ```
//! Values in braces are filled in by the bench, see [`crate::plan::names`].

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Delivery, Probes, Sink, SourceLoss,
    units::{Cpu, Size},
};

/// Agent processes of one kind.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its name; several are called `<name>-0`, `<name>-1`, ….
    pub name: String,
    /// How many.
    #[serde(default = "one")]
    pub count: u16,
    /// Its configuration, in Fluent Bit's format: a file beside the scenario, or a shipped one. It is copied unchanged.
    pub config: String,
    /// What `${NAME}` in the configuration stands for; names in braces are filled in by the bench.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
    /// How much of the machine it may use.
    pub limits: Option<Limits>,
    /// What is asked of it over HTTP while it runs; a probe that fails breaks the contract.
    pub probes: Option<Probes>,
}

/// How much of the machine a process may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// CPU time per time.
    pub cpu: Option<Cpu>,
    /// Memory.
    pub memory: Option<Size>,
    /// Whether a run in which a limit is not held proves nothing; else it is only said.
    #[serde(default)]
    pub required: bool,
}

/// A way that every record takes.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// Its name.
    pub name: String,
    /// Where it ends.
    pub sink: Sink,
    /// How often a record may arrive on it; absent: as the contract says.
    pub delivery: Option<Delivery>,
    /// Whether the records of a stream must arrive on it in order; absent: as the contract says.
    pub ordered: Option<bool>,
    /// What becomes of a run whose source loses records of this route; absent: as the contract says.
    pub source_loss: Option<SourceLoss>,
}

/// A relay between two boxes, over which faults can be laid.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Its name; `{link.NAME.port}` is where it listens.
    pub name: String,
    /// The port it leads to, for example `{aggregator-0.port.forward}`.
    pub to: String,
    /// What it relays.
    #[serde(default)]
    pub wire: Wire,
}

/// What a link relays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// Connections.
    #[default]
    Tcp,
    /// Datagrams.
    Udp,
}

fn one() -> u16 {
    1
}
