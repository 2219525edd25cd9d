//! `[kube]`: a stand-in Kubernetes API server. It knows a pod for every stream of the load; `[[kube.pods]]` says what is
//! special about some.
//!
//! ```toml
//! [kube]                                   # {kube.url} {kube.token_file} {kube.ca_file} for the configuration
//! [[kube.pods]]
//! group = "web"
//! annotations = { "fluentbit.io/parser" = "nginx" }
//! ```

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The API server.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Kube {
    /// Whether it speaks TLS.
    #[serde(default = "yes")]
    pub tls: bool,
    /// Whether every record must arrive with the uid of its own pod in `kubernetes.pod_id`: else it is misattributed.
    #[serde(default = "yes")]
    pub proven: bool,
    /// Pods that are special.
    #[serde(default)]
    pub pods: Vec<Pods>,
}

/// The pods of a group of the load.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pods {
    /// The group.
    pub group: String,
    /// Labels beside `app` and `stream`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Annotations.
    #[serde(default)]
    pub annotations: BTreeMap<String, String>,
    /// They take over the names of the pods of this group, a second after somebody asked for those; for the API server the
    /// first ones are gone then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
}

fn yes() -> bool {
    true
}
