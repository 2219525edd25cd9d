use std::net::SocketAddr;

use http_body_util::Full;
use hyper::client::conn::http1 as client;
use tokio::net::TcpStream;

use super::*;
use crate::{
    event::Value,
    input::tests::{Around, at, connections, loopback, within},
    wire::{inflate::gzip, msgpack},
};

fn plan() -> HttpInput {
    HttpInput {
        tag: "http.0".into(),
        tag_key: None,
        tag_from_path: true,
        at: loopback(),
        connections: connections(),
        body_max: 2_000_000,
        success: 201,
        headers: vec![(HeaderName::from_static("x-taken"), HeaderValue::from_static("yes"))],
    }
}

fn start(plan: HttpInput, around: &Around) -> SocketAddr {
    let open = open(&plan).unwrap();
    let address = at(&open);
    tokio::spawn(run(plan, open, around.intake.clone()));
    address
}

/// Sends a request; the status and the text of its answer.
async fn send(address: SocketAddr, method: &str, path: &str, headers: &[(&str, &str)], body: Vec<u8>) -> (u16, String) {
    let stream = TcpStream::connect(address).await.unwrap();
    let (mut sender, connection) = client::handshake(TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let mut request = Request::builder().method(method).uri(path).header("host", "x");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(Full::new(Bytes::from(body))).unwrap();
    let answer = within(sender.send_request(request)).await.unwrap();
    let status = answer.status().as_u16();
    let text = answer.into_body().collect().await.unwrap().to_bytes();
    (status, String::from_utf8(text.to_vec()).unwrap())
}

const JSON: (&str, &str) = ("content-type", "application/json; charset=utf-8");

#[tokio::test]
async fn every_form_of_body_is_taken_and_answered_only_then() {
    let around = Around::new();
    let address = start(plan(), &around);
    let mut packed = Vec::new();
    let mut fields = crate::event::Fields::default();
    fields.push("n", Value::Int(5));
    msgpack::encode_fields(&fields, &mut packed);
    let bodies = [
        (vec![JSON], br#"{"n":1}"#.to_vec()),
        (vec![JSON], br#"[{"n":2},{"n":3}]"#.to_vec()),
        (vec![("content-type", "application/x-ndjson"), ("content-encoding", "gzip")], gzip(b"{\"n\":4}\n")),
        (vec![("content-type", "application/msgpack")], packed),
    ];
    let mut expected = 1;
    for (headers, body) in bodies {
        let request = tokio::spawn(async move { send(address, "POST", "/app/web.log", &headers, body).await });
        let (seen, batches) = around.look(1).await;
        for (tag, event) in &seen {
            assert_eq!((tag.as_str(), event.fields.get("n")), ("app_web.log", Some(&Value::Int(expected))));
            expected += 1;
        }
        assert!(!request.is_finished(), "answered before it was taken");
        around.taken(batches);
        assert_eq!(request.await.unwrap(), (201, String::new()));
    }
    assert_eq!(expected, 6);
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_whole_with_the_reason() {
    let around = Around::new();
    let address = start(plan(), &around);
    let bomb = gzip(&vec![b' '; 4 << 20]);
    let ndjson = ("content-type", "application/x-ndjson");
    let zip = ("content-encoding", "gzip");
    let refused = [
        send(address, "GET", "/", &[], Vec::new()).await,
        send(address, "POST", "/", &[("content-type", "text/plain")], b"x".to_vec()).await,
        send(address, "POST", "/", &[JSON, ("content-encoding", "br")], b"x".to_vec()).await,
        send(address, "POST", "/", &[JSON], b"{\"a\":1}\n{\"a\"".to_vec()).await,
        send(address, "POST", "/", &[JSON], b"[1]".to_vec()).await,
        send(address, "POST", "/", &[JSON], vec![b' '; 2_000_001]).await,
        send(address, "POST", "/", &[ndjson, zip], bomb).await,
        send(address, "POST", "/", &[ndjson, zip], b"no gzip".to_vec()).await,
    ];
    let lines: Vec<_> = refused.iter().map(|(status, why)| format!("{status} {}", why.trim_end())).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    405 only POST is taken; send records in the body of a POST request
    415 the content type "text/plain" is not taken; send application/json, application/x-ndjson or application/msgpack
    415 the content encoding "br" is not taken; send gzip or none
    400 EOF while parsing an object at line 2 column 4; send JSON objects, an array of them or one a line
    400 value 1 is no object; send objects only
    413 the body is longer than 2000000 bytes; send less at once, or raise Buffer_Max_Size
    413 40554 compressed bytes hold more than 2000000; send less at once
    400 unexpected end of file; send it again, undamaged
    "#);
    assert_eq!(around.intake.counters().malformed.load(Ordering::Relaxed), 8);
    assert_eq!(around.intake.counters().records.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn a_full_buffer_sends_requests_away_and_a_stop_ends_connections() {
    let around = Around::with_room(1_000);
    let plan = plan();
    let open = open(&plan).unwrap();
    let address = at(&open);
    let input = tokio::spawn(run(plan, open, around.intake.clone()));
    let first = format!("[{{\"x\":\"{}\"}}]", "x".repeat(2_000)).into_bytes();
    let waiting = tokio::spawn(async move { send(address, "POST", "/a", &[JSON], first).await });
    let (_, batches) = around.look(1).await;
    let (status, why) = send(address, "POST", "/a", &[JSON], b"{}".to_vec()).await;
    assert_eq!((status, why.as_str()), (503, "the buffer is full; send it again later\n"));
    around.stop();
    around.taken(batches);
    assert_eq!(waiting.await.unwrap().0, 201);
    within(input).await.unwrap();
}

#[test]
fn a_path_is_a_harmless_tag() {
    assert_eq!(tag("/"), None);
    assert_eq!(tag("/app/web.log").as_deref(), Some("app_web.log"));
    assert_eq!(tag("/../../etc/passwd").as_deref(), Some(".._.._etc_passwd"));
    assert_eq!(tag("/a%00b c").as_deref(), Some("a_00b_c"));
    assert_eq!(tag(&"/x".repeat(1000)).unwrap().len(), TAG_MAX);
}
