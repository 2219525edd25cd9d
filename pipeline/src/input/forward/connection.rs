//! One peer: its greeting, its messages, and the answers to them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, atomic::Ordering};

use tokio::{
    io::{AsyncRead, AsyncWrite, AsyncWriteExt, ReadHalf, WriteHalf},
    sync::mpsc,
    time::timeout,
};

use super::{
    ForwardInput,
    seen::{Digest, Known, Seen, digest},
};
use crate::{
    buffer::Note,
    chunk::mix,
    input::{
        intake::{Intake, Receipt},
        listen::{GREETING, Inbox, InboxError, Peer},
    },
    wire::{
        forward::{self, ForwardError, Message, handshake},
        inflate::Limits,
        msgpack::{MsgpackError, Scan},
        stream::Stream,
    },
};

/// Chunks of one peer that are under way at a time; more wait in its socket.
const UNDER_WAY: usize = 256;

/// What all connections share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) plan: ForwardInput,
    seen: Option<Arc<Mutex<Seen>>>,
    intake: Intake,
}

/// An answer that is due.
#[derive(Debug)]
struct Due {
    when: When,
    chunk: Option<Vec<u8>>,
}

#[derive(Debug)]
enum When {
    /// Its records are under way.
    Taken(Receipt),
    /// It was taken before.
    Now,
    /// The same chunk is under way for another connection.
    Other(tokio::sync::watch::Receiver<bool>),
}

impl Shared {
    pub(super) fn new(plan: ForwardInput, seen: Option<Seen>, intake: Intake) -> Self {
        Self { plan, seen: seen.map(|seen| Arc::new(Mutex::new(seen))), intake }
    }

    /// The last word to the disk.
    pub(super) fn finish(&self) {
        if let Some(Err(error)) = self.seen().map(|mut seen| seen.sync()) {
            tracing::error!(input = self.intake.name(), %error, "the chunks that were taken did not reach the disk");
        }
    }

