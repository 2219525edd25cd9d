//! What servers do to connections, and what becomes of the requests.

use std::sync::mpsc;

use super::*;

/// Answers every request in pieces that arrive one by one, the answers in turn.
fn in_pieces(answers: Vec<Vec<Vec<u8>>>) -> SocketAddr {
    let clock = RunClock::start();
    listen(move |mut stream| {
        stream.set_nodelay(true).expect("a socket");
        for answer in answers.iter().cycle() {
            if !is_asked(&mut stream) {
                return;
            }
            for piece in answer {
                if stream.write_all(piece).is_err() {
                    return;
                }
                clock.park_until(clock.now_us() + 1_000);
            }
        }
    })
}

#[test]
fn answers_of_all_shapes_are_read_to_their_end_on_one_connection() {
    let pieces = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect::<Vec<_>>();
    let long = [b"HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n".to_vec(), vec![b'x'; 1_000_000]];
    let answers = vec![
        pieces(&["HTTP/1.1 200 OK\r\ncontent-le", "ngth: 6\r\n\r\nab", "cd", "ef"]),
        pieces(&["HTTP/1.1 204 No Content\r\n\r\n"]),
        pieces(&["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", "2\r\nde", "\r\n0\r\n", "\r\n"]),
        pieces(&["HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n", OK]),
        long.to_vec(),
        pieces(&[
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntrailer: a\r\n\r\n1\r\nx\r\n1\r\ny\r\n0\r\na: b\r\n\r\n",
        ]),
        pieces(&["HTTP/1.1 304 Not Modified\r\ncontent-length: 9\r\n\r\n"]),
    ];
    let (driver, ledger) = drive(in_pieces(answers), 500.0, Told::ByAnswer);
    until("answers", || driver.counters().answered >= 42);
    let DriveReport { counters, doubts, .. } = driver.stop();
    assert_eq!((counters.connections, counters.failed, doubts.len()), (1, 0, 0));
    assert_eq!((counters.not_ok, ledger.totals().written), (counters.answered / 7, counters.asked));
}

#[test]
fn a_server_that_closes_after_each_answer_gets_a_connection_for_each_request() {
    for answer in [LAST, "HTTP/1.0 200 OK\r\n\r\nuntil the end"] {
        let to = listen(move |mut stream| {
            if is_asked(&mut stream) {
                stream.write_all(answer.as_bytes()).expect("the client waits");
            }
        });
        let (driver, ledger) = drive(to, 1_000.0, Told::ByAnswer);
        until("answers", || driver.counters().answered >= 50);
        let DriveCounters { asked, answered, connections, failed, .. } = driver.stop().counters;
        assert_eq!((answered, connections, failed), (asked, asked, 0), "{answer}");
        assert_eq!(ledger.totals().source_lost, 0);
    }
}

#[test]
fn an_idle_connection_that_the_server_closes_is_closed_at_once_and_replaced_when_one_is_needed() {
    let (closed, took) = mpsc::channel();
    let to = listen(move |mut stream| {
        assert!(is_asked(&mut stream));
        stream.write_all(OK.as_bytes()).expect("the client waits");
        stream.set_read_timeout(Some(Duration::from_millis(50))).expect("a socket");
        if !is_asked(&mut stream) {
            let clock = RunClock::start();
            stream.shutdown(std::net::Shutdown::Write).expect("open until now");
            stream.set_read_timeout(Some(Duration::from_secs(5))).expect("a socket");
            assert!(!is_asked(&mut stream), "there is nobody any more who could answer");
            let _ = closed.send(clock.now_us());
        }
    });
    // Half a second between two requests.
    let (driver, _) = drive(to, 2.0, Told::ByAnswer);
    for _ in 0..3 {
        let took_us = took.recv_timeout(Duration::from_secs(10)).expect("the client closes too");
        assert!(took_us < 300_000, "before the next request is due: {took_us} us");
    }
    let DriveCounters { asked, answered, connections, failed, .. } = driver.stop().counters;
    assert_eq!((answered, connections, failed), (asked, asked, 0));
}

