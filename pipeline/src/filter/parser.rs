//! `parser`: makes fields of the text in one field.
//!
//! Several parsers are tried in order; the first that fits wins. What it finds comes first in the record; of the other
//! fields (`Reserve_Data`) and the text itself (`Preserve_Key`) those stay that it did not find as well. A text that no
//! parser fits leaves the record as it is.

use std::{borrow::Cow, sync::Arc};

use crate::{
    config::{
        error::At,
        keys::{Keys, bad},
    },
    event::{Event, Fields, Value, accessor::Accessor},
    parse::{
        parser::{Parsed, Parser, ParserPlan, Parsers, parser_named, unescape},
        time::Time,
    },
};

pub(crate) const KEYS: &[&str] = &["Key_Name", "Parser", "Preserve_Key", "Reserve_Data", "Unescape_Key"];
pub(crate) const MANY: &[&str] = &["Parser"];

/// Which text becomes fields, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct ParserFilterPlan {
    name: String,
    key: Accessor,
    parsers: Vec<Arc<ParserPlan>>,
    preserve: bool,
    reserve: bool,
    unescape: bool,
    reads: Reads,
}

/// What of the text the parsers see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// All of it.
    Whole,
    /// A line each: the first parser is that of the first line, the others are those of the further ones.
    Lines,
}

pub(crate) fn plan(keys: &Keys<'_>, parsers: &Parsers) -> At<ParserFilterPlan> {
    let key = keys.need("Key_Name")?;
    keys.need("Parser")?;
    let parsers = keys.all("Parser").map(|entry| parser_named(parsers, entry, &entry.value)).collect::<At<_>>()?;
    Ok(ParserFilterPlan {
        name: key.value.clone(),
        key: Accessor::new(&key.value).ok_or_else(|| (key.line, bad(key, "a field, as log or $a['b']")))?,
        parsers,
        preserve: keys.boolean("Preserve_Key", false)?,
        reserve: keys.boolean("Reserve_Data", false)?,
        unescape: keys.boolean("Unescape_Key", false)?,
        reads: Reads::Whole,
    })
}

impl ParserFilterPlan {
    /// A parser for the text under `key` of the lines of a file; what else their record has stays.
    pub(crate) fn of_lines(parser: Arc<ParserPlan>, key: &str) -> Option<Self> {
        Some(Self {
            name: key.to_owned(),
            key: Accessor::new(key)?,
            parsers: vec![parser],
            preserve: false,
            reserve: true,
            unescape: false,
            reads: Reads::Whole,
        })
    }

    /// Parsers for the lines of the text under `key`: the first for the first, of the others the one that fits for each
    /// further line. A line that none fits goes on in the last field that was found.
    pub(crate) fn of_first_lines(parsers: Vec<Arc<ParserPlan>>, key: &str) -> Option<Self> {
        let first = parsers.first().cloned()?;
        Some(Self { parsers, reads: Reads::Lines, ..Self::of_lines(first, key)? })
    }
}

/// The filter at work.
#[derive(Debug)]
pub(super) struct ParserFilter {
    plan: ParserFilterPlan,
    parsers: Vec<Parser>,
}

impl ParserFilter {
    pub(super) fn new(plan: &ParserFilterPlan) -> Self {
        let parsers = plan.parsers.iter().map(|plan| Parser::new(Arc::clone(plan))).collect();
        Self { plan: plan.clone(), parsers }
    }

    pub(super) fn apply(&mut self, event: &mut Event) {
        let Some(text) = self.plan.key.get(&event.fields).and_then(Value::as_bytes) else { return };
        let text = match unescape(text).filter(|_| self.plan.unescape) {
            Some(text) => Cow::Owned(text),
            None => Cow::Borrowed(text),
        };
        let parsed = match self.plan.reads {
            Reads::Whole => self.parsers.iter_mut().find_map(|parser| parser.parse(&text, event.time)),
            Reads::Lines => lines(&mut self.parsers, &text, self.plan.name.as_bytes(), event.time),
        };
        let Some(parsed) = parsed else { return };
        event.time = parsed.time.unwrap_or(event.time);
        let before = std::mem::replace(&mut event.fields, parsed.fields);
        self.keep(before, &mut event.fields);
    }

    /// What stays of the record as it was.
    fn keep(&self, before: Fields, fields: &mut Fields) {
        let found = fields.len();
        for (key, value) in before.0 {
            let wanted = if key == self.plan.name.as_bytes() { self.plan.preserve } else { self.plan.reserve };
            if wanted && !fields.0[..found].iter().any(|(name, _)| *name == key) {
                fields.0.push((key, value));
            }
        }
    }
}

/// Fields of a text of several lines: see [`ParserFilterPlan::of_first_lines`].
fn lines(parsers: &mut [Parser], text: &[u8], key: &[u8], now: Time) -> Option<Parsed> {
    let (first, further) = parsers.split_first_mut()?;
    let mut lines = text.split(|byte| *byte == b'\n');
    let mut parsed = first.parse(lines.next()?, now)?;
    for line in lines {
        match further.iter_mut().find_map(|parser| parser.parse(line, now)) {
            Some(more) => more.fields.0.into_iter().for_each(|(name, value)| parsed.fields.set(name, value)),
            None => match parsed.fields.0.last_mut() {
                Some((_, Value::Text(text))) => {
                    text.push(b'\n');
                    text.extend_from_slice(line);
                }
                // What cannot go on is kept by itself.
                _ => parsed.fields.push(key, Value::text(line)),
            },
        }
    }
    Some(parsed)
}

#[cfg(test)]
mod tests {
    use crate::filter::tests::{refused, run};

    #[test]
    fn the_first_parser_that_fits_makes_fields_and_what_is_to_stay_stays() {
        let json = "Key_Name message\nParser ltsv\nParser json\n";
        let record = r#"{"pri":"190","message":"{\"a\":1,\"pri\":2}","ident":"nginx"}"#;
        let table = [
            ("", r#"{"a":1,"pri":2}"#),
            ("Reserve_Data on\n", r#"{"a":1,"pri":2,"ident":"nginx"}"#),
            ("Preserve_Key on\n", r#"{"a":1,"pri":2,"message":"{\"a\":1,\"pri\":2}"}"#),
            (
                "Reserve_Data on\nPreserve_Key on\n",
                r#"{"a":1,"pri":2,"message":"{\"a\":1,\"pri\":2}","ident":"nginx"}"#,
            ),
        ];
        for (keys, expected) in table {
            assert_eq!(run("parser", &format!("{json}{keys}"), &[record]), [expected], "{keys}");
        }
    }

    #[test]
    fn a_text_that_no_parser_fits_stays_as_it_is() {
        let record = r#"{"log":"no json","b":[1]}"#;
        assert_eq!(run("parser", "Key_Name log\nParser json", &[record, "{}"]), [record, "{}"]);
    }

    #[test]
    fn an_unknown_parser_is_refused() {
        insta::assert_snapshot!(refused("parser", "Key_Name log\nParser jsn"), @"use the configuration t.conf:7: there is no parser `jsn`; did you mean `json`?");
    }
}
