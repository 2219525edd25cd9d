use std::{
    io::{BufRead, BufReader, Read},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    os::unix::net::{UnixDatagram, UnixListener},
    path::PathBuf,
    sync::mpsc,
};

use results::{
    identity,
    ledger::{Intake, Seen},
};

use super::*;
use crate::{
    pace::Pace,
    payload::{Body, Size},
    receive::{DatagramAt, DatagramReceiver, HttpPlan, Protocol, Receiver},
    trial::{RUN, ledger, own_address, until},
    write::StreamPlan,
};

const S0: StreamId = StreamId(0);
const R0: RouteId = RouteId(0);

fn load(per_s: f64, size: u32) -> LoadPlan {
    let stream = StreamPlan { body: Body::AppText, size: Size::Fixed(size), ..StreamPlan::new("web") };
    LoadPlan {
        run: RUN,
        seed: 5,
        pace: Pace::Steady { per_s },
        root: PathBuf::new(),
        streams: vec![stream],
        threads: 1,
    }
}

fn start(plan: SendPlan, load: &LoadPlan, ledger: &Arc<Ledger>) -> SyslogSender {
    SyslogSender::start(plan, load, Arc::clone(ledger), RunClock::start()).expect("started")
}

/// Books a message as an agent would that delivers at once.
fn book(message: &[u8], intake: &mut Intake, ledger: &Ledger) {
    let at = identity::find(message).expect("a stamp");
    intake.begin(1);
    intake.record(message[at..].strip_suffix(b"\n").unwrap_or(&message[at..]), Seen::default());
    ledger.answered(intake.end(), 1);
}

fn drain(socket: &UnixDatagram, ledger: &Arc<Ledger>) -> u64 {
    socket.set_nonblocking(true).expect("set");
    let (mut intake, mut buffer, mut count) = (ledger.intake(), vec![0; 70_000], 0);
    while let Ok(len) = socket.recv(&mut buffer) {
        book(&buffer[..len], &mut intake, ledger);
        count += 1;
    }
    count
}

/// Pauses the schedule and waits until it has been looked at with nothing due: from then on nothing is sent.
fn pause(sender: &SyslogSender) {
    sender.set_rate(0.0);
    let looks = || sender.shared.tally.looks();
    let tried = || sender.counters().sent + sender.counters().lost;
    let mut since = (looks(), tried());
    until("the load rests", || {
        if tried() != since.1 {
            since = (looks(), tried());
        }
        looks() > since.0 + 2
    });
}

/// Whatever was tried is delivered or lost at the source by name, and never both.
fn assert_exact(ledger: &Ledger, counters: SendCounters) {
    let totals = ledger.totals();
    assert_eq!((totals.lost, totals.unexpected, totals.corrupted, totals.duplicated), (0, 0, 0, 0), "{totals:?}");
    assert_eq!((totals.source_lost, totals.delivered), (counters.lost, counters.sent));
    assert_eq!(totals.written, counters.lost + counters.sent);
}

#[test]
fn a_queue_that_nobody_reads_takes_what_it_holds_and_each_other_record_is_lost_by_name() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("in.sock");
    let socket = UnixDatagram::bind(&path).expect("bound");
    let ledger = ledger(1);
    let plan = SendPlan { senders: 8, ..SendPlan::new(S0, SendTo::UnixDatagram(path)) };
    let sender = start(plan, &load(20_000.0, 300), &ledger);
    until("losses", || sender.counters().lost > 100);
    pause(&sender);
    let before = drain(&socket, &ledger);
    assert_eq!(Some(before), datagram_queue_max().map(|most| most + 1), "the queue takes one more than it says");
    sender.set_rate(1.0);
    until("more losses", || sender.counters().lost > 1_000);
    let shared = Arc::clone(&sender.shared);
    assert_eq!(sender.stop().error_count, 0);
    drain(&socket, &ledger);
    assert_exact(&ledger, shared.tally.read());
    let losses = ledger.snapshot().source_losses();
    assert!(losses.iter().all(|loss| loss.by_name && loss.why.contains("os error 11")), "{losses:?}");
}

