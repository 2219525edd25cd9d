//! The check of a record by linearity: only what changed is computed anew.
//!
//! ```text
//! text     ├─ head: stream, seq, due, field ─┼───── tail, the same for every record of a template ─────┤
//! check  =  check(template with the changing bytes zero)  ^  shift[tail length]( pairs[changing digits] )
//! ```
//! CRC-32 is affine over the bits of the text. Two hex digits at a fixed distance from the end of the head
//! contribute a table entry; moving the sum of them over the tail is four more.

/// The reflected polynomial of CRC-32 (IEEE 802.3).
const POLYNOMIAL: u32 = 0xEDB8_8320;

/// Moves a register over a fixed number of zero bytes.
#[derive(Debug)]
pub(crate) struct Shift([[u32; 256]; 4]);

impl Shift {
    /// Over `bytes` zero bytes.
    pub(crate) fn new(bytes: usize) -> Self {
        let columns = power(bytes);
        let mut tables = [[0; 256]; 4];
        for (at, table) in tables.iter_mut().enumerate() {
            for (value, entry) in table.iter_mut().enumerate() {
                *entry = apply(&columns, (value as u32) << (8 * at));
            }
        }
        Self(tables)
    }

    /// The register after the zero bytes.
    pub(crate) fn apply(&self, register: u32) -> u32 {
        let [a, b, c, d] = register.to_le_bytes();
        self.0[0][usize::from(a)] ^ self.0[1][usize::from(b)] ^ self.0[2][usize::from(c)] ^ self.0[3][usize::from(d)]
    }
}

/// What two lower-case hex digits contribute to the register at the end of the head, by their value.
pub(crate) type Pair = [u32; 256];

/// The table of two digits followed by `distance` more bytes of the head.
pub(crate) fn pair(distance: usize) -> Pair {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let columns = power(distance);
    let mut table = [0; 256];
    for (value, entry) in table.iter_mut().enumerate() {
        let register = byte(byte(0, DIGITS[value >> 4]), DIGITS[value & 15]);
        *entry = apply(&columns, register);
    }
    table
}

/// One byte through the register, without the inversions at both ends.
fn byte(register: u32, byte: u8) -> u32 {
    (0..8)
        .fold(register ^ u32::from(byte), |value, _| if value & 1 == 1 { value >> 1 ^ POLYNOMIAL } else { value >> 1 })
}

/// The images of the 32 single bits under a linear map.
type Columns = [u32; 32];

fn apply(columns: &Columns, register: u32) -> u32 {
    columns.iter().enumerate().fold(0, |sum, (bit, column)| if register >> bit & 1 == 1 { sum ^ column } else { sum })
}

/// The map "over `bytes` zero bytes", by repeated squaring.
fn power(mut bytes: usize) -> Columns {
    let mut result: Columns = std::array::from_fn(|bit| 1 << bit);
    let mut step: Columns = std::array::from_fn(|bit| byte(1 << bit, 0));
    while bytes > 0 {
        if bytes & 1 == 1 {
            result = std::array::from_fn(|bit| apply(&step, result[bit]));
        }
        step = std::array::from_fn(|bit| apply(&step, step[bit]));
        bytes >>= 1;
    }
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn changing_two_digits_changes_the_check_as_the_tables_say(
            mut text in prop::collection::vec(any::<u8>(), 2..400),
            spot in any::<prop::sample::Index>(),
            cut in any::<prop::sample::Index>(),
            value in any::<u8>(),
        ) {
            let spot = spot.index(text.len() - 1);
            let head = spot + 2 + cut.index(text.len() - spot - 1);
            text[spot..spot + 2].fill(0);
            let blank = crc32fast::hash(&text);
            text[spot..spot + 2].copy_from_slice(format!("{value:02x}").as_bytes());
            let register = pair(head - spot - 2)[usize::from(value)];
            prop_assert_eq!(blank ^ Shift::new(text.len() - head).apply(register), crc32fast::hash(&text));
        }
    }
}
