//! Batches that wait for the outputs: one queue in memory, bounded in bytes per input; for inputs with `storage.type
//! filesystem` what is in memory is a window over what is on disk (buffer/disk.rs, buffer/store.rs).
//!
//! ```text
//! tail loop ── push ─▶ lane http.0  ▣▣▣▣ ─▶ next … taken     a batch leaves when the last of its lanes has
//!                      lane file.1  ▣▣   ─▶ next … taken     taken it; then its acks go back
//! ```
//! A batch that was split or merged by filters carries holds instead of acks: what it came from is taken when the last
//! of them is dropped. The acks of an input go back in the order of its batches, whichever is taken first.
//! Nothing is ever dropped here: a full buffer gives no room, and the tailer does not read. Order is kept in every
//! lane. Everything that waits, in flight or not, counts against `Mem_Buf_Limit` of its input (24 MiB by default).

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use nix::sys::eventfd::EventFd;
use tokio::sync::Notify;

use crate::{
    chunk::{Ack, mix},
    parse::Batch,
};

mod disk;
mod hold;
pub mod route;
mod store;

use disk::Disk;
use hold::Order;
pub use hold::{Done, Hold, Note};
use route::Matching;
pub(crate) use store::Stored;
pub use store::{StoreCounters, StoreError};

/// The queue of one output.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lane(pub usize);

/// Batches between the tail loop and the outputs.
#[derive(Debug)]
pub struct Buffer {
    state: Mutex<State>,
    order: Arc<Order>,
    matches: Vec<Matching>,
    limits: Vec<usize>,
    /// Tells the batches of this process from those of others.
    salt: u128,
    /// The side of it that is on disk.
    disk: Option<Disk>,
    /// One for each lane: something came, or the end.
    arrived: Vec<Notify>,
    /// One for each input: something of it was taken.
    emptied: Vec<Notify>,
}

/// Buffers kept for the next reads.
const SPARE_MAX: usize = 8;

#[derive(Debug, Default)]
struct State {
    lanes: Vec<VecDeque<Arc<Batch>>>,
    /// Stored batches that each lane has in memory, bytes.
    resident: Vec<usize>,
    /// What each lane's output has in hand.
    flights: Vec<VecDeque<Arc<Batch>>>,
    /// Text that waits in each lane, bytes.
    carried: Vec<usize>,
    /// Text that each lane's output waits for, bytes.
    wanted: Vec<usize>,
    used: Vec<usize>,
    used_max: usize,
    spare: Vec<Vec<u8>>,
    unrouted: u64,
    /// Batches that came so far.
    pushed: u64,
    closed: bool,
}

impl State {
    /// Whether an input uses half of its room: its outputs must not wait for company then.
    fn is_short(&self, limits: &[usize]) -> bool {
        self.used.iter().zip(limits).any(|(used, limit)| *used >= limit / 2)
    }
}

impl Buffer {
    /// A buffer with a limit in bytes for each input and a pattern of tags for each lane.
    pub fn new(limits: Vec<usize>, matches: Vec<Matching>) -> std::io::Result<Self> {
        let lanes = matches.len();
        let state = State {
            lanes: (0..lanes).map(|_| VecDeque::new()).collect(),
            flights: (0..lanes).map(|_| VecDeque::new()).collect(),
            resident: vec![0; lanes],
            carried: vec![0; lanes],
            wanted: vec![0; lanes],
            used: vec![0; limits.len()],
            ..State::default()
        };
        Ok(Self {
            state: Mutex::new(state),
            arrived: (0..lanes).map(|_| Notify::new()).collect(),
            emptied: limits.iter().map(|_| Notify::new()).collect(),
            order: Arc::new(Order::new(limits.len())?),
            matches,
            limits,
            salt: 0,
            disk: None,
        })
    }

    /// With ids of batches that no other process gives: `salt` is when it started, or anything as unlikely to come again.
    #[must_use]
    pub fn salted(mut self, salt: u64) -> Self {
        self.salt = mix(1, salt);
        self
    }

