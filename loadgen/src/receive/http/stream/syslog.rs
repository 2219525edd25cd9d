//! Syslog over TCP, framed by line feeds or by a count of octets, and the text of a message of either standard.
//!
//! ```text
//! <13>Nov 21 05:50:01 host ident[7]: text              RFC 3164
//! <13>1 2026-11-21T05:50:01Z host app 7 id [sd] text   RFC 5424
//! 57 <13>1 …                                           octets counted
//! ```

use super::{Broken, Document, Unit};

/// Longest message.
const MESSAGE_MAX: usize = 1 << 20;

/// All whole messages at the head of `input`.
pub(super) fn next(input: &[u8], is_end: bool) -> Result<Option<Unit>, Broken> {
    let mut unit = Unit::default();
    while let Some((message, len)) = message(&input[unit.len..], is_end)? {
        unit.len += len;
        if !message.is_empty() {
            unit.documents.push(Document::Text(text(message).to_vec()));
        }
    }
    Ok((unit.len > 0).then_some(unit))
}

/// The message at the head of `input` and the bytes it takes.
fn message(input: &[u8], is_end: bool) -> Result<Option<(&[u8], usize)>, Broken> {
    let digits = input.iter().take(8).take_while(|byte| byte.is_ascii_digit()).count();
    let is_counted = digits > 0 && input[0] != b'0' && input.get(digits) == Some(&b' ');
    if is_counted {
        let count = std::str::from_utf8(&input[..digits]).ok().and_then(|digits| digits.parse().ok());
        let count: usize = count.filter(|&count| count <= MESSAGE_MAX).ok_or(Broken)?;
        let from = digits + 1;
        return Ok(input.get(from..from + count).map(|message| (message, from + count)));
    }
    match memchr::memchr(b'\n', input) {
        Some(end) => Ok(Some((&input[..end], end + 1))),
        None if input.len() > MESSAGE_MAX => Err(Broken),
        None => Ok((is_end && !input.is_empty()).then_some((input, input.len()))),
    }
}

/// What the message says, without its header; all of it if there is none.
pub fn text(message: &[u8]) -> &[u8] {
    let message = message.strip_suffix(b"\n").unwrap_or(message);
    let Some(behind) = priority(message) else { return message };
    behind.strip_prefix(b"1 ").and_then(new_text).or_else(|| old_text(behind)).unwrap_or(behind)
}

/// What follows `<N>`.
fn priority(message: &[u8]) -> Option<&[u8]> {
    let end = message.iter().take(5).position(|&byte| byte == b'>')?;
    let digits = message[..end].strip_prefix(b"<")?;
    (!digits.is_empty() && digits.iter().all(u8::is_ascii_digit)).then_some(&message[end + 1..])
}

/// RFC 5424 behind the version: five words, structured data, text.
fn new_text(mut rest: &[u8]) -> Option<&[u8]> {
    for _ in 0..5 {
        let end = memchr::memchr(b' ', rest)?;
        rest = &rest[end + 1..];
    }
    let mut at = usize::from(rest.first() == Some(&b'-'));
    while at == 0 || rest.get(at) == Some(&b'[') {
        at += element(&rest[at..])?;
        if rest.get(at) != Some(&b'[') {
            break;
        }
    }
    match rest.get(at) {
        None => Some(b""),
        Some(b' ') => {
            let text = &rest[at + 1..];
            Some(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text))
        }
        Some(_) => None,
    }
}

/// Length of `[id name="value" …]`, in whose values a backslash escapes.
fn element(rest: &[u8]) -> Option<usize> {
    if rest.first() != Some(&b'[') {
        return None;
    }
    let (mut quoted, mut escaped) = (false, false);
    for (at, &byte) in rest.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b']' if !quoted => return Some(at + 1),
            _ => {}
        }
    }
    None
}

/// RFC 3164 behind the priority: `Mon dd hh:mm:ss host ident[pid]: text`, the host left out by local senders.
fn old_text(rest: &[u8]) -> Option<&[u8]> {
    let stamp = rest.get(..16)?;
    let looks_right =
        stamp[3] == b' ' && stamp[6] == b' ' && stamp[9] == b':' && stamp[12] == b':' && stamp[15] == b' ';
    if !looks_right {
        return None;
    }
    let mut rest = &rest[16..];
    // At most two words stand before the text: the host and the ident, which ends with a colon.
    for _ in 0..2 {
        let end = memchr::memchr(b' ', rest)?;
        let (word, behind) = (&rest[..end], &rest[end + 1..]);
        rest = behind;
        if word.ends_with(b":") {
            return Some(rest);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_text_stands_behind_either_header() {
        for (message, expected) in [
            ("<13>Nov 21 05:50:01 host app[7]: hello world", "hello world"),
            ("<190>Nov  1 05:50:01 host nginx: {\"a\": 1}", "{\"a\": 1}"),
            ("<13>Nov 21 05:50:01 nginx: local", "local"),
            ("<13>1 2026-11-21T05:50:01Z host app 7 id - hello", "hello"),
            ("<13>1 2026-11-21T05:50:01Z host app - - [a@1 b=\"]\\\"\"][c@1] hello", "hello"),
            ("<13>1 - - - - - - \u{feff}bom", "bom"),
            ("<13>1 - - - - - -", ""),
            ("<13>no header", "no header"),
            ("no priority", "no priority"),
            ("<13>Nov 21 05:50:01 host app[7]: ends\n", "ends"),
        ] {
            assert_eq!(
                text(message.as_bytes()).escape_ascii().to_string(),
                expected.escape_default().to_string(),
                "{message}"
            );
        }
    }

    #[test]
    fn both_framings_are_told_apart_message_by_message() {
        let input = b"<13>first\n11 <13>sec\nond<13>third\n";
        let unit = next(input, false).unwrap().unwrap();
        let texts: Vec<_> = ["first", "sec\nond", "third"].map(|text| Document::Text(text.into())).into();
        assert_eq!((unit.len, unit.documents), (input.len(), texts));
    }

    #[test]
    fn a_last_line_without_its_end_counts_when_the_peer_has_gone() {
        assert_eq!(next(b"<13>cut", false), Ok(None));
        assert_eq!(next(b"<13>cut", true).unwrap().unwrap().documents, [Document::Text(b"cut".to_vec())]);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(input in proptest::collection::vec(any::<u8>(), 0..100), is_end: bool) {
            let _ = next(&input, is_end);
            text(&input);
        }
    }
}
