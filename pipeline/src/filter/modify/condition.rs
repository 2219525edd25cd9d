//! The conditions of `modify`.

use crate::{
    config::{
        Entry,
        error::{At, Problem},
        keys::bad,
        nearest::nearest_of,
    },
    event::{Fields, Text, Value, accessor::Accessor},
    filter::words::words,
    parse::{parser, pattern::Pattern},
};

const KINDS: &[&str] = &[
    "Key_exists",
    "Key_does_not_exist",
    "A_key_matches",
    "No_key_matches",
    "Key_value_equals",
    "Key_value_does_not_equal",
    "Key_value_matches",
    "Key_value_does_not_match",
    "Matching_keys_have_matching_values",
    "Matching_keys_do_not_have_matching_values",
];

/// What must hold of a record.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Condition {
    what: What,
    /// Otherwise it must not.
    holds: bool,
}

#[derive(Debug, Clone, PartialEq)]
enum What {
    Exists(Accessor),
    KeyMatches(Pattern),
    Equals(Accessor, Text),
    Matches(Accessor, Pattern),
    AllMatch(Pattern, Pattern),
}

/// The condition that an entry states.
pub(super) fn read(entry: &Entry) -> At<Condition> {
    let words = words(&entry.value);
    let word = words.first().map(String::as_str).unwrap_or_default();
    let Some(kind) = KINDS.iter().position(|kind| kind.eq_ignore_ascii_case(word)) else {
        let nearest = nearest_of(word, KINDS.iter().copied());
        return Err((entry.line, Problem::Unknown { what: "condition", word: word.to_owned(), nearest, known: KINDS }));
    };
    let arguments = &words[1..];
    let expected =
        || (entry.line, bad(entry, if kind < 4 { "a condition and one word" } else { "a condition and two words" }));
    if arguments.len() != if kind < 4 { 1 } else { 2 } {
        return Err(expected());
    }
    let key = || Accessor::new(&arguments[0]).ok_or_else(expected);
    let pattern = |index: usize| parser::pattern(entry, &arguments[index]);
    let what = match kind {
        0 | 1 => What::Exists(key()?),
        2 | 3 => What::KeyMatches(pattern(0)?),
        4 | 5 => What::Equals(key()?, arguments[1].as_bytes().to_vec()),
        6 | 7 => What::Matches(key()?, pattern(1)?),
        _ => What::AllMatch(pattern(0)?, pattern(1)?),
    };
    Ok(Condition { what, holds: kind % 2 == 0 })
}

impl Condition {
    pub(super) fn holds(&self, fields: &Fields) -> bool {
        let says = |value: &Value, what: &dyn Fn(&[u8]) -> bool| value.shown().is_some_and(|text| what(&text));
        // Of a key that is not there nothing is said, neither that it equals nor that it differs.
        let found = match &self.what {
            What::Exists(key) => Some(key.get(fields).is_some()),
            What::KeyMatches(pattern) => Some(fields.0.iter().any(|(key, _)| pattern.is_match(key))),
            What::Equals(key, text) => key.get(fields).map(|value| says(value, &|found| found == text)),
            What::Matches(key, pattern) => key.get(fields).map(|value| says(value, &|found| pattern.is_match(found))),
            What::AllMatch(keys, values) => {
                let mut of = fields.0.iter().filter(|(key, _)| keys.is_match(key));
                Some(of.all(|(_, value)| says(value, &|found| values.is_match(found))))
            }
        };
        found == Some(self.holds)
    }
}
