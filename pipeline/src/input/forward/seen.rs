//! Which chunks were taken, remembered across restarts: an append-only file of digests.
//!
//! ```text
//! "TPCHUNKS" | digest:16 crc:4 | digest:16 crc:4 | …       the newest last, all of one size
//! ```
//! A digest covers the whole message, its chunk id and its records: senders that number their chunks from one do not
//! take each other's records away. An entry is handed to the kernel before the answer is sent, so it survives the
//! process; it is made to reach the disk about once in [`SYNC_EVERY`] entries and at the end. Entries that are damaged are left out and
//! counted; the file is written anew when it holds twice as many as are remembered.

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::{Path, PathBuf},
};

use ring::digest::{SHA512, digest as sha512};
use tokio::sync::watch;

use crate::os::is_full;

/// Name of a chunk: the beginning of the SHA-512 of its message.
pub(super) type Digest = [u8; 16];

const MAGIC: &[u8; 8] = b"TPCHUNKS";
const ENTRY: usize = 20;
/// Entries from one sync to the next.
const SYNC_EVERY: u64 = 1_000;

/// What is known of a chunk.
#[derive(Debug)]
pub(super) enum Known {
    /// Nothing: it begins now.
    No,
    /// It was taken.
    Taken,
    /// It has begun; true once it is taken.
    UnderWay(watch::Receiver<bool>),
}

/// The chunks that are remembered.
#[derive(Debug)]
pub(super) struct Seen {
    path: PathBuf,
    file: File,
    most: usize,
    entries: usize,
    unsynced: u64,
    /// An entry could not be written: what is there is written anew before another is appended.
    torn: bool,
    failures: u64,
    taken: BTreeSet<Digest>,
    /// The same, oldest first.
    order: VecDeque<Digest>,
    under_way: BTreeMap<Digest, watch::Sender<bool>>,
}

/// The name of a message.
pub(super) fn digest(message: &[u8]) -> Digest {
    let whole = sha512(&SHA512, message);
    *whole.as_ref().first_chunk().expect("the digest has 64 bytes")
}

impl Seen {
    /// Opens the file, or makes it; `most` chunks are remembered.
    pub(super) fn open(path: &Path, most: usize) -> io::Result<Self> {
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(path)?;
        let mut bytes = Vec::new();
        // More than this was never written: see `append`.
        (&mut file).take((MAGIC.len() + ENTRY * 3 * most) as u64).read_to_end(&mut bytes)?;
        if !bytes.is_empty() && !bytes.starts_with(MAGIC) && !MAGIC.starts_with(&bytes) {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is no file of chunks"));
        }
        let mut seen = Self {
            path: path.to_owned(),
            file,
            most,
            entries: 0,
            unsynced: 0,
            torn: false,
            failures: 0,
            taken: BTreeSet::new(),
            order: VecDeque::new(),
            under_way: BTreeMap::new(),
        };
        let mut damaged = 0;
        for entry in bytes.get(MAGIC.len()..).unwrap_or_default().chunks(ENTRY) {
            match entry.split_first_chunk::<16>() {
                Some((name, crc)) if crc == crc32fast::hash(name).to_le_bytes() => seen.remember(*name),
                _ => damaged += 1,
            }
        }
        if damaged > 0 {
            tracing::warn!(path = %path.display(), damaged, "entries of chunks are damaged: these may come twice");
        }
        // Entries that are appended stand at their places again, whatever a crash left behind. A full disk heals: until
        // then what is taken is remembered in memory only.
        seen.torn = true;
        match seen.rewrite() {
            Err(error) if is_full(&error) => {
                tracing::error!(path = %path.display(), %error, "chunks that are taken cannot be noted: after a kill they may come twice");
            }
            other => other?,
        }
        Ok(seen)
    }

    /// What is known of a chunk; if nothing, it is under way from now on.
    pub(super) fn begin(&mut self, name: Digest) -> Known {
        if self.taken.contains(&name) {
            return Known::Taken;
        }
        if let Some(taken) = self.under_way.get(&name) {
            return Known::UnderWay(taken.subscribe());
        }
        self.under_way.insert(name, watch::Sender::new(false));
        Known::No
    }

    /// It was taken: from now on it is not delivered again. An entry that the disk refuses is written with a later one.
    pub(super) fn taken(&mut self, name: Digest) -> io::Result<()> {
        if let Some(waiting) = self.under_way.remove(&name) {
            waiting.send_replace(true);
        }
        self.remember(name);
        let written = self.append(&name);
        self.failures += u64::from(written.is_err());
        written
    }

    /// Times that the disk refused an entry.
    pub(super) fn failures(&self) -> u64 {
        self.failures
    }

    fn append(&mut self, name: &Digest) -> io::Result<()> {
        self.entries += 1;
        self.unsynced += 1;
        // A torn entry would shift all that follow.
        self.torn = self.torn || self.file.write_all(&entry(name)).is_err();
        if self.torn || self.entries > 2 * self.most {
            self.rewrite()?;
        }
        if self.unsynced >= SYNC_EVERY { self.sync() } else { Ok(()) }
    }

