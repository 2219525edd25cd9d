mod answers;
mod connections;

use std::{
    io::{Read, Write},
    net::{TcpListener, TcpStream},
};

use super::*;
use crate::{
    pace::Pace,
    payload::Size,
    trial::{RUN, ledger, own_address, until, until_it_rests},
    write::StreamPlan,
};

const S0: StreamId = StreamId(0);

fn load(per_s: f64, streams: usize) -> LoadPlan {
    let stream =
        |at| StreamPlan { body: Body::Request, size: Size::Fixed(140), ..StreamPlan::new(&format!("web-{at}")) };
    let pace = Pace::Steady { per_s };
    LoadPlan {
        run: RUN,
        seed: 3,
        pace,
        root: "/nonexistent".into(),
        streams: (0..streams).map(stream).collect(),
        threads: 1,
    }
}

/// Serves one connection after the other.
fn listen(mut serve: impl FnMut(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        // The test drops its connections, then nobody comes any more; the thread ends with the test's process.
        for stream in listener.incoming() {
            serve(stream.expect("a client"));
        }
    });
    at
}

/// Reads the head of a request; false if none comes.
fn is_asked(stream: &mut TcpStream) -> bool {
    let mut head = Vec::new();
    let mut byte = [0; 1];
    while !head.ends_with(b"\r\n\r\n") {
        if !stream.read(&mut byte).is_ok_and(|read| read == 1) {
            return false;
        }
        head.push(byte[0]);
    }
    true
}

/// Answers each request of each connection as `answer` says, by its number from 0; `None` closes the connection.
fn server(answer: impl Fn(u64) -> Option<&'static str> + Send + 'static) -> SocketAddr {
    let mut number = 0;
    listen(move |mut stream| {
        while is_asked(&mut stream) {
            number += 1;
            match answer(number - 1) {
                Some(answer) if stream.write_all(answer.as_bytes()).is_ok() => {}
                _ => return,
            }
        }
    })
}

const OK: &str = "HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nok\n";
const OOPS: &str = "HTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n";
const LAST: &str = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";

fn drive(to: SocketAddr, per_s: f64, told: Told) -> (Driver, Arc<Ledger>) {
    drive_within(Duration::from_millis(300), to, per_s, told)
}

fn drive_within(answer_within: Duration, to: SocketAddr, per_s: f64, told: Told) -> (Driver, Arc<Ledger>) {
    let ledger = ledger(1);
    let plan = DrivePlan { answer_within, told, ..DrivePlan::new(to, vec![S0]) };
    let driver = Driver::start(&plan, &load(per_s, 1), Arc::clone(&ledger), RunClock::start()).expect("started");
    (driver, ledger)
}

#[test]
fn whoever_answers_logs_whatever_the_status() {
    let to = server(|number| Some(if number % 3 == 2 { OOPS } else { OK }));
    let (driver, ledger) = drive(to, 2_000.0, Told::ByAnswer);
    until("answers", || driver.counters().answered >= 60);
    let report = driver.stop();
    let totals = ledger.totals();
    assert_eq!((totals.written, totals.source_lost), (report.counters.answered, 0));
    assert_eq!(report.counters.not_ok, report.counters.answered / 3);
    assert_eq!(report.load.streams[0].records, report.counters.asked);
    assert!(report.answers.p50_us > 0 && report.answers.max_us >= report.answers.p99_us);
}

#[test]
fn a_connection_that_is_closed_behind_an_answer_costs_nothing() {
    let to = server(|number| Some(if number % 5 == 4 { LAST } else { OK }));
    let (driver, ledger) = drive(to, 1_000.0, Told::ByAnswer);
    until("answers", || driver.counters().answered >= 50);
    let report = driver.stop();
    assert!(report.counters.connections >= 10, "{report:?}");
    assert_eq!((ledger.totals().source_lost, report.counters.failed), (0, 0));
}

#[test]
fn a_front_end_that_is_not_there_loses_records_at_the_source_with_the_systems_words() {
    let closed = TcpListener::bind(own_address(1)).expect("a port").local_addr().expect("bound");
    let (driver, ledger) = drive(closed, 1_000.0, Told::ByFront);
    until("losses", || ledger.totals().source_lost >= 3);
    let report = driver.stop();
    let books = ledger.snapshot();
    let why = books.streams()[0].source_lost_why();
    assert_eq!(why.values().sum::<u64>(), report.counters.asked);
    assert!(why.keys().all(|why| why.starts_with("connect: Connection refused")), "{why:?}");
    assert_eq!((report.doubts.len(), report.load.error_count), (0, report.counters.asked));
}

