//! `syslog`: to a syslog server, by UDP, TCP, TLS or a Unix socket, as RFC 3164 or RFC 5424.
//!
//! ```text
//! <13>Nov 21 05:50:01 web-0 nginx[7]: text                            rfc3164
//! <13>1 2026-11-21T05:50:01.123456Z web-0 nginx 7 - - text            rfc5424, the default
//! ```
//! Nobody answers in this protocol: a record is taken when the system has its bytes. What is on the way when a server
//! dies is lost without a word, and UDP may lose at any time. A connection that the server has closed is noticed before
//! more is written into it.

use std::{io, path::PathBuf, sync::Arc, time::Duration};

use thiserror::Error;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{UdpSocket, UnixDatagram, UnixStream},
    time::timeout,
};

use super::{
    Context,
    net::{Dialer, Net, NetError},
    plan::{OutputPlan, net_keys},
    retry::Retry,
};
use crate::{
    config::{
        error::At,
        keys::{Keys, bad},
    },
    parse::Batch,
    wire::stream::Stream,
};

mod format;

use format::{Formatter, Header};

pub(crate) const KEYS: &[&str] = net_keys!(
    "Mode",
    "Path",
    "Framing",
    "Syslog_Format",
    "Syslog_MaxSize",
    "Syslog_Severity_Key",
    "Syslog_Severity_Preset",
    "Syslog_Facility_Key",
    "Syslog_Facility_Preset",
    "Syslog_Hostname_Key",
    "Syslog_Hostname_Preset",
    "Syslog_Appname_Key",
    "Syslog_Appname_Preset",
    "Syslog_Procid_Key",
    "Syslog_Procid_Preset",
    "Syslog_Msgid_Key",
    "Syslog_Msgid_Preset",
    "Syslog_SD_Key",
    "Syslog_Message_Key",
);
const MODES: &[&str] = &["udp", "tcp", "tls", "unix", "unix_udp", "unix_tcp"];
const FORMATS: &[&str] = &["rfc5424", "rfc3164"];
const FRAMINGS: &[&str] = &["lf", "octet_counting"];
/// Text that is taken at once, bytes.
const BYTES: usize = 256 << 10;
/// Largest datagram over IPv4, bytes.
const DATAGRAM_MAX: usize = 65_507;

/// A syslog server.
#[derive(Debug, Clone, PartialEq)]
pub struct SyslogPlan {
    /// Where it is.
    pub to: To,
    /// The length stands before each message of a stream, instead of a line feed behind it.
    pub octets: bool,
    /// RFC 3164 instead of RFC 5424.
    pub old: bool,
    /// Longest message, bytes: longer ones are cut and counted. None: what the transport takes.
    pub most: Option<usize>,
    /// Where the parts of the header come from.
    pub header: Header,
}

/// Where a syslog server is.
#[derive(Debug, Clone, PartialEq)]
pub enum To {
    /// Datagrams.
    Udp(Net),
    /// A connection, encrypted or not.
    Tcp(Net),
    /// Datagrams into a Unix socket.
    UnixDatagram(PathBuf),
    /// A connection to a Unix socket.
    UnixStream(PathBuf),
}

