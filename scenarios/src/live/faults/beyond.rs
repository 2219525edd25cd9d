//! Faults of what is neither agent nor sink: the links between boxes, and the Kubernetes API server.

use chaos::{
    fault::{FaultKind, KubeFault},
    proxy::Laid,
};
use loadgen::kube::{KubeCounters, KubeMode};

use super::Scene;

/// A fault that is in force.
#[derive(Debug)]
pub(super) enum Beyond {
    /// Dropping it heals the link.
    Link(Laid),
    /// What the API server does, and what it had done before.
    Kube(KubeMode, KubeCounters),
}

impl Beyond {
    /// Puts it in force; `None` if it is another kind of fault, or there is nothing it could happen to.
    pub(super) fn lay(kind: FaultKind, link: usize, scene: &Scene<'_>) -> Option<Self> {
        match kind {
            FaultKind::Link(fault) => scene.links.get(link).map(|link| Self::Link(link.lay(fault))),
            FaultKind::Kube(fault) => scene.kube.map(|kube| {
                let mode = match fault {
                    KubeFault::Slow { ms } => KubeMode::Slow { ms },
                    KubeFault::Refuse { status } => KubeMode::Refuse { status },
                    KubeFault::Gone => KubeMode::Gone,
                };
                let before = kube.counters();
                kube.set(mode);
                Self::Kube(mode, before)
            }),
            _ => None,
        }
    }

    /// Ends it; how often it hit, and what that was.
    pub(super) fn heal(self, scene: &Scene<'_>) -> (u64, String) {
        match self {
            Self::Link(laid) => laid.heal(),
            Self::Kube(mode, before) => {
                let Some(kube) = scene.kube else { return (0, String::new()) };
                // Another one may have taken its place.
                if kube.mode() == mode {
                    kube.set(KubeMode::Answer);
                }
                let hits = mode.hits(&before, &kube.counters());
                let what = match mode {
                    KubeMode::Slow { .. } => "answered late",
                    KubeMode::Refuse { .. } => "refused",
                    KubeMode::Gone | KubeMode::Answer => "cut",
                };
                (hits, format!("{hits} questions to the API server were {what}"))
            }
        }
    }
}
