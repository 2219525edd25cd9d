//! The real nginx on a Unix datagram socket: each line that the socket does not take is a line in its error log, so that the loss
//! at the source is known within the number of connections in flight.

#![expect(clippy::print_stdout, reason = "a test that is skipped says why")]

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    os::unix::net::UnixDatagram,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use loadgen::front::{
    LogFormat, Outlet,
    nginx::{Nginx, NginxPlan},
};

const CONNECTIONS: usize = 64;
const ROUNDS: usize = 100;
const ASK: &[u8] = b"GET /orders HTTP/1.1\r\nHost: bench\r\n\r\n";

/// Asks on all connections at once, and again once all are answered: so many requests are in flight, and as many lines
/// leave nginx back to back. How many were answered, which is told meanwhile, too.
fn ask(at: SocketAddr, so_far: &AtomicU64) -> u64 {
    let mut connections: Vec<TcpStream> = (0..CONNECTIONS).map(|_| TcpStream::connect(at).expect("reached")).collect();
    let mut answered = 0;
    let mut answer = [0; 4096];
    for _ in 0..ROUNDS {
        for connection in &mut connections {
            connection.write_all(ASK).expect("sent");
        }
        for connection in &mut connections {
            let mut got = 0;
            while !answer[..got].ends_with(b"ok\n") {
                match connection.read(&mut answer[got..]).expect("an answer") {
                    0 => panic!("nginx closed the connection"),
                    count => got += count,
                }
            }
            answered += 1;
        }
        so_far.store(answered, Ordering::Release);
    }
    answered
}

#[test]
fn what_nginx_says_it_dropped_is_what_is_missing_within_the_connections_in_flight() {
    if Nginx::program().is_none() {
        #[expect(clippy::disallowed_methods, reason = "where tests run is told by the environment")]
        let must_run = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!must_run, "nginx is not installed: run .ci/peers, CI must run this test");
        println!("skipped: nginx is not installed");
        return;
    }
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("in.sock");
    let socket = UnixDatagram::bind(&path).expect("bound");
    socket.set_read_timeout(Some(Duration::from_millis(20))).expect("set");
    let plan = NginxPlan {
        dir: dir.path().join("nginx"),
        log: dir.path().join("access.log"),
        format: LogFormat::Combined,
        buffer: None,
        outlet: Outlet::Syslog(path),
        workers: 1,
        leash: Vec::new(),
    };
    let nginx = Nginx::start(&plan).expect("it starts");
    let queue = loadgen::send::datagram_queue_max().expect("Linux tells");
    let (done, so_far) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let (told, asked) = (Arc::clone(&done), Arc::clone(&so_far));
    let reader = std::thread::spawn(move || {
        let (mut count, mut buffer) = (0u64, vec![0; 65_536]);
        // Nobody reads before more is logged than the queue holds; of those that are answered, the last may not be logged yet.
        while asked.load(Ordering::Acquire) <= queue + 1 + CONNECTIONS as u64 && !told.load(Ordering::Acquire) {
            std::thread::park_timeout(Duration::from_millis(1));
        }
        // Everything is there once nginx has ended: a look that finds nothing after that is the last.
        loop {
            let is_last = told.load(Ordering::Acquire);
            match socket.recv(&mut buffer) {
                Ok(_) => count += 1,
                Err(_) if is_last => return count,
                Err(_) => {}
            }
        }
    });
    let answered = ask(nginx.addr(), &so_far);
    let dropped = nginx.stop().expect("its error log");
    done.store(true, Ordering::Release);
    let read = reader.join().expect("no panic");
    println!("answered {answered}, read {read}, nginx says it dropped {dropped}");
    assert!(dropped > 0 || queue > answered / 2, "a queue of {queue} held {answered} lines");
    assert!(answered.abs_diff(read + dropped) <= CONNECTIONS as u64, "{answered} = {read} + {dropped}?");
}
