//! Ports for programs that have to be told where to listen: none is given twice, and nobody takes one in between.
//!
//! A port that the system hands out and that is let go again may at once be that of another test, or the near end of any
//! connection; one that tries to reach a port on which nobody listens any more may even be given that port, and hold it.
//! These lie below what the system hands out by itself (from 32,768 on), and above where benches look (20,000 to 29,999).

use std::{
    net::{Ipv4Addr, TcpListener, UdpSocket},
    ops::Range,
    sync::atomic::{AtomicU32, Ordering},
};

const PORTS: Range<u16> = 30_000..32_768;

/// A port that nobody has, for both protocols.
pub(crate) fn free_port() -> u16 {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let span = u32::from(PORTS.end - PORTS.start);
    // Tests of other processes begin to look elsewhere.
    let first = std::process::id().wrapping_mul(2_654_435_761) % span;
    for _ in 0..span {
        let nth = first + NEXT.fetch_add(1, Ordering::Relaxed);
        let port = PORTS.start + (nth % span) as u16;
        let here = (Ipv4Addr::LOCALHOST, port);
        if TcpListener::bind(here).is_ok() && UdpSocket::bind(here).is_ok() {
            return port;
        }
    }
    panic!("no port from {} to {} is free", PORTS.start, PORTS.end - 1)
}
