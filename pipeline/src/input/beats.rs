//! `beats`: records from Filebeat, Logstash and their kind, in lumberjack version 2, over TCP or TLS.
//!
//! ```text
//! peer  '2' 'W' window:4                    so many records follow before an answer is due
//!       '2' 'J' number:4 length:4 JSON      a record
//!       '2' 'C' length:4 zlib               frames, compressed
//! here  '2' 'A' number:4                    everything up to this record is taken; 0: still at it
//! ```
//! A record is answered when every output has taken it. A long window is passed on and answered in parts, and while the
//! outputs are slow a peer is told every few seconds that its records are being worked on, so that it does not send
//! them again. Version 1 is refused.

mod connection;
mod frame;

use std::sync::Arc;

use super::{
    intake::Intake,
    listen::{self, Address, Connections, ListenError, Open},
};
use crate::config::{error::At, keys::Keys};

pub(crate) const KEYS: &[&str] = &[
    "Listen",
    "Port",
    "Buffer_Max_Size",
    "Keepalive_Interval",
    "Idle_Timeout",
    "Max_Connections",
    "tls",
    "tls.verify",
    "tls.ca_file",
    "tls.crt_file",
    "tls.key_file",
];

/// Where records are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BeatsInput {
    /// Their tag.
    pub tag: Arc<str>,
    /// Where it listens.
    pub at: Address,
    /// How connections are taken.
    pub connections: Connections,
    /// Longest record, and longest compressed frame, bytes.
    pub message_max: usize,
    /// From one sign of life to the next while a peer waits, ms.
    pub keepalive_ms: u64,
}

pub(crate) fn plan(keys: &Keys<'_>, tag: Arc<str>) -> At<BeatsInput> {
    Ok(BeatsInput {
        tag,
        at: listen::ip(keys, 5_044)?,
        connections: Connections::plan(keys)?,
        message_max: keys.bytes("Buffer_Max_Size", 10_000_000, 1_000, 64_000_000)? as usize,
        keepalive_ms: keys.millis("Keepalive_Interval", 3_000, 10, 3_600_000)?,
    })
}

pub(crate) fn open(plan: &BeatsInput) -> Result<Open, ListenError> {
    Open::new(&plan.at, &plan.connections)
}

pub(crate) async fn run(plan: BeatsInput, open: Open, intake: Intake) {
    let plan = Arc::new(plan);
    let connections = plan.connections.clone();
    let each = {
        let intake = intake.clone();
        move |stream, peer| connection::serve(stream, peer, Arc::clone(&plan), intake.clone())
    };
    listen::serve(open, connections, intake, each).await;
}

#[cfg(test)]
mod tests;
