//! What the bench itself costs, per CPU-second (getrusage), against bare loops on the same machine, back to back.
//!
//! `cargo run --release -p tailproof-loadgen --example measure [FOLDER]` prints the median of five rounds each.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    reason = "a measuring program prints, and ends on the first error"
)]

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::Arc,
};

use flate2::{Compression, write::GzEncoder};
use loadgen::{
    clock::RunClock,
    frame::Framing,
    pace::{Pace, Schedule},
    payload::{Body, Payload, Payloads, Pool, Size},
    receive::{Format, Keys, decode::Decoder},
    write::block::{Block, Dress},
};
use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};
use results::{
    identity::StreamId,
    ledger::{Ledger, LedgerPlan, OutputRule},
};

const RUN: u32 = 7;
const ROUNDS: usize = 5;

fn cpu_s() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    (usage.user_time() + usage.system_time()).num_microseconds() as f64 * 1e-6
}

/// Units of work per CPU-second: the median of some rounds.
fn median(mut work: impl FnMut() -> f64) -> f64 {
    let mut rates: Vec<f64> = (0..ROUNDS)
        .map(|_| {
            let before = cpu_s();
            let done = work();
            done / (cpu_s() - before)
        })
        .collect();
    rates.sort_by(f64::total_cmp);
    rates[ROUNDS / 2]
}

fn payload(body: Body) -> Payload {
    Payload::new(RUN, StreamId(0), Arc::new(Pool::new(1, body, Size::Fixed(300))))
}

fn fresh(path: &Path) -> File {
    drop(std::fs::remove_file(path));
    OpenOptions::new().create(true).append(true).open(path).unwrap()
}

const TIME: &[u8; 30] = b"2026-11-21T05:48:09.123456781Z";

/// Renders `total` records and hands on what lies side by side.
fn generate(total: u64, most_bytes: u64, framing: Framing, ledger: Option<&Ledger>, mut out: impl FnMut(&[u8])) -> u64 {
    let payload = payload(Body::AppText);
    let mut block = Block::new(payload.pool(), framing);
    let dress = Dress { time: TIME, output: OutputRule::Stdout };
    let (mut seq, mut bytes) = (0, 0);
    while seq < total {
        let end = seq + block.reach(&payload, seq, total - seq, most_bytes);
        if let Some(ledger) = ledger {
            ledger.sent(StreamId(0), end);
        }
        let lines = block.render(&payload, seq..end, dress, |_| seq);
        out(lines.bytes());
        bytes += lines.bytes().len() as u64;
        if let Some(ledger) = ledger {
            ledger.written(StreamId(0), end, lines.bytes().len() as u64);
        }
        seq = end;
    }
    bytes
}

fn batches(folder: &Path) {
    let path = folder.join("measure.log");
    let records = 4_000_000;
    let bare = median(|| {
        let chunk = vec![b'x'; 1 << 20];
        let mut file = fresh(&path);
        (0..1_200).for_each(|_| file.write_all(&chunk).unwrap());
        1_200.0 * chunk.len() as f64 * 1e-9
    });
    let ledger = ledger();
    let ours = median(|| {
        let mut file = fresh(&path);
        generate(records, 1 << 20, Framing::Plain, Some(&ledger), |lines| file.write_all(lines).unwrap()) as f64 * 1e-9
    });
    let memory = median(|| {
        generate(4 * records, 1 << 20, Framing::Plain, None, |lines| {
            std::hint::black_box(lines);
        }) as f64
            * 1e-9
    });
    let cri = median(|| {
        generate(4 * records, 1 << 20, Framing::Cri, None, |lines| {
            std::hint::black_box(lines);
        }) as f64
            * 1e-9
    });
    println!(
        "G1 1 MiB writes: bare {bare:.2} GB/CPU-s, generator {ours:.2} ({:.0} %); rendering alone {memory:.1} plain, {cri:.1} cri",
        100.0 * ours / bare
    );
    drop(std::fs::remove_file(path));
}

fn lines(folder: &Path) {
    let path = folder.join("measure.log");
    let records = 1_000_000;
    let bare = || {
        let line = vec![b'x'; 301];
        let mut file = fresh(&path);
        (0..records).for_each(|_| file.write_all(&line).unwrap());
        records as f64 * 1e-6
    };
    let ledger = ledger();
    let payload = payload(Body::AppText);
    let ours = || {
        let mut file = fresh(&path);
        let mut block = Block::new(payload.pool(), Framing::Plain);
        let mut seq = 0;
        while seq < records {
            let end = seq + block.reach(&payload, seq, 256.min(records - seq), u64::MAX >> 1);
            ledger.sent(StreamId(0), end);
            let dress = Dress { time: TIME, output: OutputRule::Stdout };
            let lines = block.render(&payload, seq..end, dress, |_| seq);
            lines.iter().for_each(|line| file.write_all(line).unwrap());
            ledger.written(StreamId(0), end, lines.bytes().len() as u64);
            seq = end;
        }
        records as f64 * 1e-6
    };
    // Turn about, because the machine's speed wanders more than the difference.
    let mut ratios = Vec::new();
    let (mut bares, mut mine) = (Vec::new(), Vec::new());
    for _ in 0..=2 * ROUNDS {
        let times = [
            cpu_s(),
            {
                bare();
                cpu_s()
            },
            {
                ours();
                cpu_s()
            },
        ];
        bares.push(records as f64 * 1e-6 / (times[1] - times[0]));
        mine.push(records as f64 * 1e-6 / (times[2] - times[1]));
        ratios.push((times[1] - times[0]) / (times[2] - times[1]));
    }
    for list in [&mut ratios, &mut bares, &mut mine] {
        list.sort_by(f64::total_cmp);
    }
    println!(
        "G2 a write a line: bare {:.2} M/CPU-s, generator {:.2}; {:.0} % (median of ratios)",
        bares[ROUNDS],
        mine[ROUNDS],
        100.0 * ratios[ROUNDS]
    );
    drop(std::fs::remove_file(path));
}