#[test]
fn a_request_whose_connection_broke_is_in_doubt_if_the_front_end_can_tell_and_lost_at_the_source_if_not() {
    for told in [Told::ByFront, Told::ByAnswer] {
        let to = server(|number| (number % 4 != 3).then_some(OK));
        let (driver, ledger) = drive(to, 1_000.0, told);
        until("breaks", || driver.counters().failed >= 5);
        let report = driver.stop();
        let (failed, lost) = (report.counters.failed, ledger.totals().source_lost);
        let expected = if told == Told::ByFront { (failed as usize, 0) } else { (0, failed) };
        assert_eq!((report.doubts.len(), lost), expected);
        assert_eq!(report.counters.answered + failed, report.counters.asked);
    }
}

#[test]
fn a_front_end_that_never_answers_is_given_up_and_does_not_keep_the_load_from_ending() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let to = listener.local_addr().expect("bound");
    let plan = DrivePlan { answer_within: Duration::from_millis(300), ..DrivePlan::new(to, vec![S0]) };
    let driver = Driver::start(&plan, &load(100.0, 1), ledger(1), RunClock::start()).expect("started");
    until("no answer in time", || driver.counters().failed >= 1);
    let clock = RunClock::start();
    let report = driver.stop();
    assert!(clock.now_us() < 20_000_000);
    assert!(report.doubts.iter().all(|doubt| doubt.why == "request: no answer in time"), "{:?}", report.doubts);
}

#[test]
fn latency_counts_from_when_a_request_was_due() {
    // One answer in the middle takes 200 ms; at 1000/s two hundred requests fall due behind it.
    let to = server(|number| {
        if number == 100 {
            let clock = RunClock::start();
            while clock.now_us() < 200_000 {
                clock.park_until(200_000);
            }
        }
        Some(OK)
    });
    let (driver, _) = drive(to, 1_000.0, Told::ByAnswer);
    until("answers", || driver.counters().answered >= 600);
    let report = driver.stop();
    assert!(report.answers.max_us >= 200_000, "{:?}", report.answers);
    assert!(report.answers.p90_us >= 50_000, "those that waited behind it waited too: {:?}", report.answers);
    let late = report.load.late;
    assert!(late.max_us >= 150_000 && late.share > 0.0, "they left later than they were to: {late:?}");
}

#[test]
fn a_pace_of_nothing_pauses_and_a_stream_that_is_no_request_is_refused() {
    let (driver, _) = drive(server(|_| Some(OK)), 2_000.0, Told::ByAnswer);
    until("answers", || driver.counters().answered >= 20);
    driver.set_rate(0.0);
    let asked = until_it_rests("the pause", || driver.counters().asked);
    driver.set_rate(2.0);
    until("more answers", || driver.counters().asked > asked + 50);

    let mut load = load(1.0, 1);
    load.streams[0].body = Body::AppText;
    let plan = DrivePlan::new(driver.shared.to, vec![S0]);
    let refused = Driver::start(&plan, &load, ledger(1), RunClock::start());
    assert!(matches!(refused, Err(DriveError::NoRequest(0))));
}

#[test]
fn nothing_is_asked_before_the_reader_of_the_log_is_there_and_then_nothing_is_late() {
    let dir = tempfile::tempdir().expect("a folder with a short name");
    let path = dir.path().join("log.sock");
    let (ledger, clock) = (ledger(1), RunClock::start());
    let plan = DrivePlan { after: Some(path.clone()), ..DrivePlan::new(server(|_| Some(OK)), vec![S0]) };
    let driver = Driver::start(&plan, &load(1_000.0, 1), Arc::clone(&ledger), clock).expect("started");
    let there_us = clock.now_us() + 300_000;
    while clock.now_us() < there_us {
        clock.park_until(there_us);
    }
    assert_eq!(driver.counters().asked, 0);
    let there_us = clock.now_us();
    let _reader = std::os::unix::net::UnixDatagram::bind(&path).expect("bound");
    until("requests", || driver.counters().answered > 50);
    // From the begin of the schedule, not from the start of the driver: otherwise 300 would have been due at once, and the
    // first of them would be later than the reader is old. (Of a latency three digits are kept.)
    let (late, old) = (driver.stop().answers.max_us, clock.now_us() - there_us);
    assert!(late <= old + old / 100, "{late} us, and the reader was there for {old}");
}
