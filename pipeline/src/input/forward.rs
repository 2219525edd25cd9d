//! `forward`: records from Fluentd, Fluent Bit and their kind, in all four modes, over TCP, TLS or a Unix socket.
//!
//! ```text
//! peer ── message, chunk A ─▶ push ─▶ receipt A ─┐
//!      ── message, chunk B ─▶ push ─▶ receipt B ─┤  several are under way at a time
//!      ◀─ {"ack": A}, {"ack": B} ◀── taken ──────┘  answers go in the order of the messages
//! ```
//! A chunk is answered when every output has taken it. With `Dedup_File` a chunk that was taken although its answer was
//! lost is answered again without being delivered again, also after a restart. What cannot be understood is not
//! answered, and the connection is closed: a peer that demands answers keeps its records.

mod connection;
mod seen;

use std::{path::PathBuf, sync::Arc};

use self::seen::Seen;
use super::{
    intake::Intake,
    listen::{self, Address, Connections, ListenError, Open},
};
use crate::{
    config::{
        error::{At, Problem},
        keys::{Keys, bad},
    },
    wire::forward::handshake::Security,
};

pub(crate) const KEYS: &[&str] = &[
    "Listen",
    "Port",
    "Unix_Path",
    "Unix_Perm",
    "Tag_Prefix",
    "Shared_Key",
    "Empty_Shared_Key",
    "Self_Hostname",
    "Security.Users",
    "Users",
    "Buffer_Chunk_Size",
    "Buffer_Max_Size",
    "Dedup_File",
    "Dedup_Entries",
    "Idle_Timeout",
    "Max_Connections",
    "tls",
    "tls.verify",
    "tls.ca_file",
    "tls.crt_file",
    "tls.key_file",
];
/// Keys that may come several times.
pub(crate) const MANY: &[&str] = &["Security.Users", "Users"];

/// Where records are taken, and from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardInput {
    /// Where it listens.
    pub at: Address,
    /// How connections are taken.
    pub connections: Connections,
    /// A tag for all records instead of their own.
    pub tag: Option<Arc<str>>,
    /// What stands before every tag.
    pub tag_prefix: Option<String>,
    /// What peers must prove; none: anybody may send.
    pub security: Option<Security>,
    /// Longest message, bytes.
    pub message_max: usize,
    /// File of the chunks that were taken, and how many are remembered.
    pub dedup: Option<(PathBuf, usize)>,
}

pub(crate) fn plan(keys: &Keys<'_>, tag: Option<Arc<str>>) -> At<ForwardInput> {
    // Room grows as messages come; the first piece of it needs no setting.
    keys.bytes("Buffer_Chunk_Size", 1_024_000, 1_000, 64_000_000)?;
    Ok(ForwardInput {
        at: address(keys)?,
        connections: Connections::plan(keys)?,
        tag,
        tag_prefix: keys.text("Tag_Prefix"),
        security: security(keys)?,
        message_max: keys.bytes("Buffer_Max_Size", 6_144_000, 1_000, 256_000_000)? as usize,
        dedup: match keys.text("Dedup_File") {
            None if keys.get("Dedup_Entries").is_some() => {
                return Err((keys.place(), Problem::Contradiction("`Dedup_Entries` needs a `Dedup_File`; add it")));
            }
            None => None,
            Some(path) => Some((path.into(), keys.number("Dedup_Entries", 65_536, 16, 4_000_000)? as usize)),
        },
    })
}

fn address(keys: &Keys<'_>) -> At<Address> {
    if let Some(path) = keys.text("Unix_Path") {
        if let Some(entry) = keys.get("Port").or_else(|| keys.get("Listen")) {
            return Err((
                entry.line,
                Problem::Contradiction("`Unix_Path` stands instead of `Listen` and `Port`; keep one"),
            ));
        }
        return Ok(Address::Unix { path: path.into(), mode: listen::permissions(keys)? });
    }
    listen::ip(keys, 24_224)
}

fn security(keys: &Keys<'_>) -> At<Option<Security>> {
    let mut users = Vec::new();
    for entry in keys.all("Security.Users").chain(keys.all("Users")) {
        let (user, password) = entry
            .value
            .split_once(char::is_whitespace)
            .ok_or_else(|| (entry.line, bad(entry, "a user and a password")))?;
        users.push((user.as_bytes().to_vec(), password.trim().as_bytes().to_vec()));
    }
    let empty = keys.boolean("Empty_Shared_Key", false)?;
    let hostname = keys.text("Self_Hostname").unwrap_or_else(|| "localhost".to_owned());
    match (keys.get("Shared_Key"), empty, users.is_empty()) {
        (Some(entry), true, _) => Err((
            entry.line,
            Problem::Contradiction("both `Shared_Key` and `Empty_Shared_Key` say what the key is; keep one"),
        )),
        (Some(entry), false, _) => Ok(Some(Security { shared_key: entry.value.as_bytes().to_vec(), users, hostname })),
        (None, true, _) => Ok(Some(Security { shared_key: Vec::new(), users, hostname })),
        (None, false, true) => Ok(None),
        (None, false, false) => {
            let why = "`Security.Users` needs a `Shared_Key`, or `Empty_Shared_Key on`; without it users prove nothing";
            Err((keys.place(), Problem::Contradiction(why)))
        }
    }
}

/// What the plan needs from the system.
pub(crate) struct Ready {
    pub(super) open: Open,
    seen: Option<Seen>,
}

pub(crate) fn open(plan: &ForwardInput) -> Result<Ready, ListenError> {
    let seen = plan
        .dedup
        .as_ref()
        .map(|(path, most)| Seen::open(path, *most).map_err(|error| ListenError::File { path: path.clone(), error }));
    Ok(Ready { open: Open::new(&plan.at, &plan.connections)?, seen: seen.transpose()? })
}

pub(crate) async fn run(plan: ForwardInput, ready: Ready, intake: Intake) {
    let shared = Arc::new(connection::Shared::new(plan, ready.seen, intake.clone()));
    let connections = shared.plan.connections.clone();
    let each = {
        let shared = Arc::clone(&shared);
        move |stream, peer| connection::serve(stream, peer, Arc::clone(&shared))
    };
    listen::serve(ready.open, connections, intake, each).await;
    shared.finish();
}

#[cfg(test)]
mod tests;
