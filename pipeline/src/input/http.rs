//! `http`: records in the body of POST requests, as JSON, one JSON object a line, or `MessagePack`; plain or gzip.
//!
//! ```text
//! POST /app.log        the path is the tag, what is no letter, digit, `.` or `_` as `_`; without one, or with `Tag_From_Path off`, `Tag` is it
//! 201                  every output has taken the records (or 200, 204: `successful_response_code`)
//! 400 405 413 415      never will be taken as it is: malformed, not POST, too large, another content type
//! 503                  not now: the buffer is full, or the pipeline stops; send it again
//! ```
//! A request is taken whole or not at all. A client that gives up waiting and sends again delivers twice.

mod body;

use std::{convert::Infallible, sync::Arc, sync::atomic::Ordering, time::Duration};

use bytes::Bytes;
use http_body_util::{BodyExt, Empty, Full, LengthLimitError, Limited, combinators::BoxBody};
use hyper::{
    Method, Request, Response, StatusCode,
    body::Incoming,
    header::{ALLOW, CONTENT_ENCODING, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::time::timeout;

use self::body::{BodyError, Kind};
use super::{
    intake::Intake,
    listen::{self, Address, Connections, ListenError, Open, Peer},
};
use crate::{
    config::{
        error::{At, Problem},
        keys::{Keys, bad},
    },
    parse::time::Time,
    wire::{
        inflate::{Limits, gunzip},
        stream::Stream,
    },
};

pub(crate) const KEYS: &[&str] = &[
    "Listen",
    "Port",
    "Tag_Key",
    "Tag_From_Path",
    "Buffer_Max_Size",
    "Buffer_Chunk_Size",
    "successful_response_code",
    "success_header",
    "http2",
    "Idle_Timeout",
    "Max_Connections",
    "tls",
    "tls.verify",
    "tls.ca_file",
    "tls.crt_file",
    "tls.key_file",
];
/// Keys that may come several times.
pub(crate) const MANY: &[&str] = &["success_header"];

/// How long a request waits for room before it is sent away.
const ROOM: Duration = Duration::from_secs(5);
/// Longest tag, bytes.
const TAG_MAX: usize = 256;

/// Where requests are taken, and how they are answered.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpInput {
    /// The tag where the path gives none.
    pub tag: Arc<str>,
    /// Field whose text is the tag of its record.
    pub tag_key: Option<String>,
    /// Whether the path is the tag.
    pub tag_from_path: bool,
    /// Where it listens.
    pub at: Address,
    /// How connections are taken.
    pub connections: Connections,
    /// Longest body, bytes, before and after unpacking.
    pub body_max: usize,
    /// The answer to a request that was taken.
    pub success: u16,
    /// Headers of that answer.
    pub headers: Vec<(HeaderName, HeaderValue)>,
}

pub(crate) fn plan(keys: &Keys<'_>, tag: Arc<str>) -> At<HttpInput> {
    keys.bytes("Buffer_Chunk_Size", 512_000, 1_000, 64_000_000)?;
    if let Some(entry) = keys.get("http2")
        && keys.boolean("http2", false)?
    {
        return Err((entry.line, Problem::Contradiction("`http2` can only be off: requests are taken over HTTP/1.1")));
    }
    let mut headers = Vec::new();
    for entry in keys.all("success_header") {
        let header = entry.value.split_once(char::is_whitespace).and_then(|(name, value)| {
            Some((name.parse::<HeaderName>().ok()?, value.trim().parse::<HeaderValue>().ok()?))
        });
        headers.push(header.ok_or_else(|| (entry.line, bad(entry, "a header and its value, as X-Taken yes")))?);
    }
    let success = keys.read("successful_response_code", 201, "200, 201 or 204", |text| {
        text.parse().ok().filter(|code| [200, 201, 204].contains(code))
    })?;
    Ok(HttpInput {
        tag,
        tag_key: keys.text("Tag_Key").map(|key| key.trim_start_matches('$').to_owned()),
        tag_from_path: keys.boolean("Tag_From_Path", true)?,
        at: listen::ip(keys, 9_880)?,
        connections: Connections::plan(keys)?,
        body_max: keys.bytes("Buffer_Max_Size", 4_000_000, 1_000, 256_000_000)? as usize,
        success,
        headers,
    })
}

pub(crate) fn open(plan: &HttpInput) -> Result<Open, ListenError> {
    Open::new(&plan.at, &plan.connections)
}

pub(crate) async fn run(plan: HttpInput, open: Open, intake: Intake) {
    let connections = plan.connections.clone();
    let shared = Arc::new(Shared { plan, intake: intake.clone() });
    listen::serve(open, connections, intake, move |stream, peer| serve(stream, peer, Arc::clone(&shared))).await;
}

struct Shared {
    plan: HttpInput,
    intake: Intake,
}

/// Serves a peer to its end; after a stop, to the end of its current request.
async fn serve(stream: Stream, peer: Peer, shared: Arc<Shared>) {
    let service = {
        let shared = Arc::clone(&shared);
        service_fn(move |request| {
            let shared = Arc::clone(&shared);
            async move { Ok::<_, Infallible>(shared.answer(request).await) }
        })
    };
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(shared.plan.connections.idle());
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = shared.intake.stopped() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(input = shared.intake.name(), %peer, %error, "the connection has ended");
    }
}

