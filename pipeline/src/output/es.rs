//! `es`: the bulk API of Elasticsearch and what speaks like it.
//!
//! ```text
//! {"create":{"_index":"logstash-2026.11.21","_id":"0f…"}}      an action …
//! {"@timestamp":"2026-11-21T05:50:01.123Z","log":"…"}          … and its record
//! ```
//! Only items that the answer names as failed are sent again, by reason: 429 and 5xx wait, anything else can never be
//! accepted. With `Generate_ID` the `_id` comes from where the record was read, so it is the same after a restart:
//! `create` then stores a record once, and 409 says that it is there.

use std::sync::{Arc, atomic::Ordering};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, StatusCode, header};

use super::{
    Context, OutputCounters,
    flight::{self, Courier},
    net::Net,
    plan::{OutputPlan, bytes, net_keys},
    request::{Client, HttpError, basic, gzip},
    retry::Retry,
};
use crate::{
    config::{
        Entry,
        error::{At, Problem},
        keys::{Keys, bad},
        value,
    },
    defects::Defect,
    event::accessor::Accessor,
    parse::Batch,
};

mod answer;
mod bulk;

use answer::Verdict;
use bulk::Bulk;

pub(crate) const KEYS: &[&str] = net_keys!(
    "Path",
    "Pipeline",
    "Compress",
    "Buffer_Size",
    "HTTP_User",
    "HTTP_Passwd",
    "Index",
    "Type",
    "Suppress_Type_Name",
    "Logstash_Format",
    "Logstash_Prefix",
    "Logstash_Prefix_Key",
    "Logstash_Prefix_Separator",
    "Logstash_DateFormat",
    "Time_Key",
    "Time_Key_Nanos",
    "Time_Key_Format",
    "Current_Time_Index",
    "Include_Tag_Key",
    "Tag_Key",
    "Generate_ID",
    "Id_Key",
    "Write_Operation",
    "Replace_Dots",
    "Trace_Output",
    "Trace_Error",
    "Cloud_ID",
    "Cloud_Auth",
    "AWS_Auth",
);
const COMPRESS: &[&str] = &["gzip"];
const OPERATIONS: &[&str] = &["create", "index"];
/// Text of one request, bytes.
const BODY: usize = 1 << 20;
/// Tries before an answer about the whole request is believed to be about its records.
const BELIEVED: u32 = 3;

/// A store and what is put into it.
#[derive(Debug, Clone, PartialEq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the configuration")]
pub struct EsPlan {
    /// The server.
    pub net: Net,
    /// Path of the request, with its query.
    pub uri: String,
    /// Compression of the body.
    pub gzip: bool,
    /// Longest answer that is read, bytes.
    pub answer_max: usize,
    /// User and password as a header.
    pub authorization: Option<String>,
    /// Names of the indices.
    pub index: Index,
    /// Type of the documents, for servers that still want one.
    pub kind: Option<String>,
    /// Key of the time.
    pub time_key: String,
    /// The time with nanoseconds instead of milliseconds.
    pub nanos: bool,
    /// Key of the tag, if it is wanted.
    pub tag_key: Option<String>,
    /// Where the `_id` comes from.
    pub id: Id,
    /// An id that is there already is left alone instead of written anew.
    pub create: bool,
    /// Dots in keys become underscores.
    pub replace_dots: bool,
    /// Bodies are logged.
    pub trace_output: bool,
    /// Failed items are logged.
    pub trace_error: bool,
}

/// Names of the indices.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// What stands before the date.
    pub prefix: String,
    /// A key whose value stands there instead, if the record has it.
    pub prefix_key: Option<Accessor>,
    /// Between prefix and date.
    pub separator: String,
    /// The date, as strftime has it; the whole name may be a pattern.
    pub date: Option<String>,
}

/// Where the `_id` comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Id {
    /// The store makes one: a record that is sent again is there twice.
    None,
    /// From where the record was read.
    Generated,
    /// From a key of the record.
    Key(Accessor),
}

