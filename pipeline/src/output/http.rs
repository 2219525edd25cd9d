//! `http`: requests over kept-alive connections, one for each worker: lines, one array or `MessagePack`, gzip if asked for.
//!
//! Only a 2xx answer takes the batches. No answer, a broken connection and any other answer send the same body again.
//! Some answers are about the records and not about the hour: 413 (at once) and 400 or 422 (at the third time) halve
//! the request, down to the single record that cannot be accepted; that one is given up, and the rest goes on.

use std::{ops::Range, sync::Arc};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode, header};

use super::{
    Context,
    encode::{Encoder, Layout},
    flight::{self, Courier},
    net::Net,
    plan::{OutputPlan, RecordFormat, bytes, net_keys, record},
    request::{Client, HttpError, basic, gzip},
    retry::Retry,
};
use crate::{
    config::{
        Entry,
        error::At,
        keys::{Keys, bad},
    },
    parse::Batch,
    wire::msgpack,
};

pub(crate) const KEYS: &[&str] = net_keys!(
    "URI",
    "Format",
    "Compress",
    "Header",
    "Header_Tag",
    "Allow_Duplicated_Headers",
    "http_Method",
    "http_User",
    "http_Passwd",
    "Log_Response_Payload",
    "Json_date_key",
    "Json_date_format",
    "Body_Max_Size",
    "http.response_timeout",
);
const FORMATS: &[&str] = &["json_lines", "json", "json_stream", "msgpack"];
const COMPRESS: &[&str] = &["gzip"];
const METHODS: &[&str] = &["POST", "PUT"];
/// Longest answer that is read, bytes; after a longer one the connection is not used again.
const ANSWER_MAX: usize = 64 << 10;
/// Tries before an answer about the records is believed.
const BELIEVED: u32 = 3;

/// Requests to a server.
#[derive(Debug, Clone, PartialEq)]
pub struct HttpPlan {
    /// The server.
    pub net: Net,
    /// Path of the request.
    pub uri: String,
    /// PUT instead of POST.
    pub put: bool,
    /// What stands in a body.
    pub body: Body,
    /// Compression of the body.
    pub gzip: bool,
    /// Further headers.
    pub headers: Vec<(String, String)>,
    /// The header that names the tag, if it is wanted; then a request carries one tag only.
    pub tag_header: Option<String>,
    /// How a record is written.
    pub record: RecordFormat,
    /// Most bytes of a body before compression, unless one record alone is larger.
    pub body_max: usize,
}

/// What stands in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Body {
    /// JSON, a line each.
    Lines,
    /// One JSON array.
    Array,
    /// JSON objects, one behind the other.
    Stream,
    /// `MessagePack`: `[time, record]`, one behind the other.
    Msgpack,
}

pub(crate) fn plan(keys: &Keys<'_>) -> At<HttpPlan> {
    let uri = keys.text("URI").unwrap_or_default();
    let uri = if uri.starts_with('/') { uri } else { format!("/{uri}") };
    if uri.bytes().any(|byte| byte <= b' ' || byte >= 0x7f) {
        let entry = keys.need("URI")?;
        return Err((entry.line, bad(entry, "a path, as /records")));
    }
    let mut headers = keys.all("Header").map(header).collect::<At<Vec<_>>>()?;
    if !keys.boolean("Allow_Duplicated_Headers", true)? {
        for index in (0..headers.len()).rev() {
            if headers[index + 1..].iter().any(|(name, _)| name.eq_ignore_ascii_case(&headers[index].0)) {
                headers.remove(index);
            }
        }
    }
    if let Some(user) = keys.get("http_User") {
        let password = keys.text("http_Passwd").unwrap_or_default();
        headers.push(("authorization".to_owned(), basic(&user.value, &password)));
    }
    keys.boolean("Log_Response_Payload", true)?;
    let tag_header = match keys.get("Header_Tag") {
        Some(entry) if header::HeaderName::from_bytes(entry.value.as_bytes()).is_err() => {
            return Err((entry.line, bad(entry, "the name of a header, as X-Tag")));
        }
        entry => entry.map(|entry| entry.value.clone()),
    };
    Ok(HttpPlan {
        net: Net::plan(keys, 80, "http.response_timeout")?,
        uri,
        put: keys.word("http_Method", METHODS)? == Some(1),
        body: match keys.word("Format", FORMATS)? {
            Some(0) => Body::Lines,
            Some(2) => Body::Stream,
            Some(3) => Body::Msgpack,
            _ => Body::Array,
        },
        gzip: keys.word("Compress", COMPRESS)?.is_some(),
        headers,
        tag_header,
        record: record(keys)?,
        body_max: bytes(keys, "Body_Max_Size", 1 << 20, 1_000, 64_000_000)?,
    })
}

