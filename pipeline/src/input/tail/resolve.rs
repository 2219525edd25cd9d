//! A name followed through its links, with every directory entry that the answer depends on.

use std::{
    collections::VecDeque,
    ffi::OsString,
    io,
    path::{Component, Path, PathBuf},
};

use crate::os::{Disk, disk::Kind};

/// Links that are followed before a loop is assumed, as many as the kernel's own limit.
const LINKS_MAX: usize = 40;

/// Where a name leads.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Resolved {
    /// Directory entries that decide: every link, the first missing component, the target.
    pub(super) depends_on: Vec<(PathBuf, OsString)>,
    /// Folder and name of what the links lead to, whether it is there or not; `None` if a folder of it is missing.
    pub(super) target: Option<(PathBuf, OsString)>,
}

/// Follows every link in `path`, component by component.
pub(super) fn resolve(disk: &mut impl Disk, path: &Path) -> Resolved {
    let mut depends_on = Vec::new();
    let mut todo: VecDeque<OsString> = components(path).collect();
    let mut at = PathBuf::from("/");
    let mut links = 0;
    while let Some(name) = todo.pop_front() {
        if name == ".." {
            at.pop();
            continue;
        }
        let full = at.join(&name);
        let kind = disk.lstat(&full).map(|stat| stat.kind);
        if let Ok(Kind::Link) = kind {
            depends_on.push((at.clone(), name));
            links += 1;
            let Some(text) = (links <= LINKS_MAX).then(|| disk.readlink(&full)).and_then(io::Result::ok) else {
                return Resolved { depends_on, target: None };
            };
            if text.is_absolute() {
                at = PathBuf::from("/");
            }
            components(&text).rev().for_each(|part| todo.push_front(part));
        } else if todo.is_empty() {
            depends_on.push((at.clone(), name.clone()));
            return Resolved { depends_on, target: Some((at, name)) };
        } else if kind.is_ok() {
            at = full;
        } else {
            depends_on.push((at, name));
            return Resolved { depends_on, target: None };
        }
    }
    Resolved { depends_on, target: None }
}

fn components(path: &Path) -> impl DoubleEndedIterator<Item = OsString> {
    path.components().filter_map(|part| match part {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    })
}
