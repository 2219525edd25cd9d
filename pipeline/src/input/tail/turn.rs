//! One name reads: the oldest generation that has something, in the order of writing.
//!
//! A writer of one thread finishes with the old file before it starts the new one. So whatever is read from a file
//! waits until the files before it were looked at once more, after that read: what they have now goes first.

use super::{
    FileState, Tailer,
    file::{Generation, Got, Means},
};
use crate::{
    checkpoint::{EntryState, Fingerprint},
    chunk::Chunk,
    defects::Defect,
    os::Disk,
};

/// Pause after a read that failed, ms.
const ERROR_PAUSE_MS: u64 = 100;

/// What a look at the files before another one gave.
enum Before {
    Nothing,
    Lines(Chunk),
    More,
}

impl Tailer {
    /// Reads at most one chunk of one name, and plans its next turn.
    pub(super) fn turn(&mut self, disk: &mut impl Disk, id: u64, room: usize) -> Option<Chunk> {
        if self.lineages.get(&id).is_some_and(|lineage| lineage.recover) {
            // What is found beside the name may have to go first.
            self.look_soon(id);
            self.wake_at(id, self.now + 1);
            return None;
        }
        let mut index = 0;
        while let Some(file) = self.lineages.get(&id).and_then(|lineage| lineage.queue.get(index).copied()) {
            let held = self.files.get_mut(&file).and_then(|file| file.held.take());
            match held.map_or_else(|| self.read(disk, file, room), Got::Lines) {
                Got::Lines(chunk) => match self.before(disk, id, index, room) {
                    Before::Nothing => return Some(self.hand_out(disk, id, chunk)),
                    before => {
                        if let Some(file) = self.files.get_mut(&file) {
                            file.held = Some(chunk);
                        }
                        self.read_soon(id);
                        let Before::Lines(chunk) = before else { return None };
                        return Some(self.hand_out(disk, id, chunk));
                    }
                },
                Got::More => {
                    self.read_soon(id);
                    return None;
                }
                Got::Replaced => {
                    self.replaced(disk, id, file);
                    return None;
                }
                Got::End => {
                    if !self.is_over(disk, id, index, file) {
                        index += 1;
                        continue;
                    }
                    let last = self.files.get_mut(&file).map(|file| file.last_words(disk));
                    if let Some(Ok(Some(chunk))) = last {
                        self.read_soon(id);
                        return Some(self.hand_out(disk, id, chunk));
                    }
                    self.close(disk, file);
                }
            }
        }
        self.rest(disk, id);
        None
    }

    fn read(&mut self, disk: &mut impl Disk, file: u64, room: usize) -> Got {
        let Some(generation) = self.files.get_mut(&file) else { return Got::End };
        let means =
            &mut Means { plan: &self.plan, room, pool: &mut self.pool, long_lines: &mut self.counters.long_lines };
        let Ok(got) = generation.read(disk, self.now, means) else {
            generation.failed(self.now);
            let lineage = generation.source.lineage;
            self.counters.errors += 1;
            self.wake_at(lineage, self.now + ERROR_PAUSE_MS);
            return Got::End;
        };
        got
    }

    /// Looks at the files before the one at `index` once more.
    fn before(&mut self, disk: &mut impl Disk, id: u64, index: usize, room: usize) -> Before {
        let files = self.lineages.get(&id).map_or_else(Vec::new, |lineage| lineage.queue[..index].to_vec());
        for file in files {
            match self.read(disk, file, room) {
                Got::Lines(chunk) => return Before::Lines(chunk),
                Got::More => return Before::More,
                // One that was replaced has its turn next, and is noticed then again.
                Got::End | Got::Replaced => {}
            }
        }
        Before::Nothing
    }

    /// Books a chunk and lets it go.
    fn hand_out(&mut self, disk: &mut impl Disk, id: u64, chunk: Chunk) -> Chunk {
        let file = chunk.source.id.0;
        self.learn_head(disk, file);
        self.book.emitted(file, chunk.end());
        self.counters.bytes += chunk.bytes.len() as u64;
        if let Some(generation) = self.files.get_mut(&file) {
            if generation.at_end {
                self.wake_at(id, self.now + self.plan.rest_ms.max(1));
            } else {
                self.read_soon(id);
            }
        }
        chunk
    }

    /// The beginning has grown: the fingerprint covers more of it.
    pub(super) fn learn_head(&mut self, disk: &mut impl Disk, file: u64) {
        let Some(generation) = self.files.get(&file) else { return };
        let known = self.book.page(file).map_or(0, |page| page.entry.head.len as usize);
        if generation.archive.is_some() || known == Fingerprint::MAX {
            return;
        }
        let mut head = vec![0; Fingerprint::MAX];
        if let Ok(n) = disk.read_at(generation.fd, 0, &mut head) {
            self.book.head(file, &head[..n]);
        }
    }

