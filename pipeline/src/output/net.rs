//! Connections of outputs: TCP, with TLS where it is asked for.

use std::{fmt, time::Duration};

use rustls::pki_types::ServerName;
use thiserror::Error;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::TlsConnector;

use crate::{
    config::{
        error::At,
        keys::{Keys, bad},
        value,
    },
    wire::{
        stream::Stream,
        tls::{self, TlsClient, TlsError},
    },
};

/// Where a server is and how it is talked to.
#[derive(Debug, Clone, PartialEq)]
pub struct Net {
    /// Name or address of the server.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Encryption, if it is wanted.
    pub tls: Option<TlsClient>,
    /// The longest that a connection may take, ms.
    pub connect_timeout_ms: u64,
    /// The longest that an answer may take, ms.
    pub answer_timeout_ms: u64,
    /// When a connection is used again.
    pub keep: Keep,
}

/// When a connection is used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Keep {
    /// At all.
    pub alive: bool,
    /// How long it may have been idle, ms.
    pub idle_ms: u64,
    /// How often; 0 for no end.
    pub times: u64,
}

/// Why there is no connection.
#[derive(Debug, Error)]
pub enum NetError {
    /// It was refused.
    #[error("connect to {address}: {error}; check that it listens there")]
    Connect {
        /// Where.
        address: String,
        /// What the system said.
        error: std::io::Error,
    },
    /// Nobody answered.
    #[error("connect to {address}: no answer within {limit_ms} ms; check that it listens there")]
    Timeout {
        /// Where.
        address: String,
        /// The limit, ms.
        limit_ms: u64,
    },
    /// The other side is not who it should be, or speaks no TLS.
    #[error("secure the connection to {address}: {error}")]
    Tls {
        /// Where.
        address: String,
        /// What is wrong.
        error: std::io::Error,
    },
    /// TLS cannot be set up.
    #[error(transparent)]
    Setup(#[from] TlsError),
}

/// Keys of Fluent Bit that change nothing here, checked all the same: names are looked up by the system, each delivery has
/// one connection, which is watched by its answers, there are no proxies, and messages say each thing once.
fn without_meaning(keys: &Keys<'_>) -> At<()> {
    keys.word("net.dns.mode", &["UDP", "TCP"])?;
    keys.word("net.dns.resolver", &["LEGACY", "ASYNC"])?;
    for key in [
        "net.dns.prefer_ipv4",
        "net.dns.prefer_ipv6",
        "net.tcp_keepalive",
        "net.connect_timeout_log_error",
        "net.proxy_env_ignore",
    ] {
        keys.get(key).map(|_| keys.boolean(key, false)).transpose()?;
    }
    for key in ["net.max_worker_connections", "tls.debug"] {
        keys.get(key).map(|_| keys.number(key, 0, 0, 1_000_000)).transpose()?;
    }
    keys.get("log_suppress_interval").map(|_| keys.millis("log_suppress_interval", 0, 0, 86_400_000)).transpose()?;
    Ok(())
}

impl Net {
    pub(crate) fn plan(keys: &Keys<'_>, port: u16, timeout: &'static str) -> At<Self> {
        let ms = |key, default, least| {
            keys.read(key, default, "a time between 10 ms and 1 h, as 10", |text| {
                value::duration_ms(text).filter(|ms| (least..=3_600_000).contains(ms))
            })
        };
        let tls = tls::client(keys)?;
        without_meaning(keys)?;
        Ok(Self {
            host: keys.text("Host").unwrap_or_else(|| "127.0.0.1".to_owned()),
            port: keys
                .read("Port", port, "a port from 1 to 65535", |text| text.parse().ok().filter(|&port| port > 0))?,
            tls,
            connect_timeout_ms: ms("net.connect_timeout", 10_000, 10)?,
            answer_timeout_ms: match keys.get(timeout) {
                // Fluent Bit's 0 is for ever, which would let a silent peer hold its input for ever.
                Some(entry) if value::duration_ms(&entry.value) == Some(0) => {
                    return Err((
                        entry.line,
                        bad(entry, "a time of at least 10 ms: a peer that never answers must be left"),
                    ));
                }
                _ => ms(timeout, 30_000, 10)?,
            },
            keep: Keep {
                alive: keys.boolean("net.keepalive", true)?,
                idle_ms: ms("net.keepalive_idle_timeout", 30_000, 10)?,
                times: keys.read("net.keepalive_max_recycle", 0, "a number, 0 for no end", |text| text.parse().ok())?,
            },
        })
    }

    /// Encryption whether or not `tls` asks for it.
    pub(crate) fn encrypt(&mut self, keys: &Keys<'_>) -> At<()> {
        if self.tls.is_none() {
            self.tls = Some(TlsClient {
                verify: keys.boolean("tls.verify", true)?,
                verify_hostname: keys.boolean("tls.verify_hostname", true)?,
                authorities: keys.text("tls.ca_file").or_else(|| keys.text("tls.ca_path")).map(Into::into),
                identity: None,
                name: keys.text("tls.vhost"),
            });
        }
        Ok(())
    }

    /// `host:port`.
    pub(super) fn address(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// Makes connections to one server.
pub(super) struct Dialer {
    pub(super) net: Net,
    /// Read from its files at the first connection.
    tls: Option<(TlsConnector, ServerName<'static>)>,
}

impl Dialer {
    pub(super) fn new(net: Net) -> Self {
        Self { net, tls: None }
    }

    pub(super) async fn connect(&mut self) -> Result<Stream, NetError> {
        let (address, limit_ms) = (self.net.address(), self.net.connect_timeout_ms);
        if let Some(tls) = self.net.tls.as_ref().filter(|_| self.tls.is_none()) {
            self.tls = Some(tls.connector(&self.net.host)?);
        }
        let connecting = async {
            let stream = TcpStream::connect((self.net.host.as_str(), self.net.port)).await;
            let stream = stream.map_err(|error| NetError::Connect { address: address.clone(), error })?;
            // What is sent is written whole; waiting for more before the last segment only delays the answer.
            let _ = stream.set_nodelay(true);
            let Some((connector, name)) = &self.tls else { return Ok(Box::new(stream) as Stream) };
            let secured = connector.connect(name.clone(), stream).await;
            let secured = secured.map_err(|error| NetError::Tls { address: address.clone(), error })?;
            Ok(Box::new(secured) as Stream)
        };
        let result = timeout(Duration::from_millis(limit_ms), connecting).await;
        result.unwrap_or_else(|_| Err(NetError::Timeout { address: address.clone(), limit_ms }))
    }
}

impl fmt::Display for Net {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.address())
    }
}

#[cfg(test)]
mod tests;
