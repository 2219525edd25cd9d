//! What the run stands on: file system, free space, whether it may write there at all.

use std::path::{Path, PathBuf};

use nix::sys::statfs::{BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, TMPFS_MAGIC, XFS_SUPER_MAGIC, statfs};
use thiserror::Error;

use crate::{plan::Plan, spec::Pace};

/// A framed line is at most this much longer than its record (Docker escapes, CRI prefixes), and archives come on top.
const OVERHEAD: f64 = 2.0;

/// What one machine writes when nothing paces it, bytes a second.
const ALL_OUT: f64 = 500e6;

/// The file system under the run folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileSystem {
    /// Hands a freed inode number to the next file.
    Ext4,
    /// Hands freed numbers out irregularly.
    Xfs,
    /// Never hands a number out twice.
    Tmpfs,
    /// Never hands a number out twice.
    Btrfs,
    /// Nothing is known about it.
    Other,
}

/// The place cannot hold a run.
#[derive(Debug, Error)]
pub enum GroundError {
    /// It could not be made or looked at.
    #[error("cannot use {path} for runs: {why}; name another folder with --out")]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// The system's words.
        why: String,
    },
    /// Too little room.
    #[error(
        "{path} has {free_mb} MB free and this run may write {needed_mb} MB; free some, lower --rate or --duration, or name another folder with --out"
    )]
    Full {
        /// The folder.
        path: PathBuf,
        /// What is free.
        free_mb: u64,
        /// What the run may need.
        needed_mb: u64,
    },
}

impl FileSystem {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Ext4 => "ext4",
            Self::Xfs => "xfs",
            Self::Tmpfs => "tmpfs",
            Self::Btrfs => "btrfs",
            Self::Other => "unknown",
        }
    }

    /// Whether a freed inode number can ever come back.
    pub fn reuses_inodes(self) -> bool {
        !matches!(self, Self::Tmpfs | Self::Btrfs)
    }
}

/// Makes the folder if need be, and looks whether a run fits into it.
pub(super) fn inspect(folder: &Path, plan: &Plan) -> Result<FileSystem, GroundError> {
    let unusable = |why: String| GroundError::Unusable { path: folder.to_owned(), why };
    if folder.exists() && !folder.is_dir() {
        return Err(unusable("it is a file, not a folder".to_owned()));
    }
    std::fs::create_dir_all(folder).map_err(|e| unusable(e.to_string()))?;
    tempfile::tempfile_in(folder).map_err(|e| unusable(e.to_string()))?;
    let facts = statfs(folder).map_err(|e| unusable(e.to_string()))?;
    let free = facts.blocks_available() * facts.block_size().unsigned_abs();
    let seconds = plan.warm_up.seconds() + plan.measure.seconds();
    let planned: f64 = plan.streams.iter().map(|s| s.rate.0 * s.size.0 as f64).sum();
    let bytes_per_s = if plan.pace == Pace::AllOut { planned.max(ALL_OUT) } else { planned };
    let needed = (bytes_per_s * seconds * OVERHEAD) as u64;
    if free < needed {
        let (free_mb, needed_mb) = (free / 1_000_000, needed / 1_000_000);
        return Err(GroundError::Full { path: folder.to_owned(), free_mb, needed_mb });
    }
    Ok(match facts.filesystem_type() {
        EXT4_SUPER_MAGIC => FileSystem::Ext4,
        XFS_SUPER_MAGIC => FileSystem::Xfs,
        TMPFS_MAGIC => FileSystem::Tmpfs,
        BTRFS_SUPER_MAGIC => FileSystem::Btrfs,
        _ => FileSystem::Other,
    })
}
