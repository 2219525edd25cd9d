//! One connection: the requests of its stream, one after the other, each when it is due.

use std::{
    cell::RefCell,
    error::Error as _,
    io,
    os::unix::net::UnixDatagram,
    path::Path,
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use hdrhistogram::Histogram;
use http_body_util::{BodyExt, Empty};
use hyper::{
    HeaderMap, Method, Request, Uri,
    body::Body as _,
    client::conn::http1::{self, SendRequest},
    header::{HOST, HeaderValue, USER_AGENT},
};
use hyper_util::rt::TokioIo;
use results::identity::StreamId;
use tokio::{net::TcpStream, runtime::Runtime, task::LocalSet};

use super::{Doubt, Shared, Told, report, watch};
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
/// The host of all requests.
const VHOST: &str = "shop.example";
/// What liveness probes ask for.
const PROBED: &str = "/healthcheck";
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
    line: Rc<watch::Line>,
    sender: Option<SendRequest<Empty<Bytes>>>,
    /// Those of the last answer, to be filled again.
    headers: HeaderMap,
    host: HeaderValue,
    agent: HeaderValue,
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
            sender: None,
            headers: HeaderMap::new(),
            host: HeaderValue::from_static(VHOST),
            agent: HeaderValue::from_static("tailproof/1"),
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
        while let Some(due_us) = self.due().await {
            let now_us = self.shared.clock.now_us();
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

    /// Waits until the next record is due, and says when it was; `None` once the load is told to stop.
    async fn due(&mut self) -> Option<u64> {
        let shared = Arc::clone(&self.shared);
        loop {
            if shared.reins.is_stopped() {
                return None;
            }
            let now_us = shared.clock.now_us();
            self.follow_factor(now_us);
            let load_us = now_us - shared.start_us();
            let is_due = self.schedule.due(load_us) > self.seq;
            let at_us = self.schedule.when(self.seq).map(|at_us| shared.start_us() + at_us);
            if now_us >= self.noted_us + NOTE_US {
                let late_us = at_us.filter(|_| is_due).map_or(0, |at_us| now_us.saturating_sub(at_us));
                shared.reins.late.note(now_us - self.noted_us, late_us);
                self.noted_us = now_us;
            }
            if is_due {
                return Some(at_us.unwrap_or(now_us));
            }
            pause(at_us.map_or(LOOK_US, |at_us| at_us.saturating_sub(now_us).min(LOOK_US))).await;
        }
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
        self.line.since_us.set(Some(now_us));
        let mut request = self.request(due_us);
        let result = loop {
            let sender = self.sender().await?;
            match sender.try_send_request(request).await {
                Ok(answer) => break Ok(answer),
                // The connection was gone before the request was taken up: another one will do.
                Err(mut error) => match error.take_message() {
                    Some(untouched) if !self.line.is_overdue.get() => {
                        self.sender = None;
                        request = untouched;
                    }
                    untouched => break Err(self.broken(error.error(), untouched.is_some())),
                },
            }
        };
        let (parts, mut body) = result?.into_parts();
        while !body.is_end_stream() {
            match body.frame().await {
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(self.broken(&error, false)),
                None => break,
            }
        }
        self.line.since_us.set(None);
        self.headers = parts.headers;
        self.bytes += self.payload.len_of(self.seq) as u64;
        self.shared.tally.answered.fetch_add(1, Ordering::Relaxed);
        if !parts.status.is_success() {
            self.shared.tally.not_ok.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    fn request(&mut self, due_us: u64) -> Request<Empty<Bytes>> {
        let text = Bytes::from(self.payload.expected(self.seq, due_us));
        let mut request = Request::new(Empty::new());
        *request.method_mut() = Method::GET;
        *request.headers_mut() = std::mem::take(&mut self.headers);
        request.headers_mut().clear();
        request.headers_mut().insert(HOST, self.host.clone());
        if self.payload.body() == Body::Probe {
            let agent = HeaderValue::from_maybe_shared(text).expect("a probe's text is visible ASCII");
            request.headers_mut().insert(USER_AGENT, agent);
            *request.uri_mut() = Uri::from_static(PROBED);
        } else {
            request.headers_mut().insert(USER_AGENT, self.agent.clone());
            *request.uri_mut() = Uri::from_maybe_shared(text).expect("a request's text is a path with a query");
        }
        request
    }

    /// The open connection, or a new one.
    async fn sender(&mut self) -> Result<&mut SendRequest<Empty<Bytes>>, Failed> {
        if let Some(open) = &mut self.sender
            && open.ready().await.is_err()
        {
            self.sender = None;
        }
        if self.sender.is_none() {
            self.sender = Some(self.connect().await?);
        }
        Ok(self.sender.as_mut().expect("it was opened just now"))
    }

    async fn connect(&mut self) -> Result<SendRequest<Empty<Bytes>>, Failed> {
        let to = self.shared.to;
        let failed = |error: &dyn std::fmt::Display| Failed { is_certain: true, why: format!("connect: {error}") };
        let within = Duration::from_micros(self.shared.answer_within_us);
        let stream = tokio::time::timeout(within, TcpStream::connect(to)).await;
        let stream = stream.map_err(|_| failed(&"timed out"))?.map_err(|error| failed(&error))?;
        stream.set_nodelay(true).map_err(|error| failed(&error))?;
        let (mut sender, connection) =
            http1::handshake(TokioIo::new(stream)).await.map_err(|error| failed(&io_error(&error)))?;
        let mover = tokio::task::spawn_local(async move {
            // What breaks it is told to whoever waits for an answer.
            let _ = connection.await;
        });
        self.line.is_overdue.set(false);
        *self.line.mover.borrow_mut() = Some(mover.abort_handle());
        self.shared.tally.connections.fetch_add(1, Ordering::Relaxed);
        sender.ready().await.map_err(|error| failed(&io_error(&error)))?;
        Ok(sender)
    }

    fn broken(&self, error: &hyper::Error, is_certain: bool) -> Failed {
        let why = if self.line.is_overdue.get() { "no answer in time".to_owned() } else { io_error(error) };
        Failed { is_certain, why: format!("request: {why}") }
    }

    /// Books what did not get an answer; rests after a connection that could not be opened.
    async fn failed(&mut self, failed: Failed) {
        let Failed { is_certain, why } = failed;
        self.line.since_us.set(None);
        self.line.cut();
        self.sender = None;
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

/// What the system says of a broken connection, if it says something.
fn io_error(error: &hyper::Error) -> String {
    let mut source = error.source();
    while let Some(inner) = source {
        if let Some(inner) = inner.downcast_ref::<io::Error>() {
            return inner.to_string();
        }
        source = inner.source();
    }
    error.to_string()
}

async fn pause(us: u64) {
    tokio::time::sleep(Duration::from_micros(us)).await;
}
