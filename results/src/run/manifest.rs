//! `run.json`: what was tried, by whom, and what came of it.

use serde::{Deserialize, Serialize};

use crate::{contract::Contract, outcome::Outcome};

/// Version of `run.json`.
pub const SCHEMA: u32 = 1;

/// A process, told apart from a later one with the same number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ChildProcess {
    /// Its number.
    pub pid: u32,
    /// When it started, clock ticks since boot; 0 where that is not known.
    pub start_ticks: u64,
}

impl ChildProcess {
    /// The process that asks.
    pub fn current() -> Self {
        Self { pid: std::process::id(), start_ticks: start_ticks("self").unwrap_or(0) }
    }

    /// Whether it still runs, and is no later one with the same number.
    pub fn lives(self) -> bool {
        self.start_ticks != 0 && start_ticks(&self.pid.to_string()) == Some(self.start_ticks)
    }
}

fn start_ticks(process: &str) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The second field is a name in parentheses and may hold anything; the twentieth after it is the start.
    let (_, rest) = stat.rsplit_once(')')?;
    let mut fields = rest.split_whitespace();
    // A zombie does nothing any more.
    if fields.next() == Some("Z") {
        return None;
    }
    fields.nth(18)?.parse().ok()
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
    /// The scenario as it was performed, every default filled in; its `contract` is what the agent is held to.
    pub settled: serde_json::Value,
    /// The machine and the versions.
    pub environment: serde_json::Value,
    /// The bench itself.
    pub bench: ChildProcess,
    /// Processes it started that a cleanup may have to end.
    pub children: Vec<ChildProcess>,
    /// The command that repeats the run.
    #[serde(default)]
    pub repeat: String,
    /// When it began, UTC: `20261121T054809Z`; empty in runs of an older bench.
    #[serde(default)]
    pub started: String,
    /// How far it came.
    pub state: RunState,
    /// What was concluded, once it was.
    pub outcome: Option<Outcome>,
}

impl Manifest {
    /// The manifest of a run that begins now, performed by this process.
    pub fn new(
        scenario: &str,
        agent: &str,
        defect: Option<String>,
        seed: u64,
        settled: serde_json::Value,
        environment: serde_json::Value,
    ) -> Self {
        Self {
            schema: SCHEMA,
            scenario: scenario.to_owned(),
            agent: agent.to_owned(),
            defect,
            seed,
            settled,
            environment,
            bench: ChildProcess::current(),
            children: Vec::new(),
            repeat: String::new(),
            started: String::new(),
            state: RunState::Running,
            outcome: None,
        }
    }

    /// What the agent is held to, from the settled scenario.
    pub fn contract(&self) -> Result<Contract, serde_json::Error> {
        match self.settled.get("contract") {
            Some(contract) => Contract::deserialize(contract),
            None => Ok(Contract::default()),
        }
    }
}
