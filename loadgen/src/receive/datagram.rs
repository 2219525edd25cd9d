//! Syslog in datagrams, over UDP or a Unix socket: one datagram is one message, and nothing is ever answered.
//!
//! What the kernel drops because nobody reads in time is read from the kernel where it tells (UDP); on a Unix socket it
//! is the sender who hears of it, so only he can book it.

use std::{
    io,
    net::{SocketAddr, UdpSocket},
    os::unix::net::UnixDatagram,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use results::{
    ledger::{Intake, Ledger, Seen},
    route::RouteId,
};
use thiserror::Error;

use super::http::stream::syslog;
use crate::clock::RunClock;

/// Largest datagram.
const DATAGRAM_MAX: usize = 64 << 10;
/// From one look at the stop flag to the next while nothing comes.
const LOOK: Duration = Duration::from_millis(20);
/// Records booked together at most: their latency counts from the same moment.
const TOGETHER: usize = 256;

/// Where datagrams come in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DatagramAt {
    /// A UDP port; 0 takes a free one.
    Udp(SocketAddr),
    /// A path; it must not exist yet.
    Unix(PathBuf),
}

/// The receiver could not be started.
#[derive(Debug, Error)]
#[error("listen for datagrams on {at:?}: {source}; choose another port or path")]
pub struct DatagramError {
    at: DatagramAt,
    source: io::Error,
}

/// What a receiver did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DatagramCounters {
    /// Datagrams that arrived.
    pub datagrams: u64,
    /// Bytes of those.
    pub bytes: u64,
    /// Datagrams that the kernel dropped, where it tells.
    pub dropped: Option<u64>,
}

/// A running receiver. Dropping it stops it and removes its path.
#[derive(Debug)]
pub struct DatagramReceiver {
    at: DatagramAt,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    deaf: AtomicBool,
    datagrams: AtomicU64,
    bytes: AtomicU64,
}

#[derive(Debug)]
enum Socket {
    Udp(UdpSocket),
    Unix(UnixDatagram),
}

impl Socket {
    fn receive(&self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Udp(socket) => socket.recv(into),
            Self::Unix(socket) => socket.recv(into),
        }
    }

    fn set_nonblocking(&self, nonblocking: bool) -> io::Result<()> {
        match self {
            Self::Udp(socket) => socket.set_nonblocking(nonblocking),
            Self::Unix(socket) => socket.set_nonblocking(nonblocking),
        }
    }
}

impl DatagramReceiver {
    /// Listens and books under `route` from now on.
    #[expect(clippy::needless_pass_by_value, reason = "a receiver owns its place, as every other does")]
    pub fn start(at: DatagramAt, route: RouteId, ledger: &Arc<Ledger>, clock: RunClock) -> Result<Self, DatagramError> {
        let failed = |source| DatagramError { at: at.clone(), source };
        let (socket, bound) = match &at {
            DatagramAt::Udp(address) => {
                let socket = UdpSocket::bind(address).map_err(failed)?;
                socket.set_read_timeout(Some(LOOK)).map_err(failed)?;
                let bound = DatagramAt::Udp(socket.local_addr().map_err(failed)?);
                (Socket::Udp(socket), bound)
            }
            DatagramAt::Unix(path) => {
                let socket = UnixDatagram::bind(path).map_err(failed)?;
                socket.set_read_timeout(Some(LOOK)).map_err(failed)?;
                (Socket::Unix(socket), at.clone())
            }
        };
        let shared = Arc::new(Shared::default());
        let (mine, books) = (Arc::clone(&shared), Arc::clone(ledger));
        let work = move || listen(&socket, &mine, (&books, route), clock);
        let thread = std::thread::Builder::new().name("receive-datagrams".into()).spawn(work).map_err(failed)?;
        Ok(Self { at: bound, shared, thread: Some(thread) })
    }

    /// Where it listens, the port filled in.
    pub fn at(&self) -> &DatagramAt {
        &self.at
    }

    /// Reads nothing while deaf: senders fill the kernel's queue and then drop or wait.
    pub fn set_deaf(&self, deaf: bool) {
        self.shared.deaf.store(deaf, Ordering::Relaxed);
    }

    /// What it did so far.
    pub fn counters(&self) -> DatagramCounters {
        DatagramCounters {
            datagrams: self.shared.datagrams.load(Ordering::Relaxed),
            bytes: self.shared.bytes.load(Ordering::Relaxed),
            dropped: match &self.at {
                DatagramAt::Udp(address) => dropped(*address),
                DatagramAt::Unix(_) => None,
            },
        }
    }
}

impl Drop for DatagramReceiver {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic was reported on stderr by itself.
            drop(thread.join());
        }
        if let DatagramAt::Unix(path) = &self.at {
            // Somebody else may have removed it already.
            let _ = std::fs::remove_file(path);
        }
    }
}

