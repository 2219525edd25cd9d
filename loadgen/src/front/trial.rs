//! What the tests of both front ends share: requests on a few streams, and logs that are booked as if an agent had delivered them.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
};

use results::{event::What, identity::StreamId, ledger::Ledger};
use tempfile::TempDir;

use crate::{
    clock::RunClock,
    frame::Framing,
    pace::Pace,
    payload::{Body, Size},
    receive::{Format, Keys, decode::Decoder},
    trial::{RUN, ledger, place},
    write::{LoadPlan, Observer, StreamPaths, StreamPlan},
};

/// Requests that are to be made, and where they are booked.
pub(super) struct Requests {
    pub dir: TempDir,
    pub load: LoadPlan,
    pub ids: Vec<StreamId>,
    pub paths: StreamPaths,
    pub ledger: Arc<Ledger>,
    pub clock: RunClock,
    events: mpsc::Receiver<What>,
    pub observer: Observer,
}

impl Requests {
    /// A stream for each of `bodies`, `per_s` requests a second over all of them.
    pub(super) fn new(per_s: f64, bodies: &[Body]) -> Self {
        let dir = place();
        let root = dir.path().to_owned();
        let stream = |(at, body): (usize, &Body)| StreamPlan {
            body: *body,
            size: Size::Fixed(140),
            ..StreamPlan::new(&format!("web-{at}"))
        };
        let streams = bodies.iter().enumerate().map(stream).collect();
        let paths = StreamPaths::new(&root, Framing::Plain, "access", 3);
        let (tell, events) = mpsc::channel();
        let observer: Observer = Arc::new(move |what| {
            let _ = tell.send(what);
        });
        Self {
            dir,
            load: LoadPlan { run: RUN, seed: 3, pace: Pace::Steady { per_s }, root, streams, threads: 1 },
            ids: (0..bodies.len() as u16).map(StreamId).collect(),
            paths,
            ledger: ledger(bodies.len()),
            clock: RunClock::start(),
            events,
            observer,
        }
    }

    /// Books what lies in the logs.
    pub(super) fn deliver_logs(&self) {
        let payloads = Arc::new(self.load.payloads());
        let mut decoder = Decoder::new(Format::Auto, Keys::default(), Some(payloads));
        let mut intake = self.ledger.intake();
        intake.begin(self.clock.now_us());
        for file in logs(self.dir.path()) {
            let lines = std::fs::read(file).expect("a log");
            decoder.decode(&lines, &mut |record, seen| record.book(seen, &mut intake));
        }
        self.ledger.answered(intake.end(), self.clock.now_us());
    }

    /// What the front end told so far.
    pub(super) fn events(&self) -> Vec<What> {
        self.events.try_iter().collect()
    }
}

/// The logs below a folder, oldest first: by number, then the live one.
pub(super) fn logs(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("logs")).into_iter().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.sort_by_key(|file| (file.ends_with("access.log"), file.clone()));
    files
}
