//! Datagrams: each sender has a socket of its own towards where the link leads, so that answers find their way back.

use std::{collections::BTreeMap, net::SocketAddr, rc::Rc, sync::atomic::AtomicU64, time::Duration};

use socket2::SockRef;
use tokio::{net::UdpSocket, sync::mpsc, task::JoinSet};

use super::{
    relay::{Piece, Relay, changed},
    setting::{Fault, Setting, Tally, add},
};

/// Longest datagram, bytes.
const LONGEST: usize = 65_536;
/// Most datagrams in flight each way.
const IN_FLIGHT: usize = 4_096;
/// Most senders that are remembered.
const SENDERS: usize = 1_024;
/// Rest after a failed receive.
const REST: Duration = Duration::from_millis(10);

/// A datagram under way: over which socket, to whom.
type Letter = Piece<(Rc<UdpSocket>, SocketAddr, Vec<u8>)>;

/// Those who sent something, and the sockets that stand for them.
type Senders = BTreeMap<SocketAddr, (Rc<UdpSocket>, tokio::task::AbortHandle)>;

/// Relays until the link ends.
pub(super) async fn serve(socket: std::net::UdpSocket, relay: Relay) {
    let Ok(near) = UdpSocket::from_std(socket).map(Rc::new) else { return };
    let mut tasks = JoinSet::new();
    let (there, letters) = mpsc::channel(IN_FLIGHT);
    tasks.spawn_local(deliver(letters, relay.clone(), |tally, n| add(&tally.bytes_there, n)));
    let (back, letters) = mpsc::channel(IN_FLIGHT);
    tasks.spawn_local(deliver(letters, relay.clone(), |tally, n| add(&tally.bytes_back, n)));
    let mut settings = relay.settings.clone();
    let mut senders = Senders::new();
    let mut cuts = settings.borrow_and_update().cuts;
    let mut buffer = vec![0; LONGEST];
    loop {
        tokio::select! {
            biased;
            change = changed(&mut settings) => match change {
                Err(_) => return,
                Ok(setting) if setting.cuts > cuts => {
                    cuts = setting.cuts;
                    add(&relay.tally.cut, senders.len() as u64);
                    for (_, task) in std::mem::take(&mut senders).into_values() {
                        task.abort();
                    }
                }
                Ok(_) => {}
            },
            received = near.recv_from(&mut buffer) => match received {
                Ok((length, from)) => {
                    if !senders.contains_key(&from) {
                        make_room(&mut senders);
                        let Ok(far) = stand_in(relay.to).await else { continue };
                        add(&relay.tally.connections, 1);
                        let answers = answers(Rc::clone(&far), Rc::clone(&near), from, relay.clone(), back.clone());
                        senders.insert(from, (far, tasks.spawn_local(answers)));
                    }
                    let far = Rc::clone(&senders[&from].0);
                    let way = (&there, &relay.tally.dropped);
                    send(&relay, *relay.settings.borrow(), way, (far, relay.to, buffer[..length].to_vec()));
                }
                // Someone before was not there; it says nothing about the next.
                Err(_) => tokio::time::sleep(REST).await,
            },
        }
    }
}

fn make_room(senders: &mut Senders) {
    if senders.len() >= SENDERS
        && let Some((_, (_, task))) = senders.pop_first()
    {
        task.abort();
    }
}

async fn stand_in(to: SocketAddr) -> std::io::Result<Rc<UdpSocket>> {
    let any: SocketAddr = if to.is_ipv4() { ([0, 0, 0, 0], 0).into() } else { ([0u16; 8], 0).into() };
    let far = UdpSocket::bind(any).await?;
    // So that a refusal is told.
    far.connect(to).await?;
    Ok(Rc::new(far))
}

/// Brings back what is answered to one sender.
async fn answers(far: Rc<UdpSocket>, near: Rc<UdpSocket>, to: SocketAddr, relay: Relay, back: mpsc::Sender<Letter>) {
    let mut buffer = vec![0; LONGEST];
    loop {
        match far.recv_from(&mut buffer).await {
            Ok((length, from)) if from == relay.to => {
                let setting = *relay.settings.borrow();
                let way = (&back, &relay.tally.dropped_back);
                send(&relay, setting, way, (Rc::clone(&near), to, buffer[..length].to_vec()));
            }
            Ok(_) => {}
            Err(_) => tokio::time::sleep(REST).await,
        }
    }
}

/// Sends a datagram on its way, unless a fault has it lost.
fn send(
    relay: &Relay,
    setting: Setting,
    (way, dropped): (&mpsc::Sender<Letter>, &AtomicU64),
    letter: (Rc<UdpSocket>, SocketAddr, Vec<u8>),
) {
    if setting.is_frozen() || relay.is_cut(setting.fault) {
        add(dropped, 1);
        return;
    }
    let fault = setting.fault.filter(|fault| matches!(fault, Fault::Delay { .. }));
    if way.try_send(relay.piece(fault, letter.2.len(), letter)).is_err() {
        add(&relay.tally.overflowed, 1);
    }
}

async fn deliver(mut letters: mpsc::Receiver<Letter>, relay: Relay, count: fn(&Tally, u64)) {
    while let Some(letter) = letters.recv().await {
        letter.arrives().await;
        let (socket, to, bytes) = &letter.bytes;
        let sent = socket.send_to(bytes, to).await;
        // On loopback the refusal of a datagram is there once it is sent; asked for here, it does not fail the next one.
        let refused = SockRef::from(&**socket).take_error();
        match (sent, refused) {
            (Ok(sent), Ok(None)) => count(&relay.tally, sent as u64),
            // As on any wire: what cannot be sent is lost.
            _ => add(&relay.tally.unreachable, 1),
        }
    }
}
