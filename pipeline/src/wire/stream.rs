//! A connection, whatever it runs over.

use tokio::io::{AsyncRead, AsyncWrite};

/// A connection over TCP, TLS or a Unix socket.
pub type Stream = Box<dyn Duplex>;

/// What can be read from and written to.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}
