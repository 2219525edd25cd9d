//! A tag as the name of a file: never a path, never hidden, and not the same for two tags.
//!
//! Letters, digits, `.`, `_` and `-` stay; any other byte, and a dot at the beginning, becomes `~` and two hex
//! digits. A name that would be longer than 200 bytes is cut there and gets `~~`, the tag's CRC-32 and its length.

use std::fmt::Write;

/// Longest name that is not cut, bytes.
const KEEP: usize = 200;

/// The file name of `tag`.
pub fn safe(tag: &str) -> String {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let mut name = String::with_capacity(tag.len());
    for (index, byte) in tag.bytes().enumerate().take(KEEP + 1) {
        if allowed(byte) && !(index == 0 && byte == b'.') {
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
        let _ = write!(name, "~~{:08x}-{}", crc32fast::hash(tag.as_bytes()), tag.len());
    }
    name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ordinary_tags_are_their_own_names_and_others_cannot_escape() {
        assert_eq!(safe("kube.var.log.0.log"), "kube.var.log.0.log");
        for tag in ["", ".", "..", "../../etc/passwd", "/a", "a\0b", "a\nb", &"x".repeat(5000)] {
            let name = safe(tag);
            assert!(!name.is_empty() && !name.starts_with('.') && name.len() <= 255, "{name}");
            assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-~".contains(&byte)), "{name}");
        }
    }

    proptest! {
        #[test]
        fn two_tags_never_share_a_file(a in "[a./~2_]{0,4}", b in "[a./~2_]{0,4}") {
            prop_assert_eq!(a == b, safe(&a) == safe(&b));
        }
    }
}
