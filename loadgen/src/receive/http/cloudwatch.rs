//! CloudWatch Logs as far as a log shipper sees it: JSON 1.1 calls, with the limits of the service.
//!
//! ```text
//! POST /   X-Amz-Target: Logs_20140328.PutLogEvents   Authorization: AWS4-HMAC-SHA256 …
//! {"logGroupName":"g","logStreamName":"s","logEvents":[{"timestamp":1763704201123,"message":"…"},…]}
//!   ─▶ {"nextSequenceToken":"…","rejectedLogEventsInfo":{"tooOldLogEventEndIndex":2}}
//! ```
//! Every limit is a setting, because the pages of the service disagree among themselves and over time.

use std::collections::BTreeMap;

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

use super::protocol::{Head, Reply, Taking};

/// The limits of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CloudWatchPlan {
    /// Most bytes of a call: UTF-8 of the messages and 26 for each.
    pub call_bytes_max: usize,
    /// Most events of a call.
    pub call_events_max: usize,
    /// Most bytes of a message.
    pub event_bytes_max: usize,
    /// Longest time between the first and the last event of a call, milliseconds; 0: any.
    pub span_ms_max: i64,
    /// Events older than this are rejected, milliseconds.
    pub old_ms_max: i64,
    /// Events further in the future than this are rejected, milliseconds.
    pub new_ms_max: i64,
    /// Groups that are there from the start.
    pub groups: Vec<String>,
}

const DAY_MS: i64 = 86_400_000;
/// What each event counts beside its message, bytes.
const EVENT_BYTES: usize = 26;

impl Default for CloudWatchPlan {
    fn default() -> Self {
        Self {
            call_bytes_max: 1_048_576,
            call_events_max: 10_000,
            event_bytes_max: 1_048_576 - EVENT_BYTES,
            span_ms_max: DAY_MS,
            old_ms_max: 14 * DAY_MS,
            new_ms_max: DAY_MS / 12,
            groups: Vec::new(),
        }
    }
}

const TARGET: &str = "Logs_20140328.";
const HEADERS: &[(&str, &str)] = &[("content-type", "application/x-amz-json-1.1")];

/// Groups and their streams.
#[derive(Debug)]
pub(super) struct Store {
    plan: CloudWatchPlan,
    /// Calls that each stream took.
    groups: BTreeMap<String, BTreeMap<String, u64>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Names {
    #[serde(rename = "logGroupName")]
    group: String,
    #[serde(rename = "logStreamName")]
    stream: String,
    #[serde(rename = "logGroupNamePrefix")]
    group_prefix: String,
    #[serde(rename = "logStreamNamePrefix")]
    stream_prefix: String,
}

#[derive(Debug, Deserialize)]
struct Put {
    #[serde(rename = "logGroupName")]
    group: String,
    #[serde(rename = "logStreamName")]
    stream: String,
    #[serde(rename = "logEvents")]
    events: Vec<Event>,
}

#[derive(Debug, Deserialize)]
struct Event {
    timestamp: i64,
    message: String,
}

/// Whether the call carries records.
pub(super) fn carries_records(head: &Head<'_>) -> bool {
    action(head) == "PutLogEvents"
}

fn action<'a>(head: &'a Head<'_>) -> &'a str {
    head.header("x-amz-target").strip_prefix(TARGET).unwrap_or_default()
}

/// A whole call is refused.
pub(super) fn refusal(status: StatusCode) -> Reply {
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS | StatusCode::BAD_REQUEST => "ThrottlingException",
        _ => "ServiceUnavailableException",
    };
    // The service tells throttling with 400.
    let status = if status == StatusCode::TOO_MANY_REQUESTS { StatusCode::BAD_REQUEST } else { status };
    error(status, kind, "refused on the bench's plan")
}

impl Store {
    pub(super) fn new(plan: CloudWatchPlan) -> Self {
        let groups = plan.groups.iter().map(|group| (group.clone(), BTreeMap::new())).collect();
        Self { plan, groups }
    }

    /// Calls about groups and streams.
    pub(super) fn other(&mut self, head: &Head<'_>, body: &[u8]) -> Reply {
        if let Some(refused) = unsigned(head) {
            return refused;
        }
        let Ok(names) = serde_json::from_slice::<Names>(body) else {
            return error(StatusCode::BAD_REQUEST, "SerializationException", "the body is no JSON of this call");
        };
        match action(head) {
            "CreateLogGroup" => self.create_group(names.group),
            "CreateLogStream" => self.create_stream(&names.group, names.stream),
            "DescribeLogGroups" => self.describe_groups(&names.group_prefix),
            "DescribeLogStreams" => self.describe_streams(&names),
            "PutRetentionPolicy" if self.groups.contains_key(&names.group) => done(&json!({})),
            "PutRetentionPolicy" => missing("log group"),
            _ => error(StatusCode::BAD_REQUEST, "UnknownOperationException", "the bench does not know this call"),
        }
    }

    fn create_group(&mut self, name: String) -> Reply {
        if !is_name(&name, false) {
            return error(StatusCode::BAD_REQUEST, "InvalidParameterException", "logGroupName is not allowed");
        }
        if self.groups.contains_key(&name) {
            return exists("log group");
        }
        self.groups.insert(name, BTreeMap::new());
        done(&json!({}))
    }

    fn create_stream(&mut self, group: &str, name: String) -> Reply {
        if !is_name(&name, true) {
            return error(StatusCode::BAD_REQUEST, "InvalidParameterException", "logStreamName is not allowed");
        }
        let Some(streams) = self.groups.get_mut(group) else { return missing("log group") };
        if streams.contains_key(&name) {
            return exists("log stream");
        }
        streams.insert(name, 0);
        done(&json!({}))
    }

