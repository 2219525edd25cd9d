//! `modify`: changes keys, in the order in which the operations are written, if every condition holds.
//!
//! ```text
//! Set K V   Add K V   Remove K   Remove_wildcard PREFIX   Remove_regex EXPRESSION   Rename K NEW   Hard_rename K NEW
//! Copy K NEW   Hard_copy K NEW   Move_to_start K*   Move_to_end K*            Condition KIND ARGUMENTS
//! ```
//! `Add`, `Rename` and `Copy` do nothing where the new key is there already; `Set` and the hard ones replace it.

use super::words::words;
use crate::{
    buffer::route,
    config::{
        Entry,
        error::{At, Problem},
        keys::{Keys, bad},
    },
    event::{Fields, Text, Value},
    parse::{parser, pattern::Pattern},
};

mod condition;

use condition::Condition;

pub(crate) const KEYS: &[&str] = &[
    "Set",
    "Add",
    "Remove",
    "Remove_wildcard",
    "Remove_regex",
    "Rename",
    "Hard_rename",
    "Copy",
    "Hard_copy",
    "Move_to_start",
    "Move_to_end",
    "Condition",
];
pub(crate) const MANY: &[&str] = KEYS;

/// What is changed, and when.
#[derive(Debug, Clone, PartialEq)]
pub struct ModifyPlan {
    conditions: Vec<Condition>,
    operations: Vec<Operation>,
}

#[derive(Debug, Clone, PartialEq)]
enum Operation {
    Set(Text, Text),
    Add(Text, Text),
    Remove(Text),
    RemoveLike(String),
    RemoveMatching(Pattern),
    Rename { from: Text, to: Text, hard: bool },
    Copy { from: Text, to: Text, hard: bool },
    MoveToStart(String),
    MoveToEnd(String),
}

pub(crate) fn plan(keys: &Keys<'_>) -> At<ModifyPlan> {
    let conditions = keys.all("Condition").map(condition::read).collect::<At<_>>()?;
    let names = KEYS.iter().filter(|name| **name != "Condition");
    let mut entries: Vec<(&str, &Entry)> =
        names.flat_map(|name| keys.all(name).map(move |entry| (*name, entry))).collect();
    entries.sort_by_key(|(_, entry)| (entry.line.file, entry.line.line));
    if entries.is_empty() {
        return Err((keys.place(), Problem::Missing("Set")));
    }
    let operations = entries.into_iter().map(|(name, entry)| operation(name, entry)).collect::<At<_>>()?;
    Ok(ModifyPlan { conditions, operations })
}

fn operation(name: &str, entry: &Entry) -> At<Operation> {
    let one = || {
        let word = <[String; 1]>::try_from(words(&entry.value)).ok();
        word.map(|[word]| word).ok_or_else(|| (entry.line, bad(entry, "one key, as log")))
    };
    let two = || {
        let pair = <[String; 2]>::try_from(words(&entry.value)).ok();
        let pair = pair.map(|[first, second]| (first.into_bytes(), second.into_bytes()));
        pair.ok_or_else(|| {
            (entry.line, bad(entry, "two words, in quotes if they hold blanks, as cluster \"blue one\""))
        })
    };
    let like = || one().map(|word| if word.contains('*') { word } else { format!("{word}*") });
    Ok(match name {
        "Set" => two().map(|(key, value)| Operation::Set(key, value))?,
        "Add" => two().map(|(key, value)| Operation::Add(key, value))?,
        "Remove" => Operation::Remove(one()?.into_bytes()),
        "Remove_wildcard" => Operation::RemoveLike(like()?),
        "Remove_regex" => Operation::RemoveMatching(parser::pattern(entry, &one()?)?),
        "Rename" | "Hard_rename" => {
            let (from, to) = two()?;
            Operation::Rename { from, to, hard: name == "Hard_rename" }
        }
        "Copy" | "Hard_copy" => {
            let (from, to) = two()?;
            Operation::Copy { from, to, hard: name == "Hard_copy" }
        }
        "Move_to_start" => Operation::MoveToStart(one()?),
        _ => Operation::MoveToEnd(one()?),
    })
}

impl ModifyPlan {
    /// Changes a record.
    pub fn apply(&self, fields: &mut Fields) {
        if self.conditions.iter().all(|condition| condition.holds(fields)) {
            self.operations.iter().for_each(|operation| operation.apply(fields));
        }
    }
}

impl Operation {
    fn apply(&self, fields: &mut Fields) {
        match self {
            Self::Set(key, value) => fields.set(key, Value::text(value)),
            Self::Add(key, value) => {
                if fields.get(key).is_none() {
                    fields.push(key, Value::text(value));
                }
            }
            Self::Remove(key) => {
                fields.remove(key);
            }
            Self::RemoveLike(pattern) => fields.0.retain(|(key, _)| !like(pattern, key)),
            Self::RemoveMatching(pattern) => fields.0.retain(|(key, _)| !pattern.is_match(key)),
            Self::Rename { from, to, hard } => rename(fields, from, to, *hard),
            Self::Copy { from, to, hard } => {
                if from != to
                    && (*hard || fields.get(to).is_none())
                    && let Some(value) = fields.get(from).cloned()
                {
                    fields.set(to, value);
                }
            }
            Self::MoveToStart(pattern) => {
                let (moved, others) = split(fields, pattern);
                fields.0.extend(moved.into_iter().chain(others));
            }
            Self::MoveToEnd(pattern) => {
                let (moved, others) = split(fields, pattern);
                fields.0.extend(others.into_iter().chain(moved));
            }
        }
    }
}

