//! Docker's json-file lines: `{"log":"…\n","stream":"stdout","time":"…"} LF`; only the last part of a line ends in `\n`.
//!
//! Escaping as moby does it: `"` `\` `\n` `\r` by a backslash, other control characters, `<`, `>` and `&` as `\u00xx`,
//! U+2028 and U+2029 as `\u2028`, `\u2029`, bytes that are no UTF-8 as `\ufffd`. A text of 16,384 bytes or more is split
//! whenever 16,384 bytes are full, even if nothing but the line feed is left.

use super::{Framed, OUTPUT_LEN, SPLIT};
use crate::clock::WALL_LEN;

const OPEN: &[u8] = br#"{"log":""#;
const OUTPUT: &[u8] = br#"","stream":""#;
const TIME: &[u8] = br#"","time":""#;
const CLOSE: &[u8] = b"\"}\n";

pub(super) fn encode(text: &[u8], time: &[u8; WALL_LEN], output: [u8; OUTPUT_LEN], framed: &mut Framed) {
    for mut rest in text.split(|byte| *byte == b'\n') {
        while rest.len() >= SPLIT {
            let (part, after) = rest.split_at(SPLIT);
            encode_part(part, false, time, output, framed);
            rest = after;
        }
        encode_part(rest, true, time, output, framed);
    }
}

fn encode_part(part: &[u8], is_last: bool, time: &[u8; WALL_LEN], output: [u8; OUTPUT_LEN], framed: &mut Framed) {
    let bytes = &mut framed.bytes;
    bytes.extend_from_slice(OPEN);
    escape(part, bytes);
    if is_last {
        bytes.extend_from_slice(b"\\n");
    }
    bytes.extend_from_slice(OUTPUT);
    framed.outputs.push(bytes.len() as u32);
    bytes.extend_from_slice(&output);
    bytes.extend_from_slice(TIME);
    framed.times.push(bytes.len() as u32);
    bytes.extend_from_slice(time);
    bytes.extend_from_slice(CLOSE);
}

/// Where the text behind `before` begins in the framed line.
pub(super) fn offset(before: &[u8]) -> usize {
    let mut escaped = Vec::new();
    escape(before, &mut escaped);
    OPEN.len() + escaped.len()
}

fn escape(text: &[u8], out: &mut Vec<u8>) {
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\0'..='\x1f' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    out.extend_from_slice(format!("\\u{:04x}", u32::from(character)).as_bytes());
                }
                other => out.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        // moby replaces byte by byte.
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
}

/// Texts and output labels; what has no end yet is left in the last item.
#[cfg(test)]
pub(crate) fn decode(bytes: &[u8]) -> super::Decoded {
    let mut texts = Vec::new();
    let mut open = [Vec::new(), Vec::new()];
    for line in super::plain::decode(bytes) {
        let line: serde_json::Value = serde_json::from_slice(&line).expect("JSON");
        let (log, output) = (line["log"].as_str().expect("log"), line["stream"].as_str().expect("stream"));
        assert_eq!(line["time"].as_str().map(str::len), Some(WALL_LEN));
        let slot = &mut open[usize::from(output == "stderr")];
        slot.extend_from_slice(log.as_bytes());
        if slot.pop_if(|byte| *byte == b'\n').is_some() {
            texts.push((std::mem::take(slot), output.as_bytes().to_vec()));
        }
    }
    (texts, open)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::frame::{Framing, output_label};

    const NOW: &[u8; 30] = b"2026-11-21T05:48:09.123456781Z";

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn texts_come_back(texts in prop::collection::vec(("[^\n]{0,60}", any::<bool>(), prop_oneof![Just(0usize), 16_380usize..16_390]), 1..5)) {
            let mut file = Vec::new();
            let mut expected = Vec::new();
            for (text, is_stderr, padding) in texts {
                let text = "p".repeat(padding) + &if padding == 0 { text } else { text.replace(|c: char| !c.is_ascii(), "?") };
                let framed = Framing::Docker.frame(text.as_bytes(), NOW, output_label(is_stderr));
                for (time, output) in framed.times.iter().zip(&framed.outputs) {
                    prop_assert_eq!(&framed.bytes[*time as usize..][..30], NOW);
                    prop_assert_eq!(&framed.bytes[*output as usize..][..6], &output_label(is_stderr));
                }
                file.extend(framed.bytes);
                expected.push((text.into_bytes(), output_label(is_stderr).to_vec()));
            }
            prop_assert_eq!(decode(&file), (expected, [Vec::new(), Vec::new()]));
        }
    }

    #[test]
    fn escaping_is_mobys() {
        let mut out = Vec::new();
        escape("a\"b\\c\t<d>&\r\u{2028}é\x7f".as_bytes(), &mut out);
        escape(b"\xff\xfe", &mut out);
        assert_eq!(
            String::from_utf8_lossy(&out),
            "a\\\"b\\\\c\\u0009\\u003cd\\u003e\\u0026\\r\\u2028é\u{7f}\\ufffd\\ufffd"
        );
    }

    #[test]
    fn every_line_of_a_text_is_an_object_of_its_own() {
        let framed = Framing::Docker.frame(b"Exception\n\tat a", NOW, output_label(false));
        let lines = [b"Exception".to_vec(), b"\tat a".to_vec()].map(|text| (text, b"stdout".to_vec()));
        assert_eq!(decode(&framed.bytes).0, lines);
    }

    #[test]
    fn a_full_part_is_split_off_even_before_the_line_feed() {
        let lines = |len| Framing::Docker.frame(&vec![b'x'; len], NOW, output_label(false)).times.len();
        assert_eq!((lines(SPLIT - 1), lines(SPLIT), lines(40_000)), (1, 2, 3));
    }
}
