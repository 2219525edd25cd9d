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
    /// The process it happens to; absent: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub process: Option<String>,
    /// The route whose sink it happens to; absent: the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The link it is laid over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// What happens to the agent or its sink.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultDo {
    /// SIGKILL; a new process after `for`.
    KillAgent,
    /// SIGTERM; a new process after it ended and `for` is over.
    TerminateAgent,
    /// SIGSTOP, SIGCONT after `for`.
    PauseAgent,
    /// A process is started that does not run from the begin on: the deployment grows.
    StartProcess,
    /// Another configuration is put in place and SIGHUP sent. After `for` the log must say what became of it; one that was
    /// not taken is taken away again.
    Reload {
        /// The other configuration: a file beside the scenario, or a shipped one.
        config: String,
        /// What the process is to make of it.
        outcome: ReloadOutcome,
    },
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
    /// Everything over a link arrives later, each way.
    DelayLink {
        /// How much later.
        delay: Span,
    },
    /// Every connection over a link is reset once.
    CutLink,
    /// One in so many pieces of traffic over a link has its connection reset, by the seed; a datagram is lost.
    CutLinkEvery {
        /// At least 1.
        n: u32,
    },
    /// A link is half-open: connections are accepted and stay, nothing passes.
    HangLink,
    /// Nothing comes over a link: what is open stands still, new connections are reset.
    Partition,
    /// The Kubernetes API server takes its time for every answer.
    KubeSlow {
        /// How long.
        delay: Span,
    },
    /// The Kubernetes API server answers with an error status.
    KubeRefuse {
        /// The status, 400 to 599.
        status: u16,
    },
    /// The Kubernetes API server is away.
    KubeGone,
}

impl FaultDo {
    /// True if it happens to a process.
    pub fn hits_process(&self) -> bool {
        matches!(
            self,
            Self::KillAgent | Self::TerminateAgent | Self::PauseAgent | Self::StartProcess | Self::Reload { .. }
        )
    }

    /// True if it is laid over a link.
    pub fn hits_link(&self) -> bool {
        matches!(
            self,
            Self::DelayLink { .. } | Self::CutLink | Self::CutLinkEvery { .. } | Self::HangLink | Self::Partition
        )
    }

    /// True if it happens to the Kubernetes API server.
    pub fn hits_kube(&self) -> bool {
        matches!(self, Self::KubeSlow { .. } | Self::KubeRefuse { .. } | Self::KubeGone)
    }

    /// True if it happens to the sink of a route.
    pub fn hits_sink(&self) -> bool {
        !self.hits_process() && !self.hits_link() && !self.hits_kube()
    }
}

/// What a process is to make of a configuration at a reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ReloadOutcome {
    /// It runs with it from now on.
    Taken,
    /// It refuses it and goes on as before.
    Refused,
}
