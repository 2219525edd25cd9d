//! A file cut or damaged anywhere opens, with every entry that is whole.

use std::{
    sync::{Condvar, Mutex},
    time::Duration,
};

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

/// A file of 64 KiB, an entry for each of many files, and the entries.
fn fixture(path: &Path) -> (Vec<u8>, Vec<CheckpointEntry>) {
    let (mut store, _) = Store::open(path, 1000).unwrap();
    let all: Vec<_> = (1..=830).map(|id| entry(id, id * 100)).collect();
    store.write(&all).unwrap();
    let bytes = fs::read(path).unwrap();
    assert!((64_000..68_000).contains(&bytes.len()), "{}", bytes.len());
    (bytes, all)
}

/// Flips a bit of each of these bytes, and cuts the file there: it starts, or says clearly that it is of another version.
fn damage(places: impl Iterator<Item = usize>) {
    let dir = folder();
    let path = dir.path().join("offsets");
    let (mut bytes, all) = fixture(&path);
    let of = |bytes: &[u8]| recover(&path, bytes).map(|(live, _)| live.into_values().collect::<Vec<_>>());
    for at in places {
        match of(&bytes[..at]) {
            Ok(got) => assert_eq!(got[..], all[..got.len()], "cut at {at}"),
            Err(error) => panic!("cut at {at}: {error}"),
        }
        for flip in [1, 0x80] {
            bytes[at] ^= flip;
            match of(&bytes) {
                Ok(got) => {
                    assert!(got.len() + 1 >= all.len() && got.iter().all(|entry| all.contains(entry)), "byte {at}");
                }
                Err(error) => assert!(at == 7 && matches!(error, CheckpointError::Newer { .. }), "{at}: {error}"),
            }
            bytes[at] ^= flip;
        }
    }
}

#[test]
fn a_damaged_byte_costs_at_most_its_entry_and_a_cut_what_stands_behind_it() {
    damage((0..300).chain((300..64_000).step_by(1009)));
}

#[test]
#[ignore = "every byte takes minutes; the places of the test above are a sample of them"]
fn every_damaged_byte_costs_at_most_its_entry_and_every_cut_what_stands_behind_it() {
    damage(0..64_000);
}

#[test]
fn what_is_written_behind_damage_counts() {
    let dir = folder();
    let path = dir.path().join("offsets");
    let (bytes, all) = fixture(&path);
    for damaged in [bytes[..bytes.len() - 3].to_vec(), [&bytes[..200], &[7; 5], &bytes[205..]].concat()] {
        fs::write(&path, damaged).unwrap();
        let (mut store, got) = Store::open(&path, 1000).unwrap();
        assert!(got.len() == all.len() - 1 && store.cut_bytes > 0);
        store.write(&all).unwrap();
        drop(store);
        assert_eq!(Store::open(&path, 1000).unwrap().1, all);
    }
}

#[test]
fn a_full_disk_is_waited_for_and_then_has_everything() {
    let dir = folder();
    let path = dir.path().join("offsets");
    let (mut store, _) = Store::open(&path, 1000).unwrap();
    store.write(&[entry(1, 10)]).unwrap();
    // A device that is always full, in the place of the file and of the one that would replace it.
    store.file = OpenOptions::new().append(true).open("/dev/full").unwrap();
    let beside = dir.path().join("offsets.tmp");
    std::os::unix::fs::symlink("/dev/full", &beside).unwrap();
    store.write(&[entry(1, 11)]).unwrap();
    assert!(store.is_behind());
    std::os::unix::fs::symlink("/dev/full", &beside).unwrap();
    store.write(&[entry(2, 5)]).unwrap();
    assert!(store.is_behind());
    assert_eq!(recover(&path, &fs::read(&path).unwrap()).unwrap().0.into_values().collect::<Vec<_>>(), [entry(1, 10)]);
    store.mend().unwrap();
    assert!(!store.is_behind());
    store.write(&[entry(2, 6)]).unwrap();
    drop(store);
    assert_eq!(Store::open(&path, 1000).unwrap().1, [entry(1, 11), entry(2, 6)]);
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
    told(&mut store).unwrap();
    store.write(&[entry(1, 2)]).unwrap();
    store.maintain(999).unwrap();
    assert!(store.unsynced, "the next interval begins with the last sync");
    store.maintain(1_000).unwrap();
    assert!(!store.unsynced);
}

static HANGS: Mutex<bool> = Mutex::new(true);
static GOES_ON: Condvar = Condvar::new();

/// A disk that takes its time.
fn hang(_: &File) -> io::Result<()> {
    let patience = Duration::from_secs(20);
    let waited = GOES_ON.wait_timeout_while(HANGS.lock().unwrap(), patience, |hangs| *hangs).unwrap().1;
    if waited.timed_out() { Err(io::Error::other("nobody went on meanwhile")) } else { Ok(()) }
}

/// Until the sync that is under way is over and was told of.
fn told(store: &mut Store) -> Result<(), CheckpointError> {
    while store.syncing.as_ref().is_some_and(|sync| !sync.is_finished()) {
        thread::yield_now();
    }
    store.maintain(0)
}

#[test]
fn a_sync_that_hangs_holds_up_no_entry_and_is_followed_by_one_for_what_came_meanwhile() {
    let dir = folder();
    let path = dir.path().join("offsets");
    let (mut store, _) = Store::open(&path, 500).unwrap();
    store.sync_file = hang;
    store.write(&[entry(1, 10)]).unwrap();
    store.maintain(500).unwrap();
    store.write(&[entry(1, 11)]).unwrap();
    // One at a time.
    store.maintain(5_000).unwrap();
    assert!(store.unsynced && store.syncing.is_some());
    assert_eq!(recover(&path, &fs::read(&path).unwrap()).unwrap().0.into_values().collect::<Vec<_>>(), [entry(1, 11)]);
    *HANGS.lock().unwrap() = false;
    GOES_ON.notify_all();
    told(&mut store).unwrap();
    store.maintain(5_000).unwrap();
    assert!(!store.unsynced && store.syncing.is_some());
    store.sync().unwrap();
    assert!(store.syncing.is_none(), "the last one is waited for");
}

#[test]
fn what_became_of_a_sync_is_told_later() {
    let dir = folder();
    let path = dir.path().join("offsets");
    let (mut store, _) = Store::open(&path, 500).unwrap();
    store.sync_file = |_| Err(io::ErrorKind::StorageFull.into());
    store.write(&[entry(1, 10)]).unwrap();
    store.maintain(500).unwrap();
    told(&mut store).unwrap();
    assert!(store.is_behind(), "what did not reach the disk is written again");
    store.mend().unwrap();
    store.sync_file = |_| Err(io::Error::other("broken"));
    store.write(&[entry(1, 11)]).unwrap();
    store.maintain(1_000).unwrap();
    let error = told(&mut store).unwrap_err().to_string();
    assert!(error.contains("broken") && error.contains("offsets"), "{error}");
    store.write(&[entry(1, 12)]).unwrap();
    store.maintain(1_500).unwrap();
    assert!(store.sync().is_err(), "whoever waits for it is told as well");
}
