//! The other kind of sink: an agent that writes files. New whole lines of every matching file are booked as they come.
//!
//! It polls, so it costs the agent nothing. A file that is replaced is read to its end first; one that shrinks is
//! read again from its head, and counted.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use results::{
    ledger::{Intake, Ledger},
    route::RouteId,
};

use super::{
    decode::{Decoder, Format, Keys},
    http::ReceiveError,
    mode::add,
};
use crate::{clock::RunClock, payload::Payloads};

/// Between two looks at the files.
const POLL_US: u64 = 5_000;
/// Between two looks for new files, in polls.
const SCAN_EVERY: u32 = 10;
const READ: usize = 1 << 20;
/// Folders within folders that are looked into.
const DEPTH_MAX: u32 = 8;
/// A line longer than any record: it is handed on as damaged and forgotten.
const MAX_LINE: usize = (1 << 24) + (1 << 20);

/// What to follow.
#[derive(Debug, Clone)]
pub struct FollowPlan {
    /// The directory; it may appear later. Folders in it are looked into, since paths may be made of tags.
    pub dir: PathBuf,
    /// Names of files in it, `*` for any characters.
    pub pattern: String,
    /// How records lie in them; arrays are not for files.
    pub format: Format,
    /// Under which keys.
    pub keys: Keys,
    /// The texts of the run: with them, records are compared instead of unescaped, and those that an agent parsed
    /// (because they are JSON themselves) are put together again.
    pub payloads: Option<Arc<Payloads>>,
    /// Under which route of the ledger they are booked.
    pub route: RouteId,
}

/// What a follower did so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FollowCounters {
    /// Files found.
    pub files: u64,
    /// Records booked.
    pub records: u64,
    /// Bytes read.
    pub bytes: u64,
    /// Times a file was found shorter than it had been.
    pub shrunk: u64,
    /// Bytes at the ends of files without a line feed, when the follower stopped: no record.
    pub unfinished_bytes: u64,
    /// Reads that failed.
    pub errors: u64,
}

#[derive(Debug, Default)]
struct Tally {
    files: AtomicU64,
    records: AtomicU64,
    bytes: AtomicU64,
    shrunk: AtomicU64,
    unfinished_bytes: AtomicU64,
    errors: AtomicU64,
}

/// A running follower. Dropping it stops it.
#[derive(Debug)]
pub struct Follower {
    stop: Arc<AtomicBool>,
    tally: Arc<Tally>,
    thread: Option<JoinHandle<()>>,
}

impl Follower {
    /// Follows from now on; files that are there already are read from their heads.
    pub fn start(plan: FollowPlan, ledger: Arc<Ledger>, clock: RunClock) -> Result<Self, ReceiveError> {
        let (stop, tally) = (Arc::new(AtomicBool::new(false)), Arc::new(Tally::default()));
        let mut watch = Watch {
            decoder: Decoder::new(plan.format, plan.keys.clone(), plan.payloads.clone()),
            plan,
            ledger,
            clock,
            tally: Arc::clone(&tally),
            files: Vec::new(),
        };
        let stopped = Arc::clone(&stop);
        let work = move || watch.run(&stopped);
        let thread =
            std::thread::Builder::new().name("receive-files".into()).spawn(work).map_err(ReceiveError::Start)?;
        Ok(Self { stop, tally, thread: Some(thread) })
    }

    /// What it did so far.
    pub fn counters(&self) -> FollowCounters {
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        FollowCounters {
            files: get(&self.tally.files),
            records: get(&self.tally.records),
            bytes: get(&self.tally.bytes),
            shrunk: get(&self.tally.shrunk),
            unfinished_bytes: get(&self.tally.unfinished_bytes),
            errors: get(&self.tally.errors),
        }
    }

    /// Reads what is there, stops, and tells what was done.
    pub fn stop(mut self) -> FollowCounters {
        self.end();
        self.counters()
    }

    fn end(&mut self) {
        self.stop.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            thread.thread().unpark();
            drop(thread.join());
        }
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        self.end();
    }
}

/// One file and how far it was read.
struct Followed {
    path: PathBuf,
    file: File,
    inode: u64,
    offset: u64,
    /// Read, but not yet a whole line.
    tail: Vec<u8>,
    intake: Intake,
}

struct Watch {
    plan: FollowPlan,
    decoder: Decoder,
    ledger: Arc<Ledger>,
    clock: RunClock,
    tally: Arc<Tally>,
    files: Vec<Followed>,
}

