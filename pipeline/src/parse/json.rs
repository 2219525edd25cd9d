//! Texts that are JSON objects: checked here, merged into the record by the encoder without being taken apart.

use std::{borrow::Cow, ops::Range};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use crate::event::json;

/// A key of an object and its value, as they stand in the text.
type Pair<'de> = (&'de str, &'de str);

/// An object that was read through: the pairs of one key.
struct Object<'k> {
    /// As it stands in a text without escapes, with its quotes; none: no pair is wanted.
    key: Option<&'k str>,
}

impl<'de> DeserializeSeed<'de> for Object<'_> {
    type Value = Vec<Pair<'de>>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Object<'_> {
    type Value = Vec<Pair<'de>>;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut pairs = Vec::new();
        let Some(wanted) = self.key else {
            while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(pairs);
        };
        while let Some(key) = map.next_key::<&RawValue>()? {
            if is_key(key.get(), wanted) {
                pairs.push((key.get(), map.next_value::<&RawValue>()?.get()));
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(pairs)
    }
}

/// Whether two keys are the same, of which the first may be written with escapes.
fn is_key(raw: &str, wanted: &str) -> bool {
    raw == wanted
        || (raw.contains('\\') && serde_json::from_str::<String>(raw).ok() == serde_json::from_str(wanted).ok())
}

/// The inside of an object, without its braces and the blanks around it.
pub(super) struct Inner<'t> {
    pub(super) text: &'t str,
    /// Its pairs of the wanted key, with their places in `text`.
    pub(super) pairs: Vec<(Range<usize>, &'t str)>,
}

/// If `text` is one JSON object: its inside, and where the pairs of the key `wanted` are, which is given in quotes.
pub(super) fn inner<'t>(text: &'t [u8], wanted: Option<&str>) -> Option<Inner<'t>> {
    let trimmed = str::from_utf8(text).ok()?.trim_ascii();
    if !trimmed.starts_with('{') {
        return None;
    }
    let mut reader = serde_json::Deserializer::from_str(trimmed);
    let pairs = Object { key: wanted }.deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    let inside = &trimmed[1..trimmed.len() - 1];
    let text = inside.trim_ascii();
    let at = |part: &str| part.as_ptr() as usize - text.as_ptr() as usize;
    let pairs = pairs.into_iter().map(|(key, value)| (at(key)..at(value) + value.len(), value)).collect();
    Some(Inner { text, pairs })
}

impl Inner<'_> {
    /// Appends its text without the pairs.
    pub(super) fn without(&self, out: &mut Vec<u8>) {
        let (start, mut at) = (out.len(), 0);
        for (place, _) in &self.pairs {
            out.extend_from_slice(&self.text.as_bytes()[at..place.start]);
            let rest = self.text[place.end..].trim_ascii_start();
            // The comma behind a pair goes with it, …
            at = self.text.len() - rest.strip_prefix(',').unwrap_or(rest).len();
        }
        out.extend_from_slice(&self.text.as_bytes()[at..]);
        if at == self.text.len() {
            // … and where none is behind the last, the one before it.
            let kept = out[start..].trim_ascii_end();
            out.truncate(start + kept.strip_suffix(b",").unwrap_or(kept).trim_ascii_end().len());
        }
    }
}

/// What a value of JSON says, if it is text or a number or true or false.
pub(super) fn shown(raw: &str) -> Option<Cow<'_, [u8]>> {
    let plain = raw.strip_prefix('"').and_then(|text| text.strip_suffix('"')).filter(|text| !text.contains('\\'));
    match plain {
        Some(text) => Some(Cow::Borrowed(text.as_bytes())),
        None => json::value(raw.as_bytes())?.shown().map(|text| Cow::Owned(text.into_owned())),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_whole_objects_are_merged() {
        let inner = |text: &'static str| inner(text.as_bytes(), None).map(|inner| inner.text);
        assert_eq!(inner(" { \"a\" : 1 } "), Some("\"a\" : 1"));
        assert_eq!(inner("{}"), Some(""));
        assert_eq!(inner("{ }"), Some(""));
        assert_eq!(inner("{\"a\":{\"b\":[]}}"), Some("\"a\":{\"b\":[]}"));
        for not in ["", "[1]", "{\"a\":1", "{\"a\":1} x", "{a:1}", "7"] {
            assert_eq!(inner(not), None, "{not}");
        }
        assert!(super::inner(b"{\"a\":\"\xff\"}", None).is_none());
    }

    #[test]
    fn a_key_is_taken_out_wherever_it_stands_and_however_it_is_written() {
        let table = [
            (r#"{"t":1}"#, "", &["1"][..]),
            (r#"{"t":1,"a":2}"#, r#""a":2"#, &["1"]),
            (r#"{ "a" : 2 , "t" : [1,{"t":5}] }"#, r#""a" : 2"#, &[r#"[1,{"t":5}]"#]),
            (r#"{"a":2,"t":"x\"y" , "b":"t"}"#, r#""a":2, "b":"t""#, &[r#""x\"y""#]),
            (r#"{"t":1,"a":2,"\u0074":3,"t":4}"#, r#""a":2"#, &["1", "3", "4"]),
            (r#"{"a":{"t":1},"tt":2}"#, r#""a":{"t":1},"tt":2"#, &[]),
        ];
        for (text, left, values) in table {
            let inner = inner(text.as_bytes(), Some("\"t\"")).unwrap();
            let mut out = b"before,".to_vec();
            inner.without(&mut out);
            assert_eq!(str::from_utf8(&out).unwrap(), format!("before,{left}"), "{text}");
            assert_eq!(inner.pairs.iter().map(|(_, value)| *value).collect::<Vec<_>>(), values, "{text}");
        }
    }

    proptest! {
        /// The same as taking the record apart.
        #[test]
        fn the_short_way_and_the_long_way_agree(
            keys in proptest::collection::vec("[abt]|\\\\u0074", 0..6),
            values in proptest::collection::vec(r#"0|-1\.5|"t"|"a,b"|\[1,2\]|\{"t":3\}|null|true"#, 6),
            gap in "[ ]{0,2}",
        ) {
            let pairs: Vec<String> =
                keys.iter().zip(&values).map(|(key, value)| format!("{gap}\"{key}\"{gap}:{gap}{value}{gap}")).collect();
            let text = format!("{{{}}}", pairs.join(","));
            let mut long = json::object(text.as_bytes()).unwrap();
            let removed = long.remove("t");
            let short = inner(text.as_bytes(), Some("\"t\"")).unwrap();
            let mut out = Vec::new();
            short.without(&mut out);
            prop_assert_eq!(json::inner(&out), Some(long), "{}", text);
            let first = short.pairs.first().and_then(|(_, value)| json::value(value.as_bytes()));
            prop_assert_eq!(first, removed);
        }
    }
}
