//! The side of the buffer that is on disk: what is stored, what of it is in memory, and when inputs have to pause.
//!
//! ```text
//! push ─▶ segment ─▶ released        next ◀─ lane ◀─ handed on at once while the lane has everything before it,
//!                                                └── else read back from the segments, within the lane's room in memory
//! ```

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{
    Buffer, State,
    store::{Store, StoreCounters, StoreError},
};
use crate::{
    config::{Plan, plan::Storage},
    output::plan::TotalLimit,
    parse::Batch,
};

/// What a segment of `storage.max_chunks_up` stands for in memory, bytes: 128 of them are 16 MiB.
const CHUNK: usize = 128 << 10;

/// Segments, and who uses them.
#[derive(Debug)]
pub(super) struct Disk {
    store: Mutex<Store>,
    /// Which inputs keep their records there.
    inputs: Vec<bool>,
    limits: Vec<Option<TotalLimit>>,
    /// Bytes of stored batches that each lane may have in memory.
    room: usize,
    /// Records that each lane has dropped because it was over its limit.
    overflowed: Vec<AtomicU64>,
}

impl Disk {
    /// The store that a plan asks for, if any input does.
    pub(super) fn open(plan: &Plan, salt: u64) -> Result<Option<Self>, StoreError> {
        let inputs: Vec<bool> = plan.inputs.iter().map(|input| input.storage == Storage::Filesystem).collect();
        let (true, Some(path)) = (inputs.contains(&true), &plan.service.storage.path) else { return Ok(None) };
        let names: Vec<String> = plan.outputs.iter().map(|output| output.name.clone()).collect();
        let limits = plan.outputs.iter().map(|output| output.total_limit).collect();
        let room = plan.service.storage.chunks_up.saturating_mul(CHUNK).max(plan.service.storage.backlog_bytes);
        Self::new(path, plan.service.storage.sync_full, &names, salt, inputs, limits, room).map(Some)
    }

    pub(super) fn new(
        path: &Path,
        sync_full: bool,
        names: &[String],
        salt: u64,
        inputs: Vec<bool>,
        limits: Vec<Option<TotalLimit>>,
        room: usize,
    ) -> Result<Self, StoreError> {
        let store = Mutex::new(Store::open(path, sync_full, names, salt)?);
        let overflowed = names.iter().map(|_| AtomicU64::new(0)).collect();
        Ok(Self { store, inputs, limits, room: (room / names.len().max(1)).max(CHUNK), overflowed })
    }

    pub(super) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keeps(&self, input: usize) -> bool {
        self.inputs.get(input).copied().unwrap_or(false)
    }

    /// Whether the inputs have to wait until an output has taken something.
    fn is_full(&self, store: &Store) -> bool {
        let over = |(lane, limit): (usize, &Option<TotalLimit>)| {
            limit.is_some_and(|limit| !limit.drop_oldest && store.bytes(lane) >= limit.bytes)
        };
        self.limits.iter().enumerate().any(over)
    }

    /// Bytes that an input of the disk may still bring, of `limit`.
    pub(super) fn room(&self, limit: usize) -> usize {
        let mut store = self.store();
        // Whoever asks wants to read: the moment to see whether the disk takes records again.
        if !store.retry_held() {
            return limit.saturating_sub(store.held_bytes);
        }
        if self.is_full(&store) { 0 } else { limit }
    }
}

impl Buffer {
    /// Stores a batch and hands it to the lanes that want it and have everything before it.
    pub(super) fn store(&self, disk: &Disk, batch: Batch, wanted: &[bool]) {
        let mut store = disk.store();
        let batch = store.push(batch, wanted);
        let Some(stored) = batch.stored else { return };
        let mut state = self.state();
        for lane in (0..wanted.len()).filter(|&lane| wanted[lane]) {
            if state.resident[lane] < disk.room && store.hand(lane, stored.seq) {
                state.take_in(lane, &batch);
            }
        }
        for (lane, limit) in disk.limits.iter().enumerate() {
            if let Some(limit) = limit.filter(|limit| limit.drop_oldest && wanted[lane]) {
                self.overflow(disk, &mut store, &mut state, lane, limit);
            }
        }
        let lanes: Vec<usize> = (0..wanted.len()).filter(|&lane| wanted[lane]).collect();
        for lane in lanes {
            if state.carried[lane] >= state.wanted[lane] || store.is_behind(lane) {
                self.arrived[lane].notify_one();
            }
        }
    }

