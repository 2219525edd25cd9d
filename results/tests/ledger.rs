//! The ledger as generator, receivers and runner use it: which doublings are allowed, what survives a kill, what is measured.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
};

use proptest::prelude::*;
use results::{
    books::Books,
    event::StreamSample,
    identity::{self, RecordId, STAMP_LEN, Stamp, StreamId},
    ledger::{BatchId, Intake, Ledger, LedgerError, LedgerPlan, Seen},
};

const APP: StreamId = StreamId(0);
const SETTLE_US: u64 = 1000;

fn text(stream: StreamId, seq: u64, due_us: u64) -> Vec<u8> {
    let stamp = Stamp { run: 7, id: RecordId { stream, seq }, due_us, text_len: 100, at: 5 };
    let mut text = vec![b'x'; 100];
    stamp.encode(text[5..].first_chunk_mut::<STAMP_LEN>().expect("room"));
    identity::seal(&mut text, 5);
    text
}

fn ledger(books: Option<PathBuf>) -> Arc<Ledger> {
    let streams = vec!["app".to_owned(), "web".to_owned()];
    let ledger = Ledger::create(LedgerPlan { run: 7, streams, books, settle_us: SETTLE_US, ..LedgerPlan::default() })
        .expect("a folder to write in");
    for stream in [StreamId(0), StreamId(1)] {
        ledger.reserve(stream, 1000).expect("a folder to write in");
        ledger.sent(stream, 1000);
        ledger.written(stream, 1000, 100_000);
    }
    ledger
}

fn deliver(intake: &mut Intake, seqs: std::ops::Range<u64>, now_us: u64) -> BatchId {
    intake.begin(now_us);
    for seq in seqs {
        intake.record(&text(APP, seq, seq * 10), Seen::default());
    }
    intake.end()
}

/// (surplus copies, allowed ones)
fn doubled(ledger: &Ledger) -> (u64, u64) {
    let totals = ledger.totals();
    (totals.duplicated, totals.duplicated_allowed)
}

#[test]
fn a_batch_without_an_answer_may_be_doubled_once_after_a_crash_and_not_twice() {
    let ledger = ledger(None);
    let mut before = ledger.intake();
    deliver(&mut before, 0..10, 0);
    ledger.agent_down(50, 0);
    let mut after = ledger.intake();
    deliver(&mut after, 0..10, 100);
    assert_eq!(doubled(&ledger), (10, 10));
    deliver(&mut after, 3..5, 200);
    assert_eq!(doubled(&ledger), (12, 10));
    ledger.agent_down(300, 1);
    deliver(&mut ledger.intake(), 3..5, 400);
    assert_eq!(doubled(&ledger), (14, 12), "what the first crash let through twice stays one too many");
}

#[test]
fn what_was_answered_and_settled_before_the_crash_may_not_be_doubled() {
    let ledger = ledger(None);
    let mut intake = ledger.intake();
    let old = deliver(&mut intake, 0..10, 0);
    ledger.answered(old, 10);
    let young = deliver(&mut intake, 10..20, 20);
    ledger.answered(young, SETTLE_US);
    ledger.agent_down(10 + SETTLE_US + 1, 0);
    deliver(&mut ledger.intake(), 0..20, 5000);
    assert_eq!(doubled(&ledger), (20, 10));
    let forbidden = ledger.snapshot().streams()[0].forbidden_surplus();
    assert_eq!(forbidden, [(0..10, 1)]);
}

#[test]
fn the_settling_time_is_exact() {
    for (age, allowed) in [(SETTLE_US, 5), (SETTLE_US + 1, 0)] {
        let ledger = ledger(None);
        let mut intake = ledger.intake();
        let batch = deliver(&mut intake, 0..5, 0);
        ledger.answered(batch, 100);
        ledger.agent_down(100 + age, 0);
        deliver(&mut ledger.intake(), 0..5, 9000);
        assert_eq!(doubled(&ledger), (5, allowed), "answered {age} µs before the crash");
    }
}

#[test]
fn records_that_arrive_after_the_crash_through_an_old_connection_may_be_doubled_in_any_order() {
    for old_first in [true, false] {
        let ledger = ledger(None);
        let mut old = ledger.intake();
        old.begin(0);
        old.end();
        ledger.agent_down(50, 0);
        let mut new = ledger.intake();
        let (first, second) = if old_first { (&mut old, &mut new) } else { (&mut new, &mut old) };
        deliver(first, 0..10, 60);
        deliver(second, 0..10, 70);
        assert_eq!(doubled(&ledger), (10, 10), "old first: {old_first}");
    }
}

