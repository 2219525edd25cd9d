//! The books as a set of laws: what merging, storing and cutting may change, and what never.

use std::{fs, path::PathBuf};

use proptest::prelude::*;

use super::*;

const NAMES: [&str; 2] = ["app-1", "app-2"];
const RECORDS: u64 = 300;

fn folder() -> tempfile::TempDir {
    let target = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/results-tests");
    fs::create_dir_all(&target).unwrap();
    tempfile::tempdir_in(target).unwrap()
}

fn names() -> Vec<String> {
    NAMES.map(str::to_owned).to_vec()
}

fn marks(reserved: u64, sent: u64, written: u64) -> Marks {
    Marks { reserved, sent, written, bytes: written * 100 }
}

/// One stream on two routes: two entries.
fn empty() -> Books {
    Books::on_routes(7, &["app".to_owned()], &["a".to_owned(), "b".to_owned()], &[])
}

/// Any entry that a ledger could add after both entries were reserved.
fn entry() -> impl Strategy<Value = Entry> {
    let seqs = (0..RECORDS, 1u64..20).prop_map(|(from, len)| from..(from + len).min(RECORDS));
    (0..18u8, 0..2u16, seqs, 1u64..3, 0u64..5_000_000).prop_map(|(kind, stream, seqs, n, t_us)| match kind {
        0..=3 => Entry::Arrived { stream, seqs },
        4 => Entry::SourceLost { stream, seqs },
        5 => Entry::SourceLostWhy { stream, why: format!("reason {n}"), count: n },
        6 => Entry::Surplus { stream, seqs, copies: n },
        7 => {
            Entry::Again { stream, again: Again { from_us: t_us, until_us: t_us + n, from: seqs.start, to: seqs.end } }
        }
        8 => {
            let allowance = if n == 1 { Allowance::InFlight } else { Allowance::AnswerLost };
            Entry::Allowed { stream, seqs, times: n, allowance }
        }
        9 => Entry::Damaged { stream, seqs, copies: n },
        10 => Entry::Reordered { stream, count: seqs.end - seqs.start, seqs },
        11 => Entry::Misattributed { stream, count: seqs.end - seqs.start, seqs },
        12 => Entry::DamageKind { route: stream as u8, damage: Damage::ALL[(t_us % 7) as usize], count: n },
        13 => Entry::Unidentified { route: stream as u8, count: n },
        14 => Entry::Fragments { route: stream as u8, count: n },
        15 => Entry::Torn { route: stream as u8, count: n },
        16 => Entry::SourceLostCount { route: stream as u8, why: format!("reason {n}"), count: t_us % 99, slack: n },
        _ => Entry::Unexpected { route: stream as u8, count: n },
    })
}

fn entries() -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec(entry(), 0..30)
}

fn books_of(entries: &[Entry]) -> Books {
    let mut books = empty();
    for stream in 0..2 {
        books.add(&Entry::Marks { stream, marks: marks(RECORDS, RECORDS, RECORDS - 20) });
    }
    for entry in entries {
        books.add(entry);
    }
    books
}

/// How many whole copies of a record the books know of.
fn copies(books: &Books, stream: usize, seq: u64) -> u64 {
    let book = &books.streams()[stream];
    u64::from(book.arrived().contains(seq)) + book.surplus().get(seq)
}

fn merged(left: &Books, right: &Books) -> Books {
    let mut sum = left.clone();
    sum.merge(right).unwrap();
    sum
}

