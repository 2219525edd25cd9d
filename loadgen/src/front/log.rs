//! The access log: lines wait in one buffer, and whoever writes it out books what is in the file from then on.
//!
//! ```text
//! line ▸ buffer ─┬─ unbuffered: at once ─────────────┐
//!                ├─ full, flushed, reopened, ended ──┼▸ write(2) ▸ written
//!                └─ held, closed, file full: waits ──┘   (reopen and end write to the old file first)
//! ```

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use results::{
    event::{Generation, GenerationEnd, What},
    identity::RecordId,
    ledger::Labels,
};

use super::{Ended, FrontPlan, Outlet, Shared, progress::Progress, syslog::Syslog};
use crate::write::{
    WriteError, WriteFault,
    control::{Command, Reopen, lock},
    file::LogFile,
    shown,
};

/// Lines that wait for a file, bytes; what is more is lost at the source.
const MAX_HELD: usize = 64 << 20;

/// A line that waits.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    /// Whose it is, if it is a record of the run.
    id: Option<RecordId>,
    /// Where it ends in the buffer.
    end: usize,
}

pub(super) struct Log {
    pub(super) plan: FrontPlan,
    pub(super) shared: Arc<Shared>,
    progress: Progress,
    file: Option<LogFile>,
    syslog: Option<Syslog>,
    generations: u32,
    bytes: u64,
    buffer: Vec<u8>,
    waiting: Vec<Waiting>,
    /// When the first waiting line is to be written at the latest.
    flush_at_us: u64,
    held: bool,
    full: bool,
    reopens: Vec<Reopen>,
}

impl Log {
    /// Creates folders, the first file and its links.
    pub(super) fn open(plan: FrontPlan, shared: Arc<Shared>) -> Result<Self, WriteError> {
        let mut log = Self {
            progress: Progress::new(&plan.streams),
            syslog: match &plan.outlet {
                Outlet::Syslog(path) => Some(Syslog::new(path)),
                Outlet::File => None,
            },
            file: None,
            generations: 0,
            bytes: 0,
            buffer: Vec::new(),
            waiting: Vec::new(),
            flush_at_us: u64::MAX,
            held: false,
            full: false,
            reopens: Vec::new(),
            plan,
            shared,
        };
        if log.syslog.is_none() {
            log.plan.paths.create_dirs()?;
            let path = log.plan.paths.live.clone();
            let file = LogFile::open(&path).map_err(|source| WriteError::Open { path, source })?;
            log.install(file);
            log.plan.paths.create_links()?;
        }
        Ok(log)
    }

    /// Whether a stream's records are logged here.
    pub(super) fn knows(&self, id: RecordId) -> bool {
        self.progress.knows(id.stream)
    }

    /// One line, without its line feed; `second` is the present as RFC 3164 writes it.
    pub(super) fn line(&mut self, line: &[u8], id: Option<RecordId>, second: &str) {
        let now_us = self.shared.clock.now_us();
        if let Some(syslog) = &mut self.syslog {
            match syslog.send(second, line) {
                Ok(()) => self.logged(id, line.len() as u64),
                Err(error) => self.lost(id, now_us, &format!("send to syslog: {error}")),
            }
            return;
        }
        let framed = self.plan.framing.frame(line, &self.shared.clock.wall_text(now_us), *b"stdout").bytes;
        if let Some(buffer) = self.plan.buffer
            && self.buffer.len() + framed.len() > buffer.bytes
        {
            self.flush(now_us);
        }
        if self.buffer.len() + framed.len() > MAX_HELD {
            return self.lost(id, now_us, "the log was not writable for too long");
        }
        self.buffer.extend_from_slice(&framed);
        self.waiting.push(Waiting { id, end: self.buffer.len() });
        match self.plan.buffer {
            None => self.flush(now_us),
            Some(buffer) if self.waiting.len() == 1 => {
                self.flush_at_us = now_us + buffer.flush.as_micros() as u64;
                self.shared.bell.notify_one();
            }
            Some(_) => {}
        }
    }

    /// Does what was asked for and is due; when to look again at the latest.
    pub(super) fn tend(&mut self) -> u64 {
        for command in self.shared.desk.take() {
            match command {
                Command::Reopen(reopen) => self.reopens.push(reopen),
                Command::Close(done) => {
                    self.flush(self.shared.clock.now_us());
                    self.leave();
                    done.tell(Ok(()));
                }
                Command::Hold(done) => {
                    self.held = true;
                    done.tell(Ok(()));
                }
                Command::Release(done) => {
                    self.held = false;
                    self.flush(self.shared.clock.now_us());
                    done.tell(Ok(()));
                }
            }
        }
        let now_us = self.shared.clock.now_us();
        while let Some(at) = self.reopens.iter().position(|reopen| reopen.at_us <= now_us) {
            let reopen = self.reopens.remove(at);
            self.reopen(reopen, now_us);
        }
        if now_us >= self.flush_at_us {
            self.flush(now_us);
        }
        self.reopens.iter().map(|reopen| reopen.at_us).fold(self.flush_at_us, u64::min)
    }

