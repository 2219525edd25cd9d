use std::{path::Path, sync::Arc, time::Duration};

use super::*;
use crate::{
    chunk::{Chunk, Source, SourceId},
    config::Config,
    parse::{Now, Parser},
    service::clock::Clock,
};

/// A batch of one line that ends at `end`.
pub(crate) fn batch(tag: &str, end: u64) -> Batch {
    let text = "[INPUT]\nName tail\nPath /a\n[OUTPUT]\nName null\nMatch *\n";
    let plan = Config::parse(Path::new("x"), text, &|_| None).unwrap().plan().unwrap();
    let source = Arc::new(Source { id: SourceId(1), path: "/a".into(), tag: tag.into(), lineage: 1, base: 0 });
    let line = format!("line {end}\n").into_bytes();
    let (chunk, mut out) = (Chunk { source, offset: end - line.len() as u64, bytes: line }, Vec::new());
    Parser::new(0, plan.inputs[0].tail().unwrap()).parse(chunk, Now { unix_ns: 1, mono_ms: 1 }, &mut out);
    out.remove(0)
}

/// What opens a folder of records. A child that another test starts meanwhile has the locks of this process as well,
/// also of what was closed since, until it is another program.
pub(crate) fn opened<T>(open: impl Fn() -> Result<T, StoreError>) -> T {
    let clock = Clock::start();
    loop {
        match open() {
            Err(StoreError::Busy(_)) if clock.mono_ms() < 20_000 => std::thread::park_timeout(Duration::from_millis(1)),
            opened => return opened.unwrap(),
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn ends(acks: &[Ack]) -> Vec<u64> {
    acks.iter().map(|ack| ack.end).collect()
}

#[test]
fn a_batch_leaves_only_when_every_matching_output_has_taken_it() {
    let buffer = Buffer::new(vec![100_000], vec!["*".into(), "a.*".into()]).unwrap();
    buffer.push(batch("a.x", 100));
    buffer.push(batch("b.x", 200));
    let full = buffer.used(0);
    block_on(async {
        assert_eq!(buffer.next(Lane(0), 10_000, Duration::ZERO).await.unwrap().len(), 2);
        buffer.taken(Lane(0), 1);
        assert_eq!((ends(&buffer.take_acks(0)), buffer.used(0)), (vec![], full));
        buffer.taken(Lane(0), 1);
        // The second has been taken, but acks go back in order.
        assert!(ends(&buffer.take_acks(0)).is_empty());
        assert_eq!(buffer.next(Lane(1), 10_000, Duration::ZERO).await.unwrap().len(), 1);
        buffer.taken(Lane(1), 1);
        assert_eq!(ends(&buffer.take_acks(0)), [100, 200]);
        assert!(buffer.is_empty());
    });
}

#[test]
fn it_is_empty_only_when_the_acks_of_what_was_taken_are_there() {
    let buffer = Buffer::new(vec![100_000], vec!["*".into()]).unwrap();
    buffer.push(batch("a", 100));
    // An output has said that they are taken, and is put off before it lets go of them.
    let batches = block_on(buffer.next(Lane(0), 10_000, Duration::ZERO)).unwrap();
    buffer.taken(Lane(0), batches.len());
    assert_eq!((buffer.is_empty(), ends(&buffer.take_acks(0))), (false, vec![]));
    drop(batches);
    assert_eq!((buffer.is_empty(), ends(&buffer.take_acks(0))), (true, vec![100]));
}

#[test]
fn what_waits_or_is_in_flight_takes_room() {
    let buffer = Buffer::new(vec![1_000], vec!["*".into()]).unwrap();
    let weight = batch("a", 100).weight();
    buffer.push(batch("a", 100));
    assert_eq!(buffer.room(0), 1_000 - weight);
    (0..20).for_each(|n| buffer.push(batch("a", 200 + n)));
    assert_eq!(buffer.room(0), 0);
    block_on(async {
        let all = buffer.next(Lane(0), usize::MAX, Duration::ZERO).await.unwrap();
        assert_eq!(buffer.room(0), 0);
        buffer.taken(Lane(0), all.len());
        assert_eq!(buffer.room(0), 1_000);
    });
}

#[test]
fn a_tag_that_no_output_wants_is_acknowledged_and_counted() {
    let buffer = Buffer::new(vec![1_000], vec!["a".into()]).unwrap();
    buffer.push(batch("b", 100));
    assert_eq!((buffer.unrouted(), ends(&buffer.take_acks(0))), (1, vec![100]));
}

#[test]
fn a_small_buffer_does_not_wait_for_company_that_cannot_come() {
    let buffer = Buffer::new(vec![1_000], vec!["*".into()]).unwrap();
    (0..4).for_each(|n| buffer.push(batch("a", 100 + n)));
    block_on(async {
        tokio::time::timeout(Duration::from_secs(20), buffer.next(Lane(0), 1 << 20, Duration::from_secs(3600)))
            .await
            .expect("it must not linger");
    });
}

#[test]
fn a_closed_buffer_ends_after_its_last_batch() {
    let buffer = Buffer::new(vec![1_000], vec!["*".into()]).unwrap();
    buffer.push(batch("a", 100));
    buffer.close();
    block_on(async {
        assert_eq!(buffer.next(Lane(0), 1, Duration::from_secs(3600)).await.unwrap().len(), 1);
        buffer.taken(Lane(0), 1);
        assert!(buffer.next(Lane(0), 1, Duration::from_secs(3600)).await.is_none());
    });
}
