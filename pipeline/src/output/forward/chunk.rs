//! Batches into messages of the forward protocol, straight from the lines that were read.

use super::ForwardPlan;
use crate::{
    config::plan::Framing,
    event::Fields,
    parse::{Batch, Form, Record, Stream, time::Time},
    wire::{inflate, msgpack},
};

/// A message.
#[derive(Debug)]
pub(super) struct Chunk {
    /// What its ack says; empty if none is demanded.
    pub(super) id: Vec<u8>,
    pub(super) bytes: Vec<u8>,
}

/// Makes messages.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of its own in the configuration")]
pub(super) struct Packer {
    ack: bool,
    options: bool,
    whole_seconds: bool,
    gzip: bool,
    tag: Option<String>,
    entries: Vec<u8>,
}

impl Packer {
    pub(super) fn new(plan: &ForwardPlan) -> Self {
        let (ack, options, whole_seconds, gzip) = (plan.ack, plan.options, plan.whole_seconds, plan.gzip);
        Self { ack, options, whole_seconds, gzip, tag: plan.tag.clone(), entries: Vec::new() }
    }

    pub(super) fn chunk(&mut self, batch: &Batch) -> Chunk {
        self.entries.clear();
        self.entries(batch);
        let packed = self.gzip.then(|| inflate::gzip(&self.entries));
        let entries = packed.as_deref().unwrap_or(&self.entries);
        let mut bytes = Vec::with_capacity(entries.len() + 128);
        let id = if self.ack { format!("{:032x}", batch.origin).into_bytes() } else { Vec::new() };
        let pairs = usize::from(self.ack) + usize::from(self.gzip) + usize::from(self.ack || self.options);
        msgpack::encode_array(if pairs > 0 { 3 } else { 2 }, &mut bytes);
        msgpack::encode_text(self.tag.as_deref().unwrap_or(&batch.tag).as_bytes(), &mut bytes);
        msgpack::encode_binary(entries, &mut bytes);
        if pairs > 0 {
            msgpack::encode_map(pairs, &mut bytes);
            if self.ack {
                msgpack::encode_text(b"chunk", &mut bytes);
                msgpack::encode_text(&id, &mut bytes);
            }
            if self.ack || self.options {
                msgpack::encode_text(b"size", &mut bytes);
                msgpack::encode(&crate::event::Value::Int(batch.len() as i64), &mut bytes);
            }
            if self.gzip {
                msgpack::encode_text(b"compressed", &mut bytes);
                msgpack::encode_text(b"gzip", &mut bytes);
            }
        }
        Chunk { id, bytes }
    }

    fn entries(&mut self, batch: &Batch) {
        for event in &batch.events {
            self.head(event.time);
            msgpack::encode_fields(&event.fields, &mut self.entries);
        }
        for (index, record) in batch.records.iter().enumerate() {
            self.head(record.time);
            if record.form == Form::Text {
                self.line(batch, record);
            } else {
                let fields: Fields = batch.event(index).fields;
                msgpack::encode_fields(&fields, &mut self.entries);
            }
        }
    }

    fn head(&mut self, time: Time) {
        msgpack::encode_array(2, &mut self.entries);
        if self.whole_seconds {
            msgpack::encode(&crate::event::Value::Int(time.seconds), &mut self.entries);
        } else {
            msgpack::encode_time(time, &mut self.entries);
        }
    }

    /// The keys of a line in the order in which the record as fields has them.
    fn line(&mut self, batch: &Batch, record: &Record) {
        let labels = &batch.labels;
        let out = &mut self.entries;
        let cri = labels.framing == Framing::Cri;
        let framed = if record.stream.is_some() { 2 + usize::from(cri) } else { 0 };
        let labelled = usize::from(labels.path_key.is_some()) + usize::from(labels.offset_key.is_some());
        msgpack::encode_map(framed + 1 + labelled, out);
        if let Some(stream) = record.stream {
            msgpack::encode_text(b"time", out);
            msgpack::encode_text(batch.slice(record.stamp), out);
            msgpack::encode_text(b"stream", out);
            msgpack::encode_text(if stream == Stream::Stdout { b"stdout" } else { b"stderr" }, out);
            if cri {
                msgpack::encode_text(b"_p", out);
                msgpack::encode_text(if record.partial { b"P" } else { b"F" }, out);
            }
        }
        msgpack::encode_text(labels.text_key.as_bytes(), out);
        msgpack::encode_text(batch.text(record), out);
        if let Some(key) = &labels.path_key {
            msgpack::encode_text(key.as_bytes(), out);
            msgpack::encode_text(batch.source.path.to_string_lossy().as_bytes(), out);
        }
        if let Some(key) = &labels.offset_key {
            msgpack::encode_text(key.as_bytes(), out);
            msgpack::encode(&crate::event::Value::Unsigned(record.offset), out);
        }
    }
}
