//! Looking after nginx: its log is reopened when asked, what it says is booked, its end is noticed.
//!
//! Which of its files a record is in follows from the head of the new one: a connection's lines come in order, so the
//! first line of a stream there is where its older file ends. Before it is there, the last line in the older file tells: what
//! was answered is no measure, for whoever asked may hear of it later than nginx logs it.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};

use results::{
    event::{FileId, Generation, GenerationEnd, What},
    identity::{RecordId, StreamId},
};

use super::{
    Nginx, PATIENCE_US,
    front::{NginxFrontPlan, Shared},
    held::{Held, family},
    said::{self, ErrorLog, Said},
};
use crate::{
    front::stamped,
    write::{
        WriteFault,
        control::{Command, Done, Reopen},
        file::identify,
        shown,
    },
};

/// From one look to the next, and while a new file is waited for.
const LOOK_US: u64 = 20_000;
const SWITCH_US: u64 = 500;
/// Bytes of a new file that are looked at for the first line of each stream, and of the older one for the last.
const LOOKED_AT: u64 = 256 << 10;
/// A line of the log is longer than that: every record has a hundred bytes and more.
const SHORTEST: usize = 100;
const DROPPED: &str = "nginx: send() to syslog failed";

/// The thread's side.
pub(super) struct Work {
    nginx: Nginx,
    plan: NginxFrontPlan,
    shared: Arc<Shared>,
    said: ErrorLog,
    /// The file that it writes, if it writes one.
    file: Option<FileId>,
    generations: u32,
    /// Each stream, and its first record that is in no file before the present one.
    heads: Vec<(StreamId, u64)>,
    reopens: Vec<Reopen>,
    /// The old file is still written by some of its processes.
    switching: Option<(Held, Done, u64)>,
    is_gone: bool,
}

impl Work {
    pub(super) fn new(nginx: Nginx, plan: NginxFrontPlan, shared: Arc<Shared>) -> Self {
        Self {
            said: ErrorLog::new(&nginx.errors),
            heads: plan.streams.iter().map(|stream| (*stream, 0)).collect(),
            nginx,
            plan,
            shared,
            file: None,
            generations: 0,
            reopens: Vec::new(),
            switching: None,
            is_gone: false,
        }
    }

    /// Looks after it until told to stop, then ends it; how many files it had.
    pub(super) fn run(mut self) -> u32 {
        if self.nginx.log.is_some() {
            match identify(&self.plan.paths.live) {
                Ok(file) => self.opened(file),
                Err(error) => self.fault(format!("look at the log of nginx: {error}; look at its error log")),
            }
        }
        while !self.shared.stop.load(Ordering::Acquire) {
            self.tend();
            let rest_us = if self.switching.is_some() { SWITCH_US } else { LOOK_US };
            self.shared.clock.park_until(self.shared.clock.now_us() + rest_us);
        }
        self.finish()
    }

    fn tend(&mut self) {
        for command in self.shared.desk.take() {
            match command {
                Command::Reopen(reopen) => self.reopens.push(reopen),
                Command::Close(done) => done.tell(Err("nginx closes its log only to open it anew".to_owned())),
                Command::Hold(done) | Command::Release(done) => {
                    done.tell(Err("nginx does not hold back what it logs".to_owned()));
                }
            }
        }
        let now_us = self.shared.clock.now_us();
        if self.switching.is_some() {
            self.look_at_switch(now_us);
        } else if let Some(at) = self.reopens.iter().position(|reopen| reopen.at_us <= now_us) {
            let reopen = self.reopens.remove(at);
            self.reopen(reopen, now_us);
        }
        self.listen();
        self.look_whether_it_lives();
    }

