//! Conversations, by hand-made clients.

use sha2::{Digest, Sha512};

use super::*;
use crate::receive::ForwardPlan;

fn talking(protocol: Protocol) -> Sink {
    let keys = Keys { text: "message".into(), ..Keys::default() };
    sink(HttpPlan { protocol, keys, ..HttpPlan::default() })
}

/// `MessagePack` of a string, the long way.
fn text(text: &[u8]) -> Vec<u8> {
    [&[0xdb][..], &(text.len() as u32).to_be_bytes(), text].concat()
}

/// `[time, {"message": text}]`.
fn entry(sink: &Sink, seq: u64) -> Vec<u8> {
    let record = [vec![0x81], text(b"message"), text(&sink.text_of(seq))].concat();
    [vec![0x92, 0xd7, 0x00, 0, 0, 0, 1, 0, 0, 0, 2], record].concat()
}

fn options(compressed: bool) -> Vec<u8> {
    let mut out = vec![if compressed { 0x82 } else { 0x81 }];
    out.extend([text(b"chunk"), text(b"c1")].concat());
    if compressed {
        out.extend([text(b"compressed"), text(b"gzip")].concat());
    }
    out
}

fn ack() -> Vec<u8> {
    vec![0x81, 0xa3, b'a', b'c', b'k', 0xa2, b'c', b'1']
}

fn forward() -> Sink {
    talking(Protocol::Forward(ForwardPlan { text_key: "message".into(), ..ForwardPlan::default() }))
}

impl Sink {
    fn text_of(&self, seq: u64) -> Vec<u8> {
        self.payloads.get(StreamId(0)).expect("a stream").expected(seq, 1)
    }

    /// Sends bytes and reads so many back; none if the connection was cut before.
    fn talk(&self, bytes: &[u8], answer: usize) -> Option<Vec<u8>> {
        let mut stream = self.connect();
        stream.write_all(bytes).expect("open");
        let mut got = vec![0; answer];
        stream.read_exact(&mut got).ok().map(|()| got)
    }
}

#[test]
fn all_four_forms_of_a_forward_message_are_booked_and_answered() {
    let sink = forward();
    let tag = text(b"app");
    let packed: Vec<u8> = (2..4).flat_map(|seq| entry(&sink, seq)).collect();
    let bin = |bytes: &[u8]| [&[0xc6][..], &(bytes.len() as u32).to_be_bytes(), bytes].concat();
    let one = entry(&sink, 0);
    let forms = [
        [vec![0x94], tag.clone(), one[1..].to_vec(), options(false)].concat(),
        [vec![0x93], tag.clone(), vec![0x91], entry(&sink, 1), options(false)].concat(),
        [vec![0x93], tag.clone(), bin(&packed), options(false)].concat(),
        [vec![0x93], tag, bin(&gzip(&entry(&sink, 4))), options(true)].concat(),
    ];
    for form in forms {
        assert_eq!(sink.talk(&form, 8), Some(ack()));
    }
    let totals = sink.totals();
    assert_eq!((totals.delivered, totals.duplicated, totals.corrupted), (5, 0, 0));
}

#[test]
fn a_lost_answer_is_booked_and_allows_a_second_copy() {
    let sink = forward();
    sink.receiver.set(Mode::LoseAck { every: 1 }, 1).expect("set");
    let message = [vec![0x93], text(b"app"), vec![0x91], entry(&sink, 0), options(false)].concat();
    assert_eq!(sink.talk(&message, 8), None);
    sink.receiver.set(Mode::Accept, 0).expect("set");
    assert_eq!(sink.talk(&message, 8), Some(ack()));
    let totals = sink.totals();
    assert_eq!((totals.delivered, totals.duplicated, totals.duplicated_allowed), (1, 1, 1));
}

#[test]
fn refusing_forward_cuts_and_books_nothing() {
    let sink = forward();
    let message = [vec![0x93], text(b"app"), vec![0x91], entry(&sink, 0), options(false)].concat();
    for mode in [Mode::Refuse { status: 503 }, Mode::Reset] {
        sink.receiver.set(mode, 1).expect("set");
        assert_eq!(sink.talk(&message, 8), None);
    }
    assert_eq!((sink.totals().delivered, sink.receiver.counters().effects()), (0, 2));
}

fn hex(parts: &[&[u8]]) -> Vec<u8> {
    let digest = Sha512::digest(parts.concat());
    digest.iter().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}

