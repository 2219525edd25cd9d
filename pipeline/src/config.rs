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

use std::path::{Path, PathBuf};

pub mod error;
mod input;
pub(crate) mod keys;
mod lexer;
mod nearest;
mod output;
pub mod plan;
mod settle;
pub(crate) mod value;

pub use error::{ConfigError, Problem};
pub use plan::Plan;

/// A configuration larger than this is refused, bytes.
pub const CONFIG_MAX: u64 = 1 << 20;

/// The file as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The file, for messages.
    pub path: PathBuf,
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
    /// Where they go.
    Output,
}

/// One section as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Which one.
    pub kind: SectionKind,
    /// Line of its heading, from 1.
    pub line: usize,
    /// Its keys in order.
    pub entries: Vec<Entry>,
}

/// One key as it is written, variables expanded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Its value, without surrounding blanks.
    pub value: String,
    /// Its line, from 1.
    pub line: usize,
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
            ConfigError { path: path.to_owned(), line, problem: Problem::NotUtf8 { at } }
        })?;
        Self::parse(path, &text, env)
    }

    /// Reads `text`; `path` is only for messages.
    pub fn parse(path: &Path, text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        lexer::sections(text, env)
            .map(|sections| Self { path: path.to_owned(), sections })
            .map_err(|(line, problem)| ConfigError { path: path.to_owned(), line, problem })
    }

    /// Settles what it means.
    pub fn plan(&self) -> Result<Plan, ConfigError> {
        settle::plan(self).map_err(|(line, problem)| ConfigError { path: self.path.clone(), line, problem })
    }
}

#[cfg(test)]
mod tests;
