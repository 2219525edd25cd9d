//! Bringing a freed inode number back to the next file that is created.
//!
//! ```text
//!  wanted 131, the file system would hand out 128 next:
//!    probe 0 → 128   probe 1 → 129   probe 2 → 130   probe 3 → 131   found
//!    unlink probe 3;  128 … 130 stay taken by the other probes
//!    the writer creates its file → 131
//!    unlink probes 0 … 2
//! ```
//! File systems that hand out the lowest free number would prefer 128 if the other probes were gone first; that is why
//! they are kept until the writer has its file. Probes are dot files, which `*.log` does not match.

use std::{ffi::OsString, os::fd::OwnedFd};

use nix::{
    errno::Errno,
    fcntl::{OFlag, openat},
    sys::stat::{Mode, fstat},
    unistd::{UnlinkatFlags, unlinkat},
};

/// How many probe files are tried.
const MOST_PROBES: usize = 512;

/// Probe files that keep lower inode numbers taken; dropping removes them.
#[derive(Debug)]
pub(super) struct Held {
    dir: OwnedFd,
    names: Vec<OsString>,
}

/// What became of the search.
#[derive(Debug)]
pub(super) struct Search {
    /// The probes that are still there.
    pub(super) held: Held,
    /// The probe's device, if the number came back; it is free again now.
    pub(super) found: Option<u64>,
    /// How many probes were created.
    pub(super) tried: usize,
}

/// Creates probes in `dir` until one has the number `inode`.
pub(super) fn search(dir: OwnedFd, inode: u64) -> nix::Result<Search> {
    let flags = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let mut held = Held { dir, names: Vec::new() };
    for tried in 1..=MOST_PROBES {
        let name = OsString::from(format!(".tailproof-probe-{tried}"));
        let probe = match openat(&held.dir, name.as_os_str(), flags, Mode::S_IRUSR | Mode::S_IWUSR) {
            // Left by a killed run: it keeps a number taken, like one of ours.
            Err(Errno::EEXIST) => {
                held.names.push(name);
                continue;
            }
            other => other?,
        };
        let about = fstat(&probe)?;
        drop(probe);
        if about.st_ino == inode {
            unlinkat(&held.dir, name.as_os_str(), UnlinkatFlags::NoRemoveDir)?;
            return Ok(Search { held, found: Some(about.st_dev), tried });
        }
        held.names.push(name);
    }
    Ok(Search { held, found: None, tried: MOST_PROBES })
}

impl Drop for Held {
    fn drop(&mut self) {
        for name in &self.names {
            // A probe that somebody else removed is gone as it should be.
            let _ = unlinkat(&self.dir, name.as_os_str(), UnlinkatFlags::NoRemoveDir);
        }
    }
}
