//! `grep`: keeps or drops records by what their fields say.
//!
//! ```text
//! Regex    KEY EXPRESSION      legacy: every rule in its place, the first that says no drops the record
//! Exclude  KEY EXPRESSION      AND, OR: all rules of one kind together
//! ```
//! A field that is not there matches nothing. Numbers, true and false are matched as they are written.

use crate::{
    config::{
        Entry,
        error::{At, Problem},
        keys::{Keys, bad},
    },
    event::{Fields, Value, accessor::Accessor},
    parse::{parser, pattern::Pattern},
};

pub(crate) const KEYS: &[&str] = &["Regex", "Exclude", "Logical_Op"];
pub(crate) const MANY: &[&str] = &["Regex", "Exclude"];
const OPS: &[&str] = &["legacy", "AND", "OR"];

/// What is kept.
#[derive(Debug, Clone, PartialEq)]
pub struct GrepPlan {
    rules: Vec<Rule>,
    op: Op,
}

#[derive(Debug, Clone, PartialEq)]
struct Rule {
    key: Accessor,
    pattern: Pattern,
    /// What matches is dropped.
    exclude: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    InOrder,
    All,
    Any,
}

pub(crate) fn plan(keys: &Keys<'_>) -> At<GrepPlan> {
    let op = match keys.word("Logical_Op", OPS)? {
        Some(1) => Op::All,
        Some(2) => Op::Any,
        _ => Op::InOrder,
    };
    let mut entries: Vec<(&Entry, bool)> = keys.all("Regex").map(|entry| (entry, false)).collect();
    entries.extend(keys.all("Exclude").map(|entry| (entry, true)));
    entries.sort_by_key(|(entry, _)| (entry.line.file, entry.line.line));
    let rules = entries.iter().map(|(entry, exclude)| rule(entry, *exclude)).collect::<At<Vec<_>>>()?;
    let Some((first, _)) = entries.first() else { return Err((keys.place(), Problem::Missing("Regex"))) };
    if op != Op::InOrder && rules.iter().any(|rule| rule.exclude != rules[0].exclude) {
        let mixed = "`Logical_Op AND` and `OR` take either `Regex` or `Exclude`, not both; use two filters";
        return Err((first.line, Problem::Contradiction(mixed)));
    }
    Ok(GrepPlan { rules, op })
}

fn rule(entry: &Entry, exclude: bool) -> At<Rule> {
    const EXPECTED: &str = "a field and an expression, as $kubernetes['labels']['app'] ^web";
    let (key, text) = entry.value.split_once(char::is_whitespace).ok_or_else(|| (entry.line, bad(entry, EXPECTED)))?;
    let key = Accessor::new(key).ok_or_else(|| (entry.line, bad(entry, EXPECTED)))?;
    Ok(Rule { key, pattern: parser::pattern(entry, text.trim())?, exclude })
}

impl GrepPlan {
    /// Whether a record is kept.
    pub fn keeps(&self, fields: &Fields) -> bool {
        let matches = |rule: &Rule| {
            let text = rule.key.get(fields).and_then(Value::shown);
            text.is_some_and(|text| rule.pattern.is_match(&text))
        };
        let exclude = self.rules.first().is_some_and(|rule| rule.exclude);
        match self.op {
            Op::InOrder => self.rules.iter().all(|rule| matches(rule) != rule.exclude),
            Op::All => self.rules.iter().all(matches) != exclude,
            Op::Any => self.rules.iter().any(matches) != exclude,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::filter::tests::{fields, refused, what};

    fn grep(text: &str) -> GrepPlan {
        match what("grep", text) {
            crate::filter::FilterKind::Grep(plan) => plan,
            other => panic!("{other:?}"),
        }
    }

    proptest! {
        #[test]
        fn rules_follow_their_truth_table(
            a in any::<Option<bool>>(), b in any::<Option<bool>>(), kinds in any::<(bool, bool)>(), op in 0usize..3,
        ) {
            let kinds = if op == 0 { kinds } else { (kinds.0, kinds.0) };
            let word = |exclude| if exclude { "Exclude" } else { "Regex" };
            let plan = grep(&format!("Logical_Op {}\n{} a ^1$\n{} b ^1$", OPS[op], word(kinds.0), word(kinds.1)));
            let mut record = Fields::default();
            for (key, value) in [("a", a), ("b", b)] {
                if let Some(value) = value {
                    record.push(key, Value::Int(i64::from(value)));
                }
            }
            let (first, second) = (a == Some(true), b == Some(true));
            let expected = match op {
                0 => (first != kinds.0) && (second != kinds.1),
                1 => (first && second) != kinds.0,
                _ => (first || second) != kinds.0,
            };
            prop_assert_eq!(plan.keeps(&record), expected);
        }
    }

    #[test]
    fn health_checks_go_and_nothing_else() {
        let plan = grep("Exclude path ^/healthcheck$");
        for (path, kept) in [("/healthcheck", false), ("/healthcheck/x", true), ("/", true)] {
            assert_eq!(plan.keeps(&fields(&format!(r#"{{"path":"{path}"}}"#))), kept, "{path}");
        }
        assert!(plan.keeps(&fields("{}")));
        assert!(
            grep("Regex $kubernetes['labels']['app'] ^web")
                .keeps(&fields(r#"{"kubernetes":{"labels":{"app":"web"}}}"#))
        );
    }

    #[test]
    fn what_cannot_be_meant_is_refused_with_its_line() {
        insta::assert_snapshot!(refused("grep", "Logical_Op AND\nRegex a b\nExclude a b"), @"use the configuration t.conf:7: `Logical_Op AND` and `OR` take either `Regex` or `Exclude`, not both; use two filters");
        insta::assert_snapshot!(refused("grep", "Regex a"), @r#"use the configuration t.conf:6: `Regex` cannot be "a"; write a field and an expression, as $kubernetes['labels']['app'] ^web"#);
        insta::assert_snapshot!(refused("grep", "Logical_Op AND"), @"use the configuration t.conf:3: the section has no `Regex`; add it");
        insta::assert_snapshot!(refused("grep", "Exclude log (?!x)y"), @r#"use the configuration t.conf:6: the regular expression "(?!x)y" cannot be used: at character 1, a negative lookahead `(?!` is not supported, for it cannot be matched in linear time; match the text itself"#);
        insta::assert_snapshot!(refused("grep", "Regx log x"), @"use the configuration t.conf:6: there is no key `Regx`; did you mean `Regex`?");
    }
}
