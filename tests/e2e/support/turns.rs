//! Who may run beside whom, on a machine of two cores: tests that judge a run, tests that only need one, and jobs of
//! one test side by side.

use std::{
    fs::File,
    path::Path,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
};

use nix::fcntl::{Flock, FlockArg};

use super::seconds::waiting;

/// Held while a turn is taken.
pub(crate) struct Turn {
    _held: Flock<File>,
}

/// Waits until no other run is under way, in this process or another, and keeps all others waiting: for tests that
/// judge a run. Others beside it would take its time and its inode numbers.
pub(crate) fn live() -> Turn {
    turn(FlockArg::LockExclusive)
}

/// Keeps runs that are judged waiting, and nobody else: for tests that start the bench and judge neither its pace nor
/// its inode numbers.
pub(crate) fn beside() -> Turn {
    turn(FlockArg::LockShared)
}

fn turn(how: FlockArg) -> Turn {
    let file = File::create(Path::new(env!("CARGO_TARGET_TMPDIR")).join("live.lock")).unwrap();
    let held = waiting(|| Flock::lock(file, how)).unwrap_or_else(|(_, error)| panic!("{error}"));
    Turn { _held: held }
}

/// Performs every job, `at_once` of them side by side; the results in the order of the jobs. One that panics fails
/// the test, once the others have ended.
pub(crate) fn side_by_side<J: Sync, R: Send>(at_once: usize, jobs: &[J], perform: impl Fn(&J) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut mine = Vec::new();
        loop {
            let nth = next.fetch_add(1, Ordering::Relaxed);
            let Some(job) = jobs.get(nth) else { return mine };
            mine.push((nth, perform(job)));
        }
    };
    let mut done: Vec<(usize, R)> = thread::scope(|scope| {
        let hands: Vec<_> = (0..at_once.min(jobs.len())).map(|_| scope.spawn(work)).collect();
        let ended: Vec<_> = hands.into_iter().map(thread::ScopedJoinHandle::join).collect();
        ended.into_iter().flat_map(|result| result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
    });
    done.sort_by_key(|(nth, _)| *nth);
    done.into_iter().map(|(_, result)| result).collect()
}
