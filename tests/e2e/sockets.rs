//! The folder of sockets lies among the temporary files, outside of the run: it is gone after every end of a bench.

use std::{path::Path, process::Command};

use nix::sys::signal::Signal;

use crate::support::{
    Running, beside, place, program, start_command,
    traces::{has_begun, only_run},
    until,
};

/// A bench whose temporary files are in a folder of their own.
fn bench(args: &[&str], temporary: &Path) -> Running {
    let mut command = Command::new(program());
    command.args(args).env("TMPDIR", temporary);
    start_command(command, format!("tailproof {}", args.join(" ")))
}

/// A run that has begun to measure.
fn measuring(out: &Path, temporary: &Path) -> Running {
    let folder = out.display().to_string();
    let bench =
        bench(&["run", "steady", "--duration", "60s", "--rate", "500/s", "--ui", "none", "--out", &folder], temporary);
    until("the run measures", 60, || only_run(out).is_some_and(|run| has_begun(&run, "measure")));
    assert_eq!(left(temporary), 1, "a run has its sockets there");
    bench
}

fn left(temporary: &Path) -> usize {
    std::fs::read_dir(temporary).unwrap().count()
}

#[test]
fn a_run_that_is_broken_off_leaves_no_folder_of_sockets() {
    let _turn = beside();
    let (out, temporary) = (place(), place());
    let bench = measuring(out.path(), temporary.path());
    bench.signal(Signal::SIGINT);
    let ended = bench.wait(60);
    assert_eq!(ended.code, 130, "{ended}");
    assert_eq!(left(temporary.path()), 0);
}

#[test]
fn the_folder_of_sockets_of_a_killed_bench_is_swept_and_that_of_a_living_one_is_not() {
    let _turn = beside();
    let (out, other, temporary) = (place(), place(), place());
    let killed = measuring(out.path(), temporary.path());
    killed.signal(Signal::SIGKILL);
    killed.wait(60);
    assert_eq!(left(temporary.path()), 1, "a killed bench cannot tidy up");
    let folder = other.path().display().to_string();
    let living = bench(
        &["run", "steady", "--duration", "60s", "--rate", "500/s", "--ui", "none", "--out", &folder],
        temporary.path(),
    );
    until("the next run measures", 60, || only_run(other.path()).is_some_and(|run| has_begun(&run, "measure")));
    assert_eq!(left(temporary.path()), 1, "that of the killed one is gone, its own is there");
    let told = bench(&["cleanup", "--out", &folder], temporary.path()).wait(60).expect(0);
    assert!(told.stdout.contains("0 folder(s) of sockets"), "{told}");
    assert_eq!(left(temporary.path()), 1, "the living bench keeps its own");
    living.signal(Signal::SIGINT);
    assert_eq!(living.wait(60).code, 130);
    assert_eq!(left(temporary.path()), 0);
}
