//! `[[front]]`: front ends whose access log is what the agent reads; groups of requests are sent to them.
//!
//! ```text
//! [[load.group]] via = { http = { front = "access" } }  ── GET … ──▶  [[front]] "access" ── logs/access.log ──▶ agent
//! ```
//! The bench has one of its own, which knows to the record what it logged; or it starts the real nginx, which says in its
//! error log what its socket did not take.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Size, Span};

/// A front end: requests are sent to it, and its access log is what the agent reads.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Front {
    /// Its name, which is that of its log: `logs/<name>.log`, or that of its pod.
    pub name: String,
    /// Who answers and logs.
    #[serde(default, skip_serializing_if = "is_embedded")]
    pub server: FrontServer,
    /// Worker processes of nginx, absent: one. Each has the log open by itself and opens it anew on its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workers: Option<u16>,
    /// What a line of the log says.
    #[serde(default)]
    pub log: AccessLog,
    /// Lines wait for each other until so many bytes are there; absent: each is written by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buffer: Option<Size>,
    /// How long a line waits for others at most.
    #[serde(default = "a_second")]
    pub flush: Span,
    /// The Unix datagram socket to which lines are sent as syslog messages, for example `{socket.log}`; absent: they are
    /// written to the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub syslog: Option<String>,
}

/// Who answers and logs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FrontServer {
    /// The bench itself, as nginx does.
    #[default]
    Embedded,
    /// The real nginx, which has to be installed. It writes bare lines (`load.layout = "plain"`) or sends them to `syslog`.
    Nginx,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_embedded(server: &FrontServer) -> bool {
    *server == FrontServer::Embedded
}

/// What a line of an access log says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AccessLog {
    /// nginx's own format.
    #[default]
    Combined,
    /// One JSON object.
    Json,
    /// `key=value`.
    Logfmt,
    /// `label:value`, tabs between.
    Ltsv,
}

/// Requests to a front end: each stream is a connection with one request at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// The front end.
    pub front: String,
    /// What is asked for.
    #[serde(default)]
    pub asks: Asks,
}

/// What is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Asks {
    /// Pages of a shop; the record is in the query.
    #[default]
    Shop,
    /// `/healthcheck`, as liveness probes do; the record is in the user agent.
    Healthcheck,
}

fn a_second() -> Span {
    Span(1_000_000)
}
