//! The configuration, in Fluent Bit's classic format: as written ([`Config`]), then as meant ([`Plan`]).
//!
//! ```text
//! [INPUT]                    section
//!     Name   tail            key  value     (keys in any case; the first key decides nothing, `Name` does)
//!     # comment              whole lines only
//!     Path   ${LOGS}/*.log   variables are expanded in values
//! ```
//! `parse` keeps file and line of every key; `plan` settles every default and contradiction once, and names the
//! nearest known word for one that it does not know. Nothing is ignored.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
};

pub mod error;
mod filter;
mod input;
pub(crate) mod keys;
mod lexer;
mod nearest;
mod output;
pub mod plan;
mod service;
mod settle;
pub(crate) mod shared;
pub(crate) mod value;

pub use error::{ConfigError, Place, Problem};
pub use plan::Plan;

/// A configuration larger than this is refused, bytes.
pub const CONFIG_MAX: u64 = 1 << 20;

/// The file as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The files that it was read from, the one that was named first.
    pub files: Vec<PathBuf>,
    /// Its sections in order.
    pub sections: Vec<Section>,
}

/// The sections there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SectionKind {
    /// The process as a whole.
    Service,
    /// Where records come from.
    Input,
    /// What happens to records on the way.
    Filter,
    /// Where they go.
    Output,
    /// How a text is taken apart.
    Parser,
    /// How lines are joined.
    MultilineParser,
    /// A group of servers; its nodes follow.
    Upstream,
    /// One server of the group before.
    Node,
}

/// One section as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Which one.
    pub kind: SectionKind,
    /// Where its heading stands.
    pub line: Place,
    /// Its keys in order.
    pub entries: Vec<Entry>,
    /// What was settled for keys that it does not have, noted while it is planned.
    pub defaults: RefCell<Vec<(&'static str, String)>>,
}

impl Section {
    /// A section without keys.
    pub fn new(kind: SectionKind, line: Place) -> Self {
        Self { kind, line, entries: Vec::new(), defaults: RefCell::default() }
    }

    /// Notes the default of a key, the first time that it is asked for.
    fn defaulted(&self, key: &'static str, value: impl Fn() -> String) {
        let written = self.entries.iter().any(|entry| entry.key.eq_ignore_ascii_case(key));
        let mut defaults = self.defaults.borrow_mut();
        if !written && !defaults.iter().any(|(known, _)| *known == key) {
            defaults.push((key, value()));
        }
    }
}

/// One key as it is written, variables expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its value, without surrounding blanks.
    pub value: String,
    /// Where it stands.
    pub line: Place,
}

impl Config {
    /// Reads the file `path`; `env` looks up a variable.
    pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let fail = |problem| ConfigError { path: path.to_owned(), line: 0, problem };
        let about = std::fs::metadata(path).map_err(|error| fail(Problem::Unreadable(error)))?;
        if about.len() > CONFIG_MAX {
            return Err(fail(Problem::TooLarge { len: about.len() }));
        }
        let bytes = std::fs::read(path).map_err(|error| fail(Problem::Unreadable(error)))?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let line = 1 + memchr::memchr_iter(b'\n', &error.as_bytes()[..at]).count();
            ConfigError { path: path.to_owned(), line: line as u32, problem: Problem::NotUtf8 { at } }
        })?;
        Self::parse(path, &text, env)
    }

    /// Reads `text`; `path` is only for messages.
    pub fn parse(path: &Path, text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        lexer::sections(text, env)
            .map(|sections| Self { files: vec![path.to_owned()], sections })
            .map_err(|(place, problem)| ConfigError { path: path.to_owned(), line: place.line, problem })
    }

    /// Settles what it means.
    pub fn plan(&self) -> Result<Plan, ConfigError> {
        settle::plan(self).map_err(|(place, problem)| self.error(place, problem))
    }

    fn error(&self, place: Place, problem: Problem) -> ConfigError {
        ConfigError { path: self.files[usize::from(place.file)].clone(), line: place.line, problem }
    }
}

#[cfg(test)]
mod tests;
