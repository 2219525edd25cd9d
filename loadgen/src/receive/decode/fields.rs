//! What an agent's parser makes of a text: the fields that must be in the record, read off the expected text by the
//! bench's own parsers.
//!
//! ```text
//! JSON            every member                           logfmt, LTSV   every pair
//! combined        remote host user time method path code size referer agent   under the names that usual parsers give
//! ```
//! The time may be missing: parsers take it for the record's own. Values are compared as text, numbers as numbers.

use std::borrow::Cow;

use serde_json::{Map, Value};

use crate::payload::Body;

/// One field that a text says.
#[derive(Debug, PartialEq)]
pub(super) struct Field<'a> {
    /// Keys under which it may be found.
    names: Cow<'static, [&'static str]>,
    /// The key, where the text itself names it.
    name: Option<Cow<'a, str>>,
    value: Value,
    /// Whether a parser may leave it out.
    is_optional: bool,
}

/// Names of the fields of the combined format, in the order of the line, and whether parsers may leave them out.
const COMBINED: [(&[&str], bool); 10] = [
    (&["remote", "remote_addr", "host", "client"], false),
    (&["host", "ident"], true),
    (&["user", "remote_user"], true),
    (&["time", "time_local"], true),
    (&["method"], false),
    (&["path", "request_uri", "uri"], false),
    (&["code", "status"], false),
    (&["size", "body_bytes_sent", "bytes"], false),
    (&["referer", "http_referer"], true),
    (&["agent", "user_agent", "http_user_agent"], false),
];

/// The fields of a text; `None` if it has none, or is not what its body says.
pub(super) fn of(body: Body, text: &str) -> Option<Vec<Field<'_>>> {
    match body {
        Body::NginxJson | Body::IngressJson => match serde_json::from_str(text).ok()? {
            Value::Object(members) => Some(members.into_iter().map(|(key, value)| Field::json(key, value)).collect()),
            _ => None,
        },
        Body::NginxCombined => combined(text),
        Body::Logfmt => logfmt(text),
        Body::Ltsv => {
            text.split('\t').map(|pair| pair.split_once(':').map(|(key, value)| Field::pair(key, value))).collect()
        }
        Body::AppText | Body::StackTrace | Body::Request | Body::Probe => None,
    }
}

impl Field<'_> {
    fn json(key: String, value: Value) -> Self {
        Self { names: Cow::Borrowed(&[]), name: Some(key.into()), value, is_optional: false }
    }

    fn pair<'a>(key: &'a str, value: &str) -> Field<'a> {
        Field { names: Cow::Borrowed(&[]), name: Some(key.into()), value: value.into(), is_optional: key == "time" }
    }

    /// True if the record says the same, or need not say it.
    pub(super) fn agrees(&self, found: &Map<String, Value>) -> bool {
        let own = self.name.as_deref().into_iter();
        let mut arrived = own.chain(self.names.iter().copied()).filter_map(|name| found.get(name)).peekable();
        if arrived.peek().is_none() {
            return self.is_optional;
        }
        arrived.any(|arrived| same(arrived, &self.value))
    }
}

/// Whether a key may be one of the fields of such texts.
pub(super) fn are_called(body: Body, key: &str) -> bool {
    body == Body::NginxCombined && COMBINED.iter().any(|(names, _)| names.contains(&key))
}

/// Equal but for the way a number is written, or that it is written as text.
fn same(arrived: &Value, expected: &Value) -> bool {
    match (arrived, expected) {
        (Value::Number(arrived), Value::Number(expected)) => arrived.as_f64() == expected.as_f64(),
        (Value::Number(arrived), Value::String(expected)) => arrived.as_f64() == expected.parse().ok(),
        _ => arrived == expected,
    }
}

fn combined(text: &str) -> Option<Vec<Field<'static>>> {
    let (who, rest) = text.split_once(" [")?;
    let (time, rest) = rest.split_once("] \"")?;
    let (request, rest) = rest.split_once("\" ")?;
    let (answer, rest) = rest.split_once(" \"")?;
    let (referer, agent) = rest.strip_suffix('"')?.split_once("\" \"")?;
    let mut who = who.splitn(3, ' ');
    let mut request = request.splitn(3, ' ');
    let (code, size) = answer.split_once(' ')?;
    let values =
        [who.next()?, who.next()?, who.next()?, time, request.next()?, request.next()?, code, size, referer, agent];
    let fields = COMBINED.iter().zip(values).map(|((names, is_optional), value)| Field {
        names: Cow::Borrowed(names),
        name: None,
        value: value.into(),
        is_optional: *is_optional,
    });
    Some(fields.collect())
}

/// Pairs parted by blanks; the last value may be quoted and then holds no quote.
fn logfmt(text: &str) -> Option<Vec<Field<'_>>> {
    let mut fields = Vec::new();
    let mut rest = text;
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_at(after.find(' ').unwrap_or(after.len())),
        };
        fields.push(Field::pair(key, value));
        rest = after.strip_prefix(' ').unwrap_or(after);
    }
    Some(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(pairs: &[(&str, Value)]) -> Map<String, Value> {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect()
    }

    fn agree(fields: &[Field<'_>], found: &Map<String, Value>) -> bool {
        fields.iter().all(|field| field.agrees(found))
    }

    const LINE: &str = r#"10.0.1.2 - - [04/Mar/2026:05:00:00 +0000] "GET /a?id=1 HTTP/1.1" 200 612 "-" "curl/8 x""#;

    #[test]
    fn a_combined_line_agrees_under_the_names_of_either_usual_parser_and_with_nothing_changed() {
        let fields = combined(LINE).expect("combined");
        let fluent = [
            ("remote", "10.0.1.2".into()),
            ("method", "GET".into()),
            ("path", "/a?id=1".into()),
            ("code", 200.into()),
            ("size", "612".into()),
            ("agent", "curl/8 x".into()),
        ];
        assert!(agree(&fields, &record(&fluent)));
        for at in 0..fluent.len() {
            let mut changed = fluent.clone();
            changed[at].1 = "other".into();
            assert!(!agree(&fields, &record(&changed)), "{} changed", changed[at].0);
            let mut short = fluent.to_vec();
            short.remove(at);
            assert!(!agree(&fields, &record(&short)), "{} missing", fluent[at].0);
        }
        let mut more = fluent.to_vec();
        more.push(("referer", "other".into()));
        assert!(!agree(&fields, &record(&more)));
    }

    #[test]
    fn pairs_agree_whatever_becomes_of_the_time() {
        for (body, text) in [
            (Body::Logfmt, "id=a time=2026 n=5 msg=\"two words\""),
            (Body::Ltsv, "id:a\ttime:2026\tn:5\tmsg:two words"),
        ] {
            let fields = of(body, text).expect("pairs");
            assert_eq!(fields.len(), 4);
            let found = record(&[("id", "a".into()), ("n", 5.into()), ("msg", "two words".into())]);
            assert!(agree(&fields, &found));
            assert!(!agree(&fields, &record(&[("id", "a".into()), ("msg", "two words".into())])));
            assert!(!agree(&fields, &record(&[("id", "a".into()), ("n", 6.into()), ("msg", "two words".into())])));
        }
    }
}
