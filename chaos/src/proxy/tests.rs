use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    time::Duration,
};

use super::*;
use crate::clock;

/// The longest that anything is waited for.
const LONG: Duration = Duration::from_secs(20);
/// As long as something must not happen.
const SHORT: Duration = Duration::from_millis(200);

/// A peer that sends back what comes, until the connection ends.
fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut buffer = vec![0; 65_536];
                let mut stream = stream;
                while let Ok(read @ 1..) = stream.read(&mut buffer) {
                    if stream.write_all(&buffer[..read]).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn link() -> Link {
    Link::start(LinkPlan::tcp(echo(), 7)).unwrap()
}

fn connect(link: &Link) -> TcpStream {
    let stream = TcpStream::connect(link.addr()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// What comes back of `bytes`.
fn talk(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<Vec<u8>> {
    stream.write_all(bytes)?;
    hear(stream, bytes.len())
}

fn hear(stream: &mut TcpStream, length: usize) -> io::Result<Vec<u8>> {
    let mut heard = vec![0; length];
    stream.read_exact(&mut heard)?;
    Ok(heard)
}

fn is_silent(stream: &mut TcpStream) -> bool {
    stream.set_read_timeout(Some(SHORT)).unwrap();
    let read = stream.read(&mut [0]);
    stream.set_read_timeout(Some(LONG)).unwrap();
    read.is_err_and(|error| matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
}

fn until(what: &str, mut happened: impl FnMut() -> bool) {
    for _ in 0..2_000 {
        if happened() {
            return;
        }
        clock::wait(Duration::from_millis(10));
    }
    panic!("not seen: {what}");
}

/// An address of a test's own: no other socket of this process or of the machine comes to be there by chance.
fn own(last: u8) -> SocketAddr {
    ([127, 12, 7, last], 0).into()
}

fn is_reset(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::UnexpectedEof)
}

#[test]
fn everything_passes_in_order_and_an_end_is_an_end() {
    let link = link();
    let mut stream = connect(&link);
    let bytes: Vec<u8> = (0..3_000_000u32).map(|n| (n % 251) as u8).collect();
    let mut writer = stream.try_clone().unwrap();
    let sent = bytes.clone();
    let writing = std::thread::spawn(move || {
        writer.write_all(&sent).unwrap();
        writer.shutdown(std::net::Shutdown::Write).unwrap();
    });
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).unwrap();
    writing.join().unwrap();
    assert!(heard == bytes, "{} bytes came back", heard.len());
    let counters = link.counters();
    assert_eq!((counters.connections, counters.bytes_there, counters.bytes_back), (1, 3_000_000, 3_000_000));
}

#[test]
fn a_delay_is_kept_each_way_and_healed() {
    let link = link();
    let mut stream = connect(&link);
    talk(&mut stream, b"hello").unwrap();
    let laid = link.lay(Fault::Delay { ms: 150 });
    assert_eq!(laid.hits(), 0, "nothing has passed yet");
    let before = clock::mono_us();
    assert_eq!(talk(&mut stream, b"hello").unwrap(), b"hello");
    assert!(clock::mono_us() - before >= 300_000);
    assert_eq!(laid.heal(), (2, "2 pieces of traffic, 10 bytes, came 150 ms later".to_owned()));
    let delayed = link.counters().delayed;
    for _ in 0..10 {
        talk(&mut stream, b"hello").unwrap();
    }
    assert_eq!(link.counters().delayed, delayed, "none is delayed any more");
}

#[test]
fn a_cut_resets_what_is_open_and_nothing_else() {
    let link = link();
    let mut streams = [connect(&link), connect(&link)];
    for stream in &mut streams {
        talk(stream, b"x").unwrap();
    }
    let laid = link.lay(Fault::Cut);
    for stream in &mut streams {
        let error = stream.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
    assert_eq!(laid.hits(), 2);
    assert_eq!(talk(&mut connect(&link), b"new").unwrap(), b"new");
    assert_eq!(laid.heal(), (2, "2 connections reset, and 0 bytes on the way lost".to_owned()));
}

#[test]
fn what_lies_in_a_link_that_is_cut_is_counted() {
    let link = link();
    let mut stream = connect(&link);
    talk(&mut stream, b"hello").unwrap();
    let held = link.lay(Fault::Hang);
    stream.write_all(&vec![0; 20_000]).unwrap();
    until("something held", || held.hits() == 1);
    let cut = link.lay(Fault::Cut);
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    assert_eq!(cut.heal(), (1, "1 connection reset, and 20000 bytes on the way lost".to_owned()));
    assert_eq!(link.counters().bytes_there, 5, "they are lost indeed");
}

#[test]
fn a_hung_link_accepts_swallows_nothing_and_goes_on_where_it_stood() {
    let link = link();
    let mut old = connect(&link);
    talk(&mut old, b"before").unwrap();
    let laid = link.lay(Fault::Hang);
    assert_eq!(laid.hits(), 0, "a link on which nothing happens is not hit");
    old.write_all(b"old").unwrap();
    let mut new = connect(&link);
    new.write_all(b"new").unwrap();
    assert!(is_silent(&mut old) && is_silent(&mut new));
    until("both held", || laid.hits() == 2);
    let there = link.counters().bytes_there;
    assert_eq!(there, 6, "nothing was forwarded");
    drop(laid);
    assert_eq!((hear(&mut old, 3).unwrap(), hear(&mut new, 3).unwrap()), (b"old".to_vec(), b"new".to_vec()));
}

#[test]
fn a_partition_freezes_the_old_and_refuses_the_new() {
    let link = link();
    let mut old = connect(&link);
    talk(&mut old, b"before").unwrap();
    let laid = link.lay(Fault::Partition);
    old.write_all(b"old").unwrap();
    let mut new = connect(&link);
    let error = talk(&mut new, b"new").unwrap_err();
    assert!(is_reset(&error), "{error}");
    assert!(is_silent(&mut old));
    until("one held, one refused", || laid.hits() == 2);
    assert_eq!((link.counters().held, link.counters().refused), (1, 1));
    drop(laid);
    assert_eq!(hear(&mut old, 3).unwrap(), b"old");
    assert_eq!(talk(&mut connect(&link), b"again").unwrap(), b"again");
}

#[test]
fn chance_cuts_by_the_seed() {
    let outcomes = |seed| -> Vec<bool> {
        let link = Link::start(LinkPlan::tcp(echo(), seed)).unwrap();
        let laid = link.lay(Fault::CutEvery { n: 4 });
        let outcomes: Vec<bool> = (0..24).map(|_| talk(&mut connect(&link), b"x").is_ok()).collect();
        let cut = outcomes.iter().filter(|is_ok| !**is_ok).count() as u64;
        let told = format!("{cut} connections reset, and {cut} bytes on the way lost");
        assert_eq!(laid.heal(), (cut, told), "the byte by which it was cut did not arrive");
        outcomes
    };
    let first = outcomes(1);
    assert!(first.contains(&true) && first.contains(&false), "{first:?}");
    assert_eq!(first, outcomes(1));
    assert_ne!(first, outcomes(2));
}

#[test]
fn the_youngest_fault_is_in_force() {
    let link = link();
    let mut stream = connect(&link);
    let hang = link.lay(Fault::Hang);
    let delay = link.lay(Fault::Delay { ms: 1 });
    assert_eq!(talk(&mut stream, b"x").unwrap(), b"x");
    drop(delay);
    stream.write_all(b"y").unwrap();
    assert!(is_silent(&mut stream));
    drop(hang);
    assert_eq!(hear(&mut stream, 1).unwrap(), b"y");
}

#[test]
fn where_nobody_is_there_the_connection_is_reset_and_counted() {
    let gone = TcpListener::bind(own(1)).unwrap().local_addr().unwrap();
    let link = Link::start(LinkPlan::tcp(gone, 0)).unwrap();
    let error = talk(&mut connect(&link), b"x").unwrap_err();
    assert!(is_reset(&error), "{error}");
    assert_eq!(link.counters().unreachable, 1);
}

#[test]
fn what_waits_in_a_delayed_link_is_bounded() {
    let link = link();
    let laid = link.lay(Fault::Delay { ms: 3_600_000 });
    let mut stream = connect(&link);
    stream.set_write_timeout(Some(SHORT)).unwrap();
    let piece = vec![0; 65_536];
    // The kernel's buffers on both sides and a megabyte here; then the writer has to wait.
    let written = std::iter::repeat_with(|| stream.write(&piece)).map_while(Result::ok).sum::<usize>();
    assert!(written < 64 << 20, "{written}");
    until("some of it delayed", || laid.hits() > 0);
}

#[test]
fn datagrams_pass_both_ways_and_are_lost_by_faults() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let plan = LinkPlan { wire: Wire::Udp, ..LinkPlan::tcp(peer.local_addr().unwrap(), 1) };
    let link = Link::start(plan).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for socket in [&peer, &sender] {
        socket.set_read_timeout(Some(LONG)).unwrap();
    }
    let mut buffer = [0; 16];
    sender.send_to(b"there", link.addr()).unwrap();
    let (length, from) = peer.recv_from(&mut buffer).unwrap();
    assert_eq!(&buffer[..length], b"there");
    peer.send_to(b"back", from).unwrap();
    assert_eq!(sender.recv_from(&mut buffer).unwrap(), (4, link.addr()));
    let laid = link.lay(Fault::Partition);
    for _ in 0..3 {
        sender.send_to(b"lost", link.addr()).unwrap();
    }
    until("three lost", || laid.hits() == 3);
    assert_eq!(laid.heal(), (3, "3 datagrams lost".to_owned()));
    let laid = link.lay(Fault::Delay { ms: 100 });
    let before = clock::mono_us();
    sender.send_to(b"late", link.addr()).unwrap();
    let (length, _) = peer.recv_from(&mut buffer).unwrap();
    assert_eq!((&buffer[..length], laid.heal().0), (&b"late"[..], 1));
    assert!(clock::mono_us() - before >= 100_000);
}

#[test]
fn what_is_lost_on_the_way_back_is_no_loss_on_the_way_there_and_a_cut_gives_senders_another_port() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let link = Link::start(LinkPlan { wire: Wire::Udp, ..LinkPlan::tcp(peer.local_addr().unwrap(), 1) }).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    peer.set_read_timeout(Some(LONG)).unwrap();
    let from = || {
        sender.send_to(b"there", link.addr()).unwrap();
        peer.recv_from(&mut [0; 16]).unwrap().1
    };
    let first = from();
    assert_eq!(from(), first);
    let laid = link.lay(Fault::Partition);
    for _ in 0..3 {
        peer.send_to(b"back", first).unwrap();
    }
    until("three lost on the way back", || link.counters().dropped_back == 3);
    assert_eq!((link.counters().dropped, laid.heal().0), (0, 3));
    let laid = link.lay(Fault::Cut);
    until("one cut", || laid.hits() == 1);
    assert_ne!(from(), first);
    assert_eq!(laid.heal(), (1, "1 sender got another port".to_owned()));
}

#[test]
fn datagrams_beyond_what_may_be_in_flight_are_lost_and_counted() {
    let peer = UdpSocket::bind("127.0.0.1:0").unwrap();
    let link = Link::start(LinkPlan { wire: Wire::Udp, ..LinkPlan::tcp(peer.local_addr().unwrap(), 1) }).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    let laid = link.lay(Fault::Delay { ms: 3_600_000 });
    until("too many", || {
        for _ in 0..500 {
            sender.send_to(b"late", link.addr()).unwrap();
        }
        link.counters().overflowed > 0
    });
    assert_eq!((link.counters().bytes_there, link.counters().dropped), (0, 0));
    drop(laid);
}

#[test]
fn datagrams_for_which_nobody_is_there_are_counted_one_by_one() {
    let peer = UdpSocket::bind(own(2)).unwrap();
    let to = peer.local_addr().unwrap();
    drop(peer);
    let link = Link::start(LinkPlan { wire: Wire::Udp, ..LinkPlan::tcp(to, 1) }).unwrap();
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    for _ in 0..5 {
        sender.send_to(b"lost", link.addr()).unwrap();
    }
    until("five lost", || link.counters().unreachable == 5);
    let peer = UdpSocket::bind(to).unwrap();
    peer.set_read_timeout(Some(LONG)).unwrap();
    sender.send_to(b"there", link.addr()).unwrap();
    let mut buffer = [0; 16];
    assert_eq!(peer.recv(&mut buffer).unwrap(), 5);
    // What is sent is there before it is booked.
    until("five bytes there", || link.counters().bytes_there == 5);
    assert_eq!(link.counters().unreachable, 5, "a refusal is booked once");
}