fn listen(socket: &Socket, shared: &Shared, (ledger, route): (&Arc<Ledger>, RouteId), clock: RunClock) {
    let mut intake = ledger.intake_on(route);
    let mut datagram = vec![0; DATAGRAM_MAX];
    while !shared.stop.load(Ordering::Relaxed) {
        if shared.deaf.load(Ordering::Relaxed) {
            std::thread::park_timeout(LOOK);
            continue;
        }
        // The first is waited for, the others are what has come meanwhile.
        let Ok(first) = socket.receive(&mut datagram) else { continue };
        intake.begin(clock.now_us());
        take(&datagram[..first], shared, &mut intake);
        if socket.set_nonblocking(true).is_ok() {
            for _ in 1..TOGETHER {
                let Ok(len) = socket.receive(&mut datagram) else { break };
                take(&datagram[..len], shared, &mut intake);
            }
            // Without it the loop would spin until the next datagram, no more.
            let _ = socket.set_nonblocking(false);
        }
        let batch = intake.end();
        // Nobody waits for an answer, so it is as good as given.
        ledger.answered(batch, clock.now_us());
    }
}

fn take(datagram: &[u8], shared: &Shared, intake: &mut Intake) {
    shared.datagrams.fetch_add(1, Ordering::Relaxed);
    shared.bytes.fetch_add(datagram.len() as u64, Ordering::Relaxed);
    intake.record(syslog::text(datagram), Seen::default());
}

/// What the kernel says it dropped for the socket on this port: the last column of its table.
fn dropped(address: SocketAddr) -> Option<u64> {
    let table = if address.is_ipv4() { "/proc/net/udp" } else { "/proc/net/udp6" };
    let port = format!(":{:04X}", address.port());
    let text = std::fs::read_to_string(Path::new(table)).ok()?;
    let line = text.lines().find(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&port)))?;
    line.split_whitespace().next_back()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use results::identity::StreamId;

    use super::*;
    use crate::{
        payload::{Body, Payloads, Size},
        trial::{RUN, ledger, until},
    };

    fn texts() -> Payloads {
        Payloads::new(RUN, 1, [(Body::AppText, Size::Fixed(300))])
    }

    fn message(payloads: &Payloads, seq: u64) -> Vec<u8> {
        let text = payloads.get(StreamId(0)).expect("a stream").expected(seq, 1);
        [&b"<190>Nov 21 05:50:01 host nginx: "[..], &text].concat()
    }

    fn books() -> Arc<Ledger> {
        let ledger = ledger(1);
        ledger.sent(StreamId(0), 100_000);
        ledger.written(StreamId(0), 100_000, 1);
        ledger
    }

    #[test]
    fn datagrams_of_both_kinds_are_booked_by_their_text() {
        let (ledger, payloads) = (books(), texts());
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("log.sock");
        let udp = DatagramAt::Udp((Ipv4Addr::LOCALHOST, 0).into());
        let udp = DatagramReceiver::start(udp, RouteId(0), &ledger, RunClock::start()).expect("listens");
        let unix = DatagramReceiver::start(DatagramAt::Unix(path.clone()), RouteId(0), &ledger, RunClock::start())
            .expect("listens");
        let DatagramAt::Udp(address) = *udp.at() else { unreachable!("it was asked for UDP") };
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let local = UnixDatagram::unbound().expect("a socket");
        for seq in 0..50 {
            sender.send_to(&message(&payloads, 2 * seq), address).expect("sent");
            local.send_to(&message(&payloads, 2 * seq + 1), &path).expect("sent");
        }
        until("all are booked", || ledger.totals().delivered == 100);
        assert_eq!((ledger.totals().corrupted, udp.counters().dropped), (0, Some(0)));
        drop(unix);
        assert!(!path.exists());
    }

    #[test]
    fn what_the_kernel_drops_of_udp_is_told() {
        let (ledger, payloads) = (books(), texts());
        let udp = DatagramAt::Udp((Ipv4Addr::LOCALHOST, 0).into());
        let udp = DatagramReceiver::start(udp, RouteId(0), &ledger, RunClock::start()).expect("listens");
        let DatagramAt::Udp(address) = *udp.at() else { unreachable!("it was asked for UDP") };
        udp.set_deaf(true);
        let sender = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        let mut sent = 0;
        until("the queue overflows", || {
            for _ in 0..100 {
                sender.send_to(&message(&payloads, sent), address).expect("sent");
                sent += 1;
            }
            udp.counters().dropped > Some(0)
        });
        udp.set_deaf(false);
        until("every datagram is accounted for", || {
            let counters = udp.counters();
            counters.datagrams + counters.dropped.unwrap_or(0) == sent
        });
        // A datagram is counted before it is booked.
        until("all that came are booked", || udp.counters().datagrams == ledger.totals().delivered);
    }
}
