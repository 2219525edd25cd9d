use std::{path::PathBuf, sync::mpsc};

use results::{
    event::{Generation, GenerationEnd},
    ledger::{LedgerPlan, RouteBook, Seen},
    route::RouteId,
};
use tempfile::TempDir;

use super::*;
use crate::{
    frame::{cri, docker, plain},
    send::SendTo,
    trial::{RUN, ledger, place, until, until_it_rests},
};

const PATIENCE: Duration = Duration::from_secs(20);
const S0: StreamId = StreamId(0);

/// A running load on real files, and everything it said.
struct Bench {
    dir: TempDir,
    writers: Writers,
    payloads: Payloads,
    ledger: Arc<Ledger>,
    events: mpsc::Receiver<What>,
    full: mpsc::Receiver<StreamId>,
}

fn bench(pace: Pace, streams: Vec<StreamPlan>) -> Bench {
    let dir = place();
    let root = dir.path().to_owned();
    let plan = LoadPlan { run: RUN, seed: 3, pace, root, streams, threads: 2 };
    let (payloads, ledger) = (plan.payloads(), ledger(plan.streams.len()));
    let (tell, events) = mpsc::channel();
    let (tell_full, full) = mpsc::channel();
    let observer: Observer = Arc::new(move |what| {
        let _ = tell.send(what);
    });
    let on_full: OnFull = Arc::new(move |stream| {
        let _ = tell_full.send(stream);
    });
    let writers = Writers::start(plan, Arc::clone(&ledger), RunClock::start(), observer, on_full).expect("started");
    Bench { dir, writers, payloads, ledger, events, full }
}

impl Bench {
    fn written(&self) -> u64 {
        self.ledger.streams().iter().map(|sample| sample.0).sum()
    }

    fn more(&self, records: u64) {
        let from = self.written();
        until("more records", || self.written() >= from + records);
    }

    fn live(&self, name: &str) -> PathBuf {
        self.writers.paths(S0).live.with_file_name(name)
    }

    /// Stops; the report, and the generations of stream 0 in order.
    fn end(self) -> (LoadReport, Vec<(Generation, GenerationEnd)>, TempDir, Payloads, Arc<Ledger>) {
        let report = self.writers.stop();
        let events: Vec<What> = self.events.try_iter().collect();
        let opened = events.iter().filter_map(|what| match what {
            What::GenerationOpened(opened) if opened.stream == S0 => Some(opened.clone()),
            _ => None,
        });
        let closed = events.iter().filter_map(|what| match what {
            What::GenerationClosed(closed) if closed.stream == S0 => Some(closed.clone()),
            _ => None,
        });
        let generations: Vec<_> = opened.zip(closed).collect();
        assert_eq!(generations.len(), report.streams[0].generations as usize);
        assert!(
            generations
                .iter()
                .zip(0..)
                .all(|((opened, closed), at)| opened.generation == at && closed.generation == at)
        );
        (report, generations, self.dir, self.payloads, self.ledger)
    }
}

fn stream(framing: Framing) -> StreamPlan {
    let size = Size::Spread { min: 90, max: 600, long_every: 16, long: 40_000 };
    StreamPlan { framing, size, output: OutputRule::EveryNthStderr(5), ..StreamPlan::new("web-0") }
}

/// Texts and labels must be those of records 0, 1, 2, …, each once.
fn assert_whole(texts: &[(Vec<u8>, Vec<u8>)], report: &LoadReport, payloads: &Payloads) {
    assert_eq!(texts.len() as u64, report.streams[0].records);
    for ((text, label), seq) in texts.iter().zip(0u64..) {
        let (stamp, _) = results::identity::Stamp::decode(&text[results::identity::find(text).expect("a stamp")..])
            .expect("a stamp");
        assert_eq!(stamp.id.seq, seq);
        assert_eq!(Some(text), payloads.expected(&stamp).as_ref());
        assert_eq!(label, OutputRule::EveryNthStderr(5).label(seq).as_bytes());
    }
}

