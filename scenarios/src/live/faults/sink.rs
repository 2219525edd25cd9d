//! What a fault does to a sink, and how often it hit.

use chaos::fault::FaultKind;
use loadgen::receive::{HttpCounters, Mode};

/// How a sink with this fault behaves.
pub(super) fn mode(kind: FaultKind) -> Mode {
    match kind {
        FaultKind::Refuse { status } => Mode::Refuse { status },
        FaultKind::Slow { ms } => Mode::Delay { ms },
        FaultKind::Hang => Mode::Hang,
        FaultKind::Reset => Mode::Reset,
        FaultKind::LoseAcks { every } => Mode::LoseAck { every },
        FaultKind::Partial { status } => Mode::Partial { status },
        FaultKind::Gone => Mode::Gone,
        FaultKind::KillAgent
        | FaultKind::TerminateAgent
        | FaultKind::PauseAgent
        | FaultKind::StartProcess
        | FaultKind::Reload
        | FaultKind::Link(_)
        | FaultKind::Kube(_) => Mode::Accept,
    }
}

/// How often it hit between two readings.
pub(super) fn hits(kind: FaultKind, before: HttpCounters, now: HttpCounters) -> u64 {
    match kind {
        FaultKind::Refuse { .. } => now.refused - before.refused,
        FaultKind::Slow { .. } => now.delayed - before.delayed,
        FaultKind::Hang => now.hung - before.hung,
        FaultKind::Reset | FaultKind::Gone => now.cut - before.cut,
        FaultKind::LoseAcks { .. } => now.lost_answers - before.lost_answers,
        FaultKind::Partial { .. } => now.partial - before.partial,
        FaultKind::KillAgent
        | FaultKind::TerminateAgent
        | FaultKind::PauseAgent
        | FaultKind::StartProcess
        | FaultKind::Reload
        | FaultKind::Link(_)
        | FaultKind::Kube(_) => 0,
    }
}

/// What its hits are, put behind "7 requests".
pub(super) fn what_happened(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Refuse { .. } => "were refused",
        FaultKind::Slow { .. } => "were delayed",
        FaultKind::Hang => "were left without an answer",
        FaultKind::Reset => "were cut before they were taken",
        FaultKind::LoseAcks { .. } => "were taken and their answers lost",
        FaultKind::Partial { .. } => "were taken by half",
        FaultKind::Gone => "or connections were cut when nobody listened any more",
        FaultKind::KillAgent
        | FaultKind::TerminateAgent
        | FaultKind::PauseAgent
        | FaultKind::StartProcess
        | FaultKind::Reload
        | FaultKind::Link(_)
        | FaultKind::Kube(_) => "were not concerned",
    }
}
