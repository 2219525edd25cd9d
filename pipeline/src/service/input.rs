//! One input: its tailer, its parser and its checkpoints, driven a step at a time.

use std::path::PathBuf;

use super::{ServiceError, clock::Clock, log::Scope, unread::Unread};
use crate::{
    buffer::Buffer,
    checkpoint::Store,
    config::plan::{DbSync, InputPlan, LogLevel, TailInput},
    defects::Defect,
    filter::Chain,
    input::tail::{Step, TailCounters, TailPlan, Tailer},
    os::LinuxDisk,
    parse::{self, Batch, Now, Parser},
};

/// From one look at a full disk to the next, ms.
const FULL_MS: u64 = 500;
const SYNC_FULL_MS: u64 = 1_000;
const SYNC_NORMAL_MS: u64 = 5_000;

/// What a step came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Did {
    /// There may be more at once.
    Something,
    /// Nothing before this time, ms of the clock, unless something happens.
    Nothing(Option<u64>),
}

#[derive(Debug)]
pub(super) struct Input {
    /// Which input of the plan.
    pub(super) index: usize,
    pub(super) disk: LinuxDisk,
    tailer: Tailer,
    parser: Parser,
    store: Option<(PathBuf, Store)>,
    /// Less room than this is none, so that a nearly full buffer does not make reads small.
    room_least: usize,
    /// The disk of the checkpoints is full: when it is tried again, ms.
    full_until_ms: Option<u64>,
    /// The buffer is full.
    paused: bool,
    /// Times that it became full.
    pub(super) pauses: u64,
    /// It has looked at its paths at least once.
    pub(super) up: bool,
    batches: Vec<Batch>,
    paths: Vec<String>,
    exclude: Vec<String>,
    level: Option<LogLevel>,
    pub(super) unread: Unread,
    exit_on_eof: bool,
}

impl Input {
    pub(super) fn open(
        index: usize,
        input: &InputPlan,
        plan: &TailInput,
        defect: Option<Defect>,
        clock: Clock,
    ) -> Result<Self, ServiceError> {
        let (store, restored) = match &plan.db {
            Some(path) => {
                let (store, restored) = Store::open(path, sync_ms(plan.db_sync))
                    .map_err(|error| ServiceError::Checkpoint { path: path.clone(), error })?;
                (Some((path.clone(), store)), restored)
            }
            None => (None, Vec::new()),
        };
        Ok(Self {
            index,
            disk: LinuxDisk::new(),
            tailer: Tailer::new(tail_plan(plan, clock), restored, defect),
            parser: Parser::new(index, plan),
            store,
            room_least: plan.chunk_bytes.min(input.buffer_bytes / 2),
            full_until_ms: None,
            paused: false,
            pauses: 0,
            up: false,
            batches: Vec::new(),
            exit_on_eof: plan.exit_on_eof,
            paths: plan.paths.clone(),
            exclude: plan.exclude.clone(),
            level: input.log_level,
            unread: Unread::default(),
        })
    }

    /// Does a little. Reads only if there is room.
    pub(super) fn step(&mut self, buffer: &Buffer, chain: &Chain, clock: Clock) -> Result<Did, ServiceError> {
        let _scope = Scope::enter(self.level);
        let now_ms = clock.mono_ms();
        self.settle(buffer)?;
        self.maintain(now_ms)?;
        if let Some(until_ms) = self.waits_for_disk(now_ms)? {
            return Ok(Did::Nothing(Some(until_ms)));
        }
        // What was read before the disk was full.
        self.batches.drain(..).for_each(|batch| chain.push(batch, buffer, now_ms));
        let room = self.room(buffer);
        let step = self.tailer.step(&mut self.disk, now_ms, room);
        let did = match step {
            Step::Again => return Ok(Did::Something),
            Step::Chunk(chunk) => {
                self.parser.parse(chunk, Now { unix_ns: clock.unix_ns(), mono_ms: now_ms }, &mut self.batches);
                Did::Something
            }
            Step::Idle { until_ms } => {
                // Everything that is on the disk has been read, so a fragment's end has not come yet.
                if room > 0 {
                    self.parser.expire(now_ms, &mut self.batches);
                }
                let expiry = self.parser.expires_at_ms().filter(|_| room > 0);
                Did::Nothing([until_ms, expiry].into_iter().flatten().min())
            }
        };
        self.up = true;
        if !self.batches.is_empty() {
            // A file's entry is on disk before its first record leaves: the ids of its records depend on it.
            self.settle(buffer)?;
            if let Some(until_ms) = self.waits_for_disk(now_ms)? {
                return Ok(Did::Nothing(Some(until_ms)));
            }
        }
        self.batches.drain(..).for_each(|batch| chain.push(batch, buffer, now_ms));
        Ok(did)
    }

