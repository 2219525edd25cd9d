use std::{
    io::{Read, Write},
    net::TcpStream,
};

use flate2::{Compression, write::GzEncoder};
use results::{identity::StreamId, outcome::BookTotals};

use super::*;
use crate::{
    payload::{Body, Size},
    trial::{RUN, ledger, own_address, until},
};

mod cloudwatch;
mod elastic;
mod stream;

struct Sink {
    receiver: Receiver,
    ledger: Arc<Ledger>,
    payloads: Arc<Payloads>,
}

fn sink(plan: HttpPlan) -> Sink {
    let ledger = ledger(1);
    ledger.sent(StreamId(0), 1_000);
    ledger.written(StreamId(0), 1_000, 300_000);
    let payloads = Arc::new(Payloads::new(RUN, 1, [(Body::AppText, Size::Fixed(300))]));
    let plan = HttpPlan { payloads: Some(Arc::clone(&payloads)), ..plan };
    let receiver = Receiver::start(plan, Arc::clone(&ledger), RunClock::start()).expect("listens");
    Sink { receiver, ledger, payloads }
}

impl Sink {
    fn body(&self, seqs: std::ops::Range<u64>) -> Vec<u8> {
        let payload = self.payloads.get(StreamId(0)).expect("a stream");
        seqs.flat_map(|seq| [payload.expected(seq, 1), b"\n".to_vec()].concat()).collect()
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.receiver.addr()).expect("listens");
        stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a socket");
        stream
    }

    fn send(&self, seqs: std::ops::Range<u64>) -> Option<u16> {
        status(&mut self.post("", &self.body(seqs)))
    }

    /// Sends a request; a peer that cuts early is seen when the answer is read.
    fn post(&self, headers: &str, body: &[u8]) -> TcpStream {
        let mut stream = self.connect();
        let head = format!("POST /any/path HTTP/1.1\r\nHost: sink\r\nContent-Length: {}\r\n{headers}\r\n", body.len());
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body));
        stream
    }

    /// Sends a request to `path` and reads its whole answer: status and body.
    fn call(&self, path: &str, headers: &str, body: &[u8]) -> (u16, serde_json::Value) {
        let mut stream = self.connect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: sink\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(body)).expect("open");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head[9..12].parse().expect("a status"), serde_json::from_str(body).unwrap_or_default())
    }

    fn totals(&self) -> BookTotals {
        self.ledger.totals()
    }
}

/// The status of the answer, or `None` if the connection was cut.
fn status(stream: &mut TcpStream) -> Option<u16> {
    let mut head = [0; 12];
    stream.read_exact(&mut head).ok()?;
    std::str::from_utf8(&head[9..]).ok()?.parse().ok()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).expect("memory");
    encoder.finish().expect("memory")
}

#[test]
fn what_is_answered_with_success_is_in_the_books_plain_and_packed() {
    let sink = sink(HttpPlan::default());
    assert_eq!(sink.send(0..10), Some(200));
    assert_eq!(sink.totals().delivered, 10);
    assert_eq!(status(&mut sink.post("Content-Encoding: gzip\r\n", &gzip(&sink.body(10..30)))), Some(200));
    assert_eq!((sink.totals().delivered, sink.totals().duplicated, sink.totals().corrupted), (30, 0, 0));
    let counters = sink.receiver.stop();
    assert_eq!((counters.requests, counters.records, counters.connections, counters.effects()), (2, 30, 2, 0));
}

#[test]
fn chunked_bodies_and_several_requests_a_connection_are_taken() {
    let sink = sink(HttpPlan::default());
    let mut stream = sink.connect();
    for turn in 0..3 {
        let body = sink.body(turn * 10..turn * 10 + 10);
        stream.write_all(b"PUT / HTTP/1.1\r\nHost: sink\r\nTransfer-Encoding: chunked\r\n\r\n").expect("open");
        for part in body.chunks(1_000) {
            stream.write_all(format!("{:x}\r\n", part.len()).as_bytes()).expect("open");
            stream.write_all(part).and_then(|()| stream.write_all(b"\r\n")).expect("open");
        }
        stream.write_all(b"0\r\n\r\n").expect("open");
        assert_eq!(status(&mut stream), Some(200));
        let mut rest = Vec::new();
        while !rest.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).expect("the rest of the head");
            rest.push(byte[0]);
        }
    }
    assert_eq!((sink.totals().delivered, sink.receiver.counters().connections), (30, 1));
}

