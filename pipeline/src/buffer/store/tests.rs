use std::{collections::BTreeSet, io::BufRead, process::Command, time::Duration};

use super::*;
use crate::{
    buffer::{Buffer, Done, Lane, disk::Disk, tests::opened},
    chunk::{Ack, Chunk, Source, SourceId},
    config::Config,
    output::{bench::folder, plan::TotalLimit},
    parse::{Now, Parser},
};

const CHILD: &str = "TAILPROOF_STORE_CHILD";

/// Lines `range` of a tailed file with an identity, as one batch.
fn lines(range: std::ops::Range<u64>) -> Batch {
    tailed("[INPUT]\nmultiline.parser cri\n", range)
}

/// The same with the keys `text` of the input, behind other sections.
pub(super) fn tailed(text: &str, range: std::ops::Range<u64>) -> Batch {
    let text = format!("{text}Name tail\nPath /a\nPath_Key file\n[OUTPUT]\nName null\nMatch *\n");
    let plan = Config::parse(Path::new("x"), &text, &|_| None).unwrap().plan().unwrap();
    let base = mix(9, 9);
    let source = Arc::new(Source { id: SourceId(1), path: "/a".into(), tag: "t".into(), lineage: 1, base });
    let line = |n: u64| format!("2026-11-21T05:50:01.123456789Z stdout F line {n:06}\n");
    let bytes: Vec<u8> = range.clone().flat_map(|n| line(n).into_bytes()).collect();
    let (chunk, mut out) = (Chunk { source, offset: range.start * line(0).len() as u64, bytes }, Vec::new());
    Parser::new(0, plan.inputs[0].tail().unwrap()).parse(chunk, Now { unix_ns: 1, mono_ms: 1 }, &mut out);
    out.remove(0)
}

fn fields() -> Batch {
    let record = r#"{"log":"line 000007","n":1.5,"m":{"a":[1,null,true]}}"#;
    let mut batch = crate::output::bench::events("e", &[record, record]);
    batch.events[0].id = 77;
    batch
}

/// The numbers of the lines of a batch.
fn numbers(batch: &Batch) -> Vec<u64> {
    let number = |index| {
        let text = batch.event(index).fields.get("log").unwrap().as_bytes().unwrap().to_vec();
        String::from_utf8(text).unwrap()[5..].parse().unwrap()
    };
    (0..batch.len()).map(number).collect()
}

fn kept(folder: &Path, lanes: &[&str], limits: &[Option<TotalLimit>]) -> Buffer {
    let names: Vec<String> = lanes.iter().map(|name| (*name).to_owned()).collect();
    let mut buffer = Buffer::new(vec![200_000], lanes.iter().map(|_| "*".into()).collect()).unwrap();
    buffer.disk = Some(opened(|| Disk::new(folder, false, &names, 1, vec![true], limits.to_vec(), 1 << 20)));
    buffer
}

fn acks(end: u64) -> Vec<Ack> {
    vec![Ack { source: SourceId(1), end }]
}

/// Takes everything that a lane has now.
fn drain(buffer: &Buffer, lane: usize) -> Vec<u64> {
    let mut all = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let wait = Duration::from_millis(50);
        while let Ok(Some(batches)) = tokio::time::timeout(wait, buffer.next(Lane(lane), 10_000, Duration::ZERO)).await
        {
            for batch in &batches {
                all.extend(numbers(batch));
            }
            buffer.taken(Lane(lane), batches.len());
        }
    });
    all
}

#[test]
fn what_is_read_back_is_what_was_written() {
    for batch in [lines(0..50), fields()] {
        let mut bytes = Vec::new();
        record::write(&batch, 3, &mut bytes);
        let read = record::read(&bytes, 0, true).unwrap();
        assert_eq!((read.seq, read.lost, read.end), (3, 0, bytes.len()));
        assert_eq!((read.batch.len(), &read.batch.tag, &read.batch.labels), (batch.len(), &batch.tag, &batch.labels));
        for index in 0..batch.len() {
            assert_eq!(read.batch.event(index), batch.event(index));
            assert_eq!(read.batch.own_id(index), batch.own_id(index));
        }
    }
}

