//! One connection: its requests one after the other, each booked as the mode says.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{Request, Response, StatusCode, body::Incoming, header::CONTENT_ENCODING, service::service_fn};
use hyper_util::rt::TokioIo;
use results::{
    ledger::{BatchId, Intake, Ledger, Seen},
    route::RouteId,
};
use thiserror::Error;
use tokio::{net::TcpStream, sync::watch};

use super::{
    HttpPlan, Setting,
    protocol::{Head, Protocol, Reply, Store, Taking},
    stream::{self, Document, Talk},
};
use crate::{
    clock::RunClock,
    receive::{
        decode::Decoder,
        inflate::{InflateError, gunzip},
        mode::{Mode, Tally, add},
    },
};

/// Bodies held at a time over all connections, bytes.
const MAX_HELD: usize = 512 << 20;
/// Idle time that a paced sink makes up for, microseconds.
const MADE_UP_US: u64 = 20_000;
/// Space kept between requests of a connection, bytes.
const KEEP: usize = 4 << 20;

/// What all connections share.
pub(super) struct Server {
    pub(super) body_limit: usize,
    /// Under which route of the ledger it books.
    route: RouteId,
    protocol: Protocol,
    /// What each connection's decoder is a clone of.
    decoder: Decoder,
    store: RefCell<Store>,
    pub(super) ledger: Arc<Ledger>,
    clock: RunClock,
    pub(super) tally: Arc<Tally>,
    pub(super) settings: watch::Receiver<Setting>,
    held: Cell<usize>,
    /// Requests counted for `LoseAck`, and in which turn.
    counted: Cell<(u64, u64)>,
    /// For `Pace`: when the records answered so far will have taken their time, microseconds since the start of the run.
    busy_until_us: Cell<u64>,
}

impl Server {
    pub(super) fn new(
        plan: HttpPlan,
        ledger: Arc<Ledger>,
        clock: RunClock,
        tally: Arc<Tally>,
        settings: watch::Receiver<Setting>,
    ) -> Self {
        let store = RefCell::new(Store::new(&plan.protocol));
        let (body_limit, decoder) = (plan.body_limit, Decoder::new(plan.format, plan.keys, plan.payloads));
        Self {
            body_limit,
            route: plan.route,
            protocol: plan.protocol,
            decoder,
            store,
            ledger,
            clock,
            tally,
            settings,
            held: Cell::new(0),
            counted: Cell::new((0, 0)),
            busy_until_us: Cell::new(0),
        }
    }
}

impl Server {
    /// How long until so many more records have had their turn. Time in which nothing came is not made up for, but for
    /// a little: an agent that sends one request after the other shall reach the pace.
    pub(super) fn until_turn(&self, records: u64, per_s: u32) -> Duration {
        let now_us = self.clock.now_us();
        let us = records as f64 * 1e6 / f64::from(per_s.max(1));
        let until_us = self.busy_until_us.get().max(now_us.saturating_sub(MADE_UP_US)) + us as u64;
        self.busy_until_us.set(until_us);
        if until_us > now_us {
            add(&self.tally.delayed, 1);
        }
        Duration::from_micros(until_us.saturating_sub(now_us))
    }
}

/// The connection is to be cut without an answer.
#[derive(Debug, Error)]
#[error("the connection was cut on purpose")]
struct Cut;

/// What a connection keeps between requests.
pub(super) struct Connection {
    pub(super) server: Rc<Server>,
    intake: RefCell<Intake>,
    decoder: RefCell<Decoder>,
    unpacked: RefCell<Vec<u8>>,
}

/// Serves a connection until it ends.
pub(super) async fn connection(server: Rc<Server>, stream: TcpStream) {
    // Answers are small and waited for.
    let _ = stream.set_nodelay(true);
    if let Some(talk) = Talk::of(&server.protocol) {
        return stream::connection(server, talk, stream).await;
    }
    let connection = Rc::new(Connection::new(server));
    let service = service_fn(|request| handle(Rc::clone(&connection), request));
    let mut builder = hyper::server::conn::http1::Builder::new();
    // An error here is a peer that went away or a cut on purpose; both are in the counters.
    let _ = builder.header_read_timeout(None).serve_connection(TokioIo::new(stream), service).await;
}

type Answer = Response<Full<Bytes>>;

