//! What the kernel dropped of a UDP socket, from `/proc/net/udp` and `/proc/net/udp6`.
//!
//! ```text
//!   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
//!  123: 0100007F:1414 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 54321 2   …       17
//! ```

use std::os::fd::AsFd;

use tokio::net::UdpSocket;

const FILES: [&str; 2] = ["/proc/net/udp", "/proc/net/udp6"];
/// Times that the tables are gone through.
const TRIES: usize = 3;
const INODE: usize = 9;
const DROPS: usize = 12;

/// The count of one socket.
#[derive(Debug)]
pub(super) struct Drops {
    inode: u64,
    known: u64,
}

impl Drops {
    pub(super) fn new(socket: &UdpSocket) -> Self {
        // A socket always has a number; 0 is nobody's.
        let inode = nix::sys::stat::fstat(socket.as_fd()).map_or(0, |stat| stat.st_ino);
        Self { inode, known: 0 }
    }

    /// How many were dropped since the last call. The kernel counts in 32 bits.
    pub(super) fn new_ones(&mut self) -> u64 {
        // A table is read in pieces while other sockets come and go: a line may be passed over.
        let files = FILES.iter().cycle().take(FILES.len() * TRIES);
        let mut tables = files.filter_map(|file| std::fs::read_to_string(file).ok());
        let Some(all) = tables.find_map(|table| dropped(&table, self.inode)) else { return 0 };
        let new = (all as u32).wrapping_sub(self.known as u32);
        self.known = all;
        u64::from(new)
    }
}

fn dropped(table: &str, inode: u64) -> Option<u64> {
    let line = table.lines().skip(1).map(|line| line.split_ascii_whitespace().collect::<Vec<_>>());
    let mine = |words: &Vec<&str>| words.get(INODE).and_then(|word| word.parse().ok()) == Some(inode);
    line.into_iter().find(mine)?.get(DROPS)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_the_own_socket_counts() {
        let table = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops\n\
                     1: 0100007F:1414 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 54321 2 0000000000000000 17\n\
                     2: 0100007F:1415 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 54322 2 0000000000000000 0\n";
        assert_eq!((dropped(table, 54321), dropped(table, 54322), dropped(table, 1)), (Some(17), Some(0), None));
        assert_eq!(dropped("", 1), None);
    }
}
