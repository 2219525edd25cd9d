//! One sender's connection: what went out over it, what of a message is still to go, and what may lie unread in its buffers.

use std::{
    collections::VecDeque,
    io::{self, ErrorKind},
};

use super::{
    SendTo, WhenFull,
    outlet::{Tally, add},
    socket::Socket,
};

/// Rest after a connection that failed, doubled up to the longest. A dropping sender of datagrams does not rest: it
/// looks for the socket anew with every message.
const REST_US: u64 = 5_000;
const REST_MAX_US: u64 = 500_000;

/// Where messages go, for whoever connects.
pub(super) struct Way<'a> {
    pub(super) to: &'a SendTo,
    pub(super) when_full: WhenFull,
    pub(super) is_relayed: bool,
    pub(super) tally: &'a Tally,
}

/// One sender's connection.
#[derive(Debug, Default)]
pub(super) struct Line {
    pub(super) socket: Option<Socket>,
    /// No new connection before this moment.
    pub(super) rest_until_us: u64,
    rest_us: u64,
    /// What is left of a message that went out in part, whose it is, and how much of it is out.
    pub(super) rest: Vec<u8>,
    pub(super) rest_of: (u64, u64),
    /// Bytes sent through the connection, and where each message that may lie in its buffers ends.
    pub(super) bytes: u64,
    ends: VecDeque<u64>,
    /// How many bytes the buffers hold.
    between: u64,
    /// How many bytes the other side is known to have read.
    pub(super) read: u64,
}

/// A message was not taken.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) error: io::Error,
    /// Another attempt may succeed.
    pub(super) is_passing: bool,
    pub(super) cut: Option<Cut>,
}

/// A connection that had carried something ended.
#[derive(Debug)]
pub(super) struct Cut {
    /// The record of which a part is out, and how many bytes.
    pub(super) torn: Option<(u64, u64)>,
    pub(super) in_buffers: u64,
}

impl Line {
    pub(super) fn connect(&mut self, way: &Way<'_>) -> io::Result<()> {
        let socket = Socket::connect(way.to, way.when_full)?;
        add(&way.tally.connections, 1);
        self.between = socket.between(way.is_relayed);
        self.socket = Some(socket);
        (self.bytes, self.read, self.rest_us) = (0, 0, 0);
        self.ends.clear();
        Ok(())
    }

    pub(super) fn attempt(&mut self, way: &Way<'_>, message: &[u8], seq: u64, now_us: u64) -> Result<(), Trouble> {
        let is_stream = way.to.is_stream();
        if self.socket.is_none() {
            let rests = way.when_full == WhenFull::Block || is_stream;
            if rests && now_us < self.rest_until_us {
                let error = io::Error::new(ErrorKind::NotConnected, "not connected, waiting for the next attempt");
                return Err(Trouble { error, is_passing: true, cut: None });
            }
            if let Err(error) = self.connect(way) {
                self.rest_us = (self.rest_us * 2).clamp(REST_US, REST_MAX_US);
                self.rest_until_us = now_us + self.rest_us;
                return Err(Trouble { error, is_passing: true, cut: None });
            }
        }
        let done = if is_stream { self.stream(message, seq) } else { self.datagram(message).map_err(|e| (e, 0)) };
        done.map_err(|(error, out)| self.trouble(error, out, seq))
    }

    /// What a failed send means. `out` bytes of the record's message had left before.
    fn trouble(&mut self, error: io::Error, out: u64, seq: u64) -> Trouble {
        match error.kind() {
            // The message alone is at fault (too long), or the queue is full: the socket is as good as before.
            ErrorKind::WouldBlock => Trouble { error, is_passing: true, cut: None },
            _ if error.raw_os_error() == Some(nix::errno::Errno::EMSGSIZE as i32) => {
                Trouble { error, is_passing: false, cut: None }
            }
            _ => {
                self.socket = None;
                let torn = if out > 0 {
                    Some((seq, out))
                } else if self.rest.is_empty() {
                    None
                } else {
                    Some(self.rest_of)
                };
                self.rest.clear();
                self.forget_read();
                let in_buffers = self.ends.len() as u64;
                self.ends.clear();
                let cut = (torn.is_some() || in_buffers > 0).then_some(Cut { torn, in_buffers });
                Trouble { error, is_passing: true, cut }
            }
        }
    }

    fn datagram(&mut self, message: &[u8]) -> io::Result<()> {
        let socket = self.socket.as_mut().expect("the caller connected");
        loop {
            match socket.send(message) {
                Ok(_) => return socket.refusal(),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// An error comes with how many bytes of this message are out.
    fn stream(&mut self, message: &[u8], seq: u64) -> Result<(), (io::Error, u64)> {
        self.push_rest().map_err(|error| (error, 0))?;
        let (out, error) = self.push(message);
        if out == message.len() {
            self.took(message.len() as u64);
            return Ok(());
        }
        let error = error.unwrap_or_else(|| ErrorKind::WriteZero.into());
        if out > 0 && error.kind() == ErrorKind::WouldBlock {
            // It has begun, so it is on its way: the rest goes before anything else.
            self.rest.extend_from_slice(&message[out..]);
            self.rest_of = (seq, out as u64);
            return Ok(());
        }
        Err((error, out as u64))
    }

    pub(super) fn push_rest(&mut self) -> io::Result<()> {
        if self.rest.is_empty() {
            return Ok(());
        }
        let rest = std::mem::take(&mut self.rest);
        let (out, error) = self.push(&rest);
        self.rest_of.1 += out as u64;
        if out == rest.len() {
            self.took(self.rest_of.1);
            return Ok(());
        }
        self.rest.extend_from_slice(&rest[out..]);
        Err(error.unwrap_or_else(|| ErrorKind::WriteZero.into()))
    }

    /// How much went out, and why not all.
    fn push(&mut self, bytes: &[u8]) -> (usize, Option<io::Error>) {
        let Some(socket) = &mut self.socket else { return (0, Some(ErrorKind::NotConnected.into())) };
        let mut out = 0;
        while out < bytes.len() {
            match socket.send(&bytes[out..]) {
                Ok(0) => return (out, None),
                Ok(count) => out += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return (out, Some(error)),
            }
        }
        (out, None)
    }

    /// A whole message of so many bytes is in the connection.
    fn took(&mut self, bytes: u64) {
        self.bytes += bytes;
        self.ends.push_back(self.bytes);
        self.forget_read();
    }

    /// Forgets the messages that cannot lie in the buffers any more.
    pub(super) fn forget_read(&mut self) {
        let unread_from = self.bytes.saturating_sub(self.between).max(self.read);
        while self.ends.front().is_some_and(|end| *end <= unread_from) {
            self.ends.pop_front();
        }
    }
}