pub(crate) fn plan(keys: &Keys<'_>) -> At<EsPlan> {
    refused(keys)?;
    let accessor = |key| -> At<Option<Accessor>> {
        let read = |entry: &Entry| {
            Accessor::new(&entry.value)
                .ok_or_else(|| (entry.line, bad(entry, "a field, as log or $kubernetes['host']")))
        };
        keys.get(key).map(read).transpose()
    };
    let flag = |key, default| keys.boolean(key, default);
    let logstash = flag("Logstash_Format", false)?;
    let pattern = |key, default: &str| -> At<String> {
        let text = keys.text(key).unwrap_or_else(|| default.to_owned());
        let fits = jiff::fmt::strtime::format(&text, jiff::Timestamp::UNIX_EPOCH).is_ok();
        if fits { Ok(text) } else { Err((keys.need(key)?.line, bad(keys.need(key)?, "a name with dates as %Y.%m.%d"))) }
    };
    let index = Index {
        prefix: if logstash {
            keys.text("Logstash_Prefix").unwrap_or_else(|| "logstash".to_owned())
        } else {
            pattern("Index", "fluent-bit")?
        },
        prefix_key: accessor("Logstash_Prefix_Key")?.filter(|_| logstash),
        separator: keys.text("Logstash_Prefix_Separator").unwrap_or_else(|| "-".to_owned()),
        date: if logstash { Some(pattern("Logstash_DateFormat", "%Y.%m.%d")?) } else { None },
    };
    let id = match (flag("Generate_ID", false)?, accessor("Id_Key")?) {
        (true, Some(_)) => {
            let line = keys.need("Id_Key")?.line;
            return Err((line, Problem::Contradiction("both `Generate_ID` and `Id_Key` give the id; keep one")));
        }
        (true, None) => Id::Generated,
        (false, Some(path)) => Id::Key(path),
        (false, None) => Id::None,
    };
    let authorization =
        keys.get("HTTP_User").map(|user| basic(&user.value, &keys.text("HTTP_Passwd").unwrap_or_default()));
    let bare = flag("Suppress_Type_Name", true)?;
    Ok(EsPlan {
        net: Net::plan(keys, 9200, "net.io_timeout")?,
        uri: uri(keys)?,
        gzip: keys.word("Compress", COMPRESS)?.is_some(),
        answer_max: match keys.get("Buffer_Size") {
            Some(entry) if value::boolean(&entry.value) == Some(false) => 64 << 20,
            _ => bytes(keys, "Buffer_Size", 16_000_000, 4_000, 64_000_000)?,
        },
        authorization,
        index,
        kind: keys.text("Type").filter(|_| !bare),
        time_key: keys.text("Time_Key").unwrap_or_else(|| "@timestamp".to_owned()),
        nanos: flag("Time_Key_Nanos", false)?,
        tag_key: flag("Include_Tag_Key", false)?.then(|| keys.text("Tag_Key").unwrap_or_else(|| "_flb-key".to_owned())),
        id,
        create: keys.word("Write_Operation", OPERATIONS)? != Some(1),
        replace_dots: flag("Replace_Dots", false)?,
        trace_output: flag("Trace_Output", false)?,
        trace_error: flag("Trace_Error", false)?,
    })
}

/// What Fluent Bit knows and this output does not do, each with its reason.
fn refused(keys: &Keys<'_>) -> At<()> {
    keys.word("Time_Key_Format", &["%Y-%m-%dT%H:%M:%S"])?;
    let table = [
        ("Cloud_ID", "`Cloud_ID` is not supported; give the address by `Host`, `Port` and `tls on`"),
        ("Cloud_Auth", "`Cloud_Auth` is not supported; give `HTTP_User` and `HTTP_Passwd`"),
    ];
    for (key, reason) in table {
        if let Some(entry) = keys.get(key) {
            return Err((entry.line, Problem::Contradiction(reason)));
        }
    }
    for (key, reason) in [
        ("AWS_Auth", "`AWS_Auth` can only be off: requests are not signed here; put a signing proxy in between"),
        (
            "Current_Time_Index",
            "`Current_Time_Index` can only be off: a record repeated past midnight would get another index",
        ),
    ] {
        if keys.boolean(key, false)? {
            return Err((keys.need(key)?.line, Problem::Contradiction(reason)));
        }
    }
    Ok(())
}

fn uri(keys: &Keys<'_>) -> At<String> {
    for key in ["Path", "Pipeline"] {
        if let Some(entry) = keys.get(key)
            && entry.value.bytes().any(|byte| byte <= b' ' || byte >= 0x7f || b"?#&\"<>\\^`{|}".contains(&byte))
        {
            return Err((entry.line, bad(entry, "letters that may stand in an address, as logs")));
        }
    }
    let path = keys.text("Path").unwrap_or_default();
    let path = path.trim_matches('/');
    let slash = if path.is_empty() { "" } else { "/" };
    let pipeline = keys.text("Pipeline").map(|name| format!("?pipeline={name}")).unwrap_or_default();
    Ok(format!("{slash}{path}/_bulk{pipeline}"))
}

pub(super) async fn run(output: &OutputPlan, plan: &EsPlan, context: &Context) {
    let worker = |worker: usize| EsOutput {
        bulk: Bulk::new(plan),
        client: Client::new(plan.net.clone()),
        retry: Retry::new(output, context, worker as u64),
        counters: Arc::clone(&context.counters),
        overlooks_items: context.defect == Some(Defect::BulkPartialIgnored),
        plan: plan.clone(),
    };
    flight::run(context, BODY, (0..output.workers).map(worker).collect()).await;
}

pub(super) fn renderer(plan: &EsPlan) -> super::Render {
    let (plan, mut bulk) = (plan.clone(), Bulk::new(plan));
    Box::new(move |batch| {
        let items: Vec<Item> = (0..batch.len() as u32).map(|index| (Arc::clone(batch), index)).collect();
        bulk.body(&plan, &items).len()
    })
}

