//! One open log file: appended to by plain write(2), with its identity taken at birth.

use std::{
    fs::{File, Metadata, OpenOptions},
    io::{self, Write},
    os::unix::fs::{MetadataExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::Arc,
    time::UNIX_EPOCH,
};

use results::event::FileId;

/// An open file and its size as this writer knows it.
#[derive(Debug)]
pub(crate) struct LogFile {
    pub(crate) path: PathBuf,
    pub(crate) id: FileId,
    pub(crate) file: Arc<File>,
    pub(crate) size: u64,
    /// Bytes that this writer put into it.
    pub(crate) appended: u64,
    /// The last write ended within a line.
    torn: bool,
}

/// A write that did not get everything out.
#[derive(Debug)]
pub(crate) struct Short {
    /// Bytes that are in the file.
    pub(crate) written: usize,
    pub(crate) error: io::Error,
}

impl LogFile {
    /// Opens as container runtimes do: `O_CREAT|O_APPEND|O_WRONLY`, 0640.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).mode(0o640).open(path)?;
        let meta = file.metadata()?;
        let (id, size) = (identity(&meta), meta.len());
        Ok(Self { path: path.to_owned(), id, file: Arc::new(file), size, appended: 0, torn: false })
    }

    /// Appends all of `lines`, which end with a line feed, by as few calls as the kernel allows.
    pub(crate) fn append(&mut self, lines: &[u8]) -> Result<(), Short> {
        let mut written = 0;
        while written < lines.len() {
            match (&*self.file).write(&lines[written..]) {
                Ok(0) => return Err(self.short(lines, written, io::ErrorKind::WriteZero.into())),
                Ok(count) => {
                    written += count;
                    self.size += count as u64;
                    self.appended += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(self.short(lines, written, error)),
            }
        }
        Ok(())
    }

    fn short(&mut self, lines: &[u8], written: usize, error: io::Error) -> Short {
        self.torn = written > 0 && lines[written - 1] != b'\n' || written == 0 && self.torn;
        Short { written, error }
    }

    /// Ends a line that an earlier write tore, so that the next record begins on its own line.
    pub(crate) fn mend(&mut self) -> Result<(), Short> {
        if self.torn {
            self.append(b"\n")?;
            self.torn = false;
        }
        Ok(())
    }
}

/// Which file lies at a path now.
pub(crate) fn identify(path: &Path) -> io::Result<FileId> {
    std::fs::metadata(path).map(|meta| identity(&meta))
}

fn identity(meta: &Metadata) -> FileId {
    let born = meta.created().ok().and_then(|born| born.duration_since(UNIX_EPOCH).ok());
    FileId { device: meta.dev(), inode: meta.ino(), born_ns: born.map_or(0, |born| born.as_nanos() as u64) }
}

/// One write(2) a line. How many were tried, and, if the last of them failed, how many before it are whole.
pub(super) fn append_each<'a>(
    file: &mut LogFile,
    lines: impl Iterator<Item = &'a [u8]>,
) -> (u64, Option<(u64, Short)>) {
    let mut done = 0;
    for line in lines {
        if let Err(short) = file.append(line) {
            return (done + 1, Some((done, short)));
        }
        done += 1;
    }
    (done, None)
}
