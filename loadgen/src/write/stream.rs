//! One stream's writer: what is due goes to the open file; a swap, a full file or a failing disk is a state of it.
//!
//! ```text
//!            ┌────────── reopen ──────────┐
//!  open ──┬──┴▸ full   (size limit found) │      in every state but `open` records fall due and wait
//!         ├───▸ held   ── release ──▸ open
//!         └───▸ closed ── reopen ───▸ open
//! ```

use std::{ops::Range, path::PathBuf, sync::Arc};

use results::{
    event::{Generation, GenerationEnd, What},
    identity::StreamId,
    ledger::{Labels, OutputRule},
};

use super::{
    Cut, StreamPlan, StreamReport, WriteError, WriteMode,
    block::{Dress, cut_line},
    control::{Command, Reopen, lock},
    file::{LogFile, Short, append_each},
    shard::{Blocks, RESERVE, Shared, book},
    shown,
    tee::Tee,
};
use crate::{
    frame::{Framing, SPLIT, output_label},
    pace::Schedule,
    payload::{Body, Payload},
};

/// Records of one-line writes between two looks at clock, requests and neighbours.
const LINES_A_TURN: u64 = 256;
/// Records of batched writes between two looks.
const BATCH_RECORDS: u64 = 65_536;
/// Rest after a failed write or open.
const REST_US: u64 = 10_000;

/// What a look at a stream found.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    /// How late its oldest record was.
    pub(super) late_us: u64,
    /// When to look again at the latest; the present if more is due.
    pub(super) wake_us: u64,
}

pub(super) struct StreamWriter {
    id: StreamId,
    framing: Framing,
    mode: WriteMode,
    output: OutputRule,
    max_size: Option<u64>,
    cut: Cut,
    schedule: Schedule,
    payload: Payload,
    /// Where the file is opened when no other path is named.
    path: PathBuf,
    file: Option<LogFile>,
    generations: u32,
    /// The next record, and one past the last reserved one.
    seq: u64,
    reserved: u64,
    bytes: u64,
    held: bool,
    full: bool,
    reopens: Vec<Reopen>,
    /// No write before this moment, after a failure.
    rest_until_us: u64,
    /// Records below this were kept waiting on purpose: they do not count as late.
    excused: u64,
    /// Where the records go besides, and how much later than the others this stream began because of it, microseconds.
    tee: Option<Tee>,
    shift_us: u64,
}

impl StreamWriter {
    /// Opens the first file.
    pub(super) fn open(
        id: StreamId,
        plan: &StreamPlan,
        schedule: Schedule,
        payload: Payload,
        path: PathBuf,
        shared: &Shared,
    ) -> Result<Self, WriteError> {
        let mut writer = Self {
            id,
            framing: plan.framing,
            mode: plan.write,
            output: plan.output,
            max_size: plan.max_size,
            cut: plan.cut,
            schedule,
            payload,
            path: path.clone(),
            file: None,
            generations: 0,
            seq: 0,
            reserved: 0,
            bytes: 0,
            held: false,
            full: false,
            reopens: Vec::new(),
            rest_until_us: 0,
            excused: 0,
            tee: plan.tee.as_ref().map(|tee| Tee::new(tee, &shared.ledger)),
            shift_us: 0,
        };
        let file = LogFile::open(&path).map_err(|source| WriteError::Open { path, source })?;
        writer.install(file, shared);
        Ok(writer)
    }

    pub(super) fn set_factor(&mut self, load_us: u64, factor: f64) {
        self.schedule.set_factor(load_us.saturating_sub(self.shift_us), factor);
    }

    /// Does what was asked for, then writes a turn's worth of what is due.
    pub(super) fn step(&mut self, now_us: u64, blocks: &mut Blocks, shared: &Shared) -> Step {
        self.obey(shared);
        if let Some(tee) = &mut self.tee
            && !tee.is_ready()
        {
            self.shift_us = now_us.saturating_sub(shared.start_us());
        }
        let start_us = self.start_us(shared);
        let load_us = now_us.saturating_sub(start_us);
        let mut due = self.schedule.due(load_us);
        self.swap(now_us, due, shared);
        let mut step =
            Step { late_us: 0, wake_us: self.reopens.iter().map(|reopen| reopen.at_us).min().unwrap_or(u64::MAX) };
        if self.file.is_none() || self.held || self.full || now_us < self.rest_until_us {
            self.excused = if due == u64::MAX { self.seq } else { self.excused.max(due) };
            return step;
        }
        if let Some(tee) = &mut self.tee
            && due > self.seq
        {
            let (turn, whole_us) = tee.turn(self.seq, due, &self.schedule, load_us);
            if turn == self.seq {
                step.wake_us = step.wake_us.min(start_us + whole_us);
                return step;
            }
            due = turn;
        }
        if due <= self.seq {
            if let Some(at_us) = self.schedule.when(self.seq) {
                step.wake_us = step.wake_us.min(start_us + at_us);
            }
            return step;
        }
        if self.seq >= self.excused
            && let Some(at_us) = self.schedule.when(self.seq)
        {
            step.late_us = load_us.saturating_sub(at_us);
        }
        let first = self.seq;
        self.write_due(now_us, due, blocks, shared);
        self.send_too(first, now_us, blocks, shared);
        if (due > self.seq || self.tee.is_some()) && !self.full && self.rest_until_us <= now_us {
            step.wake_us = now_us;
        }
        step
    }