#[test]
fn only_whoever_knows_the_key_is_let_in() {
    let plan = ForwardPlan { shared_key: Some("secret".into()), text_key: "message".into(), users: Vec::new() };
    let sink = talking(Protocol::Forward(plan));
    for (key, expected) in [("secret", Some(ack())), ("wrong", None)] {
        let mut stream = sink.connect();
        let mut helo = [0; 64];
        let got = stream.read(&mut helo).expect("a greeting");
        assert!(got > 10 && helo[2..6] == *b"HELO");
        let digest = hex(&[b"salt", b"me", b"tailproof-nonce-", key.as_bytes()]);
        let ping =
            [vec![0x96], text(b"PING"), text(b"me"), text(b"salt"), text(&digest), text(b""), text(b"")].concat();
        stream.write_all(&ping).expect("open");
        let mut answer_to_ping = [0; 7];
        stream.read_exact(&mut answer_to_ping).expect("an answer");
        assert_eq!(answer_to_ping[6], if expected.is_some() { 0xc3 } else { 0xc2 });
        let mut rest = [0; 512];
        let _ = stream.read(&mut rest).expect("the rest of it");
        let message = [vec![0x93], text(b"app"), vec![0x91], entry(&sink, 0), options(false)].concat();
        let _ = stream.write_all(&message);
        let mut answer = vec![0; 8];
        assert_eq!(stream.read_exact(&mut answer).ok().map(|()| answer), expected, "{key}");
    }
    assert_eq!(sink.totals().delivered, 1);
}

fn event(sink: &Sink, seq: u32) -> Vec<u8> {
    let message = String::from_utf8(sink.text_of(u64::from(seq) - 1)).expect("text");
    let json = serde_json::json!({ "message": message }).to_string().into_bytes();
    [&b"2J"[..], &seq.to_be_bytes(), &(json.len() as u32).to_be_bytes(), &json].concat()
}

#[test]
fn a_lumberjack_window_is_answered_when_it_is_whole() {
    let sink = talking(Protocol::Lumberjack);
    let plain = [b"2W\0\0\0\x02".to_vec(), event(&sink, 1), event(&sink, 2)].concat();
    assert_eq!(sink.talk(&plain, 6), Some(b"2A\0\0\0\x02".to_vec()));
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(&[event(&sink, 3), event(&sink, 4)].concat()).expect("memory");
    let zlib = encoder.finish().expect("memory");
    let packed = [b"2W\0\0\0\x02".to_vec(), b"2C".to_vec(), (zlib.len() as u32).to_be_bytes().to_vec(), zlib].concat();
    assert_eq!(sink.talk(&packed, 6), Some(b"2A\0\0\0\x04".to_vec()));
    assert_eq!((sink.totals().delivered, sink.totals().corrupted), (4, 0));
}

#[test]
fn half_a_lumberjack_window_is_not_kept() {
    let sink = talking(Protocol::Lumberjack);
    let mut stream = sink.connect();
    stream.write_all(&[b"2W\0\0\0\x02".to_vec(), event(&sink, 1)].concat()).expect("open");
    drop(stream);
    let whole = [b"2W\0\0\0\x01".to_vec(), event(&sink, 2)].concat();
    assert!(sink.talk(&whole, 6).is_some());
    assert_eq!(sink.totals().delivered, 1);
}

#[test]
fn syslog_over_tcp_is_booked_by_its_text() {
    let sink = talking(Protocol::Syslog);
    let mut stream = sink.connect();
    let message = |seq| [b"<13>Nov 21 05:50:01 host app[7]: ".to_vec(), sink.text_of(seq)].concat();
    let counted = message(1);
    stream.write_all(&[message(0), b"\n".to_vec()].concat()).expect("open");
    stream.write_all(&[format!("{} ", counted.len()).into_bytes(), counted].concat()).expect("open");
    stream.write_all(&message(2)).expect("open");
    drop(stream);
    until("all three are booked", || sink.totals().delivered == 3);
    assert_eq!(sink.totals().corrupted, 0);
}

#[test]
fn nonsense_is_counted_and_cut_off() {
    for (protocol, bytes) in [
        (Protocol::Forward(ForwardPlan::default()), &b"\xc1\xc1"[..]),
        (Protocol::Lumberjack, b"1W\0\0\0\x02"),
        (Protocol::Lumberjack, b"2J\0\0\0\x01\0\0\0\x02{}"),
        (Protocol::Syslog, b"99999999 <13>"),
    ] {
        let sink = talking(protocol);
        assert_eq!(sink.talk(bytes, 1), None);
        assert_eq!(sink.receiver.counters().malformed, 1);
    }
}
