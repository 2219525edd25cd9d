//! Entries as bytes: a tag, then its fields as LEB128 numbers and length-prefixed texts.
//!
//! Reading trusts nothing: every number is bounded by what it may mean before anything is allocated for it.

use std::ops::Range;

use super::{
    Again,
    entry::{Allowance, Damage, Entry, Marks},
};
use crate::{
    bitmap::{PAGE_BITS, PAGE_WORDS},
    identity::StreamId,
    route::MAX_ROUTES,
};

/// Most records a run can have over all its streams, as far as a file is believed.
pub(super) const MAX_RECORDS: u64 = 1 << 36;
/// Longest text, bytes.
const MAX_TEXT: usize = 4096;

/// What a frame holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Item {
    /// Which run, and the names of its streams; first in the file.
    Head { run: u32, names: Vec<String> },
    /// Which routes there are, and the streams that none of them may deliver; after the head, where there is more to say than
    /// one route and no such stream.
    Ways { routes: Vec<String>, dropped: Vec<StreamId> },
    /// Something added to the books.
    Entry(Entry),
    /// The books were closed; last in the file.
    End,
}

pub(super) fn put_head(out: &mut Vec<u8>, run: u32, names: &[String]) {
    out.push(1);
    put(out, u64::from(run));
    put(out, names.len() as u64);
    for name in names {
        put_text(out, name);
    }
}

pub(super) fn put_ways(out: &mut Vec<u8>, routes: &[String], dropped: &[StreamId]) {
    out.push(23);
    put(out, routes.len() as u64);
    for name in routes {
        put_text(out, name);
    }
    put(out, dropped.len() as u64);
    for stream in dropped {
        put(out, u64::from(stream.0));
    }
}

pub(super) fn put_end(out: &mut Vec<u8>) {
    out.push(2);
}

pub(super) fn put_entry(out: &mut Vec<u8>, entry: &Entry) {
    match entry {
        Entry::Marks { stream, marks } => {
            put_all(out, 3, *stream, &[marks.reserved, marks.sent, marks.written, marks.bytes]);
        }
        Entry::SourceLost { stream, seqs } => put_all(out, 4, *stream, &[seqs.start, seqs.end]),
        Entry::SourceLostWhy { stream, why, count } => {
            put_all(out, 5, *stream, &[*count]);
            put_text(out, why);
        }
        Entry::Arrived { stream, seqs } => put_all(out, 6, *stream, &[seqs.start, seqs.end]),
        Entry::ArrivedPage { stream, page, words } => {
            put_all(out, 7, *stream, &[*page]);
            words.iter().for_each(|word| out.extend_from_slice(&word.to_le_bytes()));
        }
        Entry::Surplus { stream, seqs, copies } => put_all(out, 8, *stream, &[seqs.start, seqs.end, *copies]),
        Entry::SurplusUnnamed { stream, count } => put_all(out, 9, *stream, &[*count]),
        Entry::Again { stream, again } => {
            put_all(out, 10, *stream, &[again.from, again.to, again.from_us, again.until_us]);
        }
        Entry::Allowed { stream, seqs, times, allowance } => {
            put_all(out, 11, *stream, &[seqs.start, seqs.end, *times, *allowance as u64]);
        }
        Entry::Damaged { stream, seqs, copies } => put_all(out, 12, *stream, &[seqs.start, seqs.end, *copies]),
        Entry::DamagedUnnamed { stream, count } => put_all(out, 13, *stream, &[*count]),
        Entry::Reordered { stream, seqs, count } => put_all(out, 14, *stream, &[seqs.start, seqs.end, *count]),
        Entry::Misattributed { stream, seqs, count } => put_all(out, 15, *stream, &[seqs.start, seqs.end, *count]),
        Entry::SeenUnder { stream, label, count } => {
            put_all(out, 16, *stream, &[*count]);
            put_text(out, label);
        }
        Entry::DamageKind { route, damage, count } => {
            put_all(out, 17, u16::from(*route) << 8 | *damage as u16, &[*count]);
        }
        Entry::Unidentified { route, count } => put_all(out, 18, u16::from(*route), &[*count]),
        Entry::Unexpected { route, count } => put_all(out, 19, u16::from(*route), &[*count]),
        Entry::Example { route, text } => {
            put_all(out, 20, u16::from(*route), &[]);
            put_text(out, text);
        }
        Entry::Fragments { route, count } => put_all(out, 21, u16::from(*route), &[*count]),
        Entry::Torn { route, count } => put_all(out, 22, u16::from(*route), &[*count]),
        Entry::SourceLostCount { route, why, count, slack } => {
            put_all(out, 24, u16::from(*route), &[*count, *slack]);
            put_text(out, why);
        }
    }
}

fn put_all(out: &mut Vec<u8>, tag: u8, stream: u16, numbers: &[u64]) {
    out.push(tag);
    put(out, u64::from(stream));
    for &number in numbers {
        put(out, number);
    }
}

fn put(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    let mut len = text.len().min(MAX_TEXT);
    while !text.is_char_boundary(len) {
        len -= 1;
    }
    put(out, len as u64);
    out.extend_from_slice(&text.as_bytes()[..len]);
}

/// Reads the items of one frame.
pub(super) struct Reader<'a>(pub(super) &'a [u8]);

