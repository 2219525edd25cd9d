//! The files of a configuration: found, bounded, read, included, and the variables that they share.
//!
//! Paths in a configuration are relative to the file that names them. `Parsers_File` of [SERVICE] and `Upstream` of an
//! output name files as well, which may hold parsers and groups of servers only.

use std::{
    collections::BTreeMap,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
};

use super::{
    CONFIG_MAX, Entry, Section, SectionKind, classic,
    error::{At, Place, Problem},
    settle, yaml,
};
use crate::input::tail::glob;

/// Most files of one configuration.
const FILES_MAX: usize = 256;
/// Deepest chain of includes.
const DEPTH_MAX: usize = 16;
/// Longest value once its variables are expanded, bytes.
const VALUE_MAX: usize = 64 << 10;

/// What was read so far.
pub(super) struct Files<'e> {
    env: &'e dyn Fn(&str) -> Option<String>,
    set: BTreeMap<String, String>,
    /// Every file, in the order in which they were begun.
    pub(super) paths: Vec<PathBuf>,
    /// The files that are being read, each named by the one before.
    chain: Vec<u16>,
    /// Every section so far.
    pub(super) sections: Vec<Section>,
}

impl<'e> Files<'e> {
    pub(super) fn new(env: &'e dyn Fn(&str) -> Option<String>) -> Self {
        Self { env, set: BTreeMap::new(), paths: Vec::new(), chain: Vec::new(), sections: Vec::new() }
    }

    /// Reads the file that was named.
    pub(super) fn first(&mut self, path: &Path) -> At<()> {
        self.paths.push(path.to_owned());
        let bytes = load(path).map_err(|problem| (Place::default(), problem))?;
        self.bytes(0, bytes)
    }

    /// Takes `text` as the content of the file that was named.
    pub(super) fn text(&mut self, path: &Path, text: &str) -> At<()> {
        self.paths.push(path.to_owned());
        self.content(0, text)
    }

    /// Reads the files that `pattern` names, as the line `from` asks for.
    pub(super) fn include(&mut self, pattern: &str, from: Place) -> At<()> {
        let base = self.paths[usize::from(from.file)].parent().unwrap_or(Path::new("")).to_owned();
        let found = glob::find(base.join(pattern));
        if found.is_empty() {
            return Err((from, Problem::NoFile(pattern.to_owned())));
        }
        found.iter().try_for_each(|path| self.one(path, from))
    }

    /// What a variable stands for in `value`.
    pub(super) fn expand(&self, value: &str) -> Result<String, Problem> {
        let mut out = String::with_capacity(value.len());
        let mut rest = value;
        while let Some(start) = rest.find("${") {
            let name = &rest[start + 2..];
            let end = name.find('}').ok_or(Problem::OpenVariable)?;
            out.push_str(&rest[..start]);
            let name_only = name[..end].trim();
            let content = self.set.get(name_only).cloned().or_else(|| (self.env)(name_only));
            let content = content.ok_or_else(|| Problem::Variable(name_only.to_owned()))?;
            if let Some(control) = content.chars().find(|c| c.is_control() && *c != '\t') {
                return Err(Problem::Control(control));
            }
            out.push_str(&content);
            if out.len() > VALUE_MAX {
                return Err(Problem::LongValue);
            }
            rest = &name[end + 1..];
        }
        out.push_str(rest);
        Ok(out)
    }

    /// Gives a variable its value.
    pub(super) fn set(&mut self, name: &str, value: String) -> Result<(), Problem> {
        let fits = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if !fits {
            return Err(Problem::Set(name.to_owned()));
        }
        self.set.insert(name.to_owned(), value);
        Ok(())
    }

