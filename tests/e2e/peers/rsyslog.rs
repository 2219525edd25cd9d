//! rsyslog on both sides of the pipeline: its senders into our syslog input, our syslog output into its files, and as
//! the second store of an ELK deployment.
//!
//! ```text
//! a test ─▶ rsyslog imtcp ─▶ omfwd udp, tcp, tcp counted, omuxsock ─▶ pipeline ─▶ files
//! a file ─▶ pipeline ─▶ syslog udp, tcp, tcp counted, unix ─▶ rsyslog imudp, imtcp, imuxsock ─▶ files
//! ```

use std::{
    fmt::Write as _,
    io::Write as _,
    net::TcpStream,
    path::{Path, PathBuf},
};

use serde_json::json;

use super::stage::{PATIENCE, Pipeline, listens, port, program, script, there};
use crate::support::{Running, place, start_command, until};

/// Few enough for the smallest receive buffer that a kernel gives: datagrams are not to be lost here.
const RECORDS: u64 = 100;

pub(super) fn installed() -> bool {
    there("rsyslogd", &["-v"], "rsyslog")
}

/// rsyslog with a configuration of its own; ready once it accepts connections on `tcp`.
pub(super) fn rsyslog(place: &Path, rules: &str, tcp: u16) -> Running {
    let (path, pid) = (place.join("rsyslog.conf"), place.join("rsyslog.pid"));
    let head = format!(
        "global(workDirectory=\"{}\")\nmodule(load=\"imudp\")\nmodule(load=\"imtcp\")\nmodule(load=\"imuxsock\" SysSock.Use=\"off\")\n\
         template(name=\"parts\" type=\"string\" string=\"%pri%|%hostname%|%app-name%|%procid%|%msg%\\n\")\n",
        place.display()
    );
    std::fs::write(&path, format!("{head}{rules}")).unwrap();
    let mut command = program("rsyslogd");
    command.arg("-n").arg("-f").arg(&path).arg("-i").arg(pid);
    let running = start_command(command, format!("rsyslogd -n -f {}", path.display()));
    listens("rsyslog", tcp);
    running
}

/// Whole lines of a file that rsyslog or the test writes.
fn lines(path: &Path) -> Vec<String> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    text.rsplit_once('\n').map_or("", |(whole, _)| whole).lines().map(str::to_owned).collect()
}

#[test]
fn what_rsyslog_sends_by_udp_tcp_and_unix_sockets_is_understood() {
    if !installed() {
        return;
    }
    let place = place();
    let (tcp, udp, lines, counted) = (port(), port(), port(), port());
    let socket = place.path().join("in.sock").display().to_string();
    let input = |mode: &str, at: &str, parser: &str, tag: &str| {
        format!("[INPUT]\n    Name syslog\n    Mode {mode}\n    {at}\n    Parser {parser}\n    Tag {tag}\n")
    };
    let pipeline = Pipeline::taking(
        place.path(),
        &[
            input("udp", &format!("Port {udp}"), "syslog-rfc3164", "udp"),
            input("tcp", &format!("Port {lines}"), "syslog-rfc3164", "lines"),
            input("tcp", &format!("Port {counted}"), "syslog-rfc5424", "counted"),
            input("unix_udp", &format!("Path {socket}"), "syslog-rfc3164", "unix"),
        ]
        .concat(),
    );
    let forward =
        |port: u16, more: &str| format!("  action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{port}\" {more})\n");
    let rules = [
        format!("module(load=\"omuxsock\")\n$OMUxSockSocket {socket}\nruleset(name=\"all\") {{\n"),
        forward(udp, "protocol=\"udp\" template=\"RSYSLOG_TraditionalForwardFormat\""),
        forward(lines, "protocol=\"tcp\" template=\"RSYSLOG_TraditionalForwardFormat\""),
        forward(counted, "protocol=\"tcp\" TCP_Framing=\"octet-counted\" template=\"RSYSLOG_SyslogProtocol23Format\""),
        "  *.* :omuxsock:;RSYSLOG_TraditionalForwardFormat\n}\n".to_owned(),
        format!("input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{tcp}\" ruleset=\"all\")\n"),
    ];
    let rsyslog = rsyslog(place.path(), &rules.concat(), tcp);
    let text = |n: u64| format!("n={n} says grüße to you");
    let messages = (0..RECORDS).fold(String::new(), |mut all, n| {
        writeln!(all, "<156>Nov 21 05:50:01 web-0 peer[7]: {}", text(n)).unwrap();
        all
    });
    TcpStream::connect(("127.0.0.1", tcp)).unwrap().write_all(messages.as_bytes()).unwrap();
    for tag in ["udp", "lines", "counted", "unix"] {
        let records = pipeline.awaits(tag, RECORDS as usize);
        let arrived: Vec<&str> = records.iter().map(|record| record["message"].as_str().unwrap().trim()).collect();
        assert_eq!(arrived, (0..RECORDS).map(text).collect::<Vec<_>>(), "{tag}");
        for record in &records {
            let head = (&record["pri"], &record["host"], &record["ident"]);
            assert_eq!(head, (&"156".into(), &"web-0".into(), &"peer".into()), "{tag}: {record}");
        }
    }
    drop(rsyslog);
    pipeline.end();
}

