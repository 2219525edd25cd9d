//! Messages as datagrams: as many as are there a turn, one push for all of them.

use std::{io::ErrorKind, sync::atomic::Ordering, time::Duration};

use super::{Reader, SyslogInput, drops::Drops};
use crate::input::{
    intake::Intake,
    listen::{Datagrams, Receiving},
};

/// Most datagrams a turn: then others have theirs.
const TURN: usize = 512;
/// From one look at what the kernel dropped to the next.
const LOOK: Duration = Duration::from_secs(1);

pub(super) async fn run(plan: &SyslogInput, socket: Datagrams, intake: &Intake) {
    let socket = match socket.receiving() {
        Ok(socket) => socket,
        Err(error) => {
            tracing::error!(input = intake.name(), %error, "nothing can be received; restart the pipeline");
            return intake.stopped().await;
        }
    };
    let mut reader = Reader::new(plan, intake);
    let mut drops = socket.udp().map(Drops::new);
    let mut look = tokio::time::interval(LOOK);
    // One more than is allowed tells that a datagram was cut.
    let mut buffer = vec![0; plan.message_max + 1];
    loop {
        tokio::select! {
            biased;
            () = intake.stopped() => break,
            _ = look.tick() => count(drops.as_mut(), intake),
            ready = async { intake.room().await; socket.readable().await } => {
                if let Err(error) = ready {
                    tracing::warn!(input = intake.name(), %error, "datagrams");
                }
                turn(&socket, &mut buffer, &mut reader, intake);
            }
        }
    }
    // What is there already was sent before the stop.
    turn(&socket, &mut buffer, &mut reader, intake);
    count(drops.as_mut(), intake);
}

fn turn(socket: &Receiving, buffer: &mut [u8], reader: &mut Reader<'_>, intake: &Intake) {
    reader.begin();
    let mut bytes = 0;
    for _ in 0..TURN {
        match socket.try_receive(buffer) {
            Ok((n, peer)) => {
                let most = buffer.len() - 1;
                if n > most {
                    reader.malformed("a datagram is longer than `Buffer_Max_Size`; it is cut there");
                }
                bytes += n;
                reader.from("udp", &peer);
                reader.message(&buffer[..n.min(most)]);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => {
                tracing::warn!(input = intake.name(), %error, "datagrams");
                break;
            }
        }
    }
    intake.counters().bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    reader.push();
}

fn count(drops: Option<&mut Drops>, intake: &Intake) {
    let new = drops.map_or(0, Drops::new_ones);
    if new > 0 {
        let all = intake.counters().lost.fetch_add(new, Ordering::Relaxed) + new;
        tracing::warn!(
            input = intake.name(),
            new,
            all,
            "the kernel dropped datagrams: the buffer was full or the reading too slow; raise Receive_Buffer_Size and \
             net.core.rmem_max"
        );
    }
}
