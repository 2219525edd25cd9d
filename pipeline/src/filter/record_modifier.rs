//! `record_modifier`: adds fields, removes some, or keeps only some.

use std::hash::{BuildHasher, RandomState};

use super::words::words;
use crate::{
    config::{
        Entry,
        error::{At, Problem},
        keys::{Keys, bad},
    },
    event::{Fields, Text, Value},
};

pub(crate) const KEYS: &[&str] = &["Record", "Remove_key", "Allowlist_key", "Whitelist_key", "Uuid_key"];
pub(crate) const MANY: &[&str] = &["Record", "Remove_key", "Allowlist_key", "Whitelist_key"];

/// What is added and what goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordModifierPlan {
    add: Vec<(Text, Text)>,
    remove: Vec<Text>,
    /// Only these stay, if there are any.
    keep: Vec<Text>,
    uuid: Option<Text>,
}

pub(crate) fn plan(keys: &Keys<'_>) -> At<RecordModifierPlan> {
    let names = |key| keys.all(key).map(|entry| entry.value.as_bytes().to_vec());
    let keep: Vec<Text> = names("Allowlist_key").chain(names("Whitelist_key")).collect();
    let remove: Vec<Text> = names("Remove_key").collect();
    if let Some(entry) = keys.get("Remove_key").filter(|_| !keep.is_empty()) {
        let both = "`Remove_key` and `Allowlist_key` exclude each other; keep one of them";
        return Err((entry.line, Problem::Contradiction(both)));
    }
    let add = keys.all("Record").map(record).collect::<At<_>>()?;
    Ok(RecordModifierPlan { add, remove, keep, uuid: keys.text("Uuid_key").map(String::into_bytes) })
}

fn record(entry: &Entry) -> At<(Text, Text)> {
    let pair = <[String; 2]>::try_from(words(&entry.value)).ok();
    let pair = pair.or_else(|| {
        let (key, value) = entry.value.split_once(char::is_whitespace)?;
        Some([key.to_owned(), value.trim().to_owned()])
    });
    let [key, value] = pair.ok_or_else(|| (entry.line, bad(entry, "a field and its value, as cluster blue")))?;
    Ok((key.into_bytes(), value.into_bytes()))
}

/// The filter at work.
#[derive(Debug)]
pub(super) struct RecordModifier {
    plan: RecordModifierPlan,
    random: RandomState,
    made: u64,
}

impl RecordModifier {
    pub(super) fn new(plan: RecordModifierPlan) -> Self {
        // Keys of hashes are the randomness that the standard library gets from the system.
        Self { plan, random: RandomState::new(), made: 0 }
    }

    pub(super) fn apply(&mut self, fields: &mut Fields) {
        let plan = &self.plan;
        if !plan.remove.is_empty() || !plan.keep.is_empty() {
            fields.0.retain(|(key, _)| !plan.remove.contains(key) && (plan.keep.is_empty() || plan.keep.contains(key)));
        }
        for (key, value) in &plan.add {
            fields.set(key, Value::text(value));
        }
        if let Some(key) = &plan.uuid {
            let uuid = uuid(&self.random, self.made);
            self.made += 1;
            fields.set(key, Value::text(uuid));
        }
    }
}

/// A random one, version 4.
fn uuid(random: &RandomState, made: u64) -> String {
    let (high, low) = (random.hash_one((made, 0)), random.hash_one((made, 1)));
    let (high, low) = (high & !0xf000 | 0x4000, low >> 2 | 1 << 63);
    let node = low & 0xffff_ffff_ffff;
    format!("{:08x}-{:04x}-{:04x}-{:04x}-{node:012x}", high >> 32, high >> 16 & 0xffff, high & 0xffff, low >> 48)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::filter::tests::{refused, run};

    #[test]
    fn fields_are_added_removed_and_kept() {
        let record = r#"{"a":1,"b":2,"c":3}"#;
        assert_eq!(
            run("record_modifier", "Record host web-1\nRecord note \"two words\"\nRemove_key b", &[record]),
            [r#"{"a":1,"c":3,"host":"web-1","note":"two words"}"#]
        );
        // Seen with Fluent Bit 5.1.1: what the record has under that name gives way.
        assert_eq!(run("record_modifier", "Record b new", &[record]), [r#"{"a":1,"b":"new","c":3}"#]);
        assert_eq!(run("record_modifier", "Allowlist_key a\nWhitelist_key c", &[record]), [r#"{"a":1,"c":3}"#]);
        insta::assert_snapshot!(refused("record_modifier", "Remove_key a\nAllowlist_key b"), @"use the configuration t.conf:6: `Remove_key` and `Allowlist_key` exclude each other; keep one of them");
        insta::assert_snapshot!(refused("record_modifier", "Record a"), @r#"use the configuration t.conf:6: `Record` cannot be "a"; write a field and its value, as cluster blue"#);
    }

    #[test]
    fn every_record_gets_an_id_of_its_own() {
        let random = RandomState::new();
        let ids: Vec<String> = (0..1000).map(|made| uuid(&random, made)).collect();
        for id in &ids {
            assert_eq!((id.len(), &id[14..15]), (36, "4"), "{id}");
            assert!("89ab".contains(&id[19..20]), "{id}");
        }
        let mut sorted = ids.clone();
        sorted.sort();
        sorted.dedup();
        assert_eq!(sorted.len(), ids.len());
    }
}
