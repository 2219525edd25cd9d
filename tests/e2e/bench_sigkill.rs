//! SIGKILL of the bench at any moment: the run is readable, is never a pass, leaves no process, and is swept up later.

use nix::sys::signal::Signal;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::support::{
    beside, live, place, run, short_or_long, side_by_side, start, tailproof,
    traces::{
        GONE, agents, books_are_sound, has_begun, is_closed, is_told_as_broken_off, lives, manifest, nobody_is_left,
        only_run,
    },
    until,
};

/// The last moment at which the bench is killed, microseconds after its start.
const LATEST: u64 = 4_000_000;

/// Benches that are killed side by side: what is asked is what they leave, not how fast they were. More of them than
/// the machine has cores makes the moments differ more, not less.
const AT_ONCE: usize = 5;

/// Prints the moment of a kill if the test fails there.
struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("killed {} µs after its start", self.0);
        }
    }
}

#[test]
fn a_bench_killed_at_any_moment_leaves_a_readable_run_that_is_no_pass_and_no_process() {
    let _turn = beside();
    let kills = short_or_long("kills of the bench", 5, 100);
    let moments: Vec<u64> = (1..=kills).map(|seed| Pcg64Mcg::seed_from_u64(seed).random_range(0..LATEST)).collect();
    let met = side_by_side(AT_ONCE, &moments, |at_us| killed(*at_us));
    assert!(met.contains(&true), "every bench was killed before it made its first file");
}

/// The moments around the begin of a run, where files are still being made, are short: they are looked for.
#[test]
fn a_bench_killed_while_it_makes_its_files_leaves_nothing_that_cannot_be_swept_up() {
    // The stretch is short and its steps are quick: these are not to be slowed down by each other.
    let _live = live();
    let kills = short_or_long("kills of the bench at its start", 10, 100);
    let made_us = made_within();
    let met = (1..=kills).filter(|nth| killed(made_us * nth / kills)).count();
    println!("{met} of {kills} met a folder; all files are there after {made_us} µs");
    assert!(met > 0, "every bench was killed before it made its first file: {made_us} µs");
}

/// How long a bench needs until all files are there and an agent runs, microseconds.
fn made_within() -> u64 {
    let out = place();
    let folder = out.path().display().to_string();
    let bench = start(&["run", "tail-stall", "--duration", "10s", "--ui", "none", "--out", &folder]);
    let clock = loadgen::clock::RunClock::start();
    until("an agent runs", GONE, || only_run(out.path()).is_some_and(|run| !agents(&run).is_empty()));
    let made_us = clock.now_us();
    drop(bench);
    nobody_is_left(out.path());
    made_us
}

/// True if there was a folder already. The moment is in the panic message of whatever fails.
fn killed(at_us: u64) -> bool {
    let _told_if_it_fails = Told(at_us);
    let out = place();
    let folder = out.path().display().to_string();
    let bench = start(&["run", "tail-stall", "--duration", "10s", "--ui", "none", "--out", &folder]);
    let clock = loadgen::clock::RunClock::start();
    clock.park_until(at_us);
    bench.signal(Signal::SIGKILL);
    let ended = bench.wait(GONE);
    assert_eq!(ended.code, 128 + 9, "{ended}");
    nobody_is_left(out.path());
    let Some(run) = only_run(out.path()) else { return false };
    if manifest(&run).is_none() {
        // Killed between the making of the folder and of the manifest: there is no run yet, and that is said.
        let told = tailproof(&["report", &run.display().to_string()]).expect(2);
        assert!(told.stderr.contains("run.json"), "{told}");
        return true;
    }
    is_told_as_broken_off(&run);
    if run.join("books.bin").exists() {
        books_are_sound(&run);
    }
    tailproof(&["cleanup", "--out", &folder]).expect(0);
    until("the run is closed", GONE, || manifest(&run).is_some_and(|manifest| manifest.outcome.is_some()));
    if run.join("books.bin").exists() {
        is_closed(&run);
    }
    is_told_as_broken_off(&run);
    true
}

/// A run whose bench was killed in the middle, and the folder it lies in.
fn killed_while_measuring() -> (tempfile::TempDir, std::path::PathBuf) {
    let _turn = beside();
    let out = place();
    let folder = out.path().display().to_string();
    let bench = start(&["run", "steady", "--duration", "60s", "--rate", "2k/s", "--ui", "none", "--out", &folder]);
    let begun = || only_run(out.path()).filter(|run| has_begun(run, "measure"));
    until("the run measures", GONE, || begun().is_some());
    let run = begun().unwrap();
    bench.signal(Signal::SIGKILL);
    bench.wait(GONE);
    (out, run)
}

#[test]
fn the_next_run_sweeps_up_what_a_killed_bench_left() {
    let (out, first) = killed_while_measuring();
    let _live = live();
    assert!(first.join("work").exists(), "the killed bench could not remove its work folder");
    let judged = run("steady", &["--duration", "1s", "--rate", "2k/s", "--ui", "none"], out.path());
    assert_eq!(judged.outcome.exit, 0, "{judged}");
    is_closed(&first);
    is_told_as_broken_off(&first);
}

#[test]
fn a_run_whose_bench_was_killed_before_the_books_were_begun_is_told_and_closed() {
    let (out, run) = killed_while_measuring();
    std::fs::remove_file(run.join("books.bin")).unwrap();
    is_told_as_broken_off(&run);
    tailproof(&["cleanup", "--out", &out.path().display().to_string()]).expect(0);
    assert_eq!(manifest(&run).map(|manifest| manifest.state), Some(results::run::RunState::BrokenOff));
}

/// In a container whose first process does not reap, a dead bench stays a zombie for ever.
#[test]
fn a_dead_bench_that_nobody_has_reaped_is_a_dead_bench() {
    let _turn = beside();
    let out = place();
    let folder = out.path().display().to_string();
    let bench = start(&["run", "steady", "--duration", "60s", "--rate", "2k/s", "--ui", "none", "--out", &folder]);
    let begun = || only_run(out.path()).filter(|run| has_begun(run, "measure"));
    until("the run measures", GONE, || begun().is_some());
    let run = begun().unwrap();
    bench.signal(Signal::SIGKILL);
    until("the bench is a zombie", GONE, || !lives(bench.child.id()));
    nobody_is_left(out.path());
    tailproof(&["cleanup", "--out", &folder]).expect(0);
    is_closed(&run);
}
