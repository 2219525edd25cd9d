//! Records of one file, as spans over two arenas: the bytes that were read, and texts joined or decoded from them.

use std::sync::Arc;

use super::time::Time;
use crate::{
    buffer::{Hold, Stored},
    chunk::{Ack, Source},
    config::plan::{Framing, TailInput},
    event::{Event, json},
    output::escape::Escaper,
    parse::parser::ParserPlan,
};

mod fields;

/// How the records of an input are labelled.
#[derive(Debug, PartialEq, Eq)]
pub struct Labels {
    /// Their framing.
    pub framing: Framing,
    /// Key of the text.
    pub text_key: String,
    /// Key of the path, if it is wanted.
    pub path_key: Option<String>,
    /// Key of the offset, if it is wanted.
    pub offset_key: Option<String>,
    /// Keys of the fields of [`Form::Groups`], in order.
    pub groups: Vec<String>,
}

impl Labels {
    /// Those that a plan asks for.
    pub fn of(plan: &TailInput, framing: Framing) -> Self {
        Self {
            framing,
            text_key: plan.text_key.clone(),
            path_key: plan.path_key.clone(),
            offset_key: plan.offset_key.clone(),
            groups: plan.merge.as_deref().map(ParserPlan::groups).unwrap_or_default(),
        }
    }

    /// For records that never were lines.
    fn none() -> Self {
        let (text_key, groups) = (String::new(), Vec::new());
        Self { framing: Framing::Plain, text_key, path_key: None, offset_key: None, groups }
    }
}

/// Bytes in one of the two arenas of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub(super) start: u32,
    pub(super) len: u32,
    pub(super) joined: bool,
}

impl Span {
    pub(super) fn read(start: usize, len: usize) -> Self {
        Self { start: start as u32, len: len as u32, joined: false }
    }

    pub(super) fn joined(start: usize, len: usize) -> Self {
        Self { start: start as u32, len: len as u32, joined: true }
    }
}

/// Which of the container's streams a record was written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// One record.
#[derive(Debug, Clone, Copy)]
pub struct Record {
    /// When it was written, or read if the line does not say.
    pub time: Time,
    /// Offset of its first byte in the file.
    pub offset: u64,
    /// The time as it stands in the line; empty for a raw line.
    pub stamp: Span,
    /// Its text.
    pub text: Span,
    /// Which stream; none for a raw line.
    pub stream: Option<Stream>,
    /// The end of the text is not here.
    pub partial: bool,
    /// What the text stands for.
    pub form: Form,
    /// Where its groups are among those of its batch, if it is made of groups.
    pub(super) groups: u32,
}

/// What the text of a record stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Itself.
    Text,
    /// The inner part of a JSON object, `"key":value,…`, checked, to be merged into the record.
    Pairs,
    /// Fields, each a part of it: see [`Batch::groups`].
    Groups,
}

impl Record {
    /// Which record it is; 0 if its source has no identity.
    pub(super) fn id(&self, source: &Source) -> u128 {
        if source.base == 0 { 0 } else { source.base.wrapping_add(u128::from(self.offset)) }
    }
}

/// What a framing says about one line.
#[derive(Debug, Clone)]
pub(super) struct Head {
    pub(super) time: Time,
    pub(super) offset: u64,
    pub(super) stamp: Span,
    pub(super) text: Span,
    pub(super) stream: Stream,
    pub(super) complete: bool,
    /// Further fields, `"key":value,…`; hardly ever any.
    pub(super) more: Vec<u8>,
}

/// Smaller buffers are cheaper made anew than kept, bytes.
const WORTH_KEEPING: usize = 64 << 10;

