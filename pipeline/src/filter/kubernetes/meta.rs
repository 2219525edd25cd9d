//! What the API server says of a pod.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::pod::Pod;

/// A pod, as far as it is asked about.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Meta {
    pub(super) metadata: Metadata,
    pub(super) spec: Spec,
    pub(super) status: Status,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub(super) struct Metadata {
    pub(super) uid: String,
    pub(super) labels: Option<BTreeMap<String, String>>,
    pub(super) annotations: Option<BTreeMap<String, String>>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Spec {
    pub(super) node_name: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Status {
    #[serde(rename = "podIP")]
    pub(super) pod_ip: String,
    container_statuses: Vec<Container>,
    init_container_statuses: Vec<Container>,
    ephemeral_container_statuses: Vec<Container>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Container {
    name: String,
    pub(super) image: String,
    #[serde(rename = "imageID")]
    pub(super) image_id: String,
    #[serde(rename = "containerID")]
    id: String,
    last_state: LastState,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct LastState {
    terminated: Option<Terminated>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
struct Terminated {
    #[serde(rename = "containerID")]
    id: String,
}

impl Meta {
    /// Whether it is about this very pod, and not about one that had or has the same name. Where neither uid nor
    /// container id tells, it is taken at its word.
    pub(super) fn is_of(&self, pod: &Pod) -> bool {
        if !pod.uid.is_empty() {
            return self.metadata.uid == pod.uid;
        }
        let ids = || self.containers().flat_map(|container| [Some(&container.id), container.last()]).flatten();
        let known = ids().any(|id| !id.is_empty());
        pod.container_id.is_empty() || !known || ids().any(|id| id.ends_with(&pod.container_id))
    }

    /// The container of this name.
    pub(super) fn container(&self, name: &str) -> Option<&Container> {
        self.containers().find(|container| container.name == name)
    }

    /// An annotation, the most special one: for the stream and container, the container, the stream, the pod.
    pub(super) fn annotation(&self, name: &str, stream: &str, container: &str) -> Option<&str> {
        let annotations = self.metadata.annotations.as_ref()?;
        [
            format!("{name}_{stream}-{container}"),
            format!("{name}-{container}"),
            format!("{name}_{stream}"),
            name.to_owned(),
        ]
        .iter()
        .find_map(|key| annotations.get(key))
        .map(String::as_str)
    }

    fn containers(&self) -> impl Iterator<Item = &Container> {
        let status = &self.status;
        let others = status.init_container_statuses.iter().chain(&status.ephemeral_container_statuses);
        status.container_statuses.iter().chain(others)
    }
}

impl Container {
    /// The id that it had before it was last started again.
    fn last(&self) -> Option<&String> {
        self.last_state.terminated.as_ref().map(|terminated| &terminated.id)
    }
}
