//! Connections: each is carried on to where the link leads, piece by piece, unless a fault lies over it.
//!
//! ```text
//! near ─ read ─▶ up to 64 pieces, each with its time ─ write ─▶ far      and the same way back
//! ```
//! An end of one side is handed on as an end; a reset as a reset.

use std::{io, time::Duration};

use socket2::SockRef;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{
        TcpListener, TcpStream,
        tcp::{ReadHalf, WriteHalf},
    },
    sync::mpsc,
    task::JoinSet,
};

use super::{
    relay::{Over, Piece, Relay, changed, thawed},
    setting::{Fault, add},
};

/// Largest piece, bytes.
const PIECE: usize = 16 << 10;
/// Most pieces in flight a direction and connection.
const PIECES: usize = 64;
/// Most connections at a time; more wait in the kernel's queue.
const CONNECTIONS: usize = 1_024;
/// Rest after a failed accept.
const REST: Duration = Duration::from_millis(10);

/// Accepts until the link ends.
pub(super) async fn serve(listener: std::net::TcpListener, relay: Relay) {
    let Ok(listener) = TcpListener::from_std(listener) else { return };
    let mut connections = JoinSet::new();
    let mut settings = relay.settings.clone();
    loop {
        tokio::select! {
            biased;
            change = changed(&mut settings) => if change.is_err() { return },
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = listener.accept(), if connections.len() < CONNECTIONS => match accepted {
                Ok((near, _)) => {
                    add(&relay.tally.connections, 1);
                    connections.spawn_local(connection(relay.clone(), near));
                }
                // Out of descriptors, most likely: those in use will come free.
                Err(_) => tokio::time::sleep(REST).await,
            },
        }
    }
}

async fn connection(mut relay: Relay, mut near: TcpStream) {
    let cuts = relay.settings.borrow_and_update().cuts;
    // Small pieces are not to wait for each other here: the link adds no delay of its own.
    let _ = near.set_nodelay(true);
    let far = tokio::select! {
        biased;
        () = cut(&relay, cuts) => None,
        far = reach(&relay) => far,
    };
    let Some(mut far) = far else { return reset(&near) };
    let _ = far.set_nodelay(true);
    let ended = {
        let (near_in, near_out) = near.split();
        let (far_in, far_out) = far.split();
        let there = pump(&relay, near_in, far_out, |n| add(&relay.tally.bytes_there, n));
        let back = pump(&relay, far_in, near_out, |n| add(&relay.tally.bytes_back, n));
        tokio::select! {
            biased;
            () = cut(&relay, cuts) => Err(Broken),
            ended = async { tokio::try_join!(there, back) } => ended.map(drop),
        }
    };
    if ended.is_err() {
        reset(&near);
        reset(&far);
    }
}

/// The other side, once it may be reached.
async fn reach(relay: &Relay) -> Option<TcpStream> {
    let mut settings = relay.settings.clone();
    let setting = *settings.borrow_and_update();
    match setting.fault {
        Some(Fault::Partition) => {
            add(&relay.tally.refused, 1);
            return None;
        }
        Some(Fault::Hang) => {
            add(&relay.tally.held, 1);
            thawed(&mut settings).await.ok()?;
        }
        _ => {}
    }
    let far = TcpStream::connect(relay.to).await.ok();
    if far.is_none() {
        add(&relay.tally.unreachable, 1);
    }
    far
}

/// Comes back when this connection is to be cut, or the link ends.
async fn cut(relay: &Relay, cuts: u64) {
    let mut settings = relay.settings.clone();
    let is_cut = settings.wait_for(|setting| setting.is_over || setting.cuts > cuts).await.is_ok_and(|s| !s.is_over);
    add(&relay.tally.cut, u64::from(is_cut));
}

/// The connection is to be reset.
#[derive(Debug)]
struct Broken;

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self
    }
}

impl From<Over> for Broken {
    fn from(_: Over) -> Self {
        Self
    }
}

/// Carries one direction until its end.
async fn pump(relay: &Relay, from: ReadHalf<'_>, to: WriteHalf<'_>, count: impl Fn(u64)) -> Result<(), Broken> {
    let (pieces, queue) = mpsc::channel(PIECES);
    tokio::try_join!(take(relay, from, pieces), hand_on(relay, to, queue, count)).map(drop)
}

async fn take(relay: &Relay, mut from: ReadHalf<'_>, pieces: mpsc::Sender<Piece<Vec<u8>>>) -> Result<(), Broken> {
    let mut settings = relay.settings.clone();
    let mut buffer = vec![0; PIECE];
    let mut noted = 0;
    loop {
        // Nothing is read that could not be kept.
        let Ok(place) = pieces.reserve().await else { return Ok(()) };
        let (read, fault) = loop {
            let setting = *settings.borrow_and_update();
            if setting.is_frozen() {
                tokio::select! {
                    biased;
                    change = changed(&mut settings) => { change?; }
                    ready = from.readable(), if noted != setting.turn => {
                        ready?;
                        noted = setting.turn;
                        add(&relay.tally.held, 1);
                    }
                }
                continue;
            }
            tokio::select! {
                biased;
                change = changed(&mut settings) => { change?; }
                read = from.read(&mut buffer) => break (read?, setting.fault),
            }
        };
        if read == 0 {
            return Ok(());
        }
        if relay.is_cut(fault) {
            add(&relay.tally.cut, 1);
            return Err(Broken);
        }
        place.send(relay.piece(fault, buffer[..read].to_vec()));
    }
}

async fn hand_on(
    relay: &Relay,
    mut to: WriteHalf<'_>,
    mut queue: mpsc::Receiver<Piece<Vec<u8>>>,
    count: impl Fn(u64),
) -> Result<(), Broken> {
    let mut settings = relay.settings.clone();
    while let Some(piece) = queue.recv().await {
        piece.arrives().await;
        let mut rest = piece.bytes.as_slice();
        while !rest.is_empty() {
            thawed(&mut settings).await?;
            let written = to.write(rest).await?;
            count(written as u64);
            rest = &rest[written..];
        }
    }
    to.shutdown().await?;
    Ok(())
}

/// When it is dropped, the other side sees a reset and no end.
fn reset(stream: &TcpStream) {
    // It has been reset by the other side already, then.
    let _ = SockRef::from(stream).set_linger(Some(Duration::ZERO));
}
