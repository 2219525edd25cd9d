//! What the tests of this crate share: a place on disk, a ledger, and waiting for something with a deadline.

use std::{net::SocketAddr, sync::Arc};

use results::ledger::{Ledger, LedgerPlan};
use tempfile::TempDir;

use crate::clock::RunClock;

/// The tag of all test runs.
pub(crate) const RUN: u32 = 9;

/// A directory on the disk the crate is built on, since memory file systems behave otherwise.
pub(crate) fn place() -> TempDir {
    let base = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/loadgen-tests");
    std::fs::create_dir_all(&base).expect("a folder for tests");
    tempfile::tempdir_in(base.canonicalize().expect("it was created")).expect("a folder for this test")
}

/// Books in memory.
pub(crate) fn ledger(streams: usize) -> Arc<Ledger> {
    let streams = (0..streams).map(|at| format!("s{at}")).collect();
    Ledger::create(LedgerPlan { run: RUN, streams, books: None, settle_us: 0, ..LedgerPlan::default() })
        .expect("books in memory")
}

/// Whether a program is there; where nothing may be skipped it has to be.
#[expect(clippy::disallowed_methods, reason = "where tests run is told by the environment")]
#[expect(clippy::print_stdout, reason = "a test that is skipped says why")]
pub(crate) fn there(what: &str, is_there: bool) -> bool {
    let must_run = std::env::var("CI").is_ok_and(|ci| ci == "true");
    assert!(is_there || !must_run, "{what} is not installed: run .ci/peers, CI must run this test");
    if !is_there {
        println!("skipped: {what} is not installed");
    }
    is_there
}

/// An address of a test's own: no other socket of this process or of the machine comes to be there by chance.
pub(crate) fn own_address(last: u8) -> SocketAddr {
    ([127, 12, 8, last], 0).into()
}

/// Waits until `count` stands still for 200 ms; what it then is.
pub(crate) fn until_it_rests(what: &str, mut count: impl FnMut() -> u64) -> u64 {
    let mut last = count();
    until(what, || {
        let clock = RunClock::start();
        while clock.now_us() < 200_000 {
            clock.park_until(200_000);
        }
        let before = std::mem::replace(&mut last, count());
        before == last
    });
    last
}

/// Waits until `done`, for at most 20 seconds.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let clock = RunClock::start();
    while !done() {
        assert!(clock.now_us() < 20_000_000, "waited in vain: {what}");
        clock.park_until(clock.now_us() + 500);
    }
}
