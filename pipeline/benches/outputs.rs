//! What outputs and the disk buffer cost per record: bulk bodies, forward chunks, segments.

use std::{hint::black_box, path::Path, sync::Arc, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pipeline::{
    buffer::{Buffer, Lane},
    chunk::{Chunk, Source, SourceId},
    config::Config,
    output,
    parse::{Batch, Now, Parser},
};

const RECORDS: u64 = 1_000;

/// 1,000 lines of 300 bytes in the format of the container runtime.
fn lines() -> Batch {
    let text = "[INPUT]\nName tail\nPath /a\nmultiline.parser cri\n[OUTPUT]\nName null\nMatch *\n";
    let plan = Config::parse(Path::new("x"), text, &|_| None).expect("it is right").plan().expect("it is right");
    let source = Arc::new(Source { id: SourceId(1), path: "/a".into(), tag: "t".into(), lineage: 1, base: 1 << 64 });
    let body = "x".repeat(250);
    let line = |n: u64| format!("2026-11-21T05:50:01.123456789Z stdout F {n:08} {body}\n");
    let bytes = (0..RECORDS).flat_map(|n| line(n).into_bytes()).collect();
    let (chunk, mut out) = (Chunk { source, offset: 0, bytes }, Vec::new());
    Parser::new(0, plan.inputs[0].tail().expect("it tails")).parse(chunk, Now { unix_ns: 1, mono_ms: 1 }, &mut out);
    out.remove(0)
}

fn bodies(c: &mut Criterion) {
    let mut group = c.benchmark_group("output");
    group.throughput(Throughput::Elements(RECORDS)).measurement_time(Duration::from_secs(2)).sample_size(20);
    let batch = Arc::new(lines());
    for (name, keys) in [("es bulk", "Name es\nGenerate_ID on"), ("forward chunk", "Name forward")] {
        let mut render = output::renderer(&plan(keys));
        group.bench_function(name, |bencher| bencher.iter(|| black_box(render(&batch))));
    }
    group.finish();
}

fn plan(keys: &str) -> output::plan::OutputPlan {
    let text = format!("[INPUT]\nName tail\nPath /a\n[OUTPUT]\nMatch *\n{keys}\n");
    let plan = Config::parse(Path::new("x"), &text, &|_| None).expect("it is right").plan().expect("it is right");
    plan.outputs.into_iter().next().expect("there is one")
}

fn disk(c: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tests");
    std::fs::create_dir_all(&folder).expect("the folder can be made");
    let folder = tempfile::tempdir_in(folder).expect("the folder can be made");
    let text = format!(
        "[SERVICE]\nstorage.path {}\n[INPUT]\nName tail\nPath /a\nstorage.type filesystem\n[OUTPUT]\nName null\nMatch *\n",
        folder.path().display()
    );
    let plan = Config::parse(Path::new("x"), &text, &|_| None).expect("it is right").plan().expect("it is right");
    let buffer = Buffer::new(vec![24 << 20], vec!["*".into()]).expect("the system has descriptors");
    let buffer = buffer.kept(&plan, 1).expect("the folder is free");
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().expect("the system has descriptors");
    let mut group = c.benchmark_group("buffer");
    group.throughput(Throughput::Elements(RECORDS)).measurement_time(Duration::from_secs(2)).sample_size(20);
    group.bench_function("stored and taken", |bencher| {
        bencher.iter_batched(
            lines,
            |batch| {
                buffer.push(batch);
                let batches = runtime.block_on(buffer.next(Lane(0), 1 << 20, Duration::ZERO)).expect("it is there");
                buffer.taken(Lane(0), batches.len());
            },
            criterion::BatchSize::LargeInput,
        );
    });
    group.finish();
}

criterion_group!(benches, bodies, disk);
criterion_main!(benches);
