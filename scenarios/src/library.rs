//! The shipped scenarios, embedded in the binary. Adding one: a file in `library/`, a line in [`ALL`].

use std::path::Path;

use crate::spec::file::{Source, SpecError};

macro_rules! shipped {
    ($($name:literal),+ $(,)?) => {
        &[$(($name, include_str!(concat!("../library/", $name, ".toml")))),+]
    };
}

/// Every shipped scenario: name and text.
pub const ALL: &[(&str, &str)] = shipped![
    "tail-stall",
    "rename-gap",
    "rename-back",
    "symlink-swap",
    "container-restart",
    "docker-json",
    "unlink-unread",
    "backpressure-rotation",
    "sink-outage",
    "lost-acks",
    "agent-killed",
    "agent-paused",
    "steady",
    "forward-aggregate",
    "elk-syslog",
    "sidecar-syslog",
    "daemonset-vs-sidecar",
    "daemonset-tail",
    "sidecar-fluentd",
    "eks-cloudwatch",
];

/// Files that shipped scenarios name beside `pipeline::configs`.
pub const FILES: &[(&str, &str)] =
    &[("aggregator-broken.conf", include_str!("../library/files/aggregator-broken.conf"))];

/// The text of such a file.
pub(crate) fn file(name: &str) -> Option<&'static str> {
    FILES.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

/// A shipped scenario by name, or a file by path (anything with a `/` or ending in `.toml`).
pub fn find(asked: &str) -> Result<Source, SpecError> {
    if asked.contains('/') || Path::new(asked).extension().is_some_and(|ext| ext == "toml") {
        return Source::read(Path::new(asked));
    }
    ALL.iter()
        .find(|(name, _)| *name == asked)
        .map(|(name, text)| Source { origin: format!("{name} (library)"), text: (*text).to_owned(), folder: None })
        .ok_or_else(|| SpecError::Unknown { name: asked.to_owned(), near: near(asked) })
}

fn near(asked: &str) -> String {
    let best = nearest(asked, ALL.iter().map(|(name, _)| *name), 4);
    best.map_or_else(String::new, |name| format!("; did you mean `{name}`?"))
}

/// The word that `asked` may have been meant for, so many edits away at most.
pub fn nearest<'a>(asked: &str, words: impl Iterator<Item = &'a str>, most: usize) -> Option<&'a str> {
    let best = words.map(|word| (distance(asked, word), word)).min();
    best.filter(|(steps, _)| *steps <= most).map(|(_, word)| word)
}

/// Edits from one word to the other (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, ca) in a.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, cb) in b.iter().enumerate() {
            let change = diagonal + usize::from(ca != *cb);
            diagonal = row[j + 1];
            row[j + 1] = change.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Overrides, Plan};

    #[test]
    fn every_shipped_scenario_settles_and_is_called_like_its_file() {
        for (name, _) in ALL {
            let plan = Plan::settle(&find(name).unwrap(), &Overrides::default()).unwrap_or_else(|e| panic!("{e}"));
            assert_eq!(plan.name, *name);
            assert!(plan.question.ends_with('?'), "{name} asks no question");
        }
    }

    #[test]
    fn a_misspelt_name_is_met_with_the_nearest() {
        let error = find("tail-stal").unwrap_err().to_string();
        assert!(error.contains("did you mean `tail-stall`?"), "{error}");
    }
}
