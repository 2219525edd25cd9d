//! `cloudwatch_logs`: to Amazon CloudWatch Logs, by its JSON protocol.
//!
//! ```text
//! records ─▶ by group and stream ─▶ by time ─▶ calls of ≤ 10,000 events, ≤ 1,048,576 bytes (26 more for each event),
//!                                              ≤ 24 h from the first to the last
//! ```
//! Groups (with `auto_create_group`) and streams are made when a call says that they are missing. Ranges that the store
//! rejects for their time, and events that are too large for it, can never be accepted: they are counted and go to the
//! dead-letter file.

use std::{collections::BTreeMap, ops::Range, sync::Arc};

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Request, header};
use serde_json::{Value as Json, json};

use super::{
    Context,
    flight::{self, Courier},
    net::Net,
    plan::{OutputPlan, net_keys},
    request::Client,
    retry::Retry,
};
use crate::{
    config::{
        error::{At, Problem},
        keys::{Keys, bad},
    },
    parse::Batch,
};

mod answer;
pub mod credentials;
mod event;
mod template;

use answer::{Failure, Rejected};
use credentials::{Signer, Source};
use event::{Call, Limits, Renderer};
use template::Template;

pub(crate) const KEYS: &[&str] = net_keys!(
    "region",
    "log_group_name",
    "log_group_template",
    "log_stream_name",
    "log_stream_prefix",
    "log_stream_template",
    "log_key",
    "log_format",
    "auto_create_group",
    "log_group_class",
    "log_retention_days",
    "endpoint",
    "profile",
    "role_arn",
    "sts_endpoint",
    "external_id",
    "metric_namespace",
    "metric_dimensions",
    "auto_retry_requests",
    "extra_user_agent",
    "Event_Max_Size",
    "Batch_Max_Size",
    "Batch_Max_Events",
    "Batch_Max_Span",
);
const FORMATS: &[&str] = &["json", "json/emf"];
const CLASSES: &[&str] = &["STANDARD", "INFREQUENT_ACCESS"];
const RETENTION: &[u64] =
    &[1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653];
/// Text that is taken at once, bytes.
const BYTES: usize = 1 << 20;
/// Longest answer that is read, bytes.
const ANSWER_MAX: usize = 64 << 10;
/// Tries before an answer about the events is believed.
const BELIEVED: u32 = 3;

/// A store and where records go in it.
#[derive(Debug, Clone, PartialEq)]
pub struct CloudWatchPlan {
    /// The server.
    pub net: Net,
    /// The region, for signatures.
    pub region: String,
    /// Group of a record.
    pub group: Template,
    /// Stream of a record.
    pub stream: Template,
    /// The text under this key instead of the whole record.
    pub log_key: Option<String>,
    /// Whether missing groups are made.
    pub create_group: bool,
    /// Class of a group that is made.
    pub class: Option<&'static str>,
    /// How long a group that is made keeps its events, days.
    pub retention_days: Option<u64>,
    /// Who this side is.
    pub credentials: Source,
    /// Added to the header `User-Agent`.
    pub agent: Option<String>,
    /// What one call may hold.
    pub limits: Limits,
}

pub(crate) fn plan(keys: &Keys<'_>) -> At<CloudWatchPlan> {
    for (key, why) in [
        ("role_arn", "roles are not assumed here; give the keys of the role by the environment or a profile"),
        ("sts_endpoint", "roles are not assumed here; remove it"),
        ("external_id", "roles are not assumed here; remove it"),
        ("metric_namespace", "metrics are not made out of records here; remove it"),
        ("metric_dimensions", "metrics are not made out of records here; remove it"),
    ] {
        if let Some(entry) = keys.get(key) {
            return Err((entry.line, Problem::Refused { what: key.to_owned(), why }));
        }
    }
    let region = keys.need("region")?;
    if !region.value.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err((region.line, bad(region, "the name of a region, as eu-west-1")));
    }
    keys.boolean("auto_retry_requests", true)?;
    keys.word("log_format", FORMATS)?;
    let retention_days =
        keys.read("log_retention_days", None, "a number of days that the store knows, as 7 or 30", |text| {
            text.parse()
                .ok()
                .filter(|days| *days == 0 || RETENTION.contains(days))
                .map(|days| Some(days).filter(|&days| days > 0))
        })?;
    let (group, stream) = (group(keys)?, stream(keys)?);
    Ok(CloudWatchPlan {
        net: net(keys, &region.value)?,
        region: region.value.clone(),
        group,
        stream,
        log_key: keys.text("log_key"),
        create_group: keys.boolean("auto_create_group", false)?,
        class: keys.word("log_group_class", CLASSES)?.map(|index| CLASSES[index]),
        retention_days,
        credentials: Source { profile: keys.text("profile") },
        agent: keys.text("extra_user_agent").filter(|text| text.bytes().all(|byte| byte.is_ascii_graphic())),
        limits: Limits {
            event: keys.bytes("Event_Max_Size", 1_000_000, 1_000, 1_048_550)? as usize,
            bytes: keys.bytes("Batch_Max_Size", 1_048_576, 1_000, 1_048_576)? as usize,
            events: keys.number("Batch_Max_Events", 10_000, 1, 10_000)? as usize,
            span_ms: keys.millis("Batch_Max_Span", 86_400_000, 1_000, 86_400_000_000)? as i64,
        },
    })
}

