//! `syslog`: messages of RFC 3164 and RFC 5424, as datagrams or over connections.
//!
//! ```text
//! udp, unix_udp   one datagram, one message
//! tcp, unix_tcp   <13>message LF <13>message LF …      each ended by LF (or NUL)
//!                 21 <13>message of 21 byte…           counted in octets (RFC 6587), told apart by its first digit
//! ```
//! A message that the parser does not understand is kept raw and counted. Nobody is answered in this protocol, so what
//! has been read is lost if the process is killed; a connection is not read while the buffer is full, and datagrams that the
//! kernel drops meanwhile are counted where it tells (UDP). A Unix datagram socket makes its senders wait or fail.

mod datagrams;
mod drops;
mod frames;
mod text;

use std::sync::Arc;

use self::text::Reader;
use super::{
    intake::Intake,
    listen::{self, Address, Connections, Datagrams, ListenError, Open},
};
use crate::{
    config::{
        error::{At, Problem},
        keys::Keys,
        shared::Around,
    },
    parse::parser::{ParserPlan, parser_named},
};

pub(crate) const KEYS: &[&str] = &[
    "Mode",
    "Listen",
    "Port",
    "Path",
    "Unix_Perm",
    "Parser",
    "Buffer_Chunk_Size",
    "Buffer_Max_Size",
    "Receive_Buffer_Size",
    "Raw_Message_Key",
    "Source_Address_Key",
    "Idle_Timeout",
    "Max_Connections",
    "tls",
    "tls.verify",
    "tls.ca_file",
    "tls.crt_file",
    "tls.key_file",
];
const MODES: &[&str] = &["unix_udp", "unix_tcp", "udp", "tcp"];

/// Where messages come from, and what becomes of them.
#[derive(Debug, Clone, PartialEq)]
pub struct SyslogInput {
    /// Their tag.
    pub tag: Arc<str>,
    /// Where it listens.
    pub at: Address,
    /// Whether over connections, and how; else as datagrams.
    pub connections: Option<Connections>,
    /// What makes fields of a message.
    pub parser: Arc<ParserPlan>,
    /// Longest message, bytes; what is longer is cut, marked in the counters.
    pub message_max: usize,
    /// What the kernel is asked to keep of datagrams, bytes.
    pub receive_buffer: Option<usize>,
    /// Key of the message as it came, if that is wanted as well.
    pub raw_key: Option<String>,
    /// Key of the sender's address, if it is wanted.
    pub source_key: Option<String>,
}

pub(crate) fn plan(keys: &Keys<'_>, tag: Arc<str>, around: &Around<'_>) -> At<SyslogInput> {
    let mode = keys.word("Mode", MODES)?.unwrap_or(0);
    let (unix, stream) = (mode < 2, mode % 2 == 1);
    let wrong = if unix { ["Listen", "Port"] } else { ["Path", "Unix_Perm"] };
    if let Some(entry) = wrong.into_iter().find_map(|key| keys.get(key)) {
        let why =
            "`Listen` and `Port` go with the modes udp and tcp, `Path` and `Unix_Perm` with unix_udp and unix_tcp";
        return Err((entry.line, Problem::Contradiction(why)));
    }
    let parser = if let Some(entry) = keys.get("Parser") {
        parser_named(&around.parsers, entry, &entry.value)?
    } else {
        let usual = if unix { "syslog-rfc3164-local" } else { "syslog-rfc5424" };
        Arc::clone(around.parsers.get(usual).expect("it is built in"))
    };
    let connections = Connections::plan(keys)?;
    if connections.tls.is_some() && !stream {
        let line = keys.need("tls")?.line;
        return Err((line, Problem::Contradiction("`tls` goes with the modes tcp and unix_tcp")));
    }
    keys.bytes("Buffer_Chunk_Size", 32_000, 1_000, 64_000_000)?;
    let receive = keys.bytes("Receive_Buffer_Size", 4_000_000, 1_000, 1_000_000_000)?;
    Ok(SyslogInput {
        tag,
        at: if unix {
            Address::Unix { path: keys.need("Path")?.value.clone().into(), mode: listen::permissions(keys)? }
        } else {
            listen::ip(keys, 5_140)?
        },
        connections: stream.then_some(connections),
        parser,
        message_max: keys.bytes("Buffer_Max_Size", 64_000, 480, 64_000_000)? as usize,
        receive_buffer: Some(receive as usize),
        raw_key: keys.text("Raw_Message_Key"),
        source_key: keys.text("Source_Address_Key"),
    })
}

/// What the plan needs from the system.
pub(crate) enum Ready {
    Stream(Open),
    Datagrams(Datagrams),
}

pub(crate) fn open(plan: &SyslogInput) -> Result<Ready, ListenError> {
    Ok(match &plan.connections {
        Some(connections) => Ready::Stream(Open::new(&plan.at, connections)?),
        None => Ready::Datagrams(Datagrams::bind(&plan.at, plan.receive_buffer)?),
    })
}

pub(crate) async fn run(plan: SyslogInput, ready: Ready, intake: Intake) {
    match ready {
        Ready::Datagrams(socket) => datagrams::run(&plan, socket, &intake).await,
        Ready::Stream(open) => {
            let limits = plan.connections.clone().expect("a stream has connections");
            let plan = Arc::new(plan);
            let each = {
                let intake = intake.clone();
                move |stream, peer| frames::serve(stream, peer, Arc::clone(&plan), intake.clone())
            };
            listen::serve(open, limits, intake, each).await;
        }
    }
}

#[cfg(test)]
mod tests;