#[test]
fn a_sender_that_waits_loses_nothing_to_a_reader_that_stops() {
    let dir = tempfile::tempdir().expect("a folder");
    let (ledger, path) = (ledger(1), dir.path().join("in.sock"));
    let at = DatagramAt::Unix(path.clone());
    let receiver = DatagramReceiver::start(at, R0, &ledger, RunClock::start()).expect("listens");
    receiver.set_deaf(true);
    let plan = SendPlan { when_full: WhenFull::Block, senders: 3, ..SendPlan::new(S0, SendTo::UnixDatagram(path)) };
    let sender = start(plan, &load(20_000.0, 300), &ledger);
    let queue = datagram_queue_max().expect("Linux tells") + 1;
    until("the queue is full", || sender.counters().sent >= queue);
    let clock = RunClock::start();
    until("a second", || clock.now_us() > 1_000_000);
    receiver.set_deaf(false);
    until("it goes on", || sender.counters().sent > 2_000 + queue);
    // Most of the time it waited. Whatever else is late is the machine's doing.
    assert!(sender.late().share < 0.4, "who waits for the other side is not late: {:?}", sender.late());
    let shared = Arc::clone(&sender.shared);
    sender.stop();
    until("all arrive", || ledger.totals().delivered == shared.tally.read().sent);
    assert_exact(&ledger, shared.tally.read());
}

#[test]
fn a_load_beyond_the_machine_is_late() {
    let ledger = ledger(1);
    let udp = DatagramAt::Udp((Ipv4Addr::LOCALHOST, 0).into());
    let receiver = DatagramReceiver::start(udp, R0, &ledger, RunClock::start()).expect("listens");
    let DatagramAt::Udp(at) = *receiver.at() else { unreachable!("it was asked for UDP") };
    let sender = start(SendPlan::new(S0, SendTo::Udp(at)), &load(1e8, 300), &ledger);
    until("it is late", || sender.late().max_us > 200_000 && sender.late().share > 0.0);
}

#[test]
fn while_the_socket_is_away_records_are_lost_by_name_and_its_successor_is_found() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("in.sock");
    let ledger = ledger(1);
    let first = UnixDatagram::bind(&path).expect("bound");
    let sender = start(SendPlan::new(S0, SendTo::UnixDatagram(path.clone())), &load(2_000.0, 300), &ledger);
    until("messages", || sender.counters().sent >= 3);
    pause(&sender);
    // What is taken up to here is read, so that the socket ends empty.
    let sent = drain(&first, &ledger);
    assert_eq!(sent, sender.counters().sent);
    drop(first);
    std::fs::remove_file(&path).expect("removed");
    let lost = sender.counters().lost;
    sender.set_rate(1.0);
    until("losses", || sender.counters().lost >= lost + 10);
    let second = UnixDatagram::bind(&path).expect("bound anew");
    until("messages to the new one", || {
        drain(&second, &ledger);
        sender.counters().connections > 1 && ledger.totals().delivered > sent
    });
    let shared = Arc::clone(&sender.shared);
    sender.stop();
    drain(&second, &ledger);
    assert_exact(&ledger, shared.tally.read());
    let whys: Vec<String> = ledger.snapshot().source_losses().into_iter().map(|loss| loss.why).collect();
    assert!(
        whys.iter().any(|why| why.contains("os error 111")) && whys.iter().any(|why| why.contains("os error 2)")),
        "{whys:?}"
    );
}