#[test]
fn refusing_and_resetting_book_nothing() {
    let sink = sink(HttpPlan::default());
    sink.receiver.set(Mode::Refuse { status: 429 }, 1).expect("set");
    assert_eq!(sink.send(0..5), Some(429));
    sink.receiver.set(Mode::Refuse { status: 200 }, 1).expect("set");
    assert_eq!(sink.send(0..5), Some(503), "a refusal is never a success");
    sink.receiver.set(Mode::Reset, 2).expect("set");
    assert_eq!(sink.send(0..5), None);
    assert_eq!(sink.totals().delivered, 0);
    let counters = sink.receiver.counters();
    assert_eq!((counters.refused, counters.cut, counters.records), (2, 1, 0));
    sink.receiver.set(Mode::Accept, 2).expect("set");
    assert_eq!((sink.send(0..5), sink.totals().delivered, sink.totals().duplicated), (Some(200), 5, 0));
}

#[test]
fn a_lost_answer_allows_one_doubling_and_no_more() {
    let sink = sink(HttpPlan::default());
    sink.receiver.set(Mode::LoseAck { every: 2 }, 1).expect("set");
    assert_eq!((sink.send(0..5), sink.send(5..10)), (Some(200), None));
    assert_eq!((sink.totals().delivered, sink.receiver.counters().lost_answers), (10, 1));
    sink.receiver.set(Mode::Accept, 1).expect("set");
    assert_eq!((sink.send(0..5), sink.send(5..10)), (Some(200), Some(200)));
    assert_eq!((sink.totals().duplicated, sink.totals().duplicated_allowed), (10, 5));
    assert_eq!(sink.send(5..10), Some(200));
    assert_eq!((sink.totals().duplicated, sink.totals().duplicated_allowed), (15, 5));
}

#[test]
fn a_partial_taking_books_the_first_half_and_lets_it_come_again() {
    let sink = sink(HttpPlan::default());
    sink.receiver.set(Mode::Partial { status: 500 }, 1).expect("set");
    assert_eq!((sink.send(0..10), sink.totals().delivered), (Some(500), 5));
    sink.receiver.set(Mode::Accept, 1).expect("set");
    assert_eq!(sink.send(0..10), Some(200));
    assert_eq!((sink.totals().delivered, sink.totals().duplicated, sink.totals().duplicated_allowed), (10, 5, 5));
    assert_eq!(sink.receiver.counters().partial, 1);
}

#[test]
fn a_delay_books_at_once_and_answers_late() {
    let sink = sink(HttpPlan::default());
    sink.receiver.set(Mode::Delay { ms: 150 }, 1).expect("set");
    let clock = RunClock::start();
    let mut stream = sink.post("", &sink.body(0..5));
    until("the booking", || sink.totals().delivered == 5);
    assert_eq!(sink.receiver.counters().delayed, 1);
    assert_eq!(status(&mut stream), Some(200));
    assert!(clock.now_us() >= 150_000);
}

#[test]
fn whoever_goes_away_before_a_late_answer_may_send_its_records_again_once() {
    let sink = sink(HttpPlan::default());
    sink.receiver.set(Mode::Delay { ms: 60_000 }, 1).expect("set");
    let stream = sink.post("", &sink.body(0..5));
    until("the booking", || sink.totals().delivered == 5);
    drop(stream);
    sink.receiver.set(Mode::Accept, 1).expect("set");
    until("the allowance", || {
        sink.send(0..5);
        sink.totals().duplicated_allowed == 5
    });
    // What came before the receiver noticed, and whatever comes after the one copy, is not allowed.
    let before = sink.totals();
    assert_eq!(sink.send(0..5), Some(200));
    assert_eq!(sink.totals().duplicated_allowed, before.duplicated_allowed);
}

#[test]
fn hanging_requests_are_cut_unbooked_when_the_mode_changes() {
    let sink = sink(HttpPlan::default());
    sink.receiver.set(Mode::Hang, 1).expect("set");
    let mut stream = sink.post("", &sink.body(0..5));
    until("the hang", || sink.receiver.counters().hung == 1);
    sink.receiver.set(Mode::Accept, 1).expect("set");
    assert_eq!((status(&mut stream), sink.totals().delivered), (None, 0));
    assert_eq!((sink.send(0..5), sink.totals().delivered), (Some(200), 5));
}

