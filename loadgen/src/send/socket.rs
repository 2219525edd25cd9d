//! The sockets that messages go through, told apart no further than the system calls demand.
//!
//! ```text
//! drop    O_NONBLOCK: what does not fit at once does not go        nginx
//! block   a send waits, and wakes up now and then to be stopped    syslog(3), rsyslog
//! ```

use std::{
    io::{self, Write},
    net::{SocketAddr, TcpStream, UdpSocket},
    os::unix::net::{UnixDatagram, UnixStream},
    path::PathBuf,
    time::Duration,
};

use super::WhenFull;

/// The longest that one attempt waits before the stop flag is looked at.
const LOOK: Duration = Duration::from_millis(50);
/// The longest that a TCP connection is waited for.
const CONNECT: Duration = Duration::from_secs(1);
/// What TCP may hold for a peer that does not read, bytes, where the system does not say.
const TCP_RECEIVE_MAX: u64 = 6 << 20;
/// What TCP may hold of what the other side does not take, bytes, where the system does not say.
const TCP_SEND_MAX: u64 = 4 << 20;
/// The three sizes of a TCP receive buffer: least, first, most; and of one for sending.
const TCP_RMEM: &str = "/proc/sys/net/ipv4/tcp_rmem";
const TCP_WMEM: &str = "/proc/sys/net/ipv4/tcp_wmem";
/// What a relay of the bench holds of one direction of a connection, bytes.
const RELAY: u64 = 1 << 20;

/// Where messages are sent to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SendTo {
    /// A datagram socket at a path.
    UnixDatagram(PathBuf),
    /// A stream socket at a path.
    UnixStream(PathBuf),
    /// A UDP port.
    Udp(SocketAddr),
    /// A TCP port.
    Tcp(SocketAddr),
}

impl SendTo {
    /// True if messages go one after the other through a connection, so that something must part them.
    pub fn is_stream(&self) -> bool {
        matches!(self, Self::UnixStream(_) | Self::Tcp(_))
    }

    /// What it is called in a reason; the same for all senders, so that reasons add up.
    pub(super) fn called(&self) -> &'static str {
        match self {
            Self::UnixDatagram(_) => "Unix datagram socket",
            Self::UnixStream(_) => "Unix stream socket",
            Self::Udp(_) => "UDP port",
            Self::Tcp(_) => "TCP port",
        }
    }
}

#[derive(Debug)]
pub(super) enum Socket {
    UnixDatagram(UnixDatagram),
    UnixStream(UnixStream),
    Udp(UdpSocket),
    Tcp(TcpStream),
}

impl Socket {
    pub(super) fn connect(to: &SendTo, when_full: WhenFull) -> io::Result<Self> {
        let socket = match to {
            SendTo::UnixDatagram(path) => {
                let socket = UnixDatagram::unbound()?;
                socket.connect(path)?;
                Self::UnixDatagram(socket)
            }
            SendTo::UnixStream(path) => Self::UnixStream(UnixStream::connect(path)?),
            SendTo::Udp(to) => {
                let own: SocketAddr = if to.is_ipv4() { ([0; 4], 0).into() } else { ([0; 16], 0).into() };
                let socket = UdpSocket::bind(own)?;
                socket.connect(to)?;
                Self::Udp(socket)
            }
            SendTo::Tcp(to) => {
                let stream = TcpStream::connect_timeout(to, CONNECT)?;
                stream.set_nodelay(true)?;
                Self::Tcp(stream)
            }
        };
        match when_full {
            WhenFull::Drop => socket.set_nonblocking()?,
            WhenFull::Block => socket.set_patience()?,
        }
        Ok(socket)
    }

    fn set_nonblocking(&self) -> io::Result<()> {
        match self {
            Self::UnixDatagram(socket) => socket.set_nonblocking(true),
            Self::UnixStream(socket) => socket.set_nonblocking(true),
            Self::Udp(socket) => socket.set_nonblocking(true),
            Self::Tcp(socket) => socket.set_nonblocking(true),
        }
    }

    fn set_patience(&self) -> io::Result<()> {
        match self {
            Self::UnixDatagram(socket) => socket.set_write_timeout(Some(LOOK)),
            Self::UnixStream(socket) => socket.set_write_timeout(Some(LOOK)),
            Self::Udp(socket) => socket.set_write_timeout(Some(LOOK)),
            Self::Tcp(socket) => socket.set_write_timeout(Some(LOOK)),
        }
    }

    /// One system call.
    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::UnixDatagram(socket) => socket.send(bytes),
            Self::UnixStream(socket) => socket.write(bytes),
            Self::Udp(socket) => socket.send(bytes),
            Self::Tcp(socket) => socket.write(bytes),
        }
    }

    /// Whether the datagram that was just sent was refused. On loopback the refusal is there before the send returns;
    /// asked for here, it belongs to this datagram and does not fail the next one.
    pub(super) fn refusal(&self) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.take_error()?.map_or(Ok(()), Err),
            Self::UnixDatagram(_) | Self::UnixStream(_) | Self::Tcp(_) => Ok(()),
        }
    }

    /// Both ends of a TCP connection, for the tables of the kernel.
    pub(super) fn ends(&self) -> Option<(SocketAddr, SocketAddr)> {
        match self {
            Self::Tcp(socket) => Some((socket.local_addr().ok()?, socket.peer_addr().ok()?)),
            Self::UnixDatagram(_) | Self::UnixStream(_) | Self::Udp(_) => None,
        }
    }

    /// How many bytes can lie between a send that succeeded and a peer that never read them; a relay has buffers, too.
    pub(super) fn between(&self, is_relayed: bool) -> u64 {
        match self {
            Self::UnixDatagram(_) | Self::Udp(_) => 0,
            Self::UnixStream(socket) => socket2::SockRef::from(socket).send_buffer_size().unwrap_or(0) as u64,
            Self::Tcp(socket) => {
                let own = socket2::SockRef::from(socket).send_buffer_size().unwrap_or(0) as u64;
                let receives = most(TCP_RMEM).unwrap_or(TCP_RECEIVE_MAX);
                own + receives + if is_relayed { RELAY + most(TCP_WMEM).unwrap_or(TCP_SEND_MAX) + receives } else { 0 }
            }
        }
    }
}

/// The largest of three sizes.
fn most(sizes: &str) -> Option<u64> {
    std::fs::read_to_string(sizes).ok()?.split_whitespace().nth(2)?.parse().ok()
}
