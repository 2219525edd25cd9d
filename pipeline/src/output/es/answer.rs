//! The answer to a bulk request: one verdict for each item, in the order of the request.
//!
//! ```text
//! {"took":3,"errors":true,"items":[{"create":{"status":201}},{"create":{"status":429,"error":{"type":"…","reason":"…"}}}]}
//! ```

use std::fmt;

use serde::{
    Deserialize,
    de::{Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor},
};
use thiserror::Error;

/// What became of an item.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is stored.
    Taken,
    /// Its id was there already.
    Known,
    /// It may be accepted later.
    Later(String),
    /// It can never be accepted.
    Never(String),
}

/// An answer that says nothing about the items.
#[derive(Debug, Error)]
pub(super) enum AnswerError {
    #[error("read the answer to a bulk request: {0}; check that a bulk API listens there")]
    Malformed(serde_json::Error),
    #[error("read the answer to a bulk request: {got} items for {sent}; check what stands in between")]
    Count { got: usize, sent: usize },
}

/// Longest reason that is kept, characters.
const REASON_MAX: usize = 300;

#[derive(Deserialize)]
struct Whole {
    errors: bool,
    items: Items,
}

#[derive(Deserialize)]
struct Item {
    status: u16,
    #[serde(default)]
    error: Option<serde_json::Value>,
}

/// The items; without errors their number is all that is kept.
struct Items(Vec<Verdict>);

/// Verdicts of an answer to a request with `sent` items.
pub(super) fn read(body: &[u8], sent: usize) -> Result<Vec<Verdict>, AnswerError> {
    let whole: Whole = serde_json::from_slice(body).map_err(AnswerError::Malformed)?;
    let Items(mut items) = whole.items;
    if items.len() != sent {
        return Err(AnswerError::Count { got: items.len(), sent });
    }
    if !whole.errors {
        // A store that says so has taken them all, whatever status it wrote.
        items.iter_mut().filter(|item| **item != Verdict::Known).for_each(|item| *item = Verdict::Taken);
    }
    Ok(items)
}

impl Item {
    fn verdict(self) -> Verdict {
        let reason = || {
            let text = self.error.as_ref().map(|error| match error["reason"].as_str() {
                Some(reason) => format!("{}: {reason}", error["type"].as_str().unwrap_or("error")),
                None => error.to_string(),
            });
            let text = format!("{}: {}", self.status, text.unwrap_or_default());
            text.chars().take(REASON_MAX).collect()
        };
        match self.status {
            200..300 => Verdict::Taken,
            409 => Verdict::Known,
            408 | 429 | 500.. => Verdict::Later(reason()),
            _ => Verdict::Never(reason()),
        }
    }
}

impl<'de> Deserialize<'de> for Items {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ItemsVisitor)
    }
}

struct ItemsVisitor;

impl<'de> Visitor<'de> for ItemsVisitor {
    type Value = Items;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the items of a bulk answer")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Items, A::Error> {
        let mut verdicts = Vec::new();
        while let Some(One(item)) = items.next_element()? {
            verdicts.push(item.verdict());
        }
        Ok(Items(verdicts))
    }
}

/// `{"create": item}`, whatever the action is called.
struct One(Item);

impl<'de> Deserialize<'de> for One {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OneVisitor)
    }
}

struct OneVisitor;

impl<'de> Visitor<'de> for OneVisitor {
    type Value = One;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an action and its result")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<One, A::Error> {
        let first = map.next_entry::<IgnoredAny, Item>()?;
        let (_, item) = first.ok_or_else(|| serde::de::Error::custom("an item without an action"))?;
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(One(item))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn each_item_gets_the_verdict_of_its_status() {
        let body =
            br#"{"took":1,"errors":true,"items":[{"create":{"_index":"a","status":201}},{"create":{"status":409}},
            {"index":{"status":429,"error":{"type":"rejected","reason":"full"}}},{"create":{"status":503}},
            {"create":{"status":400,"error":{"type":"mapper","reason":"no date"}}}]}"#;
        let verdicts = read(body, 5).unwrap();
        let expected = [
            Verdict::Taken,
            Verdict::Known,
            Verdict::Later("429: rejected: full".into()),
            Verdict::Later("503: ".into()),
            Verdict::Never("400: mapper: no date".into()),
        ];
        assert_eq!(verdicts, expected);
        read(body, 4).unwrap_err();
    }

    #[test]
    fn an_answer_that_is_none_takes_nothing() {
        for body in ["", "{}", "[]", "ok", r#"{"errors":false}"#, r#"{"errors":false,"items":[{}]}"#] {
            read(body.as_bytes(), 1).expect_err(body);
        }
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in "[\\[\\]{}\":,a-z0-9]{0,60}") {
            let _ = read(body.as_bytes(), 1);
        }
    }
}
