//! Sockets: made at the start, before any runtime is there; used by the thread of their input.

use std::{
    io,
    net::{SocketAddr, ToSocketAddrs},
    os::unix::fs::{FileTypeExt, PermissionsExt},
    path::{Path, PathBuf},
};

use socket2::{Domain, Protocol, Type};
use tokio::net::{TcpListener, UdpSocket, UnixDatagram, UnixListener};

use super::{Address, ListenError, Peer};
use crate::wire::stream::Stream;

/// Connections that wait in the kernel.
const BACKLOG: i32 = 1024;

/// A socket that is not in use yet.
#[derive(Debug)]
pub(crate) enum Socket {
    Tcp(socket2::Socket),
    Unix(socket2::Socket, Own),
}

/// A datagram socket that is not in use yet.
#[derive(Debug)]
pub(crate) enum Datagrams {
    Udp(socket2::Socket),
    Unix(socket2::Socket, Own),
}

/// The file of a Unix socket; it goes with its owner.
#[derive(Debug)]
pub(crate) struct Own(PathBuf);

impl Drop for Own {
    fn drop(&mut self) {
        // Whoever removed it before has done our work.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A socket that takes connections.
#[derive(Debug)]
pub(crate) enum Accepting {
    Tcp(TcpListener),
    Unix(UnixListener, #[expect(dead_code, reason = "it is dropped, that is all")] Own),
}

impl Socket {
    /// Listens for connections.
    pub(crate) fn listen(at: &Address) -> Result<Self, ListenError> {
        match at {
            Address::Ip { host, port } => {
                let (socket, _) = ip(host, *port, Type::STREAM)?;
                socket.listen(BACKLOG).map_err(bind_error(at))?;
                Ok(Self::Tcp(socket))
            }
            Address::Unix { path, mode } => {
                let (socket, own) = unix(path, *mode, Type::STREAM)?;
                socket.listen(BACKLOG).map_err(bind_error(at))?;
                Ok(Self::Unix(socket, own))
            }
        }
    }

    /// The address that it has, if it has one.
    #[cfg(test)]
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(socket) => socket.local_addr().ok()?.as_socket(),
            Self::Unix(..) => None,
        }
    }

    /// Within the runtime that is to use it.
    pub(crate) fn accepting(self) -> io::Result<Accepting> {
        Ok(match self {
            Self::Tcp(socket) => Accepting::Tcp(TcpListener::from_std(socket.into())?),
            Self::Unix(socket, own) => Accepting::Unix(UnixListener::from_std(socket.into())?, own),
        })
    }
}

impl Accepting {
    /// The next connection.
    pub(crate) async fn accept(&self) -> io::Result<(Stream, Peer)> {
        match self {
            Self::Tcp(listener) => {
                let (stream, address) = listener.accept().await?;
                // Answers are small and waited for.
                stream.set_nodelay(true)?;
                Ok((Box::new(stream), Peer::new(Some(address))))
            }
            Self::Unix(listener, _) => {
                let (stream, _) = listener.accept().await?;
                Ok((Box::new(stream), Peer::new(None)))
            }
        }
    }
}

/// Datagrams of either kind.
#[derive(Debug)]
pub(crate) enum Receiving {
    Udp(UdpSocket),
    Unix(UnixDatagram, #[expect(dead_code, reason = "it is dropped, that is all")] Own),
}

impl Datagrams {
    /// Receives datagrams; `buffer` is the size that the kernel is asked to keep for them, bytes.
    pub(crate) fn bind(at: &Address, buffer: Option<usize>) -> Result<Self, ListenError> {
        let size = |socket: &socket2::Socket| {
            // The kernel caps it silently; what it grants is what there is.
            buffer.map_or(Ok(()), |size| socket.set_recv_buffer_size(size)).map_err(bind_error(at))
        };
        match at {
            Address::Ip { host, port } => {
                let (socket, _) = ip(host, *port, Type::DGRAM)?;
                size(&socket)?;
                Ok(Self::Udp(socket))
            }
            Address::Unix { path, mode } => {
                let (socket, own) = unix(path, *mode, Type::DGRAM)?;
                size(&socket)?;
                Ok(Self::Unix(socket, own))
            }
        }
    }

