use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::{
    chunk::{Source, SourceId},
    config::Config,
};

fn parser(keys: &str) -> Parser {
    let text = format!("[INPUT]\nName tail\nPath /a\n{keys}\n[OUTPUT]\nName null\nMatch *\n");
    let plan = Config::parse(std::path::Path::new("x"), &text, &|_| None).unwrap().plan().unwrap();
    Parser::new(0, plan.inputs[0].tail().unwrap())
}

fn source(id: u64, lineage: u64) -> Arc<Source> {
    Arc::new(Source { id: SourceId(id), path: format!("/{lineage}").into(), tag: "t".into(), lineage, base: 0 })
}

fn chunk(source: &Arc<Source>, offset: u64, bytes: &[u8]) -> Chunk {
    Chunk { source: Arc::clone(source), offset, bytes: bytes.to_vec() }
}

const NOW: Now = Now { unix_ns: 5_000_000_000, mono_ms: 10 };

fn texts(batches: &[Batch]) -> Vec<(String, bool)> {
    let of = |batch: &Batch| {
        let text = |record: &Record| (String::from_utf8_lossy(batch.text(record)).into_owned(), record.partial);
        batch.records.iter().map(text).collect::<Vec<_>>()
    };
    batches.iter().flat_map(of).collect()
}

fn cri(stream: &str, tag: &str, text: &str) -> String {
    format!("2026-11-21T05:50:01.123456789Z {stream} {tag} {text}\n")
}

#[test]
fn lines_that_do_not_follow_the_framing_are_kept_raw_and_counted() {
    for (keys, bad) in [
        (
            "Parser cri",
            vec!["", "x", "2026-11-21T05:50:01Z stdin F x", "2026-11-21T05:50:01Z stdout X x", "Z stdout F x"],
        ),
        (
            "Parser docker",
            vec!["", "{}", "{\"log\":\"x", "{\"log\":\"x\",\"stream\":\"no\",\"time\":\"2026-11-21T05:50:01Z\"}"],
        ),
    ] {
        let (mut parser, mut out) = (parser(keys), Vec::new());
        parser.parse(chunk(&source(1, 1), 0, (bad.join("\n") + "\n").as_bytes()), NOW, &mut out);
        assert_eq!(texts(&out), bad.iter().map(|&text| (text.to_owned(), false)).collect::<Vec<_>>());
        assert_eq!(parser.counters().unparsed, bad.len() as u64);
        assert!(out[0].records.iter().all(|record| record.stream.is_none() && record.time.seconds == 5));
    }
}

#[test]
fn a_blank_where_a_longer_time_would_end_misleads_nobody() {
    for stamp in ["2026-11-21T05:50:01Z", "2026-11-21T05:50:01.5Z", "2026-11-21T05:50:01+09:00"] {
        for pad in 0..20 {
            let text = " ".repeat(pad);
            let (mut parser, mut out) = (parser("Parser cri"), Vec::new());
            parser.parse(chunk(&source(1, 1), 0, format!("{stamp} stdout F {text}").as_bytes()), NOW, &mut out);
            assert_eq!((texts(&out), parser.counters().unparsed), (vec![(text, false)], 0));
        }
    }
}

#[test]
fn docker_lines_are_decoded_in_any_order_of_keys() {
    let (mut parser, mut out) = (parser("Parser docker"), Vec::new());
    let lines = "{\"log\":\"a \\\"b\\\" \\u003c\\t\\\\ é\\n\",\"stream\":\"stdout\",\"time\":\"2026-11-21T05:50:01.5Z\"}\n\
        {\"stream\":\"stderr\", \"attrs\":{\"x\":\"y\"},\"time\":\"2026-11-21T05:50:01Z\",\"log\":\"\\ud83d\\ude00\\n\"}\n";
    parser.parse(chunk(&source(1, 1), 0, lines.as_bytes()), NOW, &mut out);
    // Seen with Fluent Bit 5.1.1: the line feed and further fields stay.
    assert_eq!(texts(&out)[0], ("a \"b\" <\t\\ é\n".to_owned(), false));
    let records = &out[0].records;
    assert_eq!((records[0].stream, records[1].form), (Some(Stream::Stdout), Form::Pairs));
    assert_eq!(out[0].slice(records[0].stamp), b"2026-11-21T05:50:01.5Z");
    let mut shown = Vec::new();
    crate::event::json::write_object(
        &out[0].event(1).fields,
        &mut crate::output::escape::Escaper::default(),
        &mut shown,
    );
    let expected = r#"{"time":"2026-11-21T05:50:01Z","stream":"stderr","log":"😀\n","attrs":{"x":"y"}}"#;
    assert_eq!(String::from_utf8(shown).unwrap(), expected);
    assert_eq!(parser.counters().unparsed, 0);
}