/// Records with one tag, and what holds once all of them are taken.
///
/// They are either spans over the lines that were read (`records`) or, once something asked for their fields or where
/// they never were lines, `events`; never both.
#[derive(Debug)]
pub struct Batch {
    /// Index of the input.
    pub input: usize,
    /// The tag of its records.
    pub tag: Arc<str>,
    /// How the records are labelled.
    pub labels: Arc<Labels>,
    /// Where they come from.
    pub source: Arc<Source>,
    /// The records in order, as spans.
    pub records: Vec<Record>,
    /// The records in order, as fields.
    pub events: Vec<Event>,
    /// What holds once they are taken.
    pub acks: Vec<Ack>,
    /// What is released once they are taken, beside the acks.
    pub holds: Vec<Hold>,
    /// Which batch it is among all that the buffer took; 0 before.
    pub origin: u128,
    /// How it went through the filters.
    pub trip: Trip,
    /// Where it is on disk, if it is.
    pub(crate) stored: Option<Stored>,
    pub(super) bytes: Vec<u8>,
    pub(super) joined: Vec<u8>,
    /// The groups of records of that form, those of one after those of another.
    pub(super) groups: Vec<Option<Span>>,
}

/// How a batch went through the filters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trip {
    /// Times that it was sent through them again.
    pub passes: u8,
    /// The filter that sent it last.
    pub sender: Option<u16>,
}

impl Batch {
    pub(super) fn new(input: usize, labels: Arc<Labels>, source: Arc<Source>, bytes: Vec<u8>) -> Self {
        let records = Vec::with_capacity(bytes.len() / 256 + 1);
        let tag = Arc::clone(&source.tag);
        let (events, acks, holds, joined) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self {
            input,
            tag,
            labels,
            source,
            records,
            events,
            acks,
            holds,
            origin: 0,
            stored: None,
            trip: Trip::default(),
            bytes,
            joined,
            groups: Vec::new(),
        }
    }

    /// Records that are fields from the start, of `input`.
    pub fn of_events(input: usize, tag: Arc<str>, source: Arc<Source>, events: Vec<Event>) -> Self {
        let mut batch = Self::new(input, Arc::new(Labels::none()), source, Vec::new());
        (batch.tag, batch.events, batch.records) = (tag, events, Vec::new());
        batch
    }

    /// Some of its records, under a tag of their own, with what it holds.
    #[must_use]
    pub fn derived(&self, tag: Arc<str>, events: Vec<Event>) -> Self {
        let mut batch = Self::of_events(self.input, tag, Arc::clone(&self.source), events);
        (batch.labels, batch.holds, batch.trip) = (Arc::clone(&self.labels), self.holds.clone(), self.trip);
        batch
    }

    /// Whether both have the same input, tag and path.
    pub fn same_source(&self, other: &Self) -> bool {
        self.input == other.input && self.tag == other.tag && self.source.lineage == other.source.lineage
    }

    /// How many records there are.
    pub fn len(&self) -> usize {
        self.records.len() + self.events.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The record `index` as fields, whichever form the batch has.
    pub fn event(&self, index: usize) -> Event {
        self.events.get(index).cloned().unwrap_or_else(|| fields::of(self, &self.records[index]))
    }

    /// Which record `index` is: see [`Event::id`]; without an identity of its own, by its place in the batch.
    pub fn id(&self, index: usize) -> u128 {
        self.own_id(index).unwrap_or_else(|| crate::chunk::mix(self.origin, index as u64))
    }

    /// Which record `index` is, if it has an identity of its own.
    pub(crate) fn own_id(&self, index: usize) -> Option<u128> {
        let own = self.events.get(index).map_or_else(|| self.records[index].id(&self.source), |event| event.id);
        (own != 0).then_some(own)
    }

    /// Keeps the records for whose index `keep` is true.
    pub(crate) fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let mut index = 0;
        let mut next = || {
            index += 1;
            keep(index - 1)
        };
        self.records.retain(|_| next());
        self.events.retain(|_| next());
    }

