//! `[MULTILINE_PARSER]` sections: from the keys to the plan.

use super::{MultilineKind, MultilinePlan, Rule};
use crate::{
    config::{
        Entry,
        error::{At, Problem},
        keys::{Keys, bad},
        value,
    },
    parse::parser::{Parsers, parser_named, pattern},
};

pub(crate) const KEYS: &[&str] = &[
    "Name",
    "Type",
    "Rule",
    "Parser",
    "Key_Content",
    "Key_Group",
    "Key_Pattern",
    "Flush_Timeout",
    "Match_String",
    "Negate",
];
/// Those of them that may come several times.
pub(crate) const MANY: &[&str] = &["Rule"];
const TYPES: &[&str] = &["regex", "endswith", "equal", "eq"];
/// How long a record waits for its next text, unless stated, ms.
pub(super) const FLUSH_MS: u64 = 4_000;
/// Most rules of one parser.
const RULES_MAX: usize = 256;

impl MultilinePlan {
    /// What a section means; its keys are those of [`KEYS`].
    pub(crate) fn plan(keys: &Keys<'_>, parsers: &Parsers) -> At<Self> {
        let name = keys.need("Name")?.value.clone();
        keys.need("Type")?;
        let negate = keys.boolean("Negate", false)?;
        let end = || keys.need("Match_String").map(|entry| entry.value.as_bytes().to_vec());
        let kind = match keys.word("Type", TYPES)? {
            Some(1) => MultilineKind::EndsWith { end: end()?, negate },
            Some(2 | 3) => MultilineKind::Equal { to: end()?, negate },
            _ => MultilineKind::Rules(rules(keys)?),
        };
        let text = |key| keys.text(key).map(String::into_bytes);
        Ok(Self {
            name,
            kind,
            // A bare number is in milliseconds here, unlike elsewhere.
            flush_ms: keys.read("Flush_Timeout", FLUSH_MS, "a time in ms from 1 to 3600000, as 2000", flush)?,
            parser: keys.get("Parser").map(|entry| parser_named(parsers, entry, &entry.value)).transpose()?,
            key_content: text("Key_Content"),
            key_pattern: text("Key_Pattern"),
            key_group: text("Key_Group"),
        })
    }
}

/// `2000`, or with a unit.
pub(crate) fn flush(text: &str) -> Option<u64> {
    let ms = text.parse().ok().or_else(|| value::duration_ms(text))?;
    (1..=3_600_000).contains(&ms).then_some(ms)
}

fn rules(keys: &Keys<'_>) -> At<Vec<Rule>> {
    let first = keys.need("Rule")?;
    // The state in which a record begins comes first, so that its number is 0.
    let mut states = vec!["start_state".to_owned()];
    let mut number = |name: &str| {
        let known = states.iter().position(|state| state == name);
        let at = known.unwrap_or_else(|| {
            states.push(name.to_owned());
            states.len() - 1
        });
        at as u16
    };
    let mut rules = Vec::new();
    for entry in keys.all("Rule") {
        let [from, expression, to] = three(entry)?;
        let from = from.split(',').map(|name| number(name.trim())).collect();
        rules.push(Rule { from, pattern: pattern(entry, &expression)?, to: number(to.trim()) });
    }
    if rules.len() > RULES_MAX {
        return Err((first.line, Problem::Contradiction("there are more than 256 rules; write fewer")));
    }
    if !rules.iter().any(|rule| rule.from.contains(&super::START)) {
        return Err((first.line, Problem::Contradiction("no rule begins with \"start_state\"; write one that does")));
    }
    Ok(rules)
}

/// `"from" "/expression/" "to"`; a quote within is written `\"`.
fn three(entry: &Entry) -> At<[String; 3]> {
    let mut words = Vec::new();
    let mut rest = entry.value.trim();
    while let Some(inner) = rest.strip_prefix('"') {
        let mut word = String::new();
        let mut chars = inner.char_indices();
        let end = loop {
            match chars.next() {
                Some((at, '"')) => break Some(at),
                Some((_, '\\')) => match chars.next() {
                    Some((_, '"')) => word.push('"'),
                    Some((_, other)) => word.extend(['\\', other]),
                    None => break None,
                },
                Some((_, c)) => word.push(c),
                None => break None,
            }
        };
        let Some(end) = end else { break };
        words.push(word);
        rest = inner[end + 1..].trim_start();
    }
    let complete = rest.is_empty();
    <[String; 3]>::try_from(words)
        .ok()
        .filter(|_| complete)
        .ok_or_else(|| (entry.line, bad(entry, "three words in quotes, as \"start_state\" \"/^Error/\" \"trace\"")))
}
