//! The marked folder: the only place where steps may touch files.
//!
//! A folder counts only if it carries the marker file, so a wrong path in a scenario cannot rotate the logs of the machine.
//! Paths are walked from its descriptor, one component at a time, never through a symbolic link; the marker itself
//! is not to be touched.

use std::{
    ffi::{OsStr, OsString},
    fs::File,
    io,
    os::fd::{AsFd, OwnedFd},
    os::unix::fs::MetadataExt,
    path::{Component, Path, PathBuf},
    sync::Arc,
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, open, openat},
    sys::stat::{Mode, fstat},
};
use thiserror::Error;

use super::StepError;
use crate::step::FileId;

/// Name of the file that marks a folder as a run's work folder.
pub const MARKER: &str = ".tailproof";

/// A folder that is not used.
#[derive(Debug, Error)]
pub enum RootError {
    /// It is missing, no folder, or a link.
    #[error("cannot open work folder {path}: {source}; give the path of a real folder")]
    Open {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It does not carry the marker.
    #[error(
        "{path} has no marker file {MARKER}: it is no run's work folder, and nothing in it will be touched; let the run create one"
    )]
    Unmarked {
        /// Which.
        path: PathBuf,
    },
    /// Anybody may put links into it.
    #[error(
        "work folder {path} can be written by everybody; take that right away with chmod o-w, or choose another folder"
    )]
    Shared {
        /// Which.
        path: PathBuf,
    },
    /// The marker could not be written.
    #[error("cannot mark {path} as a work folder: {source}; check its rights")]
    Mark {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// A marked folder, held open. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Root {
    path: PathBuf,
    fd: Arc<OwnedFd>,
}

/// A name in an open folder below the root.
#[derive(Debug)]
pub(super) struct Place {
    /// The folder.
    pub(super) dir: OwnedFd,
    /// The name in it.
    pub(super) name: OsString,
}

impl Root {
    /// Opens a folder that carries the marker and that not everybody may write to.
    pub fn open(path: &Path) -> Result<Self, RootError> {
        let failed = |errno: Errno| RootError::Open { path: path.to_owned(), source: errno.into() };
        let absolute = path.canonicalize().map_err(|source| RootError::Open { path: path.to_owned(), source })?;
        let fd =
            open(path, OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC, Mode::empty()).map_err(failed)?;
        let marked = identify(&fd, OsStr::new(MARKER)).is_ok_and(|(_, kind)| kind.is_file());
        if !marked {
            return Err(RootError::Unmarked { path: path.to_owned() });
        }
        let mode = fstat(&fd).map_err(failed)?.st_mode;
        if Mode::from_bits_truncate(mode).contains(Mode::S_IWOTH) {
            return Err(RootError::Shared { path: path.to_owned() });
        }
        Ok(Self { path: absolute, fd: Arc::new(fd) })
    }

    /// Marks an existing folder and opens it.
    pub fn mark(path: &Path) -> Result<Self, RootError> {
        let marker = path.join(MARKER);
        match File::options().write(true).create_new(true).open(&marker) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(RootError::Mark { path: path.to_owned(), source }),
        }
        Self::open(path)
    }

    /// Its absolute path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The identity of a file below the root, of a link itself; `None` if there is none.
    pub fn identify(&self, path: &Path) -> Option<FileId> {
        let place = self.place("stat", path).ok()?;
        identify(&place.dir, &place.name).ok().map(|(id, _)| id)
    }

    /// The path relative to the root, checked by its text only.
    pub(super) fn relative<'p>(&self, path: &'p Path) -> Result<&'p Path, StepError> {
        let relative = if path.is_absolute() { path.strip_prefix(&self.path).ok() } else { Some(path) };
        let plain = |p: &&Path| p.components().all(|c| matches!(c, Component::Normal(_)));
        relative.filter(plain).ok_or_else(|| self.outside(path))
    }

    /// Opens the folder of `path`.
    pub(super) fn place(&self, step: &'static str, path: &Path) -> Result<Place, StepError> {
        let relative = self.relative(path)?;
        let name = relative.file_name().ok_or_else(|| self.outside(path))?;
        let parent = relative.parent().unwrap_or(Path::new(""));
        if name == MARKER && parent == Path::new("") {
            return Err(self.outside(path));
        }
        Ok(Place { dir: self.folder(step, parent)?, name: name.to_owned() })
    }

    /// Opens a folder below the root, never through a link.
    pub(super) fn folder(&self, step: &'static str, path: &Path) -> Result<OwnedFd, StepError> {
        let flags = OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_RDONLY;
        let failed = |errno| match errno {
            // O_DIRECTORY with O_NOFOLLOW says ENOTDIR of a link, the older kernels ELOOP.
            Errno::ENOTDIR | Errno::ELOOP => self.outside(path),
            errno => StepError::System { step, path: path.to_owned(), errno },
        };
        let mut dir = self.fd.try_clone().map_err(|e| failed(errno_of(&e)))?;
        for component in self.relative(path)?.components() {
            dir = openat(&dir, component.as_os_str(), flags, Mode::empty()).map_err(failed)?;
        }
        Ok(dir)
    }

    fn outside(&self, path: &Path) -> StepError {
        StepError::Outside { path: path.to_owned(), root: self.path.clone() }
    }

    /// Whether what a link at `link` says stays below the root, by its text.
    pub(super) fn holds_target(&self, target: &Path, link: &Path) -> Result<(), StepError> {
        let mut depth: Vec<&OsStr> = Vec::new();
        let from =
            if target.is_absolute() { Path::new("") } else { self.relative(link)?.parent().unwrap_or(Path::new("")) };
        let tail = if target.is_absolute() {
            target.strip_prefix(&self.path).map_err(|_| self.outside(target))?
        } else {
            target
        };
        for component in from.components().chain(tail.components()) {
            match component {
                Component::Normal(name) => depth.push(name),
                Component::CurDir => {}
                Component::ParentDir if depth.pop().is_some() => {}
                _ => return Err(self.outside(target)),
            }
        }
        Ok(())
    }
}

/// The identity and type of a name in a folder, of a link itself.
///
/// The descriptor is `O_PATH` and gone on return: held any longer it would keep an unlinked inode from being reused.
pub(super) fn identify(dir: impl AsFd, name: &OsStr) -> nix::Result<(FileId, std::fs::FileType)> {
    let flags = OFlag::O_PATH | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
    let file = File::from(openat(dir, name, flags, Mode::empty())?);
    let about = file.metadata().map_err(|e| errno_of(&e))?;
    let born = about.created().ok().and_then(|at| at.duration_since(std::time::UNIX_EPOCH).ok());
    let id = FileId { device: about.dev(), inode: about.ino(), born_ns: born.map_or(0, |d| d.as_nanos() as u64) };
    Ok((id, about.file_type()))
}

/// The number behind an error of the standard library.
pub(super) fn errno_of(error: &io::Error) -> Errno {
    error.raw_os_error().map_or(Errno::EIO, Errno::from_raw)
}
