//! One server: its connection, the greeting, chunks out and acks in.

use std::time::Duration;

use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::UnixStream,
    time::timeout,
};

use super::{Login, Node, chunk::Chunk};
use crate::{
    output::net::{Dialer, NetError},
    wire::{
        forward::{
            self, ForwardError,
            handshake::{self, GREETING_MAX, Hello, Ping, Pong},
        },
        msgpack::{MsgpackError, Scan},
        stream::Stream,
    },
};

/// Longest answer of a server, bytes.
const ANSWER_MAX: usize = 8 << 10;

/// Why chunks did not get through.
#[derive(Debug, Error)]
pub(super) enum PeerError {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error("talk to {node}: {error}")]
    Broken { node: String, error: std::io::Error },
    #[error("get an ack from {node} within {limit_ms} ms; raise Ack_Timeout if it is only slow")]
    Timeout { node: String, limit_ms: u64 },
    #[error("read the answer of {node}: {error}")]
    Answer { node: String, error: ForwardError },
    #[error("log in at {node}: {error}")]
    Greeting { node: String, error: MsgpackError },
    #[error("log in at {node}: {reason:?}; compare Shared_Key, Username and Password on both sides")]
    Login { node: String, reason: String },
}

/// A server.
pub(super) struct Peer {
    node: Node,
    dialer: Dialer,
    open: Option<Open>,
}

struct Open {
    stream: Stream,
    /// What was read and not yet understood.
    read: Vec<u8>,
}

impl Peer {
    pub(super) fn new(node: &Node) -> Self {
        Self { node: node.clone(), dialer: Dialer::new(node.net.clone()), open: None }
    }

    /// Sends chunks: which of them are taken, and why not all of them are.
    pub(super) async fn send(
        &mut self,
        chunks: &[Chunk],
        ack: bool,
        limit: Duration,
    ) -> (Vec<bool>, Result<(), PeerError>) {
        let mut acked = vec![false; chunks.len()];
        let result = self.exchange(chunks, ack, limit, &mut acked).await;
        if result.is_err() || !self.node.net.keep.alive {
            self.open = None;
        }
        (acked, result)
    }

    async fn exchange(
        &mut self,
        chunks: &[Chunk],
        ack: bool,
        limit: Duration,
        acked: &mut [bool],
    ) -> Result<(), PeerError> {
        let name = self.node.name.clone();
        let late = || PeerError::Timeout { node: name.clone(), limit_ms: limit.as_millis() as u64 };
        let mut open = match self.open.take() {
            Some(open) => open,
            None => timeout(limit, self.connect()).await.map_err(|_| late())??,
        };
        let broken = |error| PeerError::Broken { node: name.clone(), error };
        let Open { stream, read } = &mut open;
        let (mut from, mut to) = tokio::io::split(stream);
        let write = async {
            for chunk in chunks {
                to.write_all(&chunk.bytes).await.map_err(broken)?;
            }
            to.flush().await.map_err(broken)
        };
        if !ack {
            timeout(limit, write).await.map_err(|_| late())??;
            acked.fill(true);
            drop((from, to));
            self.open = Some(open);
            return Ok(());
        }
        let answers = async {
            while acked.contains(&false) {
                // Each ack starts the wait anew: a server that works through a long queue is not silent.
                let answer = timeout(limit, value(&mut from, read, ANSWER_MAX)).await.map_err(|_| late())?;
                let answer = answer.map_err(broken)?;
                let id =
                    forward::decode_ack(&answer).map_err(|error| PeerError::Answer { node: name.clone(), error })?;
                // An ack of a chunk that was given up at an earlier connection cannot come: this connection is new.
                if let Some(place) = chunks.iter().position(|chunk| chunk.id == id) {
                    acked[place] = true;
                }
            }
            Ok(())
        };
        // Acks are read while chunks are written, or both sides could wait for the other to read.
        let both = async { tokio::try_join!(write, answers).map(|_| ()) };
        both.await?;
        drop((from, to));
        self.open = Some(open);
        Ok(())
    }

    async fn connect(&mut self) -> Result<Open, PeerError> {
        let node = self.node.name.clone();
        let stream: Stream = match &self.node.unix {
            None => self.dialer.connect().await?,
            Some(path) => {
                let stream = UnixStream::connect(path).await;
                Box::new(stream.map_err(|error| PeerError::Broken { node: node.clone(), error })?)
            }
        };
        let mut open = Open { stream, read: Vec::new() };
        if let Some(login) = &self.node.login {
            login.prove(&node, &mut open).await?;
        }
        Ok(open)
    }
}

impl Login {
    /// Goes through the greeting: both sides show that they know the key.
    async fn prove(&self, node: &str, open: &mut Open) -> Result<(), PeerError> {
        let broken = |error| PeerError::Broken { node: node.to_owned(), error };
        let greeting = |error| PeerError::Greeting { node: node.to_owned(), error };
        let Open { stream, read } = open;
        let hello = value(stream, read, GREETING_MAX).await.map_err(broken)?;
        let hello = Hello::decode(&hello).map_err(greeting)?;
        let user = self.user.as_ref().map(|(user, password)| (user.as_bytes(), password.as_bytes()));
        let (hostname, key) = (self.hostname.as_bytes(), self.shared_key.as_bytes());
        let own = Ping::new(&hello, hostname, handshake::random(), key, user);
        let mut bytes = Vec::new();
        own.encode(&mut bytes);
        stream.write_all(&bytes).await.map_err(broken)?;
        stream.flush().await.map_err(broken)?;
        let pong = value(stream, read, GREETING_MAX).await.map_err(broken)?;
        let pong = Pong::decode(&pong).map_err(greeting)?;
        if own.proves(&hello, &pong, key) {
            return Ok(());
        }
        let reason = if pong.accepted { "the server does not know the shared key".to_owned() } else { pong.reason };
        Err(PeerError::Login { node: node.to_owned(), reason })
    }
}

/// The next value that the other side sends, at most `most` bytes; what came behind it stays in `read`.
async fn value(from: &mut (impl AsyncReadExt + Unpin), read: &mut Vec<u8>, most: usize) -> std::io::Result<Vec<u8>> {
    let mut scan = Scan::new(most);
    loop {
        let malformed = |error: MsgpackError| std::io::Error::new(std::io::ErrorKind::InvalidData, error.to_string());
        if let Some(len) = scan.advance(read).map_err(malformed)? {
            let rest = read.split_off(len);
            return Ok(std::mem::replace(read, rest));
        }
        let mut block = [0; 4096];
        match from.read(&mut block).await? {
            0 => return Err(std::io::ErrorKind::UnexpectedEof.into()),
            n => read.extend_from_slice(&block[..n]),
        }
    }
}
