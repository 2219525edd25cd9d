//! One flat JSON object, read by hand in one pass: only the three values that matter are looked at.
//!
//! Whatever it does not understand (escaped keys, broken syntax, lone surrogates) it leaves to `serde_json`.

use super::{
    Keys,
    layout::Layout,
    text::{Text, Texts},
    unescape::next_special,
};

/// What an object says about its record.
#[derive(Debug, Default)]
pub(super) struct Fields<'a> {
    pub(super) text: Option<Text>,
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

/// Reads the object at the head of `input`, of which the one before most likely had the same layout.
/// `None`: left to `serde_json`.
#[inline]
pub(super) fn read<'a>(input: &'a [u8], keys: &Keys, layout: &mut Layout, texts: &mut Texts) -> Option<Fields<'a>> {
    let mut fields = Fields::default();
    if layout.opens(input, &mut fields) {
        let (text, at) = texts.read(input, layout.text_at())?;
        fields.text = Some(text);
        if layout.closes(input, at, &mut fields) {
            return Some(fields);
        }
        match behind_value(input, at)? {
            Behind::Member(at) => members(input, at, keys, texts, &mut fields)?,
            Behind::End(len) => fields.len = len,
        }
    } else {
        scan(input, keys, texts, &mut fields)?;
    }
    layout.missed(&input[..fields.len], keys);
    Some(fields)
}

fn scan<'a>(input: &'a [u8], keys: &Keys, texts: &mut Texts, fields: &mut Fields<'a>) -> Option<()> {
    let at = first_member(input)?;
    if input.get(at) == Some(&b'}') {
        fields.len = at + 1;
        return Some(());
    }
    members(input, at, keys, texts, fields)
}

fn members<'a>(input: &'a [u8], at: usize, keys: &Keys, texts: &mut Texts, fields: &mut Fields<'a>) -> Option<()> {
    fields.len = walk(input, at, |key, at| {
        if input.get(at) != Some(&b'"') {
            return skip_value(input, at);
        }
        if keys.is_text(key) {
            let (text, end) = texts.read(input, at + 1)?;
            fields.text = Some(text);
            return Some(end);
        }
        let (value, end) = string(input, at)?;
        if keys.is_output(key) {
            fields.output = Some(value);
        } else if keys.is_path(key) {
            fields.path = Some(value);
        }
        Some(end)
    })?;
    Some(())
}

/// Where the first key of an object is, or the bracket that closes it.
pub(super) fn first_member(input: &[u8]) -> Option<usize> {
    Some(skip_space(input, expect(input, 0, b'{')?))
}

/// Goes through the members from the key at `at` on; `value` says where each value ends. Returns where the object does.
pub(super) fn walk<'a>(
    input: &'a [u8],
    mut at: usize,
    mut value: impl FnMut(&'a [u8], usize) -> Option<usize>,
) -> Option<usize> {
    loop {
        let (key, after) = string(input, at)?;
        if key.is_escaped {
            return None;
        }
        at = skip_space(input, expect(input, skip_space(input, after), b':')?);
        match behind_value(input, value(key.raw, at)?)? {
            Behind::Member(next) => at = next,
            Behind::End(end) => return Some(end),
        }
    }
}

enum Behind {
    /// Another key, there.
    Member(usize),
    /// The object ends there.
    End(usize),
}

#[inline]
fn behind_value(input: &[u8], at: usize) -> Option<Behind> {
    let at = skip_space(input, at);
    match input.get(at)? {
        b',' => Some(Behind::Member(skip_space(input, at + 1))),
        b'}' => Some(Behind::End(at + 1)),
        _ => None,
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
pub(super) fn string(input: &[u8], at: usize) -> Option<(Value<'_>, usize)> {
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{super::unescape::Scratch, *};

    fn read_one(input: &[u8]) -> Option<(Vec<u8>, usize)> {
        let mut texts = Texts::default();
        let fields = read(input, &Keys::default(), &mut Layout::default(), &mut texts)?;
        let text = fields.text.map_or_else(Vec::new, |_| texts.unescaped().to_vec());
        Some((text, fields.len))
    }

    proptest! {
        #[test]
        fn reads_what_serde_json_writes(text in "(\\PC|[\"\\\\\\n\\t\\x00-\\x1f]|🙂){0,60}", other in any::<i64>(), path in "\\PC{0,20}", pretty: bool) {
            let value = serde_json::json!({"ts": other, "nested": {"log": [1, "}", null]}, "log": text, "file": path, "stream": "stderr"});
            let input = if pretty { serde_json::to_vec_pretty(&value) } else { serde_json::to_vec(&value) }.expect("JSON");
            let mut texts = Texts::default();
            let fields = read(&input, &Keys::default(), &mut Layout::default(), &mut texts).expect("understood");
            prop_assert_eq!(texts.unescaped(), text.as_bytes());
            prop_assert_eq!((fields.text.is_some(), fields.len), (true, input.len()));
            let mut unescaped = Scratch::default();
            let raw = [fields.path.expect("a path").raw, b"\""].concat();
            super::super::unescape::unescape(&raw, 0, &mut unescaped).expect("a string");
            prop_assert_eq!(unescaped.bytes(), path.as_bytes());
        }

        #[test]
        fn any_bytes_are_read_or_left_but_never_panic(mut input in prop::collection::vec(any::<u8>(), 0..200), open: bool) {
            if open {
                input.splice(0..0, br#"{"log":""#.iter().copied());
            }
            if let Some((_, len)) = read_one(&input) {
                prop_assert!(len <= input.len());
            }
        }

        #[test]
        fn what_is_understood_is_what_serde_json_understands(text in r#"[a-z"\\u0-9dD/ ]{0,24}"#) {
            let input = format!("{{\"log\":\"{text}\"}}");
            let theirs = serde_json::from_str::<serde_json::Value>(&input).ok();
            if let Some((mine, len)) = read_one(input.as_bytes()) && len == input.len() && let Some(theirs) = theirs && theirs.as_object().is_some_and(|map| map.len() == 1) {
                prop_assert_eq!(Some(mine.as_slice()), theirs["log"].as_str().map(str::as_bytes));
            }
        }
    }

    #[test]
    fn a_bare_control_character_is_no_json_wherever_it_stands() {
        for at in 0..40 {
            let mut text = [b'x'; 40];
            text[at] = b'\t';
            assert_eq!(read_one(&[&br#"{"log":""#[..], &text, br#""}"#].concat()), None);
        }
    }

    #[test]
    fn surrogates_pair_up_or_are_left() {
        assert_eq!(read_one(br#"{"log":"\ud83d\ude42"}"#).map(|found| found.0), Some("🙂".into()));
        assert_eq!(read_one(br#"{"log":"\ud83d"}"#), None);
        assert_eq!(read_one(br#"{"log":"\ud83d\u0041"}"#), None);
    }
}
