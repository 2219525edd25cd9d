//! What a rotator sees: the names in the directory of the live file, sorted by bytes as the kubelet sorts them.

use std::{
    collections::BTreeSet,
    ffi::{OsStr, OsString},
    io,
    os::unix::ffi::OsStrExt,
    path::Path,
};

/// More names than this in one directory are no log directory.
const MOST_NAMES: usize = 100_000;

/// The names in one directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    names: BTreeSet<OsString>,
}

impl Listing {
    /// Reads a directory; an error if it cannot be read or holds more than 100,000 names.
    pub fn read(dir: &Path) -> io::Result<Self> {
        let mut names = BTreeSet::new();
        for entry in std::fs::read_dir(dir)? {
            if names.len() == MOST_NAMES {
                let text = format!("{} holds more than {MOST_NAMES} names: it is no log directory", dir.display());
                return Err(io::Error::other(text));
            }
            names.insert(entry?.file_name());
        }
        Ok(Self { names })
    }

    /// Whether the directory has this name.
    pub fn has(&self, name: &OsStr) -> bool {
        self.names.contains(name)
    }

    /// Every name, sorted.
    pub fn names(&self) -> impl Iterator<Item = &OsStr> {
        self.names.iter().map(OsString::as_os_str)
    }

    /// Names that begin with `head` and go on (`glob(head*)` without `head` itself), sorted.
    pub(crate) fn beginning_with(&self, head: &OsStr) -> impl Iterator<Item = &OsStr> {
        let head = head.as_bytes().to_vec();
        self.names().filter(move |name| name.len() > head.len() && name.as_bytes().starts_with(&head))
    }
}

impl<N: Into<OsString>> FromIterator<N> for Listing {
    fn from_iter<I: IntoIterator<Item = N>>(names: I) -> Self {
        Self { names: names.into_iter().map(Into::into).collect() }
    }
}
