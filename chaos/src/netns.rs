//! A network of the run's own: the calling thread, and every thread and child that it starts from then on, see a fresh
//! loopback and fresh limits, and the machine's stay as they are.
//!
//! ```text
//! unshare(CLONE_NEWNET) ▸ lo up ▸ net.unix.max_dgram_qlen …        needs root (CAP_SYS_ADMIN)
//! drop: setns(back)                                                it ends with its last thread, child and socket
//! ```
//! A Unix datagram socket takes its queue's length from the network namespace of whoever makes it, and keeps it: so the
//! agent must be started inside. A socket's path is the same for both sides, wherever they are.

use std::{
    fs::File,
    io::{self, Read, Write},
    marker::PhantomData,
};

use nix::sched::{CloneFlags, setns, unshare};
use socket2::{Domain, Protocol, Socket, Type};
use thiserror::Error;

const OWN: &str = "/proc/thread-self/ns/net";
const QUEUE: &str = "/proc/sys/net/unix/max_dgram_qlen";
/// The loopback device is the first of every namespace.
const LOOPBACK: i32 = 1;

/// Why there is no network of one's own; fits after "failed to".
#[derive(Debug, Error)]
pub enum NetError {
    /// The namespace could not be made or entered.
    #[error("enter a network namespace of its own: {0}; run as root, or leave out what asks for it")]
    Enter(io::Error),
    /// The loopback device stays down.
    #[error("bring up the loopback device: {0}; run as root")]
    Loopback(io::Error),
    /// The limit could not be set.
    #[error("set net.unix.max_dgram_qlen to {1}: {0}; run as root where /proc/sys may be written")]
    Queue(io::Error, u32),
}

/// The calling thread is in a network of its own; dropped, it is back in the one before. Stays on its thread.
#[derive(Debug)]
#[must_use = "dropping it leaves the namespace"]
pub struct OwnNet {
    before: File,
    thread: PhantomData<*const ()>,
}

impl OwnNet {
    /// Makes it and goes in. Children and threads started before stay outside.
    pub fn enter() -> Result<Self, NetError> {
        let before = File::open(OWN).map_err(NetError::Enter)?;
        unshare(CloneFlags::CLONE_NEWNET).map_err(|errno| NetError::Enter(errno.into()))?;
        let own = Self { before, thread: PhantomData };
        loopback_up().map_err(NetError::Loopback)?;
        Ok(own)
    }

    /// How many datagrams wait in a Unix socket made from now on, before its senders are told that it is full.
    pub fn set_datagram_queue(&self, most: u32) -> Result<(), NetError> {
        let mut limit = File::options().write(true).open(QUEUE).map_err(|error| NetError::Queue(error, most))?;
        limit.write_all(most.to_string().as_bytes()).map_err(|error| NetError::Queue(error, most))
    }
}

impl Drop for OwnNet {
    fn drop(&mut self) {
        // It was our own a moment ago; whoever cannot go back may not have left.
        let _ = setns(&self.before, CloneFlags::CLONE_NEWNET);
    }
}

/// `RTM_NEWLINK` for the loopback device with `IFF_UP`, and the kernel's answer.
///
/// ```text
/// nlmsghdr   len:u32 type:u16 flags:u16 seq:u32 pid:u32     ifinfomsg  family:u8 pad:u8 type:u16 index:i32 flags:u32 change:u32
/// answer     nlmsghdr(type 2) errno:i32 …
/// ```
fn loopback_up() -> io::Result<()> {
    const NETLINK: i32 = 16;
    const ROUTE: i32 = 0;
    const NEW_LINK: u16 = 16;
    const REQUEST_ACK: u16 = 1 | 4;
    const ERROR: u16 = 2;
    const UP: u32 = 1;
    let mut ask = Vec::with_capacity(32);
    ask.extend_from_slice(&32u32.to_ne_bytes());
    ask.extend_from_slice(&NEW_LINK.to_ne_bytes());
    ask.extend_from_slice(&REQUEST_ACK.to_ne_bytes());
    ask.extend_from_slice(&[0; 12]);
    ask.extend_from_slice(&LOOPBACK.to_ne_bytes());
    ask.extend_from_slice(&UP.to_ne_bytes());
    ask.extend_from_slice(&UP.to_ne_bytes());
    let socket = Socket::new(Domain::from(NETLINK), Type::RAW, Some(Protocol::from(ROUTE)))?;
    (&socket).write_all(&ask)?;
    let mut answer = [0; 256];
    let len = (&socket).read(&mut answer)?;
    let field = |at: usize| answer.get(at..at + 4).map(|bytes| i32::from_ne_bytes(bytes.try_into().expect("four")));
    let kind = u16::from_ne_bytes([answer[4], answer[5]]);
    match field(16) {
        Some(0) if len >= 20 && kind == ERROR => Ok(()),
        Some(errno) if len >= 20 && kind == ERROR => Err(io::Error::from_raw_os_error(-errno)),
        _ => Err(io::Error::new(io::ErrorKind::InvalidData, "the kernel's answer is not understood")),
    }
}

#[cfg(test)]
#[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
mod tests {
    use std::{
        net::{Ipv4Addr, TcpListener, TcpStream},
        os::unix::net::UnixDatagram,
    };

    use super::*;
    use crate::support::must_run;

    fn queue() -> String {
        std::fs::read_to_string(QUEUE).expect("Linux tells")
    }

    /// On a thread of its own, so that a failure leaves the others where they are.
    fn inside(work: impl FnOnce(&OwnNet) + Send + 'static) {
        let thread = std::thread::spawn(|| match OwnNet::enter() {
            Ok(own) => work(&own),
            Err(NetError::Enter(error)) => {
                assert!(!must_run(), "{error}: CI must run this test, as root");
                println!("skipped: {error}");
            }
            Err(error) => panic!("{error}"),
        });
        thread.join().expect("no panic");
    }

    #[test]
    fn the_limit_holds_for_sockets_made_inside_and_for_nobody_else() {
        let before = queue();
        inside(|own| {
            own.set_datagram_queue(3).expect("set");
            assert_eq!(queue().trim(), "3");
            let folder = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("in.sock");
            let _reader = UnixDatagram::bind(&path).expect("bound");
            // The sender is another thread of this namespace, but might be anywhere.
            let sent = std::thread::spawn(move || {
                let sender = UnixDatagram::unbound().expect("a socket");
                sender.set_nonblocking(true).expect("set");
                (0..10).take_while(|_| sender.send_to(b"x", &path).is_ok()).count()
            });
            assert_eq!(sent.join().expect("no panic"), 4, "one more than it says");
        });
        assert_eq!(queue(), before);
    }

    #[test]
    fn its_loopback_works_and_is_not_the_machines_and_leaving_it_leads_back() {
        let outside = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
        let there = outside.local_addr().expect("bound");
        inside(move |_| {
            assert!(TcpStream::connect(there).is_err(), "that one is outside");
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
            TcpStream::connect(listener.local_addr().expect("bound")).expect("reached");
        });
        let thread = std::thread::spawn(move || {
            drop(OwnNet::enter());
            TcpStream::connect(there).expect("back outside");
        });
        thread.join().expect("no panic");
    }
}
