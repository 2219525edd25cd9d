//! The measure stretch is as long as it was asked to be, and the bench looks on, whatever the hands on the files are at.

use serde_json::Value;

use crate::support::{
    beside, run,
    written::{Written, events},
};

/// A second's text takes longer to compress than what is left of the stretch once that has begun.
const SCENARIO: &str = r#"
name = "written"
question = "Is it over in time?"
[time]
warm_up = "500ms"
measure = "2050ms"
drain = "20s"
[load]
layout = "kubelet"
[[load.group]]
name = "web"
rate = "15k/s"
body = "app-text"
size = "4 KiB"
[rotate]
by = "kubelet"
every = "1s"
max_size = "1 MiB"
archive = true
[contract]
delivery = "at-least-once"
"#;

#[test]
fn a_rotation_that_outlasts_the_stretch_is_no_part_of_it_and_the_bench_looks_on_until_it_is_done() {
    let _turn = beside();
    let written = Written::new(SCENARIO, &[]);
    let judged = run(&written.scenario(), &[], &written.out());
    let events = events(&written.run());
    let first = |what: &str, wanted: &str| {
        let is_it = |event: &Value| event.pointer(what).and_then(Value::as_str) == Some(wanted);
        events.iter().position(is_it).unwrap_or_else(|| panic!("no {what} {wanted}: {judged}"))
    };
    let drain = first("/what/phase", "drain");
    let archived = first("/what/rotation_step/step", "archive");
    assert!(drain < archived, "the archive was there in time: this proves nothing; {judged}");
    let between = &events[drain..archived];
    let counts: Vec<u64> =
        between.iter().filter_map(|event| event.pointer("/what/streams/0/0").and_then(Value::as_u64)).collect();
    assert!(!counts.is_empty(), "nobody looked on while it was compressed: {between:?}");
    let steps = |name: &str| {
        let is_it = |event: &&Value| event.pointer("/what/rotation_step/step").and_then(Value::as_str) == Some(name);
        events.iter().filter(is_it).count()
    };
    assert_eq!((steps("archive"), steps("reopen")), (1, 2), "the rotation found its writer: {judged}");
    assert_eq!((judged.outcome.books.lost, judged.outcome.books.written), (0, judged.outcome.books.delivered));
}
