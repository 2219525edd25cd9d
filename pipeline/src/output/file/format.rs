//! Records as lines of a file. One record is one line, whatever it holds: line feeds within values are escaped.

use std::{io::Write, sync::Arc};

use super::{FileFormat, Part, encoder};
use crate::{
    event::{Event, Value, json},
    output::{encode::Encoder, escape::Escaper},
    parse::{Batch, time::Time},
};

/// Renders records.
pub(super) struct Lines {
    format: FileFormat,
    encoder: Encoder,
    escaper: Escaper,
}

impl Lines {
    pub(super) fn new(format: FileFormat) -> Self {
        let encoder = encoder(format == FileFormat::Prefixed);
        Self { format, encoder, escaper: Escaper::default() }
    }

    /// Appends the records of a batch.
    pub(super) fn batch(&mut self, batch: &Batch, out: &mut Vec<u8>) {
        match &self.format {
            FileFormat::Prefixed | FileFormat::Plain => self.encoder.batch(batch, 0..batch.len(), out),
            FileFormat::Csv { delimiter, .. } => {
                for event in (0..batch.len()).map(|index| batch.event(index)) {
                    time(event.time, 9, out);
                    for (_, value) in &event.fields.0 {
                        out.extend_from_slice(delimiter.as_bytes());
                        cell(value, &mut self.escaper, out);
                    }
                    out.push(b'\n');
                }
            }
            FileFormat::Ltsv { delimiter, label } => {
                for event in (0..batch.len()).map(|index| batch.event(index)) {
                    out.extend_from_slice(b"time");
                    out.extend_from_slice(label.as_bytes());
                    time(event.time, 9, out);
                    for (key, value) in &event.fields.0 {
                        out.extend_from_slice(delimiter.as_bytes());
                        text(key, true, out);
                        out.extend_from_slice(label.as_bytes());
                        plain(value, true, &mut self.escaper, out);
                    }
                    out.push(b'\n');
                }
            }
            FileFormat::Template(parts) => {
                for event in (0..batch.len()).map(|index| batch.event(index)) {
                    filled(parts, &event, &mut self.escaper, out);
                }
            }
        }
    }

    /// The first line of a new file, if it has one.
    pub(super) fn head(&self, run: &[Arc<Batch>]) -> Option<Vec<u8>> {
        let FileFormat::Csv { delimiter, names: true } = &self.format else { return None };
        let event = run.iter().find(|batch| !batch.is_empty())?.event(0);
        let mut out = b"timestamp".to_vec();
        for (key, _) in &event.fields.0 {
            out.extend_from_slice(delimiter.as_bytes());
            cell(&Value::text(key), &mut Escaper::default(), &mut out);
        }
        out.push(b'\n');
        Some(out)
    }
}

/// The parts of a template: `{key}` stands for a value, any other brace for itself.
pub(super) fn template(mut text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    while let Some(open) = text.find('{') {
        let Some(close) = text[open..].find('}').map(|at| open + at) else { break };
        // The last brace before the closing one opens.
        let open = text[..close].rfind('{').unwrap_or(open);
        if open > 0 {
            parts.push(Part::Text(text[..open].to_owned()));
        }
        parts.push(Part::Key(text[open + 1..close].to_owned()));
        text = &text[close + 1..];
    }
    if !text.is_empty() {
        parts.push(Part::Text(text.to_owned()));
    }
    parts
}

fn filled(parts: &[Part], event: &Event, escaper: &mut Escaper, out: &mut Vec<u8>) {
    for part in parts {
        match part {
            Part::Text(text) => out.extend_from_slice(text.as_bytes()),
            Part::Key(key) => match event.fields.get(key) {
                Some(value) => plain(value, false, escaper, out),
                None if key == "time" => time(event.time, 6, out),
                // As Fluent Bit leaves it: a key that a record has not is seen at once.
                None => out.extend_from_slice(format!("{{{key}}}").as_bytes()),
            },
        }
    }
    out.push(b'\n');
}

/// Seconds with a fraction.
fn time(time: Time, digits: usize, out: &mut Vec<u8>) {
    let fraction = u64::from(time.nanos) / 10u64.pow(9 - digits as u32);
    write!(out, "{}.{fraction:0digits$}", time.seconds).expect("memory takes every byte");
}

/// A value as it is; text without quotes.
fn plain(value: &Value, tabs: bool, escaper: &mut Escaper, out: &mut Vec<u8>) {
    match value.as_bytes() {
        Some(bytes) => text(bytes, tabs, out),
        None => json::write(value, escaper, out),
    }
}

fn text(text: &[u8], tabs: bool, out: &mut Vec<u8>) {
    let mut rest = text;
    let ends = |byte: &u8| matches!(byte, b'\n' | b'\r') || tabs && *byte == b'\t';
    while let Some(at) = rest.iter().position(ends) {
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(match rest[at] {
            b'\n' => b"\\n",
            b'\r' => b"\\r",
            _ => b"\\t",
        });
        rest = &rest[at + 1..];
    }
    out.extend_from_slice(rest);
}

/// Text in quotes, quotes doubled; so no cell begins with what a spreadsheet would calculate.
fn cell(value: &Value, escaper: &mut Escaper, out: &mut Vec<u8>) {
    let mut bare = Vec::new();
    match value {
        Value::Text(_) | Value::Binary(_) | Value::Array(_) | Value::Map(_) => plain(value, false, escaper, &mut bare),
        _ => return json::write(value, escaper, out),
    }
    out.push(b'"');
    for byte in bare {
        if byte == b'"' {
            out.push(b'"');
        }
        out.push(byte);
    }
    out.push(b'"');
}
