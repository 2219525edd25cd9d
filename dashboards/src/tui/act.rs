//! What a person may do to the run from the keyboard. Each is recorded by whoever performs the run as a fault of it.

/// A hand on the running bench.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Act {
    /// No more records are written.
    PauseLoad,
    /// Records are written again.
    ResumeLoad,
    /// So many times the rate of the scenario.
    ScaleLoad(f64),
    /// Every file is rotated once.
    Rotate,
    /// Rotated files that are not compressed yet are.
    Archive,
    /// Links are replaced.
    Swap,
    /// SIGSTOP to the agent.
    StopAgent,
    /// SIGCONT to the agent.
    ContinueAgent,
    /// SIGKILL to the agent; it stays away until it is started anew.
    KillAgent,
    /// The agent is ended and started anew.
    RestartAgent,
    /// Connections to the sink are refused.
    TakeSinkAway,
    /// The sink takes connections again.
    BringSinkBack,
}

impl Act {
    /// What it does, as a command.
    pub fn words(self) -> &'static str {
        match self {
            Self::PauseLoad => "pause the load",
            Self::ResumeLoad => "resume the load",
            Self::ScaleLoad(_) => "another rate of load",
            Self::Rotate => "rotate now",
            Self::Archive => "archive now",
            Self::Swap => "swap the links now",
            Self::StopAgent => "stop the agent (SIGSTOP)",
            Self::ContinueAgent => "let the agent go on (SIGCONT)",
            Self::KillAgent => "kill the agent (SIGKILL)",
            Self::RestartAgent => "restart the agent",
            Self::TakeSinkAway => "take the sink away",
            Self::BringSinkBack => "bring the sink back",
        }
    }

    /// What to ask before it is done; `None` for what is not drastic.
    pub fn question(self) -> Option<&'static str> {
        match self {
            Self::StopAgent => Some("Stop the agent? Nothing is read until c lets it go on."),
            Self::KillAgent => Some("Kill the agent? It stays away until R; what is in flight may come twice."),
            Self::RestartAgent => Some("End the agent and start it anew?"),
            Self::TakeSinkAway => Some("Take the sink away? Nothing is delivered until O brings it back."),
            _ => None,
        }
    }
}
