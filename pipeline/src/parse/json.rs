//! Texts that are JSON objects: checked here, merged into the record by the encoder without being taken apart.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};

struct Object;

impl<'de> Deserialize<'de> for Object {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Object)
    }
}

impl<'de> Visitor<'de> for Object {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(self)
    }
}

/// If `text` is one JSON object: where its fields begin, without the braces, and their length.
pub(super) fn fields(text: &[u8]) -> Option<(usize, usize)> {
    let trimmed = str::from_utf8(text).ok()?.trim_ascii();
    if !trimmed.starts_with('{') {
        return None;
    }
    serde_json::from_str::<Object>(trimmed).ok()?;
    let inner = trimmed[1..trimmed.len() - 1].trim_ascii();
    let skip = text.len() - text.trim_ascii_start().len() + 1;
    let lead = trimmed.len() - 1 - trimmed[1..].trim_ascii_start().len();
    Some(if inner.is_empty() { (skip, 0) } else { (skip + lead, inner.len()) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whole_objects_are_merged() {
        let inner = |text: &'static str| fields(text.as_bytes()).map(|(skip, len)| &text[skip..skip + len]);
        assert_eq!(inner(" { \"a\" : 1 } "), Some("\"a\" : 1"));
        assert_eq!(inner("{}"), Some(""));
        assert_eq!(inner("{ }"), Some(""));
        assert_eq!(inner("{\"a\":{\"b\":[]}}"), Some("\"a\":{\"b\":[]}"));
        for not in ["", "[1]", "{\"a\":1", "{\"a\":1} x", "{a:1}", "7"] {
            assert_eq!(inner(not), None, "{not}");
        }
        assert_eq!(fields(b"{\"a\":\"\xff\"}"), None);
    }
}