#[test]
fn every_record_is_written_once_over_swaps_that_cut_lines() {
    let cut = Cut::AnyLine;
    let bench = bench(
        Pace::Steady { per_s: 20_000.0 },
        vec![StreamPlan { cut, ..stream(Framing::Cri) }, StreamPlan::new("other")],
    );
    for swap in 1..=5 {
        bench.more(500);
        std::fs::rename(bench.live("0.log"), bench.live(&format!("0.log.{swap}"))).expect("renamed");
        let delay = Duration::from_millis(swap * 2);
        bench.writers.reopen(S0, None, delay).wait(PATIENCE).expect("reopened");
    }
    bench.more(500);
    let live = bench.live("0.log");
    let (report, generations, _dir, payloads, ledger) = bench.end();
    assert_eq!(generations.len(), 6);
    assert_eq!((generations[0].0.first_seq, generations[5].1.end_seq), (0, report.streams[0].records));
    assert!(generations.windows(2).all(|pair| pair[0].1.end_seq == pair[1].0.first_seq));
    let files = (1..=5).map(|swap| live.with_file_name(format!("0.log.{swap}"))).chain([live.clone()]);
    let files: Vec<Vec<u8>> = files.map(|file| std::fs::read(file).expect("there")).collect();
    let cuts = files[..5].iter().filter(|file| !cri::decode(file).1.iter().all(Vec::is_empty)).count();
    assert!(cuts > 0, "no swap fell within a line");
    let (texts, open) = cri::decode(&files.concat());
    assert!(open.iter().all(Vec::is_empty));
    assert_whole(&texts, &report, &payloads);
    assert_eq!(report.streams[0].bytes, files.iter().map(|file| file.len() as u64).sum::<u64>());
    assert!(files.iter().zip(&generations).all(|(file, generation)| generation.1.bytes == file.len() as u64));
    assert_eq!(
        (ledger.totals().written, ledger.totals().source_lost),
        (report.streams.iter().map(|stream| stream.records).sum(), 0)
    );
    assert_eq!((report.error_count, generations[0].0.path.starts_with("var/log/pods/bench_web-0_")), (0, true));
}

#[test]
fn a_delayed_swap_lets_the_old_file_grow_first() {
    let bench = bench(Pace::Steady { per_s: 20_000.0 }, vec![StreamPlan::new("app")]);
    bench.more(10);
    let next = bench.live("next.log");
    let clock = RunClock::start();
    let ticket = bench.writers.reopen(S0, Some(next.clone()), Duration::from_millis(400));
    bench.more(1_000);
    let is_swapped = next.exists() || ticket.wait(Duration::ZERO) != Err(TicketError::TimedOut(Duration::ZERO));
    // On a crowded machine it may take that long until they are written.
    let is_early = clock.now_us() < 400_000;
    assert!(!(is_early && is_swapped), "it was swapped before its time");
    ticket.wait(PATIENCE).expect("reopened");
    assert!(clock.now_us() >= 400_000);
    bench.more(100);
    assert_eq!(bench.writers.file_size(S0).is_some_and(|size| size > 0), next.exists());
    let (_, generations, ..) = bench.end();
    assert!(!is_early || generations[1].0.first_seq > 1_000, "{}", generations[1].0.first_seq);
    assert_eq!(generations[1].0.path, "logs/next.log");
}

#[test]
fn a_full_docker_file_halts_the_writer_until_it_is_swapped() {
    const LIMIT: u64 = 150_000;
    let bench = bench(Pace::AllOut, vec![StreamPlan { max_size: Some(LIMIT), ..stream(Framing::Docker) }]);
    let live = bench.writers.paths(S0).live.clone();
    let rotated = |turn: usize| live.with_extension(format!("json.{turn}"));
    for turn in 0..4 {
        assert_eq!(bench.full.recv_timeout(PATIENCE), Ok(S0));
        let halted = bench.written();
        std::fs::rename(&live, rotated(turn)).expect("renamed");
        assert_eq!(bench.written(), halted);
        bench.writers.reopen(S0, None, Duration::ZERO).wait(PATIENCE).expect("reopened");
    }
    assert_eq!(bench.full.recv_timeout(PATIENCE), Ok(S0));
    let (report, _, _dir, payloads, ledger) = bench.end();
    let files: Vec<Vec<u8>> =
        (0..4).map(rotated).chain([live.clone()]).map(|file| std::fs::read(file).expect("there")).collect();
    for file in &files {
        let last = docker::decode(file).0.pop().expect("a record").0.len() as u64;
        let len = file.len() as u64;
        assert!(len >= LIMIT && len < LIMIT + 2 * last + 1_000, "{len}");
    }
    assert_whole(&docker::decode(&files.concat()).0, &report, &payloads);
    assert_eq!(ledger.totals().sent, ledger.totals().written);
}

