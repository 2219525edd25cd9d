//! One connection: the requests of its stream, one after the other, each when it is due.

use std::{
    cell::RefCell,
    os::unix::net::UnixDatagram,
    path::Path,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use hdrhistogram::Histogram;
use results::identity::StreamId;
use tokio::{runtime::Runtime, task::LocalSet};

use super::{
    Doubt, Shared, Told,
    line::{Broken, Line},
    report, watch,
};
use crate::{
    pace::Schedule,
    payload::{Body, Payload},
    write::WriteFault,
};

/// Longest sleep, microseconds: a stop or a change of rate is noticed after it.
const LOOK_US: u64 = 20_000;
/// Between two looks for the reader of what the front end sends.
const READER_US: u64 = 2_000;
/// Between two notes of how late the stream is, microseconds.
const NOTE_US: u64 = 1_000;
/// Rest after a connection that could not be opened, doubled each time, microseconds.
const REST_US: (u64, u64) = (10_000, 1_000_000);
/// Records reserved at once.
const RESERVE: u64 = 4_096;
/// What stands before and behind the target of a request; the host is that of all requests.
const REQUEST: (&[u8], &[u8]) = (b"GET ", b" HTTP/1.1\r\nhost: shop.example\r\nuser-agent: tailproof/1\r\n\r\n");
/// What stands before and behind the agent of a liveness probe.
const PROBE: (&[u8], &[u8]) = (b"GET /healthcheck HTTP/1.1\r\nhost: shop.example\r\nuser-agent: ", b"\r\n\r\n");
/// Records in doubt that are kept by name; more are booked as lost at the source.
const MAX_DOUBTS: usize = 100_000;

/// What one stream did.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) stream: StreamId,
    pub(super) records: u64,
    pub(super) bytes: u64,
    pub(super) doubts: Vec<Doubt>,
    /// Of all streams of the thread; with the first of them only.
    pub(super) answers: Option<Histogram<u64>>,
}

/// Why a request got no whole answer.
struct Failed {
    /// It never left.
    is_certain: bool,
    why: String,
}

/// One stream of requests.
pub(super) struct Task {
    pub(super) id: StreamId,
    pub(super) payload: Payload,
    pub(super) schedule: Schedule,
}

struct Asker {
    id: StreamId,
    payload: Payload,
    schedule: Schedule,
    shared: Arc<Shared>,
    line: Rc<Line>,
    /// The last one, to be written over.
    request: Vec<u8>,
    seq: u64,
    reserved: u64,
    bytes: u64,
    factor_turn: u64,
    noted_us: u64,
    rest_us: u64,
    doubts: Vec<Doubt>,
}

/// Asks for all streams of a thread until told to stop.
pub(super) fn run(runtime: &Runtime, shared: &Arc<Shared>, tasks: Vec<Task>) -> Vec<Asked> {
    let answers = Rc::new(RefCell::new(report::histogram()));
    let local = LocalSet::new();
    let mut all = local.block_on(runtime, async {
        wait_for_reader(shared).await;
        let askers: Vec<Asker> = tasks.into_iter().map(|task| Asker::new(task, Arc::clone(shared))).collect();
        let lines = askers.iter().map(|asker| Rc::clone(&asker.line)).collect();
        let watch = tokio::task::spawn_local(watch::watch(lines, Arc::clone(shared)));
        let tasks: Vec<_> =
            askers.into_iter().map(|asker| tokio::task::spawn_local(asker.run(Rc::clone(&answers)))).collect();
        let mut all = Vec::new();
        for task in tasks {
            // A task that panicked has said so.
            all.extend(task.await.ok());
        }
        watch.abort();
        all
    });
    if let Some(first) = all.first_mut() {
        first.answers = Some(answers.borrow().clone());
    }
    all
}

impl Asker {
    fn new(task: Task, shared: Arc<Shared>) -> Self {
        let Task { id, payload, schedule } = task;
        Self {
            id,
            payload,
            schedule,
            line: Rc::default(),
            request: Vec::new(),
            seq: 0,
            reserved: 0,
            bytes: 0,
            factor_turn: 0,
            noted_us: shared.start_us(),
            rest_us: REST_US.0,
            doubts: Vec::new(),
            shared,
        }
    }

    async fn run(mut self, answers: Rc<RefCell<Histogram<u64>>>) -> Asked {
        while let Some((due_us, now_us)) = self.due().await {
            if !self.book(now_us) {
                pause(REST_US.0).await;
                continue;
            }
            match self.ask(due_us, now_us).await {
                Ok(()) => {
                    let took_us = self.shared.clock.now_us().saturating_sub(due_us);
                    answers.borrow_mut().saturating_record(took_us.max(1));
                    self.rest_us = REST_US.0;
                    if self.shared.told == Told::ByAnswer {
                        self.shared.ledger.written(self.id, self.seq + 1, self.payload.len_of(self.seq) as u64);
                    }
                }
                Err(failed) => self.failed(failed).await,
            }
            self.seq += 1;
        }
        self.line.cut();
        Asked { stream: self.id, records: self.seq, bytes: self.bytes, doubts: self.doubts, answers: None }
    }

