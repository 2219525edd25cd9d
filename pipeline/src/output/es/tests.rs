//! Against a server in the test that says what became of each item.

use std::sync::Mutex;

use crate::{
    buffer::Buffer,
    output::{
        OutputCounters,
        bench::{block_on, buffer, context, count, events, folder, plan, twenty},
        run, stub,
    },
};

use super::*;

/// The `log` of each item of a bulk body, with its action.
fn items(body: &str) -> Vec<(serde_json::Value, serde_json::Value)> {
    let lines: Vec<serde_json::Value> = body.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.chunks(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect()
}

/// Delivers what a buffer holds; `status` tells for try and record what becomes of it.
fn deliver(
    keys: &str,
    buffer: &Arc<Buffer>,
    status: impl Fn(usize, &serde_json::Value) -> u16 + Send + Sync + 'static,
) -> (Vec<String>, Arc<OutputCounters>) {
    let bodies = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&bodies);
    let counters = block_on(async {
        let port = stub::listen(move |request| {
            let body = String::from_utf8(request.body.clone()).unwrap();
            let mut kept = kept.lock().unwrap();
            kept.push(body.clone());
            let answers: Vec<String> = items(&body)
                .iter()
                .map(|(_, record)| match status(kept.len(), record) {
                    201 => r#"{"create":{"status":201}}"#.to_owned(),
                    other => format!(r#"{{"create":{{"status":{other},"error":{{"type":"t","reason":"r"}}}}}}"#),
                })
                .collect();
            let errors = answers.iter().any(|answer| answer.contains("error"));
            stub::answer(200, &format!(r#"{{"took":1,"errors":{errors},"items":[{}]}}"#, answers.join(",")))
        })
        .await;
        let plan = plan(&format!("Name es\nPort {port}\n{keys}"));
        let context = context(&plan, buffer);
        let counters = Arc::clone(&context.counters);
        run(plan, context).await;
        counters
    });
    (
        Arc::try_unwrap(bodies)
            .map_or_else(|bodies| bodies.lock().unwrap().clone(), |bodies| bodies.into_inner().unwrap()),
        counters,
    )
}

fn logs(body: &str) -> Vec<String> {
    items(body).iter().map(|(_, record)| record["log"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn only_items_that_wait_are_sent_again_and_those_that_never_fit_are_kept_apart() {
    let (buffer, folder) = (twenty("t"), folder());
    let dead = folder.path().join("dead.jsonl");
    let (bodies, counters) = deliver(&format!("Dead_Letter {}", dead.display()), &buffer, |times, record| {
        match (times, record["log"].as_str().unwrap()) {
            (1, "line 105" | "line 117") => 429,
            (2, "line 117") => 503,
            (_, "line 110") => 400,
            _ => 201,
        }
    });
    assert_eq!(logs(&bodies[0]).len(), 20);
    assert_eq!(
        (logs(&bodies[1]), logs(&bodies[2])),
        (vec!["line 105".into(), "line 117".into()], vec!["line 117".into()])
    );
    assert_eq!((bodies.len(), count(&counters.records), count(&counters.refused)), (3, 19, 1));
    assert_eq!((buffer.take_acks(0).len(), buffer.is_empty()), (20, true));
    let dead: serde_json::Value = serde_json::from_str(&std::fs::read_to_string(dead).unwrap()).unwrap();
    assert_eq!((dead["record"]["log"].as_str(), dead["reason"].as_str()), (Some("line 110"), Some("400: t: r")));
}

#[test]
fn a_record_that_is_there_already_is_taken_when_it_is_only_created() {
    for (keys, known, refused) in [("Generate_ID on", 20, 0), ("Generate_ID on\nWrite_Operation index", 0, 20)] {
        let buffer = twenty("t");
        let (_, counters) = deliver(keys, &buffer, |_, _| 409);
        assert_eq!((count(&counters.known), count(&counters.refused)), (known, refused), "{keys}");
    }
}

#[test]
fn names_of_indices_ids_and_keys_are_as_configured() {
    let record = r#"{"log":"x","app.name":"shop","n":{"a.b":1}}"#;
    let of = |keys: &str| {
        let buffer = buffer();
        buffer.push(events("kube.a", &[record]));
        buffer.close();
        items(&deliver(keys, &buffer, |_, _| 201).0[0]).remove(0)
    };
    let (action, stored) = of("");
    assert_eq!(action["create"]["_index"], "fluent-bit");
    assert_eq!(
        (stored["@timestamp"].as_str(), &action["create"]["_id"]),
        (Some("2025-11-21T05:50:01.123Z"), &serde_json::Value::Null)
    );
    let (action, stored) =
        of("Logstash_Format on\nInclude_Tag_Key on\nReplace_Dots on\nTime_Key ts\nTime_Key_Nanos on");
    assert_eq!(action["create"]["_index"], "logstash-2025.11.21");
    assert_eq!(
        (&stored["_flb-key"], &stored["app_name"], &stored["n"]["a_b"]),
        (&"kube.a".into(), &"shop".into(), &1.into())
    );
    assert_eq!(stored["ts"], "2025-11-21T05:50:01.123456789Z");
    let (action, _) = of("Logstash_Format on\nLogstash_Prefix_Key $log\nIndex unused");
    assert_eq!(action["create"]["_index"], "x-2025.11.21");
    // Seen with Fluent Bit 5.1.1; the record has the field, but it is no text.
    let (action, _) = of("Logstash_Format on\nLogstash_Prefix_Key $n['a.b']");
    assert_eq!(action["create"]["_index"], "1-2025.11.21");
    let (action, _) = of("Index logs-%Y.%m\nId_Key log\nWrite_Operation index\nSuppress_Type_Name off\nType _doc");
    assert_eq!((&action["index"]["_index"], &action["index"]["_id"]), (&"logs-2025.11".into(), &"x".into()));
    assert_eq!(action["index"]["_type"], "_doc");
}

#[test]
fn the_id_of_a_record_is_its_place_in_its_source_and_differs_by_tag() {
    let of = |tag: &str, id: u128| {
        let mut batch = events(tag, &[r#"{"log":"x"}"#]);
        batch.events[0].id = id;
        let buffer = buffer();
        buffer.push(batch);
        buffer.close();
        items(&deliver("Generate_ID on", &buffer, |_, _| 201).0[0]).remove(0).0["create"]["_id"].clone()
    };
    assert_eq!(of("a", 7), of("a", 7));
    assert_ne!(of("a", 7), of("b", 7));
    assert_ne!(of("a", 7), of("a", 8));
}

#[test]
fn answers_that_make_no_sense_take_nothing() {
    let buffer = twenty("t");
    let counters = block_on(async {
        let tries = std::sync::atomic::AtomicUsize::new(0);
        let port = stub::listen(move |request| match tries.fetch_add(1, Ordering::SeqCst) {
            0 => stub::answer(200, ""),
            1 => stub::answer(200, r#"{"took":1,"errors":false,"items":[]}"#),
            2 => stub::answer(200, &"[".repeat(100_000)),
            3 => stub::answer(404, "no such thing"),
            4 => stub::answer(200, &"x".repeat(2_000_000)),
            _ => {
                let items = vec![r#"{"create":{"status":201}}"#; memchr::memchr_iter(b'\n', &request.body).count() / 2];
                stub::answer(200, &format!(r#"{{"errors":false,"items":[{}]}}"#, items.join(",")))
            }
        })
        .await;
        let plan = plan(&format!("Name es\nPort {port}\nBuffer_Size 1M"));
        let context = context(&plan, &buffer);
        let counters = Arc::clone(&context.counters);
        run(plan, context).await;
        counters
    });
    assert_eq!((count(&counters.records), buffer.take_acks(0).len()), (20, 20));
    assert_eq!(count(&counters.retries), 4);
}
