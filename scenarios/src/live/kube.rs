//! The stand-in Kubernetes API server of a run: it knows a pod for every stream of the load.
//!
//! A name that is given again belongs to the first pod until somebody has been told of it, and a little longer; then to
//! the one that follows, as when a pod is deleted and made anew while its last lines are still being read.

use std::path::Path;

use loadgen::{
    kube::{Container, KubeError, KubePlan, KubeServer, Pod},
    write::{LoadPlan, PodIdentity},
};
use results::identity::StreamId;
use thiserror::Error;

use super::names::KubeAt;
use crate::{plan::Plan, spec};

/// A pod that follows another of its name comes so much later than somebody was told of that, microseconds.
const TAKES_OVER_AFTER: u64 = 1_000_000;

/// The API server cannot be had.
#[derive(Debug, Error)]
pub enum KubeStartError {
    /// It does not start.
    #[error(transparent)]
    Server(#[from] KubeError),
    /// Token or certificate cannot be written.
    #[error("cannot write {path}: {why}; free some space")]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// The system's words.
        why: String,
    },
}

/// The API server at work.
pub(super) struct Kube {
    pub(super) server: KubeServer,
    successors: Vec<Successor>,
}

/// A pod that is to take over a name.
struct Successor {
    /// Uid of the one before.
    before: String,
    pod: Pod,
    due_us: Option<u64>,
}

impl Kube {
    /// Starts it; token and certificate are written into `folder`.
    pub(super) fn start(
        kube: &spec::Kube,
        plan: &Plan,
        load: &LoadPlan,
        folder: &Path,
    ) -> Result<(Self, KubeAt), KubeStartError> {
        let identities: Vec<PodIdentity> =
            (0..load.streams.len()).filter_map(|at| load.identity(StreamId(at as u16))).collect();
        let (mut pods, mut successors) = (Vec::new(), Vec::new());
        for (at, (stream, identity)) in plan.streams.iter().zip(&identities).enumerate() {
            let special = kube.pods.iter().find(|pods| stream.is_of(&pods.group));
            let pod = pod(at, &stream.name, identity, special);
            match identities[..at].iter().rev().find(|before| before.pod == identity.pod) {
                Some(before) => successors.push(Successor { before: before.uid.clone(), pod, due_us: None }),
                None => pods.push(pod),
            }
        }
        let token = format!("stand-in-{:016x}", load.seed.rotate_left(17) ^ 0x7461_696c_7072_6f6f);
        let server = KubeServer::start(KubePlan { tls: kube.tls, token: token.clone(), pods, ..KubePlan::default() })?;
        let write = |name: &str, text: &str| {
            let path = folder.join(name);
            let done = std::fs::write(&path, text);
            done.map_err(|e| KubeStartError::File { path: path.clone(), why: e.to_string() }).map(|()| path)
        };
        let at = KubeAt {
            url: server.url(),
            token: write("kube.token", &token)?,
            authority: server.authority().map_or(Ok(std::path::PathBuf::new()), |pem| write("kube-ca.pem", pem))?,
        };
        Ok((Self { server, successors }, at))
    }

    /// Lets pods take over names whose turn has come.
    pub(super) fn tick(&mut self, now_us: u64) {
        let Self { server, successors } = self;
        successors.retain_mut(|next| {
            if next.due_us.is_none() && server.has_told(&next.before) {
                next.due_us = Some(now_us + TAKES_OVER_AFTER);
            }
            let is_due = next.due_us.is_some_and(|due_us| due_us <= now_us);
            if is_due {
                server.put(next.pod.clone());
            }
            !is_due
        });
    }
}

fn pod(at: usize, stream: &str, identity: &PodIdentity, special: Option<&spec::Pods>) -> Pod {
    let labels =
        [("app", identity.pod.as_str()), ("stream", stream)].map(|(key, value)| (key.to_owned(), value.to_owned()));
    let mut labels = std::collections::BTreeMap::from(labels);
    labels.extend(special.map(|pods| pods.labels.clone()).unwrap_or_default());
    Pod {
        namespace: identity.namespace.to_owned(),
        name: identity.pod.clone(),
        uid: identity.uid.clone(),
        node: "node-0".to_owned(),
        ip: format!("10.1.{}.{}", at / 250, at % 250 + 1),
        labels,
        annotations: special.map(|pods| pods.annotations.clone()).unwrap_or_default(),
        containers: vec![Container {
            name: identity.container.to_owned(),
            id: identity.container_id.clone(),
            image: "nginx:1.27".to_owned(),
        }],
    }
}
