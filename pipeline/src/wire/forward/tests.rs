use proptest::prelude::*;

use super::*;
use crate::{parse::time::Time, wire::msgpack::tests::values};

pub(crate) fn events() -> impl Strategy<Value = Vec<Event>> {
    let fields = proptest::collection::vec((proptest::collection::vec(any::<u8>(), 0..9), values()), 0..4);
    let event = (0..=i64::from(u32::MAX), 0u32..1_000_000_000, fields).prop_map(|(seconds, nanos, fields)| Event {
        time: Time { seconds, nanos },
        fields: Fields(fields),
        id: 0,
    });
    proptest::collection::vec(event, 1..6)
}

fn encoded(mode: Mode, events: &[Event], options: &Options) -> Vec<u8> {
    let mut out = Vec::new();
    encode(mode, b"kube.web", events, options, &mut out);
    out
}

const MODES: [Mode; 4] = [Mode::Message, Mode::Forward, Mode::Packed, Mode::Compressed];

proptest! {
    #[test]
    fn every_mode_carries_what_was_put_in(
        mut events in events(),
        mode in prop::sample::select(&MODES),
        chunk in proptest::option::of(proptest::collection::vec(any::<u8>(), 1..24)),
        size in proptest::option::of(0..=i64::MAX as u64),
    ) {
        if mode == Mode::Message {
            events.truncate(1);
        }
        let options = Options { chunk, size, fluent_signal: size.map(|_| 0) };
        let bytes = encoded(mode, &events, &options);
        let message = decode(&bytes, &Limits::default()).unwrap();
        let expected = Message { mode, tag: b"kube.web".to_vec(), events, skipped: 0, options };
        prop_assert_eq!(message, expected);
    }

    #[test]
    fn cut_at_any_byte_no_mode_is_taken(
        events in events(), mode in prop::sample::select(&MODES), cut in any::<prop::sample::Index>(),
    ) {
        let bytes = encoded(mode, &events, &Options { chunk: Some(b"c".to_vec()), ..Options::default() });
        prop_assert!(decode(&bytes[..cut.index(bytes.len())], &Limits::default()).is_err());
    }

    #[test]
    fn no_bytes_make_it_panic(
        events in events(),
        mode in prop::sample::select(&MODES),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        noise in proptest::collection::vec(any::<u8>(), 0..64),
    ) {
        let limits = Limits { bytes: 1 << 20, ..Limits::default() };
        let mut bytes = encoded(mode, &events, &Options::default());
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let _ = decode(&bytes, &limits);
        let _ = decode(&noise, &limits);
        let _ = decode_ack(&noise);
    }

    #[test]
    fn answers_come_back(chunk in proptest::collection::vec(any::<u8>(), 0..40)) {
        let mut out = Vec::new();
        encode_ack(&chunk, &mut out);
        prop_assert_eq!(decode_ack(&out).unwrap(), chunk);
    }
}

#[test]
fn what_is_no_entry_is_skipped_and_the_rest_is_kept() {
    // ["t", [[1, {"a": 1}], [1], 7, [nil, {}], [1, 2], [[2, {"meta": 1}], {"b": 2}]]]
    let bytes = b"\x92\xa1t\x96\x92\x01\x81\xa1a\x01\x91\x01\x07\x92\xc0\x80\x92\x01\x02\x92\x92\x02\x81\xa4meta\x01\x81\xa1b\x02";
    let message = decode(bytes, &Limits::default()).unwrap();
    assert_eq!((message.events.len(), message.skipped), (2, 4));
    assert_eq!(message.events[1].time, Time { seconds: 2, nanos: 0 });
    assert_eq!(message.events[1].fields.get("b"), Some(&Value::Int(2)));
}

#[test]
fn what_is_no_message_is_refused_with_the_reason() {
    let all = [
        b"GET / HTTP/1.1\r\n".as_slice(),
        b"\x95\xa1t\x01\x80\x80\x80",
        b"\x92\x01\x90",
        b"\x93\xa1t\xc4\x00\x81\xaacompressed\xa4zstd",
        b"\x93\xa1t\x90\x81\xadfluent_signal\x01",
        b"\x93\xa1t\xc4\x02no\x81\xaacompressed\xa4gzip",
    ];
    let why = all.map(|bytes| decode(bytes, &Limits::default()).unwrap_err().to_string());
    insta::assert_snapshot!(why.join("\n"), @r#"
    an array as a message was expected at byte 0; check the sender's version of the protocol
    a message has 2 to 4 parts, not 5; check that the sender speaks the forward protocol
    a tag was expected at byte 1; check the sender's version of the protocol
    the compression "zstd" is not known; use gzip or text
    signal 1 is not about logs; send logs only
    unexpected end of file; send it again, undamaged
    "#);
}

#[test]
fn a_bomb_of_gzip_is_refused() {
    let bomb = super::super::inflate::gzip(&vec![0xc0; 16 << 20]);
    let mut out = Vec::new();
    msgpack::encode_array(3, &mut out);
    msgpack::encode_text(b"t", &mut out);
    msgpack::encode_binary(&bomb, &mut out);
    out.extend_from_slice(b"\x81\xaacompressed\xa4gzip");
    let limits = Limits { bytes: 1 << 20, ..Limits::default() };
    assert!(matches!(decode(&out, &limits), Err(ForwardError::Inflate(InflateError::Large { .. }))));
}