async fn handle(connection: Rc<Connection>, request: Request<Incoming>) -> Result<Answer, Cut> {
    let server = &connection.server;
    let (parts, body) = request.into_parts();
    let request = Head { method: &parts.method, path: parts.uri.path(), headers: &parts.headers };
    let is_gzip = match parts.headers.get(CONTENT_ENCODING).map(|value| value.as_bytes().to_ascii_lowercase()) {
        None => false,
        Some(value) if value == b"identity" => false,
        Some(value) if value == b"gzip" || value == b"x-gzip" => true,
        Some(_) => {
            add(&server.tally.malformed, 1);
            return Ok(connection.refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE));
        }
    };
    let mut held = Held { server, bytes: 0 };
    let Some(body) = read(body, &mut held).await? else {
        add(&server.tally.too_large, 1);
        return Ok(connection.refuse(StatusCode::PAYLOAD_TOO_LARGE));
    };
    if !server.store.borrow().carries_records(&request) {
        // A health check or the like: alive as far as the mode allows.
        return connection.other(&request, &body);
    }
    add(&server.tally.requests, 1);
    add(&server.tally.bytes, body.len() as u64);
    connection.perform(&request, &body, is_gzip).await
}

/// An answer that is still to be given. If the agent goes away first, it never got it: its records may come again.
pub(super) struct Owed<'a> {
    pub(super) server: &'a Server,
    pub(super) batch: BatchId,
    pub(super) fault_id: u32,
}

impl Owed<'_> {
    pub(super) fn pay(self) {
        self.server.ledger.answered(self.batch, self.server.clock.now_us());
        std::mem::forget(self);
    }
}

impl Drop for Owed<'_> {
    fn drop(&mut self) {
        self.server.ledger.answer_lost(self.batch, self.fault_id);
    }
}

impl Connection {
    pub(super) fn new(server: Rc<Server>) -> Self {
        Self {
            intake: RefCell::new(server.ledger.intake_on(server.route)),
            decoder: RefCell::new(server.decoder.clone()),
            unpacked: RefCell::default(),
            server,
        }
    }

    /// Books the records of a conversation.
    pub(super) fn book(&self, documents: &[Document]) -> BatchId {
        let (mut intake, mut decoder) = (self.intake.borrow_mut(), self.decoder.borrow_mut());
        intake.begin(self.server.clock.now_us());
        let mut records = 0;
        for document in documents {
            match document {
                Document::Text(text) => {
                    records += 1;
                    intake.record(text.strip_suffix(b"\n").unwrap_or(text), Seen::default());
                }
                Document::Json(json) => decoder.decode(json, &mut |record, seen| {
                    records += 1;
                    record.book(seen, &mut intake);
                }),
            }
        }
        add(&self.server.tally.records, records);
        intake.end()
    }

    /// Does with a whole body what the mode says.
    async fn perform(&self, head: &Head<'_>, body: &[u8], is_gzip: bool) -> Result<Answer, Cut> {
        let tally = &self.server.tally;
        let setting = *self.server.settings.borrow();
        match setting.mode {
            Mode::Refuse { status } => {
                add(&tally.refused, 1);
                Ok(self.refuse(error_status(status)))
            }
            Mode::Delay { ms } => {
                add(&tally.delayed, 1);
                let (batch, reply) = self.take(head, body, is_gzip, None);
                let owed = Owed { server: &self.server, batch, fault_id: setting.fault_id };
                tokio::time::sleep(Duration::from_millis(ms)).await;
                owed.pay();
                Ok(reply.response())
            }
            Mode::Pace { per_s } => {
                let before = tally.records.load(Ordering::Relaxed);
                let (batch, reply) = self.take(head, body, is_gzip, None);
                let owed = Owed { server: &self.server, batch, fault_id: setting.fault_id };
                // One thread serves all connections: the difference is this request's own.
                let taken = tally.records.load(Ordering::Relaxed) - before;
                tokio::time::sleep(self.server.until_turn(taken, per_s)).await;
                owed.pay();
                Ok(reply.response())
            }
            Mode::Hang => {
                add(&tally.hung, 1);
                self.changed(setting).await;
                Err(Cut)
            }
            Mode::Reset | Mode::Gone => {
                add(&tally.cut, 1);
                Err(Cut)
            }
            Mode::LoseAck { every } if self.is_turn(setting.turn, every) => {
                let (batch, reply) = self.take(head, body, is_gzip, None);
                if reply.status.is_success() {
                    add(&tally.lost_answers, 1);
                }
                self.server.ledger.answer_lost(batch, setting.fault_id);
                Err(Cut)
            }
            Mode::Partial { status } => {
                let (batch, reply) = self.take(head, body, is_gzip, Some(status));
                if reply.is_vague {
                    self.server.ledger.answer_lost(batch, setting.fault_id);
                } else {
                    self.server.ledger.answered(batch, self.server.clock.now_us());
                }
                if reply.is_vague || reply.status.is_success() {
                    add(&tally.partial, 1);
                }
                Ok(reply.response())
            }
            Mode::Accept | Mode::LoseAck { .. } => {
                let (batch, reply) = self.take(head, body, is_gzip, None);
                self.server.ledger.answered(batch, self.server.clock.now_us());
                Ok(reply.response())
            }
        }
    }

