//! The keys that every input, filter or output has, and what a section can refer to by name.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Section,
    error::{At, Place, Problem},
    keys::Keys,
    nearest::nearest_of,
    plan::{LogLevel, ServicePlan, Storage},
};
use crate::{
    buffer::route::Matching,
    parse::{parser::Parsers, pattern::Pattern},
};

/// Keys of every input beside its own.
pub(crate) const INPUT: &[&str] = &[
    "Name",
    "Tag",
    "Alias",
    "Log_Level",
    "Mem_Buf_Limit",
    "storage.type",
    "storage.pause_on_chunks_overlimit",
    "threaded",
];
/// Keys of every filter beside its own.
pub(crate) const FILTER: &[&str] = &["Name", "Match", "Match_Regex", "Alias", "Log_Level"];
/// Keys of every output beside its own.
pub(crate) const OUTPUT: &[&str] = &[
    "Name",
    "Match",
    "Match_Regex",
    "Alias",
    "Log_Level",
    "Retry_Limit",
    "Workers",
    "storage.total_limit_size",
    "storage.total_limit_policy",
    "Dead_Letter",
];

const LEVELS: &[&str] = &["off", "error", "warn", "info", "debug", "trace", "warning"];
const STORAGE: &[&str] = &["memory", "filesystem"];

/// What a section can refer to by name.
#[derive(Debug)]
pub(crate) struct Around<'a> {
    /// The process as a whole.
    pub(crate) service: &'a ServicePlan,
    /// Parsers and multiline rules, the built-in ones too.
    pub(crate) parsers: Arc<Parsers>,
    /// The files of the configuration, by [`Place::file`].
    pub(crate) files: &'a [PathBuf],
    /// Groups of servers.
    pub(crate) upstreams: Vec<Upstream<'a>>,
}

/// A group of servers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Upstream<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// The file it was read from, as the `Upstream` key of an output names it; empty in YAML.
    pub(crate) named: &'a str,
    /// One section a server, at least one: its keys are the output's to read.
    pub(crate) nodes: &'a [Section],
}

impl<'a> Around<'a> {
    /// The folder of the file in which something stands: relative paths begin there.
    pub(crate) fn folder(&self, place: Place) -> &'a Path {
        let file = self.files.get(usize::from(place.file));
        file.and_then(|file| file.parent()).unwrap_or(Path::new(""))
    }

    /// The group that the `Upstream` key of an output names: by name or by its file.
    pub(crate) fn upstream(&self, keys: &Keys<'_>, key: &'static str) -> At<Option<Upstream<'a>>> {
        let Some(entry) = keys.get(key) else { return Ok(None) };
        let found = self.upstreams.iter().find(|group| [group.name, group.named].contains(&entry.value.as_str()));
        let nearest = || nearest_of(&entry.value, self.upstreams.iter().map(|group| group.name)).map(ToOwned::to_owned);
        let missing =
            || (entry.line, Problem::Nowhere { what: "upstream", name: entry.value.clone(), nearest: nearest() });
        found.copied().map(Some).ok_or_else(missing)
    }
}

/// `Alias`, or the plugin and its place, as `tail.0`.
pub(crate) fn name(keys: &Keys<'_>, plugin: &str, index: usize) -> At<String> {
    let fits = |text: &str| {
        (text.len() <= 128 && text.chars().all(|c| c.is_ascii_graphic() && c != '"' && c != '\\'))
            .then(|| text.to_owned())
    };
    keys.read("Alias", format!("{plugin}.{index}"), "one word of at most 128 letters, as front", fits)
}

/// `Log_Level`.
pub(crate) fn log_level(keys: &Keys<'_>) -> At<Option<LogLevel>> {
    Ok(keys.word("Log_Level", LEVELS)?.map(|index| match index {
        0 => LogLevel::Off,
        1 => LogLevel::Error,
        2 | 6 => LogLevel::Warn,
        3 => LogLevel::Info,
        4 => LogLevel::Debug,
        _ => LogLevel::Trace,
    }))
}

/// `Match` or `Match_Regex`, exactly one of them.
pub(crate) fn matching(keys: &Keys<'_>) -> At<Matching> {
    match (keys.get("Match"), keys.get("Match_Regex")) {
        (Some(_), Some(entry)) => {
            Err((entry.line, Problem::Contradiction("both `Match` and `Match_Regex` say which tags; keep one")))
        }
        (None, Some(entry)) => {
            Pattern::new(&entry.value).map(Matching::Regex).map_err(|error| (entry.line, Problem::Pattern(error)))
        }
        _ => Ok(Matching::from(keys.need("Match")?.value.as_str())),
    }
}

/// `storage.type` of an input.
pub(crate) fn storage(keys: &Keys<'_>, service: &ServicePlan) -> At<Storage> {
    let Some(1) = keys.word("storage.type", STORAGE)? else { return Ok(Storage::Memory) };
    let entry = keys.need("storage.type")?;
    match service.storage.path {
        Some(_) => Ok(Storage::Filesystem),
        None => Err((
            entry.line,
            Problem::Contradiction("`storage.type filesystem` needs a folder; give `storage.path` in [SERVICE]"),
        )),
    }
}

/// `threaded`: every input has a thread of its own or is stepped without blocking, so both answers are kept.
pub(crate) fn threaded(keys: &Keys<'_>) -> At<()> {
    keys.boolean("threaded", true).map(drop)
}
