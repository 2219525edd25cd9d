//! A run on disk: `run.json`, `events.jsonl`, `books.bin`, beside what the agent said.
//!
//! Readable after a kill at any moment: the manifest is replaced whole, events are appended a line a write, and the
//! books are readable up to their last whole frame.

mod follow;
mod manifest;
mod stored;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Write},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

pub use follow::Follow;
pub use manifest::{ChildProcess, Manifest, RunState, SCHEMA};
pub use stored::{StoredRun, manifests, unfinished};
use thiserror::Error;

use crate::{books::BooksFileError, event::Event, outcome::Outcome};

const MANIFEST: &str = "run.json";
const EVENTS: &str = "events.jsonl";
const BOOKS: &str = "books.bin";
/// Runs of the same second, scenario and agent that get names of their own.
const MAX_TWINS: u32 = 1000;

/// Why a run cannot be kept or read.
#[derive(Debug, Error)]
pub enum RunError {
    /// A file or folder could not be created or written.
    #[error("write {path}: {source}; free some space, or choose another folder with --out")]
    Write {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A file could not be read.
    #[error("read {path}: {source}; name the folder of a run")]
    Read {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder holds no run.
    #[error("read {path}: it holds no run.json; name the folder of a run, such as results/runs/…")]
    NoRun {
        /// The folder.
        path: PathBuf,
    },
    /// The manifest is empty.
    #[error("read {path}: the file is empty, the run was cut off before it began; repeat it")]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The manifest is none.
    #[error("read {path}: {source}; the file was changed or cut, repeat the run")]
    Invalid {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A newer tailproof wrote it.
    #[error("read {path}: a run of version {version}, this program knows up to {SCHEMA}; use a newer tailproof")]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        version: u64,
    },
    /// A line is no event.
    #[error("read {path}, line {line}: {source}; the file was changed, repeat the run")]
    Event {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// Where and why.
        source: serde_json::Error,
    },
    /// A line is longer than any event.
    #[error("read {path}, line {line}: longer than {most} bytes; the file was changed, repeat the run")]
    LongLine {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: u64,
        /// The bound, bytes.
        most: u64,
    },
    /// The books could not be read.
    #[error(transparent)]
    Books(BooksFileError),
}

/// The folder of a run that is under way. May be used from any thread.
#[derive(Debug)]
pub struct RunFolder {
    path: PathBuf,
    events: Mutex<File>,
    manifest: Mutex<Manifest>,
}

impl RunFolder {
    /// Creates `<out_dir>/<utc_stamp>-<scenario>-<agent>` with its manifest (in state running) and an empty timeline.
    /// Where the name is taken, a number is added.
    pub fn create(
        out_dir: &Path,
        utc_stamp: &str,
        scenario: &str,
        agent: &str,
        manifest: &Manifest,
    ) -> Result<Self, RunError> {
        fs::create_dir_all(out_dir).map_err(|source| RunError::Write { path: out_dir.to_owned(), source })?;
        let name = format!("{}-{}-{}", plain(utc_stamp), plain(scenario), plain(agent));
        let path = claim(out_dir, &name)?;
        let events = path.join(EVENTS);
        let file = OpenOptions::new().create_new(true).append(true).open(&events);
        let file = file.map_err(|source| RunError::Write { path: events, source })?;
        let manifest = Manifest {
            schema: SCHEMA,
            started: utc_stamp.to_owned(),
            state: RunState::Running,
            outcome: None,
            ..manifest.clone()
        };
        let folder = Self { path, events: Mutex::new(file), manifest: Mutex::new(manifest) };
        folder.change(|_| ())?;
        Ok(folder)
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Where the books go.
    pub fn books_path(&self) -> PathBuf {
        self.path.join(BOOKS)
    }

    /// Appends an event to the timeline, in one write.
    ///
    /// # Panics
    /// Never: events can always be written as JSON.
    pub fn append(&self, event: &Event) -> Result<(), RunError> {
        self.append_all(std::slice::from_ref(event))
    }

    /// Appends events to the timeline, in one write.
    ///
    /// # Panics
    /// Never: events can always be written as JSON.
    pub fn append_all(&self, events: &[Event]) -> Result<(), RunError> {
        let mut lines = Vec::new();
        for event in events {
            serde_json::to_writer(&mut lines, event).expect("events have string keys, and writing to memory succeeds");
            lines.push(b'\n');
        }
        let written = lock(&self.events).write_all(&lines);
        written.map_err(|source| RunError::Write { path: self.path.join(EVENTS), source })
    }

    /// Notes a process that a cleanup may have to end.
    pub fn child(&self, child: ChildProcess) -> Result<(), RunError> {
        self.change(|manifest| manifest.children.push(child))
    }

    /// Changes the manifest (children started, facts learned) and replaces the file.
    ///
    /// # Panics
    /// Never: manifests can always be written as JSON.
    pub fn change(&self, change: impl FnOnce(&mut Manifest)) -> Result<(), RunError> {
        let mut manifest = lock(&self.manifest);
        change(&mut manifest);
        store(&self.path, &manifest)
    }

    /// Puts the outcome into the manifest: the run is complete, or broken off if the outcome says so.
    pub fn finish(&self, outcome: &Outcome) -> Result<(), RunError> {
        self.change(|manifest| {
            manifest.state = if outcome.broken_off { RunState::BrokenOff } else { RunState::Complete };
            manifest.children.clear();
            manifest.outcome = Some(outcome.clone());
        })
    }
}

/// Closes a run whose bench was killed: judged from what it left, as broken off.
pub fn close_broken_off(path: &Path) -> Result<Outcome, RunError> {
    let run = StoredRun::open(path)?;
    let outcome = run.judge_again()?;
    let manifest =
        Manifest { state: RunState::BrokenOff, children: Vec::new(), outcome: Some(outcome.clone()), ..run.manifest };
    store(path, &manifest)?;
    Ok(outcome)
}

/// Replaces the manifest in one step, so that a kill at any moment leaves the old one or the new one.
fn store(folder: &Path, manifest: &Manifest) -> Result<(), RunError> {
    let path = folder.join(MANIFEST);
    let beside = folder.join("run.json.tmp");
    let text = serde_json::to_vec_pretty(manifest).expect("manifests have string keys only");
    let store = || -> io::Result<()> {
        let mut file = File::create(&beside)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&beside, &path)
    };
    store().map_err(|source| RunError::Write { path: path.clone(), source })
}

/// Creates the folder under the first name that is free.
fn claim(out_dir: &Path, name: &str) -> Result<PathBuf, RunError> {
    for twin in 1..MAX_TWINS {
        let path = out_dir.join(if twin == 1 { name.to_owned() } else { format!("{name}-{twin}") });
        match fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            Err(source) => return Err(RunError::Write { path, source }),
        }
    }
    Err(RunError::Write { path: out_dir.join(name), source: ErrorKind::AlreadyExists.into() })
}

/// A name that is one harmless path component.
fn plain(name: &str) -> String {
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).take(80).collect();
    name.trim_start_matches('.').to_owned()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
