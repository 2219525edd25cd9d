//! Reading a scenario file: every error names the file, the line and the key, and carries the span for a caret.

use std::{
    ops::Range,
    path::{Path, PathBuf},
};

use thiserror::Error;
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::Spec;

/// Longest scenario file that is read, bytes.
const LONGEST: u64 = 1 << 20;

/// A scenario as text, and where it came from.
#[derive(Debug, Clone)]
pub struct Source {
    /// What to call it in errors: a path, or `tail-stall (library)`.
    pub origin: String,
    /// The TOML.
    pub text: String,
    /// The folder it lies in, for files that it names; none for a shipped one.
    pub folder: Option<PathBuf>,
}

/// A scenario that cannot be used.
#[derive(Debug, Error)]
pub enum SpecError {
    /// The file could not be read.
    #[error("cannot read scenario {path}: {why}; check the path, or see `tailproof list` for the shipped ones")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// Neither a file nor a shipped scenario.
    #[error("no scenario is called `{name}`{near}; see `tailproof list`, or give the path of a file")]
    Unknown {
        /// What was asked for.
        name: String,
        /// "; did you mean …?", or empty.
        near: String,
    },
    /// Something in the file is wrong.
    #[error("{}:{line}: {message}", source_text.origin)]
    Wrong {
        /// The whole file.
        source_text: Box<Source>,
        /// Line, from 1.
        line: usize,
        /// Bytes of the offending part.
        span: Range<usize>,
        /// What was expected, and what to do.
        message: String,
    },
    /// A flag that makes no scenario.
    #[error("{flag}: {why}")]
    Flag {
        /// Which.
        flag: &'static str,
        /// Why not, and what to do.
        why: &'static str,
    },
    /// A `--set` that cannot be applied.
    #[error("--set {given}: {why}; write for example --set time.measure=20s or --set load.group.0.rate=5k/s")]
    Set {
        /// As given.
        given: String,
        /// Why not.
        why: String,
    },
}

impl Source {
    /// Reads a file, up to 1 MiB.
    pub fn read(path: &Path) -> Result<Self, SpecError> {
        let unreadable = |why: String| SpecError::Unreadable { path: path.to_owned(), why };
        let size = std::fs::metadata(path).map_err(|e| unreadable(e.to_string()))?;
        if !size.is_file() {
            return Err(unreadable("it is not a regular file".to_owned()));
        }
        if size.len() > LONGEST {
            return Err(unreadable(format!("it has {} bytes, more than the {LONGEST} allowed", size.len())));
        }
        let bytes = std::fs::read(path).map_err(|e| unreadable(e.to_string()))?;
        let text = String::from_utf8(bytes)
            .map_err(|e| unreadable(format!("byte {} is no UTF-8", e.utf8_error().valid_up_to())))?;
        let folder = path.parent().map(Path::to_owned);
        Ok(Self { origin: path.display().to_string(), text, folder })
    }

    /// Reads the TOML.
    pub fn parse(&self) -> Result<Spec, SpecError> {
        toml::from_str(&self.text).map_err(|e| self.wrong_at(e.span().unwrap_or(0..0), e.message().to_owned()))
    }

    /// The same file with single values changed: `load.group.0.rate=5k/s`.
    pub fn with(&self, sets: &[String]) -> Result<Self, SpecError> {
        if sets.is_empty() {
            return Ok(self.clone());
        }
        let mut table: toml::Table = self
            .text
            .parse()
            .map_err(|e: toml::de::Error| self.wrong_at(e.span().unwrap_or(0..0), e.message().to_owned()))?;
        for set in sets {
            apply(&mut table, set).map_err(|why| SpecError::Set { given: set.clone(), why })?;
        }
        let text = toml::to_string(&table).expect("a table that was parsed can be written");
        Ok(Self { origin: format!("{} with --set", self.origin), text, folder: self.folder.clone() })
    }

    /// An error about the value under `key` (`load.group.0.rate`), or about the whole file if it is not written there.
    pub fn wrong(&self, key: &str, message: impl Into<String>) -> SpecError {
        self.wrong_at(self.locate(key).unwrap_or(0..0), format!("{key}: {}", message.into()))
    }

