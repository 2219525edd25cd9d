//! What the tests of outputs share: a plan from its section, a buffer with records, a run to its end.

use std::{path::Path, sync::atomic::AtomicU64};

use super::*;
use crate::{
    buffer::tests::batch,
    chunk::{Source, SourceId},
    config::Config,
    event::{Event, json},
    parse::{Batch, time::Time},
};

/// The output that a section describes; `Match *` unless it says otherwise.
pub(crate) fn plan(section: &str) -> OutputPlan {
    let matching = if section.contains("Match") { "" } else { "Match *\n" };
    let text = format!("[INPUT]\nName tail\nPath /a\n[OUTPUT]\n{matching}{section}\n");
    let plan = Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan().unwrap();
    let mut output = plan.outputs.into_iter().next().unwrap();
    output.pauses = backoff::Pauses { first_ms: 1, most_ms: 20 };
    output
}

/// Credentials for those who need any.
pub(crate) fn env(name: &str) -> Option<String> {
    match name {
        "AWS_ACCESS_KEY_ID" => Some("AKID".to_owned()),
        "AWS_SECRET_ACCESS_KEY" => Some("secret".to_owned()),
        _ => None,
    }
}

pub(crate) fn context(plan: &OutputPlan, buffer: &Arc<Buffer>) -> Context {
    Context::new(plan, Arc::clone(buffer), Lane(0), Duration::ZERO, Clock::start(), env).unwrap()
}

pub(crate) fn buffer() -> Arc<Buffer> {
    Arc::new(Buffer::new(vec![1 << 20], vec!["*".into()]).unwrap().salted(7))
}

/// A buffer with lines that end at 101 to 120, closed.
pub(crate) fn twenty(tag: &str) -> Arc<Buffer> {
    let buffer = buffer();
    (1..=20).for_each(|end| buffer.push(batch(tag, 100 + end)));
    buffer.close();
    buffer
}

/// A batch of records that are fields, a second apart from `1_763_704_201` on.
pub(crate) fn events(tag: &str, objects: &[&str]) -> Batch {
    let source = Source { id: SourceId(0), path: "/a".into(), tag: tag.into(), lineage: 0, base: 0 };
    let time = |index: usize| Time { seconds: 1_763_704_201 + index as i64, nanos: 123_456_789 };
    let event = |(index, text): (usize, &&str)| Event::new(time(index), json::object(text.as_bytes()).unwrap());
    Batch::of_events(0, tag.into(), source.into(), objects.iter().enumerate().map(event).collect())
}

pub(crate) fn count(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime
        .block_on(async { tokio::time::timeout(Duration::from_secs(20), future).await.expect("it goes on for ever") })
}

/// A folder on a real disk.
pub(crate) fn folder() -> tempfile::TempDir {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tests");
    std::fs::create_dir_all(&target).unwrap();
    tempfile::tempdir_in(target.canonicalize().unwrap()).unwrap()
}