    /// Adds a line as it was once read: see [`Record`].
    pub(crate) fn restore(
        &mut self,
        time: Time,
        offset: u64,
        stream: Option<Stream>,
        (partial, form): (bool, Form),
        stamp: &[u8],
        text: &[u8],
    ) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(stamp);
        self.bytes.extend_from_slice(text);
        let (stamp, text) = (Span::read(start, stamp.len()), Span::read(start + stamp.len(), text.len()));
        self.records.push(Record { time, offset, stamp, text, stream, partial, form, groups: 0 });
    }

    /// When record `index` was written.
    pub fn time(&self, index: usize) -> Time {
        self.events.get(index).map_or_else(|| self.records[index].time, |event| event.time)
    }

    /// The same batch with its records as fields.
    #[must_use]
    pub fn into_events(mut self) -> Self {
        if !self.records.is_empty() {
            self.events = self.records.iter().map(|record| fields::of(&self, record)).collect();
            (self.records, self.bytes, self.joined, self.groups) = Default::default();
        }
        self
    }

    /// Its memory, if there is enough of it to be worth keeping.
    pub fn into_memory(self) -> Option<Vec<u8>> {
        Some(self.bytes).filter(|bytes| bytes.capacity() >= WORTH_KEEPING)
    }

    /// The bytes of a span of one of its records.
    pub fn slice(&self, span: Span) -> &[u8] {
        let arena = if span.joined { &self.joined } else { &self.bytes };
        &arena[span.start as usize..][..span.len as usize]
    }

    /// The text of one of its records.
    pub fn text(&self, record: &Record) -> &[u8] {
        self.slice(record.text)
    }

    /// Where the fields of a record of [`Form::Groups`] are, in the order of [`Labels::groups`]; none: it lacks that one.
    pub fn groups(&self, record: &Record) -> &[Option<Span>] {
        &self.groups[record.groups as usize..][..self.labels.groups.len()]
    }

    /// What it holds in memory, bytes.
    pub fn weight(&self) -> usize {
        let records = self.records.capacity() * size_of::<Record>();
        let groups = self.groups.capacity() * size_of::<Option<Span>>();
        let events: usize = self.events.iter().map(Event::weight).sum();
        size_of::<Self>() + self.bytes.capacity() + self.joined.capacity() + records + groups + events
    }

    /// Bytes of text and framing that it carries.
    pub fn carried(&self) -> usize {
        let events: usize = self.events.iter().map(Event::weight).sum();
        self.bytes.len() + self.joined.len() + events
    }

    pub(super) fn push(&mut self, head: &Head) {
        self.records.push(Record {
            time: head.time,
            offset: head.offset,
            stamp: head.stamp,
            text: head.text,
            stream: Some(head.stream),
            partial: false,
            form: Form::Text,
            groups: 0,
        });
    }

    /// Makes fields of the last record, whose text is in the arena of joined texts, with further ones,
    /// `"key":value,…`, behind its own.
    #[cold]
    pub(super) fn extend_last(&mut self, more: &[u8], stamp: &[u8]) {
        let Some(record) = self.records.last() else { return };
        let own = fields::own(&self.labels, record, stamp, self.text(record));
        let (mut escaper, mut text) = (Escaper::default(), Vec::new());
        json::write_fields(&own, &mut escaper, &mut text);
        text.push(b',');
        text.extend_from_slice(more);
        let span = Span::joined(self.joined.len(), text.len());
        self.joined.extend_from_slice(&text);
        let last = self.records.len() - 1;
        let record = &mut self.records[last];
        (record.stamp, record.text) = (Span::read(0, 0), span);
        (record.stream, record.form) = (None, Form::Pairs);
    }

    pub(super) fn push_raw(&mut self, text: Span, offset: u64, unix_ns: i64) {
        let (time, stamp) = (Time::from_unix_ns(unix_ns), Span::read(0, 0));
        let (stream, partial, form) = (None, false, Form::Text);
        self.records.push(Record { time, offset, stamp, text, stream, partial, form, groups: 0 });
    }

    /// Gives back memory that a small batch would hold for nothing while it waits.
    pub(super) fn trim(&mut self) {
        for arena in [&mut self.bytes, &mut self.joined] {
            if arena.capacity() > 2 * arena.len() + 4096 {
                arena.shrink_to_fit();
            }
        }
        if self.records.capacity() > 2 * self.records.len() + 64 {
            self.records.shrink_to_fit();
        }
    }
}
