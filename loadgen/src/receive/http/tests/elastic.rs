//! The store of documents, by hand-made requests.

use serde_json::{Value, json};

use super::*;
use crate::receive::ElasticPlan;

fn store(plan: ElasticPlan) -> Sink {
    sink(HttpPlan { protocol: Protocol::Elastic(plan), format: Format::JsonLines, ..HttpPlan::default() })
}

impl Sink {
    fn document(&self, seq: u64) -> Value {
        let text = self.payloads.get(StreamId(0)).expect("a stream").expected(seq, 1);
        json!({"@timestamp": "2026-11-21T05:50:01Z", "log": String::from_utf8(text).expect("text")})
    }

    /// One action a record, with ids made of the sequence.
    fn bulk(&self, verb: &str, seqs: std::ops::Range<u64>) -> (u16, Value) {
        let lines = seqs.flat_map(|seq| {
            let action = json!({verb: {"_index": "logs", "_id": format!("id-{seq}")}});
            [action.to_string(), self.document(seq).to_string()]
        });
        let body: String = lines.map(|line| line + "\n").collect();
        self.call("/_bulk", "Content-Type: application/x-ndjson\r\n", body.as_bytes())
    }
}

fn statuses(answer: &Value, verb: &str) -> Vec<u64> {
    answer["items"].as_array().expect("items").iter().map(|item| item[verb]["status"].as_u64().expect("one")).collect()
}

#[test]
fn documents_are_booked_and_answered_item_by_item() {
    let sink = store(ElasticPlan::default());
    let (status, answer) = sink.bulk("create", 0..3);
    assert_eq!((status, answer["errors"].as_bool(), statuses(&answer, "create")), (200, Some(false), vec![201; 3]));
    assert_eq!(sink.totals().delivered, 3);
}

#[test]
fn a_document_that_is_there_already_is_not_there_twice() {
    let sink = store(ElasticPlan::default());
    sink.bulk("create", 0..2);
    let (_, answer) = sink.bulk("create", 1..4);
    assert_eq!((answer["errors"].as_bool(), statuses(&answer, "create")), (Some(true), vec![409, 201, 201]));
    let (_, answer) = sink.bulk("index", 0..1);
    assert_eq!(statuses(&answer, "index"), [200]);
    let totals = sink.totals();
    assert_eq!((totals.delivered, totals.duplicated, totals.corrupted), (4, 0, 0));
}

#[test]
fn without_ids_what_is_sent_twice_is_there_twice() {
    let sink = store(ElasticPlan::default());
    let body = format!("{{\"index\":{{}}}}\n{}\n", sink.document(0));
    for _ in 0..2 {
        assert_eq!(sink.call("/logs/_bulk", "", body.as_bytes()).0, 200);
    }
    assert_eq!((sink.totals().delivered, sink.totals().duplicated), (1, 1));
}

#[test]
fn items_are_refused_as_planned_and_not_booked() {
    let sink = store(ElasticPlan { busy_every: 2, misfit_every: 3, ..ElasticPlan::default() });
    let (_, answer) = sink.bulk("create", 0..6);
    assert_eq!(statuses(&answer, "create"), [201, 429, 400, 429, 201, 429]);
    assert_eq!(sink.totals().delivered, 2);
    // What was refused is new when it comes again.
    let (_, answer) = sink.bulk("create", 1..2);
    assert_eq!((statuses(&answer, "create"), sink.totals().delivered), (vec![201], 3));
}

#[test]
fn half_of_a_request_is_refused_item_by_item() {
    let sink = store(ElasticPlan::default());
    sink.receiver.set(Mode::Partial { status: 429 }, 1).expect("set");
    let (status, answer) = sink.bulk("create", 0..4);
    assert_eq!((status, statuses(&answer, "create")), (200, vec![201, 201, 429, 429]));
    assert_eq!((sink.totals().delivered, sink.receiver.counters().partial), (2, 1));
}

#[test]
fn a_refused_request_says_why_in_the_stores_own_words() {
    let sink = store(ElasticPlan::default());
    sink.receiver.set(Mode::Refuse { status: 429 }, 1).expect("set");
    let (status, answer) = sink.bulk("create", 0..4);
    assert_eq!((status, answer["error"]["type"].as_str()), (429, Some("es_rejected_execution_exception")));
    assert_eq!(sink.totals().delivered, 0);
}

#[test]
fn what_is_no_bulk_request_is_told_with_its_line() {
    let sink = store(ElasticPlan::default());
    for (body, line) in [
        ("{\"create\":{}}\n", "[1]"),
        ("{\"create\":{\"_index\":\"a\"}}\n{}\n{\"delete\":{\"_id\":\"1\"}}\n", "[3]"),
        ("{\"create\":{\"_index\":\"a\"}}\n{}", "[2]"),
        ("", "[1]"),
        ("\u{fffd}\n", "[1]"),
    ] {
        let (status, answer) = sink.call("/_bulk", "", body.as_bytes());
        assert_eq!(status, 400, "{body:?}");
        assert!(answer["error"]["reason"].as_str().is_some_and(|reason| reason.ends_with(line)), "{body:?}: {answer}");
    }
    assert_eq!((sink.totals().delivered, sink.receiver.counters().malformed), (0, 5));
}

#[test]
fn the_store_says_what_it_is() {
    let sink = store(ElasticPlan::default());
    let mut stream = sink.connect();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: sink\r\nConnection: close\r\n\r\n").expect("open");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(answer.to_ascii_lowercase().contains("x-elastic-product: elasticsearch"), "{answer}");
}