    fn reopen(&mut self, reopen: Reopen, now_us: u64) {
        let no = |why: &str| reopen.done.tell(Err(format!("reopen the log of nginx: {why}")));
        let Some(file) = self.file else { return no("it writes none, its lines go to syslog") };
        if reopen.path.as_ref().is_some_and(|path| *path != self.plan.paths.live) {
            return no("it opens no other path than its own");
        }
        let mut held = Held::note(&family(self.nginx.pid()), file);
        if self.is_gone || !held.look() {
            return no("none of its processes has it open");
        }
        match self.nginx.reopen() {
            Ok(()) => self.switching = Some((held, reopen.done, now_us + PATIENCE_US)),
            Err(error) => no(&error.to_string()),
        }
    }

    fn look_at_switch(&mut self, now_us: u64) {
        let Some((held, ..)) = &mut self.switching else { return };
        let is_held = held.look();
        let Some((held, done, until_us)) = self.switching.take() else { return };
        if is_held && now_us <= until_us {
            self.switching = Some((held, done, until_us));
            return;
        }
        let result = match identify(&self.plan.paths.live) {
            _ if is_held => Err("some of its processes still write the old file; look at its error log".to_owned()),
            _ if self.nginx.ended().is_some() => Err("it has ended".to_owned()),
            Ok(file) => Ok(file),
            Err(error) => Err(format!("{}: {error}", shown(&self.plan.paths.live, &self.plan.root))),
        };
        match result {
            Ok(file) => {
                if self.file != Some(file) {
                    self.find_heads();
                    self.closed();
                    self.opened(file);
                }
                done.tell(Ok(()));
            }
            Err(why) => {
                let why = format!("reopen the log of nginx: {why}");
                self.fault(why.clone());
                done.tell(Err(why));
            }
        }
    }

    /// Where the older file of each stream ends: before its first line in the new one, or, if there is none yet, behind its
    /// last one in the older; where that cannot be seen, before what will be answered next.
    fn find_heads(&mut self) {
        let (live, run) = (&self.plan.paths.live, self.plan.run);
        let of = |records: &[RecordId], stream| records.iter().find(|id| id.stream == stream).map(|id| id.seq);
        let firsts = firsts(live, run);
        let lasts = self.file.and_then(|file| beside(live, file)).map_or_else(Vec::new, |older| lasts(&older, run));
        let written = self.shared.ledger.streams();
        for (stream, head) in &mut self.heads {
            let seen = of(&firsts, *stream).or_else(|| of(&lasts, *stream).map(|last| last + 1));
            let answered = written.get(usize::from(stream.0)).map_or(0, |sample| sample.0);
            *head = seen.unwrap_or(answered).max(*head);
        }
    }

    fn opened(&mut self, file: FileId) {
        for &(stream, first_seq) in &self.heads {
            let path = shown(&self.plan.paths.live, &self.plan.root);
            let opened = Generation { stream, generation: self.generations, path, file, first_seq };
            (self.shared.observer)(What::GenerationOpened(opened));
        }
        self.generations += 1;
        self.file = Some(file);
    }

    fn closed(&mut self) {
        let Some(file) = self.file.take() else { return };
        let path = beside(&self.plan.paths.live, file);
        let bytes = path.and_then(|path| std::fs::metadata(path).ok()).map_or(0, |about| about.len());
        let generation = self.generations - 1;
        for &(stream, end_seq) in &self.heads {
            (self.shared.observer)(What::GenerationClosed(GenerationEnd { stream, generation, end_seq, bytes }));
        }
    }

    /// Books what its error log has said since the last time.
    fn listen(&mut self) {
        let (mut unnamed, mut troubles) = (0, Vec::new());
        let Self { said, shared, plan, .. } = self;
        let read = said.follow(plan.run, &mut |said| match said {
            Said::Dropped(Some(RecordId { stream, seq })) if plan.streams.contains(&stream) => {
                shared.ledger.source_lost(stream, seq..seq + 1, DROPPED);
            }
            Said::Dropped(_) => unnamed += 1,
            Said::Trouble(line) => troubles.push(line),
        });
        if unnamed > 0 {
            self.lost_by_number(unnamed, self.plan.streams.len() as u64, DROPPED);
        }
        if let Err(error) = read {
            troubles.push(format!("its error log cannot be read: {error}"));
        }
        for line in troubles {
            self.fault(format!("nginx says: {line}"));
        }
    }

