//! A record of a tailed line as fields, with the same keys in the same order as the encoder writes them.

use super::{Batch, Labels, Record, Stream};
use crate::{
    config::plan::Framing,
    event::{Event, Fields, Value, json},
};

/// The record as fields.
pub(super) fn of(batch: &Batch, record: &Record) -> Event {
    let labels = &batch.labels;
    let mut fields = own(labels, record, batch.slice(record.stamp), batch.text(record));
    if let Some(key) = &labels.path_key {
        fields.push(key, Value::text(batch.source.path.to_string_lossy().as_bytes()));
    }
    if let Some(key) = &labels.offset_key {
        fields.push(key, Value::Unsigned(record.offset));
    }
    Event { time: record.time, fields, id: record.id(&batch.source) }
}

/// Those that are in the line.
pub(super) fn own(labels: &Labels, record: &Record, stamp: &[u8], text: &[u8]) -> Fields {
    let mut fields = Fields(Vec::with_capacity(6));
    if let Some(stream) = record.stream {
        fields.push("time", Value::text(stamp));
        fields.push("stream", Value::text(if stream == Stream::Stdout { "stdout" } else { "stderr" }));
        if labels.framing == Framing::Cri && !record.fields {
            fields.push("_p", Value::text(if record.partial { "P" } else { "F" }));
        }
    }
    if record.fields {
        // Checked when the record was merged, so it can be read.
        let merged = json::inner(text).unwrap_or_default();
        fields.0.extend(merged.0);
    } else {
        fields.push(&labels.text_key, Value::text(text));
    }
    fields
}
