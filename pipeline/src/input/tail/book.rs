//! What is delivered and what has to be stored: one entry for every file that was ever followed, open or not.
//!
//! An entry outlives its file: it recognises the archived copy, the file renamed back, the file seen under another
//! path. Offsets in it move by acks only.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use crate::{
    checkpoint::{CheckpointEntry, EntryState, Fingerprint},
    chunk::Ack,
    os::Identity,
};

/// An entry and what the process knows beyond it.
#[derive(Debug)]
pub(super) struct Page {
    /// What is stored.
    pub(super) entry: CheckpointEntry,
    /// The lineage it belongs to, once its name was met.
    pub(super) lineage: Option<u64>,
    /// One past the last byte handed out.
    pub(super) emitted: u64,
    /// One past the last byte read.
    pub(super) read: u64,
    /// The file is open.
    pub(super) open: bool,
    /// The file was read to its end and closed.
    pub(super) finished: bool,
    /// The last bytes that were read, once it is closed.
    pub(super) tail: Vec<u8>,
    /// Looked for and not found; counted once.
    pub(super) missing: bool,
}

impl Page {
    /// Whether content that begins with `head` begins like this file. Says nothing while nothing of it is known.
    pub(super) fn begins(&self, head: &[u8]) -> bool {
        self.entry.head.len > 0 && self.entry.head.begins(head)
    }

    /// For a restored entry, of which only the beginning is known: whether a copy of this length can be of this file.
    pub(super) fn may_be_copied(&self, length: u64) -> bool {
        let all_known = u64::from(self.entry.head.len) == self.entry.offset;
        length == self.entry.offset || (length > self.entry.offset && (!self.finished || all_known))
    }
}

/// All entries.
#[derive(Debug, Default)]
pub(super) struct Book {
    pages: BTreeMap<u64, Page>,
    by_ino: BTreeMap<u64, BTreeSet<u64>>,
    /// What was there at the start.
    restored: BTreeMap<PathBuf, Vec<u64>>,
    dirty: BTreeSet<u64>,
    forgotten: Vec<CheckpointEntry>,
    unacked: BTreeSet<u64>,
    next_id: u64,
    /// Defect: offsets are stored when the bytes are read.
    pub(super) early: bool,
}

impl Book {
    /// Starts with restored entries.
    pub(super) fn restored(entries: Vec<CheckpointEntry>) -> Self {
        let mut book = Self { next_id: 1, ..Self::default() };
        for entry in entries {
            book.restored.entry(entry.path.clone()).or_default().push(entry.id);
            book.insert(entry, None);
        }
        book
    }

    /// Adds an entry for a file; its id.
    pub(super) fn add(
        &mut self,
        lineage: u64,
        path: &Path,
        identity: Identity,
        head: Fingerprint,
        offset: u64,
        state: EntryState,
    ) -> u64 {
        let id = self.next_id;
        self.insert(CheckpointEntry { id, path: path.to_owned(), identity, head, offset, state }, Some(lineage));
        self.dirty.insert(id);
        id
    }

    fn insert(&mut self, entry: CheckpointEntry, lineage: Option<u64>) {
        let id = entry.id;
        self.next_id = self.next_id.max(id + 1);
        self.by_ino.entry(entry.identity.ino).or_default().insert(id);
        let (offset, finished) = (entry.offset, entry.state == EntryState::Done);
        let state = Page {
            entry,
            lineage,
            emitted: offset,
            read: offset,
            open: false,
            finished,
            tail: Vec::new(),
            missing: false,
        };
        self.pages.insert(id, state);
    }

    /// The page of a file.
    pub(super) fn page(&self, id: u64) -> Option<&Page> {
        self.pages.get(&id)
    }

    /// The page of a file, to be changed.
    pub(super) fn page_mut(&mut self, id: u64) -> Option<&mut Page> {
        self.pages.get_mut(&id)
    }

    /// Ids of the restored entries of a name.
    pub(super) fn of_path(&self, path: &Path) -> Vec<u64> {
        self.restored.get(path).cloned().unwrap_or_default()
    }

