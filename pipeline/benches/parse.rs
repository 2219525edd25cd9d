//! Records per second through the parser and the encoder: CRI and Docker lines of 300 bytes with a JSON text, into
//! the body of a request.

use std::{hint::black_box, path::Path, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pipeline::{
    chunk::{Chunk, Source, SourceId},
    config::{Config, plan::DateFormat, plan::RecordFormat},
    output::encode::{Encoder, Layout},
    parse::{Batch, Now, Parser},
};

const RECORDS: u64 = 1_000;
const TEXT: &str = r#"{"time":"2026-11-21T05:50:01+00:00","remote":"10.0.0.7","method":"GET","uri":"/api/v1/items/184467","status":200,"bytes":5120,"agent":"Mozilla/5.0 (X11; Linux x86_64)","upstream":"10.1.2.3:8080","took":0.012,"id":"tp1-5eed0017-0003-00000012d687-00001e8480-00012c07-9f3a61c2"}"#;

fn parser(framing: &str) -> Parser {
    let text = format!("[INPUT]\nName tail\nPath /a\nmultiline.parser {framing}\n[OUTPUT]\nName null\nMatch *\n");
    let plan = Config::parse(Path::new("bench"), &text, &|_| None).expect("valid").plan().expect("valid");
    Parser::new(0, plan.inputs[0].tail().expect("the input tails"))
}

fn chunk(source: &Arc<Source>, framing: &str) -> Chunk {
    let line = if framing == "cri" {
        format!("2026-11-21T05:50:01.123456789Z stdout F {TEXT}\n")
    } else {
        let log = serde_json::to_string(&format!("{TEXT}\n")).expect("text is JSON");
        format!("{{\"log\":{log},\"stream\":\"stdout\",\"time\":\"2026-11-21T05:50:01.123456789Z\"}}\n")
    };
    Chunk { source: Arc::clone(source), offset: 0, bytes: line.repeat(RECORDS as usize).into_bytes() }
}

fn bench(criterion: &mut Criterion) {
    let source =
        Arc::new(Source { id: SourceId(1), path: "/var/log/a.log".into(), tag: "t".into(), lineage: 1, base: 0 });
    let now = Now { unix_ns: 0, mono_ms: 0 };
    let mut group = criterion.benchmark_group("records");
    group.throughput(Throughput::Elements(RECORDS));
    for framing in ["cri", "docker"] {
        let mut parser = parser(framing);
        let mut parse = |chunk: Chunk| -> Vec<Batch> {
            let mut out = Vec::with_capacity(1);
            parser.parse(chunk, now, &mut out);
            out
        };
        let batches = parse(chunk(&source, framing));
        group.bench_function(format!("parse {framing}"), |bencher| {
            bencher.iter_batched(|| chunk(&source, framing), &mut parse, criterion::BatchSize::LargeInput);
        });
        let format = RecordFormat { date_key: Some("date".into()), date: DateFormat::Double };
        let mut encoder = Encoder::new(format, Layout::Lines);
        let mut body = Vec::new();
        group.bench_function(format!("encode {framing}"), |bencher| {
            bencher.iter(|| {
                body.clear();
                for batch in &batches {
                    encoder.batch(batch, 0..batch.records.len(), &mut body);
                }
                black_box(body.len())
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
