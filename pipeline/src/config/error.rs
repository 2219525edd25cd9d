//! What can be wrong with a configuration, with file and line.

use std::{fmt, path::PathBuf};

use thiserror::Error;

use crate::parse::pattern::PatternError;

/// Where something stands: which file of the configuration, and the line in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Place {
    /// Index into [`super::Config::files`]; 0 is the file that was named.
    pub file: u16,
    /// The line, from 1; 0 when it is about the whole file.
    pub line: u32,
}

impl From<usize> for Place {
    /// A line of the file that was named.
    fn from(line: usize) -> Self {
        Self { file: 0, line: line as u32 }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.line)
    }
}

/// A configuration that cannot be used.
#[derive(Debug, Error)]
pub struct ConfigError {
    /// The file.
    pub path: PathBuf,
    /// The line, from 1; 0 when it is about the whole file.
    pub line: u32,
    /// What is wrong.
    pub problem: Problem,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "use the configuration {}: {}", self.path.display(), self.problem),
            line => write!(f, "use the configuration {}:{line}: {}", self.path.display(), self.problem),
        }
    }
}

/// What is wrong.
#[derive(Debug, Error)]
pub enum Problem {
    /// The file cannot be read.
    #[error("{0}; check the path and its permissions")]
    Unreadable(std::io::Error),
    /// The file is too large to be a configuration.
    #[error("{len} bytes are too many for a configuration, 1 MiB is the most; check that it is the right file")]
    TooLarge {
        /// Its length, bytes.
        len: u64,
    },
    /// The file is not text.
    #[error("byte {at} is not UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// Offset of the first bad byte.
        at: usize,
    },
    /// A control character.
    #[error("the control character {0:?} stands in the line; remove it")]
    Control(char),
    /// A heading without its end.
    #[error("the heading {0:?} is not closed; write `[NAME]`")]
    Heading(String),
    /// A command that does not exist.
    #[error("there is no command `{0}`; known are @INCLUDE and @SET")]
    Command(String),
    /// Something that other programs know and this one does not, and why.
    #[error("`{what}` is not supported: {why}")]
    Refused {
        /// The section, command or key.
        what: String,
        /// Why not, and what to do instead.
        why: &'static str,
    },
    /// A key before the first heading.
    #[error("the key `{0}` stands before any section; put `[SERVICE]`, `[INPUT]` or `[OUTPUT]` above it")]
    Homeless(String),
    /// A word that is none of the known ones.
    #[error("there is no {what} `{word}`{}", hint(*.nearest, .known))]
    Unknown {
        /// What kind of word.
        what: &'static str,
        /// The word.
        word: String,
        /// The nearest known one, if any is near.
        nearest: Option<&'static str>,
        /// All known ones.
        known: &'static [&'static str],
    },
    /// A key without a value.
    #[error("the key `{0}` has no value; write one behind it or remove the key")]
    Empty(String),
    /// A key given twice.
    #[error("the key `{key}` is given again, first on line {first}; keep one of them")]
    Twice {
        /// The key.
        key: String,
        /// Line of the first.
        first: Place,
    },
    /// A key that is needed.
    #[error("the section has no `{0}`; add it")]
    Missing(&'static str),
    /// A value that cannot be read.
    #[error("`{key}` cannot be {value:?}; write {expected}")]
    Value {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What it can be.
        expected: &'static str,
    },
    /// A value outside of its range.
    #[error("`{key}` cannot be {value:?}; write {expected}")]
    Range {
        /// The key.
        key: String,
        /// The value.
        value: String,
        /// What it can be.
        expected: String,
    },
    /// A name that refers to nothing.
    #[error("there is no {what} `{name}`{}", near(.nearest.as_deref()))]
    Nowhere {
        /// What kind of thing.
        what: &'static str,
        /// The name.
        name: String,
        /// The nearest that there is, if any is near.
        nearest: Option<String>,
    },
    /// Two keys that contradict each other.
    #[error("{0}")]
    Contradiction(&'static str),
    /// An included file that cannot be read.
    #[error("include {}: {error}; check the path and its permissions", .path.display())]
    Include {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// A pattern of files that fits none.
    #[error("no file fits `{0}`; correct the path, which is relative to this file")]
    NoFile(String),
    /// A file that includes itself.
    #[error("the files include each other: {0}; remove one of the includes")]
    Cycle(String),
    /// More files than a configuration needs.
    #[error("too many files are included, 256 in all and 16 deep are the most; join some")]
    TooManyFiles,
    /// A section in a file that is for others.
    #[error("{what} cannot hold this section; move it to the main file")]
    Misplaced {
        /// What kind of file.
        what: &'static str,
    },
    /// A `@SET` that cannot be read.
    #[error("`@SET` cannot be {0:?}; write `@SET NAME=value`")]
    Set(String),
    /// Not YAML.
    #[error("{0}")]
    Yaml(String),
    /// YAML of another form.
    #[error("something else stands here; write {0}")]
    Shape(&'static str),
    /// A value that variables make too long.
    #[error("the value is longer than 64 KiB once its variables are expanded; shorten them")]
    LongValue,
    /// A variable that is not set.
    #[error("the variable `{0}` is not set; set it or write the value")]
    Variable(String),
    /// A `${` without `}`.
    #[error("a `${{` is not closed; write `${{NAME}}`")]
    OpenVariable,
    /// A regular expression that cannot be used.
    #[error("{0}")]
    Pattern(PatternError),
    /// A time format with an unknown letter.
    #[error("a time format has no `%{letter}`; known are Y y m b d e j a H k I l p M S L N f s z Z T R D F c and %")]
    TimeFormat {
        /// The letter.
        letter: char,
    },
    /// A script that cannot be used.
    #[error("the script cannot be used: {0}")]
    Script(String),
    /// A file without an input or output.
    #[error("there is no `[{0}]` section; add one")]
    NoSection(&'static str),
}

fn hint(nearest: Option<&str>, known: &[&str]) -> String {
    match nearest {
        Some(word) => format!("; did you mean `{word}`?"),
        None => format!("; known are {}", known.join(", ")),
    }
}

fn near(nearest: Option<&str>) -> String {
    nearest.map_or_else(|| "; define it first".to_owned(), |word| format!("; did you mean `{word}`?"))
}

/// A problem and where it stands.
pub(crate) type At<T> = Result<T, (Place, Problem)>;