fn header(entry: &Entry) -> At<(String, String)> {
    const EXPECTED: &str = "a name and a value, as X-Scope logs";
    let (name, value) = entry.value.split_once(char::is_whitespace).ok_or((entry.line, bad(entry, EXPECTED)))?;
    let ours = ["content-length", "transfer-encoding", "content-encoding", "connection", "host"];
    let valid = header::HeaderName::from_bytes(name.as_bytes()).is_ok()
        && header::HeaderValue::from_str(value.trim()).is_ok()
        && !ours.contains(&name.to_ascii_lowercase().as_str());
    if !valid {
        return Err((entry.line, bad(entry, EXPECTED)));
    }
    Ok((name.to_owned(), value.trim().to_owned()))
}

/// Records of one request: runs of records of batches.
pub(super) type Pieces = Vec<(Arc<Batch>, Range<usize>)>;

pub(super) async fn run(output: &OutputPlan, plan: &HttpPlan, context: &Context) {
    let layout = match plan.body {
        Body::Array => Layout::Array,
        Body::Stream => Layout::Stream,
        Body::Lines | Body::Msgpack => Layout::Lines,
    };
    let worker = |worker: usize| HttpOutput {
        encoder: Encoder::new(plan.record.clone(), layout),
        client: Client::new(plan.net.clone()),
        retry: Retry::new(output, context, worker as u64),
        spare: Vec::new(),
        plan: plan.clone(),
    };
    flight::run(context, plan.body_max, (0..output.workers).map(worker).collect()).await;
}

struct HttpOutput {
    plan: HttpPlan,
    retry: Retry,
    encoder: Encoder,
    client: Client,
    spare: Vec<u8>,
}

impl Courier for HttpOutput {
    async fn deliver(&mut self, batches: &[Arc<Batch>]) {
        let whole = |batch: &Arc<Batch>| (Arc::clone(batch), 0..batch.len());
        if self.plan.tag_header.is_none() {
            return self.pieces(batches.iter().map(whole).collect()).await;
        }
        for batches in batches.chunk_by(|one, other| one.tag == other.tag) {
            self.pieces(batches.iter().map(whole).collect()).await;
        }
    }
}

/// What a final error means for the records.
enum End {
    Accepted,
    /// Something in the request can never be accepted.
    Unacceptable(HttpError),
    /// `Retry_Limit` is reached.
    GivenUp(HttpError),
}

impl HttpOutput {
    async fn pieces(&mut self, pieces: Pieces) {
        let mut todo = vec![pieces];
        while let Some(pieces) = todo.pop() {
            let records: usize = pieces.iter().map(|(_, range)| range.len()).sum();
            if records == 0 {
                continue;
            }
            let tag = self.plan.tag_header.is_some().then(|| Arc::clone(&pieces[0].0.tag));
            let body = self.body(&pieces);
            let sent = body.len();
            match self.send(&body, tag.as_deref()).await {
                End::Accepted => self.retry.confirmed(records, sent),
                End::Unacceptable(_) if records > 1 => {
                    let (first, second) = halve(pieces, records / 2);
                    todo.extend([second, first]);
                }
                End::Unacceptable(error) => {
                    for (batch, range) in &pieces {
                        self.retry.refused(batch, range.clone(), &error);
                    }
                }
                End::GivenUp(error) => {
                    for (batch, range) in &pieces {
                        self.retry.dropped(batch, range.clone(), &error);
                    }
                }
            }
            self.reclaim(body);
        }
    }

