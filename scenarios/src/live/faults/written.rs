//! From the fault of a scenario to what happens.

use chaos::{
    fault::{FaultKind, KubeFault},
    proxy,
};

use crate::spec::FaultDo;

/// What a scenario asks for.
pub(super) fn kind(what: &FaultDo) -> FaultKind {
    match *what {
        FaultDo::KillAgent => FaultKind::KillAgent,
        FaultDo::TerminateAgent => FaultKind::TerminateAgent,
        FaultDo::PauseAgent => FaultKind::PauseAgent,
        FaultDo::StartProcess => FaultKind::StartProcess,
        FaultDo::Reload { .. } => FaultKind::Reload,
        FaultDo::Refuse { status } => FaultKind::Refuse { status },
        FaultDo::Slow { delay } => FaultKind::Slow { ms: delay.0.div_ceil(1000) },
        FaultDo::Hang => FaultKind::Hang,
        FaultDo::Reset => FaultKind::Reset,
        FaultDo::LoseAcks { every } => FaultKind::LoseAcks { every },
        FaultDo::Partial { status } => FaultKind::Partial { status },
        FaultDo::Gone => FaultKind::Gone,
        FaultDo::DelayLink { delay } => FaultKind::Link(proxy::Fault::Delay { ms: delay.0.div_ceil(1000) }),
        FaultDo::CutLink => FaultKind::Link(proxy::Fault::Cut),
        FaultDo::CutLinkEvery { n } => FaultKind::Link(proxy::Fault::CutEvery { n }),
        FaultDo::HangLink => FaultKind::Link(proxy::Fault::Hang),
        FaultDo::Partition => FaultKind::Link(proxy::Fault::Partition),
        FaultDo::KubeSlow { delay } => FaultKind::Kube(KubeFault::Slow { ms: delay.0.div_ceil(1000) }),
        FaultDo::KubeRefuse { status } => FaultKind::Kube(KubeFault::Refuse { status }),
        FaultDo::KubeGone => FaultKind::Kube(KubeFault::Gone),
    }
}
