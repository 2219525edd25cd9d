//! Chunks of lines become batches of records, without an allocation or a copy per record.
//!
//! ```text
//! CRI     2026-11-21T05:50:01.123456789Z stdout P first half         P… and F are joined into one record,
//!         2026-11-21T05:50:01.123456789Z stdout F  second half       per path and stream, across files
//! Docker  {"log":"first half","stream":"stdout","time":"…Z"}         joined until the text ends with LF
//! ```
//! Docker's LF is text of the container and stays; CR before the LF of a line does not.
//! Promises: a line that does not parse is kept as a record of its raw text, and counted; nothing is dropped.
//! A joined text over `join_max` leaves in pieces marked partial, and so does the oldest fragment when too many
//! wait. A batch carries the acks that hold once it is taken: they never pass the start of a waiting fragment, in
//! any of the files it touches, nor stop within a record.

use std::sync::Arc;

use crate::{
    chunk::{Ack, Chunk},
    config::plan::{Framing, TailInput},
};

pub mod batch;
mod cri;
mod docker;
mod groups;
mod join;
mod json;
mod merge;
pub mod multiline;
pub mod parser;
pub mod pattern;
pub mod strptime;
pub mod time;

use batch::Head;
pub use batch::{Batch, Form, Labels, Record, Span, Stream, Trip};
use join::{Fragment, Joiner};
use merge::Merge;
use time::TimeReader;

/// Longest joined text, bytes; a longer one leaves in pieces.
pub const JOIN_MAX: usize = 1 << 20;
/// Most bytes of all waiting fragments together.
pub const PENDING_BYTES_MAX: usize = 8 << 20;
/// Most waiting fragments.
pub const PENDING_MAX: usize = 4096;
/// A fragment leaves without its end when everything has been read and none came for so long, ms.
pub const FRAGMENT_FLUSH_MS: u64 = 5_000;

/// What was counted since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Records that left.
    pub records: u64,
    /// Lines kept raw because they do not follow the framing.
    pub unparsed: u64,
    /// Records that were joined from several lines.
    pub joined: u64,
    /// Pieces that left without their end: too long, too many, or the end did not come in time.
    pub split: u64,
}

/// When a chunk was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// Nanoseconds since 1970, the time of records that carry none.
    pub unix_ns: i64,
    /// Milliseconds of a clock that never goes back.
    pub mono_ms: u64,
}

/// The parser of one input.
#[derive(Debug)]
pub struct Parser {
    input: usize,
    labels: Arc<Labels>,
    /// Those of Docker's lines, where a file may be of either kind.
    docker: Option<Arc<Labels>>,
    skip_empty: bool,
    merge: Option<Merge>,
    times: TimeReader,
    joiner: Joiner,
    counters: Counters,
}

impl Parser {
    /// The parser of the input with this index.
    pub fn new(input: usize, plan: &TailInput) -> Self {
        let either = plan.framing == Framing::Either;
        Self {
            input,
            labels: Arc::new(Labels::of(plan, if either { Framing::Cri } else { plan.framing })),
            docker: either.then(|| Arc::new(Labels::of(plan, Framing::Docker))),
            skip_empty: plan.skip_empty_lines,
            merge: plan.merge.as_deref().map(Merge::new),
            times: TimeReader::default(),
            joiner: Joiner::default(),
            counters: Counters::default(),
        }
    }

    /// What was counted since the start.
    pub fn counters(&self) -> Counters {
        self.counters
    }

    /// Cuts a chunk into records; pushes the batches that can leave, in order.
    pub fn parse(&mut self, chunk: Chunk, now: Now, out: &mut Vec<Batch>) {
        let (source, offset, end) = (Arc::clone(&chunk.source), chunk.offset, chunk.end());
        self.joiner.begin(&source, offset, end);
        let labels = self.docker.as_ref().filter(|_| chunk.bytes.first() == Some(&b'{')).unwrap_or(&self.labels);
        let mut batch = Batch::new(self.input, Arc::clone(labels), source, chunk.bytes);
        let bytes = std::mem::take(&mut batch.bytes);
        let mut at = 0;
        while at < bytes.len() {
            let line_end = memchr::memchr(b'\n', &bytes[at..]).map_or(bytes.len(), |length| at + length);
            self.line(&bytes[at..line_end], at, offset, now, &mut batch);
            at = line_end + 1;
        }
        batch.bytes = bytes;
        self.merge(&mut batch);
        self.joiner.acks(batch.source.lineage, &mut batch.acks);
        self.leave(batch, out);
        while let Some((fragment, acks)) = self.joiner.overflow() {
            self.cut_short(fragment, acks, out);
        }
    }

