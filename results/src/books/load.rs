//! Reading books back: all of a closed file, or the longest valid beginning of one that a kill left behind.

use std::{
    fs::File,
    io::{self, BufReader, Read},
    path::Path,
};

use super::{
    Books,
    codec::{Item, MAX_RECORDS, Reader},
    entry::Entry,
    file::{BooksFileError, MAGIC, VERSION},
};

/// Longest frame believed, bytes.
const MAX_FRAME: u32 = 1 << 24;

impl Books {
    /// Reads a books file. Books that were never closed, or whose end is torn, come back with
    /// [`complete`](Self::complete) false and everything that was whole.
    pub fn load(path: &Path) -> Result<Self, BooksFileError> {
        let failed = |source| BooksFileError::Read { path: path.to_owned(), source };
        let mut input = BufReader::new(File::open(path).map_err(failed)?);
        let mut head = [0; 12];
        let got = fill(&mut input, &mut head).map_err(failed)?;
        if head[..got.min(8)] != MAGIC[..got.min(8)] || got == 0 {
            return Err(if got == 0 {
                BooksFileError::Cut { path: path.to_owned(), at: 0 }
            } else {
                BooksFileError::Foreign { path: path.to_owned() }
            });
        }
        if got < 12 {
            return Err(BooksFileError::Cut { path: path.to_owned(), at: got as u64 });
        }
        let version = u32::from_le_bytes([head[8], head[9], head[10], head[11]]);
        if version > VERSION {
            return Err(BooksFileError::Newer { path: path.to_owned(), version });
        }
        let mut loading = Loading { books: None, reserved: 0, ended: false };
        while let Some(frame) = frame(&mut input).map_err(failed)? {
            if !loading.frame(&frame) {
                break;
            }
        }
        let mut books = loading.books.ok_or(BooksFileError::Cut { path: path.to_owned(), at: 12 })?;
        books.complete = loading.ended;
        Ok(books)
    }
}

/// The next whole frame; `None` at the end or where the file is torn.
fn frame(input: &mut impl Read) -> io::Result<Option<Vec<u8>>> {
    let mut head = [0; 8];
    if fill(input, &mut head)? < 8 {
        return Ok(None);
    }
    let [a, b, c, d, check @ ..] = head;
    let (len, check) = (u32::from_le_bytes([a, b, c, d]), u32::from_le_bytes(check));
    if len > MAX_FRAME {
        return Ok(None);
    }
    let mut items = Vec::new();
    input.take(u64::from(len)).read_to_end(&mut items)?;
    let whole = items.len() == len as usize && crc32fast::hash(&items) == check;
    Ok(whole.then_some(items))
}

/// Reads until the buffer is full or the input ends.
fn fill(input: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut got = 0;
    while got < buffer.len() {
        match input.read(&mut buffer[got..]) {
            Ok(0) => break,
            Ok(more) => got += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(got)
}

struct Loading {
    books: Option<Books>,
    /// Records over all streams, as far as the file has said so far.
    reserved: u64,
    ended: bool,
}

impl Loading {
    /// Adds a frame; false if it is not one that this program writes.
    fn frame(&mut self, items: &[u8]) -> bool {
        let mut reader = Reader(items);
        let mut entries = Vec::new();
        while !reader.0.is_empty() {
            match reader.item() {
                Some(Item::Head { run, names }) if self.books.is_none() => self.books = Some(Books::new(run, names)),
                // It belongs to the head: nothing was said of any stream yet.
                Some(Item::Ways { routes, dropped }) if entries.is_empty() && self.reserved == 0 => {
                    let Some(books) = self.books.take().and_then(|books| books.with_ways(&routes, &dropped)) else {
                        return false;
                    };
                    self.books = Some(books);
                }
                Some(Item::Entry(entry)) => entries.push(entry),
                Some(Item::End) if self.books.is_some() => self.ended = true,
                _ => return false,
            }
        }
        let Some(books) = &mut self.books else { return false };
        for entry in &entries {
            if !believable(books, entry, &mut self.reserved) {
                return false;
            }
            books.add(entry);
        }
        true
    }
}

/// True if an entry speaks of records that were reserved, of streams that exist.
fn believable(books: &Books, entry: &Entry, reserved: &mut u64) -> bool {
    let (stream, end) = match entry {
        Entry::Marks { stream, marks } => {
            let Some(book) = books.streams.get(usize::from(*stream)) else { return false };
            *reserved += marks.reserved.saturating_sub(book.marks.reserved);
            return *reserved <= MAX_RECORDS;
        }
        Entry::Arrived { stream, seqs }
        | Entry::SourceLost { stream, seqs }
        | Entry::Surplus { stream, seqs, .. }
        | Entry::Allowed { stream, seqs, .. }
        | Entry::Damaged { stream, seqs, .. }
        | Entry::Reordered { stream, seqs, .. }
        | Entry::Misattributed { stream, seqs, .. } => (*stream, seqs.end),
        Entry::Again { stream, again } => (*stream, again.to),
        Entry::ArrivedPage { stream, page, words } => {
            let Some(word) = words.iter().rposition(|word| *word != 0) else { return true };
            let last = word as u64 * 64 + 63 - u64::from(words[word].leading_zeros());
            (*stream, page * crate::bitmap::PAGE_BITS + last + 1)
        }
        Entry::SourceLostWhy { stream, .. }
        | Entry::SurplusUnnamed { stream, .. }
        | Entry::DamagedUnnamed { stream, .. }
        | Entry::SeenUnder { stream, .. } => (*stream, 0),
        Entry::DamageKind { route, .. }
        | Entry::Unidentified { route, .. }
        | Entry::Fragments { route, .. }
        | Entry::Torn { route, .. }
        | Entry::Unexpected { route, .. }
        | Entry::Example { route, .. }
        | Entry::SourceLostCount { route, .. } => return usize::from(*route) < books.routes.count(),
    };
    books.streams.get(usize::from(stream)).is_some_and(|book| end <= book.marks.reserved)
}
