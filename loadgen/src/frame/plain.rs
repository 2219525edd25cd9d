//! The text and a line feed.

use super::Framed;

pub(super) fn encode(text: &[u8], framed: &mut Framed) {
    framed.bytes.extend_from_slice(text);
    framed.bytes.push(b'\n');
}

#[cfg(test)]
pub(crate) fn decode(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes
        .strip_suffix(b"\n")
        .map(|whole| whole.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use crate::frame::{Framing, output_label};

    #[test]
    fn lines_come_back() {
        let time = b"2026-11-21T05:48:09.123456781Z";
        let mut file = Framing::Plain.frame(b"one", time, output_label(false)).bytes;
        file.extend(Framing::Plain.frame(b"", time, output_label(false)).bytes);
        assert_eq!(super::decode(&file), [b"one".to_vec(), b"".to_vec()]);
    }
}
