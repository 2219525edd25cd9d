use proptest::prelude::*;

use super::*;
use crate::{event::json, output::escape::Escaper};

const NOW: Time = Time { seconds: 1_795_240_000, nanos: 0 };

fn parsed(name: &str, text: &str) -> Option<String> {
    let plan = Parsers::built_in().get(name).expect(name).clone();
    let parsed = Parser::new(plan).parse(text.as_bytes(), NOW)?;
    let mut out = Vec::new();
    json::write_object(&parsed.fields, &mut Escaper::default(), &mut out);
    let time = parsed.time.map(|time| jiff::Timestamp::new(time.seconds, time.nanos as i32).unwrap().to_string());
    Some(format!("{} {}", time.unwrap_or_else(|| "-".to_owned()), String::from_utf8(out).unwrap()))
}

#[test]
fn the_usual_parsers_read_what_the_usual_programs_write() {
    let combined =
        r#"10.0.0.7 - alice [10/Oct/2000:13:55:36 -0700] "GET /a%20b?c=d HTTP/1.1" 200 2326 "http://r/" "curl/8""#;
    let bad_request = r#"10.0.0.7 - - [10/Oct/2000:13:55:36 -0700] "" 400 0 "-" "-""#;
    let common = r#"host.example - - [10/Oct/2000:13:55:36 +0000] "HEAD / HTTP/1.0" 304 -"#;
    let table = [
        ("nginx", combined),
        ("nginx", bad_request),
        ("apache2", combined),
        ("apache", common),
        (
            "apache_error",
            "[Sat Nov 21 05:50:01.123 2026] [core:error] [pid 7:tid 9] [client 10.0.0.7:80] File does not exist",
        ),
        ("cri", "2026-11-21T05:50:01.123456789+09:00 stderr F a b"),
        ("docker", r#"{"log":"a b\n","stream":"stdout","time":"2026-11-21T05:50:01.5Z"}"#),
        ("syslog-rfc3164", "<34>Nov 11 22:14:15 mymachine su[42]: 'su root' failed: x"),
        ("syslog-rfc3164-local", "<190>Nov  1 22:14:15 nginx: {\"a\": 1}"),
        ("syslog-rfc5424", "<165>1 2026-11-11T22:14:15.003Z host app 7 ID47 [a@1 k=\"v\\\"]\"][b@2] text [x]"),
        ("syslog-rfc5424", "<165>1 2026-11-11T22:14:15Z host app - - -"),
        ("json", r#"{"a":{"b":[1,2.5,null]}}"#),
        ("logfmt", r#"level=info msg="a \"b\" c" done took=5ms empty="#),
        ("ltsv", "host:10.0.0.7\tuser:-\treq:GET / HTTP/1.1\n"),
    ];
    let shown: Vec<_> =
        table.iter().map(|(name, text)| format!("{name}: {}", parsed(name, text).expect(text))).collect();
    insta::assert_snapshot!(shown.join("\n"));
}

#[test]
fn what_does_not_follow_the_format_is_refused() {
    for (name, text) in [
        ("nginx", "hello"),
        ("cri", "2026 stdin F x"),
        ("docker", "{\"log\":"),
        ("json", "[1]"),
        ("logfmt", "a=\"b"),
        ("logfmt", "=b"),
        ("ltsv", "no label"),
        ("ltsv", ""),
        ("syslog-rfc3164", "no priority"),
    ] {
        assert_eq!(parsed(name, text), None, "{name} {text}");
    }
}

/// Seen with Fluent Bit 5.1.1.
#[test]
fn a_name_that_several_groups_have_is_one_field() {
    for skip in ["", "Skip_Empty_Values off\n"] {
        let plan = plan(&format!("Format regex\n{skip}Regex ^(?:a(?<v>\\d)|b(?<v>\\d))$"));
        for (text, value) in [("a1", "1"), ("b2", "2")] {
            let fields = Parser::new(plan.clone()).parse(text.as_bytes(), NOW).unwrap().fields;
            assert_eq!(fields, Fields(vec![(b"v".to_vec(), Value::text(value))]), "{skip}{text}");
        }
    }
}

/// Seen with Fluent Bit 5.1.1, whose manual names the other three formats.
#[test]
fn types_are_for_formats_whose_values_are_all_text() {
    let typed = |keys: &str, text: &str| {
        Parser::new(plan(&format!("{keys}\nTypes a:integer"))).parse(text.as_bytes(), NOW).unwrap()
    };
    assert_eq!(typed("Format json", r#"{"a":"12"}"#).fields.get("a"), Some(&Value::text("12")));
    assert_eq!(typed("Format ltsv", "a:12").fields.get("a"), Some(&Value::Int(12)));
}

/// Seen with Fluent Bit 5.1.1.
#[test]
fn escapes_in_hexadecimal_and_both_quotes_of_mysql_are_decoded() {
    for (how, text, expected) in [
        ("escaped_utf8", r"\x41\x7a\xzz\n", "Az\\xzz\n"),
        ("mysql_quoted", "'a\\'b'", "a'b"),
        ("mysql_quoted", "\"it''s\"", "it''s"),
        ("mysql_quoted", "\"open'", "\"open'"),
    ] {
        let plan = plan(&format!("Format regex\nRegex ^(?<log>(?m:.*))$\nDecode_Field_As {how} log"));
        let fields = Parser::new(plan).parse(text.as_bytes(), NOW).unwrap().fields;
        assert_eq!(fields.get("log"), Some(&Value::text(expected)), "{how} {text}");
    }
}

fn plan(keys: &str) -> Arc<ParserPlan> {
    let text = format!("[INPUT]\nName dummy\n[OUTPUT]\nName null\nMatch *\n[PARSER]\nName mine\n{keys}\n");
    let config = crate::config::Config::parse(std::path::Path::new("x"), &text, &|_| None).unwrap();
    let section = config.sections.iter().find(|section| section.kind == crate::config::SectionKind::Parser).unwrap();
    Arc::new(ParserPlan::plan(&crate::config::keys::Keys::new(section, KEYS, MANY).unwrap()).unwrap())
}

#[test]
fn a_field_that_is_no_time_stays_a_field() {
    let text = parsed("cri", "yesterday stdout F x").unwrap();
    assert_eq!(text, r#"- {"time":"yesterday","stream":"stdout","logtag":"F","message":"x"}"#);
}

fn names() -> impl Strategy<Value = String> {
    proptest::sample::select(Parsers::built_in().names().map(ToOwned::to_owned).collect::<Vec<_>>())
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(name in names(), text in proptest::collection::vec(any::<u8>(), 0..80)) {
        Parser::new(Parsers::built_in().get(&name).unwrap().clone()).parse(&text, NOW);
    }

    #[test]
    fn ltsv_and_logfmt_read_what_was_written(pairs in proptest::collection::vec(("[a-z_]{1,8}", "[a-zé0-9:/]{1,12}"), 1..6)) {
        let expected = Fields(pairs.iter().map(|(key, value)| (key.clone().into_bytes(), Value::text(value))).collect());
        let written = |between: &str, mark: &str| {
            pairs.iter().map(|(key, value)| format!("{key}{mark}{value}")).collect::<Vec<_>>().join(between)
        };
        let read = |name: &str, text: &str| {
            Parser::new(Parsers::built_in().get(name).unwrap().clone()).parse(text.as_bytes(), NOW).unwrap().fields
        };
        prop_assert_eq!(&read("ltsv", &written("\t", ":")), &expected);
        prop_assert_eq!(&read("logfmt", &written(" ", "=")), &expected);
    }
}
