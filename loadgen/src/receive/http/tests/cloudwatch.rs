//! The log service, by hand-made calls.

use serde_json::{Value, json};

use super::*;
use crate::receive::CloudWatchPlan;

const SIGNED: &str = "Authorization: AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=c\r\n\
                      X-Amz-Date: 20261121T055001Z\r\n";

fn service(plan: CloudWatchPlan) -> Sink {
    sink(HttpPlan { protocol: Protocol::CloudWatch(plan), ..HttpPlan::default() })
}

fn with_stream(plan: CloudWatchPlan) -> Sink {
    let sink = service(plan);
    assert_eq!(sink.ask("CreateLogGroup", &json!({"logGroupName": "g"})).0, 200);
    assert_eq!(sink.ask("CreateLogStream", &json!({"logGroupName": "g", "logStreamName": "s"})).0, 200);
    sink
}

impl Sink {
    fn ask(&self, action: &str, body: &Value) -> (u16, Value) {
        let headers = format!("{SIGNED}X-Amz-Target: Logs_20140328.{action}\r\n");
        self.call("/", &headers, body.to_string().as_bytes())
    }

    fn text(&self, seq: u64) -> String {
        String::from_utf8(self.payloads.get(StreamId(0)).expect("a stream").expected(seq, 1)).expect("text")
    }

    /// Puts events with these distances from now, milliseconds.
    fn put(&self, ages_ms: &[i64]) -> (u16, Value) {
        let now = (RunClock::start().wall_us(0) / 1_000) as i64;
        let event = |(seq, age): (usize, &i64)| json!({"timestamp": now + age, "message": self.text(seq as u64)});
        let events: Vec<Value> = ages_ms.iter().enumerate().map(event).collect();
        self.ask("PutLogEvents", &json!({"logGroupName": "g", "logStreamName": "s", "logEvents": events}))
    }
}

fn kind(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["__type"].as_str().unwrap_or_default())
}

#[test]
fn events_are_booked_once_group_and_stream_are_there() {
    let sink = service(CloudWatchPlan::default());
    assert_eq!(kind(&sink.put(&[0])), (400, "ResourceNotFoundException"));
    assert_eq!(sink.totals().delivered, 0);
    let sink = with_stream(CloudWatchPlan::default());
    let (status, answer) = sink.put(&[-2, -1, 0]);
    assert_eq!((status, answer["rejectedLogEventsInfo"].is_null(), sink.totals().delivered), (200, true, 3));
    assert_eq!(
        kind(&sink.ask("CreateLogGroup", &json!({"logGroupName": "g"}))),
        (400, "ResourceAlreadyExistsException")
    );
    assert_eq!(sink.ask("DescribeLogStreams", &json!({"logGroupName": "g"})).1["logStreams"][0]["logStreamName"], "s");
}

#[test]
fn what_is_too_old_or_too_new_is_rejected_by_range_and_not_booked() {
    let plan = CloudWatchPlan { old_ms_max: 60_000, new_ms_max: 60_000, ..CloudWatchPlan::default() };
    let sink = with_stream(plan);
    let (status, answer) = sink.put(&[-90_000, -80_000, -10, 0, 80_000]);
    let rejected = &answer["rejectedLogEventsInfo"];
    assert_eq!(
        (status, &rejected["tooOldLogEventEndIndex"], &rejected["tooNewLogEventStartIndex"]),
        (200, &json!(2), &json!(4))
    );
    assert_eq!(sink.totals().delivered, 2);
}

#[test]
fn every_limit_is_kept_to_the_edge() {
    let length = service(CloudWatchPlan::default()).text(0).len();
    let bytes = CloudWatchPlan { call_bytes_max: 2 * (length + 26), ..CloudWatchPlan::default() };
    let count = CloudWatchPlan { call_events_max: 2, ..CloudWatchPlan::default() };
    for plan in [bytes, count] {
        let sink = with_stream(plan);
        assert_eq!(sink.put(&[0, 0]).0, 200);
        assert_eq!(kind(&sink.put(&[0, 0, 0])), (400, "InvalidParameterException"));
    }
    let sink = with_stream(CloudWatchPlan { span_ms_max: 1_000, ..CloudWatchPlan::default() });
    assert_eq!(sink.put(&[-1_000, 0]).0, 200);
    assert_eq!(kind(&sink.put(&[-1_001, 0])), (400, "InvalidParameterException"));
    let sink = with_stream(CloudWatchPlan { event_bytes_max: length - 1, ..CloudWatchPlan::default() });
    assert_eq!(kind(&sink.put(&[0])), (400, "InvalidParameterException"));
    assert_eq!(kind(&with_stream(CloudWatchPlan::default()).put(&[])), (400, "InvalidParameterException"));
}

#[test]
fn events_out_of_order_are_refused() {
    let sink = with_stream(CloudWatchPlan::default());
    assert_eq!(kind(&sink.put(&[0, -1])), (400, "InvalidParameterException"));
    assert_eq!(sink.totals().delivered, 0);
}

#[test]
fn a_call_without_a_signature_is_refused() {
    let sink = service(CloudWatchPlan::default());
    let answer = sink.call("/", "X-Amz-Target: Logs_20140328.CreateLogGroup\r\n", b"{\"logGroupName\":\"g\"}");
    assert_eq!(kind(&answer), (403, "MissingAuthenticationTokenException"));
}

#[test]
fn throttling_is_told_as_the_service_tells_it() {
    let sink = with_stream(CloudWatchPlan::default());
    sink.receiver.set(Mode::Refuse { status: 429 }, 1).expect("set");
    assert_eq!(kind(&sink.put(&[0])), (400, "ThrottlingException"));
    assert_eq!((sink.totals().delivered, sink.receiver.counters().refused), (0, 1));
}
