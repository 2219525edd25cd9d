//! The kubelet over containerd: archive the older ones, rename the live file, ask the runtime to open it anew.
//!
//! ```text
//!  unlink  0.log.*.tmp, and 0.log.TS where 0.log.TS.gz is there          left by a crash
//!  unlink  the oldest, until max_files − 2 are left
//!  each plain 0.log.TS:  gzip → TS.tmp    rename TS.tmp → TS.gz    unlink TS       frees an inode number
//!  rename  0.log → 0.log.YYYYMMDD-HHMMSS                                           links to 0.log dangle
//!  reopen  0.log                                                                   may get the freed number
//! ```
//! Stamps have a resolution of one second, so two rotations within one second meet on a name: the real kubelet then
//! takes the second for the crash leftover of the first and unlinks it unread. That is a loss at the source, so by default
//! ([`Stamps::Unique`]) a stamp that is not later than every stamp in the directory is moved on to one second past the
//! latest; [`Stamps::AsGiven`] reproduces the collision.

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::Path,
};

use jiff::{Timestamp, ToSpan, civil::DateTime};

use super::{name_of, suffixed, wait};
use crate::{listing::Listing, step::Step};

const FORMAT: &str = "%Y%m%d-%H%M%S";

/// How the kubelet is configured, and how fast the runtime is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Files kept of a container, the live one included (`containerLogMaxFiles`, 5 by default; the kubelet wants 2 or more).
    pub max_files: usize,
    /// Whether rotated files are compressed; the real kubelet always does.
    pub archive: bool,
    /// From the rename to the new file, milliseconds: how long the runtime takes.
    pub gap_ms: u64,
    /// What happens to a stamp that is taken.
    pub stamps: Stamps,
}

/// What happens to a stamp that is not later than one in the directory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Stamps {
    /// It is moved on to a second past the latest.
    #[default]
    Unique,
    /// It is used: generations collide as the real kubelet's do.
    AsGiven,
}

impl Default for Settings {
    fn default() -> Self {
        Self { max_files: 5, archive: true, gap_ms: 0, stamps: Stamps::Unique }
    }
}

/// The stamp of a moment, seconds since 1970: `20260130-142501`.
pub fn stamp(unix_s: i64) -> String {
    Timestamp::from_second(unix_s).unwrap_or(Timestamp::UNIX_EPOCH).strftime(FORMAT).to_string()
}

/// One rotation of `log` in a directory that holds `listing`. If `log` is not in it (a crash between rename and reopen),
/// the runtime is asked to open it and nothing else happens.
pub fn rotate(listing: &Listing, log: &Path, stamp: &str, settings: Settings) -> Vec<Step> {
    let reopen = Step::Reopen { path: log.to_owned(), truncate: false };
    if !listing.has(&name_of(log)) {
        return vec![reopen];
    }
    let (mut steps, _) = up_to_rename(listing, log, stamp, settings);
    steps.extend(wait(settings.gap_ms));
    steps.push(reopen);
    steps
}

/// A rotation whose reopen fails after `gap_ms`: the writer keeps its file, the rename is undone.
pub fn rename_back(listing: &Listing, log: &Path, stamp: &str, settings: Settings) -> Vec<Step> {
    let (mut steps, aside) = up_to_rename(listing, log, stamp, settings);
    steps.extend(wait(settings.gap_ms));
    steps.push(Step::Rename { from: aside.into(), to: log.to_owned() });
    steps
}

fn up_to_rename(listing: &Listing, log: &Path, stamp: &str, settings: Settings) -> (Vec<Step>, OsString) {
    let mut steps = Vec::new();
    let (leftovers, rotated) = sort_out(listing, log);
    steps.extend(leftovers.iter().map(|name| Step::Unlink { path: log.with_file_name(name) }));
    let excess = rotated.len().saturating_sub(settings.max_files.saturating_sub(2));
    steps.extend(rotated[..excess].iter().map(|name| Step::Unlink { path: log.with_file_name(name) }));
    if settings.archive {
        steps.extend(archived(&rotated[excess..], log));
    }
    let stamp = match settings.stamps {
        Stamps::Unique => unique(listing, log, stamp),
        Stamps::AsGiven => stamp.to_owned(),
    };
    let aside = suffixed(log, format!(".{stamp}"));
    steps.push(Step::Rename { from: log.to_owned(), to: aside.clone() });
    (steps, aside.into_os_string())
}

/// What a rotation does with the rotated files that are not compressed yet, without the rotation.
pub fn archive(listing: &Listing, log: &Path) -> Vec<Step> {
    archived(&sort_out(listing, log).1, log)
}

fn archived(rotated: &[OsString], log: &Path) -> Vec<Step> {
    let plain = rotated.iter().filter(|name| !ends_with(name, ".gz")).map(|name| log.with_file_name(name));
    let steps = plain.flat_map(|plain| {
        let temporary = suffixed(&plain, ".tmp");
        [
            Step::Compress { from: plain.clone(), to: temporary.clone() },
            Step::Rename { from: temporary, to: suffixed(&plain, ".gz") },
            Step::Unlink { path: plain },
        ]
    });
    steps.collect()
}

/// Leftovers of a crash, and the rotated files that are in use, oldest first.
fn sort_out(listing: &Listing, log: &Path) -> (Vec<OsString>, Vec<OsString>) {
    let mut head = name_of(log);
    head.push(".");
    listing.beginning_with(&head).map(OsStr::to_owned).partition(|name| {
        let mut twin = name.clone();
        twin.push(".gz");
        ends_with(name, ".tmp") || (!ends_with(name, ".gz") && listing.has(&twin))
    })
}

fn ends_with(name: &OsStr, tail: &str) -> bool {
    name.as_bytes().ends_with(tail.as_bytes())
}

/// `stamp`, or one second past the latest in the directory.
fn unique(listing: &Listing, log: &Path, stamp: &str) -> String {
    let mut head = name_of(log);
    head.push(".");
    let latest = listing.beginning_with(&head).filter_map(|name| moment(&name.to_str()?[head.len()..])).max();
    let given = moment(stamp);
    match (given, latest) {
        (Some(given), Some(latest)) if given <= latest => {
            latest.checked_add(1.second()).unwrap_or(latest).strftime(FORMAT).to_string()
        }
        (Some(_), _) => stamp.to_owned(),
        // A stamp of another form has no next second: it is told apart by a number.
        (None, _) => free(listing, &head, stamp),
    }
}

fn free(listing: &Listing, head: &OsStr, stamp: &str) -> String {
    let taken = |text: &str| {
        ["", ".gz", ".tmp"].iter().any(|tail| {
            let mut name = head.to_owned();
            name.push(text);
            name.push(tail);
            listing.has(&name)
        })
    };
    let candidates = std::iter::once(stamp.to_owned()).chain((1u64..).map(|n| format!("{stamp}-{n:06}")));
    candidates.into_iter().find(|text| !taken(text)).expect("a finite directory leaves a number free")
}

/// The moment in what follows `0.log.`: `20260130-142501`, also with `.gz` or `.tmp`.
fn moment(suffix: &str) -> Option<DateTime> {
    let text = suffix.strip_suffix(".gz").or_else(|| suffix.strip_suffix(".tmp")).unwrap_or(suffix);
    // Digits are demanded here because the parser takes shorter years, too.
    let well_formed = text.len() == 15
        && text.bytes().enumerate().all(|(at, byte)| if at == 8 { byte == b'-' } else { byte.is_ascii_digit() });
    if well_formed { DateTime::strptime(FORMAT, text).ok() } else { None }
}

#[cfg(test)]
mod tests;