#[test]
fn a_connection_that_the_server_resets_between_requests_costs_nothing() {
    let to = listen(|mut stream| {
        assert!(is_asked(&mut stream));
        stream.write_all(OK.as_bytes()).expect("the client waits");
        stream.set_read_timeout(Some(Duration::from_millis(20))).expect("a socket");
        is_asked(&mut stream);
        socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).expect("a socket");
    });
    let (driver, ledger) = drive(to, 10.0, Told::ByAnswer);
    until("answers", || driver.counters().answered >= 5);
    let DriveCounters { asked, answered, connections, failed, .. } = driver.stop().counters;
    assert_eq!((answered, connections, failed, ledger.totals().source_lost), (asked, asked, 0, 0));
}

#[test]
fn what_nobody_asked_for_is_no_answer_to_the_next_request() {
    let twice = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 500 Oops\r\ncontent-length: 0\r\n\r\n";
    let (driver, _) = drive(server(move |_| Some(twice)), 1_000.0, Told::ByAnswer);
    until("answers", || driver.counters().answered >= 50);
    let DriveCounters { asked, answered, not_ok, connections, .. } = driver.stop().counters;
    assert_eq!((answered, not_ok, connections), (asked, 0, asked));
}

#[test]
fn what_is_no_http_breaks_the_connection_in_words() {
    let (driver, _) = drive(server(|_| Some("220 mail.example ESMTP\r\n")), 100.0, Told::ByFront);
    until("failures", || driver.counters().failed >= 3);
    let report = driver.stop();
    assert_eq!(report.counters.connections, report.counters.asked);
    assert!(report.doubts.iter().all(|doubt| doubt.why.starts_with("request: the answer is no HTTP/1")), "{report:?}");
}

#[test]
fn an_answer_that_stops_half_way_is_cut_and_the_next_request_goes_on_elsewhere() {
    let (cut, is_cut) = mpsc::channel();
    let mut connections = 0;
    let to = listen(move |mut stream| {
        connections += 1;
        // The second answer of each of the first three: some of it, all that there is if only one knew, nothing.
        let half = ["HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf", "HTTP/1.1 200 OK\r\n\r\nwhole?", ""];
        let half = half.get(connections - 1);
        let mut number = 0;
        while is_asked(&mut stream) {
            number += 1;
            let answer = half.filter(|_| number == 2).copied().unwrap_or(OK);
            if stream.write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
        let _ = cut.send(number);
    });
    // Long enough for the other answers on a machine that is busy.
    let (driver, _) = drive_within(Duration::from_secs(1), to, 1_000.0, Told::ByFront);
    for _ in 0..3 {
        assert_eq!(is_cut.recv_timeout(Duration::from_secs(10)), Ok(2), "the connection was ended");
    }
    until("answers from the fourth connection", || driver.counters().answered >= 50);
    let DriveReport { counters, doubts, .. } = driver.stop();
    assert_eq!((counters.connections, counters.failed, counters.answered), (4, 3, counters.asked - 3));
    let doubts: Vec<_> = doubts.iter().map(|doubt| (doubt.seq, doubt.why.as_str())).collect();
    assert_eq!(doubts, [1, 3, 5].map(|seq| (seq, "request: no answer in time")));
}

#[test]
fn the_end_of_the_load_is_kept_waiting_for_a_second_by_a_silent_server_and_by_one_that_takes_no_connection() {
    let silent = TcpListener::bind("127.0.0.1:0").expect("a port");
    let full = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).expect("a socket");
    full.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
    full.listen(0).expect("listens");
    let full = TcpListener::from(full);
    let at = full.local_addr().expect("bound");
    let connect = || TcpStream::connect_timeout(&at, Duration::from_millis(200)).ok();
    let waiting: Vec<TcpStream> = std::iter::from_fn(connect).take(100).collect();
    assert!(waiting.len() < 100, "the system takes connections that nobody takes");

    for (to, why) in [(silent.local_addr().expect("bound"), "request: no answer in time"), (at, "connect: timed out")] {
        let (driver, ledger) = drive_within(Duration::from_secs(10), to, 100.0, Told::ByAnswer);
        until("a request", || driver.counters().asked == 1);
        let clock = RunClock::start();
        let report = driver.stop();
        let took_us = clock.now_us();
        assert!((900_000..3_000_000).contains(&took_us), "{took_us} us");
        assert_eq!((report.counters.failed, ledger.totals().source_lost), (1, 1));
        let books = ledger.snapshot();
        let told = books.streams()[0].source_lost_why();
        assert!(told.keys().all(|told| told.starts_with(why)), "{told:?}");
    }
}
