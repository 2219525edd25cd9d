//! Lines that a regular expression takes apart: the places of its groups are kept, and the line stays where it was read.
//!
//! ```text
//! 10.0.0.7 - - [21/Nov/2026:05:50:01 +0000] "GET / HTTP/1.1" 200 …
//! └ remote   │ └ user                 time   └ method         └ code
//!            └ host
//! ```
//! The encoder writes each place under its key; nothing is allocated or copied for a record.

use regex::bytes::CaptureLocations;

use super::{
    Batch, Form, Record, Span,
    parser::{Format, ParserPlan},
    pattern::Pattern,
    strptime::FormatReader,
};

/// A parser by regular expression at work.
#[derive(Debug)]
pub(super) struct Groups {
    pattern: Pattern,
    locations: CaptureLocations,
    /// Numbers of the groups that have a name.
    numbers: Vec<usize>,
    skip_empty: bool,
    time: Option<TimeGroup>,
}

/// The group that says the time.
#[derive(Debug)]
struct TimeGroup {
    /// Which of the named ones it is.
    index: usize,
    format: FormatReader,
    keep: bool,
}

impl Groups {
    /// Those of a plan; none if it has no expression.
    pub(super) fn new(plan: &ParserPlan) -> Option<Self> {
        let Format::Regex(pattern) = &plan.format else { return None };
        let time = plan.time.as_ref().and_then(|time| {
            let index = pattern.names().position(|(_, name)| name.as_bytes() == time.key)?;
            Some(TimeGroup { index, format: FormatReader::new(time.format.clone()?), keep: time.keep })
        });
        Some(Self {
            locations: pattern.locations(),
            numbers: pattern.names().map(|(number, _)| number).collect(),
            pattern: pattern.clone(),
            skip_empty: plan.skip_empty,
            time,
        })
    }

    /// Finds the groups of every line; one that the expression does not fit stays a text.
    pub(super) fn all(&mut self, batch: &mut Batch) {
        let Batch { records, groups, bytes, .. } = batch;
        groups.reserve_exact(records.len() * self.numbers.len());
        for record in records {
            let begin = groups.len();
            if self.find(record, bytes, groups) {
                (record.form, record.groups) = (Form::Groups, begin as u32);
                self.time(record, bytes, &mut groups[begin..]);
            }
        }
    }

    fn find(&mut self, record: &Record, bytes: &[u8], groups: &mut Vec<Option<Span>>) -> bool {
        let start = record.text.start as usize;
        let found = self.pattern.find(&bytes[start..][..record.text.len as usize], &mut self.locations);
        if found {
            groups.extend(self.numbers.iter().map(|&number| {
                // A group that took no part is as good as empty.
                let (from, to) = self.locations.get(number).unwrap_or((0, 0));
                (from < to || !self.skip_empty).then(|| Span::read(start + from, to - from))
            }));
        }
        found
    }

    /// Takes the time out of the groups of a record, unless it is to stay.
    fn time(&mut self, record: &mut Record, bytes: &[u8], groups: &mut [Option<Span>]) {
        let Some(time) = &mut self.time else { return };
        let Some(span) = groups[time.index] else { return };
        let text = &bytes[span.start as usize..][..span.len as usize];
        if let Some(read) = time.format.read(text, record.time) {
            record.time = read;
            if !time.keep {
                groups[time.index] = None;
            }
        }
    }
}

#[cfg(test)]
mod tests;