    /// Reads the files that sections refer to, once all sections are known.
    pub(super) fn referred(&mut self) -> At<()> {
        let of = |sections: &[Section], kind: SectionKind, key: &str| -> Vec<Entry> {
            let entries = sections.iter().filter(|section| section.kind == kind).flat_map(|section| &section.entries);
            entries.filter(|entry| entry.key.eq_ignore_ascii_case(key)).cloned().collect()
        };
        for entry in of(&self.sections, SectionKind::Service, "Parsers_File") {
            self.only(&entry, "a `Parsers_File`", &[SectionKind::Parser, SectionKind::MultilineParser])?;
        }
        for entry in of(&self.sections, SectionKind::Service, "Plugins_File") {
            self.only(&entry, "a `Plugins_File`", &[SectionKind::Plugins])?;
        }
        let mut read: Vec<String> = Vec::new();
        for entry in of(&self.sections, SectionKind::Output, "Upstream") {
            let is_name = |section: &Section| {
                let mut names = section.entries.iter().filter(|entry| entry.key.eq_ignore_ascii_case("Name"));
                section.kind == SectionKind::Upstream && names.any(|name| name.value == entry.value)
            };
            if self.sections.iter().any(is_name) || read.contains(&entry.value) {
                continue;
            }
            let before = self.sections.len();
            self.only(&entry, "an `Upstream` file", &[SectionKind::Upstream, SectionKind::Node])?;
            for section in &mut self.sections[before..] {
                if section.kind == SectionKind::Upstream {
                    section.entries.push(Entry { key: settle::FILE.to_owned(), ..entry.clone() });
                }
            }
            read.push(entry.value);
        }
        Ok(())
    }

    /// Reads the file that `entry` names; it may have sections of these kinds only.
    fn only(&mut self, entry: &Entry, what: &'static str, kinds: &[SectionKind]) -> At<()> {
        let before = self.sections.len();
        self.include(&entry.value, entry.line)?;
        match self.sections[before..].iter().find(|section| !kinds.contains(&section.kind)) {
            Some(other) => Err((other.line, Problem::Misplaced { what })),
            None => Ok(()),
        }
    }

    fn one(&mut self, path: &Path, from: Place) -> At<()> {
        let chain = || {
            let names = self.chain.iter().map(|&file| self.paths[usize::from(file)].display().to_string());
            names.chain([path.display().to_string()]).collect::<Vec<_>>().join(" → ")
        };
        if self.chain.iter().any(|&file| same(&self.paths[usize::from(file)], path)) {
            return Err((from, Problem::Cycle(chain())));
        }
        if self.chain.len() >= DEPTH_MAX || self.paths.len() >= FILES_MAX {
            return Err((from, Problem::TooManyFiles));
        }
        let fail = |error| (from, Problem::Include { path: path.to_owned(), error });
        let bytes = load(path).map_err(|problem| match problem {
            Problem::Unreadable(error) => fail(error),
            other => (from, other),
        })?;
        let file = self.paths.len() as u16;
        self.paths.push(path.to_owned());
        self.bytes(file, bytes)
    }

    fn bytes(&mut self, file: u16, bytes: Vec<u8>) -> At<()> {
        let text = String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            let line = 1 + memchr::memchr_iter(b'\n', &error.as_bytes()[..at]).count() as u32;
            (Place { file, line }, Problem::NotUtf8 { at })
        })?;
        self.content(file, &text)
    }

    fn content(&mut self, file: u16, text: &str) -> At<()> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        self.chain.push(file);
        let extension = self.paths[usize::from(file)].extension().map(std::ffi::OsStr::to_ascii_lowercase);
        if extension.is_some_and(|extension| extension == "yaml" || extension == "yml") {
            yaml::read(self, file, text)?;
        } else {
            classic::read(self, file, text)?;
        }
        self.chain.pop();
        Ok(())
    }
}

/// The content of a file, never more than a configuration may have, whatever the file claims to be.
fn load(path: &Path) -> Result<Vec<u8>, Problem> {
    let about = std::fs::metadata(path).map_err(Problem::Unreadable)?;
    if !about.is_file() {
        return Err(Problem::Unreadable(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file")));
    }
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(Problem::Unreadable)?;
    file.take(CONFIG_MAX + 1).read_to_end(&mut bytes).map_err(Problem::Unreadable)?;
    if bytes.len() as u64 > CONFIG_MAX {
        return Err(Problem::TooLarge { len: about.len().max(bytes.len() as u64) });
    }
    Ok(bytes)
}

fn same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}
