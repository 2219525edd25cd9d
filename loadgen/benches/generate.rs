//! How fast lines are rendered in memory, and with one write(2) each: the generator's side of G1 and G2.

use std::{fs::OpenOptions, hint::black_box, io::Write, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use loadgen::{
    frame::Framing,
    payload::{Body, Payload, Pool, Size},
    write::block::{Block, Dress},
};
use results::{identity::StreamId, ledger::OutputRule};

const TIME: &[u8; 30] = b"2026-11-21T05:48:09.123456781Z";

fn generate(criterion: &mut Criterion) {
    let payload = Payload::new(1, StreamId(0), Arc::new(Pool::new(1, Body::AppText, Size::Fixed(300))));
    let round = payload.pool().len() as u64;
    let dress = Dress { time: TIME, output: OutputRule::Stdout };
    let mut group = criterion.benchmark_group("generate");
    group.throughput(Throughput::Elements(round));
    for framing in [Framing::Plain, Framing::Cri, Framing::Docker] {
        let mut block = Block::new(payload.pool(), framing);
        let mut seq = round - payload_slot(&payload, &block, round);
        group.bench_function(format!("render {framing:?}"), |bench| {
            bench.iter(|| {
                let lines = block.render(&payload, seq..seq + round, dress, |_| seq);
                seq += round;
                black_box(lines.bytes());
            });
        });
    }
    let path = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("generate.log");
    let mut file = OpenOptions::new().create(true).append(true).open(&path).expect("a file");
    let line = vec![b'x'; 301];
    group.bench_function("bare write a line", |bench| {
        file.set_len(0).expect("emptied");
        bench.iter(|| (0..round).for_each(|_| file.write_all(&line).expect("written")));
    });
    let mut block = Block::new(payload.pool(), Framing::Plain);
    let mut seq = round - payload_slot(&payload, &block, round);
    group.bench_function("render and write a line", |bench| {
        file.set_len(0).expect("emptied");
        bench.iter(|| {
            let lines = block.render(&payload, seq..seq + round, dress, |_| seq);
            lines.iter().for_each(|line| file.write_all(line).expect("written"));
            seq += round;
        });
    });
    drop(std::fs::remove_file(path));
    group.finish();
}

/// How far record 0 lies from the head of the block.
fn payload_slot(payload: &Payload, block: &Block, round: u64) -> u64 {
    round - block.reach(payload, 0, round, u64::MAX >> 1)
}

criterion_group!(benches, generate);
criterion_main!(benches);