/// Books without the times of surplus copies: those are evidence for sentences, and where neighbouring stretches are
/// joined depends on the order of merging.
fn timeless(books: &Books) -> Books {
    let mut books = books.clone();
    books.streams.iter_mut().for_each(|book| book.again.clear());
    books
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_expected_record_is_delivered_lost_or_corrupted_and_only_one_of_them(entries in entries()) {
        let books = books_of(&entries);
        let totals = books.totals();
        let corrupted_only: u64 =
            books.streams().iter().flat_map(StreamBook::corrupted_only).map(|range| range.end - range.start).sum();
        let lost: u64 = books.streams().iter().flat_map(StreamBook::lost).map(|range| range.end - range.start).sum();
        prop_assert_eq!(totals.expected, totals.delivered + totals.lost + corrupted_only);
        prop_assert_eq!(totals.lost + totals.source_lost_by_number, lost);
        let by_route = books.routes().ids().map(|route| books.route_totals(route));
        let sum = by_route.fold(BookTotals::default(), |mut sum, route| { sum.add(&route); sum });
        // What is written is written once; all the rest is counted on each route.
        prop_assert_eq!(sum, BookTotals { sent: 2 * totals.sent, written: 2 * totals.written, ..totals });
        prop_assert!(totals.duplicated_allowed <= totals.duplicated);
    }

    #[test]
    fn merging_is_the_same_in_any_order_and_grouping(a in entries(), b in entries(), c in entries()) {
        let (a, b, c) = (books_of(&a), books_of(&b), books_of(&c));
        prop_assert_eq!(timeless(&merged(&a, &b)), timeless(&merged(&b, &a)));
        let (left, right) = (merged(&merged(&a, &b), &c), merged(&a, &merged(&b, &c)));
        prop_assert_eq!(timeless(&left), timeless(&right));
        prop_assert_eq!(timeless(&merged(&a, &empty())), timeless(&a));
    }

    #[test]
    fn what_two_receivers_saw_arrived_twice(a in entries(), b in entries()) {
        // Surplus without a first copy cannot come from a ledger.
        let real = |entries: Vec<Entry>| -> Vec<Entry> {
            entries.into_iter().filter(|entry| !matches!(entry, Entry::Surplus { .. })).collect()
        };
        let (a, b) = (books_of(&real(a)), books_of(&real(b)));
        let sum = merged(&a, &b);
        for stream in 0..2 {
            for seq in 0..RECORDS {
                prop_assert_eq!(copies(&sum, stream, seq), copies(&a, stream, seq) + copies(&b, stream, seq));
            }
        }
    }

    #[test]
    fn a_snapshot_is_read_back_as_it_was(entries in entries()) {
        let folder = folder();
        let path = folder.path().join("books.bin");
        let books = books_of(&entries);
        books.store(&path).unwrap();
        prop_assert_eq!(Books::load(&path).unwrap(), books);
    }

    #[test]
    fn deltas_are_read_back_as_they_were_and_are_not_complete(entries in entries()) {
        let folder = folder();
        let path = folder.path().join("books.bin");
        let books = books_of(&entries);
        let mut writer = BooksWriter::create(path.clone(), &books).unwrap();
        let marks = books.streams().iter().enumerate();
        let marks: Vec<Entry> =
            marks.map(|(stream, book)| Entry::Marks { stream: stream as u16, marks: book.marks() }).collect();
        writer.append(&marks).unwrap();
        writer.append(&entries).unwrap();
        let loaded = Books::load(&path).unwrap();
        prop_assert!(!loaded.complete());
        prop_assert_eq!(loaded, Books { complete: false, ..books });
    }

    #[test]
    fn bytes_that_are_no_books_are_refused_or_cut_short_but_never_a_panic(
        mut bytes in prop::collection::vec(any::<u8>(), 0..300), entries in entries(), keep in any::<prop::sample::Index>(),
    ) {
        let folder = folder();
        let path = folder.path().join("books.bin");
        books_of(&entries).store(&path).unwrap();
        let stored = fs::read(&path).unwrap();
        let keep = keep.index(stored.len());
        bytes.splice(..0, stored[..keep].iter().copied());
        fs::write(&path, &bytes).unwrap();
        let _ = Books::load(&path);
        // The same with a check that fits, so that the entries themselves are hostile.
        let mut frame = stored[..12].to_vec();
        frame.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        frame.extend_from_slice(&crc32fast::hash(&bytes).to_le_bytes());
        frame.extend_from_slice(&bytes);
        fs::write(&path, &frame).unwrap();
        let _ = Books::load(&path);
    }
}

