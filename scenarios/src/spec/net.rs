//! `[net]` and `[process.probes]`: limits of the kernel on the way in, and what an orchestrator asks of a process.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::Span;

/// Limits of the network that the run is in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Net {
    /// Datagrams that wait in a Unix socket at most (`net.unix.max_dgram_qlen`). With root the run has a network namespace
    /// with this limit; else it is the machine's, and the run says which that is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_dgram_qlen: Option<u32>,
}

/// HTTP requests that must be answered with success while the load is on, as a kubelet makes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Probes {
    /// The port; names in braces are filled in.
    #[serde(default = "port")]
    pub port: String,
    /// Path that tells whether it takes requests.
    pub readiness: Option<String>,
    /// Path that tells whether it lives.
    pub liveness: Option<String>,
    /// From one to the next.
    #[serde(default = "every")]
    pub every: Span,
    /// The longest that an answer may take.
    #[serde(default = "timeout")]
    pub timeout: Span,
    /// So many in a row may not fail.
    #[serde(default = "failures")]
    pub failures: u32,
}

fn port() -> String {
    "{port.http}".to_owned()
}

fn every() -> Span {
    Span(1_000_000)
}

fn timeout() -> Span {
    Span(3_000_000)
}

fn failures() -> u32 {
    3
}