/// Four batches of about 64 KiB together.
fn fixture() -> (Vec<u8>, usize) {
    let (mut bytes, mut records) = (Vec::new(), 0);
    for seq in 1..=4u64 {
        let batch = lines(seq * 1000..seq * 1000 + 180);
        records += batch.len();
        record::write(&batch, seq, &mut bytes);
    }
    assert!((60_000..70_000).contains(&bytes.len()), "{}", bytes.len());
    (bytes, records)
}

/// How many records are read back; it must come to an end.
fn survivors(bytes: &[u8]) -> (usize, u32) {
    let (mut at, mut records, mut lost) = (0, 0, 0);
    while let Some(read) = record::read(bytes, at, true) {
        assert!(read.end > at);
        (at, records, lost) = (read.end, records + read.batch.len(), lost + read.lost);
    }
    (records, lost)
}

#[test]
fn every_byte_that_is_flipped_costs_at_most_its_record_and_that_is_told() {
    let (mut bytes, all) = fixture();
    for place in 0..bytes.len() {
        bytes[place] ^= 1 << (place % 8);
        let (records, lost) = survivors(&bytes);
        assert!(records + 1 >= all && records + lost as usize == all, "byte {place}: {records} and {lost} of {all}");
        bytes[place] ^= 1 << (place % 8);
    }
    assert_eq!(survivors(&bytes), (all, 0));
}

#[test]
fn a_process_starts_on_a_damaged_or_cut_segment_and_brings_what_is_left() {
    let (bytes, all) = fixture();
    for place in (0..bytes.len()).step_by(2221) {
        for cut in [false, true] {
            let folder = folder();
            let mut damaged = bytes.clone();
            damaged[place] ^= 0x40;
            damaged.truncate(if cut { place } else { bytes.len() });
            fs::write(folder.path().join("0000000000000001.seg"), &damaged).unwrap();
            let (left, lost) = survivors(&damaged);
            let buffer = kept(folder.path(), &["a"], &[None]);
            let came = drain(&buffer, 0);
            assert_eq!(
                (came.len(), buffer.store_counters().unwrap().damaged),
                (left, u64::from(lost)),
                "{place} {cut}"
            );
            assert!(cut || came.len() + 1 >= all, "{place}: {} of {all}", came.len());
            // It goes on behind the damage.
            buffer.push(lines(9000..9001));
            assert_eq!(drain(&buffer, 0), [9000]);
        }
    }
}

#[test]
fn every_truncation_leaves_what_stands_before_it() {
    let (bytes, all) = fixture();
    let mut before = 0;
    for len in 0..=bytes.len() {
        let (records, _) = survivors(&bytes[..len]);
        assert!(records == before || records == before + 1, "{len}: {before} then {records}");
        before = records;
    }
    assert_eq!(before, all);
}

#[test]
fn a_source_is_released_once_its_records_are_written_and_they_come_back_after_a_restart() {
    let folder = folder();
    let buffer = kept(folder.path(), &["a", "b"], &[None, None]);
    for n in 0..100 {
        let mut batch = lines(n * 10..n * 10 + 10);
        batch.acks = acks(n);
        buffer.push(batch);
    }
    assert_eq!(buffer.take_acks(0).len(), 100);
    assert_eq!(drain(&buffer, 0), (0..1000).collect::<Vec<_>>());
    drop(buffer);
    let buffer = kept(folder.path(), &["a", "b"], &[None, None]);
    assert_eq!(drain(&buffer, 0), Vec::<u64>::new());
    assert_eq!(drain(&buffer, 1), (0..1000).collect::<Vec<_>>());
    drop(buffer);
    assert_eq!(drain(&kept(folder.path(), &["a", "b"], &[None, None]), 1), Vec::<u64>::new());
}

#[test]
fn a_batch_keeps_its_name_when_it_is_read_back() {
    let folder = folder();
    let named = |buffer: &Buffer| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let batches = runtime.block_on(buffer.next(Lane(0), 1 << 20, Duration::ZERO)).unwrap();
        batches.iter().map(|batch| (batch.origin, numbers(batch))).collect::<Vec<_>>()
    };
    let buffer = kept(folder.path(), &["a"], &[None]);
    (0..5).for_each(|n| buffer.push(lines(n..n + 1)));
    let before = named(&buffer);
    drop(buffer);
    assert_eq!(named(&kept(folder.path(), &["a"], &[None])), before);
    assert_eq!(before.len(), 5);
}

