use std::{collections::BTreeSet, path::Path, sync::mpsc};

use results::event::{Generation, GenerationEnd, What};
use tempfile::TempDir;

use super::*;
use crate::{
    drive::{DrivePlan, DriveReport, Driver},
    pace::Pace,
    payload::{Body, Size},
    receive::{Format, Keys, decode::Decoder},
    trial::{RUN, ledger, place, until},
    write::{LoadPlan, StreamPlan},
};

const PATIENCE: Duration = Duration::from_secs(20);

struct Bench {
    dir: TempDir,
    load: LoadPlan,
    ledger: Arc<Ledger>,
    clock: RunClock,
    front: Front,
    driver: Driver,
    events: mpsc::Receiver<What>,
}

fn bench(per_s: f64, bodies: &[Body], change: impl FnOnce(&mut FrontPlan)) -> Bench {
    let dir = place();
    let root = dir.path().to_owned();
    let stream = |(at, body): (usize, &Body)| StreamPlan {
        body: *body,
        size: Size::Fixed(140),
        ..StreamPlan::new(&format!("web-{at}"))
    };
    let streams: Vec<StreamPlan> = bodies.iter().enumerate().map(stream).collect();
    let load = LoadPlan { run: RUN, seed: 3, pace: Pace::Steady { per_s }, root: root.clone(), streams, threads: 1 };
    let (ledger, clock) = (ledger(bodies.len()), RunClock::start());
    let ids: Vec<StreamId> = (0..bodies.len() as u16).map(StreamId).collect();
    let mut plan = FrontPlan {
        streams: ids.clone(),
        run: RUN,
        paths: StreamPaths::new(&root, Framing::Plain, "access", 3),
        root,
        framing: Framing::Plain,
        format: LogFormat::Combined,
        buffer: None,
        outlet: Outlet::File,
        max_size: None,
        label: None,
    };
    change(&mut plan);
    let (tell, events) = mpsc::channel();
    let observer: Observer = Arc::new(move |what| {
        let _ = tell.send(what);
    });
    let front = Front::start(plan, Arc::clone(&ledger), clock, observer, Arc::new(|_| {})).expect("started");
    let driver = Driver::start(&DrivePlan::new(front.addr(), ids), &load, Arc::clone(&ledger), clock).expect("started");
    Bench { dir, load, ledger, clock, front, driver, events }
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
        let payloads = Arc::new(self.load.payloads());
        let mut decoder = Decoder::new(Format::Auto, Keys::default(), Some(payloads));
        let mut intake = self.ledger.intake();
        intake.begin(self.clock.now_us());
        for file in files(self.dir.path()) {
            let lines = std::fs::read(file).expect("a log");
            decoder.decode(&lines, &mut |record, seen| record.book(seen, &mut intake));
        }
        self.ledger.answered(intake.end(), self.clock.now_us());
        (driven, logged, self.ledger, self.events.try_iter().collect(), self.dir)
    }
}

/// The logs below a folder, oldest first: by number, then the live one.
fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("logs")).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort_by_key(|file| (file.ends_with("access.log"), file.clone()));
    files
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
    let Bench { load: _load, ledger, front, driver, .. } = bench;
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
