//! CRI lines: `time SP output SP P|F SP text LF`; every part of a line but the last is tagged `P`.
//!
//! A runtime knows lines only: a text of several lines becomes several `F`.
//! A text of exactly 16,384 bytes is one `F`. A writer whose file is swapped within a line leaves a `P` in the old
//! file and the rest in the new one, so `P` does not mean 16 KiB.

use super::{Framed, OUTPUT_LEN, SPLIT};
use crate::clock::WALL_LEN;

/// Bytes before the text.
pub(crate) const HEAD_LEN: usize = WALL_LEN + 1 + OUTPUT_LEN + 3;

pub(super) fn encode(text: &[u8], time: &[u8; WALL_LEN], output: [u8; OUTPUT_LEN], framed: &mut Framed) {
    for mut rest in text.split(|byte| *byte == b'\n') {
        while rest.len() > SPLIT {
            let (part, after) = rest.split_at(SPLIT);
            encode_part(part, b'P', time, output, framed);
            rest = after;
        }
        encode_part(rest, b'F', time, output, framed);
    }
}

/// One part, tagged `P` or `F`.
pub(crate) fn encode_part(part: &[u8], tag: u8, time: &[u8; WALL_LEN], output: [u8; OUTPUT_LEN], framed: &mut Framed) {
    let at = framed.bytes.len() as u32;
    framed.times.push(at);
    framed.outputs.push(at + WALL_LEN as u32 + 1);
    framed.bytes.extend_from_slice(time);
    framed.bytes.push(b' ');
    framed.bytes.extend_from_slice(&output);
    framed.bytes.extend_from_slice(&[b' ', tag, b' ']);
    framed.bytes.extend_from_slice(part);
    framed.bytes.push(b'\n');
}

/// Texts and output labels of whole lines; parts are joined per output. Parts without an end are left in the last item.
#[cfg(test)]
pub(crate) fn decode(bytes: &[u8]) -> super::Decoded {
    let mut texts = Vec::new();
    let mut open = [Vec::new(), Vec::new()];
    for line in super::plain::decode(bytes) {
        let mut fields = line.splitn(4, |byte| *byte == b' ');
        let time = fields.next().expect("a time");
        assert!(time.len() == WALL_LEN && time.ends_with(b"Z"), "{:?}", String::from_utf8_lossy(&line));
        let output = fields.next().expect("an output").to_vec();
        let tag = fields.next().expect("a tag");
        let slot = &mut open[usize::from(output == b"stderr")];
        slot.extend_from_slice(fields.next().expect("a text"));
        match tag {
            b"P" => {}
            b"F" => texts.push((std::mem::take(slot), output)),
            other => panic!("tag {other:?}"),
        }
    }
    (texts, open)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{Framing, output_label};

    const TIME: &[u8; 30] = b"2026-11-21T05:48:09.123456781Z";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]
        #[test]
        fn texts_come_back(lens in prop::collection::vec((prop_oneof![0usize..300, 16_380usize..16_390, 32_760usize..50_000], any::<bool>()), 1..6), byte in b' '..=b'~') {
            let mut file = Vec::new();
            let mut texts = Vec::new();
            for (len, is_stderr) in lens {
                let text = vec![byte; len];
                let framed = Framing::Cri.frame(&text, TIME, output_label(is_stderr));
                for (time, output) in framed.times.iter().zip(&framed.outputs) {
                    prop_assert_eq!(&framed.bytes[*time as usize..][..30], TIME);
                    prop_assert_eq!(&framed.bytes[*output as usize..][..6], &output_label(is_stderr));
                }
                file.extend(framed.bytes);
                texts.push((text, output_label(is_stderr).to_vec()));
            }
            prop_assert_eq!(decode(&file), (texts, [Vec::new(), Vec::new()]));
        }
    }

    #[test]
    fn every_line_of_a_text_is_a_line_of_the_file() {
        let framed = Framing::Cri.frame(b"Exception\n\tat a\n\tat b", TIME, output_label(false));
        let lines =
            [b"Exception".to_vec(), b"\tat a".to_vec(), b"\tat b".to_vec()].map(|text| (text, b"stdout".to_vec()));
        assert_eq!(decode(&framed.bytes).0, lines);
    }

    #[test]
    fn sixteen_kibibytes_are_one_line_and_a_byte_more_are_two() {
        let lines = |len| Framing::Cri.frame(&vec![b'x'; len], TIME, output_label(false)).times.len();
        assert_eq!((lines(SPLIT), lines(SPLIT + 1), lines(3 * SPLIT)), (1, 2, 3));
    }
}
