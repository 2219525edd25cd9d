//! How fast bodies are decoded, without and with the books: the receiver's side of G4.

use std::{hint::black_box, io::Write, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use flate2::{Compression, write::GzEncoder};
use loadgen::{
    payload::{Body, Payload, Payloads, Pool, Size},
    receive::{
        Format, Keys,
        decode::{Decoder, Record},
        unpack_gzip,
    },
};
use results::{
    identity::StreamId,
    ledger::{Ledger, LedgerPlan},
};

const RECORDS: u64 = 10_000;

fn receive(criterion: &mut Criterion) {
    let payload = Payload::new(1, StreamId(0), Arc::new(Pool::new(1, Body::AppText, Size::Fixed(300))));
    let texts: Vec<Vec<u8>> = (0..RECORDS).map(|seq| payload.expected(seq, 3 * seq)).collect();
    let raw: Vec<u8> = texts.iter().flat_map(|text| [text, &b"\n"[..]].concat()).collect();
    let object = |text: &Vec<u8>| {
        let text = std::str::from_utf8(text).expect("text");
        serde_json::json!({"date": 1.5, "log": text, "file": "/var/log/a.log", "stream": "stdout"}).to_string() + "\n"
    };
    let json: String = texts.iter().map(object).collect();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::new(6));
    gzip.write_all(&raw).expect("memory");
    let packed = gzip.finish().expect("memory");

    let mut group = criterion.benchmark_group("receive");
    group.throughput(Throughput::Elements(RECORDS));
    let payloads = Arc::new(Payloads::new(1, 1, [(Body::AppText, Size::Fixed(300))]));
    for (name, body, payloads) in [
        ("raw", raw.as_slice(), None),
        ("json", json.as_bytes(), Some(payloads)),
        ("json of unknown texts", json.as_bytes(), None),
    ] {
        let mut decoder = Decoder::new(Format::Auto, Keys::default(), payloads);
        group.bench_function(format!("decode {name}"), |bench| {
            bench.iter(|| {
                decoder.decode(body, &mut |record, seen| {
                    let text = match record {
                        Record::Text(text) => text.len(),
                        Record::Proven(stamp, _) => stamp.text_len as usize,
                    };
                    black_box((text, seen.path.map(<[u8]>::len)));
                });
            });
        });
        let plan = LedgerPlan { run: 1, streams: vec!["s".into()], books: None, settle_us: 0, ..LedgerPlan::default() };
        let ledger = Ledger::create(plan).expect("books in memory");
        ledger.sent(StreamId(0), RECORDS);
        let mut intake = ledger.intake();
        group.bench_function(format!("decode and book {name}"), |bench| {
            bench.iter(|| {
                intake.begin(3 * RECORDS);
                decoder.decode(body, &mut |record, seen| record.book(seen, &mut intake));
                ledger.answered(intake.end(), 3 * RECORDS);
            });
        });
    }
    let mut space = Vec::new();
    group.bench_function("unpack gzip", |bench| bench.iter(|| unpack_gzip(&packed, &mut space).map(<[u8]>::len)));
    group.finish();
}

criterion_group!(benches, receive);
criterion_main!(benches);
