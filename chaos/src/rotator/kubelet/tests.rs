//! The order of the steps, name by name, and what becomes of stamps.

use super::*;
use crate::{
    inject::{Stage, model::Model},
    support::lines,
};

const LOG: &str = "0.log";
const STAMP: &str = "20260130-142501";

fn steps(names: &[&str], settings: Settings) -> Vec<String> {
    lines(&rotate(&names.iter().collect(), Path::new(LOG), STAMP, settings))
}

#[test]
fn the_first_rotation_renames_and_reopens() {
    let got = steps(&["0.log"], Settings { gap_ms: 2, ..Settings::default() });
    assert_eq!(got, ["rename 0.log -> 0.log.20260130-142501", "wait 2 ms", "reopen 0.log"]);
}

#[test]
fn leftovers_go_then_the_oldest_then_the_plain_ones_are_archived() {
    let names = [
        "0.log",
        "0.log.20260130-142001.gz",
        "0.log.20260130-142101.gz",
        "0.log.20260130-142201",
        "0.log.20260130-142201.gz",
        "0.log.20260130-142301",
        "0.log.20260130-142301.tmp",
        "1.log",
        "0.logx",
    ];
    assert_eq!(
        steps(&names, Settings { max_files: 4, ..Settings::default() }),
        [
            "unlink 0.log.20260130-142201",
            "unlink 0.log.20260130-142301.tmp",
            "unlink 0.log.20260130-142001.gz",
            "unlink 0.log.20260130-142101.gz",
            "compress 0.log.20260130-142301 -> 0.log.20260130-142301.tmp",
            "rename 0.log.20260130-142301.tmp -> 0.log.20260130-142301.gz",
            "unlink 0.log.20260130-142301",
            "rename 0.log -> 0.log.20260130-142501",
            "reopen 0.log",
        ]
    );
}

#[test]
fn archiving_alone_leaves_the_live_file_and_what_is_compressed() {
    let names: &[&str] = &["0.log", "0.log.20260130-142101.gz", "0.log.20260130-142301", "1.log.20260130-142301"];
    assert_eq!(
        lines(&archive(&names.iter().collect(), Path::new(LOG))),
        [
            "compress 0.log.20260130-142301 -> 0.log.20260130-142301.tmp",
            "rename 0.log.20260130-142301.tmp -> 0.log.20260130-142301.gz",
            "unlink 0.log.20260130-142301",
        ]
    );
}

#[test]
fn without_archives_plain_files_stay_until_they_are_too_many() {
    let names = ["0.log", "0.log.20260130-142201", "0.log.20260130-142301"];
    let settings = Settings { max_files: 3, archive: false, ..Settings::default() };
    assert_eq!(
        steps(&names, settings),
        ["unlink 0.log.20260130-142201", "rename 0.log -> 0.log.20260130-142501", "reopen 0.log"]
    );
}

#[test]
fn a_live_file_that_is_missing_is_only_reopened() {
    assert_eq!(steps(&["0.log.20260130-142201"], Settings::default()), ["reopen 0.log"]);
}

#[test]
fn a_failed_reopen_renames_back() {
    let log = Path::new("pods/a/0.log");
    let listing = ["0.log"].iter().collect();
    let got = lines(&rename_back(&listing, log, STAMP, Settings { gap_ms: 5, ..Settings::default() }));
    assert_eq!(
        got,
        [
            "rename pods/a/0.log -> pods/a/0.log.20260130-142501",
            "wait 5 ms",
            "rename pods/a/0.log.20260130-142501 -> pods/a/0.log"
        ]
    );
}

#[test]
fn a_stamp_that_is_taken_moves_past_the_latest() {
    let last = |names: &[&str]| {
        let got = steps(names, Settings { max_files: 9, archive: false, ..Settings::default() });
        got[got.len() - 2].strip_prefix("rename 0.log -> 0.log.").unwrap().to_owned()
    };
    assert_eq!(last(&["0.log", "0.log.20260130-142500"]), "20260130-142501");
    assert_eq!(last(&["0.log", "0.log.20260130-142501"]), "20260130-142502");
    assert_eq!(last(&["0.log", "0.log.20260130-142501.gz"]), "20260130-142502");
    assert_eq!(last(&["0.log", "0.log.20261231-235959"]), "20270101-000000");
    // Names of another form are nobody's generation.
    assert_eq!(last(&["0.log", "0.log.zzz", "0.log.20269999-142501", "0.log.\u{fc}"]), "20260130-142501");
}

#[test]
fn a_stamp_of_another_form_is_told_apart_by_a_number() {
    let listing = ["0.log", "0.log.x", "0.log.x-000001.gz"].iter().collect();
    let got = lines(&rotate(&listing, Path::new(LOG), "x", Settings { archive: false, ..Settings::default() }));
    assert_eq!(got, ["rename 0.log -> 0.log.x-000002", "reopen 0.log"]);
}

/// How many of 40 records are left after four rotations within one second.
fn left_after_a_hasty_second(stamps: Stamps) -> usize {
    let mut model = Model::with_live(Path::new(LOG));
    for _ in 0..4 {
        for _ in 0..10 {
            model.write();
        }
        for step in
            rotate(&model.listing(), Path::new(LOG), STAMP, Settings { max_files: 9, stamps, ..Settings::default() })
        {
            assert_eq!(model.perform(&step).error, None, "{step}");
        }
    }
    model.reachable().len()
}

#[test]
fn two_rotations_in_one_second_lose_a_generation_only_when_asked_to() {
    assert_eq!(left_after_a_hasty_second(Stamps::Unique), 40);
    // The second .TS is unlinked as the leftover of the first, whose .TS.gz is there.
    assert_eq!(left_after_a_hasty_second(Stamps::AsGiven), 20);
}

#[test]
fn a_moment_becomes_a_stamp() {
    assert_eq!(stamp(1_769_783_101), "20260130-142501");
    assert_eq!(stamp(i64::MAX), "19700101-000000");
}
