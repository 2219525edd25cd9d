//! Requests per CPU-second of the HTTP load driver against a server that is there, every request in the books.
//!
//! ```text
//! cargo run --release -p tailproof-loadgen --example drive -- 127.0.0.1:8080 [connections 64] [threads 2] [seconds 5]
//! ```
//! CPU is that of this process (user and system), which is the driver alone; wrk and others are measured the same way
//! by `time`. The books go to a file below the target folder, as in a run.

use std::{io::ErrorKind, net::SocketAddr, time::Duration};

use loadgen::{
    clock::RunClock,
    drive::{DrivePlan, Driver, Told},
    pace::Pace,
    payload::{Body, Size},
    write::{LoadPlan, StreamPlan},
};
use nix::sys::resource::{UsageWho, getrusage};
use results::{
    identity::StreamId,
    ledger::{Ledger, LedgerPlan},
};

/// As in the command itself.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[expect(clippy::print_stdout, reason = "an example speaks to whoever started it")]
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize, usual: u64| args.get(at).map_or(usual, |text| text.parse().expect("a number"));
    let to: SocketAddr = args.first().expect("give the server's address").parse().expect("an address and a port");
    let (connections, threads, seconds) = (number(1, 64), number(2, 2), number(3, 5));
    let stream = |at| StreamPlan { body: Body::Request, size: Size::Fixed(140), ..StreamPlan::new(&format!("c{at}")) };
    let streams: Vec<StreamPlan> = (0..connections).map(stream).collect();
    let load = LoadPlan { run: 1, seed: 1, pace: Pace::AllOut, root: ".".into(), streams, threads: 1 };
    let dir = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/drive");
    std::fs::create_dir_all(&dir).expect("a folder for the books");
    let names = load.streams.iter().map(|stream| stream.name.clone()).collect();
    let books = dir.join("books.bin");
    // Books are never written over; those of the last measurement are nobody's.
    std::fs::remove_file(&books)
        .or_else(|e| if e.kind() == ErrorKind::NotFound { Ok(()) } else { Err(e) })
        .expect("room for the books");
    let ledger = Ledger::create(LedgerPlan {
        run: 1,
        streams: names,
        books: Some(books),
        settle_us: 0,
        ..LedgerPlan::default()
    });
    let ledger = ledger.expect("books on disk");
    let plan = DrivePlan {
        threads: threads as usize,
        told: Told::ByAnswer,
        ..DrivePlan::new(to, (0..connections as u16).map(StreamId).collect())
    };
    let (clock, before) = (RunClock::start(), cpu());
    let driver = Driver::start(&plan, &load, ledger.clone(), clock).expect("started");
    while clock.now_us() < seconds * 1_000_000 {
        clock.park_until(clock.now_us() + 250_000);
        ledger.flush().expect("books on disk");
    }
    let report = driver.stop();
    let (wall, cpu) = (clock.now_us() as f64 / 1e6, cpu().saturating_sub(before).as_secs_f64());
    let (totals, counters) = (ledger.totals(), report.counters);
    assert_eq!(totals.written + totals.source_lost, counters.asked, "every request is in the books");
    println!(
        "{} requests, {} answered, {} not 2xx, {} lost at the source\n{:.0} requests/s, {:.0} requests per CPU-s\n{:?}",
        counters.asked,
        counters.answered,
        counters.not_ok,
        totals.source_lost,
        counters.answered as f64 / wall,
        counters.answered as f64 / cpu,
        report.answers
    );
}

fn cpu() -> Duration {
    let usage = getrusage(UsageWho::RUSAGE_SELF).expect("the kernel tells");
    let of = |time: nix::sys::time::TimeVal| Duration::from_micros((time.tv_sec() * 1_000_000 + time.tv_usec()) as u64);
    of(usage.user_time()) + of(usage.system_time())
}
