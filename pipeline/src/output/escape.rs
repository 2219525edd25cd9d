//! Text into the inside of a JSON string, sixteen bytes at a time.
//!
//! Whole blocks are copied, then the few bytes that need an escape are found by a mask and rewritten. Bytes that are
//! no UTF-8 become U+FFFD, because JSON has no other way to carry them.

/// Input bytes that are escaped into the scratch at once; each may become six.
const STRETCH: usize = 1024;
const BLOCK: usize = 16;

/// Scratch space, kept so that it is not cleared for each record.
#[derive(Debug, Clone)]
pub(crate) struct Escaper {
    scratch: Box<[u8; STRETCH * 6 + 2 * BLOCK]>,
}

impl Default for Escaper {
    fn default() -> Self {
        Self { scratch: Box::new([0; STRETCH * 6 + 2 * BLOCK]) }
    }
}

impl Escaper {
    /// Appends `text`, escaped, to `out`.
    pub(crate) fn escape(&mut self, text: &[u8], out: &mut Vec<u8>) {
        match str::from_utf8(text) {
            Ok(_) => self.valid(text, out),
            Err(_) => self.valid(String::from_utf8_lossy(text).as_bytes(), out),
        }
    }

    fn valid(&mut self, text: &[u8], out: &mut Vec<u8>) {
        for stretch in text.chunks(STRETCH) {
            let mut len = 0;
            let (blocks, rest) = stretch.as_chunks::<BLOCK>();
            for block in blocks {
                len = put(block, BLOCK, &mut self.scratch[..], len);
            }
            if !rest.is_empty() {
                let mut block = [b' '; BLOCK];
                block[..rest.len()].copy_from_slice(rest);
                len = put(&block, rest.len(), &mut self.scratch[..], len);
            }
            out.extend_from_slice(&self.scratch[..len]);
        }
    }
}

/// Writes the first `used` bytes of `block` at `len`; returns the new length. May write a block beyond it.
#[inline]
fn put(block: &[u8; BLOCK], used: usize, out: &mut [u8], mut len: usize) -> usize {
    let mut found = mask(block);
    if found == 0 {
        out[len..len + BLOCK].copy_from_slice(block);
        return len + used;
    }
    // Twice as long, so that a whole block can be copied from any position in it.
    let mut wide = [0; 2 * BLOCK];
    wide[..BLOCK].copy_from_slice(block);
    let mut from = 0;
    while found != 0 {
        let at = (found.trailing_zeros() / 8) as usize & (BLOCK - 1);
        out[len..len + BLOCK].copy_from_slice(&wide[from..from + BLOCK]);
        len += at - from;
        len += escape_byte(wide[at], &mut out[len..]);
        from = at + 1;
        found &= found - 1;
    }
    out[len..len + BLOCK].copy_from_slice(&wide[from..from + BLOCK]);
    len + used - from
}

#[inline]
fn escape_byte(byte: u8, out: &mut [u8]) -> usize {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let short = match byte {
        b'"' | b'\\' => byte,
        b'\n' => b'n',
        b'\t' => b't',
        b'\r' => b'r',
        control => {
            let digits = [HEX[usize::from(control >> 4)], HEX[usize::from(control & 15)]];
            out[..4].copy_from_slice(b"\\u00");
            out[4..6].copy_from_slice(&digits);
            return 6;
        }
    };
    out[0] = b'\\';
    out[1] = short;
    2
}

/// The lowest bit of each byte that needs an escape: `"`, `\` and controls. The compiler makes vector code of it.
#[inline]
fn mask(block: &[u8; BLOCK]) -> u128 {
    let needs = block.map(|byte| u8::from(byte < 0x20) | u8::from(byte == b'"') | u8::from(byte == b'\\'));
    u128::from_le_bytes(needs)
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
