//! A tag as the name of a file: never a path, never hidden, and not the same for two tags.
//!
//! Small letters, digits, `.`, `_` and `-` stay. Any other byte becomes `~` and two hex digits: capitals too, because
//! some file systems take them for small ones. So does the first byte of `.name` and of names that stand for devices
//! elsewhere. A name that would be longer than 200 bytes is cut there and gets `~~` and a 128-bit number of the tag.

use std::fmt::Write;

use crate::chunk::mix_text;

/// Longest name that is not cut, bytes.
const KEEP: usize = 200;
const DEVICES: &[&str] = &["con", "prn", "aux", "nul"];

/// The file name of `tag`.
pub fn safe(tag: &str) -> String {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'_' | b'-');
    let special = tag.starts_with('.') || is_device(tag);
    let mut name = String::with_capacity(tag.len().min(KEEP) + 48);
    for (index, byte) in tag.bytes().enumerate().take(KEEP + 1) {
        if allowed(byte) && !(index == 0 && special) {
            name.push(char::from(byte));
        } else {
            let _ = write!(name, "~{byte:02x}");
        }
    }
    if tag.is_empty() {
        return "~".to_owned();
    }
    if name.len() > KEEP {
        name.truncate(KEEP);
        let _ = write!(name, "~~{:032x}", mix_text(0, tag.as_bytes()));
    }
    name
}

fn is_device(tag: &str) -> bool {
    let stem = tag.split('.').next().unwrap_or_default();
    let numbered = |name: &str| stem.len() == 4 && stem.starts_with(name) && stem.as_bytes()[3].is_ascii_digit();
    DEVICES.contains(&stem) || numbered("com") || numbered("lpt")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_tags_are_their_own_names_and_others_cannot_escape() {
        assert_eq!(safe("kube.var.log.0.log"), "kube.var.log.0.log");
        assert_eq!((safe("Web"), safe("nul.log"), safe("com1")), ("~57eb".into(), "~6eul.log".into(), "~63om1".into()));
        for tag in ["", ".", "..", "../../etc/passwd", "/a", "a\0b", "a\nb", &"x".repeat(5000), &"\u{1}".repeat(5000)] {
            let name = safe(tag);
            assert!(!name.is_empty() && !name.starts_with('.') && name.len() <= 255, "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-~".contains(&byte)), "{name}");
        }
    }

    #[test]
    fn long_tags_that_differ_at_their_ends_have_different_names() {
        let long = "x".repeat(1000);
        assert_ne!(safe(&(long.clone() + "a")), safe(&(long + "b")));
    }

    proptest! {
        #[test]
        fn two_tags_never_share_a_file(a in "[aA./~2_]{0,4}", b in "[aA./~2_]{0,4}") {
            prop_assert_eq!(a == b, safe(&a).to_lowercase() == safe(&b).to_lowercase());
        }
    }
}
