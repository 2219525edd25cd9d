//! The judge is judged: a proxy between agent and sink that lies about exactly k records, in every way there is.
//!
//! For k from 0 to 5 the books must name the class, the count and the records, and nothing else.

use std::{ops::Range, sync::Arc};

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use results::{
    books::{Books, Damage},
    event::StreamSample,
    identity::{self, RecordId, STAMP_LEN, Stamp, StreamId},
    ledger::{Labels, Ledger, LedgerPlan, Seen},
    outcome::BookTotals,
    stall::StallDetector,
};

const RUN: u32 = 0x5eed_0017;
const RECORDS: u64 = 2000;
const STREAM: StreamId = StreamId(0);
const PATH: &str = "logs/app.log";

/// A record as a generator would write it.
fn text(run: u32, stream: u16, seq: u64) -> Vec<u8> {
    let body = format!(" GET /item/{} 200 some words that make the line as long as lines are", seq.wrapping_mul(7919));
    let id = RecordId { stream: StreamId(stream), seq };
    let len = STAMP_LEN + body.len();
    let stamp = Stamp { run, id, due_us: seq * 10, text_len: len as u32, at: 0 };
    let mut head = [0; STAMP_LEN];
    stamp.encode(&mut head);
    let mut text = [&head, body.as_bytes()].concat();
    identity::seal(&mut text, 0);
    text
}