/// A run's file as a kill leaves it: blocks reserved, arrivals flushed, never closed.
fn killed_file(path: &std::path::Path) -> Vec<u8> {
    let books = Books::new(7, names());
    let mut writer = BooksWriter::create(path.to_owned(), &books).unwrap();
    for step in 0..6u64 {
        let stream = (step % 2) as u16;
        let upto = (step / 2 + 1) * 50;
        writer.append([&Entry::Marks { stream, marks: marks(upto, upto - 50, upto - 50) }]).unwrap();
        let seqs = upto - 50..upto - 5;
        writer
            .append([
                &Entry::Marks { stream, marks: marks(upto, upto, upto - 3) },
                &Entry::Arrived { stream, seqs: seqs.clone() },
                &Entry::Surplus { stream, seqs: seqs.start..seqs.start + 2, copies: 1 },
                &Entry::SourceLost { stream, seqs: upto - 4..upto - 3 },
            ])
            .unwrap();
    }
    fs::read(path).unwrap()
}

#[test]
fn a_file_cut_at_any_byte_is_a_valid_beginning_and_never_complete() {
    let folder = folder();
    let path = folder.path().join("books.bin");
    let bytes = killed_file(&path);
    let mut last = 0;
    for len in 0..=bytes.len() {
        fs::write(&path, &bytes[..len]).unwrap();
        match Books::load(&path) {
            Ok(books) => {
                assert!(!books.complete(), "cut at {len}");
                let delivered = books.totals().delivered;
                assert!(delivered >= last, "cut at {len}: fewer than with fewer bytes");
                last = delivered;
                for book in books.streams() {
                    assert!(book.arrived().end() <= book.marks().reserved, "cut at {len}: delivered before reserved");
                }
            }
            Err(BooksFileError::Cut { .. }) => assert_eq!(last, 0, "cut at {len}"),
            Err(other) => panic!("cut at {len}: {other}"),
        }
    }
    assert_eq!(last, 6 * 45);
}

#[test]
fn a_closed_file_cut_at_any_byte_is_never_complete() {
    let folder = folder();
    let path = folder.path().join("books.bin");
    books_of(&[Entry::Arrived { stream: 0, seqs: 3..90 }]).store(&path).unwrap();
    let bytes = fs::read(&path).unwrap();
    assert!(Books::load(&path).unwrap().complete());
    for len in 0..bytes.len() {
        fs::write(&path, &bytes[..len]).unwrap();
        assert!(!Books::load(&path).is_ok_and(|books| books.complete()), "cut at {len}");
    }
}

#[test]
fn a_changed_byte_ends_the_believable_part() {
    let folder = folder();
    let path = folder.path().join("books.bin");
    let mut bytes = killed_file(&path);
    let at = bytes.len() - 40;
    bytes[at] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let books = Books::load(&path).unwrap();
    assert!(books.totals().delivered < 6 * 45 && !books.complete());
}

#[test]
fn foreign_and_newer_files_are_told_apart() {
    let folder = folder();
    let path = folder.path().join("books.bin");
    fs::write(&path, b"{\"schema\": 1}").unwrap();
    assert!(matches!(Books::load(&path), Err(BooksFileError::Foreign { .. })));
    fs::write(&path, b"tpbooks\n\x03\0\0\0").unwrap();
    let error = Books::load(&path).unwrap_err().to_string();
    assert!(error.contains("version 3") && error.contains("newer tailproof"), "{error}");
    assert!(matches!(Books::load(&folder.path().join("none")), Err(BooksFileError::Read { .. })));
}

