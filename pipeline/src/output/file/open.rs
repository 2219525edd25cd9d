//! Opening files below a root that is never left: each folder is opened within the one before it, links are not
//! followed, and whoever swaps a folder for a link in between finds that out by an error.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    os::fd::OwnedFd,
    path::{Path, PathBuf},
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, openat},
    sys::stat::{Mode, mkdirat},
};

/// How far back the end of the last whole line is looked for, bytes.
const TORN_MAX: u64 = 4 << 20;

/// A folder with everything below it.
#[derive(Debug)]
pub(super) struct Root {
    path: PathBuf,
    mkdir: bool,
}

impl Root {
    pub(super) fn new(path: &Path, mkdir: bool) -> Self {
        Self { path: path.to_owned(), mkdir }
    }

    /// Opens `path`, which is relative and made of plain names, for appending.
    pub(super) fn open(&self, path: &Path) -> io::Result<File> {
        if self.mkdir && !self.path.is_dir() {
            std::fs::create_dir_all(&self.path)?;
        }
        // Whoever wrote the configuration may name the root through links.
        let mut folder: OwnedFd = File::open(&self.path)?.into();
        let mut parts = path.components().map(std::path::Component::as_os_str).peekable();
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                let flags = OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_CREAT | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
                let file: File = openat(&folder, part, flags, Mode::from_bits_truncate(0o644))?.into();
                return whole(file, path);
            }
            let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
            folder = match openat(&folder, part, flags, Mode::empty()) {
                Err(Errno::ENOENT) if self.mkdir => {
                    match mkdirat(&folder, part, Mode::from_bits_truncate(0o755)) {
                        Ok(()) | Err(Errno::EEXIST) => {}
                        Err(error) => return Err(error.into()),
                    }
                    openat(&folder, part, flags, Mode::empty())?
                }
                other => other?,
            };
        }
        Err(io::ErrorKind::InvalidInput.into())
    }
}

/// Cuts a torn last line off.
fn whole(mut file: File, path: &Path) -> io::Result<File> {
    let about = file.metadata()?;
    if !about.is_file() {
        return Ok(file);
    }
    let whole = whole_lines(&mut file, about.len())?;
    if whole < about.len() {
        tracing::warn!(path = ?path, bytes = about.len() - whole, "the last line was torn: cut off");
        file.set_len(whole)?;
    }
    Ok(file)
}

/// Length up to the last LF; the whole length if there is none within reach.
fn whole_lines(file: &mut File, len: u64) -> io::Result<u64> {
    let from = len.saturating_sub(TORN_MAX);
    let mut last = [0];
    if len == 0 {
        return Ok(0);
    }
    file.seek(SeekFrom::Start(len - 1))?;
    file.read_exact(&mut last)?;
    if last == *b"\n" {
        return Ok(len);
    }
    file.seek(SeekFrom::Start(from))?;
    let mut tail = Vec::new();
    file.take(TORN_MAX).read_to_end(&mut tail)?;
    Ok(match memchr::memrchr(b'\n', &tail) {
        Some(at) => from + at as u64 + 1,
        None if from == 0 => 0,
        None => len,
    })
}
