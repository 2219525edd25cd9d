use proptest::prelude::*;

use super::*;

pub(crate) fn values() -> impl Strategy<Value = Value> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..40);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        (-200i64..70_000).prop_map(Value::Int),
        (i64::MAX as u64 + 1..=u64::MAX).prop_map(Value::Unsigned),
        any::<f64>().prop_filter("it would not equal itself", |value| !value.is_nan()).prop_map(Value::Float),
        bytes().prop_map(Value::Text),
        bytes().prop_map(Value::Binary),
        (200usize..70_000).prop_map(|len| Value::Text(vec![b'x'; len])),
    ];
    leaf.prop_recursive(4, 40, 20, move |inner| {
        let pair = (proptest::collection::vec(any::<u8>(), 0..40), inner.clone());
        prop_oneof![
            proptest::collection::vec(inner, 0..20).prop_map(Value::Array),
            proptest::collection::vec(pair, 0..20).prop_map(|pairs| Value::Map(Fields(pairs))),
        ]
    })
}

fn encoded(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    encode(value, &mut out);
    out
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded_and_its_end_is_found_in_any_pieces(value in values(), step in 1usize..5000) {
        let bytes = encoded(&value);
        prop_assert_eq!(decode(&bytes), Ok((value, bytes.len())));
        let more = [bytes.as_slice(), &[0xc1]].concat();
        let mut scan = Scan::new(usize::MAX);
        let mut end = None;
        for at in (0..bytes.len()).step_by(step).chain([bytes.len()]) {
            end = scan.advance(&more[..at]).unwrap();
            prop_assert_eq!(end.is_some(), at == bytes.len());
        }
        prop_assert_eq!(end, Some(bytes.len()));
    }

    #[test]
    fn cut_at_any_byte_it_is_short(value in values(), cut in any::<prop::sample::Index>()) {
        let bytes = encoded(&value);
        prop_assert_eq!(decode(&bytes[..cut.index(bytes.len())]), Err(MsgpackError::Short));
    }

    #[test]
    fn no_bytes_make_it_panic_and_both_readers_agree_on_the_end(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let end = Scan::new(usize::MAX).advance(&bytes);
        if let Ok((_, len)) = decode(&bytes) {
            prop_assert_eq!(end, Ok(Some(len)));
        }
        let mut reader = Reader::new(&bytes);
        while reader.time().is_ok() {}
    }

    #[test]
    fn times_come_back(seconds in 0..=i64::from(u32::MAX), nanos in 0u32..1_000_000_000) {
        let mut bytes = Vec::new();
        encode_time(Time { seconds, nanos }, &mut bytes);
        encode(&Value::Int(seconds), &mut bytes);
        bytes.extend_from_slice(&[0xc7, 8, 0]);
        bytes.extend_from_within(2..10);
        let mut reader = Reader::new(&bytes);
        prop_assert_eq!(reader.time(), Ok(Some(Time { seconds, nanos })));
        prop_assert_eq!(reader.time(), Ok(Some(Time { seconds, nanos: 0 })));
        prop_assert_eq!(reader.time(), Ok(Some(Time { seconds, nanos })));
        prop_assert!(reader.is_over());
    }
}

#[test]
fn announced_sizes_allocate_nothing() {
    for bytes in [[0xdd, 0xff, 0xff, 0xff, 0xff], [0xdf, 0xff, 0xff, 0xff, 0xff], [0xc6, 0xff, 0xff, 0xff, 0xff]] {
        assert_eq!(decode(&bytes), Err(MsgpackError::Short));
        assert!(matches!(Scan::new(1 << 20).advance(&bytes), Err(MsgpackError::Long { at: 0, .. })), "{bytes:x?}");
    }
}

#[test]
fn nesting_and_the_number_of_values_end() {
    let deep = vec![0x91; 1_000_000];
    assert_eq!(decode(&deep), Err(MsgpackError::Deep { at: DEPTH_MAX }));
    assert_eq!(Scan::new(usize::MAX).advance(&deep), Err(MsgpackError::Deep { at: DEPTH_MAX }));
    let mut allowed = vec![0x91; DEPTH_MAX];
    allowed.push(0xc0);
    assert!(decode(&allowed).is_ok());
    assert_eq!(Scan::new(usize::MAX).advance(&allowed), Ok(Some(DEPTH_MAX + 1)));
    let mut many = vec![0xdd, 0, 0x30, 0, 0];
    many.resize(5 + 0x30_0000, 0xc0);
    assert!(matches!(decode(&many), Err(MsgpackError::Many { .. })));
}

#[test]
fn what_other_encoders_write_is_understood() {
    let bytes = b"\x82\x01\xa1x\xc4\x01k\xd4\x05\x07";
    let mut fields = Fields::default();
    fields.push("1", Value::text("x"));
    fields.push("k", Value::Binary(vec![7]));
    assert_eq!(decode(bytes), Ok((Value::Map(fields), bytes.len())));
    assert_eq!(decode(&[0xc1]), Err(MsgpackError::Reserved { at: 0 }));
    assert_eq!(decode(&[0x81, 0xc0, 0xc0]), Err(MsgpackError::Unexpected { at: 1, expected: "a key of text" }));
    assert_eq!(decode(&[0xd1, 0xff, 0x00]), Ok((Value::Int(-256), 3)));
}