    fn reopen(&mut self, reopen: Reopen, now_us: u64) {
        let path = reopen.path.unwrap_or_else(|| self.plan.paths.live.clone());
        match LogFile::open(&path) {
            Ok(file) => {
                if !self.held && !self.full {
                    self.flush(now_us);
                }
                self.leave();
                self.install(file);
                self.plan.paths.live = path;
                if let Some(path) = reopen.label {
                    for (id, next) in self.progress.heads() {
                        self.shared.ledger.route(id, next, Labels { path: path.clone() });
                    }
                }
                self.flush(now_us);
                reopen.done.tell(Ok(()));
            }
            Err(error) => {
                let error = format!(
                    "open {} for appending: {error}; the front end stays with its old file",
                    shown(&path, &self.plan.root)
                );
                self.fault(now_us, 0, error.clone());
                reopen.done.tell(Err(error));
            }
        }
    }

    fn install(&mut self, file: LogFile) {
        *lock(&self.shared.desk.file) = Some(Arc::clone(&file.file));
        for (stream, first_seq) in self.progress.heads() {
            (self.shared.observer)(What::GenerationOpened(Generation {
                stream,
                generation: self.generations,
                path: shown(&file.path, &self.plan.root),
                file: file.id,
                first_seq,
            }));
        }
        self.generations += 1;
        self.full = false;
        self.file = Some(file);
    }

    fn leave(&mut self) {
        let Some(file) = self.file.take() else { return };
        self.bytes += file.appended;
        *lock(&self.shared.desk.file) = None;
        let (generation, bytes) = (self.generations - 1, file.size);
        drop(file);
        for (stream, end_seq) in self.progress.heads() {
            (self.shared.observer)(What::GenerationClosed(GenerationEnd { stream, generation, end_seq, bytes }));
        }
    }

    /// Writes what waits, unless it has to wait on.
    fn flush(&mut self, now_us: u64) {
        self.flush_at_us = u64::MAX;
        if self.waiting.is_empty() || self.held || self.full {
            return;
        }
        let Some(file) = &mut self.file else { return };
        if self.plan.max_size.is_some_and(|limit| file.size >= limit) {
            self.full = true;
            if let Some(lead) = self.progress.lead() {
                (self.shared.on_full)(lead);
            }
            return;
        }
        // A line that a full disk tore is ended first.
        let result = file.mend().and_then(|()| file.append(&self.buffer));
        let (written, error) = match result {
            Ok(()) => (self.buffer.len(), None),
            Err(short) => (short.written, Some(short.error)),
        };
        let waiting = std::mem::take(&mut self.waiting);
        let mut from = 0;
        for line in &waiting {
            let bytes = (line.end - from) as u64;
            match &error {
                Some(error) if line.end > written => {
                    if let Some(id) = line.id.filter(|_| from < written) {
                        self.shared.ledger.torn(id.stream, id.seq, (written - from) as u64);
                    }
                    self.lost(line.id, now_us, &format!("write failed: {error}"));
                }
                _ => self.logged(line.id, bytes),
            }
            from = line.end;
        }
        self.waiting = waiting;
        self.waiting.clear();
        self.buffer.clear();
    }

    fn logged(&mut self, id: Option<RecordId>, bytes: u64) {
        if let Some(id) = id {
            let upto = self.progress.logged(id);
            self.shared.ledger.written(id.stream, upto, bytes);
        }
    }

    /// Books a line that could not be logged; its request was answered all the same, as nginx does.
    fn lost(&mut self, id: Option<RecordId>, now_us: u64, why: &str) {
        let Some(id) = id else { return };
        self.shared.ledger.source_lost(id.stream, id.seq..id.seq + 1, why);
        // It is settled: nobody else is to look for it.
        let upto = self.progress.logged(id);
        self.shared.ledger.written(id.stream, upto, 0);
        // A full socket is what nginx reckons with; it says so in the books only.
        if self.syslog.is_none() {
            let path = self.file.as_ref().map_or_else(String::new, |file| shown(&file.path, &self.plan.root));
            self.fault(now_us, 1, format!("append to {path}: {why}; make room or look at the disk"));
        }
    }

    fn fault(&self, at_us: u64, lost: u64, error: String) {
        if let Some(stream) = self.progress.lead() {
            self.shared.faults.push(WriteFault { stream, at_us, lost, error });
        }
    }

    /// Writes what waits and closes the file for good.
    pub(super) fn finish(mut self) -> Ended {
        let now_us = self.shared.clock.now_us();
        self.held = false;
        self.flush(now_us);
        if let Some(file) = &mut self.file
            && let Err(short) = file.mend()
        {
            let error = io::Error::from(short.error.kind());
            self.fault(now_us, 0, format!("end a torn line: {error}"));
        }
        for line in std::mem::take(&mut self.waiting) {
            self.lost(line.id, now_us, "the run ended before the log was writable again");
        }
        self.leave();
        Ended { progress: self.progress, bytes: self.bytes, generations: self.generations }
    }

    /// True once the front end is told to stop.
    pub(super) fn is_over(&self) -> bool {
        self.shared.stop.load(Ordering::Acquire)
    }
}
