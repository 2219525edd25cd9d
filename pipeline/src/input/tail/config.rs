//! The keys of `tail`. Those of Fluent Bit that change nothing here, because what they adjust does not exist or is always
//! so, are checked and taken; those that would change records are refused with what to write instead.

mod shape;

use self::shape::Shape;
use crate::{
    buffer::route::Matching,
    config::{
        error::{At, Problem},
        keys::{Keys, bad},
        plan::{DbSync, InputPlan, TailInput},
        shared::Around,
        value,
    },
    filter::{FilterKind, FilterPlan, multiline::MultilineFilterPlan, parser::ParserFilterPlan},
    parse::parser::pattern,
};

pub(crate) const KEYS: &[&str] = &[
    "Path",
    "Exclude_Path",
    "Tag_Regex",
    "Parser",
    "multiline.parser",
    "Docker_Mode",
    "Key",
    "Path_Key",
    "Offset_Key",
    "DB",
    "DB.Sync",
    "DB.locking",
    "DB.journal_mode",
    "DB.compare_filename",
    "Refresh_Interval",
    "Rotate_Wait",
    "Read_from_Head",
    "Buffer_Chunk_Size",
    "Buffer_Max_Size",
    "Skip_Long_Lines",
    "Skip_Empty_Lines",
    "Ignore_Older",
    "Exit_On_Eof",
    "Inotify_Watcher",
    "Watcher_Interval",
    "Progress_Check_Interval",
    "Progress_Check_Interval_NSec",
    "Static_Batch_Size",
    "Event_Batch_Size",
    "File_Cache_Advise",
    "Docker_Mode_Flush",
    "Docker_Mode_Parser",
    "Multiline",
    "Multiline_Flush",
    "Parser_Firstline",
    "Parser_1",
    "Parser_2",
    "Parser_3",
    "Parser_4",
    "Parser_5",
    "Parser_6",
    "Parser_7",
    "Parser_8",
    "Parser_9",
    "Read_Newly_Discovered_Files_From_Head",
    "Ignore_Active_Older_Files",
    "Unicode.Encoding",
    "Generic.Encoding",
    "Truncate_Long_Lines",
];
/// Keys that may come several times.
pub(crate) const MANY: &[&str] = &["multiline.parser"];
/// Keys that other programs know, and why they are refused here unless they say no.
const REFUSED: &[(&str, &str)] = &[
    ("Docker_Mode_Parser", "use `multiline.parser docker` and a multiline filter behind it"),
    ("Ignore_Active_Older_Files", "a file that is followed is read for as long as it grows; remove it"),
    ("Unicode.Encoding", "lines are passed on byte by byte; convert them where they are written"),
    ("Generic.Encoding", "lines are passed on byte by byte; convert them where they are written"),
];
const SYNC: &[&str] = &["off", "normal", "full", "extra"];
const JOURNAL: &[&str] = &["DELETE", "TRUNCATE", "PERSIST", "MEMORY", "WAL", "OFF"];
const CHUNK_BYTES: u64 = 256 << 10;
const LINE_MAX: u64 = 1 << 20;

pub(crate) fn plan(keys: &Keys<'_>, tag: String, around: &Around<'_>) -> At<TailInput> {
    without_meaning(keys)?;
    let Shape { framing, merge, rules, parser, line_parsers } = shape::plan(keys, around)?;
    let (chunk, line) = sizes(keys)?;
    let ms = |key, default, least| keys.millis(key, default, least, 86_400_000);
    Ok(TailInput {
        paths: patterns(keys, "Path")?.ok_or((keys.place(), Problem::Missing("Path")))?,
        exclude: patterns(keys, "Exclude_Path")?.unwrap_or_default(),
        tag,
        framing,
        merge,
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
        skip_empty_lines: keys.boolean("Skip_Empty_Lines", false)?,
        inotify: keys.boolean("Inotify_Watcher", true)?,
        tag_regex: keys.get("Tag_Regex").map(|entry| pattern(entry, &entry.value)).transpose()?,
        ignore_older_ms: match keys.get("Ignore_Older") {
            Some(entry) if entry.value != "0" => Some(ms("Ignore_Older", 0, 1)?),
            _ => None,
        },
        exit_on_eof: keys.boolean("Exit_On_Eof", false)?,
        rules,
        parser,
        line_parsers,
    })
}

/// Keys that change nothing here, checked all the same, and those that are refused.
fn without_meaning(keys: &Keys<'_>) -> At<()> {
    for &(key, why) in REFUSED {
        if let Some(entry) = keys.get(key).filter(|entry| value::boolean(&entry.value) != Some(false)) {
            return Err((entry.line, Problem::Refused { what: key.to_owned(), why }));
        }
    }
    for key in ["DB.locking", "DB.compare_filename", "File_Cache_Advise", "Truncate_Long_Lines"] {
        keys.get(key).map(|_| keys.boolean(key, false)).transpose()?;
    }
    for key in ["Watcher_Interval", "Progress_Check_Interval", "Docker_Mode_Flush"] {
        keys.get(key).map(|_| keys.millis(key, 1_000, 0, 86_400_000)).transpose()?;
    }
    keys.get("Progress_Check_Interval_NSec")
        .map(|_| keys.number("Progress_Check_Interval_NSec", 0, 0, 999_999_999))
        .transpose()?;
    for key in ["Static_Batch_Size", "Event_Batch_Size"] {
        keys.get(key).map(|_| keys.bytes(key, 50_000_000, 1, 64_000_000_000)).transpose()?;
    }
    if !keys.boolean("Read_Newly_Discovered_Files_From_Head", true)? {
        let (what, why) = (
            "Read_Newly_Discovered_Files_From_Head off",
            "what is written before a file is found would be lost; remove it",
        );
        let line = keys.need("Read_Newly_Discovered_Files_From_Head")?.line;
        return Err((line, Problem::Refused { what: what.to_owned(), why }));
    }
    keys.word("DB.journal_mode", JOURNAL).map(|_| ())
}

/// What an input does to its own records before all filters.
pub(crate) fn filters(input: &InputPlan, index: usize) -> Vec<FilterPlan> {
    let Some(tail) = input.tail() else { return Vec::new() };
    let mut all = Vec::new();
    if !tail.rules.is_empty() {
        let plan = MultilineFilterPlan::of_lines(tail.rules.clone(), &tail.text_key);
        all.push(("multiline", FilterKind::Multiline(plan)));
    }
    if let Some(parser) = &tail.parser {
        let plan = ParserFilterPlan::of_lines(parser.clone(), &tail.text_key);
        all.extend(plan.map(|plan| ("parser", FilterKind::Parser(plan))));
    }
    if !tail.line_parsers.is_empty() {
        let plan = ParserFilterPlan::of_first_lines(tail.line_parsers.clone(), &tail.text_key);
        all.extend(plan.map(|plan| ("parser", FilterKind::Parser(plan))));
    }
    let filter = |(what, kind)| FilterPlan {
        name: format!("{}.{what}", input.name),
        log_level: input.log_level,
        input: Some(index),
        matches: Matching::from("*"),
        what: kind,
    };
    all.into_iter().map(filter).collect()
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
    if key == "Path" && patterns.iter().any(|pattern| pattern.as_bytes().ends_with(b".gz")) {
        let why =
            "name the files before they are compressed, as *.log: archives beside them are read where they have to be";
        return Err((entry.line, Problem::Refused { what: "a Path of .gz files".to_owned(), why }));
    }
    Ok(Some(patterns))
}

#[cfg(test)]
mod tests;