type Pairs = Vec<(Text, Value)>;

fn split(fields: &mut Fields, pattern: &str) -> (Pairs, Pairs) {
    std::mem::take(&mut fields.0).into_iter().partition(|(key, _)| like(pattern, key))
}

/// Keys that are no text match nothing but a lone star.
fn like(pattern: &str, key: &[u8]) -> bool {
    str::from_utf8(key).map_or(pattern == "*", |key| route::matches(pattern, key))
}

fn rename(fields: &mut Fields, from: &[u8], to: &[u8], hard: bool) {
    if from == to || fields.get(from).is_none() || (!hard && fields.get(to).is_some()) {
        return;
    }
    fields.remove(to);
    if let Some((key, _)) = fields.0.iter_mut().find(|(key, _)| key == from) {
        *key = to.to_vec();
    }
}

#[cfg(test)]
mod tests {
    use crate::filter::tests::{refused, run};

    #[test]
    fn operations_run_in_their_order() {
        let record = r#"{"a":1,"b":2,"Mem.total":3,"Mem.used":4}"#;
        let table = [
            ("Set a x\nSet c \"y z\"", r#"{"a":"x","b":2,"Mem.total":3,"Mem.used":4,"c":"y z"}"#),
            ("Add a x\nAdd c y", r#"{"a":1,"b":2,"Mem.total":3,"Mem.used":4,"c":"y"}"#),
            ("Remove a\nAdd a x", r#"{"b":2,"Mem.total":3,"Mem.used":4,"a":"x"}"#),
            ("Remove_wildcard Mem.", r#"{"a":1,"b":2}"#),
            ("Remove_regex ^[ab]$", r#"{"Mem.total":3,"Mem.used":4}"#),
            ("Rename a b\nRename a c", r#"{"c":1,"b":2,"Mem.total":3,"Mem.used":4}"#),
            ("Hard_rename a b", r#"{"b":1,"Mem.total":3,"Mem.used":4}"#),
            ("Copy a b\nHard_copy b a", r#"{"a":2,"b":2,"Mem.total":3,"Mem.used":4}"#),
            ("Move_to_start Mem.*\nMove_to_end a", r#"{"Mem.total":3,"Mem.used":4,"b":2,"a":1}"#),
        ];
        for (keys, expected) in table {
            assert_eq!(run("modify", keys, &[record]), [expected], "{keys}");
        }
    }

    #[test]
    fn every_condition_must_hold() {
        let record = r#"{"a":"x","n":{"b":7}}"#;
        let table = [
            ("Key_exists a", true),
            ("Key_exists $n['b']", true),
            ("Key_exists c", false),
            ("Key_does_not_exist c", true),
            ("Key_does_not_exist a", false),
            ("A_key_matches ^[an]$", true),
            ("A_key_matches ^z$", false),
            ("No_key_matches ^z$", true),
            ("No_key_matches ^a$", false),
            ("Key_value_equals a x", true),
            ("Key_value_equals $n['b'] 7", true),
            ("Key_value_equals c x", false),
            ("Key_value_does_not_equal a y", true),
            ("Key_value_does_not_equal c y", false),
            ("Key_value_matches a ^[xy]$", true),
            ("Key_value_does_not_match a ^y", true),
            ("Key_value_does_not_match c ^y", false),
            ("Matching_keys_have_matching_values ^a x", true),
            ("Matching_keys_have_matching_values ^a y", false),
            ("Matching_keys_do_not_have_matching_values ^a y", true),
            ("Matching_keys_do_not_have_matching_values ^a x", false),
        ];
        for (condition, holds) in table {
            let keys = format!("Condition {condition}\nCondition Key_exists a\nRemove n");
            let expected = if holds { r#"{"a":"x"}"# } else { record };
            assert_eq!(run("modify", &keys, &[record]), [expected], "{condition}");
        }
    }

    #[test]
    fn what_cannot_be_meant_is_refused() {
        insta::assert_snapshot!(refused("modify", "Condition Key_exist a\nRemove b"), @"use the configuration t.conf:6: there is no condition `Key_exist`; did you mean `Key_exists`?");
        insta::assert_snapshot!(refused("modify", "Set a"), @r#"use the configuration t.conf:6: `Set` cannot be "a"; write two words, in quotes if they hold blanks, as cluster "blue one""#);
        insta::assert_snapshot!(refused("modify", "Condition Key_exists a"), @"use the configuration t.conf:3: the section has no `Set`; add it");
    }
}
