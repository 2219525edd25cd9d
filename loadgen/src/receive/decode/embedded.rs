//! Texts that lie within something that only a front end knows: the target of a request in the line that was logged
//! about it, or in a field that an agent made of that line.
//!
//! ```text
//! 10.0.3.7 - - [04/Mar/2026:05:00:00 +0000] "GET /v1/orders/9?id=<stamp>&f=<field>&q=red HTTP/1.1" 200 612 "-" "curl"
//!                                                └───────────── the text ─────────────┘
//! ```
//! The stamp says where its text begins and ends. It is taken out only if the judge will find it whole; if it is not,
//! or two records lie in one line, all of it is handed on as it came. Only streams whose body is one for it count.

use std::borrow::Cow;

use results::identity::{self, MAGIC, STAMP_LEN, Stamp};
use serde_json::Value;

use crate::payload::{Body, Payloads};

/// Stamps looked at in one text.
const MAX_STAMPS: usize = 16;
/// Objects within objects looked into.
const MAX_DEPTH: usize = 16;

/// Of which streams texts are taken out of what is around them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Of<'a> {
    /// Of those whose body is one for it.
    Embedded(&'a Payloads),
    /// Of all: the agent was told to put whole texts into something.
    All,
}

/// The one text that lies within `bytes`; `None` if none does whole, or it is not the only one.
pub(super) fn within<'a>(bytes: &'a [u8], of: Of<'_>) -> Option<Cow<'a, [u8]>> {
    match pieces(bytes, of) {
        Pieces::One(text) => Some(Cow::Borrowed(text)),
        Pieces::None => None,
        // An agent that escapes slashes or ampersands: what the strings say counts.
        Pieces::Odd => in_strings(bytes, of).map(Cow::Owned),
    }
}

#[derive(Debug, PartialEq)]
enum Pieces<'a> {
    /// No stamp.
    None,
    /// A whole text, perhaps several times.
    One(&'a [u8]),
    /// Anything else.
    Odd,
}

fn pieces<'a>(bytes: &'a [u8], of: Of<'_>) -> Pieces<'a> {
    let mut found = Pieces::None;
    for at in memchr::memmem::find_iter(bytes, MAGIC).take(MAX_STAMPS) {
        found = match (found, piece(bytes, at, of)) {
            (Pieces::None, Some(text)) => Pieces::One(text),
            (Pieces::One(known), Some(text)) if known == text => Pieces::One(known),
            _ => return Pieces::Odd,
        };
    }
    found
}

/// The text whose stamp begins at `at`, if it is whole, stands by itself, and is one that lies within others.
fn piece<'a>(bytes: &'a [u8], at: usize, of: Of<'_>) -> Option<&'a [u8]> {
    let (stamp, stated) = Stamp::decode(&bytes[at..]).ok()?;
    let from = at.checked_sub(usize::from(stamp.at))?;
    let text = bytes.get(from..from.checked_add(stamp.text_len as usize)?)?;
    let is_one = match of {
        Of::All => true,
        Of::Embedded(payloads) => {
            let payload = payloads.get(stamp.id.stream)?;
            payload.run() == stamp.run && payload.body().is_embedded()
        }
    };
    let fits =
        text.len() >= usize::from(stamp.at) + STAMP_LEN && identity::check(text, usize::from(stamp.at)) == stated;
    let before = from.checked_sub(1).map(|before| bytes[before]);
    let after = bytes.get(from + text.len()).copied();
    let stands_alone = !before.is_some_and(goes_on) && !after.is_some_and(goes_on);
    (is_one && fits && stands_alone).then_some(text)
}

/// Whether a byte beside a text looks as if the text went on.
fn goes_on(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'?' | b'&' | b'%' | b'-' | b'_' | b'.' | b'+' | 0)
}

/// As [`within`], but in the strings of a JSON document, unescaped.
fn in_strings(document: &[u8], of: Of<'_>) -> Option<Vec<u8>> {
    let value: Value = serde_json::from_slice(document).ok()?;
    let mut found = None;
    search(&value, of, &mut found, 0)?;
    found
}

