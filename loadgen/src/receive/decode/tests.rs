mod same;

use std::sync::Arc;

use proptest::prelude::*;
use results::identity::StreamId;

use super::*;
use crate::payload::{Body, Size};

/// Bodies of which a record is a text by itself.
const WHOLE: [Body; 6] =
    [Body::NginxJson, Body::AppText, Body::NginxCombined, Body::Logfmt, Body::Ltsv, Body::StackTrace];

type Found = Vec<(Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>)>;

fn payloads() -> Arc<Payloads> {
    static POOLS: std::sync::OnceLock<Arc<Payloads>> = std::sync::OnceLock::new();
    let size = Size::Spread { min: 90, max: 600, long_every: 8, long: 40_000 };
    let build = || Arc::new(Payloads::new(9, 1, WHOLE.map(|body| (body, size))));
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
    (0..40).flat_map(|seq| (0..5).map(move |stream| text(stream, seq))).collect()
}

/// As an agent's parser leaves a record of a stream.
fn parsed(stream: u16, text: &str) -> serde_json::Value {
    let pairs = |pairs: Vec<(&str, &str)>| {
        pairs.into_iter().map(|(key, value)| (key.to_owned(), serde_json::Value::from(value))).collect()
    };
    match WHOLE[usize::from(stream)] {
        Body::Ltsv => pairs(text.split('\t').filter_map(|pair| pair.split_once(':')).collect()),
        Body::Logfmt => {
            let (head, message) = text.split_once(" msg=").expect("a message");
            let mut all: Vec<_> = head.split(' ').filter_map(|pair| pair.split_once('=')).collect();
            all.push(("msg", message.trim_matches('"')));
            pairs(all)
        }
        Body::NginxCombined => {
            let parts: Vec<&str> = text.split('"').collect();
            let (request, answer): (Vec<&str>, Vec<&str>) =
                (parts[1].split(' ').collect(), parts[2].trim().split(' ').collect());
            let mut fields = serde_json::json!({"remote": text.split(' ').next(), "host": "-", "user": "-"});
            for (key, value) in [
                ("method", request[0]),
                ("path", request[1]),
                ("size", answer[1]),
                ("referer", parts[3]),
                ("agent", parts[5]),
            ] {
                fields[key] = value.into();
            }
            fields["code"] = answer[0].parse::<u16>().expect("a status").into();
            fields
        }
        _ => serde_json::from_str(text).expect("JSON"),
    }
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
fn with_owners_it_is_the_owner_that_stands_for_the_path_however_the_record_is_taken_apart() {
    let keys = Keys { owner: Some(("kubernetes".to_owned(), "pod_id".to_owned())), ..Keys::default() };
    let owner = |object: &serde_json::Value| {
        let mut found = Vec::new();
        let mut decoder = Decoder::new(Format::Auto, keys.clone(), Some(payloads()));
        decoder.decode(object.to_string().as_bytes(), &mut |record, seen| {
            found.push((record.text().into_owned(), seen.path.map(<[u8]>::to_vec)));
        });
        assert_eq!(found.len(), 1, "{object}");
        found.remove(0)
    };
    let text = texts().remove(0);
    let whole = serde_json::json!({"log": std::str::from_utf8(&text).expect("text"), "file": "/p"});
    let mut parsed = parsed(0, std::str::from_utf8(&text).expect("text"));
    parsed["file"] = "/p".into();
    for mut object in [whole, parsed] {
        assert_eq!(owner(&object), (text.clone(), Some(Vec::new())), "nobody says whose it is: {object}");
        object["kubernetes"] = serde_json::json!({"pod_name": "web", "pod_id": "u-1"});
        assert_eq!(owner(&object), (text.clone(), Some(b"u-1".to_vec())), "{object}");
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
fn access_logs_and_pairs_are_rebuilt_from_their_fields_and_changed_ones_are_not() {
    for stream in [0, 2, 3, 4] {
        for seq in 0..50 {
            let text = payloads().get(StreamId(stream)).expect("a stream").expected(seq, 5);
            let fields = parsed(stream, std::str::from_utf8(&text).expect("text"));
            let mut with_file = fields.clone();
            with_file["file"] = "/p".into();
            let found = decode(Format::Auto, with_file.to_string().as_bytes());
            assert_eq!(found, [(text.clone(), Some(b"/p".to_vec()), None)], "{fields}");
            for key in fields.as_object().expect("an object").keys() {
                let mut changed = fields.clone();
                changed[key] = "another".into();
                assert_ne!(decode(Format::Auto, changed.to_string().as_bytes())[0].0, text, "{key} of {fields}");
            }
        }
    }
}

#[test]
fn a_trace_that_was_joined_is_one_record_and_one_that_was_not_is_none() {
    let text = payloads().get(StreamId(5)).expect("a stream").expected(3, 5);
    let text = std::str::from_utf8(&text).expect("text");
    assert_eq!(decode(Format::JsonLines, object(text.as_bytes()).as_bytes()), labelled(vec![text.into()]));
    let apart: Vec<String> = text.lines().map(|line| object(line.as_bytes())).collect();
    let found = decode(Format::JsonLines, apart.join("\n").as_bytes());
    assert!(found.len() > 2 && found.iter().all(|(found, ..)| found != text.as_bytes()));
}

#[test]
fn a_request_is_found_in_the_text_or_the_fields_that_an_agent_delivers() {
    let payloads = Arc::new(Payloads::new(9, 1, [(Body::Request, Size::Fixed(150))]));
    let text = payloads.get(StreamId(0)).expect("a stream").expected(7, 5);
    let uri = std::str::from_utf8(&text).expect("text");
    let line = format!(r#"10.0.3.7 - - [04/Mar/2026:05:00:00 +0000] "GET {uri} HTTP/1.1" 200 2 "-" "curl""#);
    let mut decoder = Decoder::new(Format::Auto, Keys::default(), Some(payloads));
    for body in [
        serde_json::json!({"log": line, "file": "/p"}),
        serde_json::json!({"remote": "10.0.3.7", "path": uri, "file": "/p"}),
        serde_json::json!({"data": {"path": uri}, "file": "/p"}),
    ] {
        let mut found = Vec::new();
        decoder.decode(body.to_string().as_bytes(), &mut |record, seen| {
            found.push((record.text().into_owned(), seen.path.map(<[u8]>::to_vec)));
        });
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].0, text, "{body}");
        assert!(found[0].1.as_deref().is_none_or(|path| path == b"/p"), "{body}");
    }
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
        for format in [Format::Auto, Format::Raw, Format::JsonLines, Format::JsonArray, Format::Embedded] {
            decode(format, &body);
        }
    }
}
