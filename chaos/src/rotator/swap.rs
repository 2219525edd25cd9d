//! Symbolic links that are replaced, and containers that restart under a new one.
//!
//! ```text
//!  atomic     symlink target link.tmp    rename link.tmp → link           the name is never absent
//!  two step   unlink link   …gap…        symlink target link              the name is absent for a moment
//!  restart    reopen n+1.log             symlink n+1.log new-link         later: unlink n.log*, unlink old-link
//! ```

use std::{
    ffi::{OsStr, OsString},
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::{Rotation, name_of, suffixed, wait};
use crate::{listing::Listing, step::Step};

/// Longest file name, bytes.
const LONGEST_NAME: usize = 255;

/// A container that cannot be restarted.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum RestartError {
    /// Its file is not called `<number>.log`.
    #[error("live file {0} is not called <number>.log, so it has no next one; name it 0.log")]
    NotNumbered(PathBuf),
    /// Its link does not end in `-<container id>.log`.
    #[error("link {0} does not end in -<container id>.log; name it <pod>_<namespace>_<container>-<id>.log")]
    NoContainerId(PathBuf),
    /// The new link would have too long a name.
    #[error("link name of {0} bytes is longer than 255; shorten the names of pod, namespace or container")]
    TooLong(usize),
}

/// A container that restarts: the names it has afterwards, and the steps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restart {
    /// The new live file.
    pub live: PathBuf,
    /// The new link.
    pub link: PathBuf,
    /// At once: the new container's file and link. Later, when the next dead instance is collected: the old files and
    /// the old link go.
    pub rotation: Rotation,
}

/// A new link is made aside (`<link>.tmp`) and renamed over the old one. `target` is what the link says.
pub fn atomic(target: &Path, link: &Path) -> Vec<Step> {
    let aside = suffixed(link, ".tmp");
    vec![
        Step::Symlink { target: target.to_owned(), link: aside.clone() },
        Step::Rename { from: aside, to: link.to_owned() },
    ]
}

/// The old link is removed and the new one made `gap_ms` milliseconds later.
pub fn two_step(target: &Path, link: &Path, gap_ms: u64) -> Vec<Step> {
    let mut steps = vec![Step::Unlink { path: link.to_owned() }];
    steps.extend(wait(gap_ms));
    steps.push(Step::Symlink { target: target.to_owned(), link: link.to_owned() });
    steps
}

/// A container restart. `listing` is the directory of `live`; `link` points at it; `new_id` is the new container's id.
/// `target_of` says what a link to the new live file has to say (its path as seen from the link).
pub fn container_restart(
    listing: &Listing,
    live: &Path,
    link: &Path,
    new_id: &str,
    target_of: impl FnOnce(&Path) -> PathBuf,
) -> Result<Restart, RestartError> {
    let number: u64 = live
        .file_name()
        .and_then(OsStr::to_str)
        .and_then(|name| name.strip_suffix(".log")?.parse().ok())
        .ok_or_else(|| RestartError::NotNumbered(live.to_owned()))?;
    let new_live = live.with_file_name(format!("{}.log", number + 1));
    let new_link = link.with_file_name(renamed(link, new_id)?);
    let steps = vec![
        Step::Close,
        Step::Reopen { path: new_live.clone(), truncate: false },
        Step::Symlink { target: target_of(&new_live), link: new_link.clone() },
    ];
    Ok(Restart { live: new_live, link: new_link, rotation: Rotation { steps, later: collect(listing, live, link) } })
}

/// What the kubelet does with a dead instance: every file whose name begins with that of its log, then its link.
fn collect(listing: &Listing, live: &Path, link: &Path) -> Vec<Step> {
    let base = name_of(live);
    let mut later = vec![Step::Unlink { path: live.to_owned() }];
    later.extend(listing.beginning_with(&base).map(|name| Step::Unlink { path: live.with_file_name(name) }));
    later.push(Step::Unlink { path: link.to_owned() });
    later
}

fn renamed(link: &Path, new_id: &str) -> Result<OsString, RestartError> {
    let none = || RestartError::NoContainerId(link.to_owned());
    let name = name_of(link);
    let stem = name.as_bytes().strip_suffix(b".log").ok_or_else(none)?;
    let dash = stem.iter().rposition(|&byte| byte == b'-').ok_or_else(none)?;
    let mut new = OsStr::from_bytes(&stem[..=dash]).to_owned();
    new.push(new_id);
    new.push(".log");
    if new.len() > LONGEST_NAME { Err(RestartError::TooLong(new.len())) } else { Ok(new) }
}
