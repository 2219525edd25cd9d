use std::{
    collections::BTreeSet,
    io::{Read, Write},
    net::{Shutdown, TcpStream as Socket},
};

use super::*;
use crate::buffer::StoreCounters;
use crate::service::board::{Figures, FileFigures, FilterFigures, InputFigures, OutputFigures};
use crate::service::clock::until;

fn figures() -> Figures {
    let files = FileFigures { opened: 2, rotated: 1, unread_bytes: 70, ..FileFigures::default() };
    let tail = InputFigures {
        name: "front".to_owned(),
        records: 57,
        bytes: 4_000,
        files: Some(files),
        ..InputFigures::default()
    };
    let dummy = InputFigures { name: "dummy\"\\.1".to_owned(), records: 3, ..InputFigures::default() };
    let output = OutputFigures {
        name: "http.0".to_owned(),
        records: 50,
        bytes: 3_000,
        retries: 4,
        stored_bytes: 800,
        ..OutputFigures::default()
    };
    let filter = FilterFigures { name: "grep.0".to_owned(), records: 57, dropped: 7, ..FilterFigures::default() };
    Figures {
        filters: vec![filter],
        inputs: vec![tail, dummy],
        outputs: vec![output],
        store: Some(StoreCounters { damaged: 6, again: 5, refused: 2, segments: 3, held_bytes: 900 }),
        started_unix_s: 1_800_000_000,
        ..Figures::default()
    }
}

fn open(keys: &str) -> (Pages, Board) {
    open_at(keys, "127.0.0.1")
}

fn open_at(keys: &str, host: &str) -> (Pages, Board) {
    let text = format!("[SERVICE]\nHTTP_Server on\n{keys}\n[INPUT]\nName dummy\n[OUTPUT]\nName null\nMatch *\n");
    let config = crate::config::Config::parse(std::path::Path::new("x"), &text, &|_| None).unwrap();
    let mut plan = config.plan().unwrap().service;
    // Any free port.
    plan.http.as_mut().unwrap().listen = SocketAddr::new(host.parse().unwrap(), 0);
    let board = Board::default();
    board.put(figures());
    (Pages::open(&plan, &board, Clock::start()).unwrap().unwrap(), board)
}

