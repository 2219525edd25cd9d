//! `[PARSER]` sections: from the keys to the plan.

use super::{
    decode::{self, Decoder},
    types::{self, Kind},
};
use crate::{
    config::{
        Entry,
        error::{At, Problem},
        keys::{Keys, bad},
    },
    event::Text,
    parse::{pattern::Pattern, strptime::TimeFormat},
};

pub(crate) const KEYS: &[&str] = &[
    "Name",
    "Format",
    "Regex",
    "Time_Key",
    "Time_Format",
    "Time_Keep",
    "Time_Offset",
    "Time_System_Timezone",
    "Time_Strict",
    "Types",
    "Decode_Field",
    "Decode_Field_As",
    "Skip_Empty_Values",
    "Logfmt_No_Bare_Keys",
];
/// Those of them that may come several times.
pub(crate) const MANY: &[&str] = &["Decode_Field", "Decode_Field_As"];
const FORMATS: &[&str] = &["regex", "json", "logfmt", "ltsv"];

/// How a text becomes fields.
#[derive(Debug, Clone, PartialEq)]
pub struct ParserPlan {
    /// Its name.
    pub name: String,
    /// The format of the text.
    pub format: Format,
    /// Where its time stands.
    pub time: Option<TimePlan>,
    /// Fields that are no text.
    pub types: Vec<(Text, Kind)>,
    /// Fields that are looked into.
    pub(super) decoders: Vec<Decoder>,
    /// Fields without a value are left out.
    pub skip_empty: bool,
}

/// The format of a text.
#[derive(Debug, Clone, PartialEq)]
pub enum Format {
    /// Each named group is a field.
    Regex(Pattern),
    /// An object.
    Json,
    /// `key=value key="value"`.
    Logfmt {
        /// A key without a value is taken as true; otherwise such a text is no logfmt.
        bare: bool,
    },
    /// `label:value`, separated by tabs.
    Ltsv,
}

/// Where the time of a text stands.
#[derive(Debug, Clone)]
pub struct TimePlan {
    /// In which field.
    pub key: Text,
    /// How it is written; none: it is not read.
    pub format: Option<TimeFormat>,
    /// Whether the field stays.
    pub keep: bool,
    /// As it is written, to compare plans.
    written: String,
}

impl PartialEq for TimePlan {
    fn eq(&self, other: &Self) -> bool {
        (&self.key, self.keep, &self.written) == (&other.key, other.keep, &other.written)
    }
}

impl ParserPlan {
    /// One of the usual ones, its time in the field `time`; without a format it has none.
    pub(super) fn usual(name: &str, format: Format, time: &str, keep: bool) -> Self {
        let time = (!time.is_empty()).then(|| TimePlan {
            key: b"time".to_vec(),
            format: Some(TimeFormat::new(time).expect("it was tested")),
            keep,
            written: time.to_owned(),
        });
        let skip_empty = matches!(format, Format::Regex(_));
        Self { name: name.to_owned(), format, time, types: Vec::new(), decoders: Vec::new(), skip_empty }
    }

    /// Whether it makes the fields of an object, and changes nothing about them.
    pub(crate) fn takes_objects_as_they_are(&self) -> bool {
        self.format == Format::Json && self.types.is_empty() && self.decoders.is_empty()
    }

    /// As [`Self::takes_objects_as_they_are`] in every case, but perhaps takes the time out of them.
    pub(crate) fn is_bare_json(&self, timed: bool) -> bool {
        self.takes_objects_as_they_are() && !self.skip_empty && (timed || self.time.is_none())
    }

    /// Whether its fields are parts of the text as they stand, of which no two have the same name.
    pub(crate) fn takes_parts(&self) -> bool {
        let groups = self.groups();
        let twice = (0..groups.len()).any(|at| groups[..at].contains(&groups[at]));
        !groups.is_empty() && !twice && self.types.is_empty() && self.decoders.is_empty()
    }

    /// The named groups of its expression, in order.
    pub(crate) fn groups(&self) -> Vec<String> {
        match &self.format {
            Format::Regex(pattern) => pattern.names().map(|(_, name)| name.to_owned()).collect(),
            _ => Vec::new(),
        }
    }

