use std::{path::Path, sync::Arc};

use proptest::prelude::*;

use crate::{
    chunk::{Chunk, Source, SourceId},
    config::{
        Config,
        plan::{DateFormat, RecordFormat, TailInput},
    },
    event::{Event, Fields, Value},
    output::encode::{Encoder, Layout},
    parse::{Batch, Form, Now, Parser, parser, time::Time},
};

const NOW: Now = Now { unix_ns: 5_000_000_000, mono_ms: 0 };

/// An input with a parser of its own.
fn input(parser: &str, keys: &str) -> TailInput {
    let text = format!(
        "[INPUT]\nName tail\nPath /a\nParser own\n{keys}\n[OUTPUT]\nName null\nMatch *\n[PARSER]\nName own\nFormat regex\n{parser}\n"
    );
    let plan = Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan().unwrap();
    plan.inputs[0].tail().unwrap().clone()
}

fn batch(input: &TailInput, lines: &[u8]) -> Batch {
    let source = Source { id: SourceId(1), path: "/a".into(), tag: "t".into(), lineage: 1, base: 0 };
    let mut out = Vec::new();
    let chunk = Chunk { source: Arc::new(source), offset: 40, bytes: lines.to_vec() };
    Parser::new(0, input).parse(chunk, NOW, &mut out);
    out.pop().unwrap()
}

/// The record of one line, taken apart by the parser as filters use it.
fn long(input: &TailInput, line: &[u8]) -> Event {
    let time = Time::from_unix_ns(NOW.unix_ns);
    let plan = Arc::clone(input.merge.as_ref().expect("taken as it stands"));
    let parsed = parser::Parser::new(plan).parse(line, time);
    let mut event = Event::new(time, Fields::default());
    match parsed {
        Some(parsed) => (event.time, event.fields) = (parsed.time.unwrap_or(time), parsed.fields),
        None => event.fields.push("log", Value::text(line)),
    }
    event.fields.push("at", Value::Unsigned(40));
    event
}

fn encoded(date: Option<&str>, write: impl FnOnce(&mut Encoder, &mut Vec<u8>)) -> String {
    let format = RecordFormat { date_key: date.map(Into::into), date: DateFormat::Double };
    let (mut encoder, mut out) = (Encoder::new(format, Layout::Stream), Vec::new());
    write(&mut encoder, &mut out);
    String::from_utf8(out).unwrap()
}

const PARSERS: [&str; 6] = [
    "Regex ^(?<a>[^ ]*) (?<b>[^ ]*)$",
    "Regex (?<a>x+)(?:=(?<b>.*))?\nSkip_Empty_Values off",
    "Regex ^(?<t>\\d*)s(?<rest>.*)$\nTime_Key t\nTime_Format %s",
    "Regex ^(?<t>\\d*)s(?<rest>.*)$\nTime_Key t\nTime_Format %s\nTime_Keep on\nSkip_Empty_Values off",
    "Regex ^(?<t>[^ ]*)(?: (?<rest>.*))?$\nTime_Key t\nTime_Format %s",
    "Regex (?<none>q?)",
];

proptest! {
    /// The same as taking the line apart, and written the same.
    #[test]
    fn the_short_way_and_the_long_way_agree(
        which in 0..PARSERS.len(), dated in any::<bool>(),
        line in proptest::collection::vec(proptest::sample::select(b"xx==  019s\"\\\t\xc3\xa9\xff".to_vec()), 0..16),
    ) {
        let input = input(PARSERS[which], "Offset_Key at");
        // Behind the line feed, so that places count from the beginning of what was read.
        let short = batch(&input, &[&line[..], b"\n"].concat());
        let long = long(&input, &line);
        prop_assert_eq!(&short.event(0), &long);
        let date = dated.then_some("date");
        let written = encoded(date, |encoder, out| encoder.batch(&short, 0..1, out));
        let events = Batch::of_events(0, "t".into(), Arc::clone(&short.source), vec![long]);
        prop_assert_eq!(written, encoded(date, |encoder, out| encoder.batch(&events, 0..1, out)));
    }
}

#[test]
fn each_line_has_its_own_groups_and_one_that_does_not_fit_stays_a_text() {
    let input = input("Regex ^(?<t>\\d+) (?<word>\\w+)$\nTime_Key t\nTime_Format %s", "");
    let batch = batch(&input, b"7 one\nno\r\n8 two\r\n");
    let forms: Vec<Form> = batch.records.iter().map(|record| record.form).collect();
    assert_eq!(forms, [Form::Groups, Form::Text, Form::Groups]);
    let written = encoded(None, |encoder, out| encoder.batch(&batch, 0..3, out));
    assert_eq!(written, r#"{"word":"one"}{"log":"no"}{"word":"two"}"#);
    let seconds: Vec<i64> = (0..3).map(|index| batch.time(index).seconds).collect();
    assert_eq!(seconds, [7, 5, 8]);
}

#[test]
fn the_time_is_taken_out_unless_it_is_none_or_is_to_stay() {
    for (keys, first) in [("", r#"{"word":"one"}"#), ("Time_Keep on", r#"{"t":"7","word":"one"}"#)] {
        let input = input(&format!("Regex ^(?<t>\\w+) (?<word>\\w+)$\nTime_Key t\nTime_Format %s\n{keys}"), "");
        let batch = batch(&input, b"7 one\nsoon two\n");
        let written = encoded(None, |encoder, out| encoder.batch(&batch, 0..2, out));
        assert_eq!(written, format!(r#"{first}{{"t":"soon","word":"two"}}"#), "{keys}");
        assert_eq!([0, 1].map(|index| batch.time(index).seconds), [7, 5], "{keys}");
    }
}

#[test]
fn what_a_place_in_the_line_cannot_say_is_taken_apart() {
    let plain = "Regex ^(?<a>.*)$";
    let table = [
        (plain, "", true),
        (plain, "Path_Key a", false),
        (plain, "Offset_Key a", false),
        (plain, "multiline.parser java", false),
        (plain, "multiline.parser cri", false),
        ("Regex ^(?<a>.*)$\nTypes a:integer", "", false),
        ("Regex ^(?<a>.*)$\nDecode_Field json a", "", false),
        ("Regex ^(?:1(?<a>.*)|(?<a>.*))$", "", false),
    ];
    for (parser, keys, short) in table {
        let input = input(parser, keys);
        assert_eq!((input.merge.is_some(), input.parser.is_none()), (short, short), "{parser} {keys}");
    }
}
