use proptest::prelude::*;

use super::{HELD_BYTES_MAX, TEXT_MAX};
use crate::filter::tests::{Bench, refused};

const JAVA: &str = "[FILTER]\nName multiline\nMatch *\nmultiline.parser java, python\nmultiline.key_content log\n";

fn record(text: &str) -> String {
    format!(r#"{{"log":{}}}"#, serde_json::to_string(text).unwrap())
}

fn logs(bench: &mut Bench) -> Vec<String> {
    let text = |(_, text): (String, String)| {
        let value: serde_json::Value = serde_json::from_str(&text).unwrap();
        value["log"].as_str().unwrap().to_owned()
    };
    bench.out().into_iter().map(text).collect()
}

#[test]
fn a_stack_trace_becomes_one_record_across_batches() {
    let mut bench = Bench::new(JAVA);
    bench.push("a", &[&record("before"), &record("x java.lang.Error: no")]);
    assert_eq!(logs(&mut bench), ["before"]);
    assert_eq!(bench.unreleased(), 1);
    bench.push("b", &[&record("of another file")]);
    bench.push("a", &[&record("  at a.b(C.java:1)")]);
    assert_eq!(logs(&mut bench), ["of another file"]);
    assert_eq!(bench.unreleased(), 2, "what was joined is held back as well");
    bench.push("a", &[&record("after")]);
    assert_eq!(logs(&mut bench), ["x java.lang.Error: no\n  at a.b(C.java:1)", "after"]);
    assert_eq!(bench.unreleased(), 0);
}

#[test]
fn what_waits_leaves_in_time_or_at_the_end() {
    let mut bench = Bench::new(&format!("{JAVA}Flush_ms 500\n"));
    bench.push("a", &[&record("x java.lang.Error: no")]);
    assert_eq!(bench.chain.expires_at_ms(), Some(500));
    bench.at_ms = 499;
    bench.expire();
    assert!(logs(&mut bench).is_empty() && !bench.chain.is_empty());
    bench.at_ms = 500;
    bench.expire();
    assert_eq!(logs(&mut bench), ["x java.lang.Error: no"]);
    bench.push("a", &[&record("y java.lang.Error: no")]);
    bench.chain.finish(&bench.buffer, bench.at_ms);
    assert_eq!(logs(&mut bench), ["y java.lang.Error: no"]);
    assert!(bench.chain.is_empty() && bench.chain.expires_at_ms().is_none());
    assert_eq!(bench.unreleased(), 0);
}

/// Seen with Fluent Bit 5.1.1; Docker's texts end so.
#[test]
fn texts_that_end_with_a_line_feed_get_no_second_one() {
    let mut bench = Bench::new(JAVA);
    let texts = ["java.lang.RuntimeException: y\n", "    at a.b(C.java:1)\n", "next\n"].map(record);
    bench.push("a", &texts.each_ref().map(String::as_str));
    assert_eq!(logs(&mut bench), ["java.lang.RuntimeException: y\n    at a.b(C.java:1)\n", "next\n"]);
}

#[test]
fn without_a_buffer_nothing_waits_for_another_batch() {
    let mut bench = Bench::new(&format!("{JAVA}Buffer off\n"));
    bench.push("a", &[&record("x java.lang.Error: no"), &record("\tat a.b")]);
    assert_eq!(logs(&mut bench), ["x java.lang.Error: no\n\tat a.b"]);
    assert_eq!(bench.unreleased(), 0);
}

#[test]
fn fragments_of_interleaved_streams_are_joined_without_a_line_feed() {
    let mut bench = Bench::new("[FILTER]\nName multiline\nMatch *\nmultiline.parser cri\n");
    let line =
        |stream: &str, mark: &str, text: &str| format!(r#"{{"stream":"{stream}","_p":"{mark}","log":"{text}"}}"#);
    bench.push(
        "a",
        &[
            &line("stdout", "P", "one "),
            &line("stderr", "P", "other "),
            &line("stdout", "F", "half"),
            &line("stderr", "F", "half"),
        ],
    );
    assert_eq!(logs(&mut bench), ["one half", "other half"]);
}

#[test]
fn what_grows_without_end_leaves_in_pieces_and_is_counted() {
    let mut bench = Bench::new(JAVA);
    bench.push("a", &[&record("x java.lang.Error: no")]);
    let line = format!("  at {}", "z".repeat(500_000));
    for _ in 0..6 {
        bench.push("a", &[&record(&line)]);
    }
    bench.chain.finish(&bench.buffer, 0);
    let out = logs(&mut bench);
    assert!(out.len() > 1 && out.iter().all(|text| text.len() <= TEXT_MAX + 1));
    assert_eq!(out.join("\n"), format!("x java.lang.Error: no{}", format!("\n{line}").repeat(6)));
    assert!(bench.counter("multiline.0").failed > 0);
    let long = record(&format!("x java.lang.Error: {}", "z".repeat(1_000_000)));
    for stream in 0..12 {
        bench.push(&format!("s{stream}"), &[&long]);
    }
    let held = bench.counter("multiline.0").held;
    assert!(held > 0 && held as usize * 1_000_000 <= HELD_BYTES_MAX, "{held}");
}

#[test]
fn what_cannot_be_meant_is_refused() {
    insta::assert_snapshot!(refused("multiline", "multiline.parser jav"), @"use the configuration t.conf:6: there is no multiline parser `jav`; did you mean `java`?");
    insta::assert_snapshot!(refused("multiline", "multiline.parser docker, java"), @r#"use the configuration t.conf:6: `multiline.parser` cannot be "docker, java"; write either rules, as java, go, or fragments, as docker, cri; use two filters for both"#);
    insta::assert_snapshot!(refused("multiline", "multiline.parser docker\nMode partial_message"), @"use the configuration t.conf:7: `Mode partial_message` is not supported: Docker's driver for Fluentd is not spoken here; use `Mode parser` with `multiline.parser docker`");
}

proptest! {
    #[test]
    fn every_text_leaves_once_in_order_and_every_hold_goes_back(
        picks in proptest::collection::vec((0usize..6, any::<bool>(), any::<bool>()), 1..40),
    ) {
        const LINES: [&str; 6] = ["plain", "x java.lang.Error: a", "  at b.c", "Caused by: d", "Traceback (most recent call last):", "  File \"e\""];
        let mut bench = Bench::new(JAVA);
        let mut sent = [Vec::new(), Vec::new()];
        let mut part: Vec<String> = Vec::new();
        let mut tag = 0;
        for (line, other, cut) in picks {
            part.push(record(LINES[line]));
            sent[tag].push(LINES[line]);
            if cut {
                bench.push(["a", "b"][tag], &part.iter().map(String::as_str).collect::<Vec<_>>());
                part.clear();
                tag = usize::from(other);
            }
        }
        bench.push(["a", "b"][tag], &part.iter().map(String::as_str).collect::<Vec<_>>());
        bench.chain.finish(&bench.buffer, 0);
        let out = bench.out();
        for (tag, sent) in ["a", "b"].iter().zip(&sent) {
            let texts: Vec<String> = out
                .iter()
                .filter(|(of, _)| of == tag)
                .map(|(_, text)| serde_json::from_str::<serde_json::Value>(text).unwrap()["log"].as_str().unwrap().to_owned())
                .collect();
            prop_assert_eq!(texts.join("\n"), sent.join("\n"));
        }
        prop_assert_eq!(bench.unreleased(), 0);
    }
}
