//! The books on disk: appended to while the run goes on, replaced by a snapshot at its end.
//!
//! ```text
//! "tpbooks\n"  version u32 LE │ frame │ frame │ …
//! frame:  length u32 LE │ CRC-32 u32 LE │ items: a head first, entries, an end if the books were closed
//! ```
//! A frame is one write(2). A kill leaves at most the last frame torn, and any prefix of frames is a set of books.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{
    Books, SourceCount, Strangers, codec,
    entry::{Damage, Entry},
    stream::{StreamBook, Tally},
};
use crate::{
    bitmap::PAGE_BITS,
    books::entry::{Allowance, Marks},
};

/// What the file begins with.
pub(super) const MAGIC: &[u8; 8] = b"tpbooks\n";
/// Version of the format: what every program of this kind can read.
const PLAIN: u32 = 1;
/// Version with routes, or with streams that must be dropped; the newest that is known.
pub(super) const VERSION: u32 = 2;
/// Items are cut into frames of about this size, bytes.
const FRAME: usize = 1 << 20;
/// Gaps in a page from which on its bits are shorter than its stretches.
const MAX_GAPS: usize = 1500;

/// Why a books file cannot be written or read.
#[derive(Debug, Error)]
pub enum BooksFileError {
    /// It could not be written.
    #[error("write {path}: {source}; free some space, or choose another folder with --out")]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It could not be read.
    #[error("read {path}: {source}; name the folder of a run")]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is something else.
    #[error("read {path}: not a books file (it begins with other bytes); name the folder of a run")]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A newer tailproof wrote it.
    #[error("read {path}: books of version {version}, this program knows up to {VERSION}; use a newer tailproof")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u32,
    },
    /// It ends before it says anything.
    #[error("read {path}: cut at byte {at}, before the list of streams; the run left no books, repeat it")]
    Cut {
        /// The file.
        path: PathBuf,
        /// Where the last whole frame ends, bytes.
        at: u64,
    },
}

/// Appends to a books file.
#[derive(Debug)]
pub(crate) struct BooksWriter {
    path: PathBuf,
    file: File,
    frame: Vec<u8>,
    /// Length of the file up to the last whole frame, bytes.
    len: u64,
}

impl BooksWriter {
    /// Creates the file, with the head of these books: whoever finds it finds its head, whenever we are killed.
    pub(crate) fn create(path: PathBuf, books: &Books) -> Result<Self, BooksFileError> {
        let failed = |source| BooksFileError::Write { path: path.clone(), source };
        if path.exists() {
            return Err(failed(io::ErrorKind::AlreadyExists.into()));
        }
        let mut begun = path.clone().into_os_string();
        begun.push(".begun");
        let begun = PathBuf::from(begun);
        let file = OpenOptions::new().create(true).truncate(true).write(true).open(&begun).map_err(failed)?;
        let mut writer = Self { path: begun.clone(), file, frame: Vec::new(), len: 0 };
        let mut head = Vec::new();
        codec::put_head(&mut head, books.run, &books.names);
        let mut version = PLAIN;
        let (routes, dropped) = (books.routes(), books.to_drop());
        if !routes.is_single() || !dropped.is_empty() {
            version = VERSION;
            codec::put_ways(&mut head, routes.names(), &dropped);
        }
        let mut bytes = [MAGIC.as_slice(), &version.to_le_bytes()].concat();
        bytes.extend_from_slice(&framed(&head));
        writer.write(&bytes)?;
        fs::rename(&begun, &path).map_err(failed)?;
        writer.path = path;
        Ok(writer)
    }

    /// Appends entries; they are in the file when this returns.
    pub(crate) fn append<'a>(&mut self, entries: impl IntoIterator<Item = &'a Entry>) -> Result<(), BooksFileError> {
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        let mut result = Ok(());
        for entry in entries {
            codec::put_entry(&mut frame, entry);
            if frame.len() >= FRAME {
                result = result.and(self.write(&framed(&frame)));
                frame.clear();
            }
        }
        if !frame.is_empty() {
            result = result.and(self.write(&framed(&frame)));
        }
        self.frame = frame;
        result
    }

    /// Replaces the file by a snapshot that says it is complete.
    pub(crate) fn finish(self, books: &Books) -> Result<(), BooksFileError> {
        books.store(&self.path)
    }

    /// One write; a part of a frame that did not fit is taken back, so that later frames stay readable.
    fn write(&mut self, bytes: &[u8]) -> Result<(), BooksFileError> {
        match self.file.write_all(bytes) {
            Ok(()) => {
                self.len += bytes.len() as u64;
                Ok(())
            }
            Err(source) => {
                let _ = self.file.set_len(self.len);
                let _ = io::Seek::seek(&mut self.file, io::SeekFrom::Start(self.len));
                Err(BooksFileError::Write { path: self.path.clone(), source })
            }
        }
    }
}

fn framed(items: &[u8]) -> Vec<u8> {
    let mut frame = Vec::with_capacity(items.len() + 8);
    frame.extend_from_slice(&(items.len() as u32).to_le_bytes());
    frame.extend_from_slice(&crc32fast::hash(items).to_le_bytes());
    frame.extend_from_slice(items);
    frame
}

