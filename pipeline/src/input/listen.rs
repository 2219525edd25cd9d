//! Sockets that inputs listen on, and the connections to them: bounded in number, in memory and in silence.
//!
//! Sockets are made when the pipeline starts, so that a port in use or a missing certificate ends the start with a
//! reason. A Unix socket that nobody listens on any more is replaced; any other file in its place is left alone.

mod inbox;
mod socket;

use std::{net::SocketAddr, path::PathBuf, sync::atomic::Ordering, time::Duration};

use thiserror::Error;
use tokio::{task::JoinSet, time::timeout};
use tokio_rustls::TlsAcceptor;

pub(crate) use inbox::{Inbox, InboxError};
pub(crate) use socket::{Datagrams, Receiving, Socket};

use super::intake::Intake;
use crate::{
    config::{error::At, keys::Keys},
    wire::{
        stream::Stream,
        tls::{self, TlsError, TlsServer},
    },
};

/// From one refused `accept` to the next.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The longest that a peer takes to greet.
pub(crate) const GREETING: Duration = Duration::from_secs(10);

/// Where an input listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// TCP or UDP.
    Ip {
        /// Name or address of the interface.
        host: String,
        /// The port; 0 takes any that is free.
        port: u16,
    },
    /// A Unix socket.
    Unix {
        /// Its path.
        path: PathBuf,
        /// Its permissions, octal.
        mode: u32,
    },
}

/// How connections are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connections {
    /// TLS, if it is wanted.
    pub tls: Option<TlsServer>,
    /// How long a peer may be silent, ms.
    pub idle_ms: u64,
    /// Most connections at a time; others wait in the kernel.
    pub most: usize,
}

/// Why an input cannot listen; fits after "failed to".
#[derive(Debug, Error)]
pub enum ListenError {
    /// The address is taken or not ours.
    #[error("listen on {address}: {error}; choose another address, or end whoever uses it")]
    Bind {
        /// The address.
        address: String,
        /// What the system says.
        error: std::io::Error,
    },
    /// Something else is in the place of a Unix socket.
    #[error("listen on {0}: there is a file that is no socket; choose another path or remove it")]
    NoSocket(PathBuf),
    /// Another process listens there.
    #[error("listen on {0}: another process listens there; choose another path or end it")]
    InUse(PathBuf),
    /// TLS cannot be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A file of the input's own cannot be used.
    #[error("use {path}: {error}; check the path and its permissions")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
}

impl Connections {
    /// What `Idle_Timeout`, `Max_Connections` and the keys of TLS say.
    pub(crate) fn plan(keys: &Keys<'_>) -> At<Self> {
        Ok(Self {
            tls: tls::server(keys)?,
            idle_ms: keys.millis("Idle_Timeout", 300_000, 100, 86_400_000)?,
            most: keys.number("Max_Connections", 1_024, 1, 100_000)? as usize,
        })
    }

    /// The longest silence of a peer.
    pub(crate) fn idle(&self) -> Duration {
        Duration::from_millis(self.idle_ms)
    }
}

/// `Listen` and `Port`. Nobody else's machine is let in unless that is said.
pub(crate) fn ip(keys: &Keys<'_>, port: u16) -> At<Address> {
    let host = keys.text("Listen").unwrap_or_else(|| "127.0.0.1".to_owned());
    Ok(Address::Ip { host, port: keys.number("Port", port.into(), 0, 65_535)? as u16 })
}

/// `Unix_Perm`.
pub(crate) fn permissions(keys: &Keys<'_>) -> At<u32> {
    let octal = |text: &str| u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    keys.read("Unix_Perm", 0o644, "permissions in octal, as 0644", octal)
}

/// A socket that takes connections, and what makes TLS ones of them.
pub(crate) struct Open {
    pub(crate) socket: Socket,
    pub(crate) acceptor: Option<TlsAcceptor>,
}

impl Open {
    /// Opens what is configured.
    pub(crate) fn new(at: &Address, connections: &Connections) -> Result<Self, ListenError> {
        let tls = connections.tls.as_ref();
        let acceptor = tls.map(TlsServer::acceptor).transpose()?;
        Ok(Self { socket: Socket::listen(at)?, acceptor })
    }
}

/// Who is at the other end.
#[derive(Debug, Clone)]
pub(crate) struct Peer(Option<SocketAddr>);

impl Peer {
    pub(crate) fn new(address: Option<SocketAddr>) -> Self {
        Self(address)
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.0
    }
}

impl std::fmt::Display for Peer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(address) => address.fmt(f),
            None => f.write_str("a local process"),
        }
    }
}

/// Takes connections until the intake says stop, and ends when the last of them has ended.
pub(crate) async fn serve<F, W>(open: Open, limits: Connections, intake: Intake, each: F)
where
    F: Fn(Stream, Peer) -> W + Clone + Send + 'static,
    W: Future<Output = ()> + Send + 'static,
{
    let socket = match open.socket.accepting() {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(input = intake.name(), %error, "nothing can be accepted; restart the pipeline");
            return intake.stopped().await;
        }
    };
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = intake.stopped() => break,
            Some(_) = connections.join_next() => {}
            accepted = socket.accept(), if connections.len() < limits.most => match accepted {
                Ok((stream, peer)) => {
                    let greeting = greet(stream, peer.clone(), open.acceptor.clone(), limits.idle(), intake.clone());
                    let each = each.clone();
                    connections.spawn(async move {
                        if let Some(stream) = greeting.await {
                            each(stream, peer).await;
                        }
                    });
                }
                Err(error) => {
                    tracing::warn!(input = intake.name(), %error, "a connection was not accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(socket);
    while connections.join_next().await.is_some() {}
}

/// Makes a TLS connection of it where that is wanted.
async fn greet(
    stream: Stream,
    peer: Peer,
    acceptor: Option<TlsAcceptor>,
    idle: Duration,
    intake: Intake,
) -> Option<Stream> {
    let Some(acceptor) = acceptor else { return Some(stream) };
    let greeting = tokio::select! {
        () = intake.stopped() => return None,
        greeting = timeout(idle.min(GREETING), acceptor.accept(stream)) => greeting,
    };
    let why = match greeting {
        Ok(Ok(stream)) => return Some(Box::new(stream)),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the peer was silent".to_owned(),
    };
    intake.counters().malformed.fetch_add(1, Ordering::Relaxed);
    tracing::warn!(input = intake.name(), %peer, why, "no TLS connection came about");
    None
}

#[cfg(test)]
mod tests;
