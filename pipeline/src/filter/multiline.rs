//! `multiline`: joins records that belong together, by the rules of a multiline parser.
//!
//! ```text
//! record  record  record            the first of a group waits, its text grows; what waits leaves when the rules say
//!   └───────┴──▶ one record         so, after the flush time, or when it has become too large
//! ```
//! Streams are told apart by tag, file and `Key_Group`. A record that waits holds back the offsets of all that is in it.
//! The joined record has time, fields and id of the first.

use std::sync::{Arc, atomic::Ordering};

use super::Flow;
use crate::{
    config::{
        error::{At, Problem},
        keys::{Keys, bad},
    },
    event::{Event, Text, Value},
    parse::{
        Batch,
        multiline::{Machines, MultilineKind, MultilinePlan, Place, flush},
        parser::{Parsers, multiline_named},
    },
};

pub(crate) const KEYS: &[&str] = &[
    "multiline.parser",
    "multiline.key_content",
    "Mode",
    "Buffer",
    "Flush_ms",
    "Emitter_Name",
    "Emitter_Storage.type",
    "Emitter_Mem_Buf_Limit",
];
pub(crate) const MANY: &[&str] = &["multiline.parser"];
const MODES: &[&str] = &["parser", "partial_message"];
const STORAGE: &[&str] = &["memory", "filesystem"];

/// Longest joined text, bytes; a longer one leaves in pieces.
pub const TEXT_MAX: usize = 2 << 20;
/// Most bytes of text that wait, all streams together.
pub const HELD_BYTES_MAX: usize = 8 << 20;
/// Most streams in which something waits.
pub const STREAMS_MAX: usize = 4096;

/// What is joined, and how.
#[derive(Debug, Clone, PartialEq)]
pub struct MultilineFilterPlan {
    rules: Vec<Arc<MultilinePlan>>,
    /// Field of the text.
    key: Text,
    /// Field that tells streams apart.
    group: Option<Text>,
    /// Fragments are put together without a line feed.
    fragments: bool,
    /// Whether a record may wait for those of a later batch.
    across: bool,
    flush_ms: Option<u64>,
}

pub(crate) fn plan(keys: &Keys<'_>, parsers: &Parsers) -> At<MultilineFilterPlan> {
    if keys.word("Mode", MODES)? == Some(1) {
        let why = "Docker's driver for Fluentd is not spoken here; use `Mode parser` with `multiline.parser docker`";
        return Err((keys.need("Mode")?.line, Problem::Refused { what: "Mode partial_message".to_owned(), why }));
    }
    // Nothing is sent round: what waits stays here, within bounds.
    keys.get("Emitter_Name");
    keys.word("Emitter_Storage.type", STORAGE)?;
    keys.bytes("Emitter_Mem_Buf_Limit", 10_000_000, 1_000, 64_000_000_000)?;
    let first = keys.need("multiline.parser")?;
    let mut rules = Vec::new();
    for entry in keys.all("multiline.parser") {
        for name in entry.value.split(',').map(str::trim) {
            let rule = multiline_named(parsers, entry, name)?;
            if rule.parser.is_some() {
                let why = "its text is parsed before it is joined; put a `parser` filter before this one instead";
                return Err((entry.line, Problem::Refused { what: format!("Parser of `{name}`"), why }));
            }
            rules.push(rule);
        }
    }
    let fragments = rules.iter().filter(|rule| !matches!(rule.kind, MultilineKind::Rules(_))).count();
    if fragments != 0 && fragments != rules.len() {
        return Err((
            first.line,
            bad(first, "either rules, as java, go, or fragments, as docker, cri; use two filters for both"),
        ));
    }
    let content = keys.text("multiline.key_content").map(String::into_bytes);
    let own = rules.iter().find_map(|rule| rule.key_content.clone());
    Ok(MultilineFilterPlan {
        key: content.or(own).unwrap_or_else(|| b"log".to_vec()),
        group: rules.iter().find_map(|rule| rule.key_group.clone()),
        fragments: fragments > 0,
        across: keys.boolean("Buffer", true)?,
        flush_ms: keys
            .read("Flush_ms", None, "a time in ms from 1 to 3600000, as 2000", |text| flush(text).map(Some))?,
        rules,
    })
}

impl MultilineFilterPlan {
    /// Rules for the lines of a file, whose text is under `key`.
    pub(crate) fn of_lines(rules: Vec<Arc<MultilinePlan>>, key: &str) -> Self {
        let (group, key) = (None, key.as_bytes().to_vec());
        Self { rules, key, group, fragments: false, across: true, flush_ms: None }
    }
}

/// The filter at work.
#[derive(Debug)]
pub(super) struct Multiline {
    plan: MultilineFilterPlan,
    streams: Vec<Stream>,
    bytes: usize,
}

/// One stream; kept only while something waits.
#[derive(Debug)]
struct Stream {
    group: Text,
    machines: Machines,
    waiting: Waiting,
}

/// A record that waits for its rest.
#[derive(Debug)]
struct Waiting {
    /// Where it came from, with the holds of all that is in it and no records.
    batch: Batch,
    event: Event,
    text: Text,
    since_ms: u64,
}

impl Multiline {
    pub(super) fn new(plan: MultilineFilterPlan) -> Self {
        Self { plan, streams: Vec::new(), bytes: 0 }
    }