/// Why messages did not get through.
#[derive(Debug, Error)]
enum SyslogError {
    #[error(transparent)]
    Net(#[from] NetError),
    #[error("send to {address}: {error}")]
    Broken { address: String, error: io::Error },
    #[error("send to {address}: nothing was taken within {limit_ms} ms; check the server")]
    Timeout { address: String, limit_ms: u64 },
}

pub(crate) fn plan(keys: &Keys<'_>) -> At<SyslogPlan> {
    let mode = keys.word("Mode", MODES)?.unwrap_or(0);
    let mut net = Net::plan(keys, 514, "net.io_timeout")?;
    let path = || -> At<PathBuf> {
        let entry = keys.need("Path")?;
        if entry.value.starts_with('/') {
            return Ok(entry.value.clone().into());
        }
        Err((entry.line, bad(entry, "an absolute path, as /dev/log")))
    };
    let to = match mode {
        0 => To::Udp(net),
        1 => To::Tcp(net),
        2 => {
            net.encrypt(keys)?;
            To::Tcp(net)
        }
        5 => To::UnixStream(path()?),
        _ => To::UnixDatagram(path()?),
    };
    Ok(SyslogPlan {
        to,
        octets: keys.word("Framing", FRAMINGS)? == Some(1),
        old: keys.word("Syslog_Format", FORMATS)? == Some(1),
        most: keys
            .get("Syslog_MaxSize")
            .map(|_| keys.bytes("Syslog_MaxSize", 2048, 64, 64_000_000))
            .transpose()?
            .map(|most| most as usize),
        header: Header::plan(keys)?,
    })
}

pub(super) async fn run(output: &OutputPlan, plan: &SyslogPlan, context: &Context) {
    let mut retry = Retry::new(output, context, 0);
    let mut socket = Socket::new(plan);
    let mut formatter = Formatter::new(plan);
    while let Some(batches) = context.buffer.next(context.lane, BYTES, context.linger).await {
        for batch in &batches {
            if socket.is_stream() {
                socket.stream(batch, &mut formatter, &mut retry).await;
            } else {
                socket.datagrams(batch, &mut formatter, &mut retry).await;
            }
        }
        let cut = formatter.take_cut();
        if cut > 0 {
            tracing::warn!(output = retry.name, records = cut, "longer than Syslog_MaxSize: cut");
        }
        context.buffer.taken(context.lane, batches.len());
    }
}

struct Socket {
    to: To,
    dialer: Option<Dialer>,
    open: Option<Open>,
    address: String,
    limit: Duration,
}

enum Open {
    Stream(Stream),
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Socket {
    fn new(plan: &SyslogPlan) -> Self {
        let (address, limit_ms) = match &plan.to {
            To::Udp(net) | To::Tcp(net) => (net.address(), net.answer_timeout_ms),
            To::UnixDatagram(path) | To::UnixStream(path) => (path.display().to_string(), 30_000),
        };
        let dialer = if let To::Tcp(net) = &plan.to { Some(Dialer::new(net.clone())) } else { None };
        Self { to: plan.to.clone(), dialer, open: None, address, limit: Duration::from_millis(limit_ms) }
    }

    fn is_stream(&self) -> bool {
        matches!(self.to, To::Tcp(_) | To::UnixStream(_))
    }

    /// The whole batch in one write. What fails is written again from the beginning of the batch: the server may have
    /// some of it already.
    async fn stream(&mut self, batch: &Arc<Batch>, formatter: &mut Formatter, retry: &mut Retry) {
        let mut text = Vec::new();
        (0..batch.len()).for_each(|index| formatter.message(batch, index, &mut text));
        loop {
            match self.write(&text).await {
                Ok(()) => return retry.confirmed(batch.len(), text.len()),
                Err(error) => {
                    self.open = None;
                    if !retry.again(&error, None).await {
                        return retry.dropped(batch, 0..batch.len(), &error);
                    }
                }
            }
        }
    }

    async fn datagrams(&mut self, batch: &Arc<Batch>, formatter: &mut Formatter, retry: &mut Retry) {
        let mut text = Vec::new();
        for index in 0..batch.len() {
            text.clear();
            formatter.message(batch, index, &mut text);
            loop {
                if text.len() > DATAGRAM_MAX && matches!(self.to, To::Udp(_)) {
                    retry.refused(batch, index..index + 1, "no datagram holds it; set Syslog_MaxSize or use TCP");
                    break;
                }
                match self.write(&text).await {
                    Ok(()) => {
                        retry.confirmed(1, text.len());
                        break;
                    }
                    Err(SyslogError::Broken { error, .. }) if error.raw_os_error() == Some(nix::libc::EMSGSIZE) => {
                        retry.refused(batch, index..index + 1, "no datagram holds it; set Syslog_MaxSize or use TCP");
                        break;
                    }
                    Err(error) => {
                        self.open = None;
                        if !retry.again(&error, None).await {
                            retry.dropped(batch, index..index + 1, &error);
                            break;
                        }
                    }
                }
            }
        }
    }

    async fn write(&mut self, text: &[u8]) -> Result<(), SyslogError> {
        let (address, limit) = (self.address.clone(), self.limit);
        let late = || SyslogError::Timeout { address: address.clone(), limit_ms: limit.as_millis() as u64 };
        let broken = |error| SyslogError::Broken { address: address.clone(), error };
        if self.open.is_none() {
            self.open = Some(timeout(limit, self.connect()).await.map_err(|_| late())??);
        }
        let open = self.open.as_mut().expect("it was just made");
        let writing = async {
            match open {
                Open::Stream(stream) => {
                    alive(stream).await?;
                    stream.write_all(text).await?;
                    stream.flush().await
                }
                Open::Udp(socket) => socket.send(text).await.map(drop),
                Open::Unix(socket) => socket.send(text).await.map(drop),
            }
        };
        timeout(limit, writing).await.map_err(|_| late())?.map_err(broken)
    }

    async fn connect(&mut self) -> Result<Open, SyslogError> {
        let broken = |error| SyslogError::Broken { address: self.address.clone(), error };
        Ok(match (&self.to, &mut self.dialer) {
            (_, Some(dialer)) => Open::Stream(dialer.connect().await?),
            (To::UnixStream(path), _) => Open::Stream(Box::new(UnixStream::connect(path).await.map_err(broken)?)),
            (To::UnixDatagram(path), _) => {
                let socket = UnixDatagram::unbound().map_err(broken)?;
                socket.connect(path).map_err(broken)?;
                Open::Unix(socket)
            }
            (To::Udp(net) | To::Tcp(net), _) => {
                let to = tokio::net::lookup_host((net.host.as_str(), net.port)).await.map_err(broken)?.next();
                let to = to.ok_or_else(|| broken(io::ErrorKind::NotFound.into()))?;
                let from = if to.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
                let socket = UdpSocket::bind(from).await.map_err(broken)?;
                socket.connect(to).await.map_err(broken)?;
                Open::Udp(socket)
            }
        })
    }
}

/// A server that has closed the connection says so to whoever reads; a writer learns it one write too late.
async fn alive(stream: &mut Stream) -> io::Result<()> {
    let mut byte = [0; 64];
    tokio::select! {
        biased;
        read = stream.read(&mut byte) => match read? {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            // Whatever a syslog server says, nobody asked it.
            _ => Ok(()),
        },
        () = std::future::ready(()) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
