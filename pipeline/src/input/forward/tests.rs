use std::{
    net::SocketAddr,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::{
    event::{Event, Fields, Value},
    input::tests::{Around, at, connections, loopback, place, within},
    parse::time::Time,
    service::clock::until,
    wire::{
        forward::{self as wire, Mode, Options, handshake},
        msgpack::Scan,
        tls::{TlsClient, TlsServer, tests::papers},
    },
};

mod kills;

fn plan() -> ForwardInput {
    ForwardInput {
        at: loopback(),
        connections: connections(),
        tag: None,
        tag_prefix: None,
        security: None,
        message_max: 1 << 20,
        dedup: None,
    }
}

/// Starts an input; it runs as long as the test.
fn start(plan: ForwardInput, around: &Around) -> SocketAddr {
    let ready = open(&plan).unwrap();
    let address = at(&ready.open);
    tokio::spawn(run(plan, ready, around.intake.clone()));
    address
}

fn records(numbers: std::ops::Range<i64>) -> Vec<Event> {
    let record = |n| {
        let mut fields = Fields::default();
        fields.push("n", Value::Int(n));
        Event { time: Time { seconds: n, nanos: 5 }, fields, id: 0 }
    };
    numbers.map(record).collect()
}

fn message(mode: Mode, numbers: std::ops::Range<i64>, chunk: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    let options = Options { chunk: chunk.map(|chunk| chunk.as_bytes().to_vec()), ..Options::default() };
    wire::encode(mode, b"kube.web", &records(numbers), &options, &mut out);
    out
}

fn numbers(events: &[(String, Event)]) -> Vec<i64> {
    let number = |(_, event): &(String, Event)| match event.fields.get("n") {
        Some(Value::Int(n)) => *n,
        other => panic!("{other:?}"),
    };
    events.iter().map(number).collect()
}

/// One value from a stream.
async fn receive(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut scan = Scan::new(1 << 20);
    loop {
        if let Some(len) = scan.advance(&bytes).unwrap() {
            assert_eq!(len, bytes.len());
            return bytes;
        }
        bytes.push(within(stream.read_u8()).await.unwrap());
    }
}

async fn ack(stream: &mut (impl tokio::io::AsyncRead + Unpin)) -> String {
    String::from_utf8(wire::decode_ack(&receive(stream).await).unwrap()).unwrap()
}

async fn is_closed(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    within(stream.read_to_end(&mut rest)).await.is_ok_and(|_| rest.is_empty())
}

#[tokio::test]
async fn all_modes_arrive_in_order_and_are_answered_only_once_they_are_taken() {
    let around = Around::new();
    let mut stream = TcpStream::connect(start(plan(), &around)).await.unwrap();
    for (mode, from) in [(Mode::Message, 0), (Mode::Forward, 1), (Mode::Packed, 4), (Mode::Compressed, 7)] {
        let to = if mode == Mode::Message { 1 } else { from + 3 };
        stream.write_all(&message(mode, from..to, Some(&format!("{mode:?}")))).await.unwrap();
    }
    let (seen, batches) = around.look(10).await;
    assert_eq!(numbers(&seen), (0..10).collect::<Vec<_>>());
    assert!(seen.iter().all(|(tag, event)| tag == "kube.web" && event.time.nanos == 5 && event.id != 0));
    // Nothing is taken, so nothing is answered.
    let early = tokio::time::timeout(Duration::from_millis(50), stream.read_u8()).await;
    assert!(early.is_err(), "answered before it was taken");
    around.taken(1);
    assert_eq!(ack(&mut stream).await, "Message");
    around.taken(batches - 1);
    for mode in ["Forward", "Packed", "Compressed"] {
        assert_eq!(ack(&mut stream).await, mode);
    }
}

#[tokio::test]
async fn without_a_chunk_nothing_is_answered_and_a_lone_nil_is_no_message() {
    let around = Around::new();
    let mut stream = TcpStream::connect(start(plan(), &around)).await.unwrap();
    stream.write_all(&[[0xc0].as_slice(), &message(Mode::Packed, 0..2, None)].concat()).await.unwrap();
    around.take(2).await;
    stream.shutdown().await.unwrap();
    assert!(is_closed(&mut stream).await);
    assert_eq!(around.intake.counters().malformed.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_message_in_single_bytes_arrives_and_a_torn_one_does_not() {
    let around = Around::new();
    let address = start(plan(), &around);
    let bytes = message(Mode::Forward, 0..2, None);
    let mut torn = TcpStream::connect(address).await.unwrap();
    torn.write_all(&bytes[..bytes.len() - 1]).await.unwrap();
    drop(torn);
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    for byte in bytes {
        stream.write_u8(byte).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(numbers(&around.take(2).await), [0, 1]);
}

#[tokio::test]
async fn what_is_no_message_closes_the_connection_and_is_counted() {
    let around = Around::new();
    let address = start(ForwardInput { message_max: 1000, ..plan() }, &around);
    let long = message(Mode::Forward, 0..500, None);
    for bytes in [b"GET / HTTP/1.1\r\n\r\n".as_slice(), &[0x93, 0xa1, b't', 0xc6, 0xff, 0xff, 0xff, 0xff], &long] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        let mut rest = Vec::new();
        // What was not read may turn the end into a reset.
        let _ = within(stream.read_to_end(&mut rest)).await;
        assert!(rest.is_empty());
    }
    assert_eq!(around.intake.counters().malformed.load(Ordering::Relaxed), 3);
    assert!(around.buffer.is_empty());
}

#[tokio::test]
async fn a_chunk_that_was_taken_is_answered_again_but_not_delivered_again() {
    let (around, place) = (Around::new(), place());
    let dedup = Some((place.path().join("chunks"), 100));
    let address = start(ForwardInput { dedup: dedup.clone(), ..plan() }, &around);
    let bytes = message(Mode::Packed, 0..3, Some("one"));
    let mut first = TcpStream::connect(address).await.unwrap();
    first.write_all(&bytes).await.unwrap();
    around.look(3).await;
    // The same chunk over another connection, while the first is under way.
    let mut second = TcpStream::connect(address).await.unwrap();
    second.write_all(&[bytes.clone(), message(Mode::Packed, 3..4, Some("one"))].concat()).await.unwrap();
    let (seen, batches) = around.look(4).await;
    assert_eq!(numbers(&seen), [0, 1, 2, 3], "other records under the same id are delivered");
    around.taken(batches);
    assert_eq!([ack(&mut first).await, ack(&mut second).await, ack(&mut second).await], ["one"; 3]);
    // Another process with the same file.
    around.stop();
    let again = Around::new();
    let address = start(ForwardInput { dedup, ..plan() }, &again);
    let mut third = TcpStream::connect(address).await.unwrap();
    third.write_all(&bytes).await.unwrap();
    assert_eq!(ack(&mut third).await, "one");
    assert!(again.buffer.is_empty());
    assert_eq!(again.intake.counters().records.load(Ordering::Relaxed), 0);
}

async fn greet(stream: &mut TcpStream, key: &[u8], user: Option<(&[u8], &[u8])>) -> bool {
    let hello = handshake::Hello::decode(&receive(stream).await).unwrap();
    let ping = handshake::Ping::new(&hello, b"client", handshake::random(), key, user);
    let mut out = Vec::new();
    ping.encode(&mut out);
    stream.write_all(&out).await.unwrap();
    let pong = handshake::Pong::decode(&receive(stream).await).unwrap();
    ping.proves(&hello, &pong, key)
}

/// A name and a password.
type User<'a> = Option<(&'a [u8], &'a [u8])>;

#[tokio::test]
async fn only_who_proves_key_and_user_may_send() {
    let around = Around::new();
    let users = vec![(b"ann".to_vec(), b"right".to_vec())];
    let security = Security { shared_key: b"secret".to_vec(), users, hostname: "aggregator".into() };
    let address = start(ForwardInput { security: Some(security), ..plan() }, &around);
    let cases: [(&[u8], User<'_>); 3] =
        [(b"secret", Some((b"ann", b"wrong"))), (b"guess", Some((b"ann", b"right"))), (b"secret", None)];
    for (key, user) in cases {
        let mut stream = TcpStream::connect(address).await.unwrap();
        assert!(!greet(&mut stream, key, user).await);
        assert!(is_closed(&mut stream).await);
    }
    // Who does not greet at all has nothing taken either.
    let mut rude = TcpStream::connect(address).await.unwrap();
    receive(&mut rude).await;
    rude.write_all(&message(Mode::Message, 7..8, None)).await.unwrap();
    let _ = within(rude.read_u8()).await;
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(greet(&mut stream, b"secret", Some((b"ann", b"right"))).await);
    stream.write_all(&message(Mode::Packed, 0..2, None)).await.unwrap();
    assert_eq!(numbers(&around.take(2).await), [0, 1]);
}

#[tokio::test]
async fn over_tls_and_unix_sockets_it_is_the_same() {
    let (around, place) = (Around::new(), place());
    let papers = papers(place.path());
    let tls = TlsServer { certificate: papers.certificate, key: papers.key, authorities: None };
    let limits = Connections { tls: Some(tls), ..connections() };
    let address = start(ForwardInput { connections: limits, ..plan() }, &around);
    let authorities = Some(papers.authority);
    let client = TlsClient { verify: true, verify_hostname: true, authorities, identity: None, name: None };
    let (connector, name) = client.connector("localhost").unwrap();
    let mut stream = connector.connect(name, TcpStream::connect(address).await.unwrap()).await.unwrap();
    stream.write_all(&message(Mode::Packed, 0..2, Some("c"))).await.unwrap();
    assert_eq!(numbers(&around.take(2).await), [0, 1]);
    assert_eq!(ack(&mut stream).await, "c");
    // Plain bytes on the same port come to nothing.
    let mut plain = TcpStream::connect(address).await.unwrap();
    plain.write_all(&message(Mode::Packed, 5..6, Some("c"))).await.unwrap();
    let _ = within(plain.read_to_end(&mut Vec::new())).await;

    let path = place.path().join("forward.sock");
    let unix = ForwardInput { at: Address::Unix { path: path.clone(), mode: 0o600 }, ..plan() };
    let ready = open(&unix).unwrap();
    tokio::spawn(run(unix, ready, around.intake.clone()));
    let mut stream = tokio::net::UnixStream::connect(&path).await.unwrap();
    stream.write_all(&message(Mode::Packed, 2..4, Some("u"))).await.unwrap();
    assert_eq!(numbers(&around.take(2).await), [2, 3]);
    assert_eq!(ack(&mut stream).await, "u");
}

#[tokio::test]
async fn a_full_buffer_stops_the_peer_and_a_stop_finishes_what_is_in_hand() {
    let around = Around::with_room(4_000);
    let plan = plan();
    let ready = open(&plan).unwrap();
    let address = at(&ready.open);
    let input = tokio::spawn(run(plan, ready, around.intake.clone()));
    let mut stream = TcpStream::connect(address).await.unwrap();
    let sent = std::sync::Arc::new(AtomicU64::new(0));
    let (mut reader, mut writer) = stream.split();
    let counted = std::sync::Arc::clone(&sent);
    let write = async move {
        let message = message(Mode::Forward, 0..50, Some("x"));
        while writer.write_all(&message).await.is_ok() {
            counted.fetch_add(1, Ordering::Relaxed);
        }
    };
    // The peer comes to a stand although it would go on for ever.
    let stands = async {
        // A busy machine takes its time: only many looks without any progress are a standstill.
        let (mut before, mut looks) = (0, 0);
        while looks < 10 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = sent.load(Ordering::Relaxed);
            looks = if now > 0 && now == before { looks + 1 } else { 0 };
            before = now;
        }
    };
    within(async {
        tokio::select! { () = write => panic!("the input ended"), () = stands => {} }
    })
    .await;
    let pushed = around.intake.counters().records.load(Ordering::Relaxed);
    assert!(around.buffer.waiting() < 300_000 && pushed < 50 * sent.load(Ordering::Relaxed), "{pushed}");
    around.stop();
    let (_, batches) = around.look(pushed as usize).await;
    around.taken(batches);
    within(input).await.unwrap();
    for _ in 0..pushed / 50 {
        assert_eq!(ack(&mut reader).await, "x");
    }
}

#[tokio::test]
async fn a_silent_peer_is_let_go_and_many_peers_wait_their_turn() {
    let around = Around::new();
    let limits = Connections { idle_ms: 150, most: 1, ..connections() };
    let address = start(ForwardInput { connections: limits, ..plan() }, &around);
    let mut silent = TcpStream::connect(address).await.unwrap();
    let mut next = TcpStream::connect(address).await.unwrap();
    next.write_all(&message(Mode::Packed, 0..1, None)).await.unwrap();
    assert!(is_closed(&mut silent).await, "half-open peers end");
    assert_eq!(numbers(&around.take(1).await), [0]);
}

#[test]
fn a_port_in_use_and_a_path_that_is_no_socket_are_named_and_a_left_over_socket_is_replaced() {
    let place = place();
    let taken = open(&plan()).unwrap();
    let port = at(&taken.open).port();
    let again = ForwardInput { at: Address::Ip { host: "127.0.0.1".into(), port }, ..plan() };
    let why = open(&again).err().unwrap().to_string();
    assert!(why.starts_with(&format!("listen on 127.0.0.1:{port}: Address already in use")), "{why}");
    let path = place.path().join("s");
    let unix = || ForwardInput { at: Address::Unix { path: path.clone(), mode: 0o600 }, ..plan() };
    std::fs::write(&path, "precious").unwrap();
    assert!(matches!(open(&unix()), Err(ListenError::NoSocket(_))));
    assert_eq!(std::fs::read(&path).unwrap(), b"precious");
    std::fs::remove_file(&path).unwrap();
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    // A child that another test starts has it as well, until it is another program.
    until("nobody listens there", || std::os::unix::net::UnixStream::connect(&path).is_err());
    let left_over = open(&unix()).unwrap();
    assert!(matches!(open(&unix()), Err(ListenError::InUse(_))));
    drop(left_over);
    assert!(!path.exists());
}
