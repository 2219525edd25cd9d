//! A write that gets out only in part: in a process of its own, because the limit of file sizes holds for all of it.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use loadgen::{
    clock::RunClock,
    pace::Pace,
    write::{LoadPlan, StreamPlan, WriteMode, Writers},
};
use nix::sys::{
    resource::{Resource, getrlimit, setrlimit},
    signal::{SigHandler, Signal, signal},
};
use results::{
    identity::{self, Stamp, StreamId},
    ledger::{Ledger, LedgerPlan},
};

const LIMIT: u64 = 100_100;

#[expect(unsafe_code, reason = "ignoring the signal makes the limit an error of write(2)")]
fn ignore_the_signal() {
    // SAFETY: no handler is installed, the signal is ignored.
    unsafe { signal(Signal::SIGXFSZ, SigHandler::SigIgn) }.expect("a valid signal");
}

#[test]
fn a_torn_line_is_booked_as_lost_and_ended_before_the_next_record() {
    let base = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    for write in [WriteMode::PerLine, WriteMode::Batch { bytes: 8_192 }] {
        let dir = tempfile::tempdir_in(base).expect("a folder");
        let plan =
            LedgerPlan { run: 1, streams: vec!["app".into()], books: None, settle_us: 0, ..LedgerPlan::default() };
        let ledger = Ledger::create(plan).expect("books in memory");
        let streams = vec![StreamPlan { write, ..StreamPlan::new("app") }];
        let pace = Pace::Steady { per_s: 20_000.0 };
        let plan = LoadPlan { run: 1, seed: 1, pace, root: dir.path().into(), streams, threads: 1 };
        let payloads = plan.payloads();

        ignore_the_signal();
        let (soft, hard) = getrlimit(Resource::RLIMIT_FSIZE).expect("a limit");
        setrlimit(Resource::RLIMIT_FSIZE, LIMIT, hard).expect("lowered");
        let events = Arc::new(Mutex::new(0));
        let seen = Arc::clone(&events);
        let observer = Arc::new(move |_| *seen.lock().expect("no panic") += 1);
        let clock = RunClock::start();
        let writers = Writers::start(plan, Arc::clone(&ledger), clock, observer, Arc::new(|_| {})).expect("started");
        let until = |done: &dyn Fn() -> bool| {
            while !done() {
                assert!(clock.now_us() < 20_000_000, "waited in vain");
                clock.park_until(clock.now_us() + 500);
            }
        };
        until(&|| !writers.errors().is_empty());
        writers.hold(StreamId(0)).wait(Duration::from_secs(20)).expect("held");
        setrlimit(Resource::RLIMIT_FSIZE, soft, hard).expect("raised");
        writers.release(StreamId(0)).wait(Duration::from_secs(20)).expect("released");
        let before = ledger.totals().written;
        until(&|| ledger.totals().written > before + 100);
        let report = writers.stop();

        let file = std::fs::read(dir.path().join("logs/app.log")).expect("there");
        assert_eq!(file.last(), Some(&b'\n'));
        let lines: Vec<&[u8]> = file[..file.len() - 1].split(|byte| *byte == b'\n').collect();
        let is_whole = |line: &&&[u8]| {
            let stamp = identity::find(line).and_then(|at| Stamp::decode(&line[at..]).ok());
            stamp.is_some_and(|(stamp, _)| payloads.expected(&stamp).as_deref() == Some(**line))
        };
        let whole = lines.iter().filter(is_whole).count() as u64;
        let totals = ledger.totals();
        assert_eq!(lines.len() as u64 - whole, 1, "one line is torn, and no record is glued to it");
        assert!(totals.source_lost >= 1 && report.errors[0].error.contains("File too large"), "{:?}", report.errors);
        assert_eq!(
            (whole + totals.source_lost, totals.written),
            (report.streams[0].records, report.streams[0].records)
        );
        assert_eq!((report.streams[0].bytes, *events.lock().expect("no panic")), (file.len() as u64, 2));
    }
}
