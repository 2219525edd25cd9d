//! The configuration, in Fluent Bit's formats: as written ([`Config`]), then as meant ([`Plan`]).
//!
//! The classic format ([`classic`]) and YAML ([`yaml`], files ending in .yaml or .yml) become the same sections, which
//! keep file and line of every key. `plan` settles every default and contradiction once, and names the nearest known
//! word for one that it does not know. Nothing is ignored.

use std::{
    cell::RefCell,
    path::{Path, PathBuf},
};

mod classic;
pub mod error;
mod files;
mod filter;
mod input;
pub(crate) mod keys;
pub(crate) mod nearest;
mod output;
pub mod plan;
mod service;
mod settle;
pub(crate) mod shared;
pub mod show;
pub(crate) mod value;
mod yaml;

pub use error::{ConfigError, Place, Problem};
use files::Files;
pub use plan::Plan;

/// A configuration larger than this is refused, bytes.
pub const CONFIG_MAX: u64 = 1 << 20;

/// The files as they are written.
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
    /// What is loaded at run time: nothing, so it has to be empty.
    Plugins,
}

impl SectionKind {
    /// What stands between the brackets.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Service => "SERVICE",
            Self::Input => "INPUT",
            Self::Filter => "FILTER",
            Self::Output => "OUTPUT",
            Self::Parser => "PARSER",
            Self::MultilineParser => "MULTILINE_PARSER",
            Self::Upstream => "UPSTREAM",
            Self::Node => "NODE",
            Self::Plugins => "PLUGINS",
        }
    }
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
    /// How each of its keys is spelt, once somebody has read them.
    spelt: RefCell<Vec<&'static str>>,
    /// What was settled for keys that it does not have, noted while it is planned.
    defaults: RefCell<Vec<(&'static str, String)>>,
}

impl Section {
    /// A section without keys.
    pub fn new(kind: SectionKind, line: Place) -> Self {
        Self { kind, line, entries: Vec::new(), spelt: RefCell::default(), defaults: RefCell::default() }
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
    /// Reads the file `path` and every file that it includes; `env` looks up a variable.
    pub fn load(path: &Path, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::read(env, |files| files.first(path))
    }

    /// Reads `text` as the content of `path`, whose ending tells its format.
    pub fn parse(path: &Path, text: &str, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        Self::read(env, |files| files.text(path, text))
    }

    fn read(
        env: &dyn Fn(&str) -> Option<String>,
        read: impl FnOnce(&mut Files<'_>) -> error::At<()>,
    ) -> Result<Self, ConfigError> {
        let mut files = Files::new(env);
        let result = read(&mut files).and_then(|()| files.referred());
        let config = Self { files: files.paths, sections: files.sections };
        match result {
            Ok(()) => Ok(config),
            Err((place, problem)) => Err(config.error(place, problem)),
        }
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