    /// Closes the file for good.
    pub(super) fn finish(mut self, now_us: u64, shared: &Shared) -> (StreamId, StreamReport) {
        if let Some(file) = &mut self.file
            && let Err(short) = file.mend()
        {
            shared.fault(
                self.id,
                now_us,
                0,
                format!("end a torn line of {}: {}", shown(&file.path, &shared.root), short.error),
            );
        }
        self.leave(shared);
        if let Some(tee) = self.tee.take() {
            tee.close();
        }
        (self.id, StreamReport { records: self.seq, bytes: self.bytes, generations: self.generations })
    }

    fn obey(&mut self, shared: &Shared) {
        for command in shared.desks[usize::from(self.id.0)].take() {
            match command {
                Command::Reopen(reopen) => self.reopens.push(reopen),
                Command::Close(done) => {
                    self.leave(shared);
                    done.tell(Ok(()));
                }
                Command::Hold(done) => {
                    self.held = true;
                    done.tell(Ok(()));
                }
                Command::Release(done) => {
                    self.held = false;
                    done.tell(Ok(()));
                }
            }
        }
    }

    /// Performs the swaps whose time has come, in the order they were asked for.
    fn swap(&mut self, now_us: u64, due: u64, shared: &Shared) {
        while let Some(at) = self.reopens.iter().position(|reopen| reopen.at_us <= now_us) {
            let reopen = self.reopens.remove(at);
            let path = reopen.path.clone().unwrap_or_else(|| self.path.clone());
            match LogFile::open(&path) {
                Ok(file) => {
                    self.exchange(file, now_us, due, shared);
                    self.path = path;
                    if let Some(path) = reopen.label {
                        shared.ledger.route(self.id, self.seq, Labels { path });
                    }
                    reopen.done.tell(Ok(()));
                }
                Err(error) => {
                    let error = format!(
                        "open {} for appending: {error}; the writer stays with its old file",
                        shown(&path, &shared.root)
                    );
                    shared.fault(self.id, now_us, 0, error.clone());
                    reopen.done.tell(Err(error));
                }
            }
        }
    }

    /// The new file is open, the old one not yet closed: a line that is under way is cut here.
    fn exchange(&mut self, mut new: LogFile, now_us: u64, due: u64, shared: &Shared) {
        let may_cut = self.cut != Cut::Never && self.framing == Framing::Cri && !self.held && !self.full && due > self.seq
                // Where a text has several lines, the file is swapped between two texts.
                && self.payload.body() != Body::StackTrace;
        let text_len = self.payload.len_of(self.seq);
        let cut_at = match self.cut {
            Cut::AnyLine if text_len > 1 => Some(SPLIT.min(text_len / 2)),
            Cut::LongLines if text_len > SPLIT => Some(SPLIT),
            _ => None,
        };
        let mended = self.file.as_mut().is_some_and(|old| old.mend().is_ok());
        if may_cut
            && mended
            && let Some(cut_at) = cut_at
            && let Some(old) = &mut self.file
            && book(self.id, self.seq + 1, &mut self.reserved, RESERVE.start, now_us, shared)
        {
            let due_us = due_of(&self.schedule, self.seq, now_us, self.shift_us + shared.start_us());
            let text = self.payload.expected(self.seq, due_us);
            let (head, tail) =
                cut_line(&text, cut_at, &shared.clock.wall_text(now_us), output_label(self.output.is_stderr(self.seq)));
            let result = old.append(&head).and_then(|()| new.append(&tail));
            let bytes = (head.len() + tail.len()) as u64;
            shared.ledger.written(self.id, self.seq + 1, bytes);
            if let Err(short) = result {
                self.lose(self.seq..self.seq + 1, short.written, now_us, &short, shared);
            }
            if let Some(tee) = &mut self.tee {
                tee.send(self.seq, [&text[..]].into_iter(), now_us, shared.clock);
            }
            self.seq += 1;
        }
        self.leave(shared);
        self.install(new, shared);
    }

    fn install(&mut self, file: LogFile, shared: &Shared) {
        *lock(&shared.desks[usize::from(self.id.0)].file) = Some(Arc::clone(&file.file));
        (shared.observer)(What::GenerationOpened(Generation {
            stream: self.id,
            generation: self.generations,
            path: shown(&file.path, &shared.root),
            file: file.id,
            first_seq: self.seq,
        }));
        self.generations += 1;
        self.full = false;
        self.rest_until_us = 0;
        self.file = Some(file);
    }

