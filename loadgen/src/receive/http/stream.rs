//! Protocols that are a conversation over TCP: units come in, each is booked as the mode says and answered in its own words.
//!
//! ```text
//! bytes ─▶ Talk::next ─▶ Unit { documents, answer } ─▶ book ─▶ answer     (forward, lumberjack)
//!                                                             no answer   (syslog: nothing can tell the sender)
//! ```
//! None of them has a word for "refused": a refusal cuts the connection, and nothing of the unit is booked.

use std::{rc::Rc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    protocol::Protocol,
    serve::{Connection, Owed, Server},
};
use crate::receive::mode::{Mode, add};

pub mod forward;
pub mod lumberjack;
mod msgpack;
pub mod syslog;

/// Bytes asked for at a time.
const READ: usize = 64 << 10;

/// What a peer sent, whole.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Unit {
    /// How many bytes it took.
    pub(super) len: usize,
    /// Its records.
    pub(super) documents: Vec<Document>,
    /// What the peer waits for once the records are kept; nothing: it waits for nothing.
    pub(super) answer: Vec<u8>,
    /// What is sent at once, before anything is booked.
    pub(super) greeting: Vec<u8>,
}

/// One record as it came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Document {
    /// Its text.
    Text(Vec<u8>),
    /// An object that holds the text.
    Json(Vec<u8>),
}

/// The peer says what nobody can understand.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Broken;

/// A conversation.
#[derive(Debug)]
pub(super) enum Talk {
    Forward(forward::Talk),
    Lumberjack(lumberjack::Talk),
    Syslog,
}

impl Talk {
    /// The conversation of a protocol, if it is one.
    pub(super) fn of(protocol: &Protocol) -> Option<Self> {
        match protocol {
            Protocol::Records | Protocol::Elastic(_) | Protocol::CloudWatch(_) => None,
            Protocol::Forward(plan) => Some(Self::Forward(forward::Talk::new(plan.clone()))),
            Protocol::Lumberjack => Some(Self::Lumberjack(lumberjack::Talk::default())),
            Protocol::Syslog => Some(Self::Syslog),
        }
    }

    /// What the server says first.
    fn opening(&mut self) -> Vec<u8> {
        match self {
            Self::Forward(talk) => talk.opening(),
            Self::Lumberjack(_) | Self::Syslog => Vec::new(),
        }
    }

    /// The unit at the head of `input`, or `None` until more of it is there. `is_end`: nothing more will come.
    fn next(&mut self, input: &[u8], is_end: bool) -> Result<Option<Unit>, Broken> {
        match self {
            Self::Forward(talk) => talk.next(input),
            Self::Lumberjack(talk) => talk.next(input),
            Self::Syslog => syslog::next(input, is_end),
        }
    }
}

/// Talks until the peer goes, is cut off, or makes no sense.
pub(super) async fn connection(server: Rc<Server>, mut talk: Talk, mut stream: TcpStream) {
    let connection = Connection::new(Rc::clone(&server));
    let mut input = Vec::new();
    let opening = talk.opening();
    if stream.write_all(&opening).await.is_err() {
        return;
    }
    let mut is_end = false;
    loop {
        match talk.next(&input, is_end) {
            Ok(Some(unit)) => {
                input.drain(..unit.len);
                if perform(&connection, unit, &mut stream).await.is_none() {
                    return;
                }
            }
            Ok(None) if is_end => return,
            Ok(None) if input.len() >= server.body_limit => {
                add(&server.tally.too_large, 1);
                return;
            }
            Ok(None) => {
                input.reserve(READ);
                match stream.read_buf(&mut input).await {
                    Ok(0) => is_end = true,
                    Ok(bytes) => add(&server.tally.bytes, bytes as u64),
                    // A peer that went away says nothing more.
                    Err(_) => return,
                }
            }
            Err(Broken) => {
                add(&server.tally.malformed, 1);
                return;
            }
        }
    }
}

/// Does with a unit what the mode says; `None`: the connection is to be cut.
async fn perform(connection: &Connection, unit: Unit, stream: &mut TcpStream) -> Option<()> {
    if !unit.greeting.is_empty() {
        stream.write_all(&unit.greeting).await.ok()?;
    }
    if unit.documents.is_empty() && unit.answer.is_empty() {
        return Some(());
    }
    let server = &connection.server;
    let (tally, setting) = (&server.tally, *server.settings.borrow());
    add(&tally.requests, 1);
    let all = &unit.documents[..];
    match setting.mode {
        Mode::Refuse { .. } => {
            add(&tally.refused, 1);
            return None;
        }
        Mode::Reset | Mode::Gone => {
            add(&tally.cut, 1);
            return None;
        }
        Mode::Hang => {
            add(&tally.hung, 1);
            connection.changed(setting).await;
            return None;
        }
        Mode::LoseAck { every } if connection.is_turn(setting.turn, every) => {
            let batch = connection.book(all);
            add(&tally.lost_answers, 1);
            server.ledger.answer_lost(batch, setting.fault_id);
            return None;
        }
        Mode::Partial { .. } => {
            let batch = connection.book(&all[..all.len().div_ceil(2)]);
            add(&tally.partial, 1);
            server.ledger.answer_lost(batch, setting.fault_id);
            return None;
        }
        Mode::Accept | Mode::LoseAck { .. } | Mode::Delay { .. } | Mode::Pace { .. } => {}
    }
    let owed = Owed { server, batch: connection.book(all), fault_id: setting.fault_id };
    match setting.mode {
        Mode::Delay { ms } => {
            add(&tally.delayed, 1);
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        Mode::Pace { per_s } => tokio::time::sleep(server.until_turn(all.len() as u64, per_s)).await,
        _ => {}
    }
    // A failed write leaves the answer owed: the records may come again.
    stream.write_all(&unit.answer).await.ok()?;
    owed.pay();
    Some(())
}
