//! Objects whose record was parsed by the agent (JSON, an access log, pairs): the fields lie beside the agent's own.
//!
//! The text cannot be read off such an object (order, spacing and number format are the agent's), so it is recomputed
//! from the stamp and compared field by field (see `fields.rs`). If one field differs, what arrived is handed on as it
//! is, and the judge finds it damaged.

use results::{identity, ledger::Seen};
use serde_json::{Map, Value};

use super::{Keys, Record, Take, fields, text::without_line_feed};
use crate::payload::{Body, Payloads};

/// Hands on the record of an object without a text of its own; false if it is no JSON object.
pub(super) fn take(line: &[u8], keys: &Keys, payloads: Option<&Payloads>, take: &mut Take<'_>) -> bool {
    let Ok(Value::Object(found)) = serde_json::from_slice::<Value>(line) else { return false };
    let string = |key: &String| found.get(key).and_then(Value::as_str).map(str::as_bytes);
    let seen = Seen { path: keys.paths.iter().find_map(string), output: string(&keys.output) };
    if let Some(text) = string(&keys.text) {
        take(Record::Text(without_line_feed(text)), seen);
    } else if let Some((text, body)) = payloads.and_then(|payloads| rebuild(&found, payloads)) {
        // An access log has a path of its own: that of the request.
        let path = keys.paths.iter().filter(|key| !fields::are_called(body, key)).find_map(string);
        take(Record::Text(&text), Seen { path, ..seen });
    } else {
        take(Record::Text(line), seen);
    }
    true
}

/// The text these fields must have come from, if all of them agree with it.
fn rebuild(found: &Map<String, Value>, payloads: &Payloads) -> Option<(Vec<u8>, Body)> {
    let stamp = found.values().filter_map(Value::as_str).find_map(|value| {
        let value = value.as_bytes();
        identity::Stamp::decode(&value[identity::find(value)?..]).ok()
    })?;
    let body = payloads.get(stamp.0.id.stream)?.body();
    let text = payloads.expected(&stamp.0)?;
    let expected = fields::of(body, std::str::from_utf8(&text).ok()?)?;
    let agrees = expected.iter().all(|field| field.agrees(found));
    drop(expected);
    agrees.then_some((text, body))
}
