//! Which descriptors of nginx are on a file: a reopening is over once none of those that were there before is left.
//!
//! nginx says nothing when it has opened its log anew. Each of its processes opens the new file first and closes the old one
//! then, so the number of the new descriptor differs from the old one's, even if the file is the same.

use std::{fs, os::unix::fs::MetadataExt, path::PathBuf};

use results::event::FileId;

/// Descriptors that were on one file at one moment.
#[derive(Debug)]
pub(super) struct Held {
    file: FileId,
    /// `/proc/<pid>/fd/<number>`
    links: Vec<PathBuf>,
}

impl Held {
    /// Those of these processes that are on a file now.
    pub(super) fn note(pids: &[u32], file: FileId) -> Self {
        let folders = pids.iter().filter_map(|pid| fs::read_dir(format!("/proc/{pid}/fd")).ok());
        let links = folders.flatten().flatten().map(|entry| entry.path());
        let mut held = Self { file, links: links.collect() };
        held.look();
        held
    }

    /// True while one of them is still on it.
    pub(super) fn look(&mut self) -> bool {
        let file = (self.file.device, self.file.inode);
        // Looking through the link asks about the open file, whatever its name is by now.
        self.links.retain(|link| fs::metadata(link).is_ok_and(|about| (about.dev(), about.ino()) == file));
        !self.links.is_empty()
    }
}

/// A process and its children.
pub(super) fn family(pid: u32) -> Vec<u32> {
    let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    [pid].into_iter().chain(children.split_whitespace().filter_map(|child| child.parse().ok())).collect()
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::{trial::place, write::file::identify};

    #[test]
    fn a_file_is_held_until_the_descriptor_that_was_noted_is_closed_even_if_another_one_is_open() {
        let dir = place();
        let path = dir.path().join("a.log");
        let first = File::create(&path).expect("made");
        let (pids, id) = ([std::process::id()], identify(&path).expect("it is there"));
        let mut held = Held::note(&pids, id);
        fs::rename(&path, dir.path().join("a.log.1")).expect("renamed");
        assert!(held.look());
        let again = File::open(dir.path().join("a.log.1")).expect("there");
        drop(first);
        assert!(!held.look());
        drop(again);
        assert!(!Held::note(&pids, id).look());
    }

    #[test]
    fn children_belong_to_the_family() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().expect("started");
        // The file lists the children of the thread that made them, which is the first thread of nginx; of a test it is not.
        let of_thread = fs::read_to_string("/proc/thread-self/children").expect("Linux tells");
        assert!(of_thread.split_whitespace().any(|pid| pid == child.id().to_string()));
        assert_eq!(family(child.id()), [child.id()]);
        child.kill().expect("killed");
        child.wait().expect("gone");
    }
}
