//! What the kernel says about datagrams that nobody read.
//!
//! ```text
//! /proc/thread-self/net/udp    one line a socket: …local_address … inode … drops        which socket, but it ends with it
//! /proc/thread-self/net/snmp   Udp: … RcvbufErrors …                                     all sockets, never falls
//! ```
//! The column of the port is what is counted. Where a socket ended meanwhile (the agent was restarted), it took its last
//! count along; then the difference to the counter of all sockets is how far the number may be off.

use std::{collections::BTreeMap, net::SocketAddr};

const UDP: &str = "/proc/thread-self/net/udp";
const UDP6: &str = "/proc/thread-self/net/udp6";
const SNMP: &str = "/proc/thread-self/net/snmp";
const QUEUE: &str = "/proc/sys/net/unix/max_dgram_qlen";

/// How many datagrams wait in a Unix socket at most before its senders are told so (`net.unix.max_dgram_qlen`), for sockets
/// made in the network namespace of the caller.
pub fn datagram_queue_max() -> Option<u64> {
    std::fs::read_to_string(QUEUE).ok()?.trim().parse().ok()
}

/// Datagrams dropped at a port, from when this was made.
#[derive(Debug)]
pub(super) struct KernelDrops {
    to: SocketAddr,
    /// Per socket: its count when it was first seen, and when last.
    sockets: BTreeMap<u64, (u64, u64)>,
    errors_before: Option<u64>,
    told: u64,
    slack_told: u64,
}

impl KernelDrops {
    pub(super) fn new(to: SocketAddr) -> Self {
        let table = std::fs::read_to_string(if to.is_ipv4() { UDP } else { UDP6 }).unwrap_or_default();
        let errors = std::fs::read_to_string(SNMP).ok().and_then(|text| receive_errors(&text));
        let sockets = sockets(&table, to.port()).map(|(inode, drops)| (inode, (drops, drops))).collect();
        Self { to, sockets, errors_before: errors, told: 0, slack_told: 0 }
    }

    /// How many more since the last look, and by how much all of them may be off if that is more than before.
    pub(super) fn look(&mut self) -> (u64, u64) {
        let table = std::fs::read_to_string(if self.to.is_ipv4() { UDP } else { UDP6 }).unwrap_or_default();
        let errors = std::fs::read_to_string(SNMP).ok().and_then(|text| receive_errors(&text));
        self.fold(&table, errors)
    }

    fn fold(&mut self, table: &str, errors: Option<u64>) -> (u64, u64) {
        let now: BTreeMap<u64, u64> = sockets(table, self.to.port()).collect();
        for (&inode, &drops) in &now {
            // A socket that was not there before has dropped all of its count since.
            self.sockets.entry(inode).or_insert((0, 0)).1 = drops;
        }
        let has_ended = self.sockets.keys().any(|inode| !now.contains_key(inode));
        let all: u64 = self.sockets.values().map(|(first, last)| last.saturating_sub(*first)).sum();
        let more = all.saturating_sub(self.told);
        self.told = all.max(self.told);
        let mut slack = 0;
        if has_ended && let (Some(before), Some(now)) = (self.errors_before, errors) {
            slack = now.saturating_sub(before).saturating_sub(all);
        }
        let is_wider = slack > self.slack_told;
        self.slack_told = self.slack_told.max(slack);
        (more, if is_wider { slack } else { 0 })
    }
}

/// Inode and drops of every socket on a port.
fn sockets(table: &str, port: u16) -> impl Iterator<Item = (u64, u64)> {
    let ending = format!(":{port:04X}");
    table.lines().filter_map(move |line| {
        let columns: Vec<&str> = line.split_whitespace().collect();
        let is_it = columns.get(1).is_some_and(|local| local.ends_with(&ending));
        is_it.then(|| Some((columns.get(9)?.parse().ok()?, columns.last()?.parse().ok()?)))?
    })
}

/// `RcvbufErrors` of the two lines that begin with `Udp:`.
fn receive_errors(text: &str) -> Option<u64> {
    let mut lines = text.lines().filter(|line| line.starts_with("Udp:"));
    let (names, values) = (lines.next()?, lines.next()?);
    let at = names.split_whitespace().position(|name| name == "RcvbufErrors")?;
    values.split_whitespace().nth(at)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n";

    fn line(port: u16, inode: u64, drops: u64) -> String {
        format!(
            "  100: 0100007F:{port:04X} 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 {inode} 2 0000000000000000 {drops}\n"
        )
    }

    #[test]
    fn a_socket_counts_from_when_it_was_first_seen_and_its_successor_from_nothing() {
        let mut drops = KernelDrops {
            to: ([127, 0, 0, 1], 514).into(),
            sockets: sockets(&(HEAD.to_owned() + &line(514, 7, 5)), 514).map(|(inode, n)| (inode, (n, n))).collect(),
            errors_before: Some(100),
            told: 0,
            slack_told: 0,
        };
        let table = HEAD.to_owned() + &line(514, 7, 8) + &line(515, 9, 50);
        assert_eq!(drops.fold(&table, Some(190)), (3, 0), "another port, and all others, are no business of ours");
        assert_eq!(drops.fold(&table, Some(190)), (0, 0));
        let table = HEAD.to_owned() + &line(514, 11, 4);
        assert_eq!(drops.fold(&table, Some(120)), (4, 13), "the first may have dropped 13 more before it ended");
        assert_eq!(drops.fold(&table, Some(120)), (0, 0), "told once");
    }

    #[test]
    fn the_counter_of_all_sockets_is_found_by_its_name() {
        let text = "Tcp: A B\nTcp: 1 2\nUdp: InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors\nUdp: 1 2 3 4 5 6\n";
        assert_eq!(
            (receive_errors(text), receive_errors("Udp: A\nUdp: 1\n"), receive_errors("")),
            (Some(5), None, None)
        );
        assert!(std::fs::read_to_string(SNMP).ok().and_then(|text| receive_errors(&text)).is_some());
    }
}
