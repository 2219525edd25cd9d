//! util-linux `logger`: Unix datagrams, UDP, TCP in both framings, RFC 3164 and RFC 5424.

use std::collections::BTreeMap;

use super::stage::{PATIENCE, Pipeline, port, program, there};
use crate::support::{place, start_command};

#[test]
fn logger_is_understood_over_udp_tcp_in_both_framings_and_unix_sockets() {
    if !there("logger", &["--version"], "logger (util-linux)") {
        return;
    }
    let place = place();
    let (old, new, tcp) = (port(), port(), port());
    let [datagrams, stream] = ["dgram.sock", "stream.sock"].map(|name| place.path().join(name).display().to_string());
    let input = |mode: &str, at: &str, parser: &str, tag: &str| {
        format!("[INPUT]\n    Name syslog\n    Mode {mode}\n    {at}\n    Parser {parser}\n    Tag {tag}\n")
    };
    let pipeline = Pipeline::taking(
        place.path(),
        &[
            input("udp", &format!("Port {old}"), "syslog-rfc3164", "old"),
            input("udp", &format!("Port {new}"), "syslog-rfc5424", "new"),
            input("tcp", &format!("Port {tcp}"), "syslog-rfc5424", "tcp"),
            input("unix_udp", &format!("Path {datagrams}"), "syslog-rfc3164-local", "unix-udp"),
            input("unix_tcp", &format!("Path {stream}"), "syslog-rfc3164-local", "unix-tcp"),
        ]
        .concat(),
    );
    let ip = |port: u16, rest: &str| format!("--server 127.0.0.1 --port {port} {rest}");
    let calls = [
        ("old", ip(old, "--udp --rfc3164")),
        ("new", ip(new, "--udp --rfc5424")),
        ("tcp", ip(tcp, "--tcp --rfc5424")),
        ("tcp", ip(tcp, "--tcp --rfc5424 --octet-count")),
        ("unix-udp", format!("--socket {datagrams} --socket-errors=on")),
        ("unix-tcp", format!("--socket {stream} --tcp --socket-errors=on")),
    ];
    let mut sent: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (tag, args) in calls {
        for n in 0..3 {
            let text = format!("peer {n} says: grüße [{args}]");
            let mut command = program("logger");
            command.args(args.split(' ')).args(["--tag", "peer", "--priority", "local3.warning", "--", &text]);
            start_command(command, format!("logger {args}")).wait(PATIENCE).expect(0);
            sent.entry(tag).or_default().push(text);
            // Each has a connection of its own: the order is kept by waiting for it.
            pipeline.awaits(tag, sent[tag].len());
        }
    }
    for (tag, texts) in sent {
        let records = pipeline.records(tag);
        let arrived: Vec<&str> = records.iter().map(|record| record["message"].as_str().unwrap()).collect();
        assert_eq!(arrived, texts, "{tag}");
        for record in &records {
            // local3 is 19, warning 4.
            assert_eq!((&record["ident"], &record["pri"]), (&"peer".into(), &"156".into()), "{tag}: {record}");
        }
    }
    pipeline.end();
}
