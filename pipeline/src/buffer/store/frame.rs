//! Frames of a segment: what was written, unless it is damaged; then the next one that is whole.
//!
//! ```text
//! f5 9a │ kind:1 │ length:4 │ crc32 of kind, length and body:4 │ body       numbers are little-endian
//! ```

use memchr::memmem;

const MARK: [u8; 2] = [0xf5, 0x9a];
const HEAD: usize = 11;

/// What a frame holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// What is the same for all records of a batch: before them …
    Head,
    /// … and once more behind them, so that no single damage takes a batch away.
    Tail,
    /// A record.
    Record,
}

/// What stands at a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found<'a> {
    /// A frame.
    Frame(Kind, &'a [u8]),
    /// So many bytes that are none.
    Damage(usize),
}

/// Appends a frame whose body is written by `body`.
pub(super) fn write(kind: Kind, out: &mut Vec<u8>, body: impl FnOnce(&mut Vec<u8>)) {
    let start = out.len();
    out.extend_from_slice(&MARK);
    out.push(kind as u8 + 1);
    out.extend_from_slice(&[0; 8]);
    body(out);
    let len = (out.len() - start - HEAD) as u32;
    out[start + 3..start + 7].copy_from_slice(&len.to_le_bytes());
    let crc = sum(&out[start + 2..start + 7], &out[start + HEAD..]);
    out[start + 7..start + HEAD].copy_from_slice(&crc.to_le_bytes());
}

fn sum(head: &[u8], body: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(head);
    hasher.update(body);
    hasher.finalize()
}

/// A whole frame at the beginning of `bytes`, and its length.
fn whole(bytes: &[u8]) -> Option<(Kind, &[u8], usize)> {
    let head = bytes.get(..HEAD)?;
    let kind = match head[2] {
        1 => Kind::Head,
        2 => Kind::Tail,
        3 => Kind::Record,
        _ => return None,
    };
    let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
    let end = HEAD.checked_add(number(3) as usize)?;
    let body = bytes.get(HEAD..end)?;
    (head[..2] == MARK && sum(&head[2..7], body) == number(7)).then_some((kind, body, end))
}

/// What stands at `at`, which moves behind it. `None` at the end. Each call goes on by at least a byte.
pub(super) fn next<'a>(bytes: &'a [u8], at: &mut usize) -> Option<Found<'a>> {
    let rest = bytes.get(*at..).filter(|rest| !rest.is_empty())?;
    if let Some((kind, body, len)) = whole(rest) {
        *at += len;
        return Some(Found::Frame(kind, body));
    }
    let marks = memmem::find_iter(&rest[1..], &MARK).map(|place| place + 1);
    let skip = marks.into_iter().find(|&place| whole(&rest[place..]).is_some()).unwrap_or(rest.len());
    *at += skip;
    Some(Found::Damage(skip))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three() -> Vec<u8> {
        let mut bytes = Vec::new();
        for (kind, text) in [(Kind::Head, "head"), (Kind::Record, "one"), (Kind::Tail, "")] {
            write(kind, &mut bytes, |out| out.extend_from_slice(text.as_bytes()));
        }
        bytes
    }

    fn all(bytes: &[u8]) -> Vec<Found<'_>> {
        let mut at = 0;
        std::iter::from_fn(|| next(bytes, &mut at)).collect()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let bytes = three();
        let expected =
            [Found::Frame(Kind::Head, b"head"), Found::Frame(Kind::Record, b"one"), Found::Frame(Kind::Tail, b"")];
        assert_eq!(all(&bytes), expected);
    }

    #[test]
    fn any_byte_that_is_changed_costs_its_frame_and_no_other() {
        for place in 0..three().len() {
            for bit in 0..8 {
                let mut bytes = three();
                bytes[place] ^= 1 << bit;
                let found = all(&bytes);
                let frames = found.iter().filter(|found| matches!(found, Found::Frame(..))).count();
                assert_eq!((frames, found.len()), (2, 3), "{place} {bit}");
            }
        }
    }
}