/// `None` if something is odd.
fn search(value: &Value, of: Of<'_>, found: &mut Option<Vec<u8>>, depth: usize) -> Option<()> {
    match value {
        Value::String(text) => match pieces(text.as_bytes(), of) {
            Pieces::None => Some(()),
            Pieces::One(text) => {
                let is_same = found.as_deref().is_none_or(|found| found == text);
                is_same.then(|| found.get_or_insert_with(|| text.to_vec()))?;
                Some(())
            }
            Pieces::Odd => None,
        },
        _ if depth >= MAX_DEPTH => None,
        Value::Array(values) => values.iter().try_for_each(|value| search(value, of, found, depth + 1)),
        Value::Object(members) => members.values().try_for_each(|value| search(value, of, found, depth + 1)),
        Value::Null | Value::Bool(_) | Value::Number(_) => Some(()),
    }
}

/// Whether any stream of the run has such texts.
pub(super) fn are_in(payloads: &Payloads) -> bool {
    payloads.streams().any(|payload| Body::is_embedded(payload.body()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use results::identity::StreamId;

    use super::*;
    use crate::payload::Size;

    fn payloads() -> &'static Payloads {
        static POOLS: std::sync::OnceLock<Payloads> = std::sync::OnceLock::new();
        POOLS.get_or_init(|| {
            Payloads::new(
                9,
                1,
                [(Body::Request, Size::Fixed(140)), (Body::Probe, Size::Fixed(1)), (Body::AppText, Size::Fixed(200))],
            )
        })
    }

    fn text(stream: u16, seq: u64) -> String {
        let text = payloads().get(StreamId(stream)).expect("a stream").expected(seq, 5);
        String::from_utf8(text).expect("text")
    }

    fn found(bytes: &str) -> Option<String> {
        within(bytes.as_bytes(), Of::Embedded(payloads()))
            .map(|text| String::from_utf8(text.into_owned()).expect("text"))
    }

    /// As access logs, syslog and agents show them.
    fn shown(text: &str) -> [String; 7] {
        [
            text.to_owned(),
            format!(r#"10.0.3.7 - - [04/Mar/2026:05:00:00 +0000] "GET {text} HTTP/1.1" 200 612 "-" "curl""#),
            format!(r#"{{"method":"GET","uri":"{text}","status":200}}"#),
            format!("time:x\turi:{text}\tstatus:200"),
            format!("method=GET uri={text} status=200"),
            serde_json::json!({"log": format!(r#"{{"uri":"{text}"}}"#), "data": {"path": text}}).to_string(),
            serde_json::json!({"data": {"path": text}}).to_string().replace('/', "\\/").replace('&', "\\u0026"),
        ]
    }

    #[test]
    fn a_text_is_found_in_whatever_is_logged_about_it() {
        for stream in 0..2 {
            for seq in 0..30 {
                for line in shown(&text(stream, seq)) {
                    assert_eq!(found(&line), Some(text(stream, seq)), "{line}");
                }
            }
        }
    }

    #[test]
    fn two_records_in_one_line_are_none_and_so_is_a_text_that_goes_on() {
        assert_eq!(found(&format!("{} {}", text(0, 1), text(0, 2))), None);
        assert_eq!(found(&format!("{}x", text(0, 1))), None);
        assert_eq!(found(&format!(r#"{{"a":"{}","b":"{}"}}"#, text(0, 1), text(0, 2))), None);
        let cut = &text(0, 1)[..139];
        assert_eq!(found(&format!(r#"{{"log":"GET {}","path":"{cut}"}}"#, text(0, 1))), None);
    }

    #[test]
    fn a_text_that_must_be_the_whole_line_is_never_taken_out_of_one() {
        let line = format!("message:<{}>", text(2, 1));
        assert_eq!(found(&line), None);
        assert_eq!(
            within(line.as_bytes(), Of::All).as_deref(),
            Some(text(2, 1).as_bytes()),
            "unless that was asked for"
        );
    }

    proptest! {
        #[test]
        fn no_changed_byte_of_a_text_goes_unnoticed(seq in 0u64..100, form in 0usize..5, at in any::<prop::sample::Index>(), change in 1u8..) {
            let whole = text(0, seq);
            let line = shown(&whole)[form].clone();
            let mut line = line.into_bytes();
            let from = line.windows(whole.len()).position(|part| part == whole.as_bytes()).expect("in it");
            line[from + at.index(whole.len())] ^= change;
            prop_assert_eq!(within(&line, Of::Embedded(payloads())), None);
        }

        #[test]
        fn any_bytes_are_looked_through_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), stamp: bool) {
            let bytes = if stamp { [b"{\"a\":\"tp1-".to_vec(), bytes].concat() } else { bytes };
            within(&bytes, Of::Embedded(payloads()));
        }
    }
}