    /// A panic elsewhere leaves it whole: every change is made under one lock.
    fn seen(&self) -> Option<MutexGuard<'_, Seen>> {
        Some(self.seen.as_ref()?.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Passes a message on, unless it was passed on before.
    fn pass(&self, message: Message, bytes: &[u8]) -> Due {
        let Message { tag, mut events, options, skipped, .. } = message;
        if skipped > 0 {
            self.intake.counters().malformed.fetch_add(skipped as u64, Ordering::Relaxed);
            tracing::warn!(input = self.intake.name(), entries = skipped, "what is no record was left out");
        }
        let name = options.chunk.is_some().then(|| digest(bytes));
        if let Some(name) = name {
            if let Some(mut seen) = self.seen() {
                match seen.begin(name) {
                    Known::No => {}
                    Known::Taken => return Due { when: When::Now, chunk: options.chunk },
                    Known::UnderWay(other) => return Due { when: When::Other(other), chunk: options.chunk },
                }
            }
            let name = u128::from_le_bytes(name);
            events.iter_mut().zip(1..).for_each(|(event, index)| event.id = mix(name, index));
        }
        let tag = self.tag(&tag);
        let receipt = match name.and_then(|name| self.note(name)) {
            Some(note) => self.intake.push_noted(&tag, events, note),
            None => self.intake.push(&tag, events),
        };
        Due { when: When::Taken(receipt), chunk: options.chunk }
    }

    fn tag(&self, tag: &[u8]) -> Arc<str> {
        if let Some(tag) = &self.plan.tag {
            return Arc::clone(tag);
        }
        let tag = String::from_utf8_lossy(tag);
        match &self.plan.tag_prefix {
            Some(prefix) => format!("{prefix}{tag}").into(),
            None => tag.into(),
        }
    }

    /// What notes that a chunk was taken, before anybody is told. With a buffer on disk that is in the moment in which the
    /// last record of the chunk is written: if the process is killed in between, the store knows the records by their ids
    /// when they come again (buffer/store.rs).
    fn note(&self, name: Digest) -> Option<Note> {
        let (seen, input) = (Arc::clone(self.seen.as_ref()?), self.intake.name().to_owned());
        Some(Note(Box::new(move || {
            let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
            if let Err(error) = seen.taken(name)
                && seen.failures().is_power_of_two()
            {
                let times = seen.failures();
                tracing::error!(input, %error, times, "a chunk that was taken could not be noted: after a kill it may come twice");
            }
        })))
    }

    fn refuse(&self, peer: &Peer, why: &dyn std::fmt::Display) {
        self.intake.counters().malformed.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(input = self.intake.name(), %peer, %why, "the connection is closed");
    }
}

/// Serves a peer to its end.
pub(super) async fn serve(stream: Stream, peer: Peer, shared: Arc<Shared>) {
    let (reader, mut writer) = tokio::io::split(stream);
    let mut inbox = Inbox::new(reader, shared.plan.connections.idle(), shared.intake.clone());
    if shared.plan.security.is_some() {
        let greeting = greet(&mut inbox, &mut writer, &shared);
        let why = match timeout(GREETING, greeting).await {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some("the peer did not greet in time".to_owned()),
        };
        if let Some(why) = why {
            return shared.refuse(&peer, &why);
        }
    }
    let (due, dues) = mpsc::channel(UNDER_WAY);
    let read = read(&mut inbox, &peer, &shared, due);
    tokio::join!(read, answer(writer, dues, &shared));
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error(transparent)]
    Inbox(#[from] InboxError),
    #[error(transparent)]
    Forward(#[from] ForwardError),
    #[error(transparent)]
    Msgpack(#[from] MsgpackError),
    #[error(transparent)]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Denied(String),
}

async fn greet<R: AsyncRead + Unpin, W: AsyncWrite + Unpin>(
    inbox: &mut Inbox<R>,
    writer: &mut W,
    shared: &Shared,
) -> Result<(), Refused> {
    let Some(security) = &shared.plan.security else { return Ok(()) };
    let hello = security.hello(handshake::random(), handshake::random());
    let mut out = Vec::new();
    hello.encode(&mut out);
    writer.write_all(&out).await?;
    writer.flush().await?;
    let len = message(inbox, handshake::GREETING_MAX).await?;
    let ping = handshake::Ping::decode(&inbox.bytes()[..len])?;
    inbox.used(len);
    let pong = security.answer(&hello, &ping);
    out.clear();
    pong.encode(&mut out);
    writer.write_all(&out).await?;
    writer.flush().await?;
    if pong.accepted { Ok(()) } else { Err(Refused::Denied(pong.reason)) }
}

/// The length of the next message, which is whole then.
async fn message<R: AsyncRead + Unpin>(inbox: &mut Inbox<R>, most: usize) -> Result<usize, Refused> {
    let mut scan = Scan::new(most);
    loop {
        if let Some(len) = scan.advance(inbox.bytes())? {
            return Ok(len);
        }
        inbox.more().await?;
    }
}

async fn read(inbox: &mut Inbox<ReadHalf<Stream>>, peer: &Peer, shared: &Shared, due: mpsc::Sender<Due>) {
    let why = loop {
        let len = match message(inbox, shared.plan.message_max).await {
            Ok(len) => len,
            Err(why) => break why,
        };
        let bytes = &inbox.bytes()[..len];
        let answer = match decode(bytes) {
            // Some clients keep a connection alive with a lone nil.
            Ok(None) => None,
            Ok(Some(message)) => Some(shared.pass(message, bytes)),
            Err(why) => break why.into(),
        };
        inbox.used(len);
        if let Some(answer) = answer
            && due.send(answer).await.is_err()
        {
            // Nobody can be answered any more.
            return;
        }
    };
    match why {
        Refused::Inbox(InboxError::Over | InboxError::Stopped) => {}
        Refused::Inbox(why) => tracing::info!(input = shared.intake.name(), %peer, %why, "the connection has ended"),
        why => shared.refuse(peer, &why),
    }
}

fn decode(bytes: &[u8]) -> Result<Option<Message>, ForwardError> {
    if bytes == [0xc0] {
        return Ok(None);
    }
    forward::decode(bytes, &Limits::default()).map(Some)
}

/// Answers in order, each when it holds.
async fn answer(mut writer: WriteHalf<Stream>, mut dues: mpsc::Receiver<Due>, shared: &Shared) {
    let mut out = Vec::new();
    let mut broken = false;
    while let Some(Due { when, chunk }) = dues.recv().await {
        match when {
            When::Now => {}
            When::Taken(receipt) => receipt.taken().await,
            When::Other(mut other) => {
                // Its sender goes only after it was told.
                let _ = other.wait_for(|taken| *taken).await;
            }
        }
        if let Some(chunk) = chunk {
            forward::encode_ack(&chunk, &mut out);
        }
        if !broken && !out.is_empty() {
            let write = async {
                writer.write_all(&out).await?;
                writer.flush().await
            };
            // A peer that is gone or does not read is not answered; what it sent is noted all the same.
            broken = !matches!(timeout(shared.plan.connections.idle(), write).await, Ok(Ok(())));
            out.clear();
        }
    }
    let _ = writer.shutdown().await;
}
