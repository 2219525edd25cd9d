//! A CPU limit without control groups: the process is stopped for the rest of each period once it has used its share.
//!
//! ```text
//! |▓▓▓ used up, SIGSTOP ─────────── SIGCONT|▓ slept ──── ▓▓|▓▓▓ SIGSTOP …        100 ms each
//! ```
//! What was used beyond the share is taken off the next one. CPU time is read from the process's own CPU clock.

use std::{
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use nix::{time::ClockId, unistd::Pid};

use super::{LimitError, group::PERIOD_US};
use crate::{
    clock,
    process::{ProcessError, Victim},
};

/// From one look at the CPU clock to the next.
const LOOK_EVERY: Duration = Duration::from_millis(1);
/// How long [`Duty::hold`] waits for the thread.
const PATIENCE: Duration = Duration::from_secs(3);

/// The thread that stops and wakes.
#[derive(Debug)]
pub(super) struct Duty {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    wish: Mutex<Wish>,
    bell: Condvar,
    stopped_us: AtomicU64,
}

#[derive(Debug, Default)]
struct Wish {
    victim: Option<Victim>,
    is_held: bool,
    is_over: bool,
    /// The thread waits for something to do and has nobody stopped.
    is_resting: bool,
}

impl Wish {
    fn is_idle(&self) -> bool {
        !self.is_over && (self.is_held || self.victim.is_none())
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Wish> {
        self.wish.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Duty {
    pub(super) fn start(milli: u32) -> Result<Self, LimitError> {
        let shared = Arc::<Shared>::default();
        let work = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name("duty-cycle".to_owned());
        let thread = thread.spawn(move || cycle(&work, i64::from(milli) * PERIOD_US as i64 / 1000));
        Ok(Self { shared, thread: Some(thread.map_err(LimitError::Thread)?) })
    }

    pub(super) fn follow(&self, pid: Option<u32>) {
        // One that has ended already needs no limit.
        self.shared.lock().victim = pid.and_then(|pid| Victim::of(pid).ok());
        self.shared.bell.notify_all();
    }

    pub(super) fn hold(&self, is_held: bool) {
        let mut wish = self.shared.lock();
        wish.is_held = is_held;
        self.shared.bell.notify_all();
        if is_held {
            // A thread that did not come to rest hangs with the process in the kernel; there is nothing more to wait for.
            drop(self.shared.bell.wait_timeout_while(wish, PATIENCE, |wish| !wish.is_resting && !wish.is_over));
        }
    }

    pub(super) fn stopped_us(&self) -> u64 {
        self.shared.stopped_us.load(Ordering::Relaxed)
    }
}

impl Drop for Duty {
    fn drop(&mut self) {
        self.shared.lock().is_over = true;
        self.shared.bell.notify_all();
        if let Some(thread) = self.thread.take() {
            // A panic was reported by itself, and its guard has woken the process.
            drop(thread.join());
        }
    }
}

/// Period by period until it is over.
fn cycle(shared: &Shared, share_us: i64) {
    let mut granted_us = 0;
    loop {
        let mut wish = shared.lock();
        wish.is_resting = wish.is_idle();
        shared.bell.notify_all();
        let mut wish = shared.bell.wait_while(wish, |wish| wish.is_idle()).unwrap_or_else(PoisonError::into_inner);
        if wish.is_over {
            return;
        }
        wish.is_resting = false;
        let Some(victim) = wish.victim.clone() else { continue };
        drop(wish);
        granted_us = (granted_us + share_us).min(share_us);
        match period(shared, &victim, granted_us) {
            Some(used_us) => granted_us -= used_us,
            None => forget(shared, &victim),
        }
    }
}

/// One period; CPU time used, or `None` if the process is gone.
fn period(shared: &Shared, victim: &Victim, granted_us: i64) -> Option<i64> {
    let begin_us = clock::mono_us();
    let end_us = begin_us + PERIOD_US;
    let before_us = cpu_us(victim)?;
    loop {
        let used_us = cpu_us(victim)? - before_us;
        let now_us = clock::mono_us();
        let wish = shared.lock();
        let is_off = wish.is_held || wish.is_over;
        drop(wish);
        if now_us >= end_us || is_off {
            return Some(used_us);
        }
        if used_us >= granted_us {
            let paused = match victim.pause() {
                Ok(paused) => paused,
                // It hangs in the kernel, or gets no turn on a crowded machine: the limit holds for it all the same.
                Err(ProcessError::NotStopped(_)) => return Some(cpu_us(victim)? - before_us),
                Err(_) => return None,
            };
            // What it used until it was seen stopped counts.
            let used_us = cpu_us(victim)? - before_us;
            rest(shared, end_us);
            drop(paused);
            shared.stopped_us.fetch_add(clock::mono_us() - now_us, Ordering::Relaxed);
            return Some(used_us);
        }
        clock::wait(LOOK_EVERY);
    }
}

/// Waits for the end of the period, or until something else is wished for.
fn rest(shared: &Shared, end_us: u64) {
    let left = Duration::from_micros(end_us.saturating_sub(clock::mono_us()));
    let stays = |wish: &mut Wish| !wish.is_held && !wish.is_over;
    drop(shared.bell.wait_timeout_while(shared.lock(), left, stays));
}

fn forget(shared: &Shared, victim: &Victim) {
    let mut wish = shared.lock();
    if wish.victim.as_ref().is_some_and(|known| known.pid() == victim.pid()) {
        wish.victim = None;
    }
}

/// CPU time of all threads so far, microseconds.
fn cpu_us(victim: &Victim) -> Option<i64> {
    if !victim.alive() {
        return None;
    }
    let clock = ClockId::pid_cpu_clock_id(Pid::from_raw(victim.pid().cast_signed())).ok()?;
    let time = clock.now().ok()?;
    Some(time.tv_sec() * 1_000_000 + time.tv_nsec() / 1000)
}