impl Watch {
    fn run(&mut self, stop: &AtomicBool) {
        let mut poll = 0u32;
        loop {
            let is_last = stop.load(Ordering::Acquire);
            if is_last || poll.is_multiple_of(SCAN_EVERY) {
                self.scan();
            }
            poll = poll.wrapping_add(1);
            for at in 0..self.files.len() {
                if self.follow(at).is_err() {
                    add(&self.tally.errors, 1);
                }
            }
            if is_last {
                let tails: usize = self.files.iter().map(|file| file.tail.len()).sum();
                add(&self.tally.unfinished_bytes, tails as u64);
                return;
            }
            self.clock.park_until(self.clock.now_us() + POLL_US);
        }
    }

    /// Finds new files, in the order of their names.
    fn scan(&mut self) {
        let mut found = Vec::new();
        files_below(&self.plan.dir, &self.plan.pattern, DEPTH_MAX, &mut found);
        found.retain(|path| self.files.iter().all(|file| file.path != *path));
        found.sort();
        for path in found {
            if let Ok((file, inode)) = open(&path) {
                add(&self.tally.files, 1);
                let intake = self.ledger.intake_on(self.plan.route);
                self.files.push(Followed { path, file, inode, offset: 0, tail: Vec::new(), intake });
            }
        }
    }

    /// Reads what is new; then sees whether the name leads to another file by now.
    fn follow(&mut self, at: usize) -> io::Result<()> {
        self.read(at)?;
        let followed = &mut self.files[at];
        let Ok(named) = std::fs::metadata(&followed.path) else { return Ok(()) };
        if named.ino() == followed.inode {
            return Ok(());
        }
        // What was appended between the last read and the exchange.
        self.read(at)?;
        let followed = &mut self.files[at];
        let (file, inode) = open(&followed.path)?;
        add(&self.tally.files, 1);
        (followed.file, followed.inode, followed.offset) = (file, inode, 0);
        add(&self.tally.unfinished_bytes, followed.tail.len() as u64);
        followed.tail.clear();
        self.read(at)
    }

    fn read(&mut self, at: usize) -> io::Result<()> {
        let followed = &mut self.files[at];
        let size = followed.file.metadata()?.len();
        if size < followed.offset {
            add(&self.tally.shrunk, 1);
            followed.offset = 0;
            followed.tail.clear();
        }
        while followed.offset < size {
            followed.file.seek(SeekFrom::Start(followed.offset))?;
            let before = followed.tail.len();
            followed.tail.resize(before + READ, 0);
            let count = followed.file.read(&mut followed.tail[before..]);
            followed.tail.truncate(before + *count.as_ref().unwrap_or(&0));
            let count = count?;
            if count == 0 {
                return Ok(());
            }
            followed.offset += count as u64;
            add(&self.tally.bytes, count as u64);
            let whole = match memchr::memrchr(b'\n', &followed.tail[before..]) {
                Some(end) => before + end + 1,
                None if followed.tail.len() > MAX_LINE => followed.tail.len(),
                None => continue,
            };
            let records =
                book(&followed.tail[..whole], &mut followed.intake, &mut self.decoder, &self.ledger, self.clock);
            add(&self.tally.records, records);
            followed.tail.drain(..whole);
        }
        Ok(())
    }
}

/// Files of that pattern in a folder and in those within; links to folders are not followed.
fn files_below(folder: &Path, pattern: &str, depth: u32, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries.filter_map(Result::ok) {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_folder && depth > 0 {
            files_below(&entry.path(), pattern, depth - 1, found);
        } else if !is_folder && matches(pattern, entry.file_name().as_encoded_bytes()) {
            found.push(entry.path());
        }
    }
}

/// Books whole lines; reading a file is taking it.
fn book(lines: &[u8], intake: &mut Intake, decoder: &mut Decoder, ledger: &Ledger, clock: RunClock) -> u64 {
    let mut records = 0;
    intake.begin(clock.now_us());
    decoder.decode(lines, &mut |record, seen| {
        records += 1;
        record.book(seen, intake);
    });
    ledger.answered(intake.end(), clock.now_us());
    records
}

fn open(path: &Path) -> io::Result<(File, u64)> {
    let file = File::open(path)?;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    Ok((file, meta.ino()))
}

/// True if `name` is `pattern` with each `*` standing for any characters.
fn matches(pattern: &str, name: &[u8]) -> bool {
    let mut parts = pattern.as_bytes().split(|byte| *byte == b'*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = memchr::memmem::find(rest, part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod pattern_tests {
    use super::*;

    #[test]
    fn patterns_match_whole_names() {
        for (pattern, name, fits) in [
            ("*", "a", true),
            ("out*.log", "out-1.log", true),
            ("out*.log", "out-1.log.gz", false),
            ("a*b*c", "a-b-b-c", true),
            ("a*a", "a", false),
            ("plain", "plain", true),
            ("plain", "plains", false),
        ] {
            assert_eq!(matches(pattern, name.as_bytes()), fits, "{pattern} {name}");
        }
    }
}
