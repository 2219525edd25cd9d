use std::{net::SocketAddr, sync::atomic::Ordering};

use tokio::{
    io::AsyncWriteExt,
    net::{TcpStream, UdpSocket, UnixDatagram, UnixStream},
};

use super::*;
use crate::{
    event::{Event, Value},
    input::tests::{Around as Test, connections, loopback, place, within},
    parse::parser::Parsers,
};

fn plan(parser: &str) -> SyslogInput {
    SyslogInput {
        tag: "sys".into(),
        at: loopback(),
        connections: None,
        parser: Arc::clone(Parsers::built_in().get(parser).unwrap()),
        message_max: 1_000,
        receive_buffer: Some(1 << 20),
        raw_key: None,
        source_key: None,
    }
}

fn start(plan: SyslogInput, around: &Test) -> Option<SocketAddr> {
    let ready = open(&plan).unwrap();
    let address = match &ready {
        Ready::Datagrams(socket) => socket.address(),
        Ready::Stream(open) => open.socket.address(),
    };
    tokio::spawn(run(plan, ready, around.intake.clone()));
    address
}

fn text<'a>(event: &'a Event, key: &str) -> &'a str {
    event.fields.get(key).and_then(Value::as_bytes).map_or("-", |text| std::str::from_utf8(text).unwrap())
}

const OLD: &str = "<13>Nov 21 05:50:01 web nginx[7]: hello";
const NEW: &str = "<165>1 2026-11-21T05:50:01.003Z web app 7 ID47 [a@1 b=\"c\"] hello";

#[tokio::test]
async fn datagrams_become_records_and_what_is_no_message_is_kept_raw() {
    let around = Test::new();
    let plan = SyslogInput { source_key: Some("from".into()), raw_key: Some("raw".into()), ..plan("syslog-rfc3164") };
    let address = start(plan, &around).unwrap();
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let long = format!("{OLD}{}", "x".repeat(2_000));
    for message in [OLD, "\u{1}nonsense\n", "", &long] {
        socket.send_to(message.as_bytes(), address).await.unwrap();
    }
    let (seen, _) = around.look(3).await;
    let events: Vec<_> = seen.iter().map(|(_, event)| event).collect();
    assert_eq!(
        [text(events[0], "host"), text(events[0], "ident"), text(events[0], "message")],
        ["web", "nginx", "hello"]
    );
    assert_eq!(text(events[0], "raw"), OLD);
    assert_eq!(text(events[0], "from"), format!("udp://{}", socket.local_addr().unwrap()));
    assert_eq!(text(events[1], "log"), "\u{1}nonsense");
    assert_eq!(text(events[2], "raw").len(), 1_000);
    assert_eq!(around.intake.counters().malformed.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn unix_datagrams_arrive_in_order_and_none_is_lost_while_the_sender_waits() {
    let (around, place) = (Test::with_room(64 << 10), place());
    let path = place.path().join("log.sock");
    let at = Address::Unix { path: path.clone(), mode: 0o666 };
    start(SyslogInput { at, ..plan("syslog-rfc3164-local") }, &around);
    let socket = UnixDatagram::unbound().unwrap();
    socket.connect(&path).unwrap();
    let send = async {
        for n in 0..2_000 {
            socket.send(format!("<13>Nov 21 05:50:01 nginx: {n}").as_bytes()).await.unwrap();
        }
    };
    let seen = std::cell::RefCell::new(Vec::new());
    let take = around.take_all(|_, event| seen.borrow_mut().push(text(event, "message").to_owned()));
    let all = async {
        while seen.borrow().len() < 2_000 {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    within(async {
        tokio::select! { () = take => {}, ((), ()) = async { tokio::join!(send, all) } => {} }
    })
    .await;
    assert!(seen.into_inner().iter().enumerate().all(|(n, text)| *text == n.to_string()));
}

#[tokio::test]
async fn connections_carry_both_framings_and_a_long_message_is_cut_not_mixed_with_the_next() {
    let (around, place) = (Test::new(), place());
    let path = place.path().join("log.sock");
    let at = Address::Unix { path: path.clone(), mode: 0o600 };
    start(SyslogInput { at, connections: Some(connections()), ..plan("syslog-rfc5424") }, &around);
    let mut stream = UnixStream::connect(&path).await.unwrap();
    let long = format!("{NEW}{}", "x".repeat(2_000));
    let framed = format!("{NEW}\n{} {NEW}{} {long}{NEW}\n{long}\n{NEW}", NEW.len(), long.len());
    for piece in framed.as_bytes().chunks(700) {
        stream.write_all(piece).await.unwrap();
        tokio::task::yield_now().await;
    }
    stream.shutdown().await.unwrap();
    let (seen, _) = around.look(6).await;
    let lengths: Vec<_> = seen.iter().map(|(_, event)| text(event, "message").len()).collect();
    let cut = 1_000 - (NEW.len() - "hello".len());
    assert_eq!(lengths, [5, 5, cut, 5, cut, 5]);
    assert_eq!(text(&seen[0].1, "host"), "web");
    assert_eq!(around.intake.counters().malformed.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn tcp_stands_still_while_the_buffer_is_full_and_udp_drops_are_counted() {
    let around = Test::with_room(2_000);
    let receive_buffer = Some(4_000);
    let udp = start(SyslogInput { receive_buffer, ..plan("syslog-rfc3164") }, &around).unwrap();
    let tcp = start(SyslogInput { connections: Some(connections()), ..plan("syslog-rfc3164") }, &around).unwrap();
    let mut stream = TcpStream::connect(tcp).await.unwrap();
    // Fills the buffer; nothing is read from either socket until something is taken.
    stream.write_all(format!("{OLD}{}\n", "x".repeat(900)).repeat(3).as_bytes()).await.unwrap();
    let (_, batches) = around.look(3).await;
    let socket = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let sent = 500;
    for _ in 0..sent {
        socket.send_to(OLD.as_bytes(), udp).await.unwrap();
    }
    around.taken(batches);
    let arrived = std::cell::Cell::new(0);
    let take = around.take_all(|_, _| arrived.set(arrived.get() + 1));
    let lost = || around.intake.counters().lost.load(Ordering::Relaxed);
    let all = async {
        while arrived.get() + lost() < sent {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    within(async {
        tokio::select! { () = take => {}, () = all => {} }
    })
    .await;
    assert!(lost() > 0, "the kernel dropped none: the test shows nothing");
    assert_eq!(arrived.get() + lost(), sent);
}