#[test]
fn what_a_source_brings_again_after_a_kill_is_not_stored_twice() {
    let folder = folder();
    kept(folder.path(), &["a"], &[None]).push(lines(0..10));
    let buffer = kept(folder.path(), &["a"], &[None]);
    // The checkpoint was not written: the file is read again, in other pieces.
    buffer.push(lines(0..4));
    buffer.push(lines(4..15));
    assert_eq!(drain(&buffer, 0), (0..15).collect::<Vec<_>>());
    assert_eq!(buffer.store_counters().unwrap().again, 10);
}

#[test]
fn what_comes_again_is_known_however_often_the_process_was_killed_in_between() {
    let folder = folder();
    let peer = |n: u64| {
        let mut batch = fields();
        batch.events.iter_mut().zip(1..).for_each(|(event, index)| event.id = mix(u128::from(n), index));
        batch
    };
    let push = |buffer: &Buffer, batch: Batch, brings: &[u64]| {
        buffer.push(batch);
        assert_eq!(drain(buffer, 0), brings);
    };
    let first = kept(folder.path(), &["a"], &[None]);
    push(&first, lines(0..10), &(0..10).collect::<Vec<_>>());
    push(&first, peer(1), &[7, 7]);
    drop(first);
    for n in 2..10 {
        // Others came first, every time, and each process leaves a segment of its own.
        push(&kept(folder.path(), &["a"], &[None]), peer(n), &[7, 7]);
    }
    let last = kept(folder.path(), &["a"], &[None]);
    push(&last, lines(0..11), &[10]);
    push(&last, peer(1), &[]);
    assert_eq!(last.store_counters().unwrap().again, 12);
    assert!(last.is_empty());
}

#[test]
fn a_batch_that_is_here_already_releases_its_source_and_takes_no_place() {
    let folder = folder();
    kept(folder.path(), &["a"], &[None]).push(lines(0..10));
    let buffer = kept(folder.path(), &["a"], &[None]);
    let stored = buffer.stored(Lane(0));
    let mut batch = lines(0..10);
    batch.acks = acks(1);
    buffer.push(batch);
    assert_eq!((buffer.take_acks(0).len(), buffer.stored(Lane(0))), (1, stored));
}

#[test]
fn a_large_backlog_takes_a_window_of_memory_and_its_segments_go_when_all_have_taken_them() {
    let folder = folder();
    let buffer = kept(folder.path(), &["a", "b"], &[None, None]);
    for n in 0..800 {
        buffer.push(lines(n * 250..n * 250 + 250));
        let state = buffer.state();
        assert!(state.resident.iter().all(|&resident| resident < 1 << 20), "{:?}", state.resident);
    }
    let segments = || {
        fs::read_dir(folder.path())
            .unwrap()
            .filter(|entry| entry.as_ref().unwrap().path().extension().is_some_and(|ext| ext == "seg"))
            .count()
    };
    let before = segments();
    assert!(before > 3, "{before}");
    assert_eq!(drain(&buffer, 0), (0..200_000).collect::<Vec<_>>());
    assert_eq!(segments(), before);
    assert_eq!(drain(&buffer, 1), (0..200_000).collect::<Vec<_>>());
    assert!((2..=3).contains(&segments()), "{}", segments());
    assert_eq!((buffer.stored(Lane(0)), buffer.stored(Lane(1))), (0, 0));
}

#[test]
fn a_full_disk_pauses_the_input_and_loses_nothing() {
    let folder = folder();
    let buffer = kept(folder.path(), &["a"], &[None]);
    let push = |n: u64| {
        let mut batch = lines(n * 100..n * 100 + 100);
        batch.acks = acks(n);
        buffer.push(batch);
    };
    buffer.disk.as_ref().unwrap().store().room = Some(40_000);
    let mut pushed = 0;
    while buffer.room(0) > 0 {
        push(pushed);
        pushed += 1;
        assert!(pushed < 100, "it does not pause");
    }
    let released = buffer.take_acks(0).len() as u64;
    assert!(0 < released && released < pushed, "{released} of {pushed}");
    // The disk has room again: what waits in memory goes there, its source is released when it is taken.
    buffer.disk.as_ref().unwrap().store().room = None;
    assert!(buffer.room(0) > 0);
    push(pushed);
    assert_eq!(drain(&buffer, 0), (0..pushed * 100 + 100).collect::<Vec<_>>());
    assert_eq!(released + buffer.take_acks(0).len() as u64, pushed + 1);
    drop(buffer);
    assert_eq!(drain(&kept(folder.path(), &["a"], &[None]), 0), Vec::<u64>::new());
}

