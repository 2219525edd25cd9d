//! Lines as nginx sends them to syslog: `<190>Nov 21 05:48:09 host nginx: line`, one datagram each, never waited for.
//!
//! A socket that is full, or not there, drops the line; the error says so and the next line tries anew.

use std::{
    io,
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
};

/// Facility local7, severity info, as nginx has them.
const PRIORITY: &str = "<190>";
const HOST: &str = "front";
const TAG: &str = "nginx";

/// The sending end.
#[derive(Debug)]
pub(super) struct Syslog {
    to: PathBuf,
    socket: Option<UnixDatagram>,
    message: Vec<u8>,
}

impl Syslog {
    /// Nothing is opened before the first line.
    pub(super) fn new(to: &Path) -> Self {
        Self { to: to.to_owned(), socket: None, message: Vec::new() }
    }

    /// Sends one line; `time` as RFC 3164 writes it.
    pub(super) fn send(&mut self, time: &str, line: &[u8]) -> io::Result<()> {
        self.message.clear();
        self.message.extend_from_slice(format!("{PRIORITY}{time} {HOST} {TAG}: ").as_bytes());
        self.message.extend_from_slice(line);
        let socket = match &self.socket {
            Some(socket) => socket,
            None => self.socket.insert(open(&self.to)?),
        };
        let sent = socket.send(&self.message);
        if sent.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::WouldBlock) {
            self.socket = None;
        }
        sent.map(|_| ())
    }
}

fn open(to: &Path) -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect(to)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_socket_drops_the_line_and_a_reader_that_comes_back_gets_the_next_one() {
        let dir = tempfile::tempdir().expect("a folder with a short name");
        let path = dir.path().join("log.sock");
        let reader = UnixDatagram::bind(&path).expect("bound");
        let mut syslog = Syslog::new(&path);
        let sent = (0..100_000).take_while(|_| syslog.send("Nov 21 05:48:09", b"line").is_ok()).count();
        assert!((1..100_000).contains(&sent), "{sent}");
        let full = syslog.send("Nov 21 05:48:09", b"line").expect_err("full");
        assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
        let mut message = [0; 100];
        for _ in 0..sent {
            let len = reader.recv(&mut message).expect("it was sent");
            assert_eq!(&message[..len], b"<190>Nov 21 05:48:09 front nginx: line");
        }
        syslog.send("Nov 21 05:48:09", b"line").expect("there is room again");
        drop(reader);
        assert!(syslog.send("Nov 21 05:48:09", b"line").is_err());
        std::fs::remove_file(&path).expect("it was there");
        let _reader = UnixDatagram::bind(&path).expect("bound anew");
        syslog.send("Nov 21 05:48:09", b"line").expect("the new socket is found");
    }
}