    /// What a section means; its keys are those of [`KEYS`].
    pub(crate) fn plan(keys: &Keys<'_>) -> At<Self> {
        let name = keys.need("Name")?.value.clone();
        let format = format(keys)?;
        let skip_empty = keys.boolean("Skip_Empty_Values", matches!(format, Format::Regex(_)))?;
        let decoders = decode::plan(keys)?;
        let mut types = types(keys)?;
        if format == Format::Json {
            // The values of an object have types of their own.
            types.clear();
        }
        Ok(Self { name, format, time: time(keys)?, types, decoders, skip_empty })
    }
}

fn format(keys: &Keys<'_>) -> At<Format> {
    keys.need("Format")?;
    let format = match keys.word("Format", FORMATS)? {
        Some(1) => Format::Json,
        Some(2) => Format::Logfmt { bare: !keys.boolean("Logfmt_No_Bare_Keys", false)? },
        Some(3) => Format::Ltsv,
        _ => return regex(keys),
    };
    match keys.get("Regex") {
        None => Ok(format),
        Some(entry) => Err((
            entry.line,
            Problem::Contradiction("only `Format regex` has a `Regex`; remove it or change the format"),
        )),
    }
}

fn regex(keys: &Keys<'_>) -> At<Format> {
    let entry = keys.need("Regex")?;
    let pattern = pattern(entry, &entry.value)?;
    if pattern.names().next().is_none() {
        return Err((entry.line, bad(entry, "an expression with named groups, as (?<host>[^ ]*)")));
    }
    Ok(Format::Regex(pattern))
}

/// The expression `text` of an entry.
pub(crate) fn pattern(entry: &Entry, text: &str) -> At<Pattern> {
    Pattern::new(text).map_err(|error| (entry.line, Problem::Pattern(error)))
}

fn time(keys: &Keys<'_>) -> At<Option<TimePlan>> {
    const OFFSET: &str = "an offset from UTC, as +0900";
    let key = keys.text("Time_Key");
    let strict = keys.boolean("Time_Strict", true)?;
    let keep = keys.boolean("Time_Keep", false)?;
    let system = keys.boolean("Time_System_Timezone", false)?;
    let offset = keys.read("Time_Offset", None, OFFSET, |text| offset(text).map(Some))?;
    let Some(entry) = keys.get("Time_Format") else {
        let format = None;
        let (key, written) = (key.map(String::into_bytes), String::new());
        return Ok(key.map(|key| TimePlan { key, format, keep: true, written }));
    };
    let zone = match offset {
        Some(_) if system => {
            let line = keys.need("Time_Offset")?.line;
            let both = "both `Time_Offset` and `Time_System_Timezone` give the zone; keep one";
            return Err((line, Problem::Contradiction(both)));
        }
        Some(offset) => offset.to_time_zone(),
        None if system => jiff::tz::TimeZone::system(),
        None => jiff::tz::TimeZone::UTC,
    };
    let format = TimeFormat::new(&entry.value).map_err(|letter| (entry.line, Problem::TimeFormat { letter }))?;
    let written = format!("{} {zone:?} {strict}", entry.value);
    Ok(Some(TimePlan {
        key: key.unwrap_or_else(|| "time".to_owned()).into_bytes(),
        format: Some(format.in_zone(zone).lenient(!strict)),
        keep,
        written,
    }))
}

fn offset(text: &str) -> Option<jiff::tz::Offset> {
    let (sign, digits) = match text.as_bytes().first()? {
        b'+' => (1, &text[1..]),
        b'-' => (-1, &text[1..]),
        _ => return None,
    };
    let digits = digits.replacen(':', "", 1);
    if digits.len() != 4 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes): (i32, i32) = (digits[..2].parse().ok()?, digits[2..].parse().ok()?);
    jiff::tz::Offset::from_seconds(sign * (hours * 3600 + minutes * 60)).ok().filter(|_| minutes < 60)
}

fn types(keys: &Keys<'_>) -> At<Vec<(Text, Kind)>> {
    let Some(entry) = keys.get("Types") else { return Ok(Vec::new()) };
    types::read(&entry.value).ok_or_else(|| {
        (entry.line, bad(entry, "fields with integer, float, bool, hex or string behind a colon, as code:integer"))
    })
}