fn group(keys: &Keys<'_>) -> At<Template> {
    let name = keys.get("log_group_name");
    match keys.get("log_group_template") {
        Some(template) => Template::read(&template.value, name.map(|name| name.value.as_str()))
            .ok_or_else(|| (template.line, bad(template, "a name with keys, as logs-$kubernetes['namespace_name']"))),
        None => Ok(Template::fixed(
            &keys.need("log_group_name").map(|_| name).map(|name| name.expect("it is needed"))?.value,
        )),
    }
}

fn stream(keys: &Keys<'_>) -> At<Template> {
    let (name, prefix) = (keys.get("log_stream_name"), keys.get("log_stream_prefix"));
    let fallback = match (name, prefix) {
        (Some(_), Some(entry)) => {
            let why = "both `log_stream_name` and `log_stream_prefix` name the stream; keep one";
            return Err((entry.line, Problem::Contradiction(why)));
        }
        (Some(name), None) => Some(Template::fixed(&name.value)),
        (None, Some(prefix)) => Some(Template::tagged(&prefix.value)),
        (None, None) => None,
    };
    match (keys.get("log_stream_template"), fallback) {
        (Some(template), fallback) => match Template::read(&template.value, None) {
            Some(read) => Ok(read.or(fallback)),
            None => Err((template.line, bad(template, "a name with keys, as $kubernetes['pod_name']"))),
        },
        (None, Some(fallback)) => Ok(fallback),
        (None, None) => keys.need("log_stream_prefix").map(|_| Template::fixed("")),
    }
}

/// The region's own server by TLS, or the one that `endpoint` names: `host`, `host:port` or `http://host:port`.
fn net(keys: &Keys<'_>, region: &str) -> At<Net> {
    let mut net = Net::plan(keys, 443, "net.io_timeout")?;
    let mut plain = false;
    net.host = keys.text("Host").unwrap_or_else(|| format!("logs.{region}.amazonaws.com"));
    if let Some(entry) = keys.get("endpoint") {
        let text = entry.value.trim_end_matches('/');
        plain = text.starts_with("http://");
        let address = text.trim_start_matches("http://").trim_start_matches("https://");
        let (host, port) = address.rsplit_once(':').unwrap_or((address, ""));
        let port = if port.is_empty() { Some(net.port) } else { port.parse().ok().filter(|&port| port > 0) };
        match port {
            Some(port) if !host.is_empty() && !host.contains(['/', '@', ' ']) => {
                (net.host, net.port) = (host.to_owned(), port);
            }
            _ => return Err((entry.line, bad(entry, "an address, as logs.example.com or http://127.0.0.1:5000"))),
        }
    }
    if !plain && keys.get("tls").is_none() {
        net.encrypt(keys)?;
    }
    Ok(net)
}

pub(super) async fn run(output: &OutputPlan, plan: &CloudWatchPlan, context: &Context) {
    let worker = |worker: usize| CloudWatchOutput {
        renderer: Renderer::new(plan),
        client: Client::new(plan.net.clone()),
        signer: Signer::new(&plan.region, &plan.credentials, context.env, context.clock),
        retry: Retry::new(output, context, worker as u64),
        plan: plan.clone(),
    };
    flight::run(context, BYTES, (0..output.workers).map(worker).collect()).await;
}

struct CloudWatchOutput {
    plan: CloudWatchPlan,
    renderer: Renderer,
    client: Client,
    signer: Signer,
    retry: Retry,
}

/// Where a record is: its batch and its place there.
type Item = (Arc<Batch>, u32);

impl Courier for CloudWatchOutput {
    async fn deliver(&mut self, batches: &[Arc<Batch>]) {
        let mut streams: BTreeMap<(String, String), Vec<event::Event>> = BTreeMap::new();
        for batch in batches {
            for index in 0..batch.len() {
                match self.renderer.render(&self.plan, batch, index) {
                    Ok((place, event)) => streams.entry(place).or_default().push(event),
                    Err(why) => self.retry.refused(batch, index..index + 1, why),
                }
            }
        }
        for ((group, stream), events) in streams {
            for call in event::calls(events, &self.plan.limits) {
                let mut todo = vec![call];
                while let Some(call) = todo.pop() {
                    if let Some((first, second)) = self.put(&group, &stream, call).await {
                        todo.extend([second, first]);
                    }
                }
            }
        }
    }
}