    fn leave(&mut self, shared: &Shared) {
        if let Some(file) = self.file.take() {
            self.bytes += file.appended;
            *lock(&shared.desks[usize::from(self.id.0)].file) = None;
            let end = GenerationEnd {
                stream: self.id,
                generation: self.generations - 1,
                end_seq: self.seq,
                bytes: file.size,
            };
            drop(file);
            (shared.observer)(What::GenerationClosed(end));
        }
    }

    /// One turn: as many records as lie side by side, in one write or one write each.
    fn write_due(&mut self, now_us: u64, due: u64, blocks: &mut Blocks, shared: &Shared) {
        let file = self.file.as_mut().expect("the caller looked");
        if let Err(short) = file.mend() {
            self.rest(now_us, 0, &short, shared);
            return;
        }
        let block = blocks.get(&self.payload, self.framing);
        let (most, bytes) = match self.mode {
            WriteMode::PerLine => (LINES_A_TURN, u64::MAX >> 1),
            WriteMode::Batch { bytes } => (BATCH_RECORDS, bytes),
        };
        let reach = block.reach(&self.payload, self.seq, most.min(due - self.seq), bytes);
        let room = self.max_size.map_or(reach, |limit| {
            let mut size = file.size;
            let fits = |seq: &u64| {
                let open = size < limit;
                size += block.line_len(&self.payload, *seq);
                open
            };
            (self.seq..self.seq + reach).take_while(fits).count() as u64
        });
        if room == 0 {
            self.full = true;
            (shared.on_full)(self.id);
            return;
        }
        let ahead = if due == u64::MAX { RESERVE.end } else { due - self.seq + RESERVE.start };
        let seqs = self.seq..self.seq + room;
        if !book(self.id, seqs.end, &mut self.reserved, ahead, now_us, shared) {
            self.rest_until_us = now_us + REST_US;
            return;
        }
        let time = shared.clock.wall_text(now_us);
        let dress = Dress { time: &time, output: self.output };
        let mut times = self.schedule.times();
        let start_us = self.shift_us + shared.start_us();
        let due_us = |seq| times.when(seq).map_or(now_us, |at_us| start_us + at_us);
        let lines = block.render(&self.payload, seqs.clone(), dress, due_us);
        let before = file.size;
        let (done, lost) = match self.mode {
            WriteMode::PerLine => append_each(file, lines.iter()),
            WriteMode::Batch { .. } => match file.append(lines.bytes()) {
                Ok(()) => (room, None),
                Err(short) => (room, Some((lines.whole_in(short.written) as u64, short))),
            },
        };
        let bytes = file.size - before;
        self.seq += done;
        shared.ledger.written(self.id, self.seq, bytes);
        if let Some((whole, short)) = lost {
            let whole_bytes: usize = match self.mode {
                WriteMode::PerLine => 0,
                WriteMode::Batch { .. } => lines.iter().take(whole as usize).map(<[u8]>::len).sum(),
            };
            self.lose(seqs.start + whole..self.seq, short.written - whole_bytes, now_us, &short, shared);
        }
    }

    /// Sends what was written from `first` on the second way.
    fn send_too(&mut self, first: u64, now_us: u64, blocks: &mut Blocks, shared: &Shared) {
        let start_us = self.start_us(shared);
        let Some(tee) = self.tee.as_mut().filter(|_| self.seq > first) else { return };
        let mut times = self.schedule.times();
        let due_us = |seq| times.when(seq).map_or(now_us, |at_us| start_us + at_us);
        let dress = Dress { time: &shared.clock.wall_text(now_us), output: self.output };
        let lines = blocks.get(&self.payload, Framing::Plain).render(&self.payload, first..self.seq, dress, due_us);
        tee.send(first, lines.iter(), now_us, shared.clock);
    }

    /// When this stream's schedule began, microseconds since the start of the run.
    fn start_us(&self, shared: &Shared) -> u64 {
        shared.start_us() + self.shift_us
    }

    /// Books records that a failed write did not get out; of the first one `torn` bytes are in the file.
    fn lose(&mut self, seqs: Range<u64>, torn: usize, now_us: u64, short: &Short, shared: &Shared) {
        let lost = seqs.end - seqs.start;
        if lost > 0 && torn > 0 {
            shared.ledger.torn(self.id, seqs.start, torn as u64);
        }
        shared.ledger.source_lost(self.id, seqs, &format!("write failed: {}", short.error));
        self.rest(now_us, lost, short, shared);
    }

    fn rest(&mut self, now_us: u64, lost: u64, short: &Short, shared: &Shared) {
        let path = self.file.as_ref().map_or_else(String::new, |file| shown(&file.path, &shared.root));
        let error =
            format!("append to {path}: {} after {} bytes; make room or look at the disk", short.error, short.written);
        shared.fault(self.id, now_us, lost, error);
        self.rest_until_us = now_us + REST_US;
    }
}

/// When a record was due, microseconds since the start of the run; the present for a stream without a schedule.
fn due_of(schedule: &Schedule, seq: u64, now_us: u64, start_us: u64) -> u64 {
    schedule.when(seq).map_or(now_us, |at_us| start_us + at_us)
}