#[test]
fn what_a_udp_port_refuses_is_lost_by_name() {
    let ledger = ledger(1);
    let at = UdpSocket::bind(own_address(3)).expect("bound").local_addr().expect("bound");
    let sender = start(SendPlan::new(S0, SendTo::Udp(at)), &load(5_000.0, 300), &ledger);
    until("refusals", || sender.counters().lost > 200);
    let shared = Arc::clone(&sender.shared);
    sender.stop();
    assert_exact(&ledger, shared.tally.read());
    assert_eq!(shared.tally.read().sent, 0, "on loopback each refusal is known at once");
}

#[test]
fn what_the_kernel_drops_of_udp_is_booked_by_number_and_is_what_is_missing() {
    let ledger = ledger(1);
    let udp = DatagramAt::Udp((Ipv4Addr::LOCALHOST, 0).into());
    let receiver = DatagramReceiver::start(udp, R0, &ledger, RunClock::start()).expect("listens");
    let DatagramAt::Udp(at) = *receiver.at() else { unreachable!("it was asked for UDP") };
    let sender = start(SendPlan { senders: 4, ..SendPlan::new(S0, SendTo::Udp(at)) }, &load(50_000.0, 1_000), &ledger);
    until("messages", || ledger.totals().delivered > 0);
    receiver.set_deaf(true);
    until("the buffer overflows", || sender.counters().kernel_dropped > 100);
    receiver.set_deaf(false);
    let shared = Arc::clone(&sender.shared);
    sender.stop();
    let counters = shared.tally.read();
    until("the rest arrives", || ledger.totals().delivered + counters.kernel_dropped == counters.sent);
    let books = ledger.snapshot();
    assert_eq!(books.source_band(R0), (counters.kernel_dropped, counters.kernel_dropped));
    assert_eq!((books.missing(R0), counters.lost), (counters.kernel_dropped, 0));
}

#[test]
fn both_ways_to_part_messages_and_both_heads_are_understood_by_the_receiver() {
    for (format, framing) in [
        (SyslogFormat::Rfc3164, Framing::Lf),
        (SyslogFormat::Rfc5424, Framing::Octets),
        (SyslogFormat::Rfc3164, Framing::Octets),
    ] {
        let ledger = ledger(1);
        let plan = HttpPlan { protocol: Protocol::Syslog, ..HttpPlan::default() };
        let receiver = Receiver::start(plan, Arc::clone(&ledger), RunClock::start()).expect("listens");
        let to = SendTo::Tcp(receiver.addr());
        let plan = SendPlan { format, framing, senders: 5, when_full: WhenFull::Block, ..SendPlan::new(S0, to) };
        let sender = start(plan, &load(20_000.0, 300), &ledger);
        until("messages", || sender.counters().sent > 1_000);
        let shared = Arc::clone(&sender.shared);
        sender.stop();
        until("all arrive", || ledger.totals().delivered == shared.tally.read().sent);
        assert_exact(&ledger, shared.tally.read());
    }
}

/// Reads whole lines of one connection and books them, until it is told to cut it.
fn read_lines(stream: TcpStream, ledger: &Arc<Ledger>, enough: u64) {
    let mut intake = ledger.intake();
    let mut lines = BufReader::new(stream);
    let (mut line, mut count) = (Vec::new(), 0);
    while count < enough && lines.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
        if line.ends_with(b"\n") {
            book(&line, &mut intake, ledger);
        }
        line.clear();
        count += 1;
    }
    // What the reader holds by now, and what the kernel holds, is gone: the close resets the connection.
}

