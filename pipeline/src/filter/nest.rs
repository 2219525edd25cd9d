//! `nest`: puts fields into a map (`nest`), or takes them out of one (`lift`), with prefixes added or removed.

use crate::{
    buffer::route,
    config::{
        error::{At, Problem},
        keys::Keys,
    },
    event::{Fields, Text, Value},
};

pub(crate) const KEYS: &[&str] =
    &["Operation", "Wildcard", "Nest_under", "Nested_under", "Add_prefix", "Remove_prefix"];
pub(crate) const MANY: &[&str] = &["Wildcard"];
const OPERATIONS: &[&str] = &["nest", "lift"];

/// What goes where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NestPlan {
    /// Keys that are nested; none of them: what is in the map is lifted.
    wildcards: Option<Vec<String>>,
    under: Text,
    add_prefix: Text,
    remove_prefix: Text,
}

pub(crate) fn plan(keys: &Keys<'_>) -> At<NestPlan> {
    let wrong = |key, why| keys.get(key).map_or(Ok(()), |entry| Err((entry.line, Problem::Contradiction(why))));
    keys.need("Operation")?;
    let (wildcards, under) = if keys.word("Operation", OPERATIONS)? == Some(0) {
        wrong("Nested_under", "`Nested_under` belongs to `Operation lift`; use `Nest_under`")?;
        keys.need("Wildcard")?;
        (Some(keys.all("Wildcard").map(|entry| entry.value.clone()).collect()), keys.need("Nest_under")?)
    } else {
        wrong("Nest_under", "`Nest_under` belongs to `Operation nest`; use `Nested_under`")?;
        wrong("Wildcard", "`Wildcard` belongs to `Operation nest`; remove it")?;
        (None, keys.need("Nested_under")?)
    };
    let text = |key| keys.text(key).unwrap_or_default().into_bytes();
    let under = under.value.clone().into_bytes();
    Ok(NestPlan { wildcards, under, add_prefix: text("Add_prefix"), remove_prefix: text("Remove_prefix") })
}

impl NestPlan {
    /// Changes a record.
    pub fn apply(&self, fields: &mut Fields) {
        match &self.wildcards {
            Some(wildcards) => self.nest(wildcards, fields),
            None => self.lift(fields),
        }
    }

    fn nest(&self, wildcards: &[String], fields: &mut Fields) {
        let matches = |key: &[u8]| {
            str::from_utf8(key).is_ok_and(|key| wildcards.iter().any(|wildcard| route::matches(wildcard, key)))
        };
        let (nested, others): (Vec<_>, Vec<_>) =
            std::mem::take(&mut fields.0).into_iter().partition(|(key, _)| matches(key));
        fields.0 = others;
        if !nested.is_empty() {
            let inner = nested.into_iter().map(|(key, value)| (self.named(key), value)).collect();
            fields.set(&self.under, Value::Map(Fields(inner)));
        }
    }

    fn lift(&self, fields: &mut Fields) {
        let mut lifted = Vec::new();
        fields.0.retain_mut(|(key, value)| {
            let Value::Map(inner) = value else { return true };
            let mine = *key == self.under;
            if mine {
                lifted.append(&mut inner.0);
            }
            !mine
        });
        for (key, value) in lifted {
            fields.set(self.named(key), value);
        }
    }

    fn named(&self, key: Text) -> Text {
        let rest = key.strip_prefix(self.remove_prefix.as_slice());
        match rest {
            Some(rest) if !self.add_prefix.is_empty() || !self.remove_prefix.is_empty() => {
                [&self.add_prefix, rest].concat()
            }
            None if !self.add_prefix.is_empty() => [self.add_prefix.as_slice(), &key].concat(),
            _ => key,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use crate::{
        event::{Fields, Value},
        filter::{
            FilterKind,
            tests::{refused, run, what},
        },
    };

    #[test]
    fn fields_go_into_a_map_and_come_out_of_one() {
        let record = r#"{"mem.used":1,"a":2,"mem.free":3}"#;
        let nested = r#"{"a":2,"stats":{"used":1,"free":3}}"#;
        let keys = "Operation nest\nWildcard mem.*\nNest_under stats\nRemove_prefix mem.";
        assert_eq!(run("nest", keys, &[record, r#"{"a":2}"#]), [nested, r#"{"a":2}"#]);
        // Seen with Fluent Bit 5.1.1: what the record has under that name gives way.
        assert_eq!(run("nest", keys, &[r#"{"stats":7,"mem.used":1}"#]), [r#"{"stats":{"used":1}}"#]);
        let keys = "Operation lift\nNested_under stats\nAdd_prefix mem.";
        assert_eq!(run("nest", keys, &[nested]), [r#"{"a":2,"mem.used":1,"mem.free":3}"#]);
        assert_eq!(run("nest", keys, &[r#"{"stats":7}"#]), [r#"{"stats":7}"#]);
        let keys = "Operation lift\nNested_under stats";
        assert_eq!(run("nest", keys, &[r#"{"x":1,"stats":{"x":2,"y":3}}"#]), [r#"{"x":2,"y":3}"#]);
        insta::assert_snapshot!(refused("nest", "Operation lift\nNest_under a"), @"use the configuration t.conf:7: `Nest_under` belongs to `Operation nest`; use `Nested_under`");
        insta::assert_snapshot!(refused("nest", "Wildcard a"), @"use the configuration t.conf:3: the section has no `Operation`; add it");
    }

    proptest! {
        #[test]
        fn what_was_nested_is_lifted_again(pairs in proptest::collection::btree_map("[ab]{1,3}\\.?[a-c]{0,2}", any::<i64>(), 0..8)) {
            let plan = |keys| match what("nest", keys) {
                FilterKind::Nest(plan) => plan,
                other => panic!("{other:?}"),
            };
            let before = Fields(pairs.into_iter().map(|(key, value)| (key.into_bytes(), Value::Int(value))).collect());
            let mut fields = before.clone();
            plan("Operation nest\nWildcard a*\nNest_under zz\nAdd_prefix p.").apply(&mut fields);
            let stays = before.0.iter().filter(|(key, _)| key.starts_with(b"a")).count();
            prop_assert_eq!(fields.len(), before.len() - stays + usize::from(stays > 0));
            plan("Operation lift\nNested_under zz\nRemove_prefix p.").apply(&mut fields);
            fields.0.sort_by(|one, other| one.0.cmp(&other.0));
            prop_assert_eq!(fields, before);
        }
    }
}
