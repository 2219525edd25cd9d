//! The one door for text from outside: paths, names, messages of agents and peers.
//!
//! A log line may carry escape sequences that set the title of a terminal, empty its clipboard or turn a line round. What is
//! shown is what is there: control bytes, direction marks and invisible characters become visible escapes.
//! A backslash of the text itself stays as it is: the escapes are for the eye and not to be read back.

use std::{borrow::Cow, fmt::Write};

/// Longest text that is shown, characters; the rest becomes `...`.
const LONGEST: usize = 400;

/// `text` with everything invisible or active made visible, on one line, at most 400 characters.
pub fn display(text: &str) -> Cow<'_, str> {
    if text.len() <= LONGEST && text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len().min(LONGEST * 4));
    for (at, c) in text.chars().enumerate() {
        if at == LONGEST {
            out.push_str("...");
            break;
        }
        push(&mut out, c);
    }
    Cow::Owned(out)
}

/// As [`display`], but never cut: for paths and commands that are to be copied.
pub fn display_whole(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut out, c| {
        push(&mut out, c);
        out
    })
}

/// As [`display_whole`], and spaces are escaped, too: one word of a line that scripts split.
pub fn display_word(text: &str) -> String {
    display_whole(text).split(char::is_whitespace).collect::<Vec<_>>().join("\\x20")
}

fn push(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_plain(c) => out.push(c),
        // Writing to a string cannot fail.
        c if (c as u32) < 0x100 => drop(write!(out, "\\x{:02x}", c as u32)),
        c => drop(write!(out, "\\u{{{:x}}}", c as u32)),
    }
}

/// Whether a character shows itself, takes a place and changes nothing around it.
fn is_plain(c: char) -> bool {
    !matches!(c,
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        // Soft hyphen, Arabic letter mark, Hangul fillers, Mongolian vowel separator and variation selectors.
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        // Zero-width, direction marks and overrides, line and paragraph separators, isolates, invisible operators.
        | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
        // Shorthand and musical format controls, tags, variation selectors.
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_passed_on_untouched() {
        for text in ["", "app-03", "/var/log/pods/ns_pod_uid/app/0.log", "größer als 3 µs", "日本語", "a\\b"] {
            assert!(matches!(display(text), Cow::Borrowed(t) if t == text));
        }
    }

    #[test]
    fn an_escape_sequence_is_shown_and_not_obeyed() {
        assert_eq!(display("\u{1b}]0;title\u{7}"), "\\x1b]0;title\\x07");
        assert_eq!(display("a\u{9b}31m"), "a\\x9b31m");
        assert_eq!(display("a\nb\rc\td\u{7f}\0"), "a\\nb\\rc\\td\\x7f\\x00");
    }

    #[test]
    fn text_cannot_be_turned_round_or_hidden() {
        assert_eq!(display("log\u{202e}gol.exe"), "log\\u{202e}gol.exe");
        assert_eq!(display("a\u{200b}b\u{feff}c\u{2066}d"), "a\\u{200b}b\\u{feff}c\\u{2066}d");
    }

    #[test]
    fn every_control_and_format_character_is_made_visible() {
        let active = (0..0x20u32).chain(0x7f..=0x9f).chain([0xad, 0x61c, 0x180e]).chain(0x200b..=0x200f);
        let active = active.chain(0x2028..=0x202e).chain(0x2060..=0x206f).chain([0xfeff]).chain(0xe0001..=0xe007f);
        for c in active.filter_map(char::from_u32) {
            let shown = display(&c.to_string()).into_owned();
            assert!(shown.starts_with('\\') && shown.is_ascii(), "{:x} shows as {shown:?}", c as u32);
        }
    }

    #[test]
    fn a_text_without_end_is_cut() {
        let long = "x".repeat(1_000_000);
        assert_eq!(display(&long).chars().count(), LONGEST + 3);
        assert_eq!(display(&"\u{1b}".repeat(1_000_000)).len(), LONGEST * 4 + 3);
    }

    #[test]
    fn a_word_stays_one_word() {
        assert_eq!(display_word("runs/my run\n"), "runs/my\\x20run\\n");
        assert_eq!(display_whole(&"x".repeat(5000)).len(), 5000);
    }

    proptest::proptest! {
        #[test]
        fn nothing_active_ever_comes_out(text: String) {
            proptest::prop_assert!(display(&text).chars().all(is_plain));
            proptest::prop_assert!(display_word(&text).chars().all(|c| is_plain(c) && !c.is_whitespace()));
        }
    }
}