#[test]
fn a_closed_or_held_writer_waits_and_then_catches_up() {
    let bench = bench(Pace::Steady { per_s: 5_000.0 }, vec![StreamPlan::new("app")]);
    bench.more(10);
    bench.writers.close(S0).wait(PATIENCE).expect("closed");
    let closed_at = bench.written();
    assert_eq!(bench.writers.file_size(S0), None);
    let hold = bench.writers.hold(S0);
    hold.wait(PATIENCE).expect("held");
    bench.writers.reopen(S0, None, Duration::ZERO).wait(PATIENCE).expect("reopened");
    assert_eq!(bench.written(), closed_at);
    bench.writers.release(S0).wait(PATIENCE).expect("released");
    bench.more(100);
    let (report, generations, dir, payloads, _) = bench.end();
    assert_eq!(generations.len(), 2);
    let file = std::fs::read(dir.path().join("logs/app.log")).expect("there");
    let texts: Vec<_> = plain::decode(&file)
        .into_iter()
        .zip(0..)
        .map(|(text, seq)| (text, OutputRule::EveryNthStderr(5).label(seq).as_bytes().to_vec()))
        .collect();
    assert_whole(&texts, &report, &payloads);
}

#[test]
fn a_full_disk_is_booked_as_lost_at_the_source_and_the_writer_goes_on() {
    let bench = bench(Pace::Steady { per_s: 5_000.0 }, vec![StreamPlan::new("app")]);
    bench.more(10);
    bench.writers.reopen(S0, Some("/dev/full".into()), Duration::ZERO).wait(PATIENCE).expect("reopened");
    until("losses", || bench.ledger.totals().source_lost >= 2);
    let after = bench.live("after.log");
    bench.writers.reopen(S0, Some(after), Duration::ZERO).wait(PATIENCE).expect("reopened");
    bench.more(100);
    let (report, generations, dir, _, ledger) = bench.end();
    let totals = ledger.totals();
    let lines = |name: &str| plain::decode(&std::fs::read(dir.path().join(name)).expect("there")).len() as u64;
    assert_eq!(lines("logs/app.log") + lines("logs/after.log") + totals.source_lost, report.streams[0].records);
    assert_eq!(report.errors.iter().map(|error| error.lost).sum::<u64>(), totals.source_lost);
    assert!(report.errors.iter().all(|error| error.error.contains("No space left")), "{:?}", report.errors);
    assert_eq!((generations.len(), totals.written), (3, report.streams[0].records));
}

#[test]
fn a_path_that_cannot_be_opened_leaves_the_writer_with_its_old_file() {
    let bench = bench(Pace::Steady { per_s: 5_000.0 }, vec![StreamPlan::new("app")]);
    let refused = bench.writers.reopen(S0, Some("/nowhere/at/all".into()), Duration::ZERO).wait(PATIENCE);
    assert!(matches!(&refused, Err(TicketError::Failed(error)) if error.contains("/nowhere/at/all")), "{refused:?}");
    bench.more(10);
    let open_ended = bench.writers.reopen(S0, None, Duration::from_secs(1_000));
    let (report, ..) = bench.end();
    assert_eq!((report.error_count, open_ended.wait(PATIENCE)), (1, Err(TicketError::Stopped)));
}

#[test]
fn links_lead_to_the_file_and_a_rate_of_nought_pauses() {
    let bench =
        bench(Pace::AllOut, vec![StreamPlan { write: WriteMode::Batch { bytes: 65_536 }, ..stream(Framing::Docker) }]);
    bench.more(1_000);
    bench.writers.set_rate(0.0);
    until_it_rests("the pause", || bench.written());
    let paths = bench.writers.paths(S0).clone();
    assert_eq!(std::fs::canonicalize(&paths.watch).ok(), std::fs::canonicalize(&paths.live).ok());
    assert!(paths.watch.starts_with(bench.dir.path().join("var/log/containers")));
    assert_eq!(bench.writers.file_size(S0), std::fs::metadata(&paths.watch).ok().map(|meta| meta.len()));
    bench.writers.set_rate(1.0);
    bench.more(1_000);
}