    fn describe_groups(&self, prefix: &str) -> Reply {
        let groups = self.groups.keys().filter(|name| name.starts_with(prefix)).take(50);
        done(&json!({"logGroups": groups.map(|name| json!({"logGroupName": name})).collect::<Vec<_>>()}))
    }

    fn describe_streams(&self, names: &Names) -> Reply {
        let Some(streams) = self.groups.get(&names.group) else { return missing("log group") };
        let streams = streams.keys().filter(|name| name.starts_with(&names.stream_prefix)).take(50);
        done(&json!({"logStreams": streams.map(|name| json!({"logStreamName": name})).collect::<Vec<_>>()}))
    }

    /// Takes events; the second half is refused with the whole call if so planned.
    pub(super) fn put(&mut self, head: &Head<'_>, body: &[u8], taking: &mut Taking<'_>) -> Reply {
        if let Some(refused) = unsigned(head) {
            return refused;
        }
        let Ok(put) = serde_json::from_slice::<Put>(body) else {
            return error(StatusCode::BAD_REQUEST, "SerializationException", "the body is no JSON of this call");
        };
        if let Some(why) = self.invalid(&put.events) {
            return error(StatusCode::BAD_REQUEST, "InvalidParameterException", why);
        }
        let Some(streams) = self.groups.get_mut(&put.group) else { return missing("log group") };
        let Some(calls) = streams.get_mut(&put.stream) else { return missing("log stream") };
        *calls += 1;
        let token = format!("{calls:056}");
        let (old, new) = (taking.now_ms - self.plan.old_ms_max, taking.now_ms + self.plan.new_ms_max);
        // In order of time, so what is too old comes first and what is too new last.
        let first = put.events.partition_point(|event| event.timestamp < old);
        let end = put.events.partition_point(|event| event.timestamp <= new);
        let kept = &put.events[first..end];
        let keep = if taking.half.is_some() { kept.len().div_ceil(2) } else { kept.len() };
        kept[..keep].iter().for_each(|event| taking.book(event.message.as_bytes()));
        if let Some(status) = taking.half {
            return Reply { is_vague: true, ..refusal(super::serve::error_status(status)) };
        }
        let mut answer = json!({"nextSequenceToken": token});
        if first > 0 {
            answer["rejectedLogEventsInfo"]["tooOldLogEventEndIndex"] = json!(first);
        }
        if end < put.events.len() {
            answer["rejectedLogEventsInfo"]["tooNewLogEventStartIndex"] = json!(end);
        }
        done(&answer)
    }

    /// Which limit the events break, if any.
    fn invalid(&self, events: &[Event]) -> Option<&'static str> {
        let plan = &self.plan;
        let bytes: usize = events.iter().map(|event| event.message.len() + EVENT_BYTES).sum();
        let (Some(first), Some(last)) = (events.first(), events.last()) else { return Some("A call needs log events") };
        if events.len() > plan.call_events_max {
            Some("Log events in a single PutLogEvents request must be no more than the limit of events")
        } else if bytes > plan.call_bytes_max {
            Some("Upload too large: the call exceeds its limit of bytes")
        } else if events.iter().any(|event| event.message.is_empty() || event.message.len() > plan.event_bytes_max) {
            Some("Log event too large or empty")
        } else if !events.is_sorted_by_key(|event| event.timestamp) {
            Some("Log events in a single PutLogEvents request must be in chronological order.")
        } else if plan.span_ms_max > 0 && last.timestamp - first.timestamp > plan.span_ms_max {
            Some("The batch of log events in a single PutLogEvents request cannot span more than 24 hours.")
        } else {
            None
        }
    }
}

/// 1 to 512 characters; streams take all but `:` and `*`, groups the few that the service names.
fn is_name(name: &str, is_stream: bool) -> bool {
    let allowed =
        |c: char| if is_stream { c != ':' && c != '*' } else { c.is_ascii_alphanumeric() || "._/#-".contains(c) };
    (1..=512).contains(&name.chars().count()) && name.chars().all(allowed)
}

/// Whether a signature is there; whether it is right is judged by others.
fn unsigned(head: &Head<'_>) -> Option<Reply> {
    let signature = head.header("authorization");
    let whole = signature.starts_with("AWS4-HMAC-SHA256 ")
        && ["Credential=", "SignedHeaders=", "Signature="].iter().all(|part| signature.contains(part))
        && head.header("x-amz-date").len() == "20261121T055001Z".len();
    (!whole).then(|| {
        error(StatusCode::FORBIDDEN, "MissingAuthenticationTokenException", "the request has no whole signature")
    })
}

fn missing(what: &str) -> Reply {
    error(StatusCode::BAD_REQUEST, "ResourceNotFoundException", &format!("The specified {what} does not exist."))
}

fn exists(what: &str) -> Reply {
    error(StatusCode::BAD_REQUEST, "ResourceAlreadyExistsException", &format!("The specified {what} already exists"))
}

fn done(body: &Value) -> Reply {
    Reply { headers: HEADERS, body: body.to_string().into(), ..Reply::bare(StatusCode::OK) }
}

fn error(status: StatusCode, kind: &str, message: &str) -> Reply {
    let body = json!({"__type": kind, "message": message}).to_string();
    Reply { headers: HEADERS, body: body.into(), ..Reply::bare(status) }
}
