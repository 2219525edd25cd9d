//! How fast records are verified and booked, and what the books weigh.
//!
//! `cargo bench -p tailproof-results --bench judge`. One iteration of `intake` books 65,536 records of 300 bytes, each a
//! first arrival, in batches of 4,096.

use std::{hint::black_box, sync::Arc, time::Duration};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use results::{
    bitmap::Bitmap,
    identity::{self, RecordId, STAMP_LEN, Stamp, StreamId},
    ledger::{Ledger, LedgerPlan, Seen},
};

const RECORDS: u64 = 1 << 16;
const TEXT_LEN: usize = 300;

fn texts() -> Vec<u8> {
    let mut all = Vec::new();
    for seq in 0..RECORDS {
        let id = RecordId { stream: StreamId(0), seq };
        let stamp = Stamp { run: 7, id, due_us: seq, text_len: TEXT_LEN as u32, at: 0 };
        let mut text = vec![b'a' + (seq % 26) as u8; TEXT_LEN];
        stamp.encode(text.first_chunk_mut::<STAMP_LEN>().expect("longer than a stamp"));
        identity::seal(&mut text, 0);
        all.extend_from_slice(&text);
    }
    all
}

fn ledger() -> Arc<Ledger> {
    let plan =
        LedgerPlan { run: 7, streams: vec!["app".to_owned()], books: None, settle_us: 0, ..LedgerPlan::default() };
    let ledger = Ledger::create(plan).expect("one stream, no file");
    ledger.reserve(StreamId(0), RECORDS).expect("no file");
    ledger.sent(StreamId(0), RECORDS);
    ledger.written(StreamId(0), RECORDS, 0);
    ledger
}

fn intake(c: &mut Criterion) {
    let all = texts();
    let mut group = c.benchmark_group("judge");
    group.throughput(Throughput::Elements(RECORDS)).sample_size(20).measurement_time(Duration::from_secs(3));
    group.bench_function("decode", |b| {
        b.iter(|| all.chunks_exact(TEXT_LEN).filter(|text| Stamp::decode(black_box(text)).is_ok()).count());
    });
    group.bench_function("check", |b| {
        b.iter(|| all.chunks_exact(TEXT_LEN).fold(0, |sum, text| sum ^ identity::check(black_box(text), 0)));
    });
    for (name, path) in [("intake", None), ("intake with a path label", Some(b"logs/app.log".as_slice()))] {
        group.bench_function(name, |b| {
            b.iter_batched(
                ledger,
                |ledger| {
                    let mut intake = ledger.intake();
                    for chunk in all.chunks(TEXT_LEN * 4096) {
                        intake.begin(1);
                        for text in chunk.chunks_exact(TEXT_LEN) {
                            intake.record(text, Seen { path, output: None });
                        }
                        let batch = intake.end();
                        ledger.answered(batch, 2);
                    }
                    ledger
                },
                BatchSize::LargeInput,
            );
        });
    }
    group.finish();
}

/// Every second of 10⁸ records, so that no page is ever full: the most the bits can weigh.
fn memory(c: &mut Criterion) {
    let mut group = c.benchmark_group("books");
    group.throughput(Throughput::Elements(1 << 20)).sample_size(10).measurement_time(Duration::from_secs(2));
    group.bench_function("every second record", |b| {
        b.iter(|| {
            let mut map = Bitmap::default();
            for seq in (0..1u64 << 21).step_by(2) {
                map.insert(seq..seq + 1, |_| ());
            }
            map.memory_bytes()
        });
    });
    group.finish();
}

criterion_group!(benches, intake, memory);
criterion_main!(benches);