#[test]
fn a_load_beyond_the_machine_is_late_and_a_writer_that_was_kept_waiting_is_not() {
    let beyond = bench(Pace::Steady { per_s: 1e8 }, vec![StreamPlan::new("app")]);
    until("it is late", || beyond.writers.late().max_us > 200_000 && beyond.writers.late().share > 0.0);
    drop(beyond);

    let bench = bench(Pace::Steady { per_s: 1_000.0 }, vec![StreamPlan::new("app")]);
    bench.more(10);
    bench.writers.close(S0).wait(PATIENCE).expect("closed");
    let clock = RunClock::start();
    until("two seconds without a file", || clock.now_us() > 2_000_000);
    bench.writers.reopen(S0, None, Duration::ZERO).wait(PATIENCE).expect("reopened");
    bench.more(2_100);
    // Whatever else is late is the machine's doing.
    assert!(bench.writers.late().max_us < 1_000_000, "{:?}", bench.writers.late());
}

#[test]
fn names_that_do_not_fit_are_refused() {
    let start = |names: &[&str]| {
        let dir = place();
        let streams: Vec<StreamPlan> = names.iter().map(|name| StreamPlan::new(name)).collect();
        let ledger = ledger(streams.len());
        let plan = LoadPlan { run: RUN, seed: 1, pace: Pace::AllOut, root: dir.path().into(), streams, threads: 1 };
        Writers::start(plan, ledger, RunClock::start(), Arc::new(|_| {}), Arc::new(|_| {})).map(drop)
    };
    assert!(matches!(start(&["../up"]), Err(WriteError::Name(_))));
    assert!(matches!(start(&["a", "a"]), Err(WriteError::SameName(_))));
}

#[test]
fn what_is_sent_beside_the_file_is_lost_on_its_own_route_alone() {
    let (dir, sockets) = (place(), tempfile::tempdir().expect("a folder with a short name"));
    let path = sockets.path().join("in.sock");
    let stream = StreamPlan {
        tee: Some(SendPlan {
            route: Some(RouteId(1)),
            senders: 4,
            ..SendPlan::new(S0, SendTo::UnixDatagram(path.clone()))
        }),
        cut: Cut::AnyLine,
        ..stream(Framing::Cri)
    };
    let (root, pace) = (dir.path().to_owned(), Pace::Steady { per_s: 10_000.0 });
    let plan = LoadPlan { run: RUN, seed: 3, pace, root, streams: vec![stream], threads: 1 };
    let routes = ["files", "socket"].map(|name| RouteBook { name: name.to_owned() }).into();
    let streams = vec!["web".to_owned()];
    let ledger =
        Ledger::create(LedgerPlan { run: RUN, streams, routes, ..LedgerPlan::default() }).expect("books in memory");
    let nobody = (Arc::new(|_| ()), Arc::new(|_| ()));
    let writers = Writers::start(plan, Arc::clone(&ledger), RunClock::start(), nobody.0, nobody.1).expect("started");
    let live = writers.paths(S0).live.clone();
    assert_eq!(std::fs::metadata(&live).expect("there").len(), 0, "nothing is due before the socket is there");
    let socket = std::os::unix::net::UnixDatagram::bind(path).expect("bound");
    socket.set_nonblocking(true).expect("set");
    let mut datagrams = vec![0; 70_000];
    let mut intake = ledger.intake_on(RouteId(1));
    let mut read = || {
        let mut count = 0;
        while let Ok(len) = socket.recv(&mut datagrams) {
            let at = results::identity::find(&datagrams[..len]).expect("a stamp");
            intake.begin(1);
            intake.record(&datagrams[at..len], Seen::default());
            ledger.answered(intake.end(), 1);
            count += 1;
        }
        count
    };
    let lost = || ledger.route_totals()[1].source_lost;
    until("some arrive", || read() > 0);
    until("a full queue", || lost() > 100);
    std::fs::rename(&live, live.with_extension("old")).expect("renamed");
    writers.reopen(S0, None, Duration::ZERO).wait(PATIENCE).expect("reopened");
    let before = lost();
    until("some more", || read() > 0);
    until("a full queue again", || lost() > before + 200);
    let report = writers.stop();
    read();
    let files = [live.with_extension("old"), live].map(|file| std::fs::read(file).expect("there")).concat();
    let [file, socket] = &ledger.route_totals()[..] else { panic!("two routes") };
    assert_eq!((cri::decode(&files).0.len() as u64, file.source_lost), (report.streams[0].records, 0));
    assert_eq!((socket.delivered + socket.source_lost, socket.lost), (report.streams[0].records, 0), "{socket:?}");
    assert_eq!((socket.corrupted, socket.unexpected), (0, 0));
}
