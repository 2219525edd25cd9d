use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    chunk::{Chunk, Source, SourceId},
    config::Config,
    parse::{Now, Parser},
};

fn batches(keys: &str, bytes: &[u8]) -> Vec<Batch> {
    let text = format!("[INPUT]\nName tail\nPath /a\n{keys}\n[OUTPUT]\nName null\nMatch *\n");
    let plan = Config::parse(std::path::Path::new("x"), &text, &|_| None).unwrap().plan().unwrap();
    let source = Source { id: SourceId(1), path: "/a\"b".into(), tag: "t.a".into(), lineage: 1, base: 0 };
    let chunk = Chunk { source: Arc::new(source), offset: 100, bytes: bytes.to_vec() };
    let mut out = Vec::new();
    Parser::new(0, plan.inputs[0].tail().unwrap()).parse(chunk, Now { unix_ns: 7_000_000_042, mono_ms: 0 }, &mut out);
    out
}

fn encode(keys: &str, bytes: &[u8], date_key: Option<&str>, date: DateFormat, layout: Layout) -> String {
    let mut encoder = Encoder::new(RecordFormat { date_key: date_key.map(Into::into), date }, layout);
    let mut out = Vec::new();
    for batch in batches(keys, bytes) {
        encoder.batch(&batch, 0..batch.len(), &mut out);
    }
    String::from_utf8(out).unwrap()
}

const CRI: &[u8] = b"2026-11-21T05:50:01.000000009Z stderr F say \"hi\"\n";

#[test]
fn a_cri_record_carries_its_time_stream_text_path_and_offset() {
    let keys = "Parser cri\nPath_Key file\nOffset_Key at\nKey msg";
    assert_eq!(
        encode(keys, CRI, Some("date"), DateFormat::Double, Layout::Lines),
        "{\"date\":1795240201.000000009,\"time\":\"2026-11-21T05:50:01.000000009Z\",\"stream\":\"stderr\",\"_p\":\"F\",\
         \"msg\":\"say \\\"hi\\\"\",\"file\":\"/a\\\"b\",\"at\":100}\n"
    );
}

#[test]
fn dates_come_in_four_formats_or_not_at_all() {
    let date = |format| {
        let line = encode("", b"x\n", Some("d"), format, Layout::Lines);
        serde_json::from_str::<Value>(&line).unwrap()["d"].clone()
    };
    assert_eq!(date(DateFormat::Epoch), json!(7));
    assert_eq!(date(DateFormat::EpochMs), json!(7000));
    assert_eq!(date(DateFormat::Double), json!(7.000_000_042));
    assert_eq!(date(DateFormat::Iso8601), json!("1970-01-01T00:00:07.000000Z"));
    assert_eq!(encode("", b"x\n", None, DateFormat::Epoch, Layout::Lines), "{\"log\":\"x\"}\n");
}

#[test]
fn layouts_differ_only_around_the_record() {
    let with = |layout| encode("", b"x\n", None, DateFormat::Double, layout);
    assert_eq!(with(Layout::Array), "{\"log\":\"x\"},");
    assert_eq!(with(Layout::Prefixed), "t.a: [7.000000042, {\"log\":\"x\"}]\n");
}

#[test]
fn merged_fields_are_valid_json_in_every_neighbourhood() {
    let lines = b"{\"a\":[1,2]}\n{}\n text\n";
    for date_key in [Some("date"), None] {
        for keys in ["Parser json", "Parser json\nPath_Key file", "Parser json\nOffset_Key o"] {
            let text = encode(keys, lines, date_key, DateFormat::Double, Layout::Lines);
            let values: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect(line)).collect();
            assert_eq!(values[0]["a"], json!([1, 2]));
            assert_eq!(values[2]["log"], json!(" text"));
            assert_eq!(values.len(), 3);
        }
    }
    let cri = [&CRI[..CRI.len() - 9], b"{\"a\":1}\n"].concat();
    let text = encode("multiline.parser cri\nParser json", &cri, None, DateFormat::Double, Layout::Lines);
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap()["a"], json!(1), "{text}");
}

proptest! {
    #[test]
    fn every_text_comes_back(text in "[^\n]{0,80}", docker in any::<bool>()) {
        let (keys, line) = if docker {
            let log = serde_json::to_string(&format!("{text}\n")).unwrap();
            ("Parser docker", format!("{{\"log\":{log},\"stream\":\"stdout\",\"time\":\"2026-11-21T05:50:01Z\"}}\n"))
        } else {
            ("Parser cri", format!("2026-11-21T05:50:01Z stdout F {text}\n"))
        };
        let json = encode(keys, line.as_bytes(), Some("date"), DateFormat::Double, Layout::Lines);
        let value: Value = serde_json::from_str(&json).unwrap();
        let end = if docker { "\n" } else { "" };
        // What stands before the line feed of a line is no text.
        let text = if docker { &text } else { text.strip_suffix('\r').unwrap_or(&text) };
        prop_assert_eq!(&value["log"], &json!(format!("{text}{end}")));
        prop_assert_eq!(&value["stream"], &json!("stdout"));
    }
}
