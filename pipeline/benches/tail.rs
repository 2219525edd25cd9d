//! How fast the tailer alone takes a file out of the page cache: 256 MiB of 300-byte lines, records per CPU-second.
//!
//! `cargo bench -p tailproof-pipeline --bench tail`
#![expect(clippy::print_stdout, reason = "a bench prints what it measured")]

use std::{fs::File, io::Write as _, path::Path};

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};
use pipeline::{
    chunk::Ack,
    input::tail::{Step, TailPlan, Tailer},
    os::LinuxDisk,
};

const SIZE: usize = 256 << 20;
const LINE: usize = 300;
const RUNS: usize = 5;

fn main() {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tmp");
    std::fs::create_dir_all(&target).expect("the target folder can be made");
    let dir = tempfile::tempdir_in(target).expect("a folder in target can be made");
    let path = dir.path().join("bench.log");
    let mut line = vec![b'x'; LINE];
    line[LINE - 1] = b'\n';
    let block = line.repeat(1 << 12);
    let mut file = File::create(&path).expect("a file in target can be made");
    (0..SIZE / block.len()).for_each(|_| file.write_all(&block).expect("the disk has room"));
    let mut rates: Vec<f64> = (0..RUNS).map(|_| run(&path)).collect();
    rates.sort_by(f64::total_cmp);
    println!("tail: {:.2} M records per CPU-second (median of {RUNS}; {rates:.2?})", rates[RUNS / 2]);
}

/// Millions of records per CPU-second.
fn run(path: &Path) -> f64 {
    let mut disk = LinuxDisk::new();
    let path = std::fs::canonicalize(path).expect("the file is there");
    let mut tailer = Tailer::new(TailPlan::new(vec![path.display().to_string()]), Vec::new(), None);
    let wanted = std::fs::metadata(&path).expect("the file is there").len();
    let (before, mut taken) = (cpu_us(), 0);
    while taken < wanted {
        if let Step::Chunk(chunk) = tailer.step(&mut disk, 1, usize::MAX) {
            taken = chunk.end();
            tailer.acked(&[Ack { source: chunk.source.id, end: taken }]);
            tailer.recycle(chunk.bytes);
        }
    }
    (wanted as f64 / LINE as f64) / (cpu_us() - before) as f64
}

fn cpu_us() -> i64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("getrusage of oneself does not fail");
    usage.user_time().num_microseconds() + usage.system_time().num_microseconds()
}
