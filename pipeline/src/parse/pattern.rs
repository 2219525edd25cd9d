//! Regular expressions as Fluent Bit's configurations write them: the spelling of Onigmo, matched in linear time.
//!
//! ```text
//! ^(?<host>[^ ]*) \[(?<time>[^\]]*)\]$       ^ and $ stand for the ends of any line; . is no line feed
//! /GET \/health/i                            slashes around it, then options out of i, m, x
//! ```
//! Texts are bytes; an expression of ASCII letters takes any of them, also such as are no UTF-8. What has no
//! linear-time equivalent (lookaround, references to groups, possessive quantifiers) is refused with its place.

use regex::bytes::{CaptureLocations, Captures, Regex, RegexBuilder};
use thiserror::Error;

mod onigmo;
mod quick;

use onigmo::Translated;

/// Longest expression, bytes.
const TEXT_MAX: usize = 64 << 10;
/// Largest compiled expression, bytes.
const COMPILED_MAX: usize = 8 << 20;
/// Most memory of a search, bytes.
const CACHE_MAX: usize = 2 << 20;

/// A regular expression that can be used.
#[derive(Debug, Clone)]
pub struct Pattern {
    text: String,
    /// For texts of one line, the usual case, where `^` and `$` are the ends of the text: much faster to find.
    line: Regex,
    /// Finds the same in usual texts, where there is such a one.
    quick: Option<Regex>,
    /// For texts of several lines, if that makes a difference.
    lines: Option<Regex>,
}

/// Why an expression cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the regular expression {pattern:?} cannot be used: at character {at}, {why}")]
pub struct PatternError {
    /// The expression.
    pub pattern: String,
    /// Where, characters from 1.
    pub at: usize,
    /// What is wrong, and what can be done.
    pub why: String,
}

impl Pattern {
    /// Compiles an expression.
    pub fn new(text: &str) -> Result<Self, PatternError> {
        let fail = |at: usize, why: String| {
            let at = text.get(..at).map_or(1, |before| before.chars().count() + 1);
            PatternError { pattern: text.to_owned(), at, why }
        };
        if text.len() > TEXT_MAX {
            return Err(fail(0, "it is longer than 64 KiB; make it shorter".to_owned()));
        }
        let translated = onigmo::translate(text).map_err(|(at, why)| fail(at, why))?;
        check(&translated).map_err(|(at, why)| fail(at, why))?;
        let build = |lines| {
            builder(&translated, &translated.text, lines).build().map_err(|error| match error {
                regex::Error::CompiledTooBig(most) => {
                    fail(0, format!("it needs more than {most} bytes once compiled; repeat less"))
                }
                error => fail(0, format!("{error}; see the documentation of the regex crate")),
            })
        };
        let lines = if translated.anchors { Some(build(true)?) } else { None };
        let quick = quick::of(&translated.text).filter(|_| !translated.blanks);
        let quick = quick.and_then(|quick| builder(&translated, &quick, false).build().ok());
        Ok(Self { text: text.to_owned(), line: build(false)?, quick, lines })
    }

    /// As it is written.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is found in `text`.
    pub fn is_match(&self, text: &[u8]) -> bool {
        match &self.lines {
            Some(lines) if text.ends_with(b"\n") => {
                lines.find(text).is_some_and(|found| begins_within(text, found.start()))
            }
            _ => self.of(text).is_match(text),
        }
    }

    /// The groups of the first place where it is found.
    pub fn captures<'t>(&self, text: &'t [u8]) -> Option<Captures<'t>> {
        let found = self.of(text).captures(text)?;
        let begin = found.get(0).map_or(0, |whole| whole.start());
        (self.lines.is_none() || begins_within(text, begin)).then_some(found)
    }

    /// Room for [`Pattern::find`].
    pub fn locations(&self) -> CaptureLocations {
        self.line.capture_locations()
    }

    /// As [`Pattern::captures`], into room that is used again; whether it was found.
    pub fn find(&self, text: &[u8], locations: &mut CaptureLocations) -> bool {
        let several = self.lines.is_some() && memchr::memchr(b'\n', text).is_some();
        if !several && self.quick.as_ref().is_some_and(|quick| quick.captures_read(locations, text).is_some()) {
            return true;
        }
        let found = self.of(text).captures_read(locations, text);
        found.is_some_and(|found| self.lines.is_none() || begins_within(text, found.start()))
    }

    /// Its named groups with their numbers, in order; several may have the same name.
    pub fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        let written = |name| str::split(name, onigmo::AGAIN).next().unwrap_or(name);
        self.line.capture_names().enumerate().filter_map(move |(index, name)| Some((index, written(name?))))
    }

    fn of(&self, text: &[u8]) -> &Regex {
        match &self.lines {
            Some(lines) if memchr::memchr(b'\n', text).is_some() => lines,
            _ => &self.line,
        }
    }
}

/// As Onigmo has it, no line begins behind the line feed at the end of a text.
fn begins_within(text: &[u8], at: usize) -> bool {
    at < text.len() || !text.ends_with(b"\n")
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

fn builder(translated: &Translated, text: &str, lines: bool) -> RegexBuilder {
    let mut builder = RegexBuilder::new(text);
    builder
        .multi_line(lines)
        .unicode(translated.unicode)
        .case_insensitive(translated.any_case)
        .dot_matches_new_line(translated.dot_all)
        .ignore_whitespace(translated.blanks)
        .size_limit(COMPILED_MAX)
        .dfa_size_limit(CACHE_MAX);
    builder
}

/// Parses it alone first: only that tells where an error is.
fn check(translated: &Translated) -> Result<(), (usize, String)> {
    let mut parser = regex_syntax::ParserBuilder::new()
        .unicode(translated.unicode)
        .utf8(false)
        .case_insensitive(translated.any_case)
        .ignore_whitespace(translated.blanks)
        .build();
    let (at, why) = match parser.parse(&translated.text) {
        Ok(_) => return Ok(()),
        Err(regex_syntax::Error::Parse(error)) => (error.span().start.offset, error.kind().to_string()),
        Err(regex_syntax::Error::Translate(error)) => (error.span().start.offset, error.kind().to_string()),
        Err(error) => (0, error.to_string()),
    };
    Err((translated.origin(at), format!("{why}; correct it")))
}

#[cfg(test)]
mod tests;