    /// With the segments that a plan asks for; `salt` names a new folder of them.
    pub fn kept(mut self, plan: &crate::config::Plan, salt: u64) -> Result<Self, StoreError> {
        self.disk = Disk::open(plan, salt)?;
        Ok(self)
    }

    /// Something that `done` waits for: it happens when the last clone of the hold is dropped.
    pub fn hold(&self, input: usize, done: Done) -> Hold {
        Order::hold(&self.order, input, done)
    }

    /// Resolves when something of an input was taken after the call.
    pub(crate) fn room_made(&self, input: usize) -> tokio::sync::futures::Notified<'_> {
        self.emptied[input].notified()
    }

    /// Bytes that may still be read for an input.
    pub fn room(&self, input: usize) -> usize {
        let limit = self.limits[input];
        match &self.disk {
            Some(disk) if disk.keeps(input) => disk.room(limit),
            _ => limit.saturating_sub(self.state().used[input]),
        }
    }

    /// Bytes that wait for an input.
    pub fn used(&self, input: usize) -> usize {
        self.state().used[input]
    }

    /// Bytes that wait, all inputs together.
    pub fn waiting(&self) -> usize {
        self.state().used.iter().sum()
    }

    /// The most bytes that ever waited, all inputs together.
    pub fn used_max(&self) -> usize {
        self.state().used_max
    }

    /// Records whose tag no output wants, counted.
    pub fn unrouted(&self) -> u64 {
        self.state().unrouted
    }

    /// Whether nothing waits any more, and the acks of all that was taken are there.
    pub fn is_empty(&self) -> bool {
        let taken = {
            let state = self.state();
            let done = |lanes: &[VecDeque<Arc<Batch>>]| lanes.iter().all(VecDeque::is_empty);
            state.used.iter().all(|&used| used == 0) && done(&state.lanes) && done(&state.flights)
        };
        // An output lets go of its batches a moment after it said that they are taken.
        taken && self.order.is_idle()
    }

    /// Puts a batch into every lane that wants its tag; without one it is taken at once.
    pub fn push(&self, mut batch: Batch) {
        let acks = std::mem::take(&mut batch.acks);
        if !acks.is_empty() {
            batch.holds.push(self.hold(batch.input, Done::Acks(acks)));
        }
        let tag = Arc::clone(&batch.tag);
        if let Some(disk) = self.disk.as_ref().filter(|disk| disk.keeps(batch.input)) {
            let wanted: Vec<bool> = self.matches.iter().map(|pattern| pattern.matches(&tag)).collect();
            if wanted.contains(&true) {
                return self.store(disk, batch, &wanted);
            }
        }
        let mut state = self.state();
        state.pushed += 1;
        batch.origin = mix(self.salt, state.pushed);
        let (carried, batch) = (batch.carried(), Arc::new(batch));
        let mut routed = false;
        for (lane, pattern) in self.matches.iter().enumerate() {
            if pattern.matches(&tag) {
                routed = true;
                state.lanes[lane].push_back(Arc::clone(&batch));
                state.carried[lane] += carried;
            }
        }
        if routed {
            state.used[batch.input] += batch.weight();
            state.used_max = state.used_max.max(state.used.iter().sum());
            let short = state.is_short(&self.limits);
            for (lane, arrived) in self.arrived.iter().enumerate() {
                // An output that waits for more than there is sleeps on: a wake-up a batch would cost more than the batch.
                if short || state.carried[lane] >= state.wanted[lane] {
                    arrived.notify_one();
                }
            }
        } else {
            state.unrouted += batch.len() as u64;
            // Its holds are released behind the lock.
            drop(state);
            drop(batch);
        }
    }

    /// Batches at the head of a lane: at least one, at most about `most` bytes of text. Waits for the first without
    /// end, then up to `linger` for more. They go on counting until taken. `None` once closed and empty.
    pub async fn next(&self, lane: Lane, most: usize, linger: Duration) -> Option<Vec<Arc<Batch>>> {
        let enough = |least: usize| async move {
            loop {
                let arrived = self.arrived[lane.0].notified();
                self.refill(lane.0, least);
                {
                    let mut state = self.state();
                    let waiting = !state.lanes[lane.0].is_empty();
                    state.wanted[lane.0] = least;
                    let short = state.is_short(&self.limits);
                    if state.closed || (waiting && (short || state.carried[lane.0] >= least)) {
                        return;
                    }
                }
                arrived.await;
            }
        };
        enough(0).await;
        if !linger.is_zero() {
            let _ = tokio::time::timeout(linger, enough(most)).await;
        }
        let state = &mut *self.state();
        let (mut left, mut batches) = (most, Vec::new());
        while left > 0
            && let Some(batch) = state.lanes[lane.0].pop_front()
        {
            state.carried[lane.0] -= batch.carried();
            left = left.saturating_sub(batch.carried().max(1));
            state.flights[lane.0].push_back(Arc::clone(&batch));
            batches.push(batch);
        }
        (!batches.is_empty()).then_some(batches)
    }

    /// The first `count` of the batches that a lane has in hand are taken.
    pub fn taken(&self, lane: Lane, count: usize) {
        let mut state = self.state();
        let (mut holds, mut stored) = (Vec::new(), Vec::new());
        for _ in 0..count {
            let Some(batch) = state.flights[lane.0].pop_front() else { break };
            if batch.stored.is_some() {
                state.resident[lane.0] -= batch.weight();
                stored.push(batch);
                continue;
            }
            // The caller's copies may still live: count lanes, not owners.
            let waits = |lane: &VecDeque<Arc<Batch>>| lane.iter().any(|other| Arc::ptr_eq(other, &batch));
            let elsewhere = state.lanes.len() > 1 && state.lanes.iter().chain(&state.flights).any(waits);
            if !elsewhere {
                state.used[batch.input] -= batch.weight();
                holds.push((batch.input, batch.holds.clone()));
                if state.spare.len() < SPARE_MAX {
                    state.spare.extend(Arc::into_inner(batch).and_then(Batch::into_memory));
                }
            }
        }
        drop(state);
        if let Some(disk) = self.disk.as_ref().filter(|_| !stored.is_empty()) {
            self.taken_from_disk(disk, lane.0, &stored);
        }
        // Letting go takes a lock of its own, so it is done behind that of the lanes.
        for (input, holds) in holds {
            drop(holds);
            self.emptied[input].notify_waiters();
        }
    }

    /// The acks of an input that came since the last call, in order.
    pub fn take_acks(&self, input: usize) -> Vec<Ack> {
        self.order.take_acks(input)
    }

    /// The memory of a batch that was taken, for the next read.
    pub fn spare(&self) -> Option<Vec<u8>> {
        self.state().spare.pop()
    }

    /// Nothing more will be pushed; outputs end when their lane is empty.
    pub fn close(&self) {
        self.state().closed = true;
        self.arrived.iter().for_each(Notify::notify_one);
    }

    /// From now on nothing that is dropped counts as taken: whoever still has records in hand goes down with them.
    pub(crate) fn abandon(&self) {
        self.order.abandon();
    }

    /// Makes [`Buffer::wake_fd`] readable.
    pub fn wake(&self) {
        self.order.wake();
    }

    /// Readable after a wake-up; [`Buffer::slept`] clears it.
    pub fn wake_fd(&self) -> &EventFd {
        self.order.wake_fd()
    }

    /// Clears the wake-up.
    pub fn slept(&self) {
        // An error says that there was none.
        let _ = self.order.wake_fd().read();
    }

    /// A panic elsewhere leaves the state whole: every change of it is made under one lock.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // What still waits was not taken.
        self.abandon();
    }
}

#[cfg(test)]
pub(crate) mod tests;