impl Reader<'_> {
    /// The next item; `None` if the bytes are none.
    pub(super) fn item(&mut self) -> Option<Item> {
        let tag = self.byte()?;
        match tag {
            1 => return self.head(),
            2 => return Some(Item::End),
            23 => return self.ways(),
            _ => {}
        }
        let stream = u16::try_from(self.number()?).ok()?;
        // What is counted for a whole route has its number where others have their stream.
        let route = u8::try_from(stream);
        Some(Item::Entry(match tag {
            3 => Entry::Marks { stream, marks: self.marks()? },
            4 => Entry::SourceLost { stream, seqs: self.range()? },
            5 => {
                let count = self.number()?;
                Entry::SourceLostWhy { stream, why: self.text()?, count }
            }
            6 => Entry::Arrived { stream, seqs: self.range()? },
            7 => {
                let page = self.number().filter(|page| *page < MAX_RECORDS / PAGE_BITS)?;
                Entry::ArrivedPage { stream, page, words: self.words()? }
            }
            8 => Entry::Surplus { stream, seqs: self.range()?, copies: self.times()? },
            9 => Entry::SurplusUnnamed { stream, count: self.count()? },
            10 => {
                let Range { start: from, end: to } = self.range()?;
                Entry::Again { stream, again: Again { from, to, from_us: self.number()?, until_us: self.number()? } }
            }
            11 => {
                let (seqs, times) = (self.range()?, self.times()?);
                let allowance = *[Allowance::InFlight, Allowance::AnswerLost].get(self.number()? as usize)?;
                Entry::Allowed { stream, seqs, times, allowance }
            }
            12 => Entry::Damaged { stream, seqs: self.range()?, copies: self.times()? },
            13 => Entry::DamagedUnnamed { stream, count: self.count()? },
            14 => Entry::Reordered { stream, seqs: self.range()?, count: self.count()? },
            15 => Entry::Misattributed { stream, seqs: self.range()?, count: self.count()? },
            16 => {
                let count = self.count()?;
                Entry::SeenUnder { stream, label: self.text()?, count }
            }
            17 => {
                let [route, damage] = stream.to_be_bytes();
                Entry::DamageKind { route, damage: *Damage::ALL.get(usize::from(damage))?, count: self.count()? }
            }
            18 => Entry::Unidentified { route: route.ok()?, count: self.count()? },
            19 => Entry::Unexpected { route: route.ok()?, count: self.count()? },
            20 => Entry::Example { route: route.ok()?, text: self.text()? },
            21 => Entry::Fragments { route: route.ok()?, count: self.count()? },
            22 => Entry::Torn { route: route.ok()?, count: self.count()? },
            24 => {
                let (count, slack) = (self.count()?, self.count()?);
                Entry::SourceLostCount { route: route.ok()?, why: self.text()?, count, slack }
            }
            _ => return None,
        }))
    }

    fn head(&mut self) -> Option<Item> {
        let run = u32::try_from(self.number()?).ok()?;
        let count = self.number().filter(|count| *count <= 1 << 16)?;
        let names = (0..count).map(|_| self.text()).collect::<Option<_>>()?;
        Some(Item::Head { run, names })
    }

    fn ways(&mut self) -> Option<Item> {
        let count = self.number().filter(|count| *count <= MAX_ROUTES as u64)?;
        let routes = (0..count).map(|_| self.text()).collect::<Option<_>>()?;
        let count = self.number().filter(|count| *count <= 1 << 16)?;
        let dropped = (0..count).map(|_| Some(StreamId(u16::try_from(self.number()?).ok()?))).collect::<Option<_>>()?;
        Some(Item::Ways { routes, dropped })
    }

    fn byte(&mut self) -> Option<u8> {
        let (&first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(first)
    }

    fn number(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    /// A count that can be multiplied by a number of records without leaving 64 bits.
    fn times(&mut self) -> Option<u64> {
        self.number().filter(|times| *times <= 1 << 20)
    }

    fn count(&mut self) -> Option<u64> {
        self.number().filter(|count| *count <= MAX_RECORDS)
    }

    fn range(&mut self) -> Option<Range<u64>> {
        let range = self.number()?..self.number()?;
        (range.start <= range.end && range.end <= MAX_RECORDS).then_some(range)
    }

    fn marks(&mut self) -> Option<Marks> {
        let marks =
            Marks { reserved: self.count()?, sent: self.count()?, written: self.count()?, bytes: self.number()? };
        (marks.written <= marks.sent && marks.sent <= marks.reserved).then_some(marks)
    }

    fn words(&mut self) -> Option<Box<[u64; PAGE_WORDS]>> {
        let (bytes, rest) = self.0.split_at_checked(PAGE_WORDS * 8)?;
        self.0 = rest;
        let mut words = Box::new([0; PAGE_WORDS]);
        for (word, bytes) in words.iter_mut().zip(bytes.chunks_exact(8)) {
            *word = u64::from_le_bytes(bytes.try_into().expect("chunks of eight bytes"));
        }
        Some(words)
    }

    fn text(&mut self) -> Option<String> {
        let len = self.number().filter(|len| *len <= MAX_TEXT as u64)? as usize;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        String::from_utf8(bytes.to_vec()).ok()
    }
}
