//! The primitive steps that rotations and swaps are made of, as data.
//!
//! One step is one thing that a real rotator does in one go and between any two of which a log collector may look. The
//! live stage performs them with system calls; a simulator performs the same list in memory.

use std::{
    fmt,
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};

/// In place of an inode number in [`Step::Steer`]: the number that the last [`Step::Unlink`] of the same stage freed.
pub const LAST_FREED: u64 = 0;

/// A file as its file system knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FileId {
    /// Device number.
    pub device: u64,
    /// Inode number; handed out again after an unlink.
    pub inode: u64,
    /// Birth time, nanoseconds since 1970; 0 where the file system does not tell.
    pub born_ns: u64,
}

/// One primitive step. Paths are absolute, or relative to the root of the stage that performs them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// The writer closes its file and waits.
    Close,
    /// `rename(2)`.
    Rename {
        /// The name that goes.
        from: PathBuf,
        /// The name that comes; what bore it before is unlinked by the rename.
        to: PathBuf,
    },
    /// `unlink(2)`.
    Unlink {
        /// The name that goes.
        path: PathBuf,
    },
    /// A gzip copy is written while the source stays: visible and incomplete until it is done.
    Compress {
        /// What is read.
        from: PathBuf,
        /// What is created or overwritten.
        to: PathBuf,
    },
    /// The writer opens its path anew and creates the file if there is none.
    Reopen {
        /// What is opened.
        path: PathBuf,
        /// Cut to nothing and without `O_APPEND` (as Docker opens after a rotation), or appended to (as containerd).
        truncate: bool,
    },
    /// `symlink(2)`.
    Symlink {
        /// What the link says; relative to the folder of the link.
        target: PathBuf,
        /// The link that is created.
        link: PathBuf,
    },
    /// The rotator takes its time.
    Wait {
        /// Milliseconds.
        ms: u64,
    },
    /// Probe files are created in a folder until a freed inode number comes back, so that the next file gets it.
    Steer {
        /// Where.
        dir: PathBuf,
        /// The wanted number, or [`LAST_FREED`].
        inode: u64,
    },
}

impl Step {
    /// The file that the step acts on; none for `Close` and `Wait`.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Close | Self::Wait { .. } => None,
            Self::Rename { from, .. } | Self::Compress { from, .. } => Some(from),
            Self::Unlink { path } | Self::Reopen { path, .. } => Some(path),
            Self::Symlink { link, .. } => Some(link),
            Self::Steer { dir, .. } => Some(dir),
        }
    }

    /// The second path of a rename or archive, and what a link says.
    pub fn to(&self) -> Option<&Path> {
        match self {
            Self::Rename { to, .. } | Self::Compress { to, .. } => Some(to),
            Self::Symlink { target, .. } => Some(target),
            Self::Close | Self::Unlink { .. } | Self::Reopen { .. } | Self::Wait { .. } | Self::Steer { .. } => None,
        }
    }

    /// Its name in messages: the verb.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Close => "close",
            Self::Rename { .. } => "rename",
            Self::Unlink { .. } => "unlink",
            Self::Compress { .. } => "compress",
            Self::Reopen { .. } => "reopen",
            Self::Symlink { .. } => "symlink",
            Self::Wait { .. } => "wait",
            Self::Steer { .. } => "steer",
        }
    }
}

impl fmt::Display for Step {
    /// One line: `rename 0.log -> 0.log.1`. Names are escaped as in a string where they are not plain.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain = |path: &Path| path.to_string_lossy().escape_debug().to_string();
        match self {
            Self::Close => f.write_str("close"),
            Self::Wait { ms } => write!(f, "wait {ms} ms"),
            Self::Rename { from, to } | Self::Compress { from, to } => {
                write!(f, "{} {} -> {}", self.name(), plain(from), plain(to))
            }
            Self::Unlink { path } | Self::Reopen { path, truncate: false } => {
                write!(f, "{} {}", self.name(), plain(path))
            }
            Self::Reopen { path, truncate: true } => write!(f, "reopen {} from nothing", plain(path)),
            Self::Symlink { target, link } => write!(f, "symlink {} says {}", plain(link), plain(target)),
            Self::Steer { dir, inode: LAST_FREED } => write!(f, "steer the freed inode to {}", plain(dir)),
            Self::Steer { dir, inode } => write!(f, "steer inode {inode} to {}", plain(dir)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_one_line_whatever_the_name() {
        let step = Step::Unlink { path: "a\n\u{1b}[2J".into() };
        assert_eq!(step.to_string(), "unlink a\\n\\u{1b}[2J");
    }

    #[test]
    fn a_rename_acts_on_the_name_that_goes() {
        let step = Step::Rename { from: "a/0.log".into(), to: "a/0.log.1".into() };
        assert_eq!((step.path(), step.to()), (Some(Path::new("a/0.log")), Some(Path::new("a/0.log.1"))));
    }

    #[test]
    fn a_link_is_the_file_acted_on_and_not_what_it_says() {
        let step = Step::Symlink { target: "../pods/0.log".into(), link: "containers/a.log".into() };
        assert_eq!((step.path(), step.to()), (Some(Path::new("containers/a.log")), Some(Path::new("../pods/0.log"))));
    }
}
