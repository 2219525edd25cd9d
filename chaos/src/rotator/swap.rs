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
    let next: u64 = live
        .file_name()
        .and_then(OsStr::to_str)
        .and_then(|name| name.strip_suffix(".log")?.parse::<u64>().ok()?.checked_add(1))
        .ok_or_else(|| RestartError::NotNumbered(live.to_owned()))?;
    let new_live = live.with_file_name(format!("{next}.log"));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::lines;

    const LINK: &str = "containers/web_shop_nginx-4f5e.log";

    fn restart(live: &str, link: &str, new_id: &str) -> Result<Restart, RestartError> {
        let listing =
            ["1.log", "1.log.20260130-142501", "1.log.20260130-142401.gz", "2.log.x", "11.log"].iter().collect();
        let target = |live: &Path| Path::new("..").join(live);
        container_restart(&listing, Path::new(live), Path::new(link), new_id, target)
    }

    #[test]
    fn an_atomic_swap_leaves_no_moment_without_the_name() {
        assert_eq!(
            lines(&atomic(Path::new("../pods/b/0.log"), Path::new(LINK))),
            [format!("symlink {LINK}.tmp says ../pods/b/0.log"), format!("rename {LINK}.tmp -> {LINK}")]
        );
    }

    #[test]
    fn a_two_step_swap_leaves_the_gap_that_was_asked_for() {
        let got = lines(&two_step(Path::new("../pods/b/0.log"), Path::new(LINK), 3));
        assert_eq!(got, [format!("unlink {LINK}"), "wait 3 ms".into(), format!("symlink {LINK} says ../pods/b/0.log")]);
        assert_eq!(two_step(Path::new("x"), Path::new(LINK), 0).len(), 2);
    }

    #[test]
    fn a_restart_makes_the_next_file_and_a_link_with_the_new_id() {
        let restart = restart("pods/a/1.log", LINK, "77aa").unwrap();
        assert_eq!(restart.live, Path::new("pods/a/2.log"));
        assert_eq!(restart.link, Path::new("containers/web_shop_nginx-77aa.log"));
        assert_eq!(
            lines(&restart.rotation.steps),
            ["close", "reopen pods/a/2.log", "symlink containers/web_shop_nginx-77aa.log says ../pods/a/2.log"]
        );
        assert_eq!(
            lines(&restart.rotation.later),
            [
                "unlink pods/a/1.log",
                "unlink pods/a/1.log.20260130-142401.gz",
                "unlink pods/a/1.log.20260130-142501",
                "unlink containers/web_shop_nginx-4f5e.log"
            ]
        );
    }

    #[test]
    fn names_that_are_no_containers_are_refused() {
        assert!(matches!(restart("pods/a/app.log", LINK, "7"), Err(RestartError::NotNumbered(_))));
        assert!(matches!(restart("pods/a/-1.log", LINK, "7"), Err(RestartError::NotNumbered(_))));
        assert!(matches!(restart("pods/a/1.log", "containers/web.log", "7"), Err(RestartError::NoContainerId(_))));
        assert!(matches!(restart("pods/a/1.log", "containers/web-7", "7"), Err(RestartError::NoContainerId(_))));
        assert_eq!(restart("pods/a/1.log", "a-b.log", &"7".repeat(250)).unwrap_err(), RestartError::TooLong(256));
        assert!(restart("pods/a/1.log", "a-b.log", &"7".repeat(249)).is_ok());
    }

    #[test]
    fn the_largest_number_has_no_next_one() {
        assert!(matches!(restart("pods/a/18446744073709551615.log", LINK, "7"), Err(RestartError::NotNumbered(_))));
    }
}