struct EsOutput {
    plan: EsPlan,
    bulk: Bulk,
    client: Client,
    retry: Retry,
    counters: Arc<OutputCounters>,
    /// Defect `bulk-partial-ignored`.
    overlooks_items: bool,
}

/// A record of the request under way.
type Item = (Arc<Batch>, u32);

impl Courier for EsOutput {
    async fn deliver(&mut self, batches: &[Arc<Batch>]) {
        let of =
            |batch: &Arc<Batch>| (0..batch.len() as u32).map(|index| (Arc::clone(batch), index)).collect::<Vec<_>>();
        let mut todo = vec![batches.iter().flat_map(of).collect::<Vec<Item>>()];
        while let Some(items) = todo.pop() {
            if let Some(mut items) = self.request(items).await {
                let rest = items.split_off(items.len() / 2);
                todo.extend([rest, items]);
            }
        }
    }
}

impl EsOutput {
    /// Sends until every item is decided; what comes back is to be sent in halves.
    async fn request(&mut self, mut items: Vec<Item>) -> Option<Vec<Item>> {
        let mut about_records = 0;
        while !items.is_empty() {
            let body = self.bulk.body(&self.plan, &items);
            if self.plan.trace_output {
                tracing::info!(output = self.retry.name, body = ?String::from_utf8_lossy(&body[..body.len().min(4096)]), "request");
            }
            let sent = body.len();
            let body = if self.plan.gzip { Bytes::from(gzip(&body)) } else { Bytes::from(body) };
            let (error, after) = match self.client.send(self.build(body), self.plan.answer_max).await {
                Ok(answer) if answer.status.is_success() => match answer::read(&answer.body, items.len()) {
                    Ok(_) if self.overlooks_items => return None,
                    Ok(verdicts) => match self.judge(items, &verdicts, sent) {
                        (rest, _) if rest.is_empty() => return None,
                        (rest, error) => {
                            items = rest;
                            (error, answer.after)
                        }
                    },
                    Err(_) if !answer.whole && items.len() > 1 => return Some(items),
                    Err(error) => (error.to_string(), None),
                },
                Ok(answer) => {
                    about_records += u32::from(answer.status == StatusCode::BAD_REQUEST);
                    let about = answer.status == StatusCode::PAYLOAD_TOO_LARGE || about_records >= BELIEVED;
                    let after = answer.after;
                    let error = answer.refused(self.client.address());
                    if about {
                        self.retry.reset();
                        if items.len() > 1 {
                            return Some(items);
                        }
                        self.refuse(&items, &error);
                        return None;
                    }
                    (error.to_string(), after)
                }
                Err(error) => (error.to_string(), None),
            };
            if !self.retry.again(&error, after).await {
                for (batch, index) in &items {
                    self.retry.dropped(batch, *index as usize..*index as usize + 1, &error);
                }
                return None;
            }
        }
        None
    }

    fn refuse(&self, items: &[Item], error: &HttpError) {
        for (batch, index) in items {
            self.retry.refused(batch, *index as usize..*index as usize + 1, error);
        }
    }

    /// Counts what is decided; the items that are to be sent again, in order, and why.
    fn judge(&mut self, items: Vec<Item>, verdicts: &[Verdict], sent: usize) -> (Vec<Item>, String) {
        let (mut rest, mut why, mut taken, mut known) = (Vec::new(), String::new(), 0, 0u64);
        for (item, verdict) in items.into_iter().zip(verdicts) {
            match verdict {
                Verdict::Taken => taken += 1,
                Verdict::Known if self.plan.create => {
                    taken += 1;
                    known += 1;
                }
                Verdict::Later(reason) => {
                    if why.is_empty() {
                        why = format!("deliver to {}: an item waits: {reason}", self.client.address());
                    }
                    rest.push(item);
                }
                Verdict::Known | Verdict::Never(_) => {
                    let reason = if let Verdict::Never(reason) = verdict { reason } else { "409: version conflict" };
                    let index = item.1 as usize;
                    if self.plan.trace_error {
                        tracing::error!(output = self.retry.name, reason, "an item failed");
                    }
                    self.retry.refused(&item.0, index..index + 1, reason);
                }
            }
        }
        self.counters.known.fetch_add(known, Ordering::Relaxed);
        if taken > 0 {
            self.counters.confirmed(taken, sent);
        }
        if rest.is_empty() {
            self.retry.reset();
        }
        (rest, why)
    }

    fn build(&self, body: Bytes) -> Request<Full<Bytes>> {
        let mut request = Request::post(&self.plan.uri)
            .header(header::HOST, self.client.address())
            .header(header::CONTENT_TYPE, "application/x-ndjson");
        if self.plan.gzip {
            request = request.header(header::CONTENT_ENCODING, "gzip");
        }
        if let Some(authorization) = &self.plan.authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        request.body(Full::new(body)).expect("path and headers were checked with the configuration")
    }
}

#[cfg(test)]
mod tests;
