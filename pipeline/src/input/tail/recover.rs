//! Generations that came and went unseen: found under their rotated names, plain or compressed.
//!
//! Nothing is guessed from times: a rotated file is unread if neither itself nor its content is known.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    path::Path,
};

use super::{
    Tailer,
    archive::Gunzip,
    file::MARKER,
    lineage::{Judged, Lineage},
    reconcile::Opened,
    siblings,
};
use crate::{
    checkpoint::{EntryState, Fingerprint},
    defects::Defect,
    os::{Disk, Fd, Stat, disk::Kind},
};

/// Times that a directory is listed again because it changed meanwhile.
const PASSES: usize = 8;
/// Rounds of passes after which reading goes on and the rest is left to the next scan.
const ATTEMPTS: u32 = 20;
/// Pause before the next attempt, ms.
const RETRY_MS: u64 = 5;

/// A directory, and when it last changed before it was listed.
struct Listing<'a> {
    dir: &'a Path,
    mtime_ns: i64,
}

impl Listing<'_> {
    fn holds(&self, disk: &mut impl Disk) -> bool {
        disk.stat(self.dir).is_ok_and(|stat| stat.mtime_ns == self.mtime_ns)
    }
}

/// What became of a rotated file.
enum Verdict {
    /// It needs nothing.
    Known,
    /// It is the archive of a file that is open.
    Archived(u64),
    /// It has to be looked at again at the next occasion.
    Undecided,
    /// It was not there any more, or could not be opened.
    Missed,
    /// It is read.
    Opened(u64),
}

impl Tailer {
    /// Looks at the rotated names beside a name, and puts unread ones in their place in the queue.
    pub(super) fn recover(&mut self, disk: &mut impl Disk, id: u64) {
        let Some(lineage) = self.lineages.get_mut(&id) else { return };
        // The agents that had these bugs do not look for generations they missed.
        if matches!(self.defect, Some(defect) if defect != Defect::CheckpointLag && defect != Defect::CheckpointBeforeDelivery)
        {
            lineage.recover = false;
            return;
        }
        let (target, queue) = (lineage.target.clone(), lineage.queue.clone());
        for file in queue {
            // A file that was cut is another one: what lies beside it is judged against what it was.
            if self.files.get_mut(&file).is_some_and(|file| file.was_cut(disk)) {
                self.replaced(disk, id, file);
            }
        }
        let Some(lineage) = self.lineages.get_mut(&id) else { return };
        lineage.attempts += 1;
        let given_up = lineage.attempts > ATTEMPTS;
        match target.map(|(dir, name)| self.passes(disk, id, &dir, &name)) {
            Some(true) if self.still_so(disk, id) => self.recovered(id),
            // Reading waits for this; a directory that cannot be listed or never holds still must not stop it for ever.
            None => self.postponed(id),
            Some(_) if given_up => self.postponed(id),
            Some(true) => self.look_soon(id),
            Some(false) => self.look_at(id, self.now + RETRY_MS),
        }
    }

    /// Lists and judges until nothing changes meanwhile. A directory that is gone has nothing to give.
    fn passes(&mut self, disk: &mut impl Disk, id: u64, dir: &Path, name: &OsStr) -> bool {
        for _ in 0..PASSES {
            let (Ok(before), Ok(names)) = (disk.stat(dir), disk.list(dir)) else { return true };
            let listing = Listing { dir, mtime_ns: before.mtime_ns };
            let complete = self.merge(disk, id, &listing, &siblings::in_order(&names, name));
            if complete && listing.holds(disk) {
                return true;
            }
        }
        false
    }

    /// Whether the name still denotes what it did when the rotated names were gone through.
    fn still_so(&self, disk: &mut impl Disk, id: u64) -> bool {
        self.lineages.get(&id).is_some_and(|lineage| Self::denoted(disk, lineage) == lineage.denoted)
    }

    fn postponed(&mut self, id: u64) {
        if let Some(lineage) = self.lineages.get_mut(&id) {
            (lineage.recover, lineage.undecided, lineage.attempts) = (false, true, 0);
        }
    }

    /// Everything beside the name is known now.
    fn recovered(&mut self, id: u64) {
        let Some(lineage) = self.lineages.get_mut(&id) else { return };
        (lineage.recover, lineage.ancient, lineage.late, lineage.attempts) = (false, false, false, 0);
        for &file in &lineage.known {
            if let Some(page) = self.book.page_mut(file)
                && !page.open
                && !page.finished
                && !page.missing
            {
                page.missing = true;
                self.counters.missing += 1;
            }
        }
    }

