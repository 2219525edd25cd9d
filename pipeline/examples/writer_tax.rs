//! What being tailed costs the writer: its CPU time for a write of 300 bytes, alone and with the tailer at its heels.
//!
//! `cargo run --release -p tailproof-pipeline --example writer_tax`
#![expect(clippy::print_stdout, reason = "a measurement prints its result")]

use std::{
    fs::File,
    io::Write as _,
    os::fd::AsFd as _,
    path::Path,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    time::{ClockId, clock_gettime},
};
use pipeline::{
    input::tail::{Step, TailPlan, Tailer},
    os::LinuxDisk,
};

const RUNS: usize = 7;
const WRITES: usize = 400_000;
/// Lines a millisecond when paced.
const PACE: usize = 50;

fn main() {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tmp");
    std::fs::create_dir_all(&target).expect("the target folder can be made");
    let dir = tempfile::tempdir_in(target).expect("a folder in target can be made");
    let dir = std::fs::canonicalize(dir.path()).expect("the folder is there");
    for (name, paced) in [("unpaced", false), ("paced", true)] {
        let (mut alone, mut tailed, mut reader) = (Vec::new(), Vec::new(), Vec::new());
        for run in 0..RUNS {
            let path = dir.join(format!("{name}-{run}.log"));
            alone.push(write(&path, paced));
            std::fs::remove_file(&path).expect("the file is there");
            File::create(&path).expect("the disk has room");
            let over = AtomicBool::new(false);
            std::thread::scope(|scope| {
                let tail = scope.spawn(|| follow(&path, &over));
                tailed.push(write(&path, paced));
                over.store(true, Ordering::Relaxed);
                reader.push(tail.join().expect("the tailer does not panic"));
            });
            std::fs::remove_file(&path).expect("the file is there");
        }
        let (alone, tailed, reader) = (median(alone), median(tailed), median(reader));
        println!(
            "{name}: {alone:.3} us a write alone, {tailed:.3} us tailed: tax {:.3}x; the tailer used {reader:.3} us a write",
            tailed / alone
        );
    }
}

/// Microseconds of this thread's CPU time a write.
fn write(path: &Path, paced: bool) -> f64 {
    let mut file = File::options().append(true).create(true).open(path).expect("the disk has room");
    let mut line = [b'x'; 300];
    line[299] = b'\n';
    let (start, mut used, writes) = (now(), 0.0, if paced { WRITES / 4 } else { WRITES });
    for burst in 0..writes / PACE {
        let before = thread_cpu_us();
        (0..PACE).for_each(|_| file.write_all(&line).expect("the disk has room"));
        used += thread_cpu_us() - before;
        if paced {
            pause_until(start + Duration::from_millis(burst as u64 + 1));
        }
    }
    used / writes as f64
}

/// Tails until told that it is over; microseconds of CPU time for each line.
fn follow(path: &Path, over: &AtomicBool) -> f64 {
    let mut disk = LinuxDisk::new();
    let mut tailer = Tailer::new(TailPlan::new(vec![path.display().to_string()]), Vec::new(), None);
    let (start, before) = (now(), thread_cpu_us());
    while !over.load(Ordering::Relaxed) {
        let now_ms = start.elapsed().as_millis() as u64;
        match tailer.step(&mut disk, now_ms, usize::MAX) {
            Step::Again => {}
            Step::Chunk(chunk) => tailer.recycle(chunk.bytes),
            Step::Idle { until_ms } => {
                let wait = until_ms.unwrap_or(now_ms + 100).saturating_sub(now_ms).clamp(1, 100);
                let events = disk.event_fd().expect("this machine has inotify");
                let mut fds = [PollFd::new(events.as_fd(), PollFlags::POLLIN)];
                let _ = poll(&mut fds, PollTimeout::from(wait as u16));
            }
        }
    }
    let lines = std::fs::metadata(path).expect("the file is there").len() as f64 / 300.0;
    (thread_cpu_us() - before) / lines
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Microseconds; the scheduler's own count, because the one in getrusage is sampled by ticks.
fn thread_cpu_us() -> f64 {
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("every Linux has this clock");
    time.tv_sec() as f64 * 1e6 + time.tv_nsec() as f64 / 1e3
}

#[expect(clippy::disallowed_methods, reason = "a measurement of the real machine reads the real clock")]
fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "the pace of a measured writer is real time")]
fn pause_until(at: Instant) {
    std::thread::sleep(at.saturating_duration_since(now()));
}
