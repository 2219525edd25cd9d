//! `label:value<TAB>label:value`.

use crate::event::{Fields, Value};

/// The fields of `text`; none if a part has no label, which is of letters, digits and `_.-`.
pub(super) fn fields(text: &[u8]) -> Option<Fields> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let mut fields = Fields::default();
    for part in text.split(|byte| *byte == b'\t').filter(|part| !part.is_empty()) {
        let colon = memchr::memchr(b':', part).filter(|at| *at > 0)?;
        if !part[..colon].iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte)) {
            return None;
        }
        fields.push(&part[..colon], Value::text(&part[colon + 1..]));
    }
    (!fields.is_empty()).then_some(fields)
}