/// rsyslog with a file for each way in: `udp`, `tcp` (either framing) and the socket `in.sock`.
fn files(place: &Path) -> (Running, [u16; 2], String, impl Fn(&str) -> PathBuf) {
    let (tcp, udp) = (port(), port());
    let socket = place.join("in.sock").display().to_string();
    let path = {
        let place = place.to_owned();
        move |name: &str| place.join(format!("{name}.out"))
    };
    let rules: String = ["udp", "tcp", "unix"]
        .map(|name| {
            let file = path(name);
            let file = file.display();
            format!("ruleset(name=\"{name}\") {{ action(type=\"omfile\" file=\"{file}\" template=\"parts\") }}\n")
        })
        .concat();
    let inputs = format!(
        "input(type=\"imudp\" address=\"127.0.0.1\" port=\"{udp}\" ruleset=\"udp\")\n\
         input(type=\"imuxsock\" Socket=\"{socket}\" ruleset=\"unix\" UseSpecialParser=\"off\" ParseHostname=\"on\" RateLimit.Interval=\"0\")\n\
         input(type=\"imtcp\" address=\"127.0.0.1\" port=\"{tcp}\" ruleset=\"tcp\")\n"
    );
    let running = rsyslog(place, &format!("{rules}{inputs}"), tcp);
    // Sockets for datagrams are made before it serves connections; the file of this one is seen, that port is not.
    until("rsyslog has its socket", PATIENCE, || Path::new(&socket).exists());
    (running, [udp, tcp], socket, path)
}

#[test]
fn rsyslog_writes_down_what_we_send_by_udp_tcp_and_unix_sockets() {
    if !installed() {
        return;
    }
    let place = place();
    let (_rsyslog, [udp, tcp], socket, file) = files(place.path());
    let log = place.path().join("in.log");
    let text = |n: u64| format!("n={n} says grüße to you");
    let written = (0..RECORDS).fold(String::new(), |mut all, n| {
        writeln!(
            all,
            "{}",
            json!({ "host": "shop/web-0", "old": "web-0", "app": "peer", "pid": 7, "message": text(n) })
        )
        .unwrap();
        all
    });
    std::fs::write(&log, written).unwrap();
    let ways = [
        ("udp", format!("Port {udp}"), "rfc5424", "host"),
        // The older form knows no slash in the name of a host.
        ("tcp", format!("Port {tcp}"), "rfc3164", "old"),
        ("tcp\n    Framing octet_counting", format!("Port {tcp}"), "rfc5424", "host"),
        ("unix", format!("Path {socket}"), "rfc5424", "host"),
    ];
    let outputs: String = ways
        .iter()
        .map(|(mode, at, format, host)| {
            format!(
                "[OUTPUT]\n    Name syslog\n    Match *\n    Mode {mode}\n    {at}\n    Syslog_Format {format}\n    Syslog_Hostname_Key {host}\n    \
                 Syslog_Appname_Key app\n    Syslog_Procid_Key pid\n    Syslog_Message_Key message\n    \
                 Syslog_Facility_Preset local3\n    Syslog_Severity_Preset warning\n"
            )
        })
        .collect();
    let input = format!(
        "[INPUT]\n    Name tail\n    Tag app\n    Path {}\n    Parser json\n    Read_from_Head on\n",
        log.display()
    );
    let pipeline = Pipeline::start(place.path(), &format!("{input}{outputs}"), &[]);
    let expected = |host: &str| (0..RECORDS).map(|n| format!("156|{host}|peer|7|{}", text(n))).collect::<Vec<_>>();
    // The two framings of TCP end in one file; their hosts tell them apart.
    for (name, host, count) in
        [("udp", "shop/web-0", 1), ("unix", "shop/web-0", 1), ("tcp", "shop/web-0", 2), ("tcp", "web-0", 2)]
    {
        until(&format!("{name} is written down"), PATIENCE, || lines(&file(name)).len() as u64 >= count * RECORDS);
        // The blank after the colon of the older form belongs to the text, as rsyslog has it.
        let arrived = lines(&file(name)).into_iter().map(|line| line.replacen("|7| n=", "|7|n=", 1));
        let arrived: Vec<String> = arrived.filter(|line| line.split('|').nth(1) == Some(host)).collect();
        assert_eq!(arrived, expected(host), "{name} {host}");
    }
    pipeline.end();
}

/// What an ELK deployment has at its second end, by both protocols: records of a beat, in rsyslog's files.
#[test]
fn records_of_a_beat_are_written_down_by_rsyslog() {
    if !installed() || !there("python3", &["-c", "import pylogbeat"], "pylogbeat (PyPI)") {
        return;
    }
    let place = place();
    let (_rsyslog, [udp, tcp], _, file) = files(place.path());
    let beats = port();
    let output = |mode: &str, port: u16| {
        format!(
            "[OUTPUT]\n    Name syslog\n    Match beats\n    Port {port}\n    Mode {mode}\n    Syslog_Format rfc5424\n    \
             Syslog_Hostname_Key host\n    Syslog_Message_Key message\n    Retry_Limit no_limits\n"
        )
    };
    let pipeline = Pipeline::start(
        place.path(),
        &format!(
            "[INPUT]\n    Name beats\n    Tag beats\n    Port {beats}\n{}{}",
            output("udp", udp),
            output("tcp", tcp)
        ),
        &[],
    );
    let mut command = script("python3", "beats.py");
    command.args([&beats.to_string(), &RECORDS.to_string(), "70", "-"]);
    start_command(command, "beats.py".to_owned()).wait(PATIENCE).expect(0);
    for name in ["udp", "tcp"] {
        until(&format!("{name} is written down"), PATIENCE, || lines(&file(name)).len() as u64 >= RECORDS);
        let expected: Vec<String> = (0..RECORDS).map(|n| format!("14|shop/web-0|-|-|grüße {n}")).collect();
        assert_eq!(lines(&file(name)), expected, "{name}");
    }
    pipeline.end();
}
