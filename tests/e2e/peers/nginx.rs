//! nginx: its access log as a file that the real logrotate rotates under it, and as datagrams into a Unix socket.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpStream,
    path::Path,
    process::Command,
};

use nix::sys::signal::Signal;
use serde_json::Value;

use super::stage::{PATIENCE, Pipeline, each_once, is_root, listens, port, program, there};
use crate::support::{Running, place, start_command, until};

/// Requests between two rotations, and rotations.
const REQUESTS: u64 = 300;
const ROTATIONS: u64 = 5;
/// Datagrams that fit into any queue of a socket: the smallest default is 10. Nothing may be lost for want of room here.
const AT_ONCE: u64 = 8;
const DATAGRAMS: u64 = 400;

fn installed() -> bool {
    there("nginx", &["-v"], "nginx")
}

/// A running nginx. A master that is killed leaves its workers behind, so it is asked to end, also when a test fails.
struct Nginx(Option<Running>);

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Some(master) = self.0.take() {
            master.signal(Signal::SIGTERM);
            master.wait(PATIENCE);
        }
    }
}

/// nginx with this `access_log`; everything it needs lies in `place`.
fn nginx(place: &Path, port: u16, access_log: &str) -> Nginx {
    let at = place.display();
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|name| format!("  {name}_temp_path {at}/{name};\n"))
        .concat();
    // Workers of a master that is root become another user, who may not go into the folder.
    let user = if is_root() { "user root;\n" } else { "" };
    let text = format!(
        "{user}daemon off;\npid {at}/nginx.pid;\nworker_processes 2;\nevents {{ worker_connections 64; }}\nhttp {{\n{temporary}  \
         log_format fields escape=json '{{\"n\":\"$arg_n\",\"status\":$status,\"agent\":\"$http_user_agent\"}}';\n  \
         access_log {access_log};\n  keepalive_requests 100000;\n  server {{ listen 127.0.0.1:{port}; location / {{ return 204; }} }}\n}}\n"
    );
    let (config, errors) = (place.join("nginx.conf"), place.join("error.log"));
    std::fs::write(&config, text).unwrap();
    let mut command = program("nginx");
    command.arg("-e").arg(errors).arg("-p").arg(place).arg("-c").arg(&config);
    let running = start_command(command, format!("nginx -c {}", config.display()));
    listens("nginx", port);
    Nginx(Some(running))
}

/// A client that asks for one thing after the other on one connection.
struct Client(BufReader<TcpStream>);

impl Client {
    fn connect(port: u16) -> Self {
        Self(BufReader::new(TcpStream::connect(("127.0.0.1", port)).unwrap()))
    }

    fn ask(&mut self, n: u64) {
        let request = format!("GET /r?n={n} HTTP/1.1\r\nHost: peer\r\nUser-Agent: says \"grüße\"\r\n\r\n");
        self.0.get_mut().write_all(request.as_bytes()).unwrap();
        let mut line = String::new();
        self.0.read_line(&mut line).unwrap();
        assert!(line.starts_with("HTTP/1.1 204"), "{line}");
        while !line.trim_end().is_empty() {
            line.clear();
            self.0.read_line(&mut line).unwrap();
        }
    }
}

#[test]
fn nginx_writes_a_file_that_logrotate_rotates_and_every_request_arrives_once() {
    if !installed() || !there("logrotate", &["--version"], "logrotate") {
        return;
    }
    let place = place();
    let at = port();
    let log = place.path().join("access.log");
    let input = format!(
        "[INPUT]\n    Name tail\n    Tag nginx\n    Path {}\n    DB {}\n    Parser nginx\n    Read_from_Head on\n    \
         Refresh_Interval 1\n    Rotate_Wait 5\n",
        log.display(),
        place.path().join("tail.db").display()
    );
    let pipeline = Pipeline::taking(place.path(), &input);
    let _nginx = nginx(place.path(), at, &format!("{} combined", log.display()));
    let mut client = Client::connect(at);
    let mut next = 0;
    for rotation in 0..=ROTATIONS {
        for _ in 0..REQUESTS {
            client.ask(next);
            next += 1;
        }
        if rotation < ROTATIONS {
            // First its worker has to hear of the rotation before: what it writes to a file that is compressed by then is lost.
            until("nginx writes the new file", PATIENCE, || {
                let is_written = std::fs::metadata(&log).is_ok_and(|about| about.len() > 0);
                if !is_written {
                    client.ask(next);
                    next += 1;
                }
                is_written
            });
            rotate(place.path(), &log);
        }
    }
    assert!(place.path().join("access.log.2.gz").exists(), "logrotate rotated and compressed");
    let records = pipeline.awaits("nginx", next as usize);
    each_once("nginx", next, records.iter().map(requested));
    for record in &records {
        assert_eq!((&record["code"], &record["method"]), (&"204".into(), &"GET".into()), "{record}");
    }
    pipeline.end();
}

fn requested(record: &Value) -> u64 {
    let path = record["path"].as_str().unwrap_or_else(|| panic!("no path: {record}"));
    path.strip_prefix("/r?n=").and_then(|n| n.parse().ok()).unwrap_or_else(|| panic!("not asked for: {record}"))
}

/// Rename, create, tell nginx to reopen; the archive is compressed one rotation later, as nginx may still write.
fn rotate(place: &Path, log: &Path) {
    let rules = place.join("logrotate.conf");
    let text = format!(
        "{} {{\n  rotate 20\n  create\n  compress\n  delaycompress\n  nodateext\n  postrotate\n    kill -USR1 $(cat {})\n  \
         endscript\n}}\n",
        log.display(),
        place.join("nginx.pid").display()
    );
    std::fs::write(&rules, text).unwrap();
    let mut command = Command::new("logrotate");
    command.arg("-f").arg("-s").arg(place.join("logrotate.state")).arg(&rules);
    start_command(command, format!("logrotate -f {}", rules.display())).wait(PATIENCE).expect(0);
}

#[test]
fn nginx_sends_datagrams_into_our_socket_and_every_request_arrives_in_order() {
    if !installed() {
        return;
    }
    let place = place();
    let (at, socket) = (port(), place.path().join("log.sock"));
    let input = format!(
        "[INPUT]\n    Name syslog\n    Tag nginx\n    Mode unix_udp\n    Path {}\n    Unix_Perm 0666\n    Parser syslog-rfc3164\n\
         [FILTER]\n    Name parser\n    Match nginx\n    Key_Name message\n    Parser json\n    Reserve_Data on\n",
        socket.display()
    );
    let pipeline = Pipeline::taking(place.path(), &input);
    let _nginx = nginx(place.path(), at, &format!("syslog:server=unix:{},tag=nginx fields", socket.display()));
    let mut client = Client::connect(at);
    for n in 0..DATAGRAMS {
        client.ask(n);
        if n % AT_ONCE == AT_ONCE - 1 {
            pipeline.awaits("nginx", n as usize + 1);
        }
    }
    let records = pipeline.records("nginx");
    for (n, record) in records.iter().enumerate() {
        assert_eq!(record["n"], n.to_string(), "{record}");
        // local7 is 23, info 6: what nginx sends unless told otherwise.
        assert_eq!((&record["pri"], &record["ident"]), (&"190".into(), &"nginx".into()), "{record}");
        assert_eq!((&record["status"], &record["agent"]), (&204.into(), &"says \"grüße\"".into()), "{record}");
    }
    let errors = std::fs::read_to_string(place.path().join("error.log")).unwrap();
    assert!(!errors.contains("failed"), "{errors}");
    pipeline.end();
}