#[test]
fn nothing_is_allowed_merely_because_there_was_a_crash() {
    let ledger = ledger(None);
    ledger.agent_down(50, 0);
    let mut intake = ledger.intake();
    deliver(&mut intake, 0..10, 60);
    deliver(&mut intake, 0..10, 70);
    assert_eq!(doubled(&ledger), (10, 0));
}

#[test]
fn a_lost_answer_allows_one_more_copy_of_its_own_records_only() {
    let ledger = ledger(None);
    let mut intake = ledger.intake();
    let batch = deliver(&mut intake, 0..10, 0);
    ledger.answer_lost(batch, 3);
    deliver(&mut intake, 5..15, 100);
    deliver(&mut intake, 10..15, 200);
    assert_eq!(doubled(&ledger), (10, 5));
    let forgotten = deliver(&mut intake, 20..25, 300);
    ledger.forget(forgotten);
    ledger.agent_down(310, 4);
    deliver(&mut ledger.intake(), 20..25, 400);
    assert_eq!(doubled(&ledger), (15, 5), "a forgotten batch allows nothing");
}

#[test]
fn a_record_lost_at_the_source_is_not_expected_unless_it_turns_up() {
    let ledger = ledger(None);
    ledger.source_lost(APP, 100..110, "write failed: no space");
    let mut intake = ledger.intake();
    deliver(&mut intake, 0..100, 0);
    deliver(&mut intake, 109..1000, 0);
    let totals = ledger.totals();
    assert_eq!((totals.source_lost, totals.expected, totals.delivered), (9, 1991, 991));
    assert_eq!(totals.lost, 1000, "the other stream");
    let samples = |samples: Vec<StreamSample>| samples.iter().map(|of| (of.0, of.1)).collect::<Vec<_>>();
    assert_eq!(samples(ledger.streams()), [(1000, 991), (1000, 0)]);
    assert_eq!(samples(ledger.owed()), [(991, 991), (1000, 0)], "nine are not owed by anybody");
    let why = ledger.snapshot().streams()[0].source_lost_why().clone();
    assert_eq!(why.into_iter().collect::<Vec<_>>(), [("write failed: no space".to_owned(), 10)]);
}

#[test]
fn the_torn_piece_of_a_record_lost_at_the_source_is_not_held_against_the_agent() {
    let ledger = ledger(None);
    let mut intake = ledger.intake();
    intake.begin(0);
    intake.record(&text(APP, 4, 0)[..70], Seen::default());
    intake.end();
    assert_eq!(ledger.totals().corrupted, 1);
    ledger.source_lost(APP, 4..5, "write failed: no space");
    let totals = ledger.totals();
    assert_eq!((totals.corrupted, totals.source_lost, totals.expected), (0, 1, 1999));
}

proptest! {
    #[test]
    fn any_deliveries_are_counted_as_a_list_of_them_would_be(
        deliveries in prop::collection::vec((0..2u16, 0..1000u64, 1..40u64), 0..40), batch in 1..300usize,
    ) {
        let ledger = ledger(None);
        let mut intake = ledger.intake();
        let all: Vec<(u16, u64)> = deliveries
            .into_iter()
            .flat_map(|(stream, from, len)| (from..(from + len).min(1000)).map(move |seq| (stream, seq)))
            .collect();
        for batch in all.chunks(batch) {
            intake.begin(0);
            for &(stream, seq) in batch {
                intake.record(&text(StreamId(stream), seq, 0), Seen::default());
            }
            let batch = intake.end();
            ledger.answered(batch, 0);
        }
        let (mut seen, mut high, mut late) = (BTreeSet::new(), [0, 0], 0);
        for &(stream, seq) in &all {
            let high = &mut high[usize::from(stream)];
            late += u64::from(seen.insert((stream, seq)) && seq < *high);
            *high = seq.max(*high);
        }
        let totals = ledger.totals();
        prop_assert_eq!(totals.delivered, seen.len() as u64);
        prop_assert_eq!(totals.duplicated, (all.len() - seen.len()) as u64);
        prop_assert_eq!(totals.lost, 2000 - seen.len() as u64);
        prop_assert_eq!(totals.reordered, late);
        let lost: Vec<u64> = ledger.snapshot().streams()[0].lost().flatten().collect();
        prop_assert_eq!(lost, (0..1000).filter(|&seq| !seen.contains(&(0, seq))).collect::<Vec<_>>());
    }
}

#[test]
fn latency_is_that_of_first_copies_and_the_window_holds_what_was_due_in_it() {
    let ledger = ledger(None);
    ledger.measure(1000, 2000);
    let mut intake = ledger.intake();
    deliver(&mut intake, 0..300, 10_000);
    let sample = ledger.take_latency();
    assert_eq!((sample.count, sample.max_us / 10), (300, 1000), "three digits are kept");
    deliver(&mut intake, 0..300, 99_000);
    assert_eq!(ledger.take_latency().count, 0, "copies are no deliveries");
    let latency = ledger.latency();
    assert!((latency.max - 9.0).abs() < 0.02 && latency.p50 > 8.4 && latency.p50 < 8.6, "{latency:?}");
}