    pub(super) fn apply(&mut self, mut batch: Batch, flow: &mut Flow<'_>) {
        let events = std::mem::take(&mut batch.events);
        for event in events {
            let text = event.fields.get(&self.plan.key).and_then(Value::as_bytes);
            match text {
                // Without the field it has nothing to do with what waits.
                None => batch.events.push(event),
                Some(text) => {
                    let text = text.to_vec();
                    self.place(event, text, &mut batch, flow);
                }
            }
        }
        if !self.plan.across {
            while let Some(at) = self.streams.iter().position(|stream| stream.waiting.batch.same_source(&batch)) {
                self.leave_in(at, &mut batch);
            }
        }
        flow.on(batch);
        while self.bytes > HELD_BYTES_MAX || self.streams.len() > STREAMS_MAX {
            self.let_go(flow);
        }
        self.note(flow);
    }

    fn place(&mut self, event: Event, text: Text, batch: &mut Batch, flow: &Flow<'_>) {
        let group = self.plan.group.as_ref().and_then(|key| event.fields.get(key)).and_then(Value::as_bytes);
        let group = group.unwrap_or_default();
        let known = |stream: &Stream| stream.group == group && stream.waiting.batch.same_source(batch);
        let mark = |key: &[u8]| event.fields.get(key).and_then(Value::as_bytes);
        let Some(at) = self.streams.iter().position(known) else {
            let mut machines = Machines::new(&self.plan.rules);
            match machines.step(&text, mark) {
                Place::Begins => {
                    let group = group.to_vec();
                    self.wait(Stream { group, machines, waiting: Waiting::new(batch, event, text, flow.mono_ms) });
                }
                _ => batch.events.push(event),
            }
            return;
        };
        let stream = &mut self.streams[at];
        let mut place = stream.machines.step(&text, mark);
        if matches!(place, Place::Joins | Place::Ends) && stream.waiting.text.len() + text.len() > TEXT_MAX {
            // The rest begins a record of its own.
            flow.fail(1);
            place = if place == Place::Ends { Place::Alone } else { Place::Begins };
        }
        match place {
            Place::Joins | Place::Ends => {
                self.bytes += stream.waiting.join(batch, &text, self.plan.fragments, flow.mono_ms);
                if place == Place::Ends {
                    self.leave_in(at, batch);
                }
            }
            Place::Begins => {
                let (group, machines) = (stream.group.clone(), stream.machines.clone());
                self.leave_in(at, batch);
                self.wait(Stream { group, machines, waiting: Waiting::new(batch, event, text, flow.mono_ms) });
            }
            Place::Alone => {
                self.leave_in(at, batch);
                batch.events.push(event);
            }
        }
    }

    fn wait(&mut self, stream: Stream) {
        self.bytes += stream.waiting.text.len();
        self.streams.push(stream);
    }

    fn take(&mut self, at: usize) -> Batch {
        let stream = self.streams.remove(at);
        self.bytes -= stream.waiting.text.len();
        stream.waiting.whole(&self.plan.key)
    }

    /// What waits leaves as part of a batch from the same place.
    fn leave_in(&mut self, at: usize, batch: &mut Batch) {
        let whole = self.take(at);
        batch.events.extend(whole.events);
        batch.holds.extend(whole.holds);
    }

    /// The oldest leaves without its rest.
    fn let_go(&mut self, flow: &mut Flow<'_>) {
        let oldest = (0..self.streams.len()).min_by_key(|at| self.streams[*at].waiting.since_ms);
        if let Some(at) = oldest {
            flow.fail(1);
            let whole = self.take(at);
            flow.on(whole);
        }
    }

    pub(super) fn expire(&mut self, last: bool, flow: &mut Flow<'_>) {
        let (flush_ms, now_ms) = (self.plan.flush_ms, flow.mono_ms);
        let due = |stream: &Stream| last || stream.due_ms(flush_ms) <= now_ms;
        while let Some(at) = self.streams.iter().position(due) {
            let whole = self.take(at);
            flow.on(whole);
        }
        self.note(flow);
    }

    pub(super) fn expires_at_ms(&self) -> Option<u64> {
        self.streams.iter().map(|stream| stream.due_ms(self.plan.flush_ms)).min()
    }

    fn note(&self, flow: &Flow<'_>) {
        flow.counters.held.store(self.streams.len() as u64, Ordering::Release);
    }
}

impl Stream {
    fn due_ms(&self, flush_ms: Option<u64>) -> u64 {
        self.waiting.since_ms + flush_ms.unwrap_or_else(|| self.machines.flush_ms())
    }
}

impl Waiting {
    fn new(batch: &Batch, event: Event, text: Text, now_ms: u64) -> Self {
        Self { batch: batch.derived(Arc::clone(&batch.tag), Vec::new()), event, text, since_ms: now_ms }
    }

    /// Adds a text from `batch`; by how much it grew.
    fn join(&mut self, batch: &Batch, text: &[u8], fragments: bool, now_ms: u64) -> usize {
        let before = self.text.len();
        if !fragments && !self.text.ends_with(b"\n") {
            self.text.push(b'\n');
        }
        self.text.extend_from_slice(text);
        self.since_ms = now_ms;
        for hold in &batch.holds {
            if !self.batch.holds.iter().any(|known| known.is(hold)) {
                self.batch.holds.push(hold.clone());
            }
        }
        self.text.len() - before
    }

    fn whole(mut self, key: &[u8]) -> Batch {
        self.event.fields.set(key, Value::Text(self.text));
        self.batch.events.push(self.event);
        self.batch
    }
}

#[cfg(test)]
mod tests;