    /// Until the mode is another: an agent may have given up on its request long ago, so it is not taken late.
    pub(super) async fn changed(&self, setting: Setting) {
        let mut settings = self.server.settings.clone();
        // The receiver that says it may have ended without: that is a change as well.
        let _ = settings.wait_for(|now| now.turn != setting.turn || now.stop).await;
    }

    /// A request without records. A sink that is sick is sick for those as well.
    fn other(&self, head: &Head<'_>, body: &[u8]) -> Result<Answer, Cut> {
        match self.server.settings.borrow().mode {
            Mode::Reset | Mode::Gone => Err(Cut),
            _ => Ok(self.server.store.borrow_mut().other(head, body).response()),
        }
    }

    fn refuse(&self, status: StatusCode) -> Answer {
        self.server.store.borrow().refusal(status).response()
    }

    /// True for every n-th request since the mode was set.
    pub(super) fn is_turn(&self, turn: u64, every: u32) -> bool {
        let counted = &self.server.counted;
        let count = if counted.get().0 == turn { counted.get().1 + 1 } else { 1 };
        counted.set((turn, count));
        count.is_multiple_of(u64::from(every.max(1)))
    }

    /// Books the records of a body (the first half of them where `half` says how the rest is refused) and answers.
    fn take(&self, head: &Head<'_>, body: &[u8], is_gzip: bool, half: Option<u16>) -> (BatchId, Reply) {
        let tally = &self.server.tally;
        let mut unpacked = self.unpacked.borrow_mut();
        let (mut intake, mut decoder) = (self.intake.borrow_mut(), self.decoder.borrow_mut());
        let mut store = self.server.store.borrow_mut();
        intake.begin(self.server.clock.now_us());
        let whole = if is_gzip { gunzip(body, &mut unpacked) } else { Ok(body) };
        let reply = match whole {
            Ok(body) => {
                let now_ms = (self.server.clock.wall_us(self.server.clock.now_us()) / 1_000) as i64;
                let mut taking = Taking { decoder: &mut decoder, intake: &mut intake, half, now_ms, records: 0 };
                let reply = store.take(head, body, &mut taking);
                add(&tally.records, taking.records);
                if reply.status == StatusCode::BAD_REQUEST && half.is_none() {
                    add(&tally.malformed, 1);
                }
                reply
            }
            Err(InflateError::Broken) => {
                add(&tally.malformed, 1);
                store.refusal(StatusCode::BAD_REQUEST)
            }
            Err(InflateError::TooLarge) => {
                add(&tally.too_large, 1);
                store.refusal(StatusCode::PAYLOAD_TOO_LARGE)
            }
        };
        if unpacked.capacity() > KEEP {
            *unpacked = Vec::new();
        }
        (intake.end(), reply)
    }
}

/// Bytes of a body in memory, given back when it is dealt with.
struct Held<'a> {
    server: &'a Server,
    bytes: usize,
}

impl Held<'_> {
    fn grow(&mut self, bytes: usize) -> bool {
        let total = self.server.held.get() + bytes;
        let fits = total <= MAX_HELD && self.bytes + bytes <= self.server.body_limit;
        if fits {
            self.server.held.set(total);
            self.bytes += bytes;
        }
        fits
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.server.held.set(self.server.held.get() - self.bytes);
    }
}

/// Reads a body to its end; `None` beyond the limits. A body that breaks off is nothing: it was never taken.
async fn read(mut body: Incoming, held: &mut Held<'_>) -> Result<Option<Bytes>, Cut> {
    let mut first = Bytes::new();
    let mut whole = Vec::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Cut)?.into_data() else { continue };
        if !held.grow(data.len()) {
            return Ok(None);
        }
        if first.is_empty() {
            first = data;
        } else {
            if whole.is_empty() {
                whole.extend_from_slice(&first);
            }
            whole.extend_from_slice(&data);
        }
    }
    Ok(Some(if whole.is_empty() { first } else { whole.into() }))
}

/// A status that no agent takes for success.
pub(super) fn error_status(status: u16) -> StatusCode {
    StatusCode::from_u16(status).ok().filter(|status| !status.is_success()).unwrap_or(StatusCode::SERVICE_UNAVAILABLE)
}
