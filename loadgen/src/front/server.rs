//! Who answers and logs: the front end of the bench, or the real nginx.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{Front, nginx::NginxFront};
use crate::{
    drive::{Doubt, Told},
    write::{LoadReport, StreamPaths, Ticket, WriteFault},
};

/// A running front end of either kind.
#[derive(Debug)]
pub enum Server {
    /// Within the bench.
    Embedded(Front),
    /// A process of its own.
    Nginx(NginxFront),
}

impl Server {
    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        match self {
            Self::Embedded(front) => front.addr(),
            Self::Nginx(front) => front.addr(),
        }
    }

    /// Where its log lies.
    pub fn paths(&self) -> &StreamPaths {
        match self {
            Self::Embedded(front) => front.paths(),
            Self::Nginx(front) => front.paths(),
        }
    }

    /// Who says that a request is in its log.
    pub fn told(&self) -> Told {
        match self {
            Self::Embedded(_) => Told::ByFront,
            Self::Nginx(_) => Told::ByAnswer,
        }
    }

    /// Its processes, if it has any of its own.
    pub fn pids(&self) -> Vec<u32> {
        match self {
            Self::Embedded(_) => Vec::new(),
            Self::Nginx(front) => front.pids(),
        }
    }

    /// The size of its open log, bytes; `None` while none is open.
    pub fn file_size(&self) -> Option<u64> {
        match self {
            Self::Embedded(front) => front.file_size(),
            Self::Nginx(front) => front.file_size(),
        }
    }

    /// Opens `path`, then closes the old file; what is in the new one must arrive under `label`. nginx knows only its own
    /// path, and no labels.
    pub fn reopen_as(&self, path: Option<PathBuf>, label: Option<String>, delay: Duration) -> Ticket {
        match self {
            Self::Embedded(front) => front.reopen_as(path, label, delay),
            Self::Nginx(front) => front.reopen_as(path, label, delay),
        }
    }

    /// Closes the log until it is reopened; nginx cannot.
    pub fn close(&self) -> Ticket {
        match self {
            Self::Embedded(front) => front.close(),
            Self::Nginx(front) => front.close(),
        }
    }

    /// Failures so far, the first thousand.
    pub fn errors(&self) -> Vec<WriteFault> {
        match self {
            Self::Embedded(front) => front.errors(),
            Self::Nginx(front) => front.errors(),
        }
    }

    /// Ends it, settling what the client could not as far as it can. Stop the client first.
    pub fn stop(self, doubts: &[Doubt]) -> LoadReport {
        match self {
            Self::Embedded(front) => front.stop(doubts),
            Self::Nginx(front) => front.stop(),
        }
    }
}
