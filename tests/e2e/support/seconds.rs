//! How long each test took, and how long of that it only waited for its turn: `seconds.txt` in the target folder.
//!
//! ```text
//! 14.2 31.8 scenarios::every_shipped_scenario_passes      seconds at work, seconds of waiting, the test
//! ```
//! The test library gives every test a thread of its own; what is kept for that thread is dropped when the test ends.

use std::{cell::Cell, fs::OpenOptions, io::Write, path::Path};

use loadgen::clock::RunClock;

struct Watch {
    test: Option<String>,
    clock: RunClock,
    waited_us: Cell<u64>,
}

thread_local! {
    static WATCH: Watch = Watch {
        test: std::thread::current().name().map(str::to_owned),
        clock: RunClock::start(),
        waited_us: Cell::new(0),
    };
}

/// The test of this thread has begun, if that was not known yet.
pub(super) fn begin() {
    WATCH.with(|_| ());
}

/// Waits for something that only other tests stand in the way of.
pub(super) fn waiting<T>(wait: impl FnOnce() -> T) -> T {
    WATCH.with(|watch| {
        let before = watch.clock.now_us();
        let got = wait();
        watch.waited_us.set(watch.waited_us.get() + watch.clock.now_us() - before);
        got
    })
}

impl Drop for Watch {
    fn drop(&mut self) {
        // A thread without a name is a hand of a test, not a test.
        let Some(test) = &self.test else { return };
        let (waited, all) = (self.waited_us.get(), self.clock.now_us());
        let (worked, waited) = ((all - waited) as f64 / 1e6, waited as f64 / 1e6);
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("seconds.txt");
        // Whoever cannot note the time has still passed the test.
        if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(path) {
            let _ = file.write_all(format!("{worked:.1} {waited:.1} {test}\n").as_bytes());
        }
    }
}
