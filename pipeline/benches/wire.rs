//! Records per second over the wire: messages of the forward protocol written and read, syslog messages parsed.

use std::{hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pipeline::{
    event::{Event, json},
    parse::{
        parser::{Parser, Parsers},
        time::Time,
    },
    wire::{
        forward::{self, Mode, Options},
        inflate::Limits,
    },
};

const RECORDS: u64 = 1_000;
const RECORD: &[u8] = br#"{"log":"10.0.0.7 - - [21/Nov/2026:05:50:01 +0000] \"GET /api/v1/items/184467 HTTP/1.1\" 200 5120 \"-\" \"Mozilla/5.0 (X11; Linux x86_64)\"","stream":"stdout","kubernetes":{"pod_name":"web-7d4b9c6f5-x2x9p","namespace_name":"shop","container_name":"nginx"},"took":0.012}"#;
const OLD: &[u8] =
    b"<190>Nov 21 05:50:01 web-7d4b9c6f5-x2x9p nginx[17]: GET /api/v1/items/184467 200 5120 0.012 Mozilla/5.0";
const NEW: &[u8] =
    b"<165>1 2026-11-21T05:50:01.123456Z web-7d4b9c6f5-x2x9p nginx 17 ID47 [meta@1 seq=\"5\"] GET /api/v1/items/184467 200";

fn bench(criterion: &mut Criterion) {
    let time = Time { seconds: 1_795_240_201, nanos: 5 };
    let events: Vec<_> =
        (0..RECORDS).map(|_| Event::new(time, json::object(RECORD).expect("it is an object"))).collect();
    let mut group = criterion.benchmark_group("wire");
    group.throughput(Throughput::Elements(RECORDS));
    for mode in [Mode::Forward, Mode::Packed, Mode::Compressed] {
        let mut out = Vec::new();
        group.bench_function(format!("forward encode {mode:?}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                forward::encode(mode, b"kube.web", &events, &Options::default(), &mut out);
                black_box(out.len())
            });
        });
        group.bench_function(format!("forward decode {mode:?}"), |bencher| {
            bencher.iter(|| black_box(forward::decode(&out, &Limits::default()).expect("it is a message")));
        });
    }
    let parsers = Parsers::built_in();
    for (name, text) in [("syslog-rfc3164", OLD), ("syslog-rfc5424", NEW)] {
        let mut parser = Parser::new(Arc::clone(parsers.get(name).expect("it is built in")));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                for _ in 0..RECORDS {
                    black_box(parser.parse(text, time).expect("it follows the format"));
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
