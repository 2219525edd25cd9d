//! A file cut or damaged anywhere opens, with the entries before the damage.

use super::*;
use crate::{checkpoint::Fingerprint, os::Identity};

fn folder() -> tempfile::TempDir {
    let target = Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/tmp");
    fs::create_dir_all(&target).unwrap();
    tempfile::tempdir_in(target).unwrap()
}

fn entry(id: u64, offset: u64) -> CheckpointEntry {
    CheckpointEntry {
        id,
        path: PathBuf::from(format!("/logs/{id}.log")),
        identity: Identity { dev: 1, ino: 40 + id, generation: Some(7), birth_ns: id.is_multiple_of(2).then_some(-5) },
        head: Fingerprint::of(b"a head"),
        offset,
        state: if id.is_multiple_of(3) { EntryState::Done } else { EntryState::Open },
    }
}

#[test]
fn what_was_written_is_there_after_opening_again() {
    let dir = folder();
    let path = dir.path().join("offsets");
    let (mut store, none) = Store::open(&path, 1000).unwrap();
    assert!(none.is_empty());
    store.write(&[entry(1, 10), entry(2, 20), entry(3, 5)]).unwrap();
    store.write(&[entry(1, 11), CheckpointEntry { state: EntryState::Forgotten, ..entry(2, 20) }]).unwrap();
    drop(store);
    assert_eq!(Store::open(&path, 1000).unwrap().1, [entry(1, 11), entry(3, 5)]);
}

#[test]
fn every_cut_and_every_changed_byte_opens_with_a_prefix_or_a_clear_error() {
    let dir = folder();
    let path = dir.path().join("offsets");
    let (mut store, _) = Store::open(&path, 1000).unwrap();
    let all: Vec<_> = (1..=4).map(|id| entry(id, id * 100)).collect();
    store.write(&all).unwrap();
    let good = fs::read(&path).unwrap();
    let is_prefix = |bytes: &[u8]| match recover(&path, bytes) {
        Ok((live, valid)) => {
            assert!(valid <= bytes.len());
            let got: Vec<_> = live.into_values().collect();
            assert_eq!(got[..], all[..got.len()]);
        }
        Err(CheckpointError::Foreign(_) | CheckpointError::Newer { .. }) => assert_ne!(bytes[..8], good[..8]),
        Err(other) => panic!("{other}"),
    };
    for at in 0..good.len() {
        is_prefix(&good[..at]);
        for flip in [1, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= flip;
            is_prefix(&bad);
        }
    }
    fs::write(&path, &good[..good.len() - 3]).unwrap();
    let (mut store, entries) = Store::open(&path, 1000).unwrap();
    assert_eq!(entries[..], all[..3]);
    store.write(&all[3..]).unwrap();
    assert_eq!(Store::open(&path, 1000).unwrap().1, all, "what is written behind a cut must count");
}

#[test]
fn a_foreign_or_newer_file_is_refused_and_left_alone() {
    let dir = folder();
    let path = dir.path().join("offsets");
    fs::write(&path, b"SQLite format 3").unwrap();
    assert!(matches!(Store::open(&path, 0), Err(CheckpointError::Foreign(_))));
    assert_eq!(fs::read(&path).unwrap(), b"SQLite format 3");
    fs::write(&path, b"TPCHKPT\x09....").unwrap();
    assert!(matches!(Store::open(&path, 0), Err(CheckpointError::Newer { found: 9, .. })));
}

#[test]
fn the_file_stays_small_however_often_it_is_written() {
    let dir = folder();
    let path = dir.path().join("offsets");
    let (mut store, _) = Store::open(&path, 1000).unwrap();
    for offset in 0..5_000 {
        store.write(&[entry(1, offset), entry(2, offset)]).unwrap();
        assert!(store.len_bytes() <= COMPACT_FROM + 200);
    }
    drop(store);
    assert_eq!(Store::open(&path, 0).unwrap().1, [entry(1, 4_999), entry(2, 4_999)]);
}

#[test]
fn it_syncs_once_an_interval() {
    let dir = folder();
    let (mut store, _) = Store::open(&dir.path().join("offsets"), 500).unwrap();
    store.write(&[entry(1, 1)]).unwrap();
    store.maintain(499).unwrap();
    assert!(store.unsynced);
    store.maintain(500).unwrap();
    assert!(!store.unsynced);
}
