use proptest::prelude::*;

use crate::{
    event::{Event, Fields, Value},
    filter::{
        FilterKind,
        tests::{Bench, refused, run, what},
    },
    parse::time::Time,
};

/// Keys of a filter whose function `f` has this body.
fn code(body: &str) -> String {
    format!("Call f\nCode function f(tag, time, record) {body} end")
}

fn bench(body: &str) -> Bench {
    Bench::new(&format!("[FILTER]\nName lua\nMatch *\n{}\n", code(body)))
}

#[test]
fn the_code_says_what_becomes_of_a_record() {
    let records = [r#"{"a":1}"#, r#"{"a":2,"b":"x"}"#];
    assert_eq!(run("lua", &code("return 0, 0, 0"), &records), records);
    assert_eq!(run("lua", &code("if record.a == 1 then return -1, 0, 0 end return 0, 0, 0"), &records), records[1..]);
    assert_eq!(
        run("lua", &code("record.c = tag .. record.a record.b = nil return 2, 0, record"), &records),
        [r#"{"a":1,"c":"t1"}"#, r#"{"a":2,"c":"t2"}"#]
    );
    assert_eq!(run("lua", &code("return 2, 0, {{x = 1}, {x = 2}}"), &records[..1]), [r#"{"x":1}"#, r#"{"x":2}"#]);
}

#[test]
fn a_path_is_made_from_the_time_of_the_record() {
    let body = "record.log_file_path = os.date('!%Y-%m%d', time) .. '/access.log' return 1, time, record";
    assert_eq!(run("lua", &code(body), &[r#"{"v":1}"#]), [r#"{"v":1,"log_file_path":"2026-1121/access.log"}"#]);
}

fn apply(body: &str, more: &str, time: Time, text: &str) -> Event {
    let FilterKind::Lua(plan) = what("lua", &format!("{}\n{more}", code(body))) else { panic!("it is Lua") };
    let script = super::Script::load(&plan).unwrap();
    let event = Event::new(time, crate::filter::tests::fields(text));
    match script.call("t", &event).unwrap() {
        super::Returned::Records(at, mut records) => Event::new(at.unwrap_or(time), records.remove(0)),
        super::Returned::Same => event,
        super::Returned::Drop => panic!("it was dropped"),
    }
}

#[test]
fn times_come_back_to_the_nanosecond() {
    let time = Time { seconds: 1_795_240_000, nanos: 123_456_789 };
    assert_eq!(apply("return 1, time, record", "", time, "{}").time, time);
    assert_eq!(
        apply("time.sec = time.sec + 1 return 1, time, record", "time_as_table on", time, "{}").time.seconds,
        1_795_240_001
    );
    assert_eq!(apply("return 1, 1.5, record", "", time, "{}").time, Time { seconds: 1, nanos: 500_000_000 });
}

#[test]
fn what_a_script_does_not_touch_stays_what_it_was() {
    let text = r#"{"z":9007199254740993,"f":1.0,"a":[],"m":{"y":18446744073709551615,"b":[1,2.5,"x"]},"e":{}}"#;
    let now = Time { seconds: 0, nanos: 0 };
    assert_eq!(apply("return 1, time, record", "", now, text).fields, crate::filter::tests::fields(text));
    let changed = apply(
        "record.z = record.z * 0.5 record.n = {} return 1, time, record",
        "type_array_key n\ntype_int_key z",
        now,
        r#"{"z":3}"#,
    );
    assert_eq!(changed.fields, Fields(vec![(b"z".to_vec(), Value::Int(1)), (b"n".to_vec(), Value::Array(Vec::new()))]));
    let null = apply(
        "record.b = record.a == flb_null record.c = flb_null return 1, time, record",
        "enable_flb_null on",
        now,
        r#"{"a":null}"#,
    );
    assert_eq!(null.fields, crate::filter::tests::fields(r#"{"a":null,"b":true,"c":null}"#));
}

#[test]
fn a_script_that_runs_away_is_stopped_and_the_record_passes_as_it_was() {
    let bodies = [
        "while true do end",
        "while true do pcall(function() while true do end end) end",
        "local c = coroutine.wrap(function() while true do end end) c()",
        "while true do coroutine.resume(coroutine.create(function() while true do end end)) end",
        "local s = 'x' while true do s = s .. s end",
        "local t = {} while true do t[#t + 1] = {} end",
        "return 2, 0, nil",
        "return 7, 0, record",
        "record.a = print return 2, 0, record",
        "record.a = record return 2, 0, record",
        "local t = {} for i = 1, 60 do t = {t, t} end record.a = t return 2, 0, record",
        "return 1, 'soon', record",
        "error('no')",
        "error({})",
        "return os.execute('true')",
        "f(tag, time, record)",
    ];
    for body in bodies {
        let mut bench = bench(body);
        bench.push("t", &[r#"{"k":1}"#]);
        assert_eq!(bench.out(), [("t".to_owned(), r#"{"k":1}"#.to_owned())], "{body}");
        assert_eq!(bench.counter("lua.0").failed, 1, "{body}");
        assert_eq!(bench.unreleased(), 0);
    }
}

#[test]
fn after_a_failure_the_script_goes_on() {
    let mut bench = bench(
        "if record.k == 1 then local t = {} while true do t[#t + 1] = tag .. #t end end return 2, 0, {ok = record.k}",
    );
    bench.push("t", &[r#"{"k":1}"#, r#"{"k":2}"#, r#"{"k":1}"#, r#"{"k":3}"#]);
    let texts: Vec<String> = bench.out().into_iter().map(|(_, text)| text).collect();
    assert_eq!(texts, [r#"{"k":1}"#, r#"{"ok":2}"#, r#"{"k":1}"#, r#"{"ok":3}"#]);
}

#[test]
fn a_script_that_cannot_be_used_is_refused() {
    insta::assert_snapshot!(refused("lua", "Call f\nCode function f("), @"use the configuration t.conf:7: the script cannot be used: syntax error: Code:1: <name> or '...' expected near '<eof>'");
    insta::assert_snapshot!(refused("lua", "Call g\nCode function f() end"), @"use the configuration t.conf:7: the script cannot be used: it defines no function `g`; name one with Call");
    insta::assert_snapshot!(refused("lua", "Call f\nCode while true do end"), @"use the configuration t.conf:7: the script cannot be used: it ran for more than 5 million instructions; look for an endless loop");
    insta::assert_snapshot!(refused("lua", "Call f\nScript none.lua"), @"use the configuration t.conf:7: No such file or directory (os error 2); check the path and its permissions");
    insta::assert_snapshot!(refused("lua", "Call f\nCode x = 1\nprotected_mode off"), @"use the configuration t.conf:8: `protected_mode off` is not supported: an error would end the process; leave it on, errors are counted and logged");
}

proptest! {
    #[test]
    fn no_bytes_are_changed_on_the_way_through(pairs in proptest::collection::btree_map(
        proptest::collection::vec(any::<u8>(), 1..8), proptest::collection::vec(any::<u8>(), 0..20), 0..8,
    )) {
        let fields = Fields(pairs.into_iter().map(|(key, value)| (key, Value::Text(value))).collect());
        let FilterKind::Lua(plan) = what("lua", &code("return 2, 0, record")) else { panic!("it is Lua") };
        let script = super::Script::load(&plan).unwrap();
        let returned = script.call("t", &Event::new(Time { seconds: 0, nanos: 0 }, fields.clone())).unwrap();
        let super::Returned::Records(_, records) = returned else { panic!("it returned the record") };
        prop_assert_eq!(&records[0], &fields);
    }
}
