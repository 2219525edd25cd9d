use std::collections::BTreeSet;

use results::event::{Generation, GenerationEnd, What};
use tempfile::TempDir;

use super::{trial::Requests, *};
use crate::{
    drive::{DrivePlan, DriveReport, Driver},
    payload::Body,
    trial::{RUN, until},
};

const PATIENCE: Duration = Duration::from_secs(20);

struct Bench {
    requests: Requests,
    ledger: Arc<Ledger>,
    front: Front,
    driver: Driver,
}

fn bench(per_s: f64, bodies: &[Body], change: impl FnOnce(&mut FrontPlan)) -> Bench {
    let requests = Requests::new(per_s, bodies);
    let (ledger, clock) = (Arc::clone(&requests.ledger), requests.clock);
    let mut plan = FrontPlan {
        streams: requests.ids.clone(),
        run: RUN,
        paths: requests.paths.clone(),
        root: requests.load.root.clone(),
        framing: Framing::Plain,
        format: LogFormat::Combined,
        buffer: None,
        outlet: Outlet::File,
        max_size: None,
        label: None,
    };
    change(&mut plan);
    let observer = Arc::clone(&requests.observer);
    let front = Front::start(plan, Arc::clone(&ledger), clock, observer, Arc::new(|_| {})).expect("started");
    let drive = DrivePlan::new(front.addr(), requests.ids.clone());
    let driver = Driver::start(&drive, &requests.load, Arc::clone(&ledger), clock).expect("started");
    Bench { requests, ledger, front, driver }
}

impl Bench {
    fn written(&self) -> u64 {
        self.ledger.streams().iter().map(|sample| sample.0).sum()
    }

    fn more(&self, records: u64) {
        let from = self.written();
        until("more requests", || self.written() >= from + records);
    }

    /// Stops; what the driver did, and what lies in the logs, booked as if an agent had delivered it.
    fn end(self) -> (DriveReport, LoadReport, Arc<Ledger>, Vec<What>, TempDir) {
        let driven = self.driver.stop();
        let logged = self.front.stop(&driven.doubts);
        self.requests.deliver_logs();
        (driven, logged, self.ledger, self.requests.events(), self.requests.dir)
    }
}

fn assert_exact(ledger: &Ledger, driven: &DriveReport) {
    let totals = ledger.totals();
    assert_eq!(totals.delivered, driven.counters.asked, "{totals:?}");
    assert_eq!(
        (totals.lost, totals.duplicated, totals.corrupted, totals.unexpected, totals.source_lost),
        (0, 0, 0, 0, 0)
    );
    assert_eq!((totals.sent, totals.written, totals.reordered), (totals.delivered, totals.delivered, 0));
}

#[test]
fn every_request_is_in_the_log_once_in_every_format_and_is_found_there() {
    for format in [LogFormat::Combined, LogFormat::Json, LogFormat::Logfmt, LogFormat::Ltsv] {
        let bench = bench(4_000.0, &[Body::Request, Body::Request, Body::Probe], |plan| plan.format = format);
        bench.more(300);
        let (driven, logged, ledger, _, _dir) = bench.end();
        assert_exact(&ledger, &driven);
        assert!(driven.counters.answered == driven.counters.asked && driven.counters.connections == 3);
        assert_eq!((driven.load.error_count, logged.error_count, driven.doubts.len()), (0, 0, 0));
        assert_eq!(logged.streams[0].records, driven.counters.asked);
    }
}

