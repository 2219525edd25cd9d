//! A pod, and the JSON that the API server has for it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

/// A pod, as far as logs are concerned.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Pod {
    /// Its namespace.
    pub namespace: String,
    /// Its name; given again when it is gone.
    pub name: String,
    /// Its uid; never given again.
    pub uid: String,
    /// The node it runs on.
    pub node: String,
    /// Its address.
    pub ip: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
    /// What runs in it.
    pub containers: Vec<Container>,
}

/// A container of a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its id, 64 digits, without the runtime's name.
    pub id: String,
    /// Its image.
    pub image: String,
}

impl Pod {
    pub(super) fn key(&self) -> (String, String) {
        (self.namespace.clone(), self.name.clone())
    }

    pub(super) fn json(&self) -> Value {
        let containers: Vec<Value> =
            self.containers.iter().map(|container| json!({"name": container.name, "image": container.image})).collect();
        let statuses: Vec<Value> = self.containers.iter().map(Container::status).collect();
        json!({
            "kind": "Pod",
            "apiVersion": "v1",
            "metadata": {
                "name": self.name,
                "namespace": self.namespace,
                "uid": self.uid,
                "labels": self.labels,
                "annotations": self.annotations,
            },
            "spec": {"nodeName": self.node, "containers": containers},
            "status": {
                "phase": "Running",
                "podIP": self.ip,
                "podIPs": [{"ip": self.ip}],
                "containerStatuses": statuses,
            },
        })
    }
}

impl Container {
    fn status(&self) -> Value {
        json!({
            "name": self.name,
            "image": self.image,
            "imageID": format!("docker-pullable://{}@sha256:{}", self.image, self.id),
            "containerID": format!("docker://{}", self.id),
            "ready": true,
            "restartCount": 0,
            "state": {"running": {}},
            "lastState": {},
        })
    }
}