    fn body(&mut self, pieces: &Pieces) -> Bytes {
        let mut body = std::mem::take(&mut self.spare);
        body.clear();
        match self.plan.body {
            Body::Msgpack => {
                for (batch, range) in pieces {
                    for event in range.clone().map(|index| batch.event(index)) {
                        msgpack::encode_array(2, &mut body);
                        msgpack::encode_time(event.time, &mut body);
                        msgpack::encode_fields(&event.fields, &mut body);
                    }
                }
            }
            Body::Lines | Body::Stream => {
                for (batch, range) in pieces {
                    self.encoder.batch(batch, range.clone(), &mut body);
                }
            }
            Body::Array => {
                body.push(b'[');
                for (batch, range) in pieces {
                    self.encoder.batch(batch, range.clone(), &mut body);
                }
                // There is at least one record, and a comma behind the last.
                body.pop();
                body.push(b']');
            }
        }
        if self.plan.gzip { Bytes::from(gzip(&body)) } else { Bytes::from(body) }
    }

    /// Keeps the memory of a body for the next one.
    fn reclaim(&mut self, body: Bytes) {
        if let Ok(body) = body.try_into_mut()
            && body.capacity() <= 4 * self.plan.body_max
        {
            self.spare = body.into();
        }
    }

    /// Sends until it is decided.
    async fn send(&mut self, body: &Bytes, tag: Option<&str>) -> End {
        let mut about_records = 0;
        loop {
            let request = self.request(body.clone(), tag);
            let (error, after) = match self.client.send(request, ANSWER_MAX).await {
                Ok(answer) if answer.status.is_success() => return End::Accepted,
                Ok(answer) => {
                    let (status, after) = (answer.status, answer.after);
                    let error = answer.refused(self.client.address());
                    let content = matches!(status, StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY);
                    about_records += u32::from(content);
                    if status == StatusCode::PAYLOAD_TOO_LARGE || about_records >= BELIEVED {
                        self.retry.reset();
                        return End::Unacceptable(error);
                    }
                    (error, after)
                }
                Err(error) => (error, None),
            };
            if !self.retry.again(&error, after).await {
                return End::GivenUp(error);
            }
        }
    }

    fn request(&self, body: Bytes, tag: Option<&str>) -> Request<Full<Bytes>> {
        let plan = &self.plan;
        let kind = match plan.body {
            Body::Array | Body::Stream => "application/json",
            Body::Lines => "application/x-ndjson",
            Body::Msgpack => "application/msgpack",
        };
        let method = if plan.put { Method::PUT } else { Method::POST };
        let mut request = Request::builder().method(method).uri(&plan.uri).header(header::HOST, self.client.address());
        if !plan.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type")) {
            request = request.header(header::CONTENT_TYPE, kind);
        }
        if plan.gzip {
            request = request.header(header::CONTENT_ENCODING, "gzip");
        }
        for (name, value) in &plan.headers {
            request = request.header(name, value);
        }
        if let Some((name, tag)) = plan.tag_header.as_ref().zip(tag) {
            // A tag comes from outside; what no header can carry is left out of it.
            let tag: String = tag.chars().filter(char::is_ascii_graphic).collect();
            request = request.header(name, tag);
        }
        request.body(Full::new(body)).expect("path and headers were checked with the configuration")
    }
}

/// The first `count` records, and the rest.
fn halve(pieces: Pieces, mut count: usize) -> (Pieces, Pieces) {
    let (mut first, mut second) = (Vec::new(), Vec::new());
    for (batch, range) in pieces {
        let here = count.min(range.len());
        let middle = range.start + here;
        count -= here;
        if here > 0 {
            first.push((Arc::clone(&batch), range.start..middle));
        }
        if middle < range.end {
            second.push((batch, middle..range.end));
        }
    }
    (first, second)
}

#[cfg(test)]
pub(crate) mod tests;
