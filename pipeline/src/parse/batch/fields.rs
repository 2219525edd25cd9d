//! A record of a tailed line as fields, with the same keys in the same order as the encoder writes them.

use super::{Batch, Form, Labels, Record, Stream};
use crate::{
    config::plan::Framing,
    event::{Event, Fields, Value, json},
};

/// The record as fields.
pub(super) fn of(batch: &Batch, record: &Record) -> Event {
    let labels = &batch.labels;
    let mut fields = match record.form {
        Form::Groups => groups(batch, record),
        Form::Text | Form::Pairs => own(labels, record, batch.slice(record.stamp), batch.text(record)),
    };
    if let Some(key) = &labels.path_key {
        fields.push(key, Value::text(batch.source.path.to_string_lossy().as_bytes()));
    }
    if let Some(key) = &labels.offset_key {
        fields.push(key, Value::Unsigned(record.offset));
    }
    Event { time: record.time, fields, id: record.id(&batch.source) }
}

/// Those that are parts of the line.
fn groups(batch: &Batch, record: &Record) -> Fields {
    let mut fields = Fields(Vec::with_capacity(batch.labels.groups.len() + 2));
    for (key, span) in batch.labels.groups.iter().zip(batch.groups(record)) {
        if let Some(span) = span {
            fields.push(key, Value::text(batch.slice(*span)));
        }
    }
    fields
}

/// Those that are in the line.
pub(super) fn own(labels: &Labels, record: &Record, stamp: &[u8], text: &[u8]) -> Fields {
    let mut fields = Fields(Vec::with_capacity(6));
    if let Some(stream) = record.stream {
        fields.push("time", Value::text(stamp));
        fields.push("stream", Value::text(if stream == Stream::Stdout { "stdout" } else { "stderr" }));
        if labels.framing == Framing::Cri && record.form == Form::Text {
            fields.push("_p", Value::text(if record.partial { "P" } else { "F" }));
        }
    }
    if record.form == Form::Pairs {
        // Checked when the record was merged, so it can be read.
        let merged = json::inner(text).unwrap_or_default();
        fields.0.extend(merged.0);
    } else {
        fields.push(&labels.text_key, Value::text(text));
    }
    fields
}