    /// Names that have restored entries.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.restored.keys().cloned().collect()
    }

    /// The file itself: number, generation, birth and content agree.
    pub(super) fn find(&self, identity: &Identity, head: &[u8], size: u64) -> Option<u64> {
        let same = |id: &&u64| {
            let Some(page) = self.pages.get(id) else { return false };
            let entry = &page.entry;
            let moved = entry.identity.dev != identity.dev && entry.head.len < 16;
            // A number alone is no identity.
            let bare = entry.head.len == 0
                && (entry.identity.birth_ns.is_none() || identity.birth_ns.is_none())
                && (entry.identity.generation.is_none() || identity.generation.is_none());
            !page.open
                && !moved
                && !bare
                && size >= entry.offset
                && entry.identity.may_be(identity)
                && entry.head.begins(head)
        };
        self.by_ino.get(&identity.ino)?.iter().rev().find(same).copied()
    }

    /// How far the file that this may be was read, if it is closed; 0 if there is none.
    pub(super) fn read(&self, identity: &Identity) -> u64 {
        let pages = self.by_ino.get(&identity.ino).into_iter().flatten().filter_map(|id| self.pages.get(id));
        let closed = pages.filter(|page| !page.open && page.entry.identity.may_be(identity));
        closed.map(|page| page.read).max().unwrap_or(0)
    }

    /// The last bytes read of a file that is closed.
    pub(super) fn tail(&mut self, id: u64, tail: &[u8]) {
        if let Some(page) = self.pages.get_mut(&id) {
            page.tail = tail.to_vec();
        }
    }

    /// More of the beginning is known. A file that was cut meanwhile does not change what it was.
    pub(super) fn head(&mut self, id: u64, head: &[u8]) {
        if let Some(page) = self.pages.get_mut(&id)
            && head.len() > page.entry.head.len as usize
            && page.entry.head.begins(head)
        {
            page.entry.head = Fingerprint::of(head);
            self.dirty.insert(id);
        }
    }

    /// Bytes before `end` were handed out.
    pub(super) fn emitted(&mut self, id: u64, end: u64) {
        if let Some(page) = self.pages.get_mut(&id) {
            page.emitted = end;
            page.read = page.read.max(end);
            self.unacked.insert(id);
            if self.early {
                page.entry.offset = end;
                self.dirty.insert(id);
            }
        }
    }

    /// Bytes were delivered.
    pub(super) fn acked(&mut self, ack: &Ack) {
        let id = ack.source.0;
        let Some(page) = self.pages.get_mut(&id) else { return };
        if ack.end > page.entry.offset {
            page.entry.offset = ack.end.min(page.emitted);
            self.dirty.insert(id);
        }
        self.settle(id);
    }

    /// The file is closed, read to its end at `read`.
    pub(super) fn finished(&mut self, id: u64, read: u64) {
        if let Some(page) = self.pages.get_mut(&id) {
            (page.open, page.finished, page.read) = (false, true, read);
        }
        self.settle(id);
    }

    /// The file is open, again or for the first time.
    pub(super) fn opened(&mut self, id: u64, lineage: u64) {
        if let Some(page) = self.pages.get_mut(&id) {
            (page.open, page.finished, page.missing, page.lineage) = (true, false, false, Some(lineage));
            if page.entry.state == EntryState::Done {
                page.entry.state = EntryState::Open;
                self.dirty.insert(id);
            }
        }
    }

    /// Withdraws an entry.
    pub(super) fn forget(&mut self, id: u64) {
        if let Some(page) = self.pages.remove(&id) {
            if let Some(ids) = self.by_ino.get_mut(&page.entry.identity.ino) {
                ids.remove(&id);
                if ids.is_empty() {
                    self.by_ino.remove(&page.entry.identity.ino);
                }
            }
            self.dirty.remove(&id);
            self.unacked.remove(&id);
            self.forgotten.push(CheckpointEntry { state: EntryState::Forgotten, ..page.entry });
        }
    }

    /// Whether everything handed out is delivered.
    pub(super) fn settled(&self) -> bool {
        self.unacked.is_empty()
    }

    /// Changed entries since the last call.
    pub(super) fn take_dirty(&mut self) -> Option<Vec<CheckpointEntry>> {
        if self.dirty.is_empty() && self.forgotten.is_empty() {
            return None;
        }
        let mut out = std::mem::take(&mut self.forgotten);
        let dirty = std::mem::take(&mut self.dirty);
        out.extend(dirty.iter().filter_map(|id| self.pages.get(id)).map(|page| page.entry.clone()));
        Some(out)
    }

    fn settle(&mut self, id: u64) {
        let Some(page) = self.pages.get_mut(&id) else { return };
        // Bytes of a line that was too long are never handed out and so never acked.
        if page.entry.offset >= page.emitted {
            self.unacked.remove(&id);
            if page.finished && page.entry.state == EntryState::Open {
                page.entry.state = EntryState::Done;
                page.entry.offset = page.read;
                self.dirty.insert(id);
            }
        }
    }
}