    fn wrong_at(&self, span: Range<usize>, message: String) -> SpecError {
        let line = self.text.get(..span.start).map_or(0, |before| before.matches('\n').count()) + 1;
        SpecError::Wrong { source_text: Box::new(self.clone()), line, span, message }
    }

    /// Where the value of a dotted key stands; of its nearest parent if it is a default that nobody wrote.
    fn locate(&self, key: &str) -> Option<Range<usize>> {
        let root = DeTable::parse(&self.text).ok()?;
        let mut found = None;
        let mut table = Some(root.get_ref());
        let mut list: Option<&[Spanned<DeValue<'_>>]> = None;
        for part in key.split('.') {
            let next = match (table, list) {
                (Some(table), _) => table.iter().find(|(name, _)| name.get_ref() == part).map(|(_, value)| value),
                (None, Some(list)) => part.parse().ok().and_then(|at: usize| list.get(at)),
                (None, None) => None,
            };
            let Some(value) = next else { break };
            found = Some(value.span());
            (table, list) = match value.get_ref() {
                DeValue::Table(inner) => (Some(inner), None),
                DeValue::Array(inner) => (None, Some(inner.as_ref())),
                _ => (None, None),
            };
        }
        found
    }
}

fn apply(table: &mut toml::Table, set: &str) -> Result<(), String> {
    let (key, value) = set.split_once('=').ok_or("there is no `=` in it")?;
    // A value that is no TOML by itself is a string: `5k/s` needs no quotes on the command line.
    let value = format!("v = {value}")
        .parse::<toml::Table>()
        .ok()
        .and_then(|mut parsed| parsed.remove("v"))
        .unwrap_or_else(|| toml::Value::String(value.to_owned()));
    let (parents, last) = key.rsplit_once('.').map_or(("", key), |(parents, last)| (parents, last));
    let mut at = table;
    let mut steps = parents.split('.').filter(|part| !part.is_empty());
    while let Some(part) = steps.next() {
        let next = at.entry(part).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        at = match next {
            toml::Value::Table(inner) => inner,
            toml::Value::Array(entries) => {
                let index: usize = steps
                    .next()
                    .and_then(|i| i.parse().ok())
                    .ok_or(format!("`{part}` is a list: name the place, `{part}.0`"))?;
                entries
                    .get_mut(index)
                    .and_then(toml::Value::as_table_mut)
                    .ok_or(format!("`{part}` has no entry {index}"))?
            }
            _ => return Err(format!("`{part}` is a value, not a table")),
        };
    }
    at.insert(last.to_owned(), value);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(text: &str) -> Source {
        Source { origin: "x.toml".to_owned(), text: text.to_owned(), folder: None }
    }

    #[test]
    fn an_unknown_key_is_refused_with_file_and_line() {
        let text = "name = \"a\"\nquestion = \"b\"\nwarmup = \"1s\"\n";
        let error = source(text).parse().unwrap_err().to_string();
        assert!(error.starts_with("x.toml:3: unknown field `warmup`"), "{error}");
    }

    #[test]
    fn a_contradiction_points_at_its_key() {
        let text = "[time]\nmeasure = \"0s\"\n[[load.group]]\nname = \"a\"\n[[load.group]]\nrate = \"5/s\"\n";
        let SpecError::Wrong { line, span, .. } = source(text).wrong("load.group.1.rate", "no") else { panic!() };
        assert_eq!((line, &text[span]), (6, "\"5/s\""));
        let SpecError::Wrong { line, .. } = source(text).wrong("time.measure", "no") else { panic!() };
        assert_eq!(line, 2);
    }

    #[test]
    fn set_changes_one_value_and_leaves_the_rest() {
        let text = "a = 1\n[[load.group]]\nrate = \"5/s\"\nname = \"x\"\n";
        let changed = source(text).with(&["load.group.0.rate=9k/s".to_owned(), "b.c=true".to_owned()]).unwrap();
        let table: toml::Table = changed.text.parse().unwrap();
        assert_eq!(table["load"]["group"][0]["rate"].as_str(), Some("9k/s"));
        assert_eq!(table["load"]["group"][0]["name"].as_str(), Some("x"));
        assert_eq!(table["b"]["c"].as_bool(), Some(true));
        assert!(source(text).with(&["load.group.7.rate=1".to_owned()]).is_err());
        assert!(source(text).with(&["a".to_owned()]).is_err());
    }
}