    /// Waits until the next record is due, and says when it was and what time it is; `None` once the load is to stop.
    async fn due(&mut self) -> Option<(u64, u64)> {
        while !self.shared.reins.is_stopped() {
            let (now_us, start_us) = (self.shared.clock.now_us(), self.shared.start_us());
            self.follow_factor(now_us);
            let is_due = self.schedule.due(now_us - start_us) > self.seq;
            let at_us = self.schedule.when(self.seq).map(|at_us| start_us + at_us);
            if now_us >= self.noted_us + NOTE_US {
                let late_us = at_us.filter(|_| is_due).map_or(0, |at_us| now_us.saturating_sub(at_us));
                self.shared.reins.late.note(now_us - self.noted_us, late_us);
                self.noted_us = now_us;
            }
            if is_due {
                return Some((at_us.unwrap_or(now_us), now_us));
            }
            let rest_us = at_us.map_or(LOOK_US, |at_us| at_us.saturating_sub(now_us).min(LOOK_US));
            self.line.idle(pause(rest_us)).await;
        }
        None
    }

    fn follow_factor(&mut self, now_us: u64) {
        if let Some(factor) = self.shared.reins.new_factor(&mut self.factor_turn) {
            self.schedule.set_factor(now_us - self.shared.start_us(), factor);
        }
    }

    /// Books the next record as sent, reserving more first if need be; false if the books cannot be written.
    fn book(&mut self, now_us: u64) -> bool {
        if self.seq >= self.reserved {
            if let Err(error) = self.shared.ledger.reserve(self.id, self.seq + RESERVE) {
                let error = format!("reserve records in the books: {error}");
                self.shared.reins.faults.push(WriteFault { stream: self.id, at_us: now_us, lost: 0, error });
                return false;
            }
            self.reserved = self.seq + RESERVE;
        }
        self.shared.ledger.sent(self.id, self.seq + 1);
        true
    }

    /// One request and its whole answer.
    async fn ask(&mut self, due_us: u64, now_us: u64) -> Result<(), Failed> {
        self.shared.tally.asked.fetch_add(1, Ordering::Relaxed);
        self.line.begin(now_us);
        self.write_request(due_us);
        let status = loop {
            let is_new = !self.line.is_open().await;
            if is_new {
                self.connect().await?;
            }
            match self.line.ask(&self.request).await {
                Ok(status) => break status,
                // The connection was gone before the request was: another one will do.
                Err(broken) if broken.is_unsent && !is_new && !self.line.is_overdue() => {}
                Err(Broken { is_unsent, why }) => {
                    return Err(Failed { is_certain: is_unsent, why: format!("request: {why}") });
                }
            }
        };
        self.line.end();
        self.bytes += self.payload.len_of(self.seq) as u64;
        self.shared.tally.answered.fetch_add(1, Ordering::Relaxed);
        if !(200..300).contains(&status) {
            self.shared.tally.not_ok.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn write_request(&mut self, due_us: u64) {
        let (before, behind) = if self.payload.body() == Body::Probe { PROBE } else { REQUEST };
        self.request.clear();
        for part in [before, &self.payload.expected(self.seq, due_us), behind] {
            self.request.extend_from_slice(part);
        }
    }

    async fn connect(&self) -> Result<(), Failed> {
        let opened = self.line.open(self.shared.to).await;
        opened.map_err(|error| Failed { is_certain: true, why: format!("connect: {error}") })?;
        self.shared.tally.connections.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Books what did not get an answer; rests after a connection that could not be opened.
    async fn failed(&mut self, failed: Failed) {
        let Failed { is_certain, why } = failed;
        self.line.end();
        self.line.cut();
        let shared = Arc::clone(&self.shared);
        shared.tally.failed.fetch_add(1, Ordering::Relaxed);
        if !is_certain && shared.told == Told::ByFront && self.doubts.len() < MAX_DOUBTS {
            self.doubts.push(Doubt { stream: self.id, seq: self.seq, why });
            return;
        }
        let why = if is_certain { why } else { format!("{why}; whether it was logged cannot be told") };
        shared.ledger.source_lost(self.id, self.seq..self.seq + 1, &why);
        let error = format!("ask {}: {why}; look whether the front end is there", shared.to);
        shared.reins.faults.push(WriteFault { stream: self.id, at_us: shared.clock.now_us(), lost: 1, error });
        if is_certain && !shared.reins.is_stopped() {
            pause(self.rest_us).await;
            self.rest_us = (self.rest_us * 2).min(REST_US.1);
        }
    }
}

/// Until whoever reads what the front end sends is there, or the load is told to stop.
async fn wait_for_reader(shared: &Shared) {
    let is_there = |path: &Path| UnixDatagram::unbound().is_ok_and(|socket| socket.connect(path).is_ok());
    while shared.after.as_deref().is_some_and(|path| !is_there(path)) && !shared.reins.is_stopped() {
        pause(READER_US).await;
    }
}

async fn pause(us: u64) {
    tokio::time::sleep(Duration::from_micros(us)).await;
}
