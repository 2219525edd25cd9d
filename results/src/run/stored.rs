//! Reading a run back: its manifest, its events, its books; and judging it again.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::{BOOKS, EVENTS, MANIFEST, Manifest, RunError, RunState, SCHEMA};
use crate::{
    books::{Books, BooksFileError},
    contract::Contract,
    event::{Event, What},
    judge::{Trial, judge, rates},
    outcome::{Latency, Outcome},
};

/// Longest line of `events.jsonl`, bytes.
pub(super) const MAX_LINE: u64 = 8 << 20;
/// Largest `run.json`, bytes.
const MAX_MANIFEST: u64 = 64 << 20;

/// A run as it lies on disk.
#[derive(Debug)]
pub struct StoredRun {
    /// Its folder.
    pub path: PathBuf,
    /// Its manifest.
    pub manifest: Manifest,
    /// Its events, in order.
    pub events: Vec<Event>,
    /// Number of the last line if a kill left it torn; it is not among the events.
    pub torn_line: Option<u64>,
}

impl StoredRun {
    /// Reads the manifest and the events of a run.
    pub fn open(path: &Path) -> Result<Self, RunError> {
        let manifest = manifest(path)?;
        let (events, torn_line) = events(&path.join(EVENTS))?;
        Ok(Self { path: path.to_owned(), manifest, events, torn_line })
    }

    /// Reads its books.
    pub fn books(&self) -> Result<Books, RunError> {
        Ok(Books::load(&self.path.join(BOOKS))?)
    }

    fn stream_names(&self) -> Vec<String> {
        let begun = self.events.iter().find_map(|event| match &event.what {
            What::Begun(names) => Some(names.clone()),
            _ => None,
        });
        begun.unwrap_or_default()
    }

    /// What the agent was held to.
    pub fn contract(&self) -> Result<Contract, RunError> {
        let path = self.path.join(MANIFEST);
        self.manifest.contract().map_err(|source| RunError::Invalid { path, source })
    }

    /// What was concluded; a run that was never judged is judged now, as broken off.
    pub fn outcome(&self) -> Result<Outcome, RunError> {
        self.manifest.outcome.clone().map_or_else(|| self.judge_again(), Ok)
    }

    /// Judges it from its books and events as if for the first time. Latency and resources are those measured then.
    pub fn judge_again(&self) -> Result<Outcome, RunError> {
        let contract = self.contract()?;
        let manifest = &self.manifest;
        let before = manifest.outcome.as_ref();
        let mut unknown_because = before.map(|outcome| outcome.unknown_because.clone()).unwrap_or_default();
        let books = match self.books() {
            // A bench that was killed at its very beginning had not opened its books yet.
            Err(error) if manifest.state == RunState::Running && never_begun(&error) => {
                unknown_because.push("the bench was killed before it had opened its books".to_owned());
                Books::new(0, self.stream_names())
            }
            books => books?,
        };
        if let Some(line) = self.torn_line {
            unknown_because.push(format!("line {line} of {EVENTS} is torn: the bench was killed while writing it"));
        }
        Ok(judge(&Trial {
            scenario: manifest.scenario.clone(),
            agent: manifest.agent.clone(),
            defect: manifest.defect.clone(),
            seed: manifest.seed,
            contract,
            broken_off: manifest.state != RunState::Complete || !books.complete(),
            books: &books,
            events: &self.events,
            route_latency: before.map(routes).unwrap_or_default(),
            latency: before.map(|outcome| outcome.latency_ms).unwrap_or_default(),
            rates: before.map_or_else(|| rates(&self.events, &books), |outcome| outcome.rates),
            resources: before.map(|outcome| outcome.resources).unwrap_or_default(),
            unknown_because,
            repeat: manifest.repeat.clone(),
            run: self.path.display().to_string(),
        }))
    }
}

fn routes(before: &Outcome) -> Vec<Latency> {
    before.routes.iter().map(|route| route.latency_ms).collect()
}

fn never_begun(error: &RunError) -> bool {
    match error {
        RunError::Books(BooksFileError::Read { source, .. }) => source.kind() == ErrorKind::NotFound,
        RunError::Books(BooksFileError::Cut { .. }) => true,
        _ => false,
    }
}

/// The runs in a folder that say they are still under way: their bench lives, or was killed.
pub fn unfinished(out_dir: &Path) -> Result<Vec<(PathBuf, Manifest)>, RunError> {
    // A folder without a readable manifest is none of ours to clean up.
    let (mut runs, _) = manifests(out_dir)?;
    runs.retain(|(_, manifest)| manifest.state == RunState::Running);
    Ok(runs)
}

/// The manifests of all runs in a folder in the order of their names, which begin with the time; and how many entries
/// hold none that can be read.
pub fn manifests(out_dir: &Path) -> Result<(Vec<(PathBuf, Manifest)>, usize), RunError> {
    let failed = |source| RunError::Read { path: out_dir.to_owned(), source };
    let entries = match fs::read_dir(out_dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok((Vec::new(), 0)),
        Err(error) => return Err(failed(error)),
    };
    let (mut runs, mut unread) = (Vec::new(), 0);
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        match manifest(&path) {
            Ok(manifest) => runs.push((path, manifest)),
            Err(_) => unread += 1,
        }
    }
    runs.sort_by(|left, right| left.0.cmp(&right.0));
    Ok((runs, unread))
}

fn manifest(folder: &Path) -> Result<Manifest, RunError> {
    let path = folder.join(MANIFEST);
    let mut text = String::new();
    let file = File::open(&path).map_err(|source| match source.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => RunError::NoRun { path: folder.to_owned() },
        _ => RunError::Read { path: path.clone(), source },
    })?;
    let read = file.take(MAX_MANIFEST).read_to_string(&mut text);
    read.map_err(|source| RunError::Read { path: path.clone(), source })?;
    if text.trim().is_empty() {
        return Err(RunError::Empty { path });
    }
    let invalid = |source| RunError::Invalid { path: path.clone(), source };
    let document: serde_json::Value = serde_json::from_str(&text).map_err(invalid)?;
    let version = document.get("schema").and_then(serde_json::Value::as_u64).unwrap_or(0);
    if version > u64::from(SCHEMA) {
        return Err(RunError::Newer { path, version });
    }
    serde_json::from_str(&text).map_err(invalid)
}

/// All whole lines, and the number of a torn last one.
fn events(path: &Path) -> Result<(Vec<Event>, Option<u64>), RunError> {
    let failed = |source| RunError::Read { path: path.to_owned(), source };
    let mut input = BufReader::new(File::open(path).map_err(failed)?);
    let mut events = Vec::new();
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let got = input.by_ref().take(MAX_LINE).read_until(b'\n', &mut line).map_err(failed)?;
        if got == 0 {
            break;
        }
        if line.last() != Some(&b'\n') {
            if got as u64 == MAX_LINE {
                return Err(RunError::LongLine { path: path.to_owned(), line: number, most: MAX_LINE });
            }
            return Ok((events, Some(number)));
        }
        let event = serde_json::from_slice(&line);
        events.push(event.map_err(|source| RunError::Event { path: path.to_owned(), line: number, source })?);
    }
    Ok((events, None))
}

impl From<BooksFileError> for RunError {
    fn from(error: BooksFileError) -> Self {
        Self::Books(error)
    }
}
