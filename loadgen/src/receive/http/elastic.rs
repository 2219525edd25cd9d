//! Elasticsearch as far as a log shipper sees it: `_bulk`, answered item by item.
//!
//! ```text
//! {"create":{"_index":"logs-2026.11.21","_id":"5f2…"}}      an action …
//! {"@timestamp":"…","log":"<text>"}                         … and its document
//!   ─▶ {"took":1,"errors":true,"items":[{"create":{"_id":"5f2…","status":201}},{"create":{"status":429,"error":{…}}}]}
//! ```
//! A document under an id that is there already is answered 409 by `create` and replaced by `index`; neither is in the
//! store twice, so neither is booked again.

use std::collections::BTreeSet;

use hyper::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use super::protocol::{Head, Reply, Taking};

/// How the store behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElasticPlan {
    /// Every n-th item is refused with 429; 0: none.
    pub busy_every: u64,
    /// Every n-th item is refused with 400, as a document that does not fit the mapping is; 0: none.
    pub misfit_every: u64,
    /// Documents whose ids are remembered; more are taken without looking for a twin.
    pub ids_max: usize,
}

impl Default for ElasticPlan {
    fn default() -> Self {
        Self { busy_every: 0, misfit_every: 0, ids_max: 50_000_000 }
    }
}

const HEADERS: &[(&str, &str)] = &[("content-type", "application/json"), ("x-elastic-product", "Elasticsearch")];

/// What is in the store.
#[derive(Debug)]
pub(super) struct Store {
    plan: ElasticPlan,
    /// Hashes of index and id.
    ids: BTreeSet<u64>,
    items: u64,
    made: u64,
}

/// An action line. Unknown members are as harmless as the real server finds them.
#[derive(Debug, Default, Deserialize)]
struct Target {
    #[serde(rename = "_index")]
    index: Option<String>,
    #[serde(rename = "_id")]
    id: Option<String>,
}

/// Whether a path is one of `_bulk`.
pub(super) fn is_bulk(path: &str) -> bool {
    path == "/_bulk" || path.ends_with("/_bulk")
}

/// The answer to everything that is no `_bulk`.
pub(super) fn other(head: &Head<'_>) -> Reply {
    let about = head.path == "/" && (head.method == Method::GET || head.method == Method::HEAD);
    reply(
        StatusCode::OK,
        &if about {
            json!({"name": "tailproof", "cluster_name": "tailproof", "cluster_uuid": "tailproof",
                   "version": {"number": "8.15.0", "build_flavor": "default", "minimum_wire_compatibility_version": "7.17.0",
                               "minimum_index_compatibility_version": "7.0.0"},
                   "tagline": "You Know, for Search"})
        } else {
            json!({"acknowledged": true})
        },
    )
}

/// A whole request is refused.
pub(super) fn refusal(status: StatusCode) -> Reply {
    let kind = match status {
        StatusCode::TOO_MANY_REQUESTS => "es_rejected_execution_exception",
        StatusCode::PAYLOAD_TOO_LARGE => "circuit_breaking_exception",
        _ => "cluster_block_exception",
    };
    reply(status, &json!({"error": {"type": kind, "reason": "refused on the bench's plan"}, "status": status.as_u16()}))
}

impl Store {
    pub(super) fn new(plan: ElasticPlan) -> Self {
        Self { plan, ids: BTreeSet::new(), items: 0, made: 0 }
    }

    /// Takes a bulk request; the second half of its items is refused if so planned.
    pub(super) fn bulk(&mut self, head: &Head<'_>, body: &[u8], taking: &mut Taking<'_>) -> Reply {
        let default = head.path.trim_matches('/').strip_suffix("_bulk").unwrap_or_default().trim_matches('/');
        let items = match items(body) {
            Ok(items) => items,
            Err((line, why)) => return malformed(line, why),
        };
        let keep = if taking.half.is_some() { items.len().div_ceil(2) } else { items.len() };
        let mut answers = Vec::with_capacity(items.len());
        for (place, item) in items.iter().enumerate() {
            let planned = if place >= keep { taking.half } else { self.planned() };
            answers.push(self.item(item, default, planned, taking));
        }
        let errors = answers.iter().any(|(status, _)| *status >= 300);
        let items: Vec<Value> = answers.into_iter().map(|(_, answer)| answer).collect();
        reply(StatusCode::OK, &json!({"took": 1, "errors": errors, "items": items}))
    }

