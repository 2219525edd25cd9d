//! How files are rotated and links replaced: pure functions from what a rotator sees to the steps it takes.
//!
//! Nothing here touches a file. The order of the steps is that of the real programs; where two steps leave a gap, a
//! [`Step::Wait`] makes it as long as asked for.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

use crate::step::Step;

pub mod docker;
pub mod kubelet;
pub mod swap;
pub mod unlink;

/// A change that goes on after the writer is back: at once, and afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rotation {
    /// What happens in the writer's or rotator's own time, in order.
    pub steps: Vec<Step>,
    /// What happens at leisure while records go on being written, in order. To be over before the next rotation of the
    /// same file begins.
    pub later: Vec<Step>,
}

/// The same steps with a [`Step::Steer`] before every reopen: the new file gets the inode number `inode`.
pub fn steered(steps: Vec<Step>, inode: u64) -> Vec<Step> {
    let mut out = Vec::with_capacity(steps.len() + 1);
    for step in steps {
        if let Step::Reopen { path, .. } = &step {
            out.push(Step::Steer { dir: folder(path), inode });
        }
        out.push(step);
    }
    out
}

/// `path` with `suffix` appended to its name.
fn suffixed(path: &Path, suffix: impl AsRef<OsStr>) -> PathBuf {
    let mut whole = path.as_os_str().to_owned();
    whole.push(suffix);
    PathBuf::from(whole)
}

/// The last name of a path; empty if it has none.
fn name_of(path: &Path) -> OsString {
    path.file_name().unwrap_or_default().to_owned()
}

fn folder(path: &Path) -> PathBuf {
    path.parent().unwrap_or(Path::new("")).to_owned()
}

fn wait(ms: u64) -> Option<Step> {
    (ms > 0).then_some(Step::Wait { ms })
}

#[cfg(test)]
mod properties;
