//! What the tests of all filters share: a chain from a configuration, records in, records out.

use std::{path::Path, sync::Arc};

use tokio::sync::oneshot;

use super::{Chain, FilterKind};
use crate::{
    buffer::{Buffer, Done, Lane},
    chunk::{Source, SourceId},
    config::{Config, Plan},
    event::{Event, Fields, json},
    output::escape::Escaper,
    parse::{Batch, time::Time},
};

fn plan(filters: &str) -> Result<Plan, String> {
    let text = format!("[INPUT]\nName dummy\n{filters}\n[OUTPUT]\nName null\nMatch *\n");
    let config = Config::parse(Path::new("t.conf"), &text, &|_| None).map_err(|error| error.to_string())?;
    config.plan().map_err(|error| error.to_string())
}

fn section(plugin: &str, keys: &str) -> String {
    format!("[FILTER]\nName {plugin}\nMatch *\n{keys}\n")
}

/// What a filter with these keys does.
pub(crate) fn what(plugin: &str, keys: &str) -> FilterKind {
    plan(&section(plugin, keys)).unwrap().filters.remove(0).what
}

/// Why a filter with these keys is refused.
pub(crate) fn refused(plugin: &str, keys: &str) -> String {
    plan(&section(plugin, keys)).map(|_| ()).expect_err("it was taken")
}

pub(crate) fn fields(text: &str) -> Fields {
    json::object(text.as_bytes()).expect(text)
}

pub(crate) fn batch(tag: &str, records: &[&str]) -> Batch {
    let source = Source { id: SourceId(0), path: Path::new("").to_owned(), tag: "".into(), lineage: 0, base: 0 };
    let event = |text: &&str| Event::new(Time { seconds: 1_795_240_000, nanos: 0 }, fields(text));
    Batch::of_events(0, tag.into(), Arc::new(source), records.iter().map(event).collect())
}

/// What a filter with these keys makes of records.
pub(crate) fn run(plugin: &str, keys: &str, records: &[&str]) -> Vec<String> {
    let mut bench = Bench::new(&section(plugin, keys));
    bench.push("t", records);
    bench.out().into_iter().map(|(_, text)| text).collect()
}

/// A chain, and a buffer behind it.
pub(crate) struct Bench {
    pub(crate) chain: Chain,
    pub(crate) buffer: Arc<Buffer>,
    pub(crate) at_ms: u64,
    told: Vec<oneshot::Receiver<()>>,
}

/// What a filter counted.
pub(crate) struct Counted {
    pub(crate) records: u64,
    pub(crate) dropped: u64,
    pub(crate) added: u64,
    pub(crate) failed: u64,
    pub(crate) held: u64,
}

impl Bench {
    pub(crate) fn new(filters: &str) -> Self {
        let plan = plan(filters).unwrap();
        let buffer = Arc::new(Buffer::new(vec![1 << 30], vec!["*".into()]).unwrap());
        let chain = Chain::open(&plan.filters, &buffer).unwrap();
        Self { chain, buffer, at_ms: 0, told: Vec::new() }
    }

    /// Pushes a batch of its own hold.
    pub(crate) fn push(&mut self, tag: &str, records: &[&str]) {
        let (tell, told) = oneshot::channel();
        let mut batch = batch(tag, records);
        batch.holds.push(self.buffer.hold(0, Done::Told(tell)));
        self.told.push(told);
        self.chain.push(batch, &self.buffer, self.at_ms);
    }

    pub(crate) fn expire(&self) {
        self.chain.expire(&self.buffer, self.at_ms);
    }

    /// Takes everything that is in the buffer: tags and records.
    pub(crate) fn out(&mut self) -> Vec<(String, String)> {
        let mut out = Vec::new();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        while self.buffer.used(0) > 0 {
            let next = self.buffer.next(Lane(0), usize::MAX, std::time::Duration::ZERO);
            let batches = runtime.block_on(next).expect("something waits");
            for batch in &batches {
                for index in 0..batch.len() {
                    let mut text = Vec::new();
                    json::write_object(&batch.event(index).fields, &mut Escaper::default(), &mut text);
                    out.push((batch.tag.to_string(), String::from_utf8(text).unwrap()));
                }
            }
            let count = batches.len();
            drop(batches);
            self.buffer.taken(Lane(0), count);
        }
        out
    }

    /// Pushes that are not yet taken as a whole.
    pub(crate) fn unreleased(&mut self) -> usize {
        self.told.retain_mut(|told| told.try_recv().is_err());
        self.told.len()
    }

    pub(crate) fn counter(&self, name: &str) -> Counted {
        let (_, counters) = self.chain.counters().find(|(of, _)| *of == name).expect(name);
        let of = |counter: &std::sync::atomic::AtomicU64| counter.load(std::sync::atomic::Ordering::Relaxed);
        Counted {
            records: of(&counters.records),
            dropped: of(&counters.dropped),
            added: of(&counters.added),
            failed: of(&counters.failed),
            held: of(&counters.held),
        }
    }
}

#[test]
fn a_batch_that_no_filter_matches_is_not_taken_apart() {
    let mut bench = Bench::new("[FILTER]\nName grep\nMatch a.*\nExclude x .\n");
    bench.push("b", &[r#"{"x":1}"#]);
    bench.push("a.b", &[r#"{"x":1}"#]);
    assert_eq!(bench.unreleased(), 1, "what is dropped on purpose is released at once");
    assert_eq!(bench.out(), [("b".to_owned(), r#"{"x":1}"#.to_owned())]);
    let counted = bench.counter("grep.0");
    assert_eq!((counted.records, counted.dropped), (1, 1));
    assert_eq!(bench.unreleased(), 0);
}

#[test]
fn a_filter_that_panics_releases_nothing_not_even_what_others_have_taken_since() {
    let mut bench = Bench::new("[FILTER]\nName grep\nAlias panics\nMatch a\nExclude x .\n");
    bench.push("b", &[r#"{"x":1}"#]);
    bench.push("a", &[r#"{"x":1}"#, r#"{"y":1}"#]);
    assert_eq!(bench.chain.broken(), Some("panics"));
    assert_eq!(bench.chain.expires_at_ms(), Some(0), "the loop is not woken");
    bench.push("a", &[r#"{"x":1}"#]);
    assert_eq!(bench.out().len(), 1);
    assert_eq!(bench.unreleased(), 3);
}
