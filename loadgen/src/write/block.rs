//! Rendered lines, patched in place: the whole pool lies framed in one block, and a run of records of any stream
//! costs only the digits that differ.
//!
//! ```text
//! block  │line 0 │line 1 │ … │line n │     line i = template i, framed; record seq of a stream takes (first+seq) mod n,
//!            └ stamp digits, check, field, times, output labels are overwritten        so neighbours are neighbours
//! ```

use std::{ops::Range, sync::Arc};

use results::identity::{CHECK_AT, STAMP_LEN};
use results::ledger::OutputRule;

use crate::{
    clock::WALL_LEN,
    frame::{Framed, Framing, OUTPUT_LEN, cri, output_label},
    payload::{
        Payload, Pool, hex8,
        pool::{DUE_AT, RUN_AT, SEQ_AT},
    },
};

/// What a run of records is rendered with, besides its sequences.
#[derive(Debug, Clone, Copy)]
pub struct Dress<'a> {
    /// The time in the frames.
    pub time: &'a [u8; WALL_LEN],
    /// The labels in the frames.
    pub output: OutputRule,
}

/// The framed templates of one pool.
#[derive(Debug)]
pub struct Block {
    pool: Arc<Pool>,
    framing: Framing,
    bytes: Vec<u8>,
    /// Where each line begins; one more entry for the end.
    starts: Vec<u32>,
    /// Where stamp and field stand within every line.
    stamp_at: usize,
    field_at: usize,
    /// Per line: its range in `marks`; one more entry for the end.
    mark_starts: Vec<u32>,
    /// Offsets of (time, output label) in the block.
    marks: Vec<(u32, u32)>,
}

impl Block {
    /// Renders all lines once.
    pub fn new(pool: &Arc<Pool>, framing: Framing) -> Self {
        let blank = &pool.template(0).text;
        let (stamp_at, field_at) = (framing.offset(blank, pool.stamp_at()), framing.offset(blank, pool.field_at()));
        let mut block = Self {
            framing,
            bytes: Vec::new(),
            starts: vec![0],
            stamp_at,
            field_at,
            mark_starts: vec![0],
            marks: Vec::new(),
            pool: Arc::clone(pool),
        };
        for slot in 0..pool.len() {
            let line = framing.frame(&pool.template(slot).text, &[b'0'; WALL_LEN], output_label(false));
            let base = block.bytes.len() as u32;
            block.marks.extend(line.times.iter().zip(&line.outputs).map(|(time, output)| (base + time, base + output)));
            block.bytes.extend_from_slice(&line.bytes);
            block.starts.push(block.bytes.len() as u32);
            block.mark_starts.push(block.marks.len() as u32);
        }
        block
    }

    /// True if this block renders that pool with that framing.
    pub fn fits(&self, pool: &Arc<Pool>, framing: Framing) -> bool {
        Arc::ptr_eq(&self.pool, pool) && self.framing == framing
    }

    /// How many records from `seq` on lie side by side, at most `most`, in at most `bytes` bytes (but at least one).
    pub fn reach(&self, payload: &Payload, seq: u64, most: u64, bytes: u64) -> u64 {
        let slot = payload.slot(seq);
        let until = self.pool.len().min(slot + most.min(self.pool.len() as u64) as usize);
        let limit = u64::from(self.starts[slot]) + bytes;
        let fitting = self.starts[slot + 1..=until].partition_point(|end| u64::from(*end) <= limit);
        fitting.max(1) as u64
    }

    /// Length of the framed line of a record, bytes.
    pub fn line_len(&self, payload: &Payload, seq: u64) -> u64 {
        let slot = payload.slot(seq);
        u64::from(self.starts[slot + 1] - self.starts[slot])
    }

    /// Renders the records `seqs` (at most as many as [`Block::reach`] says); `due` tells when each was due.
    ///
    /// # Panics
    /// If there are more of them.
    pub fn render(
        &mut self,
        payload: &Payload,
        seqs: Range<u64>,
        dress: Dress<'_>,
        mut due: impl FnMut(u64) -> u64,
    ) -> Lines<'_> {
        let first = payload.slot(seqs.start);
        let mut same = Same::default();
        for (slot, seq) in (first..).zip(seqs.clone()) {
            same.update(&self.pool, payload, seq, due(seq));
            let field = payload.field(seq);
            let check = self.pool.check(slot, same.shared, same.due, seq, field);
            let start = self.starts[slot] as usize;
            let line = &mut self.bytes[start..start + self.field_at + 8];
            let stamp: &mut [u8; STAMP_LEN] =
                line[self.stamp_at..].first_chunk_mut().expect("every line holds a stamp");
            stamp[RUN_AT..SEQ_AT + 4].copy_from_slice(&same.head);
            stamp[SEQ_AT + 4..DUE_AT - 1].copy_from_slice(&hex8(seq as u32));
            stamp[DUE_AT..DUE_AT + 10].copy_from_slice(&same.due_digits);
            stamp[CHECK_AT..].copy_from_slice(&hex8(check));
            line[self.field_at..].copy_from_slice(&hex8(field));
        }
        let last = first + (seqs.end - seqs.start) as usize;
        if self.framing != Framing::Plain {
            self.relabel(first..last, seqs.start, dress);
        }
        Lines { bytes: &self.bytes, ends: &self.starts[first..=last] }
    }

    fn relabel(&mut self, slots: Range<usize>, first_seq: u64, dress: Dress<'_>) {
        for (slot, seq) in slots.zip(first_seq..) {
            let label = output_label(dress.output.is_stderr(seq));
            for &(time, output) in &self.marks[self.mark_starts[slot] as usize..self.mark_starts[slot + 1] as usize] {
                self.bytes[time as usize..time as usize + WALL_LEN].copy_from_slice(dress.time);
                self.bytes[output as usize..output as usize + OUTPUT_LEN].copy_from_slice(&label);
            }
        }
    }
}