    /// One pass over rotated names, oldest first. False if something slipped away under the hands.
    fn merge(&mut self, disk: &mut impl Disk, id: u64, listing: &Listing<'_>, names: &[OsString]) -> bool {
        let (mut order, mut judged, mut fresh) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let (mut complete, mut undecided) = (true, false);
        for name in names {
            let path = listing.dir.join(name);
            let Ok(stat) = disk.lstat(&path) else {
                complete = false;
                continue;
            };
            if stat.kind != Kind::File {
                continue;
            }
            if let Some(&file) = self.numbers.get(&(stat.identity.dev, stat.identity.ino)) {
                order.push(file);
                continue;
            }
            let key: Judged = (stat.identity.ino, stat.identity.birth_ns, stat.mtime_ns, stat.size);
            let seen = self.lineages.get(&id).is_some_and(|lineage| lineage.judged.contains(&key));
            match if seen { Verdict::Known } else { self.judge(disk, id, &path, &stat, listing) } {
                Verdict::Known => {
                    judged.insert(key);
                }
                Verdict::Undecided => undecided = true,
                Verdict::Missed => complete = false,
                Verdict::Archived(file) => order.push(file),
                Verdict::Opened(file) => {
                    order.push(file);
                    fresh.insert(file);
                }
            }
        }
        if let Some(lineage) = self.lineages.get_mut(&id) {
            lineage.judged = judged;
            lineage.undecided = undecided;
            arrange(lineage, order, &fresh);
        }
        complete
    }

    fn judge(&mut self, disk: &mut impl Disk, id: u64, path: &Path, listed: &Stat, listing: &Listing<'_>) -> Verdict {
        let Ok(Some(opened)) = self.open(disk, path) else { return Verdict::Missed };
        // The chain may have moved on between the look and the open: then this is a file of another place in it,
        // and an archive may be one in the making, whose plain file was not there to be listed.
        let same = opened.stat.identity.same_number(&listed.identity)
            && opened.stat.identity.birth_ns == listed.identity.birth_ns
            && (opened.head.archive.is_none() || listing.holds(disk));
        if !same {
            disk.close(opened.fd);
            return Verdict::Missed;
        }
        // What is open may have grown, and may be what was copied here: both are known by their beginning.
        for file in self.lineages.get(&id).map_or_else(Vec::new, |lineage| lineage.queue.clone()) {
            self.learn_head(disk, file);
        }
        let verdict = self.judge_opened(disk, id, path, &opened);
        if !matches!(verdict, Verdict::Opened(_)) {
            disk.close(opened.fd);
        }
        verdict
    }

    fn judge_opened(&mut self, disk: &mut impl Disk, id: u64, path: &Path, opened: &Opened) -> Verdict {
        let Some(lineage) = self.lineages.get(&id) else { return Verdict::Known };
        let archive = opened.head.archive.is_some();
        // Beside a new name, a rotated file that matches a pattern itself is left to its own name.
        if lineage.ancient && !archive && self.patterns.iter().any(|pattern| pattern.matches(path)) {
            return Verdict::Known;
        }
        let length = opened.head.archive.unwrap_or(opened.stat.size);
        let head = &opened.head.bytes;
        let itself = (!archive).then(|| self.book.find(&opened.stat.identity, head, length)).flatten();
        let known = itself.or_else(|| self.copied(disk, &self.family(&lineage.path), opened));
        let Some(file) = known else {
            let born = opened.stat.identity.birth_ns.unwrap_or(opened.stat.mtime_ns);
            let ancient = lineage.ancient || (lineage.late && born < self.plan.started_ns);
            let (state, offset) = if ancient { (EntryState::Done, length) } else { (EntryState::Open, 0) };
            let path = lineage.path.clone();
            let file = self.book.add(id, &path, opened.stat.identity, Fingerprint::of(head), offset, state);
            self.knows(id, file);
            return if ancient { Verdict::Known } else { self.take(id, file, opened, 0) };
        };
        let Some(page) = self.book.page(file) else { return Verdict::Known };
        let offset = page.read.max(page.entry.offset);
        if page.entry.path != lineage.path || (page.finished && length <= offset) {
            return Verdict::Known;
        }
        if page.open && archive {
            return Verdict::Archived(file);
        }
        if page.open {
            // A copy of a file that is being read; whether it has more than that file will have given is seen later.
            return Verdict::Undecided;
        }
        self.take(id, file, opened, offset)
    }

