//! `run.json`: what was tried, by whom, and what came of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::{contract::Contract, outcome::Outcome};

/// Version of `run.json`.
pub const SCHEMA: u32 = 1;

/// A process, told apart from a later one with the same number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// When it started, clock ticks since boot.
    pub start_ticks: u64,
}

/// How far a run came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// It is under way, or its bench was killed.
    #[default]
    Running,
    /// It was performed to its end and judged.
    Complete,
    /// It was interrupted.
    BrokenOff,
}

/// The content of `run.json`.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
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
    /// The scenario as it was performed, every default filled in.
    pub settled: serde_json::Value,
    /// What the agent is held to.
    pub contract: Contract,
    /// The machine and the versions, by name.
    pub environment: BTreeMap<String, String>,
    /// The bench itself.
    pub bench: Process,
    /// Processes it started that a cleanup may have to end.
    pub children: Vec<Process>,
    /// The command that repeats the run.
    pub repeat: String,
    /// How far it came.
    pub state: RunState,
    /// What was concluded, once it was.
    pub outcome: Option<Outcome>,
}
