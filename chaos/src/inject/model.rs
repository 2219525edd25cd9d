//! A directory in memory that performs steps: the second stage, for the properties of the rotators.
//!
//! Its writer puts numbered records into the open inode. What no name leads to any more is gone, as on a real disk; an archive
//! is a copy under its own inode.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use nix::errno::Errno;

use super::{Effect, Stage, StepError};
use crate::{
    listing::Listing,
    step::{FileId, Step},
};

#[derive(Debug, Default)]
pub(crate) struct Model {
    /// Names to inodes. A link is an inode of its own without records.
    names: BTreeMap<PathBuf, u64>,
    /// Inodes to records.
    records: BTreeMap<u64, Vec<u32>>,
    /// The writer's open inode.
    open: Option<u64>,
    last_inode: u64,
    written: u32,
}

impl Model {
    /// A directory with one live file.
    pub(crate) fn with_live(path: &Path) -> Self {
        let mut model = Self::default();
        model.perform(&Step::Reopen { path: path.to_owned(), truncate: false });
        model
    }

    /// The writer writes one record.
    pub(crate) fn write(&mut self) {
        let open = self.open.expect("the writer has a file");
        self.records.get_mut(&open).expect("open inodes exist").push(self.written);
        self.written += 1;
    }

    pub(crate) fn written(&self) -> u32 {
        self.written
    }

    pub(crate) fn listing(&self) -> Listing {
        self.names.keys().filter_map(|path| path.file_name()).collect()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.names.keys().map(|path| path.to_string_lossy().into_owned()).collect()
    }

    /// Records that some name leads to.
    pub(crate) fn reachable(&self) -> BTreeSet<u32> {
        self.names.values().filter_map(|inode| self.records.get(inode)).flatten().copied().collect()
    }

    pub(crate) fn records_of(&self, path: &str) -> Option<&[u32]> {
        self.names.get(Path::new(path)).and_then(|inode| self.records.get(inode)).map(Vec::as_slice)
    }

    fn create(&mut self, path: &Path, records: Vec<u32>) -> u64 {
        self.last_inode += 1;
        self.names.insert(path.to_owned(), self.last_inode);
        self.records.insert(self.last_inode, records);
        self.last_inode
    }

    fn try_perform(&mut self, step: &Step) -> Result<(), Errno> {
        let inode = |model: &Self, path: &Path| model.names.get(path).copied().ok_or(Errno::ENOENT);
        match step {
            Step::Close => self.open = None,
            Step::Rename { from, to } => {
                let moved = inode(self, from)?;
                self.names.remove(from);
                self.names.insert(to.clone(), moved);
            }
            Step::Unlink { path } => drop(self.names.remove(path).ok_or(Errno::ENOENT)?),
            Step::Compress { from, to } => {
                let copy = self.records[&inode(self, from)?].clone();
                self.create(to, copy);
            }
            Step::Reopen { path, truncate } => {
                let open = inode(self, path).unwrap_or_else(|_| self.create(path, Vec::new()));
                if *truncate {
                    self.records.insert(open, Vec::new());
                }
                self.open = Some(open);
            }
            Step::Symlink { link, .. } => {
                if self.names.contains_key(link) {
                    return Err(Errno::EEXIST);
                }
                self.create(link, Vec::new());
            }
            Step::Wait { .. } | Step::Steer { .. } => {}
        }
        Ok(())
    }
}

impl Stage for Model {
    fn perform(&mut self, step: &Step) -> Effect {
        let before = step.path().and_then(|path| self.names.get(path));
        let before = before.map(|inode| FileId { device: 1, inode: *inode, born_ns: *inode });
        let error = self.try_perform(step).err();
        let path = step.path().unwrap_or(Path::new("")).to_owned();
        let error = error.map(|errno| StepError::System { step: step.name(), path, errno });
        Effect { before, after: None, idle: false, error }
    }
}
