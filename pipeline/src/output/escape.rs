//! Text into the inside of a JSON string, eight bytes at a time.
//!
//! Whole blocks are copied, then the few bytes that need an escape are found by a mask and rewritten. Bytes that are
//! no UTF-8 become U+FFFD, because JSON has no other way to carry them.

/// Input bytes that are escaped into the scratch at once; each may become six.
const STRETCH: usize = 1024;
const BLOCK: usize = 8;
/// What is looked at to escape a block: from any position in it a whole block can be copied.
const WINDOW: usize = 2 * BLOCK;
const SCRATCH: usize = STRETCH * 6 + 4 * BLOCK;

/// Scratch space, kept so that it is not cleared for each record.
#[derive(Debug, Clone)]
pub(crate) struct Escaper {
    scratch: Box<[u8; SCRATCH]>,
}

impl Default for Escaper {
    fn default() -> Self {
        Self { scratch: Box::new([0; SCRATCH]) }
    }
}

impl Escaper {
    /// Appends `text`, escaped, to `out`.
    pub(crate) fn escape(&mut self, text: &[u8], out: &mut Vec<u8>) {
        if text.is_ascii() || str::from_utf8(text).is_ok() {
            self.valid(text, out);
        } else {
            self.valid(String::from_utf8_lossy(text).as_bytes(), out);
        }
    }

    fn valid(&mut self, text: &[u8], out: &mut Vec<u8>) {
        let (blocks, end) = text.as_chunks::<BLOCK>();
        let mut last = [b' '; BLOCK];
        last[..end.len()].copy_from_slice(end);
        let plain = blocks.iter().take_while(|block| mask(**block) == 0).count();
        if plain == blocks.len() && mask(last) == 0 {
            out.extend_from_slice(text);
            return;
        }
        let (plain, text) = text.split_at(plain * BLOCK);
        out.extend_from_slice(plain);
        for stretch in text.chunks(STRETCH) {
            let len = stretched(stretch, &mut self.scratch[..]);
            out.extend_from_slice(&self.scratch[..len]);
        }
    }
}

/// Writes a text of at most [`STRETCH`] bytes; returns the length.
fn stretched(text: &[u8], out: &mut [u8]) -> usize {
    let windows = (text.len() / BLOCK).saturating_sub(1);
    // The rest has blanks behind it, which are taken back.
    let rest = &text[windows * BLOCK..];
    let padded = rest.len().next_multiple_of(BLOCK);
    let mut end = [b' '; BLOCK + WINDOW];
    end[..rest.len()].copy_from_slice(rest);
    let mut len = 0;
    for mut part in [text, &end[..padded + BLOCK]] {
        while let Some(window) = part.first_chunk() {
            len = put(window, out, len);
            part = &part[BLOCK..];
        }
    }
    len - (padded - rest.len())
}

/// Writes the first block of `window` at `len`; returns the new length. May write a block beyond it.
#[inline]
fn put(window: &[u8; WINDOW], out: &mut [u8], mut len: usize) -> usize {
    let block = window.first_chunk().expect("a block is the half of it");
    out[len..len + BLOCK].copy_from_slice(block);
    let (mut found, mut from) = (mask(*block), 0);
    while found != 0 {
        let at = (found.trailing_zeros() / 8) as usize;
        len += at - from;
        len += escape_byte(window[at], &mut out[len..]);
        from = at + 1;
        out[len..len + BLOCK].copy_from_slice(&window[from..from + BLOCK]);
        found &= found - 1;
    }
    len + BLOCK - from
}

#[inline]
fn escape_byte(byte: u8, out: &mut [u8]) -> usize {
    if byte < 0x20 {
        return control(byte, out);
    }
    out[..2].copy_from_slice(&[b'\\', byte]);
    2
}

#[cold]
fn control(byte: u8, out: &mut [u8]) -> usize {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'\n' => b'n',
        b'\t' => b't',
        b'\r' => b'r',
        _ => {
            out[..4].copy_from_slice(b"\\u00");
            out[4..6].copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            return 6;
        }
    };
    out[..2].copy_from_slice(&[b'\\', short]);
    2
}

/// The highest bit of each byte that needs an escape, the first byte lowest: `"`, `\` and controls. Eight at once in an
/// ordinary number: left to itself, the compiler finds vector code for this only now and then.
#[inline]
fn mask(bytes: [u8; 8]) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    const EACH: u64 = 0x0101_0101_0101_0101;
    let bytes = u64::from_le_bytes(bytes);
    // The highest bit of each byte that is not 0.
    let some = |bytes: u64| ((bytes & LOW) + LOW) | bytes;
    let quote = some(bytes ^ (EACH * u64::from(b'"')));
    let backslash = some(bytes ^ (EACH * u64::from(b'\\')));
    let high = some(bytes & (EACH * 0xe0));
    !((quote & backslash & high) | LOW)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &[u8]) -> String {
        let mut out = b"\"".to_vec();
        Escaper::default().escape(text, &mut out);
        out.push(b'"');
        String::from_utf8(out).unwrap()
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "([a-z]{0,20}[\"\\\\\u{0}-\u{1f}é😀]{0,3}){0,12}") {
            prop_assert_eq!(serde_json::from_str::<String>(&escaped(text.as_bytes())).unwrap(), text);
        }

        #[test]
        fn any_bytes_come_back_as_a_lossy_reader_sees_them(bytes in proptest::collection::vec(any::<u8>(), 0..3000)) {
            let back = serde_json::from_str::<String>(&escaped(&bytes)).unwrap();
            prop_assert_eq!(back, String::from_utf8_lossy(&bytes));
        }
    }

    #[test]
    fn the_worst_text_fits_the_scratch() {
        let text = vec![1u8; 10 * STRETCH + 7];
        assert_eq!(serde_json::from_str::<String>(&escaped(&text)).unwrap().as_bytes(), text);
    }
}
