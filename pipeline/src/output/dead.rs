//! The dead-letter file: records that can never be accepted, one JSON object a line.
//!
//! ```text
//! {"time":1763704201.123,"output":"es.1","tag":"kube.a","id":"00…","reason":"…","date":1763704199.5,"record":{…}}
//!  └ when it was given up                                              └ the record's own time
//! ```
//! A line is written by one call, so that two outputs may share a file.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    ops::Range,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
};

use thiserror::Error;

use super::escape::Escaper;
use crate::{event::json, parse::Batch, service::clock::Clock};

/// Why records could not be kept.
#[derive(Debug, Error)]
#[error("write the dead-letter file {path}: {error}; make room or correct Dead_Letter")]
pub struct DeadLetterError {
    path: PathBuf,
    error: std::io::Error,
}

/// A file of records that were given up.
#[derive(Debug)]
pub(super) struct DeadLetters {
    path: PathBuf,
    file: Mutex<File>,
    clock: Clock,
}

impl DeadLetters {
    /// Opens or creates the file; a link in its place is refused.
    pub(crate) fn open(path: &Path, clock: Clock) -> Result<Self, DeadLetterError> {
        let mut options = OpenOptions::new();
        options.append(true).create(true).mode(0o600).custom_flags(nix::libc::O_NOFOLLOW);
        let file = options.open(path).map_err(|error| DeadLetterError { path: path.to_owned(), error })?;
        Ok(Self { path: path.to_owned(), file: Mutex::new(file), clock })
    }

    pub(super) fn bury(
        &self,
        output: &str,
        batch: &Batch,
        range: Range<usize>,
        reason: &str,
    ) -> Result<(), DeadLetterError> {
        let mut lines = Vec::new();
        let mut escaper = Escaper::default();
        let now_ms = self.clock.unix_ns() / 1_000_000;
        for index in range {
            let event = batch.event(index);
            let mut text = |key: &str, value: &str, out: &mut Vec<u8>| {
                out.extend_from_slice(key.as_bytes());
                escaper.escape(value.as_bytes(), out);
                out.push(b'"');
            };
            lines.extend_from_slice(format!("{{\"time\":{}.{:03},", now_ms / 1_000, now_ms % 1_000).as_bytes());
            text("\"output\":\"", output, &mut lines);
            text(",\"tag\":\"", &batch.tag, &mut lines);
            text(",\"id\":\"", &format!("{:032x}", batch.id(index)), &mut lines);
            text(",\"reason\":\"", reason, &mut lines);
            let date = format!(",\"date\":{}.{:09},\"record\":", event.time.seconds, event.time.nanos);
            lines.extend_from_slice(date.as_bytes());
            json::write_object(&event.fields, &mut escaper, &mut lines);
            lines.extend_from_slice(b"}\n");
        }
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&lines).map_err(|error| DeadLetterError { path: self.path.clone(), error })
    }
}
