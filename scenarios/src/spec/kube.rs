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

use super::units::Span;

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
    /// The pod takes over the name of the first pod of this group, which is gone then for the API server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instead_of: Option<String>,
    /// The API server knows them only from this moment of the measure stretch on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Span>,
}

fn yes() -> bool {
    true
}