    /// Until when nothing is to be read because the disk of the checkpoints is full.
    fn waits_for_disk(&mut self, now_ms: u64) -> Result<Option<u64>, ServiceError> {
        let Some((path, store)) = &mut self.store else { return Ok(None) };
        if store.is_behind() && self.full_until_ms.is_none_or(|until_ms| until_ms <= now_ms) {
            store.mend().map_err(|error| ServiceError::Checkpoint { path: path.clone(), error })?;
        }
        match (store.is_behind(), self.full_until_ms) {
            (true, Some(until_ms)) if until_ms > now_ms => {}
            (true, before) => {
                if before.is_none() {
                    let path = path.display();
                    tracing::error!(%path, "the disk takes no checkpoints: nothing is read until there is room");
                }
                self.full_until_ms = Some(now_ms + FULL_MS);
            }
            (false, Some(_)) => {
                tracing::info!(path = %path.display(), "the disk takes checkpoints again");
                self.full_until_ms = None;
            }
            (false, None) => {}
        }
        Ok(self.full_until_ms)
    }

    /// Looks at the files once more, if it is time to.
    pub(super) fn look(&mut self, now_ms: u64) {
        self.unread.look(&self.paths, &self.exclude, &self.tailer, &mut self.disk, now_ms);
    }

    /// Hands the acks to the tailer and stores what they move.
    pub(super) fn settle(&mut self, buffer: &Buffer) -> Result<(), ServiceError> {
        let acks = buffer.take_acks(self.index);
        if !acks.is_empty() {
            self.tailer.acked(&acks);
            std::iter::from_fn(|| buffer.spare()).for_each(|memory| self.tailer.recycle(memory));
        }
        let Some(entries) = self.tailer.dirty() else { return Ok(()) };
        let Some((path, store)) = &mut self.store else { return Ok(()) };
        store.write(&entries).map_err(|error| ServiceError::Checkpoint { path: path.clone(), error })
    }

    /// What the store does from time to time.
    pub(super) fn maintain(&mut self, now_ms: u64) -> Result<(), ServiceError> {
        let Some((path, store)) = &mut self.store else { return Ok(()) };
        store.maintain(now_ms).map_err(|error| ServiceError::Checkpoint { path: path.clone(), error })
    }

    /// The last checkpoint, on the disk.
    pub(super) fn finish(&mut self, buffer: &Buffer) -> Result<(), ServiceError> {
        self.settle(buffer)?;
        let Some((path, store)) = &mut self.store else { return Ok(()) };
        let kept = store.mend().and_then(|()| store.sync());
        if store.is_behind() {
            let path = path.display();
            tracing::error!(%path, "the disk is full: what was delivered since it filled up comes again at the next start");
        }
        kept.map_err(|error| ServiceError::Checkpoint { path: path.clone(), error })
    }

    /// Whether nobody has to wait for it: it is over, or it never ends by itself.
    pub(super) fn may_end(&self) -> bool {
        !self.exit_on_eof || self.is_over()
    }

    /// Whether it was to end with its files and they are read and delivered.
    pub(super) fn is_over(&self) -> bool {
        self.exit_on_eof && self.up && self.tailer.drained()
    }

    pub(super) fn parsed(&self) -> parse::Counters {
        self.parser.counters()
    }

    pub(super) fn tailed(&self) -> TailCounters {
        self.tailer.counters()
    }

    fn room(&mut self, buffer: &Buffer) -> usize {
        let room = buffer.room(self.index);
        let room = if room < self.room_least { 0 } else { room };
        if (room == 0) != self.paused {
            self.paused = room == 0;
            self.pauses += u64::from(self.paused);
            tracing::debug!(input = self.index, paused = self.paused, "buffer");
        }
        room
    }
}

fn sync_ms(sync: DbSync) -> u64 {
    match sync {
        DbSync::Off => u64::MAX,
        DbSync::Normal => SYNC_NORMAL_MS,
        DbSync::Full => SYNC_FULL_MS,
    }
}

fn tail_plan(plan: &TailInput, clock: Clock) -> TailPlan {
    TailPlan {
        exclude: plan.exclude.clone(),
        tag: plan.tag.clone(),
        tag_regex: plan.tag_regex.clone(),
        ignore_older_ms: plan.ignore_older_ms,
        refresh_interval_ms: plan.refresh_interval_ms,
        rotate_wait_ms: plan.rotate_wait_ms,
        read_from_head: plan.read_from_head,
        chunk_bytes: plan.chunk_bytes,
        max_line_bytes: plan.line_max,
        skip_long_lines: plan.skip_long_lines,
        inotify: plan.inotify,
        started_ns: clock.unix_ns(),
        keeps: plan.db.is_some(),
        ..TailPlan::new(plan.paths.clone())
    }
}