#[test]
fn a_full_disk_holds_nobody_up_whose_output_takes() {
    let folder = folder();
    let buffer = kept(folder.path(), &["a", "b"], &[None, None]);
    buffer.disk.as_ref().unwrap().store().room = Some(0);
    for n in 0..300 {
        assert!(buffer.room(0) > 0, "{n}");
        let mut batch = lines(n * 10..n * 10 + 10);
        batch.acks = acks(n);
        buffer.push(batch);
        let expected: Vec<u64> = (n * 10..n * 10 + 10).collect();
        assert_eq!((drain(&buffer, 0), buffer.take_acks(0).len()), (expected.clone(), 0));
        assert_eq!((drain(&buffer, 1), buffer.take_acks(0).len()), (expected, 1));
        if n == 3 {
            break;
        }
    }
}

#[test]
fn over_its_limit_an_output_pauses_the_input_or_drops_the_oldest_and_counts_them() {
    for drop_oldest in [false, true] {
        let folder = folder();
        let limit = TotalLimit { bytes: 300_000, drop_oldest };
        let buffer = kept(folder.path(), &["a"], &[Some(limit)]);
        let mut pushed = 0;
        while buffer.room(0) > 0 && pushed < 100 {
            buffer.push(lines(pushed * 100..pushed * 100 + 100));
            pushed += 1;
        }
        let (dropped, left) = (buffer.overflowed(Lane(0)), drain(&buffer, 0));
        assert_eq!((pushed < 100, dropped > 0), (!drop_oldest, drop_oldest));
        assert_eq!(left, (dropped..pushed * 100).collect::<Vec<_>>());
        assert!(buffer.room(0) > 0);
    }
}

#[test]
fn two_processes_never_share_a_folder() {
    let folder = folder();
    let _first = kept(folder.path(), &["a"], &[None]);
    assert!(matches!(Store::open(folder.path(), false, &["a".to_owned()], 1), Err(StoreError::Busy(_))));
}

#[expect(clippy::print_stdout, reason = "its parent reads it")]
/// What the next test kills: stores lines one by one and prints the number of each that was released.
#[test]
fn child() {
    let Some(path) = std::env::var_os(CHILD) else { return };
    let buffer = kept(Path::new(&path), &["a"], &[None]);
    let mut next = std::env::var_os("FROM").unwrap().into_string().unwrap().parse::<u64>().unwrap();
    loop {
        let (tell, mut told) = tokio::sync::oneshot::channel();
        let mut batch = lines(next..next + 7);
        batch.holds.push(buffer.hold(0, Done::Told(tell)));
        buffer.push(batch);
        if told.try_recv().is_ok() {
            next += 7;
            println!("released {next}");
        }
    }
}

#[test]
fn whenever_a_process_is_killed_nothing_that_was_released_is_lost() {
    let folder = folder();
    let (mut seen, mut released): (BTreeSet<u64>, u64) = (BTreeSet::new(), 0);
    for round in 0..12u64 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "buffer::store::tests::child", "--nocapture", "--test-threads=1"])
            .env(CHILD, folder.path())
            .env("FROM", released.to_string())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let lines = std::io::BufReader::new(child.stdout.take().unwrap()).lines();
        let mut told = 0;
        for line in lines.map_while(Result::ok) {
            let Some((_, number)) = line.rsplit_once("released ") else { continue };
            released = number.parse().unwrap();
            told += 1;
            // Killed while it goes on: after another count each time.
            if told == 1 + round * 37 {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        // Every other time the parent takes what is there; else the next child finds it.
        if round % 2 == 1 {
            seen.extend(drain(&kept(folder.path(), &["a"], &[None]), 0));
            let missing: Vec<u64> = (0..released).filter(|number| !seen.contains(number)).collect();
            assert!(missing.is_empty(), "round {round}: {missing:?} of {released} are lost");
        }
    }
    assert!(released > 500, "{released}");
}