#[test]
fn probes_ask_for_exactly_what_liveness_probes_ask_for() {
    let bench = bench(1_000.0, &[Body::Probe], |_| {});
    bench.more(20);
    let (.., dir) = bench.end();
    let log = std::fs::read_to_string(dir.path().join("logs/access.log")).expect("a log");
    assert!(
        log.lines().all(|line| line.contains(r#""GET /healthcheck HTTP/1.1" 200 3 "-" "kube-probe/1.33 tp1-"#)),
        "{log}"
    );
}

#[test]
fn a_log_that_is_reopened_again_and_again_holds_every_request_in_one_file_or_the_other() {
    for buffer in [None, Some(Buffer { bytes: 4_096, flush: Duration::from_millis(20) })] {
        let bench = bench(5_000.0, &[Body::Request; 4], |plan| plan.buffer = buffer);
        let live = bench.front.paths().live.clone();
        for turn in 1..=5 {
            bench.more(200);
            std::fs::rename(&live, live.with_extension(format!("log.{turn}"))).expect("renamed");
            bench.front.reopen_as(None, None, Duration::from_millis(2)).wait(PATIENCE).expect("reopened");
        }
        bench.more(100);
        let (driven, logged, ledger, events, _dir) = bench.end();
        assert_exact(&ledger, &driven);
        assert_eq!(logged.streams[0].generations, 6);
        let opened: Vec<&Generation> = events
            .iter()
            .filter_map(|what| match what {
                What::GenerationOpened(opened) if opened.stream == StreamId(2) => Some(opened),
                _ => None,
            })
            .collect();
        let closed: Vec<&GenerationEnd> = events
            .iter()
            .filter_map(|what| match what {
                What::GenerationClosed(closed) if closed.stream == StreamId(2) => Some(closed),
                _ => None,
            })
            .collect();
        assert_eq!((opened.len(), closed.len()), (6, 6));
        assert!(opened.iter().skip(1).zip(&closed).all(|(next, end)| next.first_seq == end.end_seq));
        assert!(opened.iter().map(|opened| opened.first_seq).collect::<BTreeSet<_>>().len() > 3);
    }
}

#[test]
fn lines_wait_for_a_closed_log_and_are_written_to_the_next_one() {
    let bench = bench(2_000.0, &[Body::Request, Body::Request], |plan| plan.framing = Framing::Cri);
    bench.more(50);
    bench.front.close().wait(PATIENCE).expect("closed");
    assert_eq!(bench.front.file_size(), None);
    let (written, answered) = (bench.written(), bench.driver.counters().answered);
    until("answers without a log", || bench.driver.counters().answered > answered + 50);
    assert_eq!(bench.written(), written);
    bench.front.reopen_as(None, None, Duration::ZERO).wait(PATIENCE).expect("reopened");
    bench.more(50);
    let (driven, _, ledger, _, dir) = bench.end();
    let log = std::fs::read_to_string(dir.path().join("logs/access.log")).expect("a log");
    assert_eq!(log.lines().count() as u64, driven.counters.asked);
    assert!(log.lines().all(|line| line.as_bytes()[30..].starts_with(b" stdout F 127.0.0.1 - - [")), "{log}");
    assert_exact(&ledger, &driven);
}

#[test]
fn what_a_buffer_holds_is_not_yet_written() {
    let buffer = Buffer { bytes: 32 << 20, flush: Duration::from_secs(600) };
    let bench = bench(2_000.0, &[Body::Request], |plan| plan.buffer = Some(buffer));
    until("answers", || bench.driver.counters().answered > 50);
    assert_eq!((bench.written(), bench.front.file_size()), (0, Some(0)));
    let (driven, _, ledger, ..) = bench.end();
    assert_exact(&ledger, &driven);
}

#[test]
fn a_request_that_the_front_end_never_saw_is_lost_at_the_source_and_one_it_logged_is_not() {
    let bench = bench(2_000.0, &[Body::Request], |_| {});
    bench.more(20);
    let Bench { requests: _requests, ledger, front, driver } = bench;
    let driven = driver.stop();
    let asked = driven.counters.asked;
    let doubt = |seq| Doubt { stream: StreamId(0), seq, why: "request: Connection reset by peer".to_owned() };
    ledger.sent(StreamId(0), asked + 1);
    front.stop(&[doubt(3), doubt(asked)]);
    assert_eq!(ledger.totals().source_lost, 1);
    let books = ledger.snapshot();
    assert_eq!(
        books.streams()[0].source_lost().iter().map(|lost| (lost.start, lost.end)).collect::<Vec<_>>(),
        [(asked, asked + 1)]
    );
}

#[test]
fn a_line_that_does_not_fit_the_disk_is_lost_at_the_source() {
    // A device that is always full stands for the disk.
    let bench = bench(2_000.0, &[Body::Request], |_| {});
    bench.more(20);
    bench.front.reopen_as(Some("/dev/full".into()), None, Duration::ZERO).wait(PATIENCE).expect("opened");
    until("losses", || bench.ledger.totals().source_lost > 10);
    bench.front.reopen_as(None, None, Duration::ZERO).wait(PATIENCE).expect("opened");
    let (driven, logged, ledger, ..) = bench.end();
    assert!(logged.error_count > 10 && logged.errors[0].error.contains("No space left on device"));
    let totals = ledger.totals();
    assert_eq!(totals.delivered + totals.source_lost, driven.counters.asked);
    assert_eq!((totals.lost, totals.corrupted), (0, 0));
}

#[test]
fn datagrams_that_a_full_socket_drops_are_lost_at_the_source_each_by_name() {
    let dir = tempfile::tempdir().expect("a folder with a short name");
    let path = dir.path().join("log.sock");
    let reader = std::os::unix::net::UnixDatagram::bind(&path).expect("bound");
    let bench = bench(2_000.0, &[Body::Request, Body::Request], |plan| {
        plan.outlet = Outlet::Syslog(path.clone());
        plan.format = LogFormat::Json;
    });
    until("drops", || bench.ledger.totals().source_lost > 20);
    let (driven, _, ledger, ..) = bench.end();
    reader.set_nonblocking(true).expect("it can");
    let (mut message, mut arrived) = ([0; 4_096], 0);
    while let Ok(len) = reader.recv(&mut message) {
        assert!(message[..len].starts_with(b"<190>"));
        arrived += 1;
    }
    let totals = ledger.totals();
    assert_eq!(arrived + totals.source_lost, driven.counters.asked);
    assert_eq!(totals.expected, arrived);
}
