use std::{os::unix::net::UnixDatagram, sync::Arc, time::Duration};

use results::{
    event::{Generation, What},
    identity::{RecordId, StreamId},
    ledger::Ledger,
    route::RouteId,
};
use tempfile::TempDir;

use super::*;
use crate::{
    drive::{DrivePlan, DriveReport, Driver, Told},
    front::{
        stamped,
        trial::{Requests, logs},
    },
    payload::Body,
    trial::{RUN, place, there, until},
    write::LoadReport,
};

const PATIENCE: Duration = Duration::from_secs(20);

struct Bench {
    requests: Requests,
    ledger: Arc<Ledger>,
    front: NginxFront,
    driver: Driver,
}

/// Requests to a real nginx; `None`, and a word why, where there is none.
fn bench(per_s: f64, bodies: &[Body], change: impl FnOnce(&mut NginxPlan)) -> Option<Bench> {
    if !there("nginx", Nginx::program().is_some()) {
        return None;
    }
    let requests = Requests::new(per_s, bodies);
    let (ledger, clock) = (Arc::clone(&requests.ledger), requests.clock);
    let (ids, paths, root) = (requests.ids.clone(), requests.paths.clone(), requests.load.root.clone());
    let mut nginx = NginxPlan {
        dir: root.join("nginx"),
        log: paths.live.clone(),
        format: LogFormat::Combined,
        buffer: None,
        outlet: Outlet::File,
        workers: 2,
        leash: Vec::new(),
    };
    change(&mut nginx);
    let plan = NginxFrontPlan { nginx, streams: ids.clone(), run: RUN, root, paths };
    let observer = Arc::clone(&requests.observer);
    let front = NginxFront::start(plan, Arc::clone(&ledger), clock, observer).expect("started");
    let drive = DrivePlan { told: Told::ByAnswer, ..DrivePlan::new(front.addr(), ids) };
    let driver = Driver::start(&drive, &requests.load, Arc::clone(&ledger), clock).expect("started");
    Some(Bench { requests, ledger, front, driver })
}

impl Bench {
    fn more(&self, records: u64) {
        let answered = || self.driver.counters().answered;
        let from = answered();
        until("more answers", || answered() >= from + records);
    }

    /// Waits for so many more answers on every stream.
    fn more_of_each(&self, records: u64) {
        let answered = || self.ledger.streams().iter().map(|sample| sample.0).collect::<Vec<u64>>();
        let from = answered();
        until("more answers of each", || answered().iter().zip(&from).all(|(now, from)| *now >= from + records));
    }

    /// Stops; what lies in the logs is booked as if an agent had delivered it.
    fn end(self) -> (DriveReport, LoadReport, Arc<Ledger>, Vec<What>, TempDir) {
        let driven = self.driver.stop();
        let logged = self.front.stop();
        self.requests.deliver_logs();
        (driven, logged, self.ledger, self.requests.events(), self.requests.dir)
    }
}

fn assert_exact(ledger: &Ledger, driven: &DriveReport) {
    let totals = ledger.totals();
    assert_eq!((totals.delivered, totals.written), (driven.counters.asked, driven.counters.asked), "{totals:?}");
    let others = (totals.lost, totals.duplicated, totals.corrupted, totals.unexpected, totals.source_lost);
    assert_eq!(others, (0, 0, 0, 0, 0));
}

#[test]
fn every_request_is_in_nginx_s_log_once_in_every_format_and_is_found_there() {
    for format in [LogFormat::Combined, LogFormat::Json, LogFormat::Logfmt, LogFormat::Ltsv] {
        let bodies = [Body::Request, Body::Request, Body::Probe];
        let Some(bench) = bench(4_000.0, &bodies, |plan| plan.format = format) else { return };
        bench.more(300);
        let (driven, logged, ledger, _, dir) = bench.end();
        assert_exact(&ledger, &driven);
        assert_eq!((driven.load.error_count, logged.error_count), (0, 0), "{:?}", logged.errors);
        assert!(!dir.path().join("nginx/proxy").exists(), "folders that it never used are left");
    }
}

#[test]
fn a_log_that_nginx_reopens_again_and_again_holds_every_request_and_its_files_are_told_apart_to_the_record() {
    for buffer in [None, Some(Buffer { bytes: 4_096, flush: Duration::from_secs(600) })] {
        let Some(bench) = bench(3_000.0, &[Body::Request; 4], |plan| plan.buffer = buffer) else { return };
        let live = bench.front.paths().live.clone();
        for turn in 1..=5 {
            bench.more_of_each(50);
            std::fs::rename(&live, live.with_extension(format!("log.{turn}"))).expect("renamed");
            let ticket = bench.front.reopen_as(Some(live.clone()), None, Duration::from_millis(2));
            ticket.wait(PATIENCE).expect("reopened");
        }
        bench.more_of_each(25);
        let (driven, logged, ledger, events, dir) = bench.end();
        assert_exact(&ledger, &driven);
        assert_eq!((logged.error_count, logged.streams[0].generations), (0, 6), "{:?}", logged.errors);
        let opened: Vec<Generation> = events
            .into_iter()
            .filter_map(|what| match what {
                What::GenerationOpened(opened) if opened.stream == StreamId(1) => Some(opened),
                _ => None,
            })
            .collect();
        // What a buffer holds while the log is reopened goes where nobody can see it yet.
        if buffer.is_none() {
            let begins: Vec<u64> = logs(dir.path()).iter().map(|file| first(file, StreamId(1))).collect();
            assert_eq!(opened.iter().map(|opened| opened.first_seq).collect::<Vec<_>>(), begins);
        }
        assert_eq!(opened.len(), 6);
    }
}

