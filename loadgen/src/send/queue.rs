//! What of a TCP connection within this machine nobody has read yet, as the kernel tells it.
//!
//! ```text
//! /proc/thread-self/net/tcp    sl  local_address rem_address   st tx_queue:rx_queue …
//!   own line       0100007F:9C40 0100007F:0202  01 00000000:00000000      tx: not taken by the other side
//!   the peer's     0100007F:0202 0100007F:9C40  01 00000000:00001A2B      rx: taken, and not read by its program
//! ```
//! Whatever was sent before and is in neither queue has been read: a connection that is cut later cannot have lost it.

use std::net::{SocketAddr, SocketAddrV4};

const TCP: &str = "/proc/thread-self/net/tcp";
/// Larger tables are not looked through ten times a second, bytes.
const TABLE_MAX: usize = 1 << 20;

/// Bytes of these connections, `(own, peer)`, that are not read yet, at most; `None` where the kernel does not tell: the peer
/// is on another machine, or there are too many connections. Nothing may be sent over them meanwhile.
pub(super) fn unread(connections: &[(SocketAddr, SocketAddr)]) -> Vec<Option<u64>> {
    // First what the other side has not taken, then what it has: bytes that move on meanwhile are counted twice, and never
    // missed.
    let tables = [table(), table()];
    let [Some(first), Some(second)] = &tables else { return vec![None; connections.len()] };
    let one = |(own, peer): &(SocketAddr, SocketAddr)| {
        let (own, peer) = (address(own)?, address(peer)?);
        Some(queues(first, &own, &peer)?.0 + queues(second, &peer, &own)?.1)
    };
    connections.iter().map(one).collect()
}

fn table() -> Option<String> {
    std::fs::read_to_string(TCP).ok().filter(|table| table.len() <= TABLE_MAX)
}

/// An address as the table has it: the number as it lies in memory, the port as it is.
fn address(of: &SocketAddr) -> Option<String> {
    let SocketAddr::V4(of): &SocketAddr = of else { return None };
    let of: &SocketAddrV4 = of;
    Some(format!("{:08X}:{:04X}", u32::from_ne_bytes(of.ip().octets()), of.port()))
}

/// `tx_queue` and `rx_queue` of the line of a socket.
fn queues(table: &str, local: &str, remote: &str) -> Option<(u64, u64)> {
    table.lines().find_map(|line| {
        let mut columns = line.split_ascii_whitespace().skip(1);
        if columns.next()? != local || columns.next()? != remote {
            return None;
        }
        let (tx, rx) = columns.nth(1)?.split_once(':')?;
        Some((u64::from_str_radix(tx, 16).ok()?, u64::from_str_radix(rx, 16).ok()?))
    })
}

#[cfg(test)]
mod tests {
    use std::{
        io::{Read, Write},
        net::{TcpListener, TcpStream},
    };

    use super::*;

    #[test]
    fn what_the_other_side_has_not_read_is_told() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
        let mut own = TcpStream::connect(listener.local_addr().expect("bound")).expect("connected");
        let (mut peer, _) = listener.accept().expect("accepted");
        let ends = [(own.local_addr().expect("there"), own.peer_addr().expect("there"))];
        assert_eq!(unread(&ends), [Some(0)]);
        own.write_all(&[7; 5_000]).expect("sent");
        assert_eq!(unread(&ends), [Some(5_000)]);
        peer.read_exact(&mut [0; 4_000]).expect("read");
        assert_eq!(unread(&ends), [Some(1_000)]);
        drop(peer);
        assert_eq!(unread(&[(ends[0].1, ends[0].0)]), [None], "the other end is gone");
    }
}