#[test]
fn one_route_is_stored_as_it_always_was_and_several_need_a_newer_program() {
    let folder = folder();
    let head = |books: &Books, name: &str| {
        let path = folder.path().join(name);
        books.store(&path).unwrap();
        assert_eq!(Books::load(&path).unwrap(), *books);
        fs::read(&path).unwrap()[8..].to_vec()
    };
    let plain = head(&books_of_one(), "plain");
    // Version 1; a frame of 15 bytes: tag 1, run 7, two names.
    assert_eq!(plain[..8], [1, 0, 0, 0, 15, 0, 0, 0]);
    assert_eq!(plain[12..27], *b"\x01\x07\x02\x05app-1\x05app-2");
    assert_eq!(head(&empty(), "routes")[..4], [2, 0, 0, 0]);
    let dropping = Books::on_routes(7, &names(), &[], &[StreamId(1)]);
    assert_eq!(head(&dropping, "dropping")[..4], [2, 0, 0, 0]);
    assert_eq!(dropping.to_drop(), [StreamId(1)]);
}

fn books_of_one() -> Books {
    let mut books = Books::new(7, names());
    books.add(&Entry::Marks { stream: 1, marks: marks(9, 9, 9) });
    books
}

#[test]
fn books_of_other_routes_do_not_merge() {
    let dropping = Books::on_routes(7, &names(), &[], &[StreamId(1)]);
    assert_eq!(Books::new(7, names()).merge(&dropping), Err(MergeError::Streams));
    let two = |names: [&str; 2]| Books::on_routes(7, &["app".to_owned()], &names.map(str::to_owned), &[]);
    assert_eq!(two(["a", "b"]).merge(&two(["a", "c"])), Err(MergeError::Streams));
}

#[test]
fn books_of_different_runs_do_not_merge() {
    let mut books = Books::new(7, names());
    assert_eq!(books.merge(&Books::new(8, names())), Err(MergeError::Run(7, 8)));
    assert_eq!(books.merge(&Books::new(7, vec!["x".into()])), Err(MergeError::Streams));
}

#[test]
fn many_gaps_are_stored_as_bits_and_read_back() {
    let folder = folder();
    let path = folder.path().join("books.bin");
    let mut books = Books::new(7, vec!["app".into()]);
    let count = 3 * crate::bitmap::PAGE_BITS;
    books.add(&Entry::Marks { stream: 0, marks: marks(count, count, count) });
    for seq in (0..count).filter(|seq| seq % 3 == 0) {
        books.add(&Entry::Arrived { stream: 0, seqs: seq..seq + 1 });
    }
    books.store(&path).unwrap();
    assert!(fs::metadata(&path).unwrap().len() < count / 8 + 4096, "one bit a record and a little");
    assert_eq!(Books::load(&path).unwrap(), books);
}

#[test]
fn the_worst_hundred_million_records_weigh_one_bit_each() {
    let mut map = crate::bitmap::Bitmap::default();
    let records = 100_000_000u64;
    // One gap a page is enough to hold all its bits.
    for page in 0..=records / crate::bitmap::PAGE_BITS {
        let from = page * crate::bitmap::PAGE_BITS;
        map.insert(from..(from + crate::bitmap::PAGE_BITS - 1).min(records), |_| ());
    }
    let bytes = map.memory_bytes() as u64;
    assert!(bytes >= records / 8 - 8192, "the bits are really there: {bytes}");
    assert!(bytes * 10 <= 256 << 20, "10⁹ records within 256 MiB: {bytes} bytes for a tenth of them");
    assert!(bytes * 8 <= records * 101 / 100, "one bit a record and a hundredth: {bytes}");
}

/// As a bench that is killed at any moment leaves it: books that are there can be read.
#[test]
fn whoever_finds_a_books_file_finds_its_head() {
    let folder = folder();
    let path = |n: u32| folder.path().join(format!("{n}.bin"));
    let books = Books::new(1, names());
    std::thread::scope(|scope| {
        scope.spawn(|| (0..2_000).for_each(|n| drop(BooksWriter::create(path(n), &books).unwrap())));
        for n in 0..2_000 {
            while !path(n).exists() {
                std::thread::yield_now();
            }
            assert_eq!(Books::load(&path(n)).unwrap().names(), NAMES, "file {n}");
        }
    });
}
