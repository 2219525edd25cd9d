//! Records per second through parsers and filters: nginx combined by regular expression, JSON, the kubernetes filter
//! with a pod that it knows, a Lua function that adds a field.

use std::{hint::black_box, path::Path, sync::Arc, time::Duration};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use pipeline::{
    buffer::{Buffer, Lane},
    chunk::{Source, SourceId},
    config::Config,
    event::{Event, Fields, Value},
    filter::Chain,
    parse::{
        Batch,
        parser::{Parser, Parsers},
        time::Time,
    },
};

const RECORDS: usize = 1_000;
const NOW: Time = Time { seconds: 1_795_240_000, nanos: 0 };
const COMBINED: &str = concat!(
    r#"10.0.0.7 - alice [21/Nov/2026:05:50:01 +0000] "GET /api/v1/items/184467?page=2&size=50 HTTP/1.1" 200 5120 "#,
    r#""https://shop.example/catalogue/winter/boots?sort=price" "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101""#,
);
const JSON: &str = r#"{"remote":"10.0.0.7","method":"GET","uri":"/api/v1/items/184467","status":200,"bytes":5120,"agent":"Mozilla/5.0 (X11; Linux x86_64)","upstream":"10.1.2.3:8080","took":0.012,"id":"tp1-5eed0017-0003-00000012d687-00001e8480-00012c07-9f3a61c2"}"#;
const TAG: &str = "kube.var.log.pods.shop_web-1_6a1d.nginx.0.log";

fn parsers(c: &mut Criterion) {
    let mut group = c.benchmark_group("parser");
    for (name, text) in [("nginx", COMBINED), ("json", JSON)] {
        let mut parser = Parser::new(Arc::clone(Parsers::built_in().get(name).expect("it is built in")));
        group.throughput(Throughput::Elements(RECORDS as u64));
        group.bench_function(name, |b| {
            b.iter(|| {
                for _ in 0..RECORDS {
                    black_box(parser.parse(black_box(text.as_bytes()), NOW).expect("it follows the format"));
                }
            });
        });
    }
}

fn batch(text: &str) -> Batch {
    let source = Source { id: SourceId(0), path: Path::new("").to_owned(), tag: TAG.into(), lineage: 0, base: 0 };
    let mut fields = Fields::default();
    fields.push("time", Value::text("2026-11-21T05:50:01.123456789Z"));
    fields.push("stream", Value::text("stdout"));
    fields.push("log", Value::text(text));
    Batch::of_events(0, TAG.into(), Arc::new(source), vec![Event::new(NOW, fields); RECORDS])
}

fn filters(c: &mut Criterion) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let pod = r#"{"metadata":{"uid":"6a1d","labels":{"app":"web","tier":"front","version":"7"}},"spec":{"nodeName":"node-1"}}"#;
    std::fs::write(folder.path().join("shop_web-1.meta"), pod).expect("it can be written");
    let kubernetes = format!(
        "Name kubernetes\nKube_URL http://127.0.0.1:9\nKube_Tag_Prefix kube.var.log.pods.\nKube_meta_preload_cache_dir {}",
        folder.path().display()
    );
    let merged = format!("{kubernetes}\nMerge_Log On\nMerge_Log_Key data");
    let lua = "Name lua\nCall f\nCode function f(tag, time, record) record.path = os.date('!%Y-%m%d', time) .. '/access.log' return 2, time, record end".to_owned();
    let regex = "Name parser\nKey_Name log\nParser nginx\nReserve_Data On".to_owned();
    let grep = "Name grep\nExclude log healthcheck".to_owned();
    let mut group = c.benchmark_group("filter");
    for (name, keys, text) in [
        ("grep", grep, JSON),
        ("kubernetes, cached", kubernetes, JSON),
        ("kubernetes, cached, merging JSON", merged, JSON),
        ("lua", lua, JSON),
        ("parser nginx", regex, COMBINED),
    ] {
        let config = format!("[INPUT]\nName dummy\n[FILTER]\nMatch *\n{keys}\n[OUTPUT]\nName null\nMatch *\n");
        let config = Config::parse(Path::new("bench"), &config, &|_| None).expect("valid");
        let buffer = Arc::new(Buffer::new(vec![1 << 30], vec!["*".into()]).expect("an eventfd can be made"));
        let chain = Chain::open(&config.plan().expect("valid").filters, &buffer).expect("it starts");
        chain.push(batch(text), &buffer, 0);
        // The first batch may wait for what the filter has to learn.
        while !chain.is_empty() {
            std::thread::yield_now();
            chain.expire(&buffer, 0);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("it can be made");
        group.throughput(Throughput::Elements(RECORDS as u64));
        group.bench_function(name, |b| {
            b.iter_batched(
                || batch(text),
                |batch| {
                    chain.push(batch, &buffer, 0);
                    let batches = runtime.block_on(buffer.next(Lane(0), usize::MAX, Duration::ZERO)).expect("it came");
                    let count = batches.len();
                    drop(batches);
                    buffer.taken(Lane(0), count);
                },
                criterion::BatchSize::LargeInput,
            );
        });
    }
}

criterion_group! {
    name = benches;
    config = Criterion::default().sample_size(10).measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(300));
    targets = parsers, filters
}
criterion_main!(benches);
