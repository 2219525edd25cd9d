//! Connections: each is carried on to where the link leads, piece by piece, unless a fault lies over it.
//!
//! ```text
//! near ─ read ─▶ up to 64 pieces, each with its time ─ write ─▶ far      and the same way back
//! ```
//! An end of one side is handed on as an end; a reset as a reset.

use std::{cell::Cell, io, time::Duration};

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
/// The most that is counted of what a cut connection still had to bring, bytes.
const UNREAD_MAX: u64 = 16 << 20;
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
    let (there, back) = (Flow::new(cuts), Flow::new(cuts));
    let ended = {
        let (near_in, near_out) = near.split();
        let (far_in, far_out) = far.split();
        let onward = pump(&relay, &there, near_in, far_out, |n| add(&relay.tally.bytes_there, n));
        let answers = pump(&relay, &back, far_in, near_out, |n| add(&relay.tally.bytes_back, n));
        tokio::select! {
            biased;
            () = cut(&relay, cuts) => Err(Broken::Cut),
            ended = async { tokio::try_join!(onward, answers) } => ended.map(drop),
        }
    };
    if let Err(broken) = ended {
        if broken == Broken::Cut {
            add(&relay.tally.cut_bytes, there.under_way(&near) + back.under_way(&far));
        }
        reset(&near);
        reset(&far);
    }
}

/// What went one way over one connection, bytes.
#[derive(Debug)]
struct Flow {
    /// How often all connections had been cut when this one began: one more, and nothing is handed on any more.
    cuts: u64,
    taken: Cell<u64>,
    handed_on: Cell<u64>,
}

impl Flow {
    fn new(cuts: u64) -> Self {
        Self { cuts, taken: Cell::default(), handed_on: Cell::default() }
    }

    /// What was taken and not handed on, and what still lies where it would have been taken from.
    fn under_way(&self, from: &TcpStream) -> u64 {
        let mut unread = 0;
        let mut buffer = [0; PIECE];
        while let Ok(read @ 1..) = from.try_read(&mut buffer)
            && unread < UNREAD_MAX
        {
            unread += read as u64;
        }
        self.taken.get() - self.handed_on.get() + unread
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
            thawed(&mut settings, u64::MAX).await.ok()?;
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
#[derive(Debug, PartialEq, Eq)]
enum Broken {
    /// By a fault.
    Cut,
    /// One side has reset it, or the link ends.
    Over,
}

impl From<io::Error> for Broken {
    fn from(_: io::Error) -> Self {
        Self::Over
    }
}

impl From<Over> for Broken {
    fn from(_: Over) -> Self {
        Self::Over
    }
}

/// Carries one direction until its end.
async fn pump(
    relay: &Relay,
    flow: &Flow,
    from: ReadHalf<'_>,
    to: WriteHalf<'_>,
    count: impl Fn(u64),
) -> Result<(), Broken> {
    let (pieces, queue) = mpsc::channel(PIECES);
    let counted = |n| {
        flow.handed_on.update(|before| before + n);
        count(n);
    };
    tokio::try_join!(take(relay, flow, from, pieces), hand_on(relay, flow.cuts, to, queue, counted)).map(drop)
}

async fn take(
    relay: &Relay,
    flow: &Flow,
    mut from: ReadHalf<'_>,
    pieces: mpsc::Sender<Piece<Vec<u8>>>,
) -> Result<(), Broken> {
    let mut settings = relay.settings.clone();
    let mut buffer = vec![0; PIECE];
    let mut noted = 0;
    loop {
        // Nothing is read that could not be kept.
        let Ok(place) = pieces.reserve().await else { return Ok(()) };
        let (read, setting) = loop {
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
                // A fault that was laid before these bytes were sent holds for them, though it came after the look above.
                read = from.read(&mut buffer) => break (read?, *settings.borrow()),
            }
        };
        if read == 0 {
            return Ok(());
        }
        flow.taken.update(|before| before + read as u64);
        if setting.is_frozen() && noted != setting.turn {
            noted = setting.turn;
            add(&relay.tally.held, 1);
        }
        if relay.is_cut(setting.fault) {
            add(&relay.tally.cut, 1);
            return Err(Broken::Cut);
        }
        place.send(relay.piece(setting.fault, read, buffer[..read].to_vec()));
    }
}

async fn hand_on(
    relay: &Relay,
    cuts: u64,
    mut to: WriteHalf<'_>,
    mut queue: mpsc::Receiver<Piece<Vec<u8>>>,
    count: impl Fn(u64),
) -> Result<(), Broken> {
    let mut settings = relay.settings.clone();
    while let Some(piece) = queue.recv().await {
        piece.arrives().await;
        let mut rest = piece.bytes.as_slice();
        while !rest.is_empty() {
            thawed(&mut settings, cuts).await?;
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
