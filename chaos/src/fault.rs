//! What can happen to the agent and to its sink: the closed list that scenario files name.

use serde::{Deserialize, Serialize};

use crate::proxy;

/// A fault. How long it lasts is said by the plan, see [`crate::plan::Planned`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultKind {
    /// SIGKILL; a new process when it is over.
    KillAgent,
    /// SIGTERM; a new process when it is over.
    TerminateAgent,
    /// SIGSTOP; SIGCONT when it is over.
    PauseAgent,
    /// A process that did not run so far is started, and stays.
    StartProcess,
    /// Another configuration and SIGHUP; the first configuration again when it is over.
    Reload,
    /// The sink answers with this status and takes nothing.
    Refuse {
        /// The status, 400 to 599.
        status: u16,
    },
    /// The sink takes its time for every answer.
    Slow {
        /// Milliseconds.
        ms: u64,
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
    /// The sink takes the first half of a request and answers with this status.
    Partial {
        /// The status, 400 to 599.
        status: u16,
    },
    /// The sink is gone: connections are refused.
    Gone,
    /// Something lies over a link between two boxes.
    Link(proxy::Fault),
    /// The stand-in of the Kubernetes API server is not well.
    Kube(KubeFault),
}

/// What is wrong with the API server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum KubeFault {
    /// It takes its time for every answer.
    Slow {
        /// Milliseconds.
        ms: u64,
    },
    /// It answers with this status.
    Refuse {
        /// The status, 400 to 599.
        status: u16,
    },
    /// It is away.
    Gone,
}

impl FaultKind {
    /// Its name as in a scenario file.
    pub fn name(&self) -> &'static str {
        match self {
            Self::KillAgent => "kill_agent",
            Self::TerminateAgent => "terminate_agent",
            Self::PauseAgent => "pause_agent",
            Self::StartProcess => "start_process",
            Self::Reload => "reload",
            Self::Refuse { .. } => "refuse",
            Self::Slow { .. } => "slow",
            Self::Hang => "hang",
            Self::Reset => "reset",
            Self::LoseAcks { .. } => "lose_acks",
            Self::Partial { .. } => "partial",
            Self::Gone => "gone",
            Self::Link(fault) => fault.name(),
            Self::Kube(KubeFault::Slow { .. }) => "kube_slow",
            Self::Kube(KubeFault::Refuse { .. }) => "kube_refuse",
            Self::Kube(KubeFault::Gone) => "kube_gone",
        }
    }

    /// True if it happens to a process of the agent.
    pub fn hits_agent(&self) -> bool {
        matches!(self, Self::KillAgent | Self::TerminateAgent | Self::PauseAgent | Self::StartProcess | Self::Reload)
    }

    /// True if it happens to the sink.
    pub fn hits_sink(&self) -> bool {
        !self.hits_agent() && !matches!(self, Self::Link(_) | Self::Kube(_))
    }

    /// True if the agent makes no progress while it is in force.
    pub fn holds_agent_up(&self) -> bool {
        matches!(self, Self::KillAgent | Self::TerminateAgent | Self::PauseAgent)
    }
}