#[test]
fn a_gone_receiver_cuts_and_refuses_connections_and_returns_on_its_port() {
    let sink = sink(HttpPlan { listen: own_address(4), ..HttpPlan::default() });
    let mut idle = sink.connect();
    until("the connection", || sink.receiver.counters().connections == 1);
    sink.receiver.set(Mode::Gone, 1).expect("set");
    assert_eq!(idle.read(&mut [0]).ok().filter(|count| *count > 0), None);
    assert!(TcpStream::connect(sink.receiver.addr()).is_err());
    assert_eq!(sink.receiver.counters().cut, 1);
    sink.receiver.set(Mode::Accept, 1).expect("set");
    assert_eq!((sink.send(0..5), sink.totals().delivered), (Some(200), 5));
}

#[test]
fn a_port_taken_meanwhile_is_told() {
    let sink = sink(HttpPlan { listen: own_address(5), ..HttpPlan::default() });
    sink.receiver.set(Mode::Gone, 1).expect("set");
    let thief = std::net::TcpListener::bind(sink.receiver.addr()).expect("the port is free");
    assert!(matches!(sink.receiver.set(Mode::Accept, 1), Err(ReceiveError::Return { .. })));
    drop(thief);
    sink.receiver.set(Mode::Accept, 1).expect("free again");
    assert_eq!(sink.send(0..1), Some(200));
}

#[test]
fn hostile_requests_are_answered_and_change_nothing() {
    let sink = sink(HttpPlan { body_limit: 10_000, ..HttpPlan::default() });
    let body = sink.body(0..3);
    assert_eq!(status(&mut sink.post("", &vec![b'x'; 20_000])), Some(413));
    assert_eq!(status(&mut sink.post("Content-Encoding: gzip\r\n", &gzip(&vec![0; 8 << 20]))), Some(413));
    assert_eq!(status(&mut sink.post("Content-Encoding: gzip\r\n", b"no gzip")), Some(400));
    assert_eq!(status(&mut sink.post("Content-Encoding: br\r\n", &body)), Some(415));
    let mut garbage = sink.connect();
    garbage.write_all(b"\x16\x03\x01\0\xffnonsense\r\n\r\n").expect("open");
    assert_eq!(status(&mut garbage), Some(400));
    let counters = sink.receiver.counters();
    assert_eq!((counters.too_large, counters.malformed, counters.records), (2, 2, 0));
    assert_eq!(sink.totals().delivered, 0);
}

#[test]
fn a_body_that_breaks_off_was_never_taken() {
    let sink = sink(HttpPlan::default());
    let body = sink.body(0..100);
    let mut stream = sink.connect();
    let head = format!("POST / HTTP/1.1\r\nHost: sink\r\nContent-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body[..20_000])).expect("open");
    drop(stream);
    assert_eq!((sink.send(0..100), sink.totals().delivered, sink.totals().duplicated), (Some(200), 100, 0));
    assert_eq!(sink.receiver.counters().requests, 1);
}

#[test]
fn a_paced_sink_takes_everything_and_answers_at_its_own_speed() {
    let sink = sink(HttpPlan::default());
    sink.receiver.set(Mode::Pace { per_s: 1_000 }, 0).expect("in force");
    let clock = RunClock::start();
    for from in [0, 100, 200, 300] {
        assert_eq!(sink.send(from..from + 100), Some(200));
    }
    let took_us = clock.now_us();
    assert!((370_000..10_000_000).contains(&took_us), "400 records at 1,000 a second took {took_us} us");
    assert_eq!((sink.totals().delivered, sink.totals().duplicated), (400, 0));
    let begin_us = clock.now_us();
    let both: Vec<TcpStream> = [400..600, 600..800].map(|seqs| sink.post("", &sink.body(seqs))).into();
    for mut stream in both {
        assert_eq!(status(&mut stream), Some(200));
    }
    let took_us = clock.now_us() - begin_us;
    assert!(took_us > 300_000, "connections share the speed: 400 records took {took_us} us");
}
