//! Records into the body of a bulk request.

use std::{fmt::Write, sync::Arc};

use super::{EsPlan, Id, Index, Item};
use crate::{
    chunk::mix_text,
    event::{Fields, Value},
    output::{
        encode::{Encoder, Layout},
        escape::Escaper,
        plan::{DateFormat, RecordFormat},
    },
    parse::{Batch, time::Time},
};

/// Renders bodies; remembers the last second and batch.
#[derive(Debug)]
pub(super) struct Bulk {
    encoder: Encoder,
    escaper: Escaper,
    /// From the beginning of an action to the name of its index.
    open: Vec<u8>,
    index: Vec<u8>,
    index_of: Option<i64>,
    /// Length of the last body: the next is as large.
    last: usize,
}

impl Bulk {
    pub(super) fn new(plan: &EsPlan) -> Self {
        let date = if plan.nanos { DateFormat::Iso8601Ns } else { DateFormat::Iso8601Ms };
        let format = RecordFormat { date_key: Some(plan.time_key.clone()), date };
        let action = if plan.create { "create" } else { "index" };
        let mut open = format!("{{\"{action}\":{{").into_bytes();
        let mut escaper = Escaper::default();
        if let Some(kind) = &plan.kind {
            open.extend_from_slice(b"\"_type\":\"");
            escaper.escape(kind.as_bytes(), &mut open);
            open.extend_from_slice(b"\",");
        }
        open.extend_from_slice(b"\"_index\":\"");
        let encoder = Encoder::new(format, Layout::Lines).tagged(plan.tag_key.clone());
        Self { encoder, escaper, open, index: Vec::new(), index_of: None, last: 0 }
    }

    pub(super) fn body(&mut self, plan: &EsPlan, items: &[Item]) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.last + self.last / 8);
        for run in items.chunk_by(|one, other| Arc::ptr_eq(&one.0, &other.0)) {
            let batch = &run[0].0;
            self.encoder.begin(batch);
            let salt = mix_text(0, batch.tag.as_bytes());
            for (_, index) in run {
                self.item(plan, batch, *index as usize, salt, &mut body);
            }
        }
        self.last = body.len();
        body
    }

    fn item(&mut self, plan: &EsPlan, batch: &Batch, index: usize, salt: u128, body: &mut Vec<u8>) {
        let time = batch.time(index);
        let needs_fields = plan.replace_dots || plan.index.prefix_key.is_some() || matches!(plan.id, Id::Key(_));
        let mut event = needs_fields.then(|| batch.event(index));
        body.extend_from_slice(&self.open);
        self.index(&plan.index, time, event.as_ref().map(|event| &event.fields));
        body.extend_from_slice(&self.index);
        match &plan.id {
            Id::None => {}
            Id::Generated => {
                body.extend_from_slice(b"\",\"_id\":\"");
                // One record may be there under several tags, which are different records of the store.
                hex(batch.id(index) ^ salt, body);
            }
            Id::Key(path) => {
                let value = event.as_ref().and_then(|event| path.get(&event.fields).and_then(text));
                if let Some(id) = value {
                    body.extend_from_slice(b"\",\"_id\":\"");
                    self.escaper.escape(&id, body);
                }
            }
        }
        body.extend_from_slice(b"\"}}\n");
        match &mut event {
            Some(event) => {
                if plan.replace_dots {
                    undot(&mut event.fields);
                }
                self.encoder.event(event, body);
            }
            None => self.encoder.one(batch, index, body),
        }
    }

    /// Renders the name of the index of a record.
    fn index(&mut self, index: &Index, time: Time, fields: Option<&Fields>) {
        if self.index_of == Some(time.seconds) && index.prefix_key.is_none() {
            return;
        }
        self.index_of = Some(time.seconds);
        self.index.clear();
        let own = index.prefix_key.as_ref().and_then(|path| path.get(fields?).and_then(text));
        let at = jiff::Timestamp::from_second(time.seconds).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
        // The patterns were tried with the configuration.
        let date = |pattern: &str| jiff::fmt::strtime::format(pattern, at).unwrap_or_default();
        let mut name = String::new();
        match (&index.date, own) {
            (Some(pattern), Some(prefix)) => {
                let prefix = String::from_utf8_lossy(&prefix).into_owned();
                let _ = write!(name, "{prefix}{}{}", index.separator, date(pattern));
            }
            (Some(pattern), None) => {
                let _ = write!(name, "{}{}{}", index.prefix, index.separator, date(pattern));
            }
            (None, _) => name = date(&index.prefix),
        }
        self.escaper.escape(name.as_bytes(), &mut self.index);
    }
}

fn text(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::Text(text) | Value::Binary(text) => Some(text.clone()),
        Value::Int(number) => Some(number.to_string().into_bytes()),
        Value::Unsigned(number) => Some(number.to_string().into_bytes()),
        _ => None,
    }
}

fn hex(id: u128, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend((0..32).rev().map(|place| DIGITS[(id >> (4 * place)) as usize & 15]));
}

fn undot(fields: &mut Fields) {
    for (key, value) in &mut fields.0 {
        key.iter_mut().filter(|byte| **byte == b'.').for_each(|byte| *byte = b'_');
        undot_value(value);
    }
}

fn undot_value(value: &mut Value) {
    match value {
        Value::Map(fields) => undot(fields),
        Value::Array(values) => values.iter_mut().for_each(undot_value),
        _ => {}
    }
}