    /// Makes all of it reach the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.unsynced = 0;
        self.file.sync_data()
    }

    fn remember(&mut self, name: Digest) {
        if self.taken.insert(name) {
            self.order.push_back(name);
        }
        while self.order.len() > self.most {
            let oldest = self.order.pop_front().expect("it was just counted");
            self.taken.remove(&oldest);
        }
    }

    fn rewrite(&mut self) -> io::Result<()> {
        let mut beside = self.path.clone().into_os_string();
        beside.push(".new");
        let beside = PathBuf::from(beside);
        let mut bytes = MAGIC.to_vec();
        self.order.iter().for_each(|name| bytes.extend_from_slice(&entry(name)));
        let mut file = File::create(&beside)?;
        if let Err(error) = file.write_all(&bytes).and_then(|()| file.sync_data()) {
            // A full disk needs what it takes.
            let _ = std::fs::remove_file(&beside);
            return Err(error);
        }
        std::fs::rename(&beside, &self.path)?;
        self.file = OpenOptions::new().append(true).open(&self.path)?;
        (self.entries, self.torn) = (self.order.len(), false);
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        File::open(folder)?.sync_all()
    }
}

fn entry(name: &Digest) -> [u8; ENTRY] {
    let mut entry = [0; ENTRY];
    entry[..16].copy_from_slice(name);
    entry[16..].copy_from_slice(&crc32fast::hash(name).to_le_bytes());
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> tempfile::TempDir {
        let target = std::env::current_exe().unwrap().parent().unwrap().to_owned();
        tempfile::tempdir_in(target).unwrap()
    }

    fn known(seen: &mut Seen, name: &[u8]) -> &'static str {
        match seen.begin(digest(name)) {
            Known::No => "no",
            Known::Taken => "taken",
            Known::UnderWay(_) => "under way",
        }
    }

    #[test]
    fn what_was_taken_is_known_after_a_restart_and_what_was_not_is_not() {
        let place = place();
        let path = place.path().join("chunks");
        let mut seen = Seen::open(&path, 100).unwrap();
        assert_eq!([known(&mut seen, b"a"), known(&mut seen, b"a"), known(&mut seen, b"b")], ["no", "under way", "no"]);
        seen.taken(digest(b"a")).unwrap();
        assert_eq!([known(&mut seen, b"a"), known(&mut seen, b"b")], ["taken", "under way"]);
        drop(seen);
        let mut seen = Seen::open(&path, 100).unwrap();
        assert_eq!([known(&mut seen, b"a"), known(&mut seen, b"b")], ["taken", "no"]);
    }

    #[test]
    fn only_the_newest_are_remembered_and_the_file_stays_small() {
        let place = place();
        let path = place.path().join("chunks");
        let mut seen = Seen::open(&path, 16).unwrap();
        for n in 0..1000u32 {
            seen.taken(digest(&n.to_le_bytes())).unwrap();
            assert!(std::fs::metadata(&path).unwrap().len() <= (8 + 20 * 33) as u64);
        }
        drop(seen);
        let mut seen = Seen::open(&path, 16).unwrap();
        for n in 980..1000u32 {
            assert_eq!(known(&mut seen, &n.to_le_bytes()), if n < 984 { "no" } else { "taken" }, "{n}");
        }
    }

    #[test]
    fn what_the_disk_refuses_is_written_with_what_comes_later() {
        let place = place();
        let path = place.path().join("chunks");
        let mut seen = Seen::open(&path, 100).unwrap();
        seen.taken(digest(b"a")).unwrap();
        // Neither an entry nor the whole file can be written, as on a full disk; half an entry is left.
        let beside = place.path().join("chunks.new");
        std::fs::create_dir(&beside).unwrap();
        seen.file.write_all(&[7; 9]).unwrap();
        seen.file = File::open(&path).unwrap();
        assert!(seen.taken(digest(b"b")).is_err() && seen.taken(digest(b"c")).is_err());
        assert_eq!((seen.failures(), known(&mut seen, b"b")), (2, "taken"));
        std::fs::remove_dir(&beside).unwrap();
        seen.taken(digest(b"d")).unwrap();
        seen.taken(digest(b"e")).unwrap();
        drop(seen);
        let mut seen = Seen::open(&path, 100).unwrap();
        assert_eq!([b"a", b"b", b"c", b"d", b"e"].map(|name| known(&mut seen, name)), ["taken"; 5]);
    }

    #[test]
    fn a_damaged_or_cut_entry_loses_itself_only() {
        let place = place();
        let path = place.path().join("chunks");
        let mut seen = Seen::open(&path, 100).unwrap();
        for n in 0..10u32 {
            seen.taken(digest(&n.to_le_bytes())).unwrap();
        }
        drop(seen);
        let whole = std::fs::read(&path).unwrap();
        for at in 0..whole.len() {
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            std::fs::write(&path, &flipped).unwrap();
            let lost = Seen::open(&path, 100)
                .map(|mut seen| (0..10u32).filter(|n| known(&mut seen, &n.to_le_bytes()) == "no").collect::<Vec<_>>());
            match (at.checked_sub(8), lost) {
                (None, lost) => assert_eq!(lost.unwrap_err().to_string(), "it is no file of chunks"),
                (Some(at), lost) => assert_eq!(lost.unwrap(), [(at / 20) as u32]),
            }
            std::fs::write(&path, &whole[..at]).unwrap();
            let mut seen = Seen::open(&path, 100).unwrap();
            let kept = (0..10u32).filter(|n| known(&mut seen, &n.to_le_bytes()) == "taken").count();
            assert_eq!(kept, at.saturating_sub(8) / 20);
        }
    }
}
