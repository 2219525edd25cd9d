//! SIGHUP: the pipeline takes over a new configuration, refuses a broken one, and no record is lost or doubled.

use std::{
    fs::{self, OpenOptions},
    io::{Read, Write},
    net::TcpStream,
    path::Path,
};

use nix::sys::signal::Signal;

use crate::support::{free_port, place, start, tailproof, until};

fn append(path: &Path, lines: std::ops::Range<u32>) {
    let text: String = lines.map(|line| format!("line {line}\n")).collect();
    let mut file = OpenOptions::new().create(true).append(true).open(path).unwrap();
    file.write_all(text.as_bytes()).unwrap();
}

fn get(port: u16, path: &str) -> String {
    let Ok(mut socket) = TcpStream::connect(("127.0.0.1", port)) else { return String::new() };
    let request = format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    let mut answer = String::new();
    // Whoever is closing its pages may break off.
    let _ = socket.write_all(request.as_bytes()).and_then(|()| socket.read_to_string(&mut answer));
    answer
}

#[test]
fn a_reload_takes_effect_a_broken_one_does_not_and_nothing_is_lost_or_doubled() {
    let folder = place();
    let at = folder.path().canonicalize().unwrap();
    let port = free_port();
    let config = at.join("pipeline.conf");
    let text = |paths: &str| {
        format!(
            "[SERVICE]\n    Flush 0.1\n    HTTP_Server on\n    HTTP_Port {port}\n    Health_Check on\n    Log_File {at}/agent.log\n[INPUT]\n    Name tail\n    \
             Path {paths}\n    DB {at}/tail.db\n    Read_from_Head on\n[OUTPUT]\n    Name file\n    Match *\n    Path {at}\n    \
             File out.log\n    Format plain\n",
            at = at.display()
        )
    };
    let log = || fs::read_to_string(at.join("agent.log")).unwrap_or_default();
    let out = || fs::read_to_string(at.join("out.log")).unwrap_or_default();
    let (one, two) = (at.join("one.log"), at.join("two.log"));
    fs::write(&config, text(&one.display().to_string())).unwrap();
    let running = start(&["pipeline", "-c", &config.display().to_string()]);
    append(&one, 0..1000);
    until("the first lines are read", 30, || get(port, "/api/v1/metrics").contains("\"proc_records\":1000"));
    assert!(get(port, "/api/v1/health").starts_with("HTTP/1.1 200"));

    fs::write(&config, text("/x").replace("Path", "Pth")).unwrap();
    running.signal(Signal::SIGHUP);
    until("the broken file is refused", 30, || log().contains("reload refused"));
    let said = log();
    assert!(said.contains("pipeline.conf:9") && said.contains("did you mean `Path`?"), "{said}");
    append(&one, 1000..2000);
    until("the running one goes on", 30, || get(port, "/api/v1/metrics").contains("\"proc_records\":2000"));
    assert!(get(port, "/api/v2/reload").contains("\"hot_reload_count\":0"));

    append(&two, 5000..6000);
    fs::write(&config, text(&format!("{},{}", one.display(), two.display()))).unwrap();
    running.signal(Signal::SIGHUP);
    append(&one, 2000..3000);
    until("the new one works", 30, || get(port, "/api/v2/reload").contains("\"hot_reload_count\":1"));
    until("both files are read", 30, || out().lines().count() >= 4000);
    running.signal(Signal::SIGTERM);
    running.wait(30).expect(0);

    let line = |text: &str| {
        serde_json::from_str::<serde_json::Value>(text).unwrap()["log"].as_str().unwrap()[5..].parse::<u32>().unwrap()
    };
    let mut lines: Vec<u32> = out().lines().map(line).collect();
    lines.sort_unstable();
    assert_eq!(lines, (0..3000).chain(5000..6000).collect::<Vec<u32>>());
}

#[test]
fn a_dry_run_says_what_was_understood_and_starts_nothing() {
    let folder = place();
    let config = folder.path().join("pipeline.yaml");
    let db = folder.path().join("tail.db");
    let text = format!(
        "pipeline:\n  inputs: [{{name: tail, path: /nowhere/*.log, db: '{}'}}]\n  outputs: [{{name: stdout, match: '*'}}]\n",
        db.display()
    );
    fs::write(&config, text).unwrap();
    let ended = tailproof(&["pipeline", "-c", &config.display().to_string(), "--dry-run"]).expect(0);
    assert!(ended.stdout.contains("[INPUT] tail.0") && ended.stdout.contains("(default)"), "{ended}");
    assert!(!db.exists(), "a dry run leaves nothing behind");
}
