//! A batch as frames, and frames as batches.
//!
//! ```text
//! Head {"seq":7,"records":2,"tag":…}   Record 7,0,…   Record 7,1,…   Tail {the same}
//! ```
//! Every record has its own checksum and says where it belongs, so damage costs the record that it hits.

use std::{path::PathBuf, sync::Arc};

use serde::{Deserialize, Serialize};

use super::frame::{self, Found, Kind};
use crate::{
    chunk::{Source, SourceId},
    config::plan::Framing,
    event::{Event, Value},
    parse::{Batch, Form, Labels, Record, Stream, time::Time},
    wire::msgpack,
};

/// What is the same for all records of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) seq: u64,
    pub(super) records: u32,
    input: usize,
    tag: String,
    path: PathBuf,
    lineage: u64,
    /// As text, because JSON numbers end earlier.
    base: String,
    framing: u8,
    text_key: String,
    path_key: Option<String>,
    offset_key: Option<String>,
}

/// A batch that was read back.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) batch: Batch,
    pub(super) seq: u64,
    /// Records of it that were damaged.
    pub(super) lost: u32,
    /// Where it ends.
    pub(super) end: usize,
}

/// Appends the frames of a batch.
pub(super) fn write(batch: &Batch, seq: u64, out: &mut Vec<u8>) {
    let labels = &batch.labels;
    let about = About {
        seq,
        records: batch.len() as u32,
        input: batch.input,
        tag: batch.tag.to_string(),
        path: batch.source.path.clone(),
        lineage: batch.source.lineage,
        base: format!("{:x}", batch.source.base),
        framing: match labels.framing {
            Framing::Plain | Framing::Either => 0,
            Framing::Cri => 1,
            Framing::Docker => 2,
        },
        text_key: labels.text_key.clone(),
        path_key: labels.path_key.clone(),
        offset_key: labels.offset_key.clone(),
    };
    // A path that is no UTF-8 cannot stand in JSON; its records must not be lost for it.
    let text = serde_json::to_vec(&about).or_else(|_| serde_json::to_vec(&About { path: PathBuf::new(), ..about }));
    let text = text.expect("texts and numbers can be written");
    out.reserve(batch.carried() + batch.len() * 64 + 2 * text.len() + 64);
    frame::write(Kind::Head, out, |out| out.extend_from_slice(&text));
    // What is read again is either lines or fields, never both.
    let lines = batch.records.iter().all(|record| record.form != Form::Groups);
    for (index, record) in batch.records.iter().enumerate() {
        frame::write(Kind::Record, out, |out| {
            if lines {
                line(batch, record, seq, index as u32, out);
            } else {
                fields(&batch.event(index), seq, index as u32, out);
            }
        });
    }
    for (index, event) in batch.events.iter().enumerate() {
        frame::write(Kind::Record, out, |out| fields(event, seq, index as u32, out));
    }
    frame::write(Kind::Tail, out, |out| out.extend_from_slice(&text));
}

fn place(seq: u64, index: u32, form: u8, time: Time, out: &mut Vec<u8>) {
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&index.to_le_bytes());
    out.push(form);
    out.extend_from_slice(&time.seconds.to_le_bytes());
    out.extend_from_slice(&time.nanos.to_le_bytes());
}

fn line(batch: &Batch, record: &Record, seq: u64, index: u32, out: &mut Vec<u8>) {
    place(seq, index, 0, record.time, out);
    out.extend_from_slice(&record.offset.to_le_bytes());
    let stamp = batch.slice(record.stamp);
    let stream = match record.stream {
        None => 0,
        Some(Stream::Stdout) => 1,
        Some(Stream::Stderr) => 2,
    };
    out.extend_from_slice(&[
        stream,
        u8::from(record.partial) | u8::from(record.form == Form::Pairs) << 1,
        stamp.len() as u8,
    ]);
    out.extend_from_slice(stamp);
    out.extend_from_slice(batch.text(record));
}

fn fields(event: &Event, seq: u64, index: u32, out: &mut Vec<u8>) {
    place(seq, index, 1, event.time, out);
    out.extend_from_slice(&event.id.to_le_bytes());
    msgpack::encode_fields(&event.fields, out);
}

/// The body of a record, taken apart.
struct Parts<'a> {
    seq: u64,
    index: u32,
    form: u8,
    time: Time,
    rest: &'a [u8],
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (first, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*first)
}

impl<'a> Parts<'a> {
    fn read(mut rest: &'a [u8]) -> Option<Self> {
        let seq = u64::from_le_bytes(take(&mut rest)?);
        let index = u32::from_le_bytes(take(&mut rest)?);
        let [form] = take(&mut rest)?;
        let seconds = i64::from_le_bytes(take(&mut rest)?);
        let nanos = u32::from_le_bytes(take(&mut rest)?);
        Some(Self { seq, index, form, time: Time { seconds, nanos }, rest })
    }