    /// Drops the oldest records of a lane until it is within its limit; what is under way stays.
    fn overflow(&self, disk: &Disk, store: &mut Store, state: &mut State, lane: usize, limit: TotalLimit) {
        let mut dropped = 0;
        while store.bytes(lane) > limit.bytes {
            let Some(batch) = state.pop_stored(lane) else {
                let more = store.load(lane, 1, &|tag| self.matches[lane].matches(tag));
                if more.is_empty() {
                    break;
                }
                for batch in &more {
                    state.take_in(lane, batch);
                }
                continue;
            };
            if let Some(stored) = batch.stored {
                store.dropped(lane, stored);
            }
            dropped += batch.len() as u64;
        }
        if dropped > 0 {
            let all = disk.overflowed[lane].fetch_add(dropped, Ordering::Relaxed) + dropped;
            tracing::error!(lane, dropped, all, "storage.total_limit_size is reached: the oldest records are dropped");
        }
    }

    /// Reads back what a lane has not got, until `least` bytes of text wait, as far as its room in memory goes.
    pub(super) fn refill(&self, lane: usize, least: usize) {
        let Some(disk) = &self.disk else { return };
        let mut store = disk.store();
        loop {
            let room = {
                let state = self.state();
                if state.closed || !state.lanes[lane].is_empty() && state.carried[lane] >= least {
                    return;
                }
                disk.room.saturating_sub(state.resident[lane])
            };
            if room == 0 || !store.is_behind(lane) {
                return;
            }
            let batches = store.load(lane, room, &|tag| self.matches[lane].matches(tag));
            let mut state = self.state();
            for batch in &batches {
                state.take_in(lane, batch);
            }
            if batches.is_empty() && state.flights[lane].is_empty() {
                store.idle(lane);
            }
        }
    }

    /// A lane has taken stored batches, the last of which was `batch`.
    pub(super) fn taken_from_disk(&self, disk: &Disk, lane: usize, batches: &[Arc<Batch>]) {
        let mut store = disk.store();
        for stored in batches.iter().filter_map(|batch| batch.stored) {
            store.taken(lane, stored);
            store.released(stored);
        }
        let state = self.state();
        if state.lanes[lane].is_empty() && state.flights[lane].is_empty() {
            store.idle(lane);
        }
        drop((state, store));
        self.emptied
            .iter()
            .zip(&disk.inputs)
            .filter(|(_, kept)| **kept)
            .for_each(|(emptied, _)| emptied.notify_waiters());
    }

    /// What the store has counted, if there is one.
    pub fn store_counters(&self) -> Option<StoreCounters> {
        self.disk.as_ref().map(|disk| disk.store().counters())
    }

    /// Bytes on disk that a lane has not taken, about; 0 without a store.
    pub fn stored(&self, lane: super::Lane) -> u64 {
        self.disk.as_ref().map_or(0, |disk| disk.store().bytes(lane.0))
    }

    /// Records that a lane has dropped because `storage.total_limit_size` was reached.
    pub fn overflowed(&self, lane: super::Lane) -> u64 {
        self.disk.as_ref().map_or(0, |disk| disk.overflowed[lane.0].load(Ordering::Relaxed))
    }
}

impl State {
    /// A stored batch goes into the memory of a lane.
    fn take_in(&mut self, lane: usize, batch: &Arc<Batch>) {
        self.carried[lane] += batch.carried();
        self.resident[lane] += batch.weight();
        self.lanes[lane].push_back(Arc::clone(batch));
    }

    /// The oldest stored batch of a lane that is not under way.
    fn pop_stored(&mut self, lane: usize) -> Option<Arc<Batch>> {
        let place = self.lanes[lane].iter().position(|batch| batch.stored.is_some())?;
        let batch = self.lanes[lane].remove(place)?;
        self.carried[lane] -= batch.carried();
        self.resident[lane] -= batch.weight();
        Some(batch)
    }
}
