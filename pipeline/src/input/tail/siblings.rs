//! Rotated names beside a live one, in order of age.
//!
//! ```text
//! 0.log   0.log.20220301-101500   0.log.20220301-101400.gz      kubelet: time stamps
//! app.log app.log.1 app.log.2.gz                                docker, logrotate: the larger the older
//! app.log app-2022-03-01T10-15-00.000.log[.gz]                  lumberjack, log4j2: time before the ending
//! ```

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
};

/// No more rotated names than this are looked at, the newest ones.
pub(super) const MAX: usize = 64;

/// The age of a rotated name within its family; smaller is older.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Age {
    /// Counted names: `.9` is older than `.1`.
    Count(std::cmp::Reverse<u64>),
    /// Time stamps sort as text.
    Stamp(Vec<u8>),
}

/// The rotated names of `live` among `names`, oldest first. An archive whose plain file is still there is left out.
pub(super) fn in_order(names: &[OsString], live: &OsStr) -> Vec<OsString> {
    let mut found: Vec<(Age, bool, &OsString)> = names
        .iter()
        .filter_map(|name| age(name.as_bytes(), live.as_bytes()).map(|(age, packed)| (age, packed, name)))
        .collect();
    found.sort();
    found.dedup_by(|later, first| later.0 == first.0 && !first.1 && later.1);
    let skip = found.len().saturating_sub(MAX);
    found.into_iter().skip(skip).map(|(_, _, name)| name.clone()).collect()
}

/// Whether a name is one that never is text: compressed or unfinished.
pub(crate) fn is_no_text(name: &OsStr) -> bool {
    [".gz", ".tmp", ".zst", ".bz2", ".xz"].iter().any(|ending| name.as_bytes().ends_with(ending.as_bytes()))
}

/// The age of a rotated name, and whether it is an archive.
fn age(name: &[u8], live: &[u8]) -> Option<(Age, bool)> {
    let (plain, packed) = name.strip_suffix(b".gz").map_or((name, false), |plain| (plain, true));
    if is_no_text(OsStr::from_bytes(plain)) {
        return None;
    }
    let stamp = match plain.strip_prefix(live) {
        Some([b'.' | b'-', stamp @ ..]) => stamp,
        Some(_) => return None,
        None => before_ending(plain, live)?,
    };
    if stamp.is_empty() {
        return None;
    }
    // A count has no leading zero; a stamp of fixed width may.
    let counted = stamp.len() <= 6 && (stamp.len() == 1 || stamp[0] != b'0');
    let count = counted.then(|| std::str::from_utf8(stamp).ok()?.parse::<u64>().ok()).flatten();
    Some((count.map_or_else(|| Age::Stamp(stamp.to_vec()), |count| Age::Count(std::cmp::Reverse(count))), packed))
}

/// `app-2022….log` beside `app.log`: the stamp begins with four digits, so that `app-audit.log` is nobody's sibling.
fn before_ending<'a>(name: &'a [u8], live: &[u8]) -> Option<&'a [u8]> {
    let dot = memchr::memrchr(b'.', live)?;
    let rest = name.strip_prefix(&live[..dot])?.strip_suffix(&live[dot..])?;
    let stamp = rest.strip_prefix(b"-")?;
    (stamp.len() >= 4 && stamp[..4].iter().all(u8::is_ascii_digit)).then_some(stamp)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ordered(names: &[&str], live: &str) -> Vec<String> {
        let names: Vec<OsString> = names.iter().map(OsString::from).collect();
        in_order(&names, OsStr::new(live)).into_iter().map(|name| name.into_string().unwrap()).collect()
    }

    #[test]
    fn time_stamps_sort_upwards_and_counts_downwards() {
        assert_eq!(
            ordered(&["0.log.20220301-2", "0.log", "0.log.20220301-1.gz", "1.log.1"], "0.log"),
            ["0.log.20220301-1.gz", "0.log.20220301-2"]
        );
        assert_eq!(ordered(&["a.1", "a.10.gz", "a.2.gz", "a"], "a"), ["a.10.gz", "a.2.gz", "a.1"]);
        assert_eq!(
            ordered(&["app-2022-01.log", "app-2021-01.log.gz"], "app.log"),
            ["app-2021-01.log.gz", "app-2022-01.log"]
        );
    }

    #[test]
    fn other_logs_and_unfinished_archives_are_no_siblings() {
        assert!(
            ordered(&["app-audit.log", "app.log.1.tmp", "app.log.1.gz.tmp", "app.logx", "app.log."], "app.log")
                .is_empty()
        );
    }

    #[test]
    fn a_plain_file_is_preferred_to_its_archive() {
        assert_eq!(ordered(&["a.1.gz", "a.1"], "a"), ["a.1"]);
    }
}
