//! Lines in files of one folder, named by `File` or by the tag.
//!
//! A write that the disk takes only in part is finished before anything else, from the byte at which it stopped, so
//! that no torn line is followed by another. A torn last line, which a kill in mid-write can leave, is cut off when
//! the file is opened: its batch was not acknowledged and comes again.

use std::{
    collections::BTreeMap,
    fs::{File, OpenOptions},
    io::{self, Read, Seek, SeekFrom, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
};

use super::{
    Context, again,
    backoff::Backoff,
    encode::{Encoder, Layout},
    name,
};
use crate::{
    config::plan::{DateFormat, FilePlan, RecordFormat, RetryLimit},
    parse::Batch,
};

/// Bytes that are taken at once.
const BYTES: usize = 1 << 20;
/// Files kept open.
const OPEN_MAX: usize = 256;
/// How far back the end of the last whole line is looked for, bytes.
const TORN_MAX: u64 = 4 << 20;

pub(super) async fn run(name: String, plan: FilePlan, retry: RetryLimit, context: Context) {
    let layout = if plan.prefix { Layout::Prefixed } else { Layout::Lines };
    let format = RecordFormat { date_key: None, date: DateFormat::Double };
    let mut encoder = Encoder::new(format, layout);
    let mut backoff = Backoff::new(context.seed);
    let mut folder = Folder { plan, files: BTreeMap::new() };
    while let Some(batches) = context.buffer.next(context.lane, BYTES, context.linger).await {
        let count = batches.len();
        let mut rest: &[std::sync::Arc<Batch>] = &batches;
        // Runs of batches for the same file are written together, in order.
        while let Some(first) = rest.first() {
            let path = folder.path(&first.tag);
            let run = rest.iter().take_while(|batch| folder.path(&batch.tag) == path).count();
            let mut lines = Vec::new();
            for batch in &rest[..run] {
                encoder.batch(batch, 0..batch.len(), &mut lines);
            }
            let records: usize = rest[..run].iter().map(|batch| batch.len()).sum();
            let mut done = 0;
            while let Err(error) = folder.write(&path, &lines, &mut done) {
                let pause = backoff.pause();
                if !again(retry, backoff.failures()) {
                    folder.files.remove(&path);
                    context.counters.dropped.fetch_add(records as u64, Ordering::Relaxed);
                    tracing::error!(output = name, path = ?path, %error, records, "Retry_Limit is reached: dropped");
                    done = 0;
                    break;
                }
                context.counters.retries.fetch_add(1, Ordering::Relaxed);
                if backoff.failures().is_power_of_two() {
                    tracing::warn!(output = name, path = ?path, %error, "cannot write, tries again; free the disk?");
                }
                tokio::time::sleep(pause).await;
            }
            backoff.reset();
            if done == lines.len() && records > 0 {
                context.counters.confirmed(records, done);
            }
            rest = &rest[run..];
        }
        context.buffer.taken(context.lane, count);
    }
}

struct Folder {
    plan: FilePlan,
    files: BTreeMap<PathBuf, File>,
}

impl Folder {
    fn path(&self, tag: &str) -> PathBuf {
        match &self.plan.file {
            Some(file) => self.plan.folder.join(file),
            None => self.plan.folder.join(name::safe(tag)),
        }
    }

    /// Writes `lines` from `done` on; after an error `done` tells how far it came.
    fn write(&mut self, path: &Path, lines: &[u8], done: &mut usize) -> io::Result<()> {
        if !self.files.contains_key(path) {
            if self.files.len() >= OPEN_MAX {
                self.files.clear();
            }
            self.files.insert(path.to_owned(), open(path)?);
        }
        let file = self.files.get_mut(path).expect("it was just opened");
        append(file, lines, done)
    }
}

fn append(file: &mut impl Write, lines: &[u8], done: &mut usize) -> io::Result<()> {
    while *done < lines.len() {
        match file.write(&lines[*done..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => *done += written,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Opens for appending; links are not followed, so that nobody can turn the output elsewhere.
fn open(path: &Path) -> io::Result<File> {
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).custom_flags(nix::libc::O_NOFOLLOW).open(path)?;
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

#[cfg(test)]
mod tests;
