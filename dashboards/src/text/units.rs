//! Numbers for people: thousands separators for counts, three significant digits for everything measured, one unit each.

/// A count with thousands separators: `7,680,000`.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `1 stream`, `2 streams`: a count and its noun.
pub fn counted(n: u64, noun: &str) -> String {
    format!("{} {noun}{}", count(n), if n == 1 { "" } else { "s" })
}

/// Per second: `40.0k/s`.
pub fn rate(per_s: f64) -> String {
    format!("{}/s", scaled(per_s, &["", "k", "M", "G"], ""))
}

/// Bytes per second: `12.4 MB/s`.
pub fn byte_rate(per_s: f64) -> String {
    format!("{}/s", scaled(per_s, &["B", "kB", "MB", "GB", "TB"], " "))
}

/// A count in few columns: `987`, `12.3k`.
pub fn short(n: u64) -> String {
    if n < 1000 { n.to_string() } else { scaled(n as f64, &["", "k", "M", "G", "T"], "") }
}

/// Bytes, decimal: `4.10 MB`.
pub fn bytes(n: u64) -> String {
    if n < 1000 { format!("{n} B") } else { scaled(n as f64, &["B", "kB", "MB", "GB", "TB"], " ") }
}

/// Milliseconds, as the unit that keeps them readable: `850 us`, `210 ms`, `4.50 s`, `2 min 5 s`.
pub fn millis(ms: f64) -> String {
    if !ms.is_finite() || ms < 0.0 {
        return "-".to_owned();
    }
    if ms == 0.0 {
        return "0 ms".to_owned();
    }
    // The last unit below which a rounded value must not say 1000.
    match ms {
        ms if ms < 0.9995 => format!("{} us", three(ms * 1e3)),
        ms if ms < 999.5 => format!("{} ms", three(ms)),
        ms if ms < 119_500.0 => format!("{} s", three(ms / 1e3)),
        ms => {
            let seconds = (ms / 1e3).round() as u64;
            format!("{} min {} s", count(seconds / 60), seconds % 60)
        }
    }
}

/// Seconds: `8.25 s`, `5 min 8 s`.
pub fn seconds(s: f64) -> String {
    millis(s * 1e3)
}

/// A moment of the run, minutes and seconds: `02:05`.
pub fn clock(us: u64) -> String {
    let s = us / 1_000_000;
    format!("{:02}:{:02}", s / 60, s % 60)
}

/// Cores used: `0.48 core`.
pub fn cores(share: f64) -> String {
    format!("{} core{}", three(share), if (share - 1.0).abs() < 0.005 || share < 1.0 { "" } else { "s" })
}

fn scaled(value: f64, units: &[&str], gap: &str) -> String {
    if !value.is_finite() || value < 0.0 {
        return "-".to_owned();
    }
    let (mut value, mut unit) = (value, 0);
    while value >= 999.5 && unit + 1 < units.len() {
        value /= 1e3;
        unit += 1;
    }
    format!("{}{gap}{}", three(value), units[unit])
}

/// At most three significant digits; never a trailing point.
fn three(value: f64) -> String {
    match value {
        0.0 => "0".to_owned(),
        v if v >= 99.95 => format!("{v:.0}"),
        v if v >= 9.995 => format!("{v:.1}"),
        v => format!("{v:.2}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_in_threes() {
        let got = [0, 7, 999, 1000, 2906, 7_680_000, u64::MAX].map(count);
        assert_eq!(got, ["0", "7", "999", "1,000", "2,906", "7,680,000", "18,446,744,073,709,551,615"]);
        assert_eq!((counted(1, "stream"), counted(2, "stream")), ("1 stream".into(), "2 streams".into()));
    }

    #[test]
    fn rates_have_three_digits_on_both_sides_of_a_unit() {
        let got = [0.0, 0.5, 9.994, 9.995, 99.94, 99.96, 999.4, 999.5, 40_000.0, 1_234_567.0].map(rate);
        assert_eq!(
            got,
            ["0/s", "0.50/s", "9.99/s", "10.0/s", "99.9/s", "100/s", "999/s", "1.00k/s", "40.0k/s", "1.23M/s"]
        );
    }

    #[test]
    fn times_change_their_unit_before_they_grow_long() {
        let got = [0.0, 0.85, 0.9996, 210.4, 999.6, 4500.0, 119_400.0, 119_600.0, 308_000.0].map(millis);
        assert_eq!(got, ["0 ms", "850 us", "1.00 ms", "210 ms", "1.00 s", "4.50 s", "119 s", "2 min 0 s", "5 min 8 s"]);
    }

    #[test]
    fn nonsense_is_a_dash_and_not_a_number() {
        assert_eq!([millis(f64::NAN), rate(f64::INFINITY), byte_rate(-1.0)], ["-", "-/s", "-/s"]);
    }

    #[test]
    fn bytes_and_short_counts() {
        assert_eq!(
            [0, 999, 1000, 4_100_000, u64::MAX].map(bytes),
            ["0 B", "999 B", "1.00 kB", "4.10 MB", "18446744 TB"]
        );
        assert_eq!([0, 999, 12_345, 7_680_000].map(short), ["0", "999", "12.3k", "7.68M"]);
        assert_eq!([0.48, 1.0, 1.5].map(cores), ["0.48 core", "1.00 core", "1.50 cores"]);
        assert_eq!(clock(125_900_000), "02:05");
    }
}