#[test]
fn generator_and_receivers_may_work_at_the_same_time() {
    let ledger = ledger(None);
    thread::scope(|scope| {
        for part in 0..4u64 {
            let ledger = &ledger;
            scope.spawn(move || {
                let mut intake = ledger.intake();
                for from in (part * 250..part * 250 + 250).step_by(25) {
                    let batch = deliver(&mut intake, from..from + 25, from);
                    ledger.answered(batch, from);
                }
            });
        }
        scope.spawn(|| (0..100).for_each(|_| drop((ledger.totals(), ledger.streams()))));
    });
    assert_eq!(ledger.streams(), [StreamSample(1000, 1000), StreamSample(1000, 0)]);
    assert_eq!(doubled(&ledger), (0, 0));
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("the build's own folder")
}

fn load(path: &Path) -> Books {
    Books::load(path).expect("books that a ledger wrote")
}

#[test]
fn what_was_reserved_is_in_the_file_before_anything_is_flushed() {
    let folder = folder();
    let path = folder.path().join("books.bin");
    let ledger = ledger(Some(path.clone()));
    ledger.reserve(APP, 5000).expect("room");
    let books = load(&path);
    assert_eq!(books.streams()[0].marks().reserved, 5000);
    assert!(!books.complete());
}

#[test]
fn a_flush_makes_deliveries_and_doublings_survive_a_kill() {
    let folder = folder();
    let path = folder.path().join("books.bin");
    let ledger = ledger(Some(path.clone()));
    let mut intake = ledger.intake();
    deliver(&mut intake, 0..500, 0);
    deliver(&mut intake, 100..110, 5);
    ledger.flush().expect("room");
    deliver(&mut intake, 500..600, 9);
    let copy = folder.path().join("as-killed.bin");
    fs::copy(&path, &copy).expect("room");
    let killed = load(&copy);
    assert_eq!((killed.totals().delivered, killed.totals().duplicated, killed.complete()), (500, 10, false));
    let closed = ledger.close().expect("room");
    assert_eq!(closed.totals().delivered, 600);
    assert_eq!(load(&path), closed);
    assert!(closed.complete());
}

#[test]
fn a_books_file_is_never_overwritten_and_the_error_names_it() {
    let folder = folder();
    let path = folder.path().join("books.bin");
    fs::write(&path, b"precious").expect("room");
    let plan = LedgerPlan { run: 7, streams: vec![], books: Some(path.clone()), settle_us: 0, ..LedgerPlan::default() };
    let error = Ledger::create(plan).expect_err("the file exists");
    assert!(matches!(error, LedgerError::File(_)) && error.to_string().contains("books.bin"), "{error}");
    assert_eq!(fs::read(&path).expect("still there"), b"precious");
}

/// Pieces of a record's text arrive as texts of their own.
fn pieces(ledger: &Arc<Ledger>, seq: u64, lens: &[usize]) {
    let mut intake = ledger.intake();
    intake.begin(10);
    for &len in lens {
        intake.record(&text(APP, seq, 0)[..len], Seen::default());
    }
    intake.end();
}

fn damage(ledger: &Ledger) -> (u64, u64) {
    let totals = ledger.snapshot().totals();
    (totals.corrupted, totals.source_lost)
}

#[test]
fn one_piece_for_each_write_that_the_bench_tore_is_not_held_against_the_agent() {
    // Without a trace of a stamp, and cut within it before it says which record it is.
    for len in [3, 20] {
        let ledger = ledger(None);
        pieces(&ledger, 999, &[len]);
        assert_eq!(damage(&ledger), (1, 0), "nothing was torn yet");
        ledger.torn(APP, 999, 60);
        assert_eq!(damage(&ledger), (0, 1));
        pieces(&ledger, 999, &[len]);
        assert_eq!(damage(&ledger), (1, 1), "a second piece is not of that write");
    }
}

#[test]
fn a_torn_write_excuses_no_other_damage() {
    let ledger = ledger(None);
    ledger.torn(APP, 998, 0);
    pieces(&ledger, 998, &[3]);
    assert_eq!(damage(&ledger), (1, 1), "nothing of that record is in the file");
    ledger.torn(APP, 999, 60);
    pieces(&ledger, 999, &[50]);
    assert_eq!(damage(&ledger), (1, 2), "a piece that says which record it is needs no excuse and uses it up");
    pieces(&ledger, 997, &[50]);
    assert_eq!(damage(&ledger), (2, 2), "a record that was written whole arrived cut");
}
