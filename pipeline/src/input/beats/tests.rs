use std::{io::Write, net::SocketAddr, sync::atomic::Ordering};

use flate2::{Compression, write::ZlibEncoder};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::*;
use crate::{
    event::{Event, Value},
    input::tests::{Around, at, connections, loopback, within},
};

fn plan() -> BeatsInput {
    BeatsInput {
        tag: "beats".into(),
        at: loopback(),
        connections: connections(),
        message_max: 1 << 20,
        // No sign of life comes unless a test asks for it.
        keepalive_ms: 3_600_000,
    }
}

fn start(plan: BeatsInput, around: &Around) -> SocketAddr {
    let open = open(&plan).unwrap();
    let address = at(&open);
    tokio::spawn(run(plan, open, around.intake.clone()));
    address
}

fn window(count: u32) -> Vec<u8> {
    [b"2W".as_slice(), &count.to_be_bytes()].concat()
}

fn json(number: u32, text: &str) -> Vec<u8> {
    [b"2J".as_slice(), &number.to_be_bytes(), &(text.len() as u32).to_be_bytes(), text.as_bytes()].concat()
}

fn record(number: u32) -> Vec<u8> {
    json(number, &format!("{{\"@timestamp\":\"2026-11-21T05:50:01.5Z\",\"n\":{number}}}"))
}

fn compressed(frames: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(frames).unwrap();
    let packed = encoder.finish().unwrap();
    [b"2C".as_slice(), &(packed.len() as u32).to_be_bytes(), &packed].concat()
}

async fn ack(stream: &mut TcpStream) -> u32 {
    let mut bytes = [0; 6];
    within(stream.read_exact(&mut bytes)).await.unwrap();
    assert_eq!(&bytes[..2], b"2A");
    u32::from_be_bytes(bytes[2..].try_into().unwrap())
}

fn numbers(events: &[(String, Event)]) -> Vec<i64> {
    let number = |(tag, event): &(String, Event)| match event.fields.get("n") {
        Some(Value::Int(n)) if tag == "beats" => *n,
        other => panic!("{tag}: {other:?}"),
    };
    events.iter().map(number).collect()
}

#[tokio::test]
async fn windows_arrive_plain_and_compressed_and_are_answered_once_they_are_taken() {
    let around = Around::new();
    let mut stream = TcpStream::connect(start(plan(), &around)).await.unwrap();
    stream.write_all(&[window(2), record(1), record(2)].concat()).await.unwrap();
    let (seen, batches) = around.look(2).await;
    assert_eq!(numbers(&seen), [1, 2]);
    assert_eq!((seen[0].1.time.seconds, seen[0].1.time.nanos), (1_795_240_201, 500_000_000));
    let early = tokio::time::timeout(std::time::Duration::from_millis(50), stream.read_u8()).await;
    assert!(early.is_err(), "answered before it was taken");
    around.taken(batches);
    assert_eq!(ack(&mut stream).await, 2);
    let frames = [record(3), record(4), record(5)].concat();
    stream.write_all(&[window(3), compressed(&frames)].concat()).await.unwrap();
    assert_eq!(numbers(&around.take(3).await), [3, 4, 5]);
    assert_eq!(ack(&mut stream).await, 5);
}

#[tokio::test]
async fn a_slow_output_is_answered_with_signs_of_life_and_a_long_window_in_parts() {
    let around = Around::with_room(64 << 20);
    let mut stream = TcpStream::connect(start(BeatsInput { keepalive_ms: 20, ..plan() }, &around)).await.unwrap();
    let long = |number: u32| json(number, &format!("{{\"n\":{number},\"x\":\"{}\"}}", "x".repeat(700_000)));
    stream.write_all(&[window(3), long(1), long(2), long(3)].concat()).await.unwrap();
    let (seen, batches) = around.look(3).await;
    assert_eq!((numbers(&seen), batches), (vec![1, 2, 3], 2));
    assert_eq!([ack(&mut stream).await, ack(&mut stream).await], [0, 0]);
    around.taken(1);
    let mut answers = Vec::new();
    while answers.last() != Some(&3) {
        answers.push(ack(&mut stream).await);
        if answers.last() == Some(&2) {
            around.taken(1);
        }
    }
    answers.retain(|number| *number != 0);
    assert_eq!(answers, [2, 3]);
}

#[tokio::test]
async fn version_1_and_damaged_frames_close_the_connection_unanswered() {
    let around = Around::new();
    let address = start(plan(), &around);
    let nested = compressed(&compressed(&record(1)));
    let torn = compressed(&record(1)[..10]);
    let mut broken = compressed(&record(1));
    broken[8] ^= 0xff;
    for bytes in [b"1W\0\0\0\x01".as_slice(), b"hello", &nested, &torn, &broken] {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(&[window(1), bytes.to_vec()].concat()).await.unwrap();
        let mut rest = Vec::new();
        let _ = within(stream.read_to_end(&mut rest)).await;
        assert!(rest.is_empty());
    }
    assert_eq!(around.intake.counters().malformed.load(Ordering::Relaxed), 5);
    assert_eq!(around.intake.counters().records.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_record_that_is_no_object_is_kept_raw_and_counted() {
    let around = Around::new();
    let mut stream = TcpStream::connect(start(plan(), &around)).await.unwrap();
    stream.write_all(&[window(2), json(1, "[1"), record(2)].concat()).await.unwrap();
    let seen = around.take(2).await;
    assert_eq!(seen[0].1.fields.get("message"), Some(&Value::text("[1")));
    assert_eq!(ack(&mut stream).await, 2);
    assert_eq!(around.intake.counters().malformed.load(Ordering::Relaxed), 1);
}