impl Books {
    /// Writes a snapshot: into a file beside it first, renamed when it is whole.
    pub fn store(&self, path: &Path) -> Result<(), BooksFileError> {
        let beside = path.with_extension("bin.tmp");
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| BooksFileError::Write { path, source }
        };
        if let Err(source) = fs::remove_file(&beside)
            && source.kind() != io::ErrorKind::NotFound
        {
            return Err(failed(&beside)(source));
        }
        let mut writer = BooksWriter::create(beside.clone(), self)?;
        let mut items = Vec::new();
        let mut result = Ok(());
        self.each_entry(&mut |entry| {
            codec::put_entry(&mut items, &entry);
            if items.len() >= FRAME && result.is_ok() {
                result = writer.write(&framed(&items));
                items.clear();
            }
        });
        result?;
        if self.complete {
            codec::put_end(&mut items);
        }
        writer.write(&framed(&items))?;
        writer.file.sync_all().map_err(failed(&beside))?;
        fs::rename(&beside, path).map_err(failed(path))
    }

    /// All that is in the books, as entries.
    fn each_entry(&self, tell: &mut dyn FnMut(Entry)) {
        for (stream, book) in self.streams.iter().enumerate() {
            book.each_entry(stream as u16, tell);
        }
        for (route, strangers) in self.strangers.iter().enumerate() {
            strangers.each_entry(route as u8, tell);
        }
        for (route, losses) in self.source_counts.iter().enumerate() {
            for (why, &SourceCount { count, slack }) in losses {
                tell(Entry::SourceLostCount { route: route as u8, why: why.clone(), count, slack });
            }
        }
    }
}

impl Strangers {
    fn each_entry(&self, route: u8, tell: &mut dyn FnMut(Entry)) {
        for damage in Damage::ALL {
            if let Some(&count) = self.damage.get(&damage) {
                tell(Entry::DamageKind { route, damage, count });
            }
        }
        tell(Entry::Unidentified { route, count: self.unidentified });
        tell(Entry::Fragments { route, count: self.fragments });
        tell(Entry::Torn { route, count: self.torn });
        tell(Entry::Unexpected { route, count: self.unexpected });
        self.examples.iter().for_each(|text| tell(Entry::Example { route, text: text.clone() }));
    }
}

impl StreamBook {
    fn each_entry(&self, stream: u16, tell: &mut dyn FnMut(Entry)) {
        if self.marks != Marks::default() {
            tell(Entry::Marks { stream, marks: self.marks });
        }
        self.source_lost.iter().for_each(|seqs| tell(Entry::SourceLost { stream, seqs }));
        for (why, &count) in &self.source_lost_why {
            tell(Entry::SourceLostWhy { stream, why: why.clone(), count });
        }
        self.each_arrival(stream, tell);
        self.surplus.iter().for_each(|(seqs, copies)| tell(Entry::Surplus { stream, seqs, copies }));
        if self.surplus_unnamed > 0 {
            tell(Entry::SurplusUnnamed { stream, count: self.surplus_unnamed });
        }
        self.again.iter().for_each(|again| tell(Entry::Again { stream, again: again.clone() }));
        for (map, allowance) in [(&self.in_flight, Allowance::InFlight), (&self.answer_lost, Allowance::AnswerLost)] {
            map.iter().for_each(|(seqs, times)| tell(Entry::Allowed { stream, seqs, times, allowance }));
        }
        self.damaged.iter().for_each(|(seqs, copies)| tell(Entry::Damaged { stream, seqs, copies }));
        if self.damaged_unnamed > 0 {
            tell(Entry::DamagedUnnamed { stream, count: self.damaged_unnamed });
        }
        self.reordered.each(|seqs, count| tell(Entry::Reordered { stream, seqs, count }));
        self.misattributed.each(|seqs, count| tell(Entry::Misattributed { stream, seqs, count }));
        for (label, &count) in &self.seen_under {
            tell(Entry::SeenUnder { stream, label: label.clone(), count });
        }
    }

    /// Long stretches as stretches, pages with many gaps as bits.
    fn each_arrival(&self, stream: u16, tell: &mut dyn FnMut(Entry)) {
        let mut open = 0..0;
        for page in 0..self.arrived.end().div_ceil(PAGE_BITS) {
            let bounds = page * PAGE_BITS..(page + 1) * PAGE_BITS;
            if let Some(words) = self.arrived.page_words(page)
                && self.arrived.runs(bounds.clone()).nth(MAX_GAPS).is_some()
            {
                tell(Entry::ArrivedPage { stream, page, words: Box::new(*words) });
                continue;
            }
            for run in self.arrived.runs(bounds) {
                if run.start == open.end {
                    open.end = run.end;
                } else {
                    let seqs = std::mem::replace(&mut open, run);
                    tell(Entry::Arrived { stream, seqs });
                }
            }
        }
        tell(Entry::Arrived { stream, seqs: open });
    }
}

impl Tally {
    /// Every stretch with its count; what is counted beyond the stretches comes last, without a name.
    fn each(&self, mut tell: impl FnMut(std::ops::Range<u64>, u64)) {
        self.seqs.iter().for_each(|seqs| tell(seqs.clone(), seqs.end - seqs.start));
        if self.count > self.seqs.count() {
            tell(0..0, self.count - self.seqs.count());
        }
    }
}
