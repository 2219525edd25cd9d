//! Finding out which record a text was when a single byte of it was changed.
//!
//! CRC-32 is linear: the difference between the check stated and the check computed depends only on which bits were
//! changed and how many bytes follow them. Walking that difference backwards, byte by byte, meets the one-byte
//! change that made it. So a changed digit in a stamp does not pass for another record, and does not hide which one it was.

use crate::identity::{CHECK_AT, MAGIC, STAMP_LEN, Stamp, check, get_hex, put_hex};

/// Texts longer than this are not searched, bytes.
const MAX_TEXT: usize = 1 << 20;
/// How far into a text a stamp with a broken magic is looked for, bytes.
const MAX_HEAD: usize = 4096;
/// Where a stamp has its dashes.
const DASHES: [usize; 5] = [12, 17, 30, 41, 50];

const TABLE: [u32; 256] = table();

const fn table() -> [u32; 256] {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
}

/// Which index of [`TABLE`] has this top byte; every top byte occurs once.
const BY_TOP: [u8; 256] = by_top();

const fn by_top() -> [u8; 256] {
    let mut by_top = [0; 256];
    let mut index = 0;
    while index < 256 {
        by_top[(TABLE[index] >> 24) as usize] = index as u8;
        index += 1;
    }
    by_top
}

/// The stamp that `text` had at `at` if exactly one byte of the text was changed; `None` if that explains nothing, or
/// explains it in ways that disagree about the record.
pub(crate) fn single_byte(text: &[u8], at: usize) -> Option<Stamp> {
    let stated = text.get(at + CHECK_AT..at + STAMP_LEN)?;
    if text.len() > MAX_TEXT {
        return None;
    }
    let computed = check(text, at);
    let mut digits = [0; 8];
    put_hex(&mut digits, u64::from(computed));
    let head: &[u8; STAMP_LEN] = text[at..].first_chunk()?;
    if stated.iter().zip(&digits).filter(|(left, right)| left != right).count() == 1 {
        let mut head = *head;
        head[CHECK_AT..].copy_from_slice(&digits);
        return plausible(&head, text, at);
    }
    let mut found: Option<Stamp> = None;
    for (place, change) in changes(computed ^ get_hex(stated).ok()? as u32, text.len() - 8) {
        let place = if place < at + CHECK_AT { place } else { place + 8 };
        let mut head = *head;
        if (at..at + STAMP_LEN).contains(&place) {
            head[place - at] ^= change;
        }
        let Some(stamp) = plausible(&head, text, at) else { continue };
        if found.is_some_and(|other| other.id != stamp.id) {
            return None;
        }
        found = Some(stamp);
    }
    found
}

/// The one-byte changes (place, difference) of a message of `len` bytes that change its CRC by `syndrome`.
fn changes(syndrome: u32, len: usize) -> impl Iterator<Item = (usize, u8)> {
    let mut state = syndrome;
    (0..len).rev().filter_map(move |place| {
        let index = BY_TOP[(state >> 24) as usize];
        let entry = TABLE[usize::from(index)];
        let hit = (entry == state && index != 0).then_some((place, index));
        state = (state ^ entry) << 8 | u32::from(index);
        hit
    })
}

/// A stamp that fits the text it stands in.
fn plausible(head: &[u8; STAMP_LEN], text: &[u8], at: usize) -> Option<Stamp> {
    let (stamp, _) = Stamp::decode(head).ok()?;
    (stamp.text_len as usize == text.len() && usize::from(stamp.at) == at).then_some(stamp)
}

/// Places where a stamp with at most one bad byte may begin.
pub(crate) fn heads(text: &[u8]) -> impl Iterator<Item = usize> + '_ {
    let starts = text.len().saturating_sub(STAMP_LEN - 1).min(MAX_HEAD);
    (0..starts).filter(|&at| {
        let head = &text[at..at + STAMP_LEN];
        let magic = head.iter().zip(MAGIC).filter(|(left, right)| left != right).count();
        magic + DASHES.iter().filter(|&&dash| head[dash] != b'-').count() <= 1
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::identity::{RecordId, StreamId, seal};

    fn text(seq: u64, at: usize, body: &[u8]) -> (Stamp, Vec<u8>) {
        let len = at + STAMP_LEN + body.len();
        let id = RecordId { stream: StreamId(3), seq };
        let stamp = Stamp { run: 0x5eed, id, due_us: 77, text_len: len as u32, at: at as u8 };
        let mut text = vec![b'{'; at];
        let mut head = [0; STAMP_LEN];
        stamp.encode(&mut head);
        text.extend_from_slice(&head);
        text.extend_from_slice(body);
        seal(&mut text, at);
        (stamp, text)
    }

    proptest! {
        #[test]
        fn one_changed_byte_anywhere_does_not_hide_the_record(
            seq in 0u64..1 << 40, at in 0usize..20, body in prop::collection::vec(any::<u8>(), 0..300),
            place in any::<prop::sample::Index>(), change in 1u8..,
        ) {
            let (stamp, mut text) = text(seq, at, &body);
            let place = place.index(text.len());
            text[place] ^= change;
            prop_assert!(heads(&text).any(|head| head == at));
            prop_assert_eq!(single_byte(&text, at).map(|found| found.id), Some(stamp.id));
        }
    }

    #[test]
    fn an_unharmed_text_needs_no_repair_and_two_changes_are_not_explained() {
        let (_, mut text) = text(1, 0, b"some body of a record");
        text[70] ^= 1;
        text[75] ^= 1;
        assert_eq!(single_byte(&text, 0), None);
    }
}