#[test]
fn a_cut_connection_loses_no_more_than_its_buffers_held() {
    let ledger = ledger(1);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
    let to: SocketAddr = listener.local_addr().expect("bound");
    let plan = SendPlan { when_full: WhenFull::Block, ..SendPlan::new(S0, SendTo::Tcp(to)) };
    let sender = start(plan, &load(20_000.0, 500), &ledger);
    let books = Arc::clone(&ledger);
    let reader = std::thread::spawn(move || {
        read_lines(listener.accept().expect("a connection").0, &books, 500);
        read_lines(listener.accept().expect("another").0, &books, u64::MAX);
    });
    until("the second connection carries", || sender.counters().cuts == 1 && ledger.totals().delivered > 2_000);
    let shared = Arc::clone(&sender.shared);
    sender.stop();
    reader.join().expect("no panic");
    let (counters, snapshot) = (shared.tally.read(), ledger.snapshot());
    let (least, most) = snapshot.source_band(R0);
    let missing = snapshot.missing(R0);
    assert_eq!((least, most, counters.connections), (0, counters.in_buffers, 2));
    // The reader itself held 8 KiB that it had read; what was read is no loss on the way.
    assert!(missing > 0 && missing <= most + 16, "{missing} of at most {most}");
    let losses = snapshot.source_losses();
    assert!(losses.iter().any(|loss| !loss.by_name && loss.why.contains("was cut")), "{losses:?}");
}

#[test]
fn what_the_other_side_has_read_is_not_put_down_to_a_connection_that_is_cut_later() {
    let ledger = ledger(1);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bound");
    let to: SocketAddr = listener.local_addr().expect("bound");
    let sender = start(SendPlan::new(S0, SendTo::Tcp(to)), &load(2_000.0, 500), &ledger);
    let (first, _) = listener.accept().expect("a connection");
    let handle = first.try_clone().expect("cloned");
    let books = Arc::clone(&ledger);
    let reader = std::thread::spawn(move || read_lines(first, &books, u64::MAX));
    until("messages", || ledger.totals().delivered > 500);
    pause(&sender);
    until("all of them", || ledger.totals().delivered == sender.counters().sent);
    let looks = sender.shared.tally.looks();
    until("two looks at the queues", || sender.shared.tally.looks() > looks + 1);
    handle.shutdown(std::net::Shutdown::Both).expect("shut");
    reader.join().expect("no panic");
    drop(handle);
    sender.set_rate(1.0);
    until("the cut is noticed", || sender.counters().cuts == 1);
    let shared = Arc::clone(&sender.shared);
    sender.stop();
    // What it lost is counted after the cut.
    let most = shared.tally.read().in_buffers;
    assert!((1..=50).contains(&most), "{most} of more than 500 may have been lost on the way");
    assert_eq!(ledger.snapshot().source_band(R0), (0, most));
}

#[test]
fn a_dropping_sender_of_a_connection_never_leaves_half_a_message() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("in.sock");
    let listener = UnixListener::bind(&path).expect("bound");
    let ledger = ledger(1);
    let sender = start(SendPlan::new(S0, SendTo::UnixStream(path)), &load(5_000.0, 20_000), &ledger);
    let (mut stream, _) = listener.accept().expect("a connection");
    until("it is full", || sender.counters().lost > 10);
    let (tell, told) = mpsc::channel();
    let books = Arc::clone(&ledger);
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        let mut chunk = vec![0; 1 << 16];
        while let Ok(len @ 1..) = stream.read(&mut chunk) {
            bytes.extend_from_slice(&chunk[..len]);
            let _ = tell.send(());
        }
        let mut intake = books.intake();
        bytes.split_inclusive(|byte| *byte == b'\n').for_each(|line| book(line, &mut intake, &books));
    });
    told.recv().expect("something comes");
    until("it goes on", || sender.counters().sent > 100);
    let shared = Arc::clone(&sender.shared);
    sender.stop();
    reader.join().expect("every line held a whole record");
    assert_exact(&ledger, shared.tally.read());
}

#[test]
fn messages_leave_in_turns_of_as_many_as_there_are_senders() {
    assert_eq!((gathered(0, 8, 0), gathered(7, 8, 0), gathered(8, 8, 0), gathered(23, 8, 0)), (0, 0, 8, 16));
    assert_eq!((gathered(7, 8, 50_000), gathered(5, 1, 0), gathered(5, 0, 0)), (7, 5, 5));
}