    /// Lets fragments go whose end has not come; to be called only when everything has been read.
    pub fn expire(&mut self, mono_ms: u64, out: &mut Vec<Batch>) {
        while let Some((fragment, acks)) = self.joiner.expired(mono_ms, FRAGMENT_FLUSH_MS) {
            self.cut_short(fragment, acks, out);
        }
    }

    /// When [`Parser::expire`] has something to do, ms of the same clock.
    pub fn expires_at_ms(&self) -> Option<u64> {
        self.joiner.oldest_ms().map(|since| since + FRAGMENT_FLUSH_MS)
    }

    fn line(&mut self, line: &[u8], at: usize, base: u64, now: Now, batch: &mut Batch) {
        let offset = base + at as u64;
        // The carriage return of CR LF belongs to the line's end, one that stands alone is its text.
        let line = line.strip_suffix(b"\r").filter(|rest| !rest.is_empty()).unwrap_or(line);
        let head = match batch.labels.framing {
            Framing::Plain if self.skip_empty && matches!(line, b"" | b"\r") => return,
            Framing::Plain | Framing::Either => {
                batch.push_raw(Span::read(at, line.len()), offset, now.unix_ns);
                return;
            }
            Framing::Cri => cri::split(line, at, &mut self.times),
            Framing::Docker => docker::split(line, at, &mut self.times, &mut batch.joined),
        };
        let Some(mut head) = head else {
            self.counters.unparsed += 1;
            batch.push_raw(Span::read(at, line.len()), offset, now.unix_ns);
            return;
        };
        head.offset = offset;
        if head.complete && !self.joiner.waits(head.stream) {
            batch.push(&head);
            if !head.more.is_empty() {
                batch.extend_last(&head.more, stamp_of(&head, line, at));
            }
        } else {
            self.join(&head, line, at, now, batch);
        }
    }

    #[cold]
    fn join(&mut self, head: &Head, line: &[u8], at: usize, now: Now, batch: &mut Batch) {
        // The text is in the line or, decoded, at the end of the arena, which is where a joined text grows.
        let decoded = head.text.joined.then(|| batch.joined.split_off(head.text.start as usize));
        let text =
            decoded.as_deref().unwrap_or_else(|| &line[head.text.start as usize - at..][..head.text.len as usize]);
        let stamp = stamp_of(head, line, at);
        if let Some(long) = self.joiner.take_if_over(head.stream, text.len(), JOIN_MAX) {
            self.counters.split += 1;
            long.push_to(batch, false);
        }
        self.joiner.append(head, text, stamp, &batch.source, now.mono_ms);
        if head.complete
            && let Some(whole) = self.joiner.take(head.stream)
        {
            self.counters.joined += 1;
            whole.push_to(batch, true);
        }
    }

    fn cut_short(&mut self, fragment: Fragment, acks: Vec<Ack>, out: &mut Vec<Batch>) {
        self.counters.split += 1;
        let source = Arc::clone(&fragment.source);
        let mut batch = Batch::new(self.input, Arc::clone(&self.labels), source, Vec::new());
        fragment.push_to(&mut batch, false);
        self.merge(&mut batch);
        batch.acks = acks;
        self.leave(batch, out);
    }

    fn merge(&mut self, batch: &mut Batch) {
        if let Some(merge) = &mut self.merge {
            self.counters.unparsed += merge.all(batch);
        }
    }

    fn leave(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        if batch.records.is_empty() && batch.acks.is_empty() {
            return;
        }
        self.counters.records += batch.records.len() as u64;
        batch.trim();
        out.push(batch);
    }
}

/// The time as it stands in a line that stands at `at`.
fn stamp_of<'l>(head: &Head, line: &'l [u8], at: usize) -> &'l [u8] {
    &line[head.stamp.start as usize - at..][..head.stamp.len as usize]
}

#[cfg(test)]
mod tests;
