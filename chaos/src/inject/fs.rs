//! The live stage: steps as system calls below a marked folder, one after another, never through a symbolic link.

use std::{
    fs::File,
    os::fd::AsFd,
    path::{Path, PathBuf},
    time::Duration,
};

use nix::{
    errno::Errno,
    fcntl::{OFlag, openat, renameat},
    sys::stat::Mode,
    unistd::{UnlinkatFlags, symlinkat, unlinkat},
};

use super::{
    Effect, Reopen, Stage, StepError, gzip,
    root::{Place, Root, errno_of, identify},
    steer,
};
use crate::{
    clock,
    step::{FileId, LAST_FREED, Step},
};

/// Performs steps on real files; the writer's part is done by `W`.
#[derive(Debug)]
pub struct FsStage<W: Reopen> {
    root: Root,
    writer: W,
    gzip_level: u32,
    /// The file that the last unlink took a name from.
    freed: Option<FileId>,
    /// Probes of a steer that wait for the writer's new file.
    held: Option<steer::Held>,
    /// The writer's file as last told by a reopen, to name it when a close fails.
    live: PathBuf,
}

impl<W: Reopen> FsStage<W> {
    /// A stage below `root` for one writer.
    pub fn new(root: Root, writer: W) -> Self {
        Self { root, writer, gzip_level: 6, freed: None, held: None, live: PathBuf::new() }
    }

    /// How hard archives are compressed, 0 to 9; 6 as kubelet and Docker do unless told otherwise.
    #[must_use]
    pub fn gzip_level(mut self, level: u32) -> Self {
        self.gzip_level = level.min(9);
        self
    }

    /// The writer.
    pub fn writer(&mut self) -> &mut W {
        &mut self.writer
    }

    fn try_perform(&mut self, step: &Step, effect: &mut Effect) -> Result<(), StepError> {
        match step {
            Step::Close => {
                let path = self.live.clone();
                self.writer.close().map_err(|e| StepError::Writer { step: "close", path, why: e.to_string() })
            }
            Step::Rename { from, to } => self.rename(from, to, effect),
            Step::Unlink { path } => self.unlink(path, effect),
            Step::Compress { from, to } => self.compress(from, to, effect),
            Step::Reopen { path, truncate } => self.reopen(path, *truncate, effect),
            Step::Symlink { target, link } => self.symlink(target, link, effect),
            Step::Wait { ms } => {
                clock::wait(Duration::from_millis(*ms));
                Ok(())
            }
            Step::Steer { dir, inode } => self.steer(dir, *inode, effect),
        }
    }

    fn rename(&self, from: &Path, to: &Path, effect: &mut Effect) -> Result<(), StepError> {
        let (old, new) = (self.root.place("rename", from)?, self.root.place("rename", to)?);
        effect.before = seen(&old);
        renameat(&old.dir, old.name.as_os_str(), &new.dir, new.name.as_os_str()).map_err(|e| system("rename", from, e))
    }

    fn unlink(&mut self, path: &Path, effect: &mut Effect) -> Result<(), StepError> {
        let place = self.root.place("unlink", path)?;
        effect.before = seen(&place);
        unlinkat(&place.dir, place.name.as_os_str(), UnlinkatFlags::NoRemoveDir)
            .map_err(|e| system("unlink", path, e))?;
        self.freed = effect.before;
        Ok(())
    }

    fn compress(&self, from: &Path, to: &Path, effect: &mut Effect) -> Result<(), StepError> {
        let (source, copy) = (self.root.place("compress", from)?, self.root.place("compress", to)?);
        effect.before = seen(&source);
        let read = OFlag::O_RDONLY | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC | OFlag::O_NONBLOCK;
        let write = OFlag::O_WRONLY | OFlag::O_CREAT | OFlag::O_TRUNC | OFlag::O_NOFOLLOW | OFlag::O_CLOEXEC;
        let mut input = self.open(&source, read, from)?;
        let mut output = self.open(&copy, write | OFlag::O_NONBLOCK, to)?;
        gzip::copy(&mut input, &mut output, self.gzip_level).map_err(|e| system("compress", from, errno_of(&e)))?;
        effect.after = seen(&copy);
        Ok(())
    }

    /// Opens a regular file; anything else could block for ever or lead elsewhere.
    fn open(&self, place: &Place, flags: OFlag, path: &Path) -> Result<File, StepError> {
        let mode = Mode::from_bits_truncate(0o640);
        let file = File::from(
            openat(place.dir.as_fd(), place.name.as_os_str(), flags, mode).map_err(|e| system("compress", path, e))?,
        );
        let regular = file.metadata().is_ok_and(|about| about.is_file());
        if regular {
            Ok(file)
        } else {
            Err(StepError::Outside { path: path.to_owned(), root: self.root.path().to_owned() })
        }
    }

    fn reopen(&mut self, path: &Path, truncate: bool, effect: &mut Effect) -> Result<(), StepError> {
        let place = self.root.place("reopen", path)?;
        if let Ok((id, kind)) = identify(&place.dir, &place.name) {
            if !kind.is_file() {
                return Err(StepError::Outside { path: path.to_owned(), root: self.root.path().to_owned() });
            }
            effect.before = Some(id);
        }
        let absolute = self.root.path().join(self.root.relative(path)?);
        let done = self.writer.reopen(&absolute, truncate);
        effect.after = seen(&place);
        self.held = None;
        path.clone_into(&mut self.live);
        done.map_err(|e| StepError::Writer { step: "reopen", path: path.to_owned(), why: e.to_string() })
    }

    fn symlink(&self, target: &Path, link: &Path, effect: &mut Effect) -> Result<(), StepError> {
        self.root.holds_target(target, link)?;
        let place = self.root.place("symlink", link)?;
        effect.before = seen(&place);
        symlinkat(target, &place.dir, place.name.as_os_str()).map_err(|e| system("symlink", link, e))?;
        effect.after = seen(&place);
        Ok(())
    }

    fn steer(&mut self, dir: &Path, inode: u64, effect: &mut Effect) -> Result<(), StepError> {
        effect.before = self.freed.filter(|freed| inode == LAST_FREED || freed.inode == inode);
        let wanted = if inode == LAST_FREED { self.freed.map_or(0, |freed| freed.inode) } else { inode };
        self.held = None;
        if wanted == 0 {
            return Err(StepError::NotSteered { inode: 0, tried: 0 });
        }
        let search = steer::search(self.root.folder("steer", dir)?, wanted).map_err(|e| system("steer", dir, e))?;
        let device = search.found.ok_or(StepError::NotSteered { inode: wanted, tried: search.tried })?;
        effect.after = Some(FileId { device, inode: wanted, born_ns: 0 });
        effect.idle = search.tried == 1;
        self.held = Some(search.held);
        Ok(())
    }
}

impl<W: Reopen> Stage for FsStage<W> {
    fn perform(&mut self, step: &Step) -> Effect {
        let mut effect = Effect::default();
        effect.error = self.try_perform(step, &mut effect).err();
        effect
    }
}

fn seen(place: &Place) -> Option<FileId> {
    identify(&place.dir, &place.name).ok().map(|(id, _)| id)
}

fn system(step: &'static str, path: &Path, errno: Errno) -> StepError {
    StepError::System { step, path: path.to_owned(), errno }
}

#[cfg(test)]
mod tests;
