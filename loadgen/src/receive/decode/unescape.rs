//! Strings of JSON: where they end, and what they say.
//!
//! What is no JSON, or a lone surrogate, is `None`: it is left to `serde_json`.

/// The first byte at or after `at` that does not stand for itself in a string.
#[inline]
pub(super) fn next_special(input: &[u8], mut at: usize) -> Option<usize> {
    // Most strings end soon, or else go on for long.
    while let Some(chunk) = input.get(at..)?.first_chunk() {
        let specials = specials(*chunk);
        if specials != 0 {
            return Some(at + specials.trailing_zeros() as usize / 8);
        }
        at += CHUNK;
    }
    input.get(at..)?.iter().position(|byte| is_special(*byte)).map(|ahead| at + ahead)
}

/// Bytes looked at together: one machine word.
const CHUNK: usize = 8;

/// Non-zero if a byte is a quote, a backslash or a control character; the lowest bit set is in the first of them.
#[inline]
fn specials(chunk: [u8; CHUNK]) -> u64 {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = ONES << 7;
    let word = u64::from_le_bytes(chunk);
    let below = |word: u64, limit: u64| word.wrapping_sub(ONES * limit) & !word;
    let quote = below(word ^ (ONES * u64::from(b'"')), 1);
    let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
    (quote | backslash | below(word, 0x20)) & HIGH
}

#[inline]
fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\' | 0..=0x1f)
}

/// An unescaped string; its space outlives it.
#[derive(Debug, Clone, Default)]
pub(super) struct Scratch {
    bytes: Vec<u8>,
    len: usize,
}

impl Scratch {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    #[inline]
    fn make_room(&mut self) {
        if self.bytes.len() < self.len + CHUNK {
            self.bytes.resize(2 * self.bytes.len() + 8 * CHUNK, 0);
        }
    }

    #[inline]
    fn push(&mut self, bytes: &[u8]) {
        let end = self.len + bytes.len();
        if self.bytes.len() < end {
            self.bytes.resize(2 * end, 0);
        }
        self.bytes[self.len..end].copy_from_slice(bytes);
        self.len += bytes.len();
    }
}

/// Unescapes the string whose first byte is at `from`; returns where it ends, behind the quote.
pub(super) fn unescape(input: &[u8], from: usize, out: &mut Scratch) -> Option<usize> {
    let mut at = from;
    out.len = 0;
    loop {
        // Where escapes are dense, one word at a time: all of it is copied, and only what precedes an escape is kept.
        // Where they are not, a search and a copy.
        if let Some(chunk) = input.get(at..)?.first_chunk::<CHUNK>() {
            out.make_room();
            out.bytes[out.len..][..CHUNK].copy_from_slice(chunk);
            let specials = specials(*chunk);
            let plain = specials.trailing_zeros() as usize / 8;
            at += plain;
            out.len += plain;
            if specials == 0 {
                let run = memchr::memchr2(b'"', b'\\', &input[at..])?;
                let plain = &input[at..at + run];
                if plain.iter().fold(0, |found, byte| found | u8::from(*byte < 0x20)) != 0 {
                    return None;
                }
                out.push(plain);
                at += run;
            }
        }
        match *input.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at = escape(input, at + 1, out)?,
            0..=0x1f => return None,
            byte => {
                out.push(&[byte]);
                at += 1;
            }
        }
    }
}

/// One escape, the backslash already read.
#[inline]
fn escape(input: &[u8], at: usize, out: &mut Scratch) -> Option<usize> {
    let byte = match input.get(at)? {
        byte @ (b'"' | b'\\' | b'/') => *byte,
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        b'u' => return unicode(input, at + 1, out),
        _ => return None,
    };
    out.make_room();
    out.bytes[out.len] = byte;
    out.len += 1;
    Some(at + 1)
}

fn unicode(input: &[u8], at: usize, out: &mut Scratch) -> Option<usize> {
    let unit = |at: usize| {
        let digits = std::str::from_utf8(input.get(at..at + 4)?).ok()?;
        digits.bytes().all(|digit| digit.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
    };
    let first = unit(at)?;
    let (code, end) = if (0xd800..0xdc00).contains(&first) {
        let second = (input.get(at + 4..at + 6)? == b"\\u").then(|| unit(at + 6))??;
        let low = second.checked_sub(0xdc00).filter(|low| *low < 0x400)?;
        (0x10000 + ((first - 0xd800) << 10) + low, at + 10)
    } else {
        (first, at + 4)
    };
    out.push(char::from_u32(code)?.encode_utf8(&mut [0; 4]).as_bytes());
    Some(end)
}