/// Rendered lines, one after the other.
#[derive(Debug, Clone, Copy)]
pub struct Lines<'a> {
    bytes: &'a [u8],
    ends: &'a [u32],
}

impl<'a> Lines<'a> {
    /// All of them.
    pub fn bytes(&self) -> &'a [u8] {
        &self.bytes[self.ends[0] as usize..self.ends[self.ends.len() - 1] as usize]
    }

    /// One after the other.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (bytes, ends) = (self.bytes, self.ends);
        ends.windows(2).map(move |pair| &bytes[pair[0] as usize..pair[1] as usize])
    }

    /// How many whole lines the first `bytes` bytes hold.
    pub fn whole_in(&self, bytes: usize) -> usize {
        let limit = self.ends[0] as usize + bytes;
        self.ends[1..].partition_point(|end| *end as usize <= limit)
    }
}

/// Digits and checks that neighbouring records share.
#[derive(Default)]
struct Same {
    shared: u32,
    due: u32,
    page: Option<u64>,
    due_us: Option<u64>,
    /// Run, dash, stream, dash and the first four digits of the sequence.
    head: [u8; SEQ_AT + 4 - RUN_AT],
    due_digits: [u8; 10],
}

impl Same {
    #[inline]
    fn update(&mut self, pool: &Pool, payload: &Payload, seq: u64, due_us: u64) {
        if self.page != Some(seq >> 8) {
            self.turn_page(pool, payload, seq);
        }
        if self.due_us != Some(due_us) {
            self.due_us = Some(due_us);
            self.due = pool.due_digits(due_us);
            self.due_digits[..2].copy_from_slice(&hex8((due_us >> 32) as u32)[6..]);
            self.due_digits[2..].copy_from_slice(&hex8(due_us as u32));
        }
    }

    #[cold]
    fn turn_page(&mut self, pool: &Pool, payload: &Payload, seq: u64) {
        self.page = Some(seq >> 8);
        self.shared = pool.shared_digits(payload.run(), payload.stream().0, seq);
        self.head[..8].copy_from_slice(&hex8(payload.run()));
        self.head[8] = b'-';
        self.head[9..13].copy_from_slice(&hex8(u32::from(payload.stream().0))[4..]);
        self.head[13] = b'-';
        self.head[14..].copy_from_slice(&hex8((seq >> 32) as u32)[4..]);
    }
}

/// A line in two: parts tagged `P` for the old file, and the rest for the new one.
pub(super) fn cut_line(
    text: &[u8],
    cut_at: usize,
    time: &[u8; WALL_LEN],
    output: [u8; OUTPUT_LEN],
) -> (Vec<u8>, Vec<u8>) {
    let mut head = Framed::default();
    cri::encode_part(&text[..cut_at], b'P', time, output, &mut head);
    (head.bytes, Framing::Cri.frame(&text[cut_at..], time, output).bytes)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use results::identity::StreamId;

    use super::*;
    use crate::payload::{Body, Size};

    const TIME: &[u8; WALL_LEN] = b"2026-11-21T05:48:09.123456781Z";
    const SIZES: [Size; 3] =
        [Size::Fixed(300), Size::Fixed(1), Size::Spread { min: 90, max: 500, long_every: 8, long: 40_000 }];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn patched_lines_are_the_texts_that_will_be_expected(
            body in prop::sample::select(Body::ALL.to_vec()), size in 0usize..3, framing in 0usize..3, run: u32, seed in 0u64..3,
            jumps in prop::collection::vec((any::<u16>(), 0u64..1 << 48, 0u64..1 << 40, 1u64..600), 1..4),
        ) {
            let framing = [Framing::Plain, Framing::Cri, Framing::Docker][framing];
            let pool = Arc::new(Pool::new(seed, body, SIZES[size]));
            let mut block = Block::new(&pool, framing);
            for (stream, seq, due_us, most) in jumps {
                let seq = seq.min((1 << 48) - 601);
                let payload = Payload::new(run, StreamId(stream), Arc::clone(&pool));
                let count = block.reach(&payload, seq, most, 100_000);
                prop_assert!((1..=most).contains(&count));
                let due = |at: u64| (due_us + (at - seq) / 3 * 70_000) & ((1 << 40) - 1);
                let dress = Dress { time: TIME, output: OutputRule::EveryNthStderr(3) };
                let lines = block.render(&payload, seq..seq + count, dress, due);
                prop_assert_eq!(lines.whole_in(lines.bytes().len() - 1), count as usize - 1);
                for (line, at) in lines.iter().zip(seq..) {
                    let text = payload.expected(at, due(at));
                    let label = output_label(OutputRule::EveryNthStderr(3).is_stderr(at));
                    prop_assert_eq!(line, &framing.frame(&text, TIME, label).bytes[..]);
                }
            }
        }
    }
}
