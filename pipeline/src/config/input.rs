//! `[INPUT]` sections: the tail plugin.

use super::{
    Section,
    error::{At, Problem},
    keys::{Keys, bad},
    plan::{DbSync, Framing, InputKind, InputPlan, TailInput},
    shared::{self, Around},
};
use crate::input::{dummy, forward};

const KEYS: &[&str] = &[
    "Path",
    "Exclude_Path",
    "Parser",
    "multiline.parser",
    "Key",
    "Path_Key",
    "Offset_Key",
    "DB",
    "DB.Sync",
    "DB.locking",
    "Refresh_Interval",
    "Rotate_Wait",
    "Read_from_Head",
    "Buffer_Chunk_Size",
    "Buffer_Max_Size",
    "Skip_Long_Lines",
    "Inotify_Watcher",
];
const PLUGINS: &[&str] = &["tail", "dummy", "forward"];
const PARSERS: &[&str] = &["cri", "docker", "json", "none"];
const MULTILINE: &[&str] = &["cri", "docker"];
const SYNC: &[&str] = &["off", "normal", "full", "extra"];

/// Most bytes that wait for the outputs, unless stated: with it the process stays below 64 MiB.
pub(super) const BUFFER_BYTES: u64 = 24 << 20;
const CHUNK_BYTES: u64 = 256 << 10;
const LINE_MAX: u64 = 1 << 20;

pub(super) fn plan(section: &Section, index: usize, around: &Around<'_>) -> At<InputPlan> {
    let plugin = plugin(section, "input plugin", PLUGINS)?;
    let (known, many) = match plugin {
        "dummy" => (dummy::KEYS, [].as_slice()),
        "forward" => (forward::KEYS, forward::MANY),
        _ => (KEYS, [].as_slice()),
    };
    let keys = Keys::with(section, known, shared::INPUT, many)?;
    let from = match plugin {
        "forward" => {
            let tag = keys.get("Tag").map(|_| tag(&keys, "")).transpose()?.map(Into::into);
            InputKind::Forward(Box::new(forward::plan(&keys, tag)?))
        }
        "dummy" => InputKind::Dummy(Box::new(dummy::plan(&keys, tag(&keys, &format!("dummy.{index}"))?.into())?)),
        _ => InputKind::Tail(Box::new(tail(section, &keys)?)),
    };
    shared::threaded(&keys)?;
    Ok(InputPlan {
        name: shared::name(&keys, plugin, index)?,
        log_level: shared::log_level(&keys)?,
        storage: shared::storage(&keys, around.service)?,
        buffer_bytes: keys.bytes("Mem_Buf_Limit", BUFFER_BYTES, 64_000, 64_000_000_000)? as usize,
        from,
    })
}

/// Which plugin a section is about.
pub(super) fn plugin(section: &Section, what: &'static str, known: &'static [&'static str]) -> At<&'static str> {
    let name = section.entries.iter().find(|entry| entry.key.eq_ignore_ascii_case("Name"));
    let name = name.ok_or((section.line, Problem::Missing("Name")))?;
    known.iter().find(|plugin| plugin.eq_ignore_ascii_case(&name.value)).copied().ok_or_else(|| {
        let nearest = super::nearest::nearest(&name.value, known);
        (name.line, Problem::Unknown { what, word: name.value.clone(), nearest, known })
    })
}

fn tail(section: &Section, keys: &Keys<'_>) -> At<TailInput> {
    keys.boolean("DB.locking", false)?;
    let (framing, merge_json) = framing(keys)?;
    let (chunk, line) = sizes(keys)?;
    let ms = |key, default, least| keys.millis(key, default, least, 86_400_000);
    Ok(TailInput {
        paths: patterns(keys, "Path")?.ok_or((section.line, Problem::Missing("Path")))?,
        exclude: patterns(keys, "Exclude_Path")?.unwrap_or_default(),
        tag: tag(keys, "tail.0")?,
        framing,
        merge_json,
        text_key: keys.text("Key").unwrap_or_else(|| "log".to_owned()),
        path_key: keys.text("Path_Key"),
        offset_key: keys.text("Offset_Key"),
        db: keys.text("DB").map(Into::into),
        db_sync: match keys.word("DB.Sync", SYNC)? {
            Some(0) => DbSync::Off,
            Some(2 | 3) => DbSync::Full,
            _ => DbSync::Normal,
        },
        refresh_interval_ms: ms("Refresh_Interval", 60_000, 100)?,
        rotate_wait_ms: ms("Rotate_Wait", 5_000, 100)?,
        read_from_head: keys.boolean("Read_from_Head", false)?,
        chunk_bytes: chunk as usize,
        line_max: line as usize,
        skip_long_lines: keys.boolean("Skip_Long_Lines", false)?,
        inotify: keys.boolean("Inotify_Watcher", true)?,
    })
}

fn framing(keys: &Keys<'_>) -> At<(Framing, bool)> {
    let multiline = match keys.word("multiline.parser", MULTILINE)? {
        Some(0) => Some(Framing::Cri),
        Some(_) => Some(Framing::Docker),
        None => None,
    };
    let parser = keys.word("Parser", PARSERS)?;
    match (multiline, parser) {
        (Some(framing), None | Some(3)) => Ok((framing, false)),
        (Some(framing), Some(2)) => Ok((framing, true)),
        (Some(_), Some(_)) => {
            let line = keys.need("Parser")?.line;
            Err((line, Problem::Contradiction("both `Parser` and `multiline.parser` give the framing; keep one")))
        }
        (None, Some(0)) => Ok((Framing::Cri, false)),
        (None, Some(1)) => Ok((Framing::Docker, false)),
        (None, Some(2)) => Ok((Framing::Plain, true)),
        (None, _) => Ok((Framing::Plain, false)),
    }
}

fn sizes(keys: &Keys<'_>) -> At<(u64, u64)> {
    let chunk = keys.bytes("Buffer_Chunk_Size", CHUNK_BYTES, 1_000, 64_000_000)?;
    let line = keys.bytes("Buffer_Max_Size", LINE_MAX.max(chunk), 1_000, 64_000_000)?;
    match keys.get("Buffer_Max_Size") {
        Some(entry) if line < chunk && keys.get("Buffer_Chunk_Size").is_some() => {
            Err((entry.line, bad(entry, "at least Buffer_Chunk_Size")))
        }
        _ => Ok((chunk, line)),
    }
}

fn patterns(keys: &Keys<'_>, key: &'static str) -> At<Option<Vec<String>>> {
    let Some(entry) = keys.get(key) else { return Ok(None) };
    let patterns: Vec<String> =
        entry.value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(ToOwned::to_owned).collect();
    if patterns.is_empty() {
        return Err((entry.line, bad(entry, "patterns separated by commas, as /var/log/*.log")));
    }
    Ok(Some(patterns))
}

fn tag(keys: &Keys<'_>, default: &str) -> At<String> {
    let Some(entry) = keys.get("Tag") else { return Ok(default.to_owned()) };
    let safe = entry.value.len() <= 256 && !entry.value.contains(char::is_whitespace);
    if !safe {
        return Err((entry.line, bad(entry, "one word of at most 256 bytes, as kube.*")));
    }
    Ok(entry.value.clone())
}
