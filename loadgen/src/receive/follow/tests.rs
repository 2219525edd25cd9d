use std::io::Write;

use results::{identity::StreamId, route::RouteId};

use super::*;
use crate::{
    payload::{Body, Size},
    trial::{RUN, ledger, place, until},
};

#[test]
fn lines_of_old_new_and_replaced_files_are_booked_once() {
    let dir = place();
    let ledger = ledger(1);
    ledger.sent(StreamId(0), 100);
    ledger.written(StreamId(0), 100, 1);
    let payloads = Payloads::new(RUN, 1, [(Body::AppText, Size::Fixed(300))]);
    let lines = |seqs: std::ops::Range<u64>| -> Vec<u8> {
        let payload = payloads.get(StreamId(0)).expect("a stream");
        seqs.flat_map(|seq| [payload.expected(seq, 1), b"\n".to_vec()].concat()).collect()
    };
    let (path, other) = (dir.path().join("out.log"), dir.path().join("out-2.log"));
    std::fs::write(&path, lines(0..10)).expect("written");
    std::fs::write(dir.path().join("other.txt"), lines(90..100)).expect("written");
    let plan = FollowPlan {
        dir: dir.path().into(),
        pattern: "out*.log".into(),
        format: Format::Auto,
        keys: Keys::default(),
        payloads: None,
        route: RouteId(0),
    };
    let follower = Follower::start(plan, Arc::clone(&ledger), RunClock::start()).expect("started");
    until("the old lines", || ledger.totals().delivered == 10);

    let halves = lines(10..11);
    let mut file = std::fs::OpenOptions::new().append(true).open(&path).expect("there");
    file.write_all(&halves[..100]).expect("written");
    until("the half line", || follower.counters().bytes == 10 * 301 + 100);
    assert_eq!(ledger.totals().delivered, 10);
    file.write_all(&halves[100..]).expect("written");
    std::fs::write(&other, lines(11..20)).expect("written");
    until("the new file", || ledger.totals().delivered == 20);

    std::fs::rename(&path, dir.path().join("old")).expect("renamed");
    file.write_all(&lines(20..25)).expect("written");
    std::fs::write(&path, lines(25..30)).expect("written");
    until("the replaced file", || ledger.totals().delivered == 30);
    std::fs::write(&other, b"unfinished").expect("written");
    let counters = follower.stop();
    assert_eq!((counters.files, counters.records, counters.shrunk, counters.errors), (3, 30, 1, 0));
    assert_eq!((counters.unfinished_bytes, ledger.totals().duplicated, ledger.totals().corrupted), (10, 0, 0));
}