#[test]
fn a_record_that_spans_two_files_holds_both_until_its_end() {
    let (mut parser, mut out) = (parser("Parser cri"), Vec::new());
    let (old, new) = (source(1, 7), source(2, 7));
    let whole = cri("stderr", "F", "whole");
    let first = whole.clone() + &cri("stdout", "P", "one ");
    let second = cri("stdout", "P", "two ") + &whole;
    parser.parse(chunk(&old, 0, first.as_bytes()), NOW, &mut out);
    assert_eq!(out[0].acks, [Ack { source: SourceId(1), end: whole.len() as u64 }]);
    parser.parse(chunk(&new, 0, second.as_bytes()), NOW, &mut out);
    assert_eq!(out[1].acks, [], "the second piece lies at the very start of the new file");
    parser.parse(chunk(&new, second.len() as u64, cri("stdout", "F", "three").as_bytes()), NOW, &mut out);
    assert_eq!(texts(&out[2..]), [("one two three".to_owned(), false)]);
    let ends: Vec<u64> = out[2].acks.iter().map(|ack| ack.end).collect();
    assert_eq!(ends, [first.len() as u64, (second.len() + cri("stdout", "F", "three").len()) as u64]);
}

#[test]
fn a_fragment_without_its_end_leaves_only_after_the_stated_time() {
    let (mut parser, mut out) = (parser("Parser cri"), Vec::new());
    let line = cri("stdout", "P", "half");
    parser.parse(chunk(&source(1, 1), 0, line.as_bytes()), NOW, &mut out);
    assert!(out.is_empty());
    let at = parser.expires_at_ms().unwrap();
    assert_eq!(at, NOW.mono_ms + FRAGMENT_FLUSH_MS);
    parser.expire(at - 1, &mut out);
    assert!(out.is_empty());
    parser.expire(at, &mut out);
    assert_eq!(texts(&out), [("half".to_owned(), true)]);
    assert_eq!(out[0].acks, [Ack { source: SourceId(1), end: line.len() as u64 }]);
    assert_eq!((parser.counters().split, parser.expires_at_ms()), (1, None));
}

#[test]
fn an_endless_record_leaves_in_pieces_and_no_byte_is_lost() {
    let (mut parser, mut out) = (parser("Parser cri"), Vec::new());
    let piece = "x".repeat(300_000);
    let lines: String = (0..10).map(|n| cri("stdout", if n == 9 { "F" } else { "P" }, &piece)).collect();
    parser.parse(chunk(&source(1, 1), 0, lines.as_bytes()), NOW, &mut out);
    let texts = texts(&out);
    assert_eq!(texts.iter().map(|(text, _)| text.len()).sum::<usize>(), 3_000_000);
    assert!(texts.iter().all(|(text, _)| text.len() <= JOIN_MAX));
    assert_eq!(texts.iter().filter(|(_, partial)| *partial).count() as u64, parser.counters().split);
}

#[test]
fn too_many_fragments_push_the_oldest_out() {
    let (mut parser, mut out) = (parser("Parser cri"), Vec::new());
    let line = cri("stdout", "P", "half");
    for id in 0..PENDING_MAX as u64 + 3 {
        parser.parse(chunk(&source(id, id), 0, line.as_bytes()), NOW, &mut out);
    }
    let gone: Vec<u64> = out.iter().map(|batch| batch.source.id.0).collect();
    assert_eq!((gone, parser.counters().split), (vec![0, 1, 2], 3));
}

#[test]
fn json_fields_are_merged_and_other_texts_kept() {
    let (mut parser, mut out) = (parser("Parser json"), Vec::new());
    parser.parse(chunk(&source(1, 1), 0, b"{\"a\":1}\nplain\n"), NOW, &mut out);
    assert_eq!(texts(&out), [("\"a\":1".to_owned(), false), ("plain".to_owned(), false)]);
    assert_eq!(out[0].records.iter().map(|record| record.form).collect::<Vec<_>>(), [Form::Pairs, Form::Text]);
    assert_eq!(parser.counters().unparsed, 1);
}

#[test]
fn fields_of_texts_that_were_joined_are_merged() {
    let (mut parser, mut out) = (parser("multiline.parser cri\nParser json"), Vec::new());
    let lines = cri("stdout", "F", "not this") + &cri("stdout", "P", "{\"a\":") + &cri("stdout", "F", "1}");
    parser.parse(chunk(&source(1, 1), 0, lines.as_bytes()), NOW, &mut out);
    assert_eq!(texts(&out), [("not this".to_owned(), false), ("\"a\":1".to_owned(), false)]);
    assert_eq!(out[0].records.iter().map(|record| record.form).collect::<Vec<_>>(), [Form::Text, Form::Pairs]);
}