    /// The status with which the next item is refused, if it is.
    fn planned(&mut self) -> Option<u16> {
        self.items += 1;
        let is_turn = |every: u64| every > 0 && self.items.is_multiple_of(every);
        if is_turn(self.plan.busy_every) { Some(429) } else { is_turn(self.plan.misfit_every).then_some(400) }
    }

    fn item(&mut self, item: &Item<'_>, default: &str, planned: Option<u16>, taking: &mut Taking<'_>) -> (u16, Value) {
        let index = item.target.index.as_deref().unwrap_or(default);
        let id = item.target.id.clone().unwrap_or_else(|| {
            self.made += 1;
            format!("made-{}", self.made)
        });
        let (status, error) = if index.is_empty() {
            (400, Some(("action_request_validation_exception", "an index is missing")))
        } else if let Some(status) = planned {
            let kind = if status == 400 { "document_parsing_exception" } else { "es_rejected_execution_exception" };
            (status, Some((kind, "refused on the bench's plan")))
        } else if serde_json::from_slice::<serde::de::IgnoredAny>(item.document).is_err() {
            (400, Some(("document_parsing_exception", "the document is no JSON")))
        } else {
            let key = crate::receive::key(&[index.as_bytes(), b"/", id.as_bytes()]);
            let is_new = self.ids.len() >= self.plan.ids_max || self.ids.insert(key);
            if is_new {
                taking.book(item.document);
            }
            match (is_new, item.is_create) {
                (true, _) => (201, None),
                (false, true) => (409, Some(("version_conflict_engine_exception", "the document is there already"))),
                (false, false) => (200, None),
            }
        };
        let verb = if item.is_create { "create" } else { "index" };
        let mut answer = json!({"_index": index, "_id": id, "status": status});
        if let Some((kind, reason)) = error {
            answer["error"] = json!({"type": kind, "reason": reason});
        }
        (status, json!({verb: answer}))
    }
}

struct Item<'a> {
    is_create: bool,
    target: Target,
    document: &'a [u8],
}

/// The actions of a body with their documents, or the line (from 1) that cannot be understood.
fn items(body: &[u8]) -> Result<Vec<Item<'_>>, (usize, &'static str)> {
    let mut items = Vec::new();
    if body.last().is_some_and(|&last| last != b'\n') {
        let lines = memchr::memchr_iter(b'\n', body).count();
        return Err((lines + 1, "The bulk request must be terminated by a newline [\\n]"));
    }
    let mut lines = body.split(|&byte| byte == b'\n').zip(1usize..).filter(|(line, _)| !line.is_empty());
    while let Some((line, at)) = lines.next() {
        let action: std::collections::BTreeMap<String, Target> =
            serde_json::from_slice(line).map_err(|_| (at, "Malformed action/metadata line"))?;
        let mut action = action.into_iter();
        let (Some((verb, target)), None) = (action.next(), action.next()) else {
            return Err((at, "Malformed action/metadata line, expected one action"));
        };
        let is_create = match verb.as_str() {
            "create" => true,
            "index" => false,
            _ => return Err((at, "the bench takes create and index only")),
        };
        let (document, _) = lines.next().ok_or((at, "The action has no document"))?;
        items.push(Item { is_create, target, document });
    }
    if items.is_empty() { Err((1, "request body is required")) } else { Ok(items) }
}

fn malformed(line: usize, why: &str) -> Reply {
    let reason = format!("{why} [{line}]");
    reply(
        StatusCode::BAD_REQUEST,
        &json!({"error": {"type": "illegal_argument_exception", "reason": reason}, "status": 400}),
    )
}

fn reply(status: StatusCode, body: &Value) -> Reply {
    Reply { headers: HEADERS, body: body.to_string().into(), ..Reply::bare(status) }
}