/// One delivery: a text and the path it claims.
type Delivery = (Vec<u8>, &'static str);

fn honest() -> Vec<Delivery> {
    (0..RECORDS).map(|seq| (text(RUN, 0, seq), PATH)).collect()
}

fn ledger() -> Arc<Ledger> {
    let plan =
        LedgerPlan { run: RUN, streams: vec!["app".to_owned()], books: None, settle_us: 1000, ..LedgerPlan::default() };
    let ledger = Ledger::create(plan).expect("one stream, no file");
    ledger.reserve(STREAM, RECORDS).expect("no file");
    ledger.sent(STREAM, RECORDS);
    ledger.written(STREAM, RECORDS, RECORDS * 130);
    ledger.route(STREAM, 0, Labels { path: PATH.to_owned() });
    ledger
}

/// Delivers everything in batches of 100 and closes the books.
fn deliver(deliveries: &[Delivery]) -> Books {
    let ledger = ledger();
    let mut intake = ledger.intake();
    for (at, batch) in deliveries.chunks(100).enumerate() {
        intake.begin(at as u64 * 1000);
        for (text, path) in batch {
            intake.record(text, Seen { path: Some(path.as_bytes()), output: Some(b"stdout") });
        }
        let batch = intake.end();
        ledger.answered(batch, at as u64 * 1000);
    }
    ledger.close().expect("no file")
}

/// k different records, not next to each other, the same for the same k.
fn victims(k: usize) -> Vec<u64> {
    let mut random = Pcg64Mcg::seed_from_u64(k as u64);
    let mut victims: Vec<u64> = (0..k as u64).map(|n| n * 300 + random.random_range(1..250)).collect();
    victims.sort_unstable();
    victims
}

fn seqs(ranges: impl Iterator<Item = Range<u64>>) -> Vec<u64> {
    ranges.flatten().collect()
}

fn all() -> BookTotals {
    BookTotals { sent: RECORDS, written: RECORDS, expected: RECORDS, delivered: RECORDS, ..BookTotals::default() }
}

/// Lies about k records and hands books, k and the victims to the check, for every k.
fn for_every_k(lie: impl Fn(&mut Vec<Delivery>, &[u64]), check: impl Fn(&Books, u64, &[u64])) {
    for k in 0..=5 {
        let victims = victims(k);
        let mut deliveries = honest();
        lie(&mut deliveries, &victims);
        let books = deliver(&deliveries);
        check(&books, k as u64, &victims);
        let totals = books.totals();
        let corrupted_only: u64 = books.streams()[0].corrupted_only().map(|range| range.end - range.start).sum();
        assert_eq!(totals.expected, totals.delivered + totals.lost + corrupted_only);
    }
}

/// Each victim is damaged in one way, and everybody knows which record it was.
fn damages(damage: Damage, change: impl Fn(&mut Vec<u8>)) {
    for_every_k(
        |deliveries, victims| victims.iter().for_each(|&seq| change(&mut deliveries[seq as usize].0)),
        |books, k, victims| {
            assert_eq!(books.totals(), BookTotals { delivered: RECORDS - k, corrupted: k, ..all() });
            assert_eq!(seqs(books.streams()[0].corrupted_only()), victims);
            assert_eq!(books.strangers().damage.get(&damage).copied().unwrap_or(0), k);
            assert_eq!(books.strangers().unidentified, 0);
        },
    );
}

#[test]
fn dropped_records_are_lost_and_named() {
    for_every_k(
        |deliveries, victims| {
            let mut seq = 0;
            deliveries.retain(|_| {
                seq += 1;
                !victims.contains(&(seq - 1))
            });
        },
        |books, k, victims| {
            assert_eq!(books.totals(), BookTotals { delivered: RECORDS - k, lost: k, ..all() });
            assert_eq!(seqs(books.streams()[0].lost()), victims);
        },
    );
}

#[test]
fn the_last_records_that_never_arrive_are_lost() {
    let mut deliveries = honest();
    deliveries.truncate(RECORDS as usize - 300);
    let books = deliver(&deliveries);
    assert_eq!(books.totals(), BookTotals { delivered: RECORDS - 300, lost: 300, ..all() });
}

#[test]
fn losses_and_doublings_of_equal_number_are_not_netted() {
    let mut deliveries = honest();
    deliveries.drain(100..200);
    let doubled: Vec<Delivery> = deliveries[500..600].to_vec();
    deliveries.splice(700..700, doubled);
    let totals = deliver(&deliveries).totals();
    assert_eq!(totals, BookTotals { delivered: RECORDS - 100, lost: 100, duplicated: 100, ..all() });
}

#[test]
fn doubled_records_are_surplus_copies_and_named() {
    for_every_k(
        |deliveries, victims| {
            for &seq in victims.iter().rev() {
                let copy = deliveries[seq as usize].clone();
                deliveries.insert(seq as usize + 1, copy);
            }
        },
        |books, k, victims| {
            assert_eq!(books.totals(), BookTotals { duplicated: k, ..all() });
            assert_eq!(seqs(books.streams()[0].surplus().iter().map(|(range, _)| range)), victims);
        },
    );
}

#[test]
fn a_record_that_arrives_six_times_is_five_surplus_copies() {
    let mut deliveries = honest();
    for _ in 0..5 {
        deliveries.push((text(RUN, 0, 77), PATH));
    }
    assert_eq!(deliver(&deliveries).totals(), BookTotals { duplicated: 5, ..all() });
}

#[test]
fn swapped_neighbours_are_reordered() {
    for_every_k(
        |deliveries, victims| victims.iter().for_each(|&seq| deliveries.swap(seq as usize, seq as usize + 1)),
        |books, k, victims| {
            assert_eq!(books.totals(), BookTotals { reordered: k, ..all() });
            assert_eq!(seqs(books.streams()[0].reordered().seqs.iter()), victims);
        },
    );
}

#[test]
fn delayed_records_are_reordered_and_not_lost() {
    for_every_k(
        |deliveries, victims| {
            for &seq in victims.iter().rev() {
                let late = deliveries.remove(seq as usize);
                deliveries.push(late);
            }
        },
        |books, k, victims| {
            assert_eq!(books.totals(), BookTotals { reordered: k, ..all() });
            assert_eq!(seqs(books.streams()[0].reordered().seqs.iter()), victims);
        },
    );
}

#[test]
fn resurrected_records_of_long_ago_are_surplus_copies() {
    for_every_k(
        |deliveries, victims| victims.iter().for_each(|&seq| deliveries.push((text(RUN, 0, seq), PATH))),
        |books, k, _| assert_eq!(books.totals(), BookTotals { duplicated: k, ..all() }),
    );
}

#[test]
fn relabelled_records_are_misattributed_and_named() {
    for_every_k(
        |deliveries, victims| victims.iter().for_each(|&seq| deliveries[seq as usize].1 = "logs/other.log"),
        |books, k, victims| {
            assert_eq!(books.totals(), BookTotals { misattributed: k, ..all() });
            assert_eq!(seqs(books.streams()[0].misattributed().seqs.iter()), victims);
        },
    );
}

#[test]
fn a_wrong_output_stream_is_misattribution() {
    let ledger = ledger();
    let mut intake = ledger.intake();
    intake.begin(0);
    intake.record(&text(RUN, 0, 0), Seen { path: None, output: Some(b"stderr") });
    intake.record(&text(RUN, 0, 1), Seen { path: None, output: Some(b"stdout") });
    intake.record(&text(RUN, 0, 2), Seen::default());
    intake.end();
    let book = &ledger.snapshot().streams()[0].clone();
    assert_eq!(seqs(book.misattributed().seqs.iter()), [0]);
}

#[test]
fn invented_records_are_unexpected_whoever_they_claim_to_be() {
    let invent: [fn(u64) -> Vec<u8>; 3] =
        [|seq| text(RUN, 0, RECORDS + seq), |seq| text(RUN + 1, 0, seq), |seq| text(RUN, 9, seq)];
    for invent in invent {
        for_every_k(
            |deliveries, victims| {
                for &seq in victims.iter().rev() {
                    deliveries.insert(seq as usize, (invent(seq), PATH));
                }
            },
            |books, k, _| assert_eq!(books.totals(), BookTotals { unexpected: k, ..all() }),
        );
    }
}

#[test]
fn a_flipped_bit_anywhere_is_corruption_of_that_record() {
    let len = text(RUN, 0, 0).len();
    for place in 0..len {
        for bit in [0, 3, 6] {
            let ledger = ledger();
            let mut intake = ledger.intake();
            let mut damaged = text(RUN, 0, 5);
            damaged[place] ^= 1 << bit;
            intake.begin(0);
            intake.record(&damaged, Seen::default());
            intake.end();
            let books = ledger.snapshot();
            assert_eq!(seqs(books.streams()[0].corrupted_only()), [5], "byte {place}, bit {bit}");
            assert_eq!(books.totals().unexpected, 0);
        }
    }
    damages(Damage::Changed, |text| text[100] ^= 4);
}

#[test]
fn cut_records_are_corrupted_and_named() {
    damages(Damage::Cut, |text| text.truncate(90));
    damages(Damage::StampCut, |text| text.truncate(40));
    damages(Damage::Cut, |text| {
        text.pop();
    });
}

#[test]
fn lengthened_and_nul_filled_records_are_corrupted_and_named() {
    damages(Damage::Longer, |text| text.extend_from_slice(b" and more"));
    damages(Damage::NulFilled, |text| text[80..95].fill(0));
    damages(Damage::NulFilled, |text| text[110] = 0);
}

#[test]
fn merged_neighbours_are_both_corrupted() {
    for_every_k(
        |deliveries, victims| {
            for &seq in victims.iter().rev() {
                let next = deliveries.remove(seq as usize + 1);
                deliveries[seq as usize].0.extend_from_slice(&next.0);
            }
        },
        |books, k, victims| {
            assert_eq!(books.totals(), BookTotals { delivered: RECORDS - 2 * k, corrupted: 2 * k, ..all() });
            let both: Vec<u64> = victims.iter().flat_map(|&seq| [seq, seq + 1]).collect();
            assert_eq!(seqs(books.streams()[0].corrupted_only()), both);
            assert_eq!(books.strangers().damage.get(&Damage::Merged).copied().unwrap_or(0), 2 * k);
        },
    );
}

#[test]
fn texts_without_a_trace_of_a_stamp_are_corrupted_and_their_records_lost() {
    for_every_k(
        |deliveries, victims| {
            for &seq in victims {
                deliveries[seq as usize].0.drain(..STAMP_LEN);
            }
        },
        |books, k, victims| {
            assert_eq!(books.totals(), BookTotals { delivered: RECORDS - k, corrupted: k, lost: k, ..all() });
            assert_eq!(seqs(books.streams()[0].lost()), victims);
            assert_eq!(books.strangers().unidentified, k);
        },
    );
}

#[test]
fn a_damaged_copy_beside_a_whole_one_corrupts_and_loses_nothing() {
    let mut deliveries = honest();
    let mut copy = text(RUN, 0, 9);
    copy.truncate(70);
    deliveries.push((copy, PATH));
    assert_eq!(deliver(&deliveries).totals(), BookTotals { corrupted: 1, ..all() });
}

#[test]
fn a_stream_that_stops_is_a_stall_and_its_neighbour_is_not() {
    let mut detector = StallDetector::new(2_000_000);
    let mut stalls = Vec::new();
    for t in 0..20u64 {
        let stuck = t.min(5) * 10;
        let samples = [StreamSample(t * 10, stuck), StreamSample(t * 10, t * 10)];
        stalls.extend(detector.observe(t * 500_000, &samples, |_| true));
    }
    assert_eq!(stalls.len(), 1);
    assert_eq!((stalls[0].stream, stalls[0].from_us, stalls[0].until_us), (STREAM, 2_500_000, None));
}

#[test]
fn nothing_from_outside_makes_the_intake_panic() {
    let mut random = Pcg64Mcg::seed_from_u64(1);
    let ledger = ledger();
    let mut intake = ledger.intake();
    intake.begin(0);
    for _ in 0..3000 {
        let mut noise = text(RUN, random.random_range(0..3), random.random_range(0..RECORDS));
        for _ in 0..random.random_range(1..6) {
            let at = random.random_range(0..noise.len());
            match random.random_range(0..4) {
                0 => noise[at] = random.random(),
                1 => noise.truncate(at + 1),
                2 => noise.extend_from_slice(&text(RUN, 0, 3)[..at.min(60)]),
                _ => drop(noise.drain(..at)),
            }
            if noise.is_empty() {
                noise.push(0);
            }
        }
        intake.record(&noise, Seen { path: Some(&noise), output: Some(&noise) });
    }
    intake.record(b"", Seen::default());
    intake.end();
    let totals = ledger.totals();
    assert_eq!(totals.expected, RECORDS);
    assert!(totals.corrupted > 1000);
}
