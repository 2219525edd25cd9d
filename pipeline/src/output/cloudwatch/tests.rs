//! Against a server in the test that keeps groups, streams and events.

use std::sync::{Mutex, atomic::Ordering};

use super::*;
use crate::{
    buffer::Buffer,
    output::{
        OutputCounters,
        bench::{block_on, buffer, context, count, events, folder, plan, twenty},
        run, stub,
    },
};

#[derive(Debug, Default)]
struct Store {
    groups: Vec<String>,
    streams: Vec<String>,
    events: Vec<(String, i64, String)>,
    calls: Vec<String>,
}

fn failed(kind: &str) -> stub::Answer {
    stub::answer(400, &format!(r#"{{"__type":"com.amazonaws#{kind}","message":"m"}}"#))
}

impl Store {
    fn serve(&mut self, request: &stub::Came) -> stub::Answer {
        let action = request.headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
        let authorization = request.headers["authorization"].to_str().unwrap();
        assert!(
            authorization.contains("AKID") && authorization.contains("/eu-west-1/logs/aws4_request"),
            "{authorization}"
        );
        let body: Json = serde_json::from_slice(&request.body).unwrap();
        let group = body["logGroupName"].as_str().unwrap().to_owned();
        let stream = format!("{group}/{}", body["logStreamName"].as_str().unwrap_or_default());
        self.calls.push(action.clone());
        match action.as_str() {
            "CreateLogGroup" => self.groups.push(group),
            "PutRetentionPolicy" => {}
            _ if !self.groups.contains(&group) => return failed("ResourceNotFoundException"),
            "CreateLogStream" => self.streams.push(stream),
            _ if !self.streams.contains(&stream) => return failed("ResourceNotFoundException"),
            _ => {
                let of = |event: &Json| {
                    let text = event["message"].as_str().unwrap().to_owned();
                    (stream.clone(), event["timestamp"].as_i64().unwrap(), text)
                };
                self.events.extend(body["logEvents"].as_array().unwrap().iter().map(of));
            }
        }
        stub::answer(200, "{}")
    }
}

fn deliver(
    keys: &str,
    buffer: &Arc<Buffer>,
    before: impl Fn(usize, &stub::Came) -> Option<stub::Answer> + Send + Sync + 'static,
) -> (Store, Arc<OutputCounters>) {
    let store = Arc::new(Mutex::new(Store::default()));
    let served = Arc::clone(&store);
    let counters = block_on(async {
        let times = std::sync::atomic::AtomicUsize::new(0);
        let port = stub::listen(move |request| {
            let times = times.fetch_add(1, Ordering::SeqCst);
            before(times, request).unwrap_or_else(|| served.lock().unwrap().serve(request))
        })
        .await;
        let keys = format!("Name cloudwatch_logs\nregion eu-west-1\nendpoint http://127.0.0.1:{port}\n{keys}");
        let plan = plan(&keys);
        let context = context(&plan, buffer);
        let counters = Arc::clone(&context.counters);
        run(plan, context).await;
        counters
    });
    let store = std::mem::take(&mut *store.lock().unwrap());
    (store, counters)
}

#[test]
fn groups_and_streams_are_made_when_they_are_missing() {
    let buffer = twenty("kube.a");
    let keys = "log_group_name g\nlog_stream_prefix from-\nauto_create_group on\nlog_retention_days 7";
    let (store, counters) = deliver(keys, &buffer, |_, _| None);
    let calls =
        ["PutLogEvents", "CreateLogStream", "CreateLogGroup", "PutRetentionPolicy", "CreateLogStream", "PutLogEvents"];
    assert_eq!(store.calls, calls);
    let expected: Vec<String> = (101..=120).map(|n| format!("{{\"log\":\"line {n}\"}}")).collect();
    assert_eq!(store.events.iter().map(|(_, _, text)| text.clone()).collect::<Vec<_>>(), expected);
    assert!(store.events.iter().all(|(stream, ..)| stream == "g/from-kube.a"));
    assert_eq!((count(&counters.records), buffer.take_acks(0).len()), (20, 20));
}

#[test]
fn records_go_to_their_groups_and_streams_in_order_of_time() {
    let buffer = buffer();
    let record = |ns: &str, n: u32| format!(r#"{{"log":"{n}","kubernetes":{{"ns":"{ns}"}}}}"#);
    let mut batch = events("t", &[&record("shop", 1), &record("bank", 2), &record("shop", 3), r#"{"log":"4"}"#]);
    batch.events[2].time.seconds -= 100;
    buffer.push(batch);
    buffer.close();
    let keys = "log_group_name other\nlog_group_template logs-$kubernetes['ns']\nlog_stream_name s\nlog_key log\nauto_create_group on";
    let (store, _) = deliver(keys, &buffer, |_, _| None);
    let mut got: Vec<_> = store.events.iter().map(|(stream, _, text)| format!("{stream} {text}")).collect();
    let shop: Vec<_> = got.iter().filter(|line| line.contains("shop")).cloned().collect();
    assert_eq!(shop, ["logs-shop/s 3", "logs-shop/s 1"]);
    got.sort();
    assert_eq!(got, ["logs-bank/s 2", "logs-shop/s 1", "logs-shop/s 3", "other/s 4"]);
}

#[test]
fn rejected_ranges_are_counted_by_reason_and_kept() {
    let (buffer, folder) = (twenty("t"), folder());
    let dead = folder.path().join("dead");
    let keys = format!("log_group_name g\nlog_stream_name s\nDead_Letter {}", dead.display());
    let (_, counters) = deliver(&keys, &buffer, |_, _| {
        Some(stub::answer(
            200,
            r#"{"rejectedLogEventsInfo":{"tooOldLogEventEndIndex":2,"expiredLogEventEndIndex":3,"tooNewLogEventStartIndex":19}}"#,
        ))
    });
    assert_eq!((count(&counters.records), count(&counters.refused), count(&counters.buried)), (16, 4, 4));
    let dead = std::fs::read_to_string(dead).unwrap();
    let logs: Vec<_> =
        dead.lines().map(|line| serde_json::from_str::<Json>(line).unwrap()["record"]["log"].clone()).collect();
    assert_eq!(logs, ["line 101", "line 102", "line 103", "line 120"]);
}

#[test]
fn throttling_only_delays_and_what_the_store_finds_invalid_is_narrowed_down_to_its_record() {
    let buffer = twenty("t");
    let keys = "log_group_name g\nlog_stream_name s\nauto_create_group on";
    let (store, counters) = deliver(keys, &buffer, |times, request| {
        if times < 3 {
            return Some(failed("ThrottlingException"));
        }
        String::from_utf8_lossy(&request.body).contains("line 113").then(|| failed("InvalidParameterException"))
    });
    assert_eq!((count(&counters.records), count(&counters.refused), store.events.len()), (19, 1, 19));
    assert!(count(&counters.retries) >= 3);
}

#[test]
fn without_a_group_it_says_so_and_waits_and_an_old_store_gets_its_token() {
    let buffer = twenty("t");
    let (store, counters) = deliver("log_group_name g\nlog_stream_name s\nRetry_Limit 2", &buffer, |_, _| None);
    assert_eq!((store.events.len(), count(&counters.dropped)), (0, 20));
    let buffer = twenty("t");
    let (_, counters) = deliver("log_group_name g\nlog_stream_name s", &buffer, |_, request| {
        let token = r#"{"__type":"InvalidSequenceTokenException","expectedSequenceToken":"77"}"#;
        let right = String::from_utf8_lossy(&request.body).contains("\"sequenceToken\":\"77\"");
        Some(if right { stub::answer(200, "{}") } else { stub::answer(400, token) })
    });
    assert_eq!((count(&counters.records), count(&counters.retries)), (20, 0));
}