fn raw(pages: &Pages, request: &[u8]) -> String {
    let mut socket = Socket::connect(pages.address()).unwrap();
    // The other side may have had enough before the end.
    let _ = socket.write_all(request);
    let _ = socket.shutdown(Shutdown::Write);
    let mut answer = Vec::new();
    let _ = socket.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn get(pages: &Pages, path: &str) -> (u16, String) {
    let answer = raw(pages, format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes());
    let (head, body) = answer.split_once("\r\n\r\n").expect(&answer);
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

#[test]
fn every_page_that_probes_and_dashboards_ask_for_is_there() {
    let clock = Clock::start();
    let (pages, _board) = open("Health_Check on\nstorage.metrics on");
    let uptime: serde_json::Value = serde_json::from_str(&get(&pages, "/api/v1/uptime").1).unwrap();
    let most = clock.mono_ms() / 1_000;
    assert!(uptime["uptime_sec"].as_u64().is_some_and(|seconds| seconds <= most), "{uptime} after {most} s");
    for (path, status, words) in [
        ("/", 200, "\"version\""),
        ("/api/v1/uptime", 200, "\"uptime_hr\":\"tailproof has been running: 0 days, 0 hours, "),
        ("/api/v1/metrics", 200, "\"front\":{\"bytes\":4000,"),
        ("/api/v1/metrics", 200, "\"proc_records\":50"),
        ("/api/v1/metrics", 200, "\"drop_records\":7"),
        ("/api/v1/metrics/", 200, "\"files_rotated\":1"),
        ("/api/v1/metrics/prometheus", 200, "fluentbit_input_records_total{name=\"front\"} 57\n"),
        ("/api/v2/metrics/prometheus", 200, "fluentbit_output_retries_total{name=\"http.0\"} 4\n"),
        ("/api/v2/metrics/prometheus?x=1", 200, "# TYPE fluentbit_input_bytes_total counter\n"),
        ("/api/v1/health", 200, "ok\n"),
        ("/api/v1/storage", 200, "\"overlimit\":false"),
        ("/api/v1/storage", 200, "\"fs_chunks\":3"),
        ("/api/v1/storage", 200, "\"damaged_records\":6"),
        ("/api/v1/storage", 200, "\"output_bytes\":{\"http.0\":800}"),
        ("/api/v2/metrics/prometheus", 200, "\nfluentbit_storage_fs_chunks 3\n"),
        ("/api/v2/metrics/prometheus", 200, "\ntailproof_storage_held_bytes 900\n"),
        ("/api/v2/metrics/prometheus", 200, "\ntailproof_storage_refused_writes_total 2\n"),
        ("/api/v2/metrics/prometheus", 200, "\ntailproof_storage_damaged_records_total 6\n"),
        ("/api/v2/metrics/prometheus", 200, "\ntailproof_storage_known_records_total 5\n"),
        ("/api/v2/metrics/prometheus", 200, "tailproof_output_stored_bytes{name=\"http.0\"} 800\n"),
        ("/api/v2/reload", 200, "\"hot_reload_count\":0"),
        ("/nowhere", 404, "no such page"),
        ("/..%2f..%2fetc/passwd", 404, "no such page"),
    ] {
        let (code, body) = get(&pages, path);
        assert_eq!(code, status, "{path}");
        assert!(body.contains(words), "{path}: {body}");
    }
}

#[test]
fn health_and_storage_are_there_when_asked_for_and_health_says_why() {
    let (pages, board) = open("");
    assert_eq!((get(&pages, "/api/v1/health").0, get(&pages, "/api/v1/storage").0), (404, 404));
    drop((pages, board));
    let (pages, board) = open("Health_Check on");
    assert_eq!(get(&pages, "/api/v1/health"), (200, "ok\n".to_owned()));
    board.put(Figures { unwell: vec![health::Unwell::Stalled("front".to_owned(), 61_000)], ..figures() });
    let (code, body) = get(&pages, "/api/v1/health");
    assert_eq!((code, body.as_str()), (500, "error\nfront: unread data, and no progress for 61 s\n"));
}

#[test]
fn nothing_can_be_changed_through_the_pages() {
    let (pages, _board) = open("");
    let post = |path: &str| {
        raw(
            &pages,
            format!("POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}").as_bytes(),
        )
    };
    assert!(post("/api/v2/reload").starts_with("HTTP/1.1 403"));
    assert!(post("/api/v1/metrics").starts_with("HTTP/1.1 405"));
    assert!(raw(&pages, b"DELETE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 405"));
}

#[test]
fn what_is_no_request_does_no_harm() {
    let (pages, _board) = open("");
    let long = [b"GET /".as_slice(), &vec![b'a'; 1 << 20], b" HTTP/1.1\r\n\r\n"].concat();
    let headers = format!("GET / HTTP/1.1\r\n{}\r\n", "X-A: b\r\n".repeat(5_000));
    let chunked = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n";
    let table: [&[u8]; 9] = [
        b"",
        b"\0\0\0\0",
        b"GET",
        b"GET / HTTP/9.9\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
        &long,
        headers.as_bytes(),
        chunked,
        b"GET / HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n",
    ];
    for request in table {
        let answer = raw(&pages, request);
        let refused = answer.is_empty() || answer.starts_with("HTTP/1.1 4");
        assert!(refused, "{:?} gave {answer}", String::from_utf8_lossy(&request[..request.len().min(40)]));
    }
    assert_eq!(get(&pages, "/").0, 200);
}

#[test]
fn idle_connections_do_not_shut_others_out_once_they_are_closed() {
    let (pages, _board) = open("");
    let idle: Vec<Socket> = (0..CONNECTIONS_MAX + 8).map(|_| Socket::connect(pages.address()).unwrap()).collect();
    // The last ones are beyond the limit: closed without a word.
    let mut last = idle.last().unwrap();
    assert_eq!(last.read(&mut [0; 1]).unwrap_or(0), 0);
    drop(idle);
    let deadline = Clock::start();
    loop {
        let answer = raw(&pages, b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        if answer.starts_with("HTTP/1.1 200") {
            break;
        }
        assert!(deadline.mono_ms() < 20_000, "nobody is served");
    }
}

/// What `promtool check metrics` looks at: order, types, suffixes, labels, no series twice.
fn check(text: &str) -> Result<(), String> {
    let (mut families, mut series, mut open) = (BTreeSet::new(), BTreeSet::new(), None::<(String, String)>);
    let mut help = None;
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, words) = rest.split_once(' ').ok_or(format!("no help: {line}"))?;
            if words.trim().is_empty() || !families.insert(name.to_owned()) {
                return Err(format!("empty or second family: {line}"));
            }
            help = Some(name.to_owned());
        } else if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or(format!("no type: {line}"))?;
            let total = name.ends_with("_total");
            if help.as_deref() != Some(name) || (kind == "counter") != total || !["counter", "gauge"].contains(&kind) {
                return Err(format!("type does not fit: {line}"));
            }
            open = Some((name.to_owned(), kind.to_owned()));
        } else {
            let (left, value) = line.rsplit_once(' ').ok_or(format!("no value: {line}"))?;
            let name = left.split('{').next().unwrap_or_default();
            let fits = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
            if !fits || open.as_ref().is_none_or(|(family, _)| family != name) || value.parse::<f64>().is_err() {
                return Err(format!("no such family or value: {line}"));
            }
            if !series.insert(left.to_owned()) {
                return Err(format!("twice: {line}"));
            }
        }
    }
    if text.ends_with('\n') { Ok(()) } else { Err("the last line has no end".to_owned()) }
}

#[test]
fn metrics_follow_the_format() {
    let text = prometheus::text(&figures(), 12);
    check(&text).unwrap();
    assert!(text.contains("{name=\"dummy\\\"\\\\.1\"} 3\n"), "{text}");
    // The check itself finds what it should.
    for (from, to) in [
        ("# TYPE fluentbit_input_bytes_total counter", "# TYPE fluentbit_input_bytes_total gauge"),
        ("# HELP fluentbit_input_bytes_total Bytes that were read.\n", ""),
        ("fluentbit_uptime 12", "fluentbit_uptime twelve"),
        ("fluentbit_uptime 12", "fluentbit_uptime 12\nfluentbit_uptime 12"),
    ] {
        assert!(text.contains(from), "{from}");
        assert!(check(&text.replace(from, to)).is_err(), "{to}");
    }
}

#[test]
fn pages_close_when_they_are_dropped() {
    // An address of its own: on the usual one another test may get the port as soon as it is free.
    let (pages, _board) = open_at("", "127.0.0.77");
    let address = pages.address();
    assert_eq!(get(&pages, "/").0, 200);
    drop(pages);
    until("nobody listens any more", || Socket::connect(address).is_err());
}
