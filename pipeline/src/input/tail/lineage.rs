//! One name and its generations, oldest first.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
};

use super::TailPlan;
use crate::parse::pattern::Pattern;

/// A rotated file that was looked at and needs nothing: number, birth, last change, size.
pub(super) type Judged = (u64, Option<i64>, i64, u64);

/// One name.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts; each has its own life")]
pub(super) struct Lineage {
    /// The name that matched.
    pub(super) path: PathBuf,
    /// The tag of its records.
    pub(super) tag: std::sync::Arc<str>,
    /// Open generations in the order of writing.
    pub(super) queue: Vec<u64>,
    /// The one that the name denotes.
    pub(super) live: Option<u64>,
    /// Device and inode number of what it denoted when last looked at.
    pub(super) denoted: Option<(u64, u64)>,
    /// Every entry of this name, in order of age.
    pub(super) known: Vec<u64>,
    /// Rotated files that need nothing, so that they are not opened at each rotation.
    pub(super) judged: BTreeSet<Judged>,
    /// Directory entries that decide what the name denotes.
    pub(super) depends_on: Vec<(PathBuf, OsString)>,
    /// Where its links led when they last led anywhere.
    pub(super) target: Option<(PathBuf, OsString)>,
    /// Never followed before: what lies rotated beside it is older than the following.
    pub(super) ancient: bool,
    /// The name came up while the tailer was running.
    pub(super) late: bool,
    /// The rotated names have to be looked at.
    pub(super) recover: bool,
    /// Beside it lies what may be a copy of an open file: look again at the next scan.
    pub(super) undecided: bool,
    /// How often that did not come to an end, in a row.
    pub(super) attempts: u32,
    /// Since when the name denotes nothing, ms.
    pub(super) absent_ms: Option<u64>,
    /// How often it was looked for since.
    pub(super) retries: u32,
    /// When to look at the name again, ms.
    pub(super) look_ms: Option<u64>,
    /// When to read again, ms.
    pub(super) wake_ms: Option<u64>,
    /// Waits to be looked at.
    pub(super) in_checks: bool,
    /// Waits to read.
    pub(super) in_ready: bool,
}

impl Lineage {
    /// A name that was just found; `known` are its restored entries.
    pub(super) fn new(path: PathBuf, plan: &TailPlan, known: Vec<u64>, late: bool) -> Self {
        let tag = tag(&path, &plan.tag, plan.tag_regex.as_ref()).into();
        Self {
            path,
            tag,
            queue: Vec::new(),
            live: None,
            denoted: None,
            ancient: known.is_empty() && !late,
            late: known.is_empty() && late,
            known,
            judged: BTreeSet::new(),
            depends_on: Vec::new(),
            target: None,
            recover: true,
            undecided: false,
            attempts: 0,
            absent_ms: None,
            retries: 0,
            look_ms: None,
            wake_ms: None,
            in_checks: false,
            in_ready: false,
        }
    }

    /// The path to look at when the name itself is gone: where it led last.
    pub(super) fn fallback(&self) -> Option<PathBuf> {
        self.target.as_ref().map(|(dir, name)| dir.join(name)).filter(|path| *path != self.path)
    }
}

/// The tag of a path: `<name>` stands for what a group of the expression found, `*` for the path with dots.
fn tag(path: &Path, tag: &str, regex: Option<&Pattern>) -> String {
    let mut tag = tag.to_owned();
    if let Some(regex) = regex {
        let text = path.as_os_str().as_encoded_bytes();
        let mut found = regex.locations();
        let fits = regex.find(text, &mut found);
        for (index, name) in regex.names() {
            let group = found.get(index).filter(|_| fits).map_or(&[][..], |(start, end)| &text[start..end]);
            tag = tag.replace(&format!("<{name}>"), &String::from_utf8_lossy(group));
        }
    }
    tag.replace('*', &dotted(path))
}

/// `/var/log/a.log` as part of a tag: `var.log.a.log`. Bytes that are no UTF-8 are replaced.
fn dotted(path: &Path) -> String {
    path.to_string_lossy().trim_start_matches('/').replace('/', ".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_parts_of_the_path_and_what_was_not_found_is_empty() {
        let regex = Pattern::new("(?<pod>[a-z0-9-]+)_(?<ns>[a-z]+)_").unwrap();
        let of = |path: &str, tag: &str| super::tag(Path::new(path), tag, Some(&regex));
        assert_eq!(of("/var/log/web-0_shop_x.log", "kube.<ns>.<pod>"), "kube.shop.web-0");
        assert_eq!(of("/var/log/web_shop_x.log", "<ns>.*"), "shop.var.log.web_shop_x.log");
        assert_eq!(of("/var/log/x.log", "k.<ns>.<other>"), "k..<other>");
        assert_eq!(super::tag(Path::new("/a/b.log"), "t.<ns>.*", None), "t.<ns>.a.b.log");
    }
}