    /// Whether nothing more can come from a file whose end was reached.
    fn is_over(&mut self, disk: &mut impl Disk, id: u64, index: usize, file: u64) -> bool {
        let Some((generation, lineage)) = self.files.get_mut(&file).zip(self.lineages.get(&id)) else { return false };
        if !generation.at_end || lineage.live == Some(file) {
            return false;
        }
        let quiet = self.now >= generation.rotated_ms.max(generation.grew_ms) + self.plan.rotate_wait_ms;
        if generation.archive.is_some() {
            return !generation.is_broken() || quiet;
        }
        if !quiet {
            return false;
        }
        let Ok(stat) = disk.fstat(generation.fd) else { return true };
        if stat.nlink == 0 {
            generation.state = FileState::Unlinked;
        }
        // Without a successor the writer may well go on with it, under whatever name.
        let refused = self.defect == Some(Defect::StaleMembershipInodeReuse);
        let left = index + 1 < lineage.queue.len() || lineage.live.is_some() || stat.nlink == 0 || refused;
        left && stat.size <= generation.seen
    }

    /// Closes a file for good.
    pub(super) fn close(&mut self, disk: &mut impl Disk, file: u64) {
        let Some(generation) = self.files.remove(&file) else { return };
        if let Some(watch) = generation.watch {
            self.file_watches.remove(&watch);
            disk.unwatch(watch);
        }
        disk.close(generation.fd);
        self.numbers.remove(&(generation.identity.dev, generation.identity.ino));
        if let Some(lineage) = self.lineages.get_mut(&generation.source.lineage) {
            lineage.queue.retain(|&other| other != file);
            lineage.live = lineage.live.filter(|&live| live != file);
        }
        self.counters.files_closed += 1;
        self.book.finished(file, generation.offset);
        self.book.tail(file, generation.tail());
    }

    /// A file was cut, and perhaps written anew: it is another file now, behind the same descriptor.
    pub(super) fn replaced(&mut self, disk: &mut impl Disk, id: u64, file: u64) {
        self.counters.truncations += 1;
        let Some(old) = self.files.remove(&file) else { return };
        let Some(lineage) = self.lineages.get_mut(&id) else { return };
        let mut head = vec![0; Fingerprint::MAX];
        let n = disk.read_at(old.fd, 0, &mut head).unwrap_or(0);
        let path = lineage.path.clone();
        let new = self.book.add(id, &path, old.identity, Fingerprint::of(&head[..n]), 0, EntryState::Open);
        let base = self.base(new);
        let Some(lineage) = self.lineages.get_mut(&id) else { return };
        let source = crate::chunk::Source {
            id: crate::chunk::SourceId(new),
            path,
            tag: old.source.tag.clone(),
            lineage: id,
            base,
        };
        let mut generation = Generation::new(source.into(), old.identity, old.fd, 0, false, self.now);
        (generation.state, generation.rotated_ms, generation.watch) = (old.state, old.rotated_ms, old.watch);
        if let Some(watch) = old.watch {
            self.file_watches.insert(watch, new);
        }
        self.files.insert(new, generation);
        self.numbers.insert((old.identity.dev, old.identity.ino), new);
        lineage.queue.iter_mut().filter(|entry| **entry == file).for_each(|entry| *entry = new);
        lineage.live = lineage.live.map(|live| if live == file { new } else { live });
        // A copy made before the cut may hold what was not read any more.
        lineage.recover = true;
        self.book.finished(file, old.offset);
        self.book.tail(file, old.tail());
        self.book.opened(new, id);
        self.knows(id, new);
        self.look_soon(id);
        self.read_soon(id);
    }

    /// Everything is read: ask to be told about the next write, or come back by the clock.
    fn rest(&mut self, disk: &mut impl Disk, id: u64) {
        let files = self.lineages.get(&id).map_or_else(Vec::new, |lineage| lineage.queue.clone());
        for file in files {
            let Some(generation) = self.files.get_mut(&file) else { continue };
            if generation.state != FileState::Live {
                let over = generation.rotated_ms.max(generation.grew_ms) + self.plan.rotate_wait_ms;
                if over > self.now {
                    self.wake_at(id, over);
                }
            }
            let Some(generation) = self.files.get_mut(&file) else { continue };
            if generation.archive.is_some() || generation.watch.is_some() {
                continue;
            }
            let armed = if self.plan.inotify { disk.watch_file(generation.fd).ok() } else { None };
            generation.watch = armed;
            match armed {
                Some(watch) => {
                    self.file_watches.insert(watch, file);
                    // What was written just before the watch is not told: read once more.
                    self.read_soon(id);
                }
                None => self.wake_at(id, self.now + self.plan.poll_ms.max(1)),
            }
        }
    }
}
