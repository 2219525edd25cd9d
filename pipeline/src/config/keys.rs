//! The keys of one section, each taken once; what is left is unknown.

use std::fmt;

use super::{
    Entry, Section,
    error::{At, Place, Problem},
    nearest::{nearest, nearest_of},
    value,
};

/// The keys of one section.
pub(crate) struct Keys<'a> {
    section: &'a Section,
    known: &'static [&'static str],
    shared: &'static [&'static str],
}

impl<'a> Keys<'a> {
    /// Refuses keys that are not in `known`, and those that come twice unless they are in `many`.
    pub(crate) fn new(section: &'a Section, known: &'static [&'static str], many: &[&str]) -> At<Self> {
        Self::with(section, known, &[], many)
    }

    /// As [`Keys::new`]; `shared` are known as well, but not listed in a message.
    pub(crate) fn with(
        section: &'a Section,
        known: &'static [&'static str],
        shared: &'static [&'static str],
        many: &[&str],
    ) -> At<Self> {
        let spelling = |key: &str| known.iter().chain(shared).copied().find(|known| known.eq_ignore_ascii_case(key));
        for (index, entry) in section.entries.iter().enumerate() {
            if spelling(&entry.key).is_none() {
                let nearest = nearest_of(&entry.key, known.iter().chain(shared).copied());
                let word = entry.key.clone();
                return Err((entry.line, Problem::Unknown { what: "key", word, nearest, known }));
            }
            let first = section.entries[..index].iter().find(|first| first.key.eq_ignore_ascii_case(&entry.key));
            if let Some(first) = first
                && !many.iter().any(|many| many.eq_ignore_ascii_case(&entry.key))
            {
                return Err((entry.line, Problem::Twice { key: entry.key.clone(), first: first.line }));
            }
        }
        section.spelt.replace(section.entries.iter().filter_map(|entry| spelling(&entry.key)).collect());
        Ok(Self { section, known, shared })
    }

    pub(crate) fn all(&self, key: &'static str) -> impl Iterator<Item = &'a Entry> {
        debug_assert!(self.known.contains(&key) || self.shared.contains(&key), "{key} is asked for but not listed");
        self.section.entries.iter().filter(move |entry| entry.key.eq_ignore_ascii_case(key))
    }

    pub(crate) fn get(&self, key: &'static str) -> Option<&'a Entry> {
        self.all(key).next()
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<String> {
        self.get(key).map(|entry| entry.value.clone())
    }

    pub(crate) fn need(&self, key: &'static str) -> At<&'a Entry> {
        self.get(key).ok_or((self.section.line, Problem::Missing(key)))
    }

    /// The value read by `read`, or `default` without the key.
    pub(crate) fn read<T: fmt::Debug>(
        &self,
        key: &'static str,
        default: T,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> At<T> {
        let Some(entry) = self.get(key) else {
            self.section.defaulted(key, || format!("{default:?}"));
            return Ok(default);
        };
        read(&entry.value).ok_or_else(|| (entry.line, bad(entry, expected)))
    }

    pub(crate) fn boolean(&self, key: &'static str, default: bool) -> At<bool> {
        self.section.defaulted(key, || if default { "on" } else { "off" }.to_owned());
        self.read(key, default, "on or off", value::boolean)
    }

    /// A time in ms, from `least` to `most`.
    pub(crate) fn millis(&self, key: &'static str, default: u64, least: u64, most: u64) -> At<u64> {
        self.section.defaulted(key, || value::duration_text(default));
        let Some(entry) = self.get(key) else { return Ok(default) };
        value::duration_ms(&entry.value).filter(|ms| (least..=most).contains(ms)).ok_or_else(|| {
            let (least, most) = (value::duration_text(least), value::duration_text(most));
            (entry.line, range(entry, "a time", &least, &most, "5, 0.2 or 10m"))
        })
    }

    /// A size in bytes, from `least` to `most`.
    pub(crate) fn bytes(&self, key: &'static str, default: u64, least: u64, most: u64) -> At<u64> {
        self.section.defaulted(key, || value::size_text(default));
        let Some(entry) = self.get(key) else { return Ok(default) };
        value::size(&entry.value).filter(|size| (least..=most).contains(size)).ok_or_else(|| {
            let (least, most) = (value::size_text(least), value::size_text(most));
            (entry.line, range(entry, "a size", &least, &most, "256k or 5M"))
        })
    }

    /// A whole number, from `least` to `most`.
    pub(crate) fn number(&self, key: &'static str, default: u64, least: u64, most: u64) -> At<u64> {
        self.section.defaulted(key, || default.to_string());
        let Some(entry) = self.get(key) else { return Ok(default) };
        entry.value.parse().ok().filter(|number| (least..=most).contains(number)).ok_or_else(|| {
            (
                entry.line,
                range(entry, "a number", &least.to_string(), &most.to_string(), &least.max(default).to_string()),
            )
        })
    }

    /// Where the section begins.
    pub(crate) fn place(&self) -> Place {
        self.section.line
    }

    /// One of `words`, by its index.
    pub(crate) fn word(&self, key: &'static str, words: &'static [&'static str]) -> At<Option<usize>> {
        let Some(entry) = self.get(key) else { return Ok(None) };
        if let Some(index) = words.iter().position(|word| word.eq_ignore_ascii_case(&entry.value)) {
            return Ok(Some(index));
        }
        let (word, nearest) = (entry.value.clone(), nearest(&entry.value, words));
        Err((entry.line, Problem::Unknown { what: key, word, nearest, known: words }))
    }
}

fn range(entry: &Entry, what: &str, least: &str, most: &str, example: &str) -> Problem {
    let expected = format!("{what} from {least} to {most}, as {example}");
    Problem::Range { key: entry.key.clone(), value: entry.value.clone(), expected }
}

/// A value that is none of the possible ones.
pub(crate) fn bad(entry: &Entry, expected: &'static str) -> Problem {
    Problem::Value { key: entry.key.clone(), value: entry.value.clone(), expected }
}
