//! `[[fault]]`: what happens to the agent or its sink.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::Span;

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
