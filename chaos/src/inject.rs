//! Performing steps: against the real file system here ([`fs::FsStage`]), against a directory in memory in the tests and
//! the simulator.

use std::{io, path::Path, path::PathBuf};

use nix::errno::Errno;
use thiserror::Error;

use crate::step::{FileId, Step};

pub mod fs;
mod gzip;
pub mod root;
mod steer;

#[cfg(test)]
pub(crate) mod model;

/// The writer whose file is rotated, as the rotator sees it.
pub trait Reopen {
    /// Close the file and write nothing until [`Reopen::reopen`]; returns when it is closed.
    fn close(&mut self) -> io::Result<()>;

    /// Open (or create) `path`, appending, or cutting it to nothing without `O_APPEND`; go on writing there and let go of
    /// the file before. Returns when the new file is open.
    fn reopen(&mut self, path: &Path, truncate: bool) -> io::Result<()>;
}

impl<W: Reopen + ?Sized> Reopen for &mut W {
    fn close(&mut self) -> io::Result<()> {
        (**self).close()
    }

    fn reopen(&mut self, path: &Path, truncate: bool) -> io::Result<()> {
        (**self).reopen(path, truncate)
    }
}

/// Where steps are performed.
pub trait Stage {
    /// Performs one step and says what came of it.
    fn perform(&mut self, step: &Step) -> Effect;
}

/// What came of a step.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Effect {
    /// The file acted on as it was before, where there was one. A link is reported itself, not what it points at.
    pub before: Option<FileId>,
    /// The file that is there now: after a reopen, an archive or a link the new one; after a steer that worked the probe
    /// that had the wanted inode number.
    pub after: Option<FileId>,
    /// Nothing had to be done: of a steer, the number would have come back by itself.
    pub idle: bool,
    /// Why it failed, if it did.
    pub error: Option<StepError>,
}

/// A step that failed.
#[derive(Debug, Clone, Error, PartialEq, Eq)]
pub enum StepError {
    /// The path leaves the marked folder, by its text or through a link.
    #[error("{path} is not a plain path below {root}; faults touch nothing outside the run's work folder")]
    Outside {
        /// What was asked for.
        path: PathBuf,
        /// The marked folder.
        root: PathBuf,
    },
    /// The system refused.
    #[error("{step} {path}: {}; check the rights and the free space of the run's work folder", errno.desc())]
    System {
        /// The verb.
        step: &'static str,
        /// On what.
        path: PathBuf,
        /// Its number.
        errno: Errno,
    },
    /// The writer refused or failed.
    #[error("{step} by the writer of {path}: {why}; see the message of the writer")]
    Writer {
        /// `close` or `reopen`.
        step: &'static str,
        /// Its file.
        path: PathBuf,
        /// Its words.
        why: String,
    },
    /// The inode number did not come back; the rotation itself goes on.
    #[error(
        "inode {inode} did not come back within {tried} probe files; it may still be held open, or the file system does not reuse numbers"
    )]
    NotSteered {
        /// The wanted number.
        inode: u64,
        /// How many files were tried.
        tried: usize,
    },
}

impl StepError {
    /// Whether the steps after it must not be performed.
    pub fn stops(&self) -> bool {
        !matches!(self, Self::NotSteered { .. })
    }
}

/// Performs `steps` in order, telling `observer` after each; stops at the first failure that leaves the rest without
/// sense and returns it.
pub fn perform(
    steps: &[Step],
    stage: &mut impl Stage,
    mut observer: impl FnMut(&Step, &Effect),
) -> Result<(), StepError> {
    for step in steps {
        let effect = stage.perform(step);
        observer(step, &effect);
        if let Some(error) = effect.error.filter(StepError::stops) {
            return Err(error);
        }
    }
    Ok(())
}