#[test]
fn a_line_of_docker_with_further_fields_has_its_fields_already() {
    let (mut parser, mut out) = (parser("multiline.parser docker\nParser json"), Vec::new());
    let line = r#"{"log":"{\"a\":1}\n","stream":"stdout","attrs":{"x":"y"},"time":"2026-11-21T05:50:01Z"}"#;
    parser.parse(chunk(&source(1, 1), 0, line.as_bytes()), NOW, &mut out);
    assert_eq!((out[0].records.len(), out[0].records[0].form), (1, Form::Pairs));
    assert_eq!(parser.counters().unparsed, 0);
}

#[derive(Debug, Clone)]
struct Piece {
    stderr: bool,
    complete: bool,
    text: String,
}

fn pieces() -> impl Strategy<Value = Vec<Piece>> {
    let piece = (any::<bool>(), any::<bool>(), "[a-z\"\\\\ é]{0,12}");
    proptest::collection::vec(piece.prop_map(|(stderr, complete, text)| Piece { stderr, complete, text }), 0..40)
}

fn line(docker: bool, piece: &Piece) -> String {
    let stream = if piece.stderr { "stderr" } else { "stdout" };
    if docker {
        let log = serde_json::to_string(&(piece.text.clone() + if piece.complete { "\n" } else { "" })).unwrap();
        format!("{{\"log\":{log},\"stream\":\"{stream}\",\"time\":\"2026-11-21T05:50:01.5Z\"}}\n")
    } else {
        cri(stream, if piece.complete { "F" } else { "P" }, &piece.text)
    }
}

/// What the pieces mean, computed the plain way; the last item of a stream may be unfinished and is left out.
fn expected(docker: bool, pieces: &[Piece]) -> Vec<String> {
    let (mut open, mut out) = ([String::new(), String::new()], Vec::new());
    for piece in pieces {
        let open = &mut open[usize::from(piece.stderr)];
        open.push_str(&piece.text);
        if piece.complete {
            if docker {
                open.push('\n');
            }
            out.push(std::mem::take(open));
        }
    }
    out
}

proptest! {
    /// Cuts the lines into chunks and files anywhere. Joining must not notice, and replaying from the acks at any
    /// moment must give every record that was not yet delivered.
    #[test]
    fn cuts_change_nothing_and_acks_are_safe_at_any_moment(
        docker in any::<bool>(), pieces in pieces(), cuts in proptest::collection::vec(0u8..4, 40),
    ) {
        let mut parser = parser(if docker { "Parser docker" } else { "Parser cri" });
        let (mut id, mut offset, mut held) = (1u64, 0u64, Vec::new());
        let mut layout: Vec<(u64, u64, Piece)> = Vec::new();
        let mut ends: BTreeMap<u64, u64> = BTreeMap::new();
        let mut acked: BTreeMap<u64, u64> = BTreeMap::new();
        let mut delivered = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let text = line(docker, piece);
            layout.push((id, offset + held.len() as u64, piece.clone()));
            held.extend_from_slice(text.as_bytes());
            ends.insert(id, offset + held.len() as u64);
            let cut = cuts[index];
            if cut == 0 && index + 1 < pieces.len() {
                continue;
            }
            let mut out = Vec::new();
            parser.parse(chunk(&source(id, 9), offset, &held), NOW, &mut out);
            delivered.extend(texts(&out).into_iter().map(|(text, _)| text));
            for ack in out.iter().flat_map(|batch| &batch.acks) {
                prop_assert!(acked.insert(ack.source.0, ack.end).is_none_or(|before| before < ack.end));
            }
            let left: Vec<Piece> = layout.iter()
                .filter(|(id, at, _)| *at >= acked.get(id).copied().unwrap_or(0))
                .map(|(_, _, piece)| piece.clone()).collect();
            let done = expected(docker, &pieces[..=index]);
            let rest = expected(docker, &[&left[..], &pieces[index + 1..]].concat());
            // Whatever is not yet delivered comes again from the acks, in its order; what comes twice is whole, too.
            prop_assert!(expected(docker, &pieces).ends_with(&rest), "{rest:?} is torn");
            prop_assert!(rest.len() + done.len() >= expected(docker, &pieces).len(), "{rest:?} lacks a record");
            offset += held.len() as u64;
            held.clear();
            if cut == 2 {
                (id, offset) = (id + 1, 0);
            }
        }
        prop_assert_eq!(&delivered, &expected(docker, &pieces));
        let mut out = Vec::new();
        parser.expire(u64::MAX, &mut out);
        for ack in out.iter().flat_map(|batch| &batch.acks) {
            acked.insert(ack.source.0, ack.end);
        }
        prop_assert_eq!(acked, ends, "in the end everything is acknowledged");
    }

    #[test]
    fn no_bytes_make_it_panic(docker in any::<bool>(), bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut out = Vec::new();
        parser(if docker { "Parser docker" } else { "multiline.parser cri\nParser json" })
            .parse(chunk(&source(1, 1), 0, &bytes), NOW, &mut out);
    }
}