impl CloudWatchOutput {
    /// Sends until every event is decided; what comes back is to be sent in halves.
    async fn put(&mut self, group: &str, stream: &str, call: Call) -> Option<(Call, Call)> {
        let (mut token, mut about_events) = (None, 0);
        loop {
            let body = event::body(group, stream, &call.events, token.as_deref());
            let sent = body.len();
            let failure = match self.call("PutLogEvents", body).await {
                Ok(answer) => {
                    self.settle(&call, &Rejected::read(&answer), sent);
                    return None;
                }
                Err(Failure::Already) => {
                    self.retry.confirmed(call.events.len(), sent);
                    return None;
                }
                Err(Failure::Token(expected)) if token != expected => {
                    token = expected;
                    continue;
                }
                Err(Failure::Missing(why)) => match self.make(group, stream).await {
                    Ok(()) => continue,
                    Err(failure) => Failure::Other(format!("{why}; {failure}"), None),
                },
                Err(failure) => failure,
            };
            about_events += u32::from(failure.about_events());
            if failure.too_large() || about_events >= BELIEVED {
                self.retry.reset();
                if call.events.len() > 1 {
                    return Some(call.halves());
                }
                self.refuse(&call, 0..1, &failure.to_string());
                return None;
            }
            if !self.retry.again(&failure, failure.after()).await {
                for (batch, index) in call.items() {
                    self.retry.dropped(batch, index..index + 1, &failure);
                }
                return None;
            }
        }
    }

    /// Counts what an accepted call came to.
    fn settle(&mut self, call: &Call, rejected: &Rejected, sent: usize) {
        let all = call.events.len();
        let old = rejected.old_end.min(all);
        let expired = rejected.expired_end.min(all).max(old);
        let new = rejected.new_start.unwrap_or(all).clamp(expired, all);
        self.refuse(call, 0..old, "the store takes nothing that old");
        self.refuse(call, old..expired, "the store does not keep events of that age in this group");
        self.refuse(call, new..all, "the store takes nothing of the future; check the clock of the source");
        self.retry.confirmed(new - expired, sent);
    }

    fn refuse(&self, call: &Call, range: Range<usize>, why: &str) {
        for (batch, index) in call.items().skip(range.start).take(range.len()) {
            self.retry.refused(batch, index..index + 1, why);
        }
    }

    /// Makes the stream, and the group if that is wanted; both may be there already.
    async fn make(&mut self, group: &str, stream: &str) -> Result<(), Failure> {
        let both = json!({"logGroupName": group, "logStreamName": stream});
        match self.call("CreateLogStream", both.to_string().into_bytes()).await {
            Ok(_) | Err(Failure::Exists) => {
                tracing::info!(output = self.retry.name, group, stream, "made the stream");
                return Ok(());
            }
            Err(Failure::Missing(_)) if self.plan.create_group => {}
            Err(Failure::Missing(why)) => {
                return Err(Failure::Other(
                    format!("the group is missing ({why}); make it, or set auto_create_group on"),
                    None,
                ));
            }
            Err(failure) => return Err(failure),
        }
        let mut about = json!({"logGroupName": group});
        if let Some(class) = self.plan.class {
            about["logGroupClass"] = Json::from(class);
        }
        match self.call("CreateLogGroup", about.to_string().into_bytes()).await {
            Ok(_) => {
                tracing::info!(output = self.retry.name, group, "made the group");
                if let Some(days) = self.plan.retention_days {
                    let about = json!({"logGroupName": group, "retentionInDays": days});
                    if let Err(error) = self.call("PutRetentionPolicy", about.to_string().into_bytes()).await {
                        tracing::warn!(output = self.retry.name, group, %error, "the group keeps its events for ever");
                    }
                }
            }
            Err(Failure::Exists) => {}
            Err(failure) => return Err(failure),
        }
        match self.call("CreateLogStream", both.to_string().into_bytes()).await {
            Ok(_) | Err(Failure::Exists) => Ok(()),
            Err(failure) => Err(failure),
        }
    }

    async fn call(&mut self, action: &str, body: Vec<u8>) -> Result<Bytes, Failure> {
        let body = Bytes::from(body);
        let scheme = if self.plan.net.tls.is_some() { "https" } else { "http" };
        let host = match (scheme, self.plan.net.port) {
            ("https", 443) => self.plan.net.host.clone(),
            _ => self.client.address(),
        };
        let agent = self.plan.agent.as_deref().unwrap_or("tailproof");
        let mut request = Request::post(format!("{scheme}://{host}/"))
            .header(header::HOST, &host)
            .header(header::USER_AGENT, agent)
            .header(header::CONTENT_TYPE, "application/x-amz-json-1.1")
            .header("x-amz-target", format!("Logs_20140328.{action}"))
            .body(Full::new(body.clone()))
            .map_err(|error| Failure::Other(error.to_string(), None))?;
        self.signer.sign(&mut request, &body).map_err(|error| Failure::Other(error.to_string(), None))?;
        // Signed over the whole address, sent with the path alone.
        *request.uri_mut() = hyper::Uri::from_static("/");
        let answer =
            self.client.send(request, ANSWER_MAX).await.map_err(|error| Failure::Other(error.to_string(), None))?;
        if answer.status.is_success() && answer.whole {
            return Ok(answer.body);
        }
        let failure = Failure::read(action, &answer);
        if failure.about_keys() {
            self.signer.forget();
        }
        Err(failure)
    }
}

#[cfg(test)]
mod tests;
