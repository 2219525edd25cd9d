//! What a run is about: told to the dashboard before the first event.

use crate::{state::Lengths, text::summary::Limits};

/// What a run is about.
#[derive(Debug, Clone, Default)]
pub struct About {
    /// Name of the scenario.
    pub scenario: String,
    /// The question it answers.
    pub question: String,
    /// Name of the agent.
    pub agent: String,
    /// The planted defect, if any.
    pub defect: Option<String>,
    /// The seed that repeats the run.
    pub seed: u64,
    /// Records a second that are meant to be written; 0: as many as possible, or not known.
    pub rate: f64,
    /// How long the stretches are meant to be.
    pub lengths: Lengths,
    /// What the contract allows.
    pub limits: Limits,
    /// How long a stream may stand still, microseconds; 0: not known.
    pub stall_limit_us: u64,
    /// The command that repeats the run.
    pub repeat: String,
    /// The folder of the run, where it is known.
    pub folder: String,
}