    /// The address that it has, if it has one.
    #[cfg(test)]
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        match self {
            Self::Udp(socket) => socket.local_addr().ok()?.as_socket(),
            Self::Unix(..) => None,
        }
    }

    /// Within the runtime that is to use it.
    pub(crate) fn receiving(self) -> io::Result<Receiving> {
        Ok(match self {
            Self::Udp(socket) => Receiving::Udp(UdpSocket::from_std(socket.into())?),
            Self::Unix(socket, own) => Receiving::Unix(UnixDatagram::from_std(socket.into())?, own),
        })
    }
}

impl Receiving {
    pub(crate) async fn readable(&self) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.readable().await,
            Self::Unix(socket, _) => socket.readable().await,
        }
    }

    /// One datagram that is there already, and who sent it.
    pub(crate) fn try_receive(&self, into: &mut [u8]) -> io::Result<(usize, Peer)> {
        match self {
            Self::Udp(socket) => socket.try_recv_from(into).map(|(n, from)| (n, Peer::new(Some(from)))),
            Self::Unix(socket, _) => socket.try_recv(into).map(|n| (n, Peer::new(None))),
        }
    }

    /// The UDP socket, if it is one: what the kernel dropped is counted there.
    pub(crate) fn udp(&self) -> Option<&UdpSocket> {
        match self {
            Self::Udp(socket) => Some(socket),
            Self::Unix(..) => None,
        }
    }
}

fn bind_error(at: &Address) -> impl Fn(io::Error) -> ListenError {
    let address = match at {
        Address::Ip { host, port } => format!("{host}:{port}"),
        Address::Unix { path, .. } => path.display().to_string(),
    };
    move |error| ListenError::Bind { address: address.clone(), error }
}

fn ip(host: &str, port: u16, kind: Type) -> Result<(socket2::Socket, SocketAddr), ListenError> {
    let failed = |error| ListenError::Bind { address: format!("{host}:{port}"), error };
    let nowhere = || io::Error::new(io::ErrorKind::AddrNotAvailable, "the name has no address");
    let address = (host, port).to_socket_addrs().map_err(failed)?.next().ok_or_else(nowhere).map_err(failed)?;
    let protocol = if kind == Type::STREAM { Protocol::TCP } else { Protocol::UDP };
    let make = || {
        let socket = socket2::Socket::new(Domain::for_address(address), kind, Some(protocol))?;
        if kind == Type::STREAM {
            // Connections of the process before may still be fading away.
            socket.set_reuse_address(true)?;
        }
        socket.bind(&address.into())?;
        socket.set_nonblocking(true)?;
        Ok(socket)
    };
    make().map(|socket| (socket, address)).map_err(failed)
}

fn unix(path: &Path, mode: u32, kind: Type) -> Result<(socket2::Socket, Own), ListenError> {
    let failed = |error| ListenError::Bind { address: path.display().to_string(), error };
    let address = socket2::SockAddr::unix(path).map_err(failed)?;
    if let Ok(there) = std::fs::symlink_metadata(path) {
        if !there.file_type().is_socket() {
            return Err(ListenError::NoSocket(path.to_owned()));
        }
        if is_heard(&address) {
            return Err(ListenError::InUse(path.to_owned()));
        }
        std::fs::remove_file(path).map_err(failed)?;
    }
    let make = || {
        let socket = socket2::Socket::new(Domain::UNIX, kind, None)?;
        socket.bind(&address)?;
        let own = Own(path.to_owned());
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        socket.set_nonblocking(true)?;
        Ok((socket, own))
    };
    make().map_err(failed)
}

/// Whether somebody listens: a socket of either kind that is only left over refuses.
fn is_heard(address: &socket2::SockAddr) -> bool {
    [Type::STREAM, Type::DGRAM].into_iter().any(|kind| {
        let probe = socket2::Socket::new(Domain::UNIX, kind, None).and_then(|socket| {
            socket.set_nonblocking(true)?;
            socket.connect(address)
        });
        // A full backlog is somebody too; a socket of the other kind answers "wrong type".
        probe.map_or_else(|error| error.kind() == io::ErrorKind::WouldBlock, |()| true)
    })
}