    fn lost_by_number(&self, count: u64, slack: u64, why: &str) {
        let ledger = &self.shared.ledger;
        ledger.routes().ids().for_each(|route| ledger.source_lost_count(route, count, slack, why));
    }

    fn look_whether_it_lives(&mut self) {
        if self.is_gone {
            return;
        }
        if let Some(how) = self.nginx.ended() {
            self.gone(&format!("nginx ended by itself ({how})"));
        }
    }

    /// It is not there any more, and was not let end in peace: what it had answered may not be in its log.
    fn gone(&mut self, how: &str) {
        self.is_gone = true;
        self.nginx.kill();
        self.shared.pid.store(0, Ordering::Release);
        let buffered = self.plan.nginx.buffer.map_or(0, |buffer| buffer.bytes / SHORTEST);
        let why = format!("{how}: what it had answered and not logged");
        self.lost_by_number(0, (self.plan.streams.len() + buffered) as u64, &why);
        let last = said::last_line(&self.nginx.errors);
        let last = if last.is_empty() {
            "its error log is empty".to_owned()
        } else {
            format!("its error log ends with: {last}")
        };
        self.fault(format!("{how}; {last}"));
    }

    fn fault(&self, error: String) {
        let (stream, at_us) = (self.heads[0].0, self.shared.clock.now_us());
        self.shared.faults.push(WriteFault { stream, at_us, lost: 0, error });
    }

    fn finish(mut self) -> u32 {
        self.switching = None;
        self.look_whether_it_lives();
        if !self.is_gone && !self.nginx.quit() {
            self.gone("nginx did not end when it was asked to, and was killed");
        }
        self.shared.pid.store(0, Ordering::Release);
        self.listen();
        let answered = self.shared.ledger.streams();
        for (stream, head) in &mut self.heads {
            *head = answered.get(usize::from(stream.0)).map_or(0, |sample| sample.0).max(*head);
        }
        self.closed();
        self.generations
    }
}

/// The first record of each stream in the head of a file.
fn firsts(path: &Path, run: u32) -> Vec<RecordId> {
    let mut head = Vec::new();
    // What cannot be read tells nothing.
    let _ = File::open(path).and_then(|file| file.take(LOOKED_AT).read_to_end(&mut head));
    let mut firsts: Vec<RecordId> = Vec::new();
    for id in head.split(|byte| *byte == b'\n').filter_map(|line| stamped(line, run)) {
        if !firsts.iter().any(|first| first.stream == id.stream) {
            firsts.push(id);
        }
    }
    firsts
}

/// The last record of each stream in the tail of a file that nobody writes any more.
fn lasts(path: &Path, run: u32) -> Vec<RecordId> {
    let tail = || -> io::Result<Vec<u8>> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(file.metadata()?.len().saturating_sub(LOOKED_AT)))?;
        let mut tail = Vec::new();
        file.take(LOOKED_AT).read_to_end(&mut tail)?;
        Ok(tail)
    };
    let mut lasts: Vec<RecordId> = Vec::new();
    for id in tail().unwrap_or_default().split(|byte| *byte == b'\n').filter_map(|line| stamped(line, run)) {
        match lasts.iter_mut().find(|last| last.stream == id.stream) {
            Some(last) => last.seq = last.seq.max(id.seq),
            None => lasts.push(id),
        }
    }
    lasts
}

/// Where a file is that may have been given another name in its folder; `None` if it is not there any more.
fn beside(live: &Path, file: FileId) -> Option<PathBuf> {
    let entries = live.parent().and_then(|dir| std::fs::read_dir(dir).ok()).into_iter().flatten().flatten();
    let is_it = |path: &Path| identify(path).is_ok_and(|other| other == file);
    entries.map(|entry| entry.path()).find(|path| is_it(path))
}
