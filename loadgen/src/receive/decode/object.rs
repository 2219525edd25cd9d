//! One flat JSON object, read by hand in one pass: only the three values that matter are looked at.
//!
//! Whatever it does not understand (escaped keys, broken syntax, lone surrogates) it leaves to `serde_json`.

use super::Keys;

/// What an object says about its record. Unescaped; taken from `scratch` where it had to be.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Fields<'a> {
    /// Where the record's text lies in the text scratch.
    pub(super) has_text: bool,
    pub(super) path: Option<Value<'a>>,
    pub(super) output: Option<Value<'a>>,
    /// Bytes of the object.
    pub(super) len: usize,
}

/// A string as it stands in the input, still escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Value<'a> {
    pub(super) raw: &'a [u8],
    pub(super) is_escaped: bool,
}

/// Reads the object at the head of `input`; its text is unescaped into `text`. `None`: left to `serde_json`.
pub(super) fn scan<'a>(input: &'a [u8], keys: &Keys, text: &mut Scratch) -> Option<Fields<'a>> {
    let mut fields = Fields::default();
    let mut at = skip_space(input, expect(input, 0, b'{')?);
    if input.get(at) == Some(&b'}') {
        fields.len = at + 1;
        return Some(fields);
    }
    loop {
        let (key, after) = string(input, at)?;
        if key.is_escaped {
            return None;
        }
        at = skip_space(input, expect(input, skip_space(input, after), b':')?);
        at = if key.raw == keys.text.as_bytes() && input.get(at) == Some(&b'"') {
            fields.has_text = true;
            unescape(input, at + 1, text)?
        } else if input.get(at) == Some(&b'"') {
            let (value, after) = string(input, at)?;
            if key.raw == keys.output.as_bytes() {
                fields.output = Some(value);
            } else if keys.paths.iter().any(|path| path.as_bytes() == key.raw) {
                fields.path = Some(value);
            }
            after
        } else {
            skip_value(input, at)?
        };
        at = skip_space(input, at);
        match input.get(at)? {
            b',' => at = skip_space(input, at + 1),
            b'}' => {
                fields.len = at + 1;
                return Some(fields);
            }
            _ => return None,
        }
    }
}

fn expect(input: &[u8], at: usize, byte: u8) -> Option<usize> {
    (input.get(at) == Some(&byte)).then_some(at + 1)
}

pub(super) fn skip_space(input: &[u8], mut at: usize) -> usize {
    while matches!(input.get(at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
        at += 1;
    }
    at
}

/// The string whose opening quote is at `at`, and where it ends.
fn string(input: &[u8], at: usize) -> Option<(Value<'_>, usize)> {
    let start = expect(input, at, b'"')?;
    let mut end = start;
    let mut is_escaped = false;
    loop {
        end = next_special(input, end)?;
        match input[end] {
            b'"' => return Some((Value { raw: &input[start..end], is_escaped }, end + 1)),
            b'\\' => {
                is_escaped = true;
                end += 2;
            }
            _ => return None,
        }
    }
}

/// The first byte at or after `at` that does not stand for itself in a string.
#[inline]
fn next_special(input: &[u8], mut at: usize) -> Option<usize> {
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

/// Past a value of any kind; nesting is followed without recursion.
pub(super) fn skip_value(input: &[u8], mut at: usize) -> Option<usize> {
    let mut depth = 0usize;
    loop {
        match input.get(at)? {
            b'"' => at = string(input, at)?.1,
            b'{' | b'[' => {
                depth += 1;
                at += 1;
            }
            b'}' | b']' => {
                depth = depth.checked_sub(1)?;
                at += 1;
            }
            b',' | b':' | b' ' | b'\t' | b'\r' | b'\n' if depth > 0 => at += 1,
            b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' => {
                while matches!(input.get(at), Some(b'-' | b'+' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z')) {
                    at += 1;
                }
            }
            _ => return None,
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// An unescaped string; its space outlives it.
#[derive(Debug, Default)]
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(input: &[u8]) -> Option<(Vec<u8>, usize)> {
        let mut text = Scratch::default();
        let fields = scan(input, &Keys::default(), &mut text)?;
        Some((text.bytes().to_vec(), fields.len))
    }

    proptest! {
        #[test]
        fn reads_what_serde_json_writes(text in "(\\PC|[\"\\\\\\n\\t\\x00-\\x1f]|🙂){0,60}", other in any::<i64>(), path in "\\PC{0,20}", pretty: bool) {
            let value = serde_json::json!({"ts": other, "nested": {"log": [1, "}", null]}, "log": text, "file": path, "stream": "stderr"});
            let input = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.expect("JSON");
            let mut scratch = Scratch::default();
            let fields = scan(&input, &Keys::default(), &mut scratch).expect("understood");
            prop_assert_eq!(scratch.bytes(), text.as_bytes());
            prop_assert_eq!((fields.has_text, fields.len), (true, input.len()));
            let mut unescaped = Scratch::default();
            let raw = [fields.path.expect("a path").raw, b"\""].concat();
            unescape(&raw, 0, &mut unescaped).expect("a string");
            prop_assert_eq!(unescaped.bytes(), path.as_bytes());
        }

        #[test]
        fn any_bytes_are_read_or_left_but_never_panic(mut input in prop::collection::vec(any::<u8>(), 0..200), open: bool) {
            if open {
                input.splice(0..0, br#"{"log":""#.iter().copied());
            }
            if let Some((_, len)) = read(&input) {
                prop_assert!(len <= input.len());
            }
        }

        #[test]
        fn what_is_understood_is_what_serde_json_understands(text in r#"[a-z"\\u0-9dD/ ]{0,24}"#) {
            let input = format!("{{\"log\":\"{text}\"}}");
            let theirs = serde_json::from_str::<serde_json::Value>(&input).ok();
            if let Some((mine, len)) = read(input.as_bytes()) && len == input.len() && let Some(theirs) = theirs && theirs.as_object().is_some_and(|map| map.len() == 1) {
                prop_assert_eq!(Some(mine.as_slice()), theirs["log"].as_str().map(str::as_bytes));
            }
        }
    }

    #[test]
    fn a_bare_control_character_is_no_json_wherever_it_stands() {
        for at in 0..40 {
            let mut text = [b'x'; 40];
            text[at] = b'\t';
            assert_eq!(read(&[&br#"{"log":""#[..], &text, br#""}"#].concat()), None);
        }
    }

    #[test]
    fn surrogates_pair_up_or_are_left() {
        assert_eq!(read(br#"{"log":"\ud83d\ude42"}"#).map(|found| found.0), Some("🙂".into()));
        assert_eq!(read(br#"{"log":"\ud83d"}"#), None);
        assert_eq!(read(br#"{"log":"\ud83d\u0041"}"#), None);
    }
}