/// How long the due time of a record takes: each by itself, and one after the other as the writers ask.
fn due_times() {
    let records = 500_000;
    let burst = Pace::Burst { base: 50_000.0, peak: 1e6, every_us: 1_000_000, length_us: 200_000 };
    for (name, pace) in [("steady", Pace::Steady { per_s: 300_000.0 }), ("burst", burst)] {
        let schedule = Schedule::new(pace, 0.7);
        let each = median(|| {
            std::hint::black_box((0..records).filter_map(|n| schedule.when(n)).fold(0, |sum, at| sum ^ at));
            records as f64 * 1e-9
        });
        let in_turn = median(|| {
            let mut times = schedule.times();
            std::hint::black_box((0..records).filter_map(|n| times.when(n)).fold(0, |sum, at| sum ^ at));
            records as f64 * 1e-9
        });
        println!("due time, {name}: {:.0} ns each by itself, {:.0} ns in turn", 1.0 / each, 1.0 / in_turn);
    }
}

fn ledger() -> Arc<Ledger> {
    let ledger = Ledger::create(LedgerPlan {
        run: RUN,
        streams: vec!["s".into()],
        books: None,
        settle_us: 0,
        ..LedgerPlan::default()
    })
    .unwrap();
    ledger.sent(StreamId(0), 1 << 40);
    ledger
}

/// Decodes and books a body of `records` records again and again; M records per CPU-second.
fn receive(records: u64, prepare: impl Fn(&[u8]) -> Vec<u8>, unpack: bool, body: Body) -> f64 {
    let payload = payload(body);
    let wire: Vec<Vec<u8>> = (0..8)
        .map(|part| {
            let texts = (part * records..(part + 1) * records).flat_map(|seq| prepare(&payload.expected(seq, 3 * seq)));
            let body: Vec<u8> = texts.collect();
            if !unpack {
                return body;
            }
            let mut gzip = GzEncoder::new(Vec::new(), Compression::new(6));
            gzip.write_all(&body).unwrap();
            gzip.finish().unwrap()
        })
        .collect();
    let payloads = Arc::new(Payloads::new(RUN, 1, [(body, Size::Fixed(300))]));
    median(|| {
        let ledger = ledger();
        let mut intake = ledger.intake();
        let mut decoder = Decoder::new(Format::Auto, Keys::default(), Some(Arc::clone(&payloads)));
        let mut unpacked = Vec::new();
        let mut count = 0u64;
        for _ in 0..12 {
            for body in &wire {
                intake.begin(3 * 8 * records);
                let body = if unpack { loadgen::receive::unpack_gzip(body, &mut unpacked).unwrap() } else { body };
                decoder.decode(body, &mut |record, seen| {
                    count += 1;
                    record.book(seen, &mut intake);
                });
                ledger.answered(intake.end(), 3 * 8 * records);
            }
        }
        assert_eq!((count, ledger.totals().corrupted), (8 * 12 * records, 0));
        count as f64 * 1e-6
    })
}

fn main() {
    let clock = RunClock::start();
    let folder = std::env::args().nth(1).map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    batches(&folder);
    lines(&folder);
    due_times();
    let object = |text: &[u8]| {
        let text = std::str::from_utf8(text).unwrap();
        (serde_json::json!({"date": 1.5, "log": text, "file": "/var/log/containers/a.log", "stream": "stdout"})
            .to_string()
            + "\n")
            .into_bytes()
    };
    let raw = |text: &[u8]| [text, b"\n"].concat();
    let n = 20_000;
    println!("G4 raw lines {:.1} M rec/CPU-s", receive(n, raw, false, Body::AppText));
    println!(
        "G4 JSON lines {:.1} M (app_text), {:.1} M (nginx_json: 40 escapes a record)",
        receive(n, object, false, Body::AppText),
        receive(n, object, false, Body::NginxJson)
    );
    println!(
        "G4 gzip raw {:.1} M, gzip JSON lines {:.1} M",
        receive(n, raw, true, Body::AppText),
        receive(n, object, true, Body::AppText)
    );
    println!("took {:.1} s", clock.now_us() as f64 * 1e-6);
}
