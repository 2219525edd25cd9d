//! Records of a body: one object, an array of objects, or objects one after the other.

use std::sync::Arc;

use thiserror::Error;

use crate::{
    event::{Event, Fields, Value},
    parse::time::Time,
    wire::{
        inflate::InflateError,
        msgpack::{MsgpackError, Reader},
    },
};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Json,
    Msgpack,
}

/// Why a body holds no records.
#[derive(Debug, Error)]
pub(super) enum BodyError {
    #[error("{0}; send JSON objects, an array of them or one a line")]
    Json(#[from] serde_json::Error),
    #[error(transparent)]
    Msgpack(#[from] MsgpackError),
    #[error(transparent)]
    Inflate(#[from] InflateError),
    #[error("value {0} is no object; send objects only")]
    NoRecord(usize),
}

/// The records of a body, all of them or none.
pub(super) fn records(kind: Kind, body: &[u8], now: Time) -> Result<Vec<Event>, BodyError> {
    let mut events = Vec::new();
    let mut nth = 0;
    let mut take = |value: Value| -> Result<(), BodyError> {
        let values = match value {
            Value::Array(values) => values,
            value => vec![value],
        };
        for value in values {
            nth += 1;
            match value {
                Value::Map(fields) => events.push(Event::new(now, fields)),
                Value::Array(parts) => events.push(timed(parts).ok_or(BodyError::NoRecord(nth))?),
                _ => return Err(BodyError::NoRecord(nth)),
            }
        }
        Ok(())
    };
    match kind {
        Kind::Json => {
            for value in serde_json::Deserializer::from_slice(body).into_iter() {
                take(value?)?;
            }
        }
        Kind::Msgpack => {
            let mut reader = Reader::new(body);
            while !reader.is_over() {
                take(reader.value()?)?;
            }
        }
    }
    Ok(events)
}

/// `[seconds, {…}]`.
fn timed(parts: Vec<Value>) -> Option<Event> {
    let [time, Value::Map(fields)]: [Value; 2] = parts.try_into().ok()? else { return None };
    let time = match time {
        Value::Int(seconds) => Time { seconds, nanos: 0 },
        Value::Float(seconds) if seconds.abs() < 9e9 => Time::from_unix_ns((seconds * 1e9) as i64),
        _ => return None,
    };
    Some(Event::new(time, fields))
}

/// Records in order, those in a row with one tag together. `key` names the field that holds a record's own tag.
pub(super) fn by_tag(events: Vec<Event>, tag: &Arc<str>, key: Option<&str>) -> Vec<(Arc<str>, Vec<Event>)> {
    let own = |fields: &Fields| -> Option<Arc<str>> {
        let text = std::str::from_utf8(fields.get(key?)?.as_bytes()?).ok()?;
        (!text.is_empty() && text.len() <= super::TAG_MAX && !text.contains(char::is_control)).then(|| text.into())
    };
    let mut groups: Vec<(Arc<str>, Vec<Event>)> = Vec::new();
    for event in events {
        let tag = own(&event.fields).unwrap_or_else(|| Arc::clone(tag));
        match groups.last_mut() {
            Some((last, events)) if *last == tag => events.push(event),
            _ => groups.push((tag, vec![event])),
        }
    }
    groups
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn count(body: &str) -> Result<usize, String> {
        records(Kind::Json, body.as_bytes(), Time::from_unix_ns(7))
            .map(|events| events.len())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn objects_arrays_and_lines_are_records_and_nothing_else_is() {
        assert_eq!(count(r#"{"a":1}"#), Ok(1));
        assert_eq!(count(r#"[{"a":1},{"a":2}]"#), Ok(2));
        assert_eq!(count("{\"a\":1}\n{\"a\":2}\r\n\n{\"a\":3}"), Ok(3));
        assert_eq!(count(r#"[[1.5,{"a":1}]]"#), Ok(1));
        assert_eq!(count(""), Ok(0));
        assert_eq!(count(r#"[{"a":1},2]"#), Err("value 2 is no object; send objects only".to_owned()));
        assert_eq!(count(r#"[["x",{"a":1}]]"#), Err("value 1 is no object; send objects only".to_owned()));
        assert!(count(r#"{"a":1"#).is_err() && count("hello").is_err());
        assert!(count(&"[".repeat(100_000)).is_err());
    }

    #[test]
    fn tags_of_records_keep_the_order() {
        let body = br#"[{"t":"a"},{"t":"a"},{"n":1},{"t":"a"},{"t":""}]"#;
        let events = records(Kind::Json, body, Time::from_unix_ns(0)).unwrap();
        let groups = by_tag(events, &"d".into(), Some("t"));
        let shape: Vec<_> = groups.iter().map(|(tag, events)| (tag.as_ref(), events.len())).collect();
        assert_eq!(shape, [("a", 2), ("d", 1), ("a", 1), ("d", 1)]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
            let _ = records(Kind::Json, &bytes, Time::from_unix_ns(0));
            let _ = records(Kind::Msgpack, &bytes, Time::from_unix_ns(0));
        }
    }
}
