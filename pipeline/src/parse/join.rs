//! Fragments that wait for their end, and the acks that they hold back.
//!
//! Per lineage (all generations of one path): at most one fragment a stream, and the files that are not yet
//! acknowledged to where they have been read. Acks stop where the current stretch began, in which at every line
//! some fragment was waiting: reading again from within it would tear a record of the one stream or the other.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    PENDING_BYTES_MAX, PENDING_MAX,
    batch::{Batch, Form, Head, Record, Span, Stream},
    time::Time,
};
use crate::chunk::{Ack, Source, SourceId};

/// The beginning of a record.
#[derive(Debug)]
pub(super) struct Fragment {
    pub(super) source: Arc<Source>,
    text: Vec<u8>,
    stamp: Vec<u8>,
    time: Time,
    offset: u64,
    stream: Stream,
    more: Vec<u8>,
    since_ms: u64,
}

impl Fragment {
    /// Becomes a record of `batch`.
    pub(super) fn push_to(self, batch: &mut Batch, whole: bool) {
        let start = batch.joined.len();
        batch.joined.extend_from_slice(&self.stamp);
        batch.joined.extend_from_slice(&self.text);
        batch.records.push(Record {
            time: self.time,
            offset: self.offset,
            stamp: Span::joined(start, self.stamp.len()),
            text: Span::joined(start + self.stamp.len(), self.text.len()),
            stream: Some(self.stream),
            partial: !whole,
            form: Form::Text,
            groups: 0,
        });
        if !self.more.is_empty() {
            batch.extend_last(&self.more, &self.stamp);
        }
    }
}

#[derive(Debug)]
struct Open {
    source: SourceId,
    end: u64,
    acked: u64,
}

#[derive(Debug, Default)]
struct Lineage {
    open: Vec<Open>,
    waiting: [Option<Fragment>; 2],
    /// Where a fragment began when none was waiting; stale once none waits again.
    stretch: Option<(SourceId, u64)>,
}

impl Lineage {
    fn acks(&mut self, out: &mut Vec<Ack>) {
        if self.clean() {
            self.stretch = None;
        }
        // Files come one after the other: those before the stretch are done, those after its start are not.
        for open in &mut self.open {
            let begun = self.stretch.filter(|(source, _)| *source == open.source);
            let safe = begun.map_or(open.end, |(_, offset)| offset);
            if safe > open.acked {
                open.acked = safe;
                out.push(Ack { source: open.source, end: safe });
            }
            if begun.is_some() {
                break;
            }
        }
        self.open.retain(|open| open.acked < open.end);
    }

    fn clean(&self) -> bool {
        self.waiting.iter().all(Option::is_none)
    }

    fn idle(&self) -> bool {
        self.open.is_empty() && self.clean()
    }
}

/// All waiting fragments of one input.
#[derive(Debug, Default)]
pub(super) struct Joiner {
    /// Only lineages with something waiting or held back; the current one is moved out while its chunk is parsed.
    lineages: BTreeMap<u64, Lineage>,
    current: Lineage,
    waiting: usize,
    bytes: usize,
}

impl Joiner {
    /// A chunk of `source` is about to be parsed.
    pub(super) fn begin(&mut self, source: &Source, offset: u64, end: u64) {
        self.current = self.lineages.remove(&source.lineage).unwrap_or_default();
        match self.current.open.iter_mut().find(|open| open.source == source.id) {
            Some(open) => open.end = end,
            None => self.current.open.push(Open { source: source.id, end, acked: offset }),
        }
    }

    /// The chunk has been parsed: what holds once its records are taken.
    pub(super) fn acks(&mut self, lineage: u64, out: &mut Vec<Ack>) {
        self.current.acks(out);
        let current = std::mem::take(&mut self.current);
        if !current.idle() {
            self.lineages.insert(lineage, current);
        }
    }

    pub(super) fn waits(&self, stream: Stream) -> bool {
        self.current.waiting[stream as usize].is_some()
    }

    /// The waiting fragment if `more` bytes would make it longer than `most`.
    pub(super) fn take_if_over(&mut self, stream: Stream, more: usize, most: usize) -> Option<Fragment> {
        let over = |fragment: &Fragment| fragment.text.len() + more > most;
        self.current.waiting[stream as usize].as_ref().is_some_and(over).then(|| self.take(stream)).flatten()
    }

    pub(super) fn take(&mut self, stream: Stream) -> Option<Fragment> {
        let fragment = self.current.waiting[stream as usize].take()?;
        self.forget(&fragment);
        Some(fragment)
    }

    pub(super) fn append(&mut self, head: &Head, text: &[u8], stamp: &[u8], source: &Arc<Source>, now_ms: u64) {
        if self.current.clean() {
            self.current.stretch = Some((source.id, head.offset));
        }
        let slot = &mut self.current.waiting[head.stream as usize];
        if slot.is_none() {
            self.waiting += 1;
        }
        let fragment = slot.get_or_insert_with(|| Fragment {
            source: Arc::clone(source),
            text: Vec::new(),
            stamp: stamp.to_owned(),
            time: head.time,
            offset: head.offset,
            stream: head.stream,
            more: head.more.clone(),
            since_ms: now_ms,
        });
        fragment.text.extend_from_slice(text);
        fragment.since_ms = now_ms;
        self.bytes += text.len();
    }

    /// The oldest fragment while too much waits, with the acks that it no longer holds back.
    pub(super) fn overflow(&mut self) -> Option<(Fragment, Vec<Ack>)> {
        (self.waiting > PENDING_MAX || self.bytes > PENDING_BYTES_MAX).then(|| self.let_go()).flatten()
    }

    /// The oldest fragment if nothing has come for it for `age_ms`.
    pub(super) fn expired(&mut self, now_ms: u64, age_ms: u64) -> Option<(Fragment, Vec<Ack>)> {
        (self.oldest_ms()? + age_ms <= now_ms).then(|| self.let_go()).flatten()
    }

    pub(super) fn oldest_ms(&self) -> Option<u64> {
        self.oldest().map(|(since, ..)| since)
    }

    fn oldest(&self) -> Option<(u64, u64, usize)> {
        if self.waiting == 0 {
            return None;
        }
        let of = |(&key, lineage): (&u64, &Lineage)| {
            let slots =
                [0, 1].map(|slot| lineage.waiting[slot].as_ref().map(|fragment| (fragment.since_ms, key, slot)));
            slots.into_iter().flatten().min()
        };
        self.lineages.iter().filter_map(of).min()
    }

    fn let_go(&mut self) -> Option<(Fragment, Vec<Ack>)> {
        let (_, key, slot) = self.oldest()?;
        let lineage = self.lineages.get_mut(&key)?;
        let fragment = lineage.waiting[slot].take()?;
        let mut acks = Vec::new();
        lineage.acks(&mut acks);
        if lineage.idle() {
            self.lineages.remove(&key);
        }
        self.forget(&fragment);
        Some((fragment, acks))
    }

    fn forget(&mut self, fragment: &Fragment) {
        self.waiting -= 1;
        self.bytes -= fragment.text.len();
    }
}