fn first(file: &Path, stream: StreamId) -> u64 {
    let text = std::fs::read(file).expect("a log");
    let ids = text.split(|byte| *byte == b'\n').filter_map(|line| stamped(line, RUN));
    ids.filter(|id: &RecordId| id.stream == stream).map(|id| id.seq).min().expect("every stream is in every file")
}

#[test]
fn nginx_opens_no_other_path_and_closes_nothing_and_goes_on() {
    let Some(bench) = bench(1_000.0, &[Body::Request], |_| {}) else { return };
    let ticket = bench.front.reopen_as(Some("/elsewhere".into()), None, Duration::ZERO);
    let why = ticket.wait(PATIENCE).expect_err("it cannot").to_string();
    assert!(why.contains("no other path than its own"), "{why}");
    bench.front.close().wait(PATIENCE).expect_err("it cannot");
    bench.more(20);
    let (driven, _, ledger, ..) = bench.end();
    assert_exact(&ledger, &driven);
}

#[test]
fn datagrams_that_a_full_socket_drops_are_lost_at_the_source_by_the_name_that_nginx_quotes() {
    let sockets = tempfile::tempdir().expect("a folder with a short name");
    let path = sockets.path().join("log.sock");
    let reader = UnixDatagram::bind(&path).expect("bound");
    let bodies = [Body::Request, Body::Request];
    let Some(bench) = bench(2_000.0, &bodies, |plan| plan.outlet = Outlet::Syslog(path.clone())) else { return };
    until("drops", || bench.ledger.totals().source_lost > 20);
    let (driven, logged, ledger, ..) = bench.end();
    let arrived = taken(&reader);
    let totals = ledger.totals();
    assert_eq!(arrived + totals.source_lost, driven.counters.asked);
    assert_eq!((totals.expected, totals.source_lost_by_number, logged.error_count), (arrived, 0, 0));
    assert!(ledger.snapshot().source_losses().iter().all(|loss| loss.by_name));
}

#[test]
fn of_probes_only_the_number_is_known_give_or_take_the_connections() {
    let sockets = tempfile::tempdir().expect("a folder with a short name");
    let path = sockets.path().join("log.sock");
    let reader = UnixDatagram::bind(&path).expect("bound");
    let bodies = [Body::Probe, Body::Probe, Body::Probe];
    let Some(bench) = bench(2_000.0, &bodies, |plan| plan.outlet = Outlet::Syslog(path.clone())) else { return };
    until("drops", || bench.ledger.snapshot().source_band(RouteId(0)).0 > 20);
    let (driven, _, ledger, ..) = bench.end();
    let arrived = taken(&reader);
    let (least, most) = ledger.snapshot().source_band(RouteId(0));
    assert_eq!(u64::midpoint(least, most), driven.counters.asked - arrived);
    assert_eq!(most - least, 2 * 3);
}

/// How many datagrams wait in a socket.
fn taken(reader: &UnixDatagram) -> u64 {
    reader.set_nonblocking(true).expect("it can");
    let mut message = [0; 4_096];
    std::iter::from_fn(|| reader.recv(&mut message).ok()).count() as u64
}

#[test]
fn a_master_that_is_killed_is_named_and_its_workers_go_with_it() {
    let Some(bench) = bench(1_000.0, &[Body::Request], |_| {}) else { return };
    bench.more(20);
    until("its workers are there", || bench.front.pids().len() == 3);
    let pids = bench.front.pids();
    kill(Pid::from_raw(pids[0].cast_signed()), Signal::SIGKILL).expect("killed");
    until("its end is noticed", || !bench.front.errors().is_empty());
    let error = bench.front.errors().remove(0).error;
    assert!(error.starts_with("nginx ended by itself (signal: 9 (SIGKILL))"), "{error}");
    assert!(bench.front.pids().is_empty());
    until("its workers are gone", || pids.iter().all(|pid| !Path::new(&format!("/proc/{pid}/fd/0")).exists()));
    let (_, _, ledger, ..) = bench.end();
    assert_eq!(ledger.snapshot().source_band(RouteId(0)), (0, 1), "what it had answered and not logged");
}

#[test]
fn a_worker_that_is_killed_is_named() {
    let Some(bench) = bench(1_000.0, &[Body::Request], |_| {}) else { return };
    bench.more(20);
    until("its workers are there", || bench.front.pids().len() == 3);
    bench.front.pids()[1..]
        .iter()
        .for_each(|pid| kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).expect("killed"));
    until("that is noticed", || !bench.front.errors().is_empty());
    let error = bench.front.errors().remove(0).error;
    assert!(error.starts_with("nginx says: ") && error.contains("exited on signal 9"), "{error}");
}

#[test]
fn an_nginx_that_cannot_start_says_why() {
    if !there("nginx", Nginx::program().is_some()) {
        return;
    }
    let dir = place();
    let plan = NginxPlan {
        dir: dir.path().join("nginx"),
        // A folder is no log.
        log: dir.path().to_owned(),
        format: LogFormat::Json,
        buffer: None,
        outlet: Outlet::File,
        workers: 1,
        leash: Vec::new(),
    };
    let error = Nginx::start(&plan).expect_err("it has no log").to_string();
    assert!(error.contains("exit status: 1") && error.contains("Is a directory"), "{error}");
}
