//! Values as Fluent Bit writes them: booleans, sizes, durations, numbers.

/// `on`/`off`, `true`/`false`, `yes`/`no`, in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "on" | "true" | "yes" => Some(true),
        "off" | "false" | "no" => Some(false),
        _ => None,
    }
}

/// Bytes: `5MB`, `5M`, `32k`, `0.5G`, `4096`. The units are powers of 1000, as Fluent Bit reads them.
pub(crate) fn size(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let (number, fraction) = text[..digits].split_once('.').unwrap_or((&text[..digits], ""));
    let number: u64 = number.parse().ok()?;
    let fraction: f64 = if fraction.is_empty() { 0.0 } else { format!("0.{fraction}").parse().ok()? };
    let unit: u64 = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        _ => return None,
    };
    number.checked_mul(unit)?.checked_add((fraction * unit as f64) as u64)
}

/// Milliseconds: `5` and `0.25` are seconds, `10s`, `2m`, `1h` and `1d` what they say.
pub(crate) fn duration_ms(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
    let number: f64 = text[..digits].parse().ok()?;
    let unit = match text[digits..].trim().to_ascii_lowercase().as_str() {
        "" | "s" => 1_000.0,
        "ms" => 1.0,
        "m" => 60_000.0,
        "h" => 3_600_000.0,
        "d" => 86_400_000.0,
        _ => return None,
    };
    let ms = number * unit;
    (ms.is_finite() && ms <= 1e13).then_some(ms.round() as u64)
}

/// A time as it is written: `60s`, `250ms`.
pub(crate) fn duration_text(ms: u64) -> String {
    match ms {
        0 => "0".to_owned(),
        ms if ms % 86_400_000 == 0 => format!("{}d", ms / 86_400_000),
        ms if ms % 3_600_000 == 0 => format!("{}h", ms / 3_600_000),
        ms if ms % 1_000 == 0 => format!("{}s", ms / 1_000),
        ms => format!("{ms}ms"),
    }
}

/// A size as it is written: `5M`, `262144`.
pub(crate) fn size_text(bytes: u64) -> String {
    match bytes {
        0 => "0".to_owned(),
        bytes if bytes % 1_000_000_000 == 0 => format!("{}G", bytes / 1_000_000_000),
        bytes if bytes % 1_000_000 == 0 => format!("{}M", bytes / 1_000_000),
        bytes if bytes % 1_000 == 0 => format!("{}k", bytes / 1_000),
        bytes => bytes.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_decimal_and_checked() {
        assert_eq!(size("5MB"), Some(5_000_000));
        assert_eq!(size("32k"), Some(32_000));
        assert_eq!(size("4096"), Some(4096));
        assert_eq!(size("1 G"), Some(1_000_000_000));
        assert_eq!(size("0.5M"), Some(500_000));
        assert_eq!((size("1.2.3k"), size(".5M"), size("1.xk")), (None, None, None));
        assert_eq!(size("99999999999999G"), None);
        assert_eq!(size("5 pounds"), None);
        assert_eq!(size("-5"), None);
        assert_eq!(size(""), None);
    }

    #[test]
    fn a_bare_duration_is_in_seconds() {
        assert_eq!(duration_ms("5"), Some(5_000));
        assert_eq!(duration_ms("0.25"), Some(250));
        assert_eq!(duration_ms("250ms"), Some(250));
        assert_eq!(duration_ms("2m"), Some(120_000));
        assert_eq!(duration_ms("1e99"), None);
        assert_eq!(duration_ms("-1"), None);
        assert_eq!(duration_ms("1.2.3"), None);
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_reads_as_the_same(number: u64) {
            let ms = number % 10_000_000_000_000;
            proptest::prop_assert_eq!(duration_ms(&duration_text(ms)), Some(ms));
            proptest::prop_assert_eq!(size(&size_text(number)), Some(number));
        }
    }

    #[test]
    fn booleans_come_in_three_pairs() {
        assert_eq!(boolean("On"), Some(true));
        assert_eq!(boolean("FALSE"), Some(false));
        assert_eq!(boolean("1"), None);
    }
}