    fn event(&self) -> Option<Event> {
        let mut rest = self.rest;
        let id = u128::from_le_bytes(take(&mut rest)?);
        let (Value::Map(fields), _) = msgpack::decode(rest).ok()? else { return None };
        Some(Event { time: self.time, fields, id })
    }

    fn line(&self, batch: &mut Batch) -> Option<()> {
        let mut rest = self.rest;
        let offset = u64::from_le_bytes(take(&mut rest)?);
        let [stream, flags, stamp] = take(&mut rest)?;
        let (stamp, text) = rest.split_at_checked(usize::from(stamp))?;
        let stream = match stream {
            1 => Some(Stream::Stdout),
            2 => Some(Stream::Stderr),
            _ => None,
        };
        let form = if flags & 2 != 0 { Form::Pairs } else { Form::Text };
        batch.restore(self.time, offset, stream, (flags & 1 != 0, form), stamp, text);
        Some(())
    }
}

impl About {
    fn batch(&self) -> Batch {
        let base = u128::from_str_radix(&self.base, 16).unwrap_or(0);
        let tag: Arc<str> = self.tag.as_str().into();
        let id = SourceId(u64::MAX);
        let source = Source { id, path: self.path.clone(), tag: Arc::clone(&tag), lineage: self.lineage, base };
        let framing = match self.framing {
            1 => Framing::Cri,
            2 => Framing::Docker,
            _ => Framing::Plain,
        };
        let (text_key, path_key, offset_key) = (self.text_key.clone(), self.path_key.clone(), self.offset_key.clone());
        let mut batch = Batch::of_events(self.input, tag, source.into(), Vec::new());
        batch.labels = Arc::new(Labels { framing, text_key, path_key, offset_key, groups: Vec::new() });
        batch
    }
}

/// The first batch at or behind `at`; `None` if no more of one is there. A batch at the very end that lacks its tail is
/// `whole` only if nothing more can come.
pub(super) fn read(bytes: &[u8], from: usize, last: bool) -> Option<Read> {
    let mut at = from;
    let mut about: Option<About> = None;
    let mut records: Vec<Parts<'_>> = Vec::new();
    let mut ended = false;
    let mut end = at;
    while let Some(found) = frame::next(bytes, &mut at) {
        let Found::Frame(kind, body) = found else { continue };
        let seq = records.first().map(|first| first.seq).or(about.as_ref().map(|about| about.seq));
        match kind {
            Kind::Head | Kind::Tail => {
                let Ok(read) = serde_json::from_slice::<About>(body) else { continue };
                if seq.is_some_and(|seq| seq != read.seq) {
                    // The tail of the batch before is damaged: this one is the next.
                    ended = true;
                    break;
                }
                about = Some(read);
                if kind == Kind::Tail {
                    (ended, end) = (true, at);
                    break;
                }
            }
            Kind::Record => {
                let Some(parts) = Parts::read(body) else { continue };
                if seq.is_some_and(|seq| seq != parts.seq) {
                    ended = true;
                    break;
                }
                records.push(parts);
            }
        }
        end = at;
    }
    if !(ended || last) {
        return None;
    }
    let seq = records.first().map(|first| first.seq).or(about.as_ref().map(|about| about.seq))?;
    let Some(about) = about else {
        // Neither its head nor its tail: where its records belong is not known. Two damages, so it is told as a loss.
        let gone = records.iter().map(|parts| parts.index + 1).max().unwrap_or(0);
        return Some(Read { batch: Batch::of_events(0, "".into(), nowhere(), Vec::new()), seq, lost: gone, end });
    };
    let mut batch = about.batch();
    let (mut count, mut next) = (0, 0);
    for parts in records.iter().filter(|parts| parts.index < about.records) {
        // An index that comes twice was written once: the second is none of this batch.
        if parts.index < next {
            continue;
        }
        next = parts.index + 1;
        let taken = match parts.form {
            0 => parts.line(&mut batch).is_some(),
            _ => parts.event().map(|event| batch.events.push(event)).is_some(),
        };
        count += u32::from(taken);
    }
    Some(Read { batch, seq, lost: about.records - count, end: end.max(from + 1) })
}

fn nowhere() -> Arc<Source> {
    Arc::new(Source { id: SourceId(0), path: PathBuf::new(), tag: "".into(), lineage: 0, base: 0 })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::store::tests::tailed;

    #[test]
    fn parts_of_lines_are_read_back_as_fields_and_so_are_the_lines_between_them() {
        let own = "[PARSER]\nName own\nFormat regex\nRegex (?<log>line \\d*[02468])$\n[INPUT]\nParser own\n";
        let (batch, mut bytes) = (tailed(own, 0..50), Vec::new());
        write(&batch, 3, &mut bytes);
        let read = read(&bytes, 0, true).expect("it is whole").batch;
        assert!((0..50).all(|index| read.event(index) == batch.event(index)));
        assert_eq!((read.len(), batch.event(8).fields.get("log")), (50, Some(&Value::text("line 000008"))));
    }
}