type Answer = Response<BoxBody<Bytes, Infallible>>;

impl Shared {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        match self.take(request).await {
            Ok(()) => {
                let mut answer = Response::new(Empty::new().boxed());
                *answer.status_mut() = StatusCode::from_u16(self.plan.success).expect("the plan allows three of them");
                answer.headers_mut().extend(self.plan.headers.iter().cloned());
                answer
            }
            Err(refused) => {
                let status = refused.status();
                if status.is_client_error() {
                    let times = self.intake.counters().malformed.fetch_add(1, Ordering::Relaxed) + 1;
                    if times.is_power_of_two() {
                        tracing::warn!(input = self.intake.name(), times, why = %refused, "a request was refused");
                    }
                }
                let mut answer = Response::new(Full::new(Bytes::from(format!("{refused}\n"))).boxed());
                *answer.status_mut() = status;
                match status {
                    StatusCode::METHOD_NOT_ALLOWED => {
                        answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"))
                    }
                    StatusCode::SERVICE_UNAVAILABLE => {
                        answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"))
                    }
                    _ => None,
                };
                answer
            }
        }
    }

    async fn take(&self, request: Request<Incoming>) -> Result<(), Refused> {
        if request.method() != Method::POST {
            return Err(Refused::Method);
        }
        let kind = kind(request.headers())?;
        let packed = packed(request.headers())?;
        tokio::select! {
            biased;
            () = self.intake.stopped() => return Err(Refused::Stopping),
            room = timeout(ROOM, self.intake.room()) => room.map_err(|_| Refused::Full)?,
        }
        let tag = if self.plan.tag_from_path { tag(request.uri().path()) } else { None };
        let body = Limited::new(request.into_body(), self.plan.body_max).collect();
        let body = timeout(self.plan.connections.idle(), body).await.map_err(|_| Refused::Slow)?;
        let body = body.map_err(|error| {
            if error.is::<LengthLimitError>() { Refused::Large(self.plan.body_max) } else { Refused::Torn }
        })?;
        let mut body = Vec::from(body.to_bytes());
        self.intake.counters().bytes.fetch_add(body.len() as u64, Ordering::Relaxed);
        if packed {
            let limits = Limits { bytes: self.plan.body_max, ..Limits::default() };
            body = gunzip(&body, &limits).map_err(BodyError::from)?;
        }
        let events = body::records(kind, &body, Time::from_unix_ns(self.intake.now().unix_ns))?;
        let tag = tag.map_or_else(|| Arc::clone(&self.plan.tag), Into::into);
        let receipts = body::by_tag(events, &tag, self.plan.tag_key.as_deref())
            .into_iter()
            .map(|(tag, events)| self.intake.push(&tag, events))
            .collect::<Vec<_>>();
        for receipt in receipts {
            receipt.taken().await;
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("only POST is taken; send records in the body of a POST request")]
    Method,
    #[error("the content type {0:?} is not taken; send application/json, application/x-ndjson or application/msgpack")]
    Type(String),
    #[error("the content encoding {0:?} is not taken; send gzip or none")]
    Encoding(String),
    #[error("the body is longer than {0} bytes; send less at once, or raise Buffer_Max_Size")]
    Large(usize),
    #[error("the body did not come whole; send it again")]
    Torn,
    #[error("the body came too slowly; send it again")]
    Slow,
    #[error("{0}")]
    Body(#[from] BodyError),
    #[error("the buffer is full; send it again later")]
    Full,
    #[error("the pipeline is stopping; send it again later")]
    Stopping,
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Type(_) | Self::Encoding(_) => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Large(_) | Self::Body(BodyError::Inflate(crate::wire::inflate::InflateError::Large { .. })) => {
                StatusCode::PAYLOAD_TOO_LARGE
            }
            Self::Torn | Self::Body(_) => StatusCode::BAD_REQUEST,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Full | Self::Stopping => StatusCode::SERVICE_UNAVAILABLE,
        }
    }
}

fn word(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    let text = String::from_utf8_lossy(headers.get(name)?.as_bytes());
    Some(text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase())
}

fn kind(headers: &HeaderMap) -> Result<Kind, Refused> {
    match word(headers, &CONTENT_TYPE).as_deref() {
        None | Some("application/json" | "application/x-ndjson" | "application/ndjson" | "application/jsonl") => {
            Ok(Kind::Json)
        }
        Some("application/msgpack" | "application/x-msgpack" | "application/vnd.msgpack") => Ok(Kind::Msgpack),
        Some(other) => Err(Refused::Type(other.to_owned())),
    }
}

fn packed(headers: &HeaderMap) -> Result<bool, Refused> {
    match word(headers, &CONTENT_ENCODING).as_deref() {
        None | Some("" | "identity") => Ok(false),
        Some("gzip" | "x-gzip") => Ok(true),
        Some(other) => Err(Refused::Encoding(other.to_owned())),
    }
}

/// The tag that a path gives; what no tag should have becomes `_`.
fn tag(path: &str) -> Option<String> {
    let name = |c: char| if c.is_ascii_alphanumeric() || "._".contains(c) { c } else { '_' };
    let tag: String = path.trim_matches('/').chars().map(name).take(TAG_MAX).collect();
    (!tag.is_empty()).then_some(tag)
}

#[cfg(test)]
mod tests;