    /// The file that this is a copy or the archive of: the beginning agrees, and so do the last bytes that were read.
    fn copied(&self, disk: &mut impl Disk, family: &[u64], opened: &Opened) -> Option<u64> {
        let length = opened.head.archive.unwrap_or(opened.stat.size);
        family.iter().rev().copied().find(|&file| {
            let Some(page) = self.book.page(file).filter(|page| page.begins(&opened.head.bytes)) else { return false };
            match self.files.get(&file) {
                Some(open) if open.archive.is_some() => false,
                Some(open) if opened.head.archive.is_some() => {
                    disk.fstat(open.fd).is_ok_and(|stat| stat.size == length)
                }
                Some(open) => tail_at(disk, open.fd, length).is_some_and(|tail| opened.ends(disk, length, &tail)),
                None if page.tail.is_empty() => page.may_be_copied(length),
                None => length >= page.read && opened.ends(disk, page.read, &page.tail),
            }
        })
    }

    fn take(&mut self, id: u64, file: u64, opened: &Opened, offset: u64) -> Verdict {
        self.counters.recovered += 1;
        self.install(id, file, opened, offset);
        Verdict::Opened(file)
    }

    /// Entries of a name and of names that begin with it: with a wide pattern, rotated names are names themselves.
    fn family(&self, path: &Path) -> Vec<u64> {
        let begins =
            |other: &Path| other.as_os_str().as_encoded_bytes().starts_with(path.as_os_str().as_encoded_bytes());
        let range = self.by_path.range(path.to_owned()..).take_while(|(other, _)| begins(other));
        range.filter_map(|(_, id)| self.lineages.get(id)).flat_map(|lineage| lineage.known.iter().copied()).collect()
    }
}

/// The last bytes before `end`; `None` if the file does not reach as far.
fn tail_at(disk: &mut impl Disk, fd: Fd, end: u64) -> Option<Vec<u8>> {
    let mut tail = vec![0; MARKER.min(end as usize)];
    let n = disk.read_at(fd, end - tail.len() as u64, &mut tail).ok()?;
    (n == tail.len()).then_some(tail)
}

impl Opened {
    /// Whether the content before `end` ends with `tail`.
    fn ends(&self, disk: &mut impl Disk, end: u64, tail: &[u8]) -> bool {
        let from = end.saturating_sub(tail.len() as u64);
        if self.head.archive.is_none() {
            return tail_at(disk, self.fd, end).is_some_and(|there| there.ends_with(tail));
        }
        let mut unpack = Gunzip::new(from);
        unpack.fill(disk, self.fd, tail.len()).is_ok() && unpack.unpacked().starts_with(tail)
    }
}

/// Puts fresh generations where the order of the rotated names has them; unlisted ones keep their places.
fn arrange(lineage: &mut Lineage, mut order: Vec<u64>, fresh: &BTreeSet<u64>) {
    // A file renamed while the names were gone through is met twice; where it was met last is true.
    order = (0..order.len()).filter(|&at| !order[at + 1..].contains(&order[at])).map(|at| order[at]).collect();
    order.extend(lineage.live.filter(|live| !order.contains(live)));
    let mut queue: Vec<u64> = lineage.queue.iter().copied().filter(|file| !fresh.contains(file)).collect();
    let place = |queue: &[u64], file: &u64| queue.iter().position(|other| other == file);
    for (at, &file) in order.iter().enumerate().filter(|(_, file)| fresh.contains(file)) {
        // A generation nobody saw is younger than all that were seen, but for those that are listed behind it.
        let newer = order[at..].iter().find_map(|file| place(&queue, file));
        queue.insert(newer.unwrap_or(queue.len()), file);
    }
    // A pass that was cut short may have put them differently: this one knows better.
    let mut listed = order.into_iter().filter(|file| queue.contains(file)).collect::<Vec<u64>>().into_iter();
    let is_listed: BTreeSet<u64> = listed.clone().collect();
    queue.iter_mut().filter(|file| is_listed.contains(file)).zip(&mut listed).for_each(|(slot, file)| *slot = file);
    lineage.queue = queue;
}
