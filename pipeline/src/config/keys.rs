//! The keys of one section, each taken once; what is left is unknown.

use super::{
    Entry, Section,
    error::{At, Problem},
    nearest::nearest,
    value,
};

pub(crate) struct Keys<'a> {
    section: &'a Section,
    known: &'static [&'static str],
}

impl<'a> Keys<'a> {
    /// Refuses keys that are not in `known`, and those that come twice unless they are in `many`.
    pub(crate) fn new(section: &'a Section, known: &'static [&'static str], many: &[&str]) -> At<Self> {
        for (index, entry) in section.entries.iter().enumerate() {
            if !known.iter().any(|known| known.eq_ignore_ascii_case(&entry.key)) {
                let (word, nearest) = (entry.key.clone(), nearest(&entry.key, known));
                return Err((entry.line, Problem::Unknown { what: "key", word, nearest, known }));
            }
            let first = section.entries[..index].iter().find(|first| first.key.eq_ignore_ascii_case(&entry.key));
            if let Some(first) = first
                && !many.iter().any(|many| many.eq_ignore_ascii_case(&entry.key))
            {
                return Err((entry.line, Problem::Twice { key: entry.key.clone(), first: first.line }));
            }
        }
        Ok(Self { section, known })
    }

    pub(crate) fn all(&self, key: &'static str) -> impl Iterator<Item = &'a Entry> {
        debug_assert!(self.known.contains(&key), "{key} is asked for but not listed");
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
    pub(crate) fn read<T>(
        &self,
        key: &'static str,
        default: T,
        expected: &'static str,
        read: impl Fn(&str) -> Option<T>,
    ) -> At<T> {
        let Some(entry) = self.get(key) else { return Ok(default) };
        read(&entry.value).ok_or_else(|| (entry.line, bad(entry, expected)))
    }

    pub(crate) fn boolean(&self, key: &'static str, default: bool) -> At<bool> {
        self.read(key, default, "on or off", value::boolean)
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

pub(crate) fn bad(entry: &Entry, expected: &'static str) -> Problem {
    Problem::Value { key: entry.key.clone(), value: entry.value.clone(), expected }
}
