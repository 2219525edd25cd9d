//! `@fluent-org/logger`, the official Node library of the forward protocol: its client in all four modes, its server.

use std::{fmt::Write, path::Path};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::stage::{PATIENCE, Pipeline, config, each_once, listens, papers, port, script, there};
use crate::support::{Ended, Running, place, start_command, until};

const RECORDS: u64 = 300;

fn node() -> bool {
    there("node", &["-e", "require('@fluent-org/logger')"], "@fluent-org/logger (npm)")
}

/// Sends with the official client; its standard output says how many were answered.
fn send(wish: &Value) -> Ended {
    let mut command = script("node", "forward.cjs");
    command.arg(wish.to_string());
    start_command(command, format!("forward.cjs {wish}")).wait(PATIENCE)
}

fn number(record: &Value) -> u64 {
    let number = record["n"].as_u64().unwrap_or_else(|| panic!("no number: {record}"));
    assert_eq!(record["text"], format!("grüße {}", "x".repeat(number as usize % 50)), "{record}");
    number
}

#[test]
fn the_official_client_is_answered_in_every_mode_over_tls_and_with_the_right_key_only() {
    if !node() {
        return;
    }
    let place = place();
    let [ca, crt, key] = papers(place.path());
    let (plain, secret, tls) = (port(), port(), port());
    let pipeline = Pipeline::taking(
        place.path(),
        &format!(
            "[INPUT]\n    Name forward\n    Port {plain}\n    Tag_Prefix plain.\n[INPUT]\n    Name forward\n    \
             Port {secret}\n    Tag_Prefix secret.\n    Shared_Key right\n    Security.Users ann word\n    Self_Hostname here\n\
             [INPUT]\n    Name forward\n    Port {tls}\n    Tag_Prefix tls.\n    tls on\n    tls.crt_file {crt}\n    \
             tls.key_file {key}\n"
        ),
    );
    let login = json!({ "key": "right", "user": "ann", "password": "word" });
    for (at, prefix, more) in
        [(plain, "plain", json!({})), (secret, "secret", login), (tls, "tls", json!({ "ca": ca }))]
    {
        for mode in ["Message", "Forward", "PackedForward", "CompressedPackedForward"] {
            let mut wish = json!({ "port": at, "mode": mode, "count": RECORDS, "patience": 60_000 });
            wish.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
            let ended = send(&wish).expect(0);
            assert_eq!(ended.stdout.trim(), RECORDS.to_string(), "{mode} {prefix}: {ended}");
            // It was answered, so it is there: nothing is waited for.
            let tag = format!("{prefix}.peer.{}", mode.to_lowercase());
            each_once(&tag, RECORDS, pipeline.records(&tag).iter().map(number));
        }
    }
    for (key, user, password) in [("wrong", "ann", "word"), ("right", "ann", "guess"), ("right", "eve", "word")] {
        let wish = json!({
            "port": secret, "mode": "Message", "count": 3, "patience": 1_500, "key": key, "user": user, "password": password,
        });
        let ended = send(&wish).expect(3);
        assert_eq!(ended.stdout.trim(), "0", "{key} {user} {password}: {ended}");
    }
    assert_eq!(pipeline.records("secret.peer.message").len() as u64, RECORDS, "a wrong login let records in");
    pipeline.end();
}

/// The official server under several names, and what it has received.
struct Servers(Running);

impl Servers {
    fn start(wishes: &Value) -> Self {
        let mut command = script("node", "forward-server.cjs");
        command.arg(wishes.to_string());
        let running = start_command(command, format!("forward-server.cjs {wishes}"));
        until("the official server listens", PATIENCE, || running.stdout().contains("listening\n"));
        Self(running)
    }

    /// What came to one of them, in order.
    fn received(&self, name: &str) -> Vec<Value> {
        let text = self.0.stdout();
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        let lines = whole.lines().filter(|line| line.starts_with('{'));
        lines.map(|line| serde_json::from_str(line).unwrap()).filter(|entry: &Value| entry["server"] == name).collect()
    }
}

