//! Lower-case hex, eight digits at a time within one 64-bit word.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Each byte of a word set to `byte`.
const fn each(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// Reads eight lower-case hex digits; `None` if one of them is something else.
#[inline]
pub(super) fn eight(digits: [u8; 8]) -> Option<u32> {
    let text = u64::from_le_bytes(digits);
    let letters = text >> 6 & each(1);
    let nibbles = (text & each(0x0f)) + letters * 9;
    // Writing the nibbles back tells whether they were digits at all: 39 lies between '9' + 1 and 'a'.
    let above_nine = (nibbles + each(0x76)) >> 7 & each(1);
    let again = nibbles + each(b'0') + above_nine * 39;
    if again != text || nibbles & each(0xf0) != 0 {
        return None;
    }
    let pairs = nibbles.swap_bytes();
    let pairs = (pairs | pairs >> 4) & 0x00ff_00ff_00ff_00ff;
    let quads = (pairs | pairs >> 8) & 0x0000_ffff_0000_ffff;
    Some((quads | quads >> 16) as u32)
}

/// Writes `value` as lower-case hex into the whole of `out`, most significant digit first.
pub fn put_hex(out: &mut [u8], mut value: u64) {
    for digit in out.iter_mut().rev() {
        *digit = DIGITS[(value & 15) as usize];
        value >>= 4;
    }
}

/// Reads lower-case hex; the error is the index of the first byte that is none.
pub fn get_hex(digits: &[u8]) -> Result<u64, usize> {
    digits.iter().enumerate().try_fold(0u64, |value, (at, &digit)| {
        let nibble = match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => return Err(at),
        };
        Ok(value << 4 | u64::from(nibble))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn eight_digits_at_once_read_what_was_written(value in any::<u32>()) {
            let mut digits = [0; 8];
            put_hex(&mut digits, u64::from(value));
            prop_assert_eq!(eight(digits), Some(value));
        }

        #[test]
        fn eight_digits_at_once_agree_with_one_at_a_time(digits in any::<[u8; 8]>()) {
            prop_assert_eq!(eight(digits), get_hex(&digits).ok().map(|value| value as u32));
        }
    }

    #[test]
    fn every_byte_in_every_place_is_told_apart() {
        for place in 0..8 {
            for byte in 0..=255 {
                let mut digits = *b"09afb3c1";
                digits[place] = byte;
                assert_eq!(eight(digits), get_hex(&digits).ok().map(|value| value as u32), "{byte} at {place}");
            }
        }
    }
}
