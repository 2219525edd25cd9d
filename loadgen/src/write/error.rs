//! Why a load cannot start.

use std::{io, path::PathBuf};

use results::ledger::LedgerError;
use thiserror::Error;

/// Why a load cannot start.
#[derive(Debug, Error)]
pub enum WriteError {
    /// A stream's name cannot stand in a path.
    #[error("name a stream {0:?}: use 1 to 100 letters, digits, `-` or `.`")]
    Name(String),
    /// Two streams would write the same file.
    #[error("name two streams {0:?}: give each a name of its own")]
    SameName(String),
    /// A directory could not be created.
    #[error("create {}: {source}; choose a folder you may write to", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A log file could not be opened.
    #[error("open {} for appending: {source}; choose a folder you may write to", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A symbolic link could not be created.
    #[error("link {}: {source}; remove what an earlier run left there", path.display())]
    Link {
        /// The link.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A thread could not be started.
    #[error("start a writer thread: {0}; raise the limit of processes")]
    Thread(io::Error),
    /// The books cannot be kept.
    #[error(transparent)]
    Books(#[from] LedgerError),
}