/// A file of records, and an input that reads it.
fn records(place: &Path) -> String {
    let (path, db) = (place.join("in.log"), place.join("tail.db"));
    let lines = (0..RECORDS).fold(String::new(), |mut lines, n| {
        writeln!(lines, "{}", json!({ "n": n, "text": format!("grüße {}", "x".repeat(n as usize % 50)) })).unwrap();
        lines
    });
    std::fs::write(&path, lines).unwrap();
    format!(
        "[INPUT]\n    Name tail\n    Tag app.log\n    Path {}\n    DB {}\n    Parser json\n    Read_from_Head on\n",
        path.display(),
        db.display()
    )
}

#[test]
fn the_official_server_takes_what_we_forward_plain_compressed_with_login_and_over_tls() {
    if !node() {
        return;
    }
    let place = place();
    let [ca, crt, key] = papers(place.path());
    let ports: Vec<u16> = (0..4).map(|_| port()).collect();
    let servers = Servers::start(&json!([
        { "name": "plain", "port": ports[0] },
        { "name": "gzip", "port": ports[1] },
        { "name": "secret", "port": ports[2], "key": "right", "user": "ann", "password": "word" },
        { "name": "tls", "port": ports[3], "crt": crt, "crtKey": key },
    ]));
    let ways = [
        ("plain", String::new()),
        ("gzip", "    Compress gzip\n".to_owned()),
        ("secret", "    Shared_Key right\n    Username ann\n    Password word\n    Self_Hostname here\n".to_owned()),
        ("tls", format!("    tls on\n    tls.ca_file {ca}\n    Compress gzip\n")),
    ];
    let outputs: String = ways
        .iter()
        .zip(&ports)
        .map(|((_, more), port)| {
            format!(
                "[OUTPUT]\n    Name forward\n    Match *\n    Host localhost\n    Port {port}\n    Require_ack_response on\n{more}"
            )
        })
        .collect();
    let pipeline = Pipeline::start(place.path(), &format!("{}{outputs}", records(place.path())), &[]);
    for (name, _) in &ways {
        until(&format!("{name} has all"), PATIENCE, || servers.received(name).len() as u64 >= RECORDS);
    }
    // Only what was answered counts as delivered, and only then it ends of itself.
    pipeline.end();
    for (name, _) in &ways {
        let received = servers.received(name);
        each_once(name, RECORDS, received.iter().map(|entry| number(&entry["record"])));
        for entry in &received {
            assert_eq!(entry["tag"], "app.log", "{entry}");
            assert!(entry["at"]["nanos"].is_u64(), "its time has no fractions: {entry}");
        }
    }
}

#[test]
fn the_official_server_turns_a_wrong_key_away_and_nothing_is_lost_until_it_is_right() {
    if !node() {
        return;
    }
    let place = place();
    let at = port();
    let servers = Servers::start(&json!([
        { "name": "secret", "port": at, "key": "right", "user": "ann", "password": "word" }
    ]));
    listens("the official server", at);
    let input = records(place.path());
    let text = |key: &str| {
        format!(
            "    Log_File {}\n{input}[OUTPUT]\n    Name forward\n    Match *\n    Port {at}\n    Shared_Key {key}\n    Username ann\n    \
             Password word\n    Self_Hostname here\n",
            place.path().join("agent.log").display()
        )
    };
    let log = || std::fs::read_to_string(place.path().join("agent.log")).unwrap_or_default();
    let path = config(place.path(), &text("wrong"));
    let running = crate::support::start(&["pipeline", "-c", &path]);
    until("the wrong key is refused", PATIENCE, || log().contains("compare Shared_Key"));
    assert_eq!(servers.received("secret"), Vec::<Value>::new());
    config(place.path(), &text("right"));
    running.signal(Signal::SIGHUP);
    until("all arrive", PATIENCE, || servers.received("secret").len() as u64 >= RECORDS);
    running.signal(Signal::SIGTERM);
    running.wait(PATIENCE).expect(0);
    each_once("secret", RECORDS, servers.received("secret").iter().map(|entry| number(&entry["record"])));
}
