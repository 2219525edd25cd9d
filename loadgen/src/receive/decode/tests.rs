mod same;

use std::sync::Arc;

use proptest::prelude::*;
use results::identity::StreamId;

use super::*;
use crate::payload::{Body, Size};

type Found = Vec<(Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>)>;

fn payloads() -> Arc<Payloads> {
    static POOLS: std::sync::OnceLock<Arc<Payloads>> = std::sync::OnceLock::new();
    let size = Size::Spread { min: 90, max: 600, long_every: 8, long: 40_000 };
    let build = || Arc::new(Payloads::new(9, 1, [(Body::NginxJson, size), (Body::AppText, size)]));
    Arc::clone(POOLS.get_or_init(build))
}

fn decode(format: Format, body: &[u8]) -> Found {
    let mut found = Vec::new();
    Decoder::new(format, Keys::default(), Some(payloads())).decode(body, &mut |record, seen| {
        found.push((record.text().into_owned(), seen.path.map(<[u8]>::to_vec), seen.output.map(<[u8]>::to_vec)));
    });
    found
}

fn texts() -> Vec<Vec<u8>> {
    let payloads = payloads();
    let text = |stream, seq| payloads.get(StreamId(stream)).expect("a stream").expected(seq, 5);
    (0..40).flat_map(|seq| [text(0, seq), text(1, seq)]).collect()
}

fn object(text: &[u8]) -> String {
    let text = std::str::from_utf8(text).expect("text");
    serde_json::json!({"date": 1.5, "log": text, "file": "/var/\"log\"", "stream": "stdout", "k8s": {"a": [1]}})
        .to_string()
}

fn labelled(texts: Vec<Vec<u8>>) -> Found {
    texts.into_iter().map(|text| (text, Some(b"/var/\"log\"".to_vec()), Some(b"stdout".to_vec()))).collect()
}

#[test]
fn raw_lines_are_the_texts_told_or_found_out() {
    let body = texts().iter().flat_map(|text| [text.as_slice(), b"\n"].concat()).collect::<Vec<u8>>();
    let expected: Found = texts().into_iter().map(|text| (text, None, None)).collect();
    assert_eq!(decode(Format::Raw, &body), expected);
    assert_eq!(decode(Format::Auto, &body), expected);
}

#[test]
fn objects_yield_text_path_and_output_in_lines_and_arrays() {
    let objects: Vec<String> = texts().iter().map(|text| object(text)).collect();
    let lines = objects.join("\n");
    let array = format!(" [ {} ]\n", objects.join(" ,\n"));
    for (format, body) in
        [(Format::Auto, &lines), (Format::JsonLines, &lines), (Format::Auto, &array), (Format::JsonArray, &array)]
    {
        assert_eq!(decode(format, body.as_bytes()), labelled(texts()));
    }
}

#[test]
fn objects_as_agents_write_them_take_the_fast_way() {
    for text in texts() {
        let mut decoder = Decoder::new(Format::Auto, Keys::default(), None);
        let line = object(&text);
        let mut count = 0;
        let len = decoder.object(line.as_bytes(), true, &mut |found, _| count += usize::from(*found.text() == text));
        assert_eq!((len, count), (Some(line.len()), 1), "{line}");
    }
}

#[test]
fn a_line_feed_that_docker_left_is_no_part_of_the_text() {
    assert_eq!(decode(Format::Auto, br#"{"log":"abc\n"}"#)[0].0, b"abc");
}

#[test]
fn a_parsed_record_is_rebuilt_and_a_changed_field_is_not() {
    let text = &texts()[0];
    let mut value: serde_json::Value = serde_json::from_slice(text).expect("JSON");
    value["file"] = "/p".into();
    value["request_time"] = serde_json::json!(value["request_time"].as_f64().expect("a number"));
    let found = decode(Format::Auto, value.to_string().as_bytes());
    assert_eq!(found, [(text.clone(), Some(b"/p".to_vec()), None)]);
    value["status"] = 999.into();
    assert_ne!(decode(Format::Auto, value.to_string().as_bytes())[0].0, *text);
    value.as_object_mut().expect("an object").remove("status");
    assert_ne!(decode(Format::Auto, value.to_string().as_bytes())[0].0, *text);
}

#[test]
fn what_cannot_be_read_is_handed_on_as_it_came() {
    assert_eq!(decode(Format::JsonLines, b"{\"log\":\"cut")[0].0, b"{\"log\":\"cut");
    assert_eq!(decode(Format::JsonArray, b"[{\"log\":\"a\"},{\"log\":\"cut")[1].0, b"{\"log\":\"cut");
    assert_eq!(decode(Format::Auto, b"{} trailing")[0].0, b"{} trailing");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(mut body in prop::collection::vec(prop_oneof![any::<u8>(), prop::sample::select(b"{}[]\",:\\ \n".to_vec())], 0..300), start in 0usize..3) {
        body.splice(0..0, [&b""[..], b"[{", b"{\"log\":\""][start].iter().copied());
        for format in [Format::Auto, Format::Raw, Format::JsonLines, Format::JsonArray] {
            decode(format, &body);
        }
    }
}
