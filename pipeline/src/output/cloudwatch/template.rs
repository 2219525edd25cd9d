//! Names of groups and streams: a fixed text, the tag behind a prefix, or text with keys of the record.
//!
//! ```text
//! logs-$kubernetes['namespace_name'].$stream        $(stream) where a letter follows
//! ```

use crate::{event::Fields, event::Value};

/// Longest name that the store takes, characters.
const NAME_MAX: usize = 512;

/// How a name is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    parts: Vec<Part>,
    /// Used when the record lacks a key.
    otherwise: Option<Box<Template>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Tag,
    Key(Vec<String>),
}

impl Template {
    /// Always the same.
    pub(super) fn fixed(text: &str) -> Self {
        Self { parts: vec![Part::Text(text.to_owned())], otherwise: None }
    }

    /// The tag behind a prefix.
    pub(super) fn tagged(prefix: &str) -> Self {
        Self { parts: vec![Part::Text(prefix.to_owned()), Part::Tag], otherwise: None }
    }

    /// Text with keys; none if a key is malformed.
    pub(super) fn read(text: &str, otherwise: Option<&str>) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('$') {
            if at > 0 {
                parts.push(Part::Text(rest[..at].to_owned()));
            }
            rest = &rest[at + 1..];
            if let Some(inner) = rest.strip_prefix('(') {
                let end = inner.find(')')?;
                let (key, left) = key(&inner[..end])?;
                if !left.is_empty() {
                    return None;
                }
                parts.push(key);
                rest = &inner[end + 1..];
            } else {
                let (found, left) = key(rest)?;
                parts.push(found);
                rest = left;
            }
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Some(Self { parts, otherwise: otherwise.map(|text| Box::new(Self::fixed(text))) })
    }

    /// With another template for records that lack a key.
    pub(super) fn or(mut self, otherwise: Option<Self>) -> Self {
        self.otherwise = otherwise.map(Box::new);
        self
    }

    /// Whether records have to be looked at.
    pub(super) fn needs_fields(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Key(_)))
    }

    /// The name for a record, made fit for the store; none if a key is missing and nothing stands in for it.
    pub(super) fn name(&self, tag: &str, fields: Option<&Fields>) -> Option<String> {
        let mut name = String::new();
        for part in &self.parts {
            match part {
                Part::Text(text) => name.push_str(text),
                Part::Tag => name.push_str(tag),
                Part::Key(path) => match fields.and_then(|fields| fields.path(path)).and_then(text) {
                    Some(text) => name.push_str(&text),
                    None => return self.otherwise.as_ref()?.name(tag, fields),
                },
            }
        }
        // What comes from a record may be anything; the store forbids these.
        let fit = |c: char| if c.is_control() || c == ':' || c == '*' { '_' } else { c };
        let name: String = name.chars().map(fit).take(NAME_MAX).collect();
        (!name.is_empty()).then_some(name)
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Text(text) => Some(String::from_utf8_lossy(text).into_owned()),
        Value::Int(number) => Some(number.to_string()),
        Value::Unsigned(number) => Some(number.to_string()),
        Value::Bool(yes) => Some(yes.to_string()),
        _ => None,
    }
}

/// A key at the beginning of a text, and what follows it.
fn key(text: &str) -> Option<(Part, &str)> {
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != '-').unwrap_or(text.len());
    let (name, mut rest) = text.split_at(end);
    if name.is_empty() {
        return None;
    }
    if name == "tag" || name == "TAG" {
        return Some((Part::Tag, rest));
    }
    let mut path = vec![name.to_owned()];
    while let Some(inner) = rest.strip_prefix("['") {
        let end = inner.find("']")?;
        path.push(inner[..end].to_owned());
        rest = &inner[end + 2..];
    }
    Some((Part::Key(path), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::json;

    #[test]
    fn names_are_made_of_texts_keys_and_the_tag() {
        let fields = json::object(br#"{"kubernetes":{"ns":"shop","labels":{"app":"a:b"}},"n":7}"#).unwrap();
        let name = |text: &str| Template::read(text, Some("other")).unwrap().name("t.1", Some(&fields)).unwrap();
        for (text, expected) in [
            ("plain", "plain"),
            ("logs-$kubernetes['ns'].$n", "logs-shop.7"),
            ("$(n)x-$tag", "7x-t.1"),
            ("$kubernetes['labels']['app']", "a_b"),
            ("a-$missing", "other"),
            ("a-$kubernetes", "other"),
        ] {
            assert_eq!(name(text), expected, "{text}");
        }
        for bad in ["$", "a$ b", "$a['b", "$(a", "$(a b)"] {
            assert_eq!(Template::read(bad, None), None, "{bad}");
        }
        assert_eq!(Template::read("$x", None).unwrap().name("t", Some(&fields)), None);
    }
}
