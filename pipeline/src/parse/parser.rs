//! Parsers as `[PARSER]` sections describe them: a text becomes fields, and perhaps a time.
//!
//! ```text
//! regex   ^(?<host>[^ ]*) (?<code>\d+)$     each named group is a field
//! json    {"host":"a","code":200}           logfmt  host=a code=200 note="x y"     ltsv  host:a<TAB>code:200
//! ```
//! Then the time is taken from `Time_Key` (a field that is no time stays a field), `Types` are cast (a value that is
//! none of its type stays text), and `Decode_Field` looks into fields. Nothing that was in the text is dropped but
//! what `Time_Keep off` and `Skip_Empty_Values` ask for.

use std::sync::Arc;

use regex::bytes::CaptureLocations;

use super::{pattern::Pattern, strptime::FormatReader, time::Time};
use crate::event::{Fields, Text, Value, json};

mod decode;
mod logfmt;
mod ltsv;
mod plan;
mod registry;
mod types;

pub(crate) use decode::unescape;
pub use plan::{Format, ParserPlan, TimePlan};
pub(crate) use plan::{KEYS, MANY, pattern};
pub use registry::Parsers;
pub(crate) use registry::{multiline_named, parser_named};
pub use types::Kind;

/// What a text says.
#[derive(Debug, Clone, PartialEq)]
pub struct Parsed {
    /// When, if it says so.
    pub time: Option<Time>,
    /// What else.
    pub fields: Fields,
}

/// A parser at work; a thread has its own.
#[derive(Debug, Clone)]
pub struct Parser {
    plan: Arc<ParserPlan>,
    locations: Option<CaptureLocations>,
    names: Vec<(usize, Text)>,
    /// Several groups have the same name; the last of them that took part counts.
    repeated: bool,
    times: Option<FormatReader>,
}

impl Parser {
    /// The parser of a plan.
    pub fn new(plan: Arc<ParserPlan>) -> Self {
        let (mut locations, mut names) = (None, Vec::<(usize, Text)>::new());
        if let Format::Regex(pattern) = &plan.format {
            locations = Some(pattern.locations());
            names = pattern.names().map(|(index, name)| (index, name.as_bytes().to_vec())).collect();
        }
        let times = plan.time.as_ref().and_then(|time| time.format.clone()).map(FormatReader::new);
        let repeated =
            names.iter().enumerate().any(|(at, (_, name))| names[..at].iter().any(|(_, known)| known == name));
        Self { plan, locations, names, repeated, times }
    }

    /// What it does.
    pub fn plan(&self) -> &Arc<ParserPlan> {
        &self.plan
    }

    /// Parses `text`; none if it does not follow the format. `now` decides the year of a time that has none.
    pub fn parse(&mut self, text: &[u8], now: Time) -> Option<Parsed> {
        let mut fields = match &self.plan.format {
            Format::Regex(pattern) => {
                let locations = self.locations.as_mut().expect("a regex parser has room for its groups");
                groups(pattern, locations, (&self.names, self.repeated), self.plan.skip_empty, text)?
            }
            Format::Json => json::object(text)?,
            Format::Logfmt { bare } => logfmt::fields(text, *bare)?,
            Format::Ltsv => ltsv::fields(text)?,
        };
        if self.plan.skip_empty && !matches!(self.plan.format, Format::Regex(_)) {
            fields.0.retain(|(_, value)| value.as_bytes() != Some(b""));
        }
        let time = self.time(&mut fields, now);
        types::cast(&self.plan.types, &mut fields);
        decode::all(&self.plan.decoders, &mut fields);
        Some(Parsed { time, fields })
    }

    fn time(&mut self, fields: &mut Fields, now: Time) -> Option<Time> {
        let (plan, reader) = (self.plan.time.as_ref()?, self.times.as_mut()?);
        let text = fields.get(&plan.key)?.shown()?;
        let time = reader.read(&text, now)?;
        if !plan.keep {
            fields.remove(&plan.key);
        }
        Some(time)
    }
}

fn groups(
    pattern: &Pattern,
    locations: &mut CaptureLocations,
    (names, repeated): (&[(usize, Text)], bool),
    skip_empty: bool,
    text: &[u8],
) -> Option<Fields> {
    if !pattern.find(text, locations) {
        return None;
    }
    let mut fields = Fields(Vec::with_capacity(names.len() + 1));
    for (index, name) in names {
        let (start, end) = locations.get(*index).unwrap_or((0, 0));
        let value = || Value::text(&text[start..end]);
        if start < end {
            if repeated { fields.set(name, value()) } else { fields.push(name, value()) }
        } else if !(skip_empty || repeated && fields.get(name).is_some()) {
            fields.push(name, value());
        }
    }
    Some(fields)
}

#[cfg(test)]
mod tests;
