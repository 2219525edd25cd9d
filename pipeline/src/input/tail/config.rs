//! The keys of `tail`.

use crate::config::{
    error::{At, Problem},
    keys::{Keys, bad},
    plan::{DbSync, Framing, TailInput},
    shared::Around,
};

pub(crate) const KEYS: &[&str] = &[
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
/// Keys that may come several times.
pub(crate) const MANY: &[&str] = &[];
const PARSERS: &[&str] = &["cri", "docker", "json", "none"];
const MULTILINE: &[&str] = &["cri", "docker"];
const SYNC: &[&str] = &["off", "normal", "full", "extra"];

const CHUNK_BYTES: u64 = 256 << 10;
const LINE_MAX: u64 = 1 << 20;

pub(crate) fn plan(keys: &Keys<'_>, tag: String, _around: &Around<'_>) -> At<TailInput> {
    keys.boolean("DB.locking", false)?;
    let (framing, merge_json) = framing(keys)?;
    let (chunk, line) = sizes(keys)?;
    let ms = |key, default, least| keys.millis(key, default, least, 86_400_000);
    Ok(TailInput {
        paths: patterns(keys, "Path")?.ok_or((keys.place(), Problem::Missing("Path")))?,
        exclude: patterns(keys, "Exclude_Path")?.unwrap_or_default(),
        tag,
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
