//! What the bench knows of the files of each stream: who held which inode number when, and what was done to them.

use std::collections::BTreeMap;

use super::life::{Ending, Life, Trouble, Unlinked};
use crate::{
    event::{AgentEvent, Event, Fault, FaultState, Generation, RotationStep, SourceInfo, StepKind, StreamSample, What},
    identity::StreamId,
    proofs::hits_sink,
};

/// The fault in which the sink takes one half of a request and refuses the other.
const HALVED: &str = "partial";

/// The run, arranged for questions.
#[derive(Debug, Default)]
pub(super) struct History {
    pub(super) lives: Vec<Life>,
    /// Per stream: indexes of its files, in order.
    pub(super) of: BTreeMap<u16, Vec<usize>>,
    pub(super) endings: Vec<Ending>,
    /// When which process was started.
    pub(super) started: Vec<(u64, String)>,
    /// Where records enter and what stands on their ways, if the scenario tells.
    pub(super) sources: Vec<SourceInfo>,
    /// When a rename was rolled back: (stream, time, path).
    pub(super) rolled_back: Vec<(u16, u64, String)>,
    troubles: Vec<Trouble>,
    samples: Vec<(u64, Vec<StreamSample>)>,
}

impl History {
    /// Arranges the events; `written` says how many records a stream has.
    pub(super) fn new(events: &[Event], written: &[u64]) -> Self {
        let mut history = Self::default();
        for event in events {
            history.fold(event, written);
        }
        history
    }

    fn fold(&mut self, event: &Event, written: &[u64]) {
        let t_us = event.t_us;
        match &event.what {
            What::Topology(topology) => self.sources.clone_from(&topology.sources),
            What::Streams(samples) => self.samples.push((t_us, samples.clone())),
            What::Fault(fault) if hits_sink(&fault.name) => self.trouble(t_us, fault),
            What::GenerationOpened(opened) => self.opened(t_us, opened, written),
            What::GenerationClosed(end) => {
                let same = |life: &&mut Life| life.stream == end.stream.0 && life.generation == end.generation;
                if let Some(life) = self.lives.iter_mut().rev().find(same) {
                    life.end_seq = end.end_seq;
                    life.closed_us = Some(t_us);
                }
            }
            What::RotationStep(step) if step.error.is_none() => self.step(t_us, step),
            What::Agent(AgentEvent::Started { process, .. }) => {
                self.started.push((t_us, process.clone()));
                if let Some(ending) = self.endings.iter_mut().rev().find(|ending| ending.process == *process) {
                    ending.restarted_us.get_or_insert(t_us);
                }
            }
            What::Agent(AgentEvent::Ended { how, process, .. }) => {
                let (how, process) = (how.clone(), process.clone());
                self.endings.push(Ending { t_us, process, how, restarted_us: None });
            }
            _ => {}
        }
    }

    fn opened(&mut self, t_us: u64, opened: &Generation, written: &[u64]) {
        let (stream, file) = (opened.stream.0, opened.file);
        let number = |life: &Life| (life.file.device, life.file.inode);
        let another = |before: &Life| before.unlinked.is_some() || before.file.born_ns != file.born_ns;
        // Streams whose records are in one file share it: none of them holds the number after another.
        let shares = |life: &Life| {
            life.stream != stream
                && life.generation == opened.generation
                && life.file == file
                && life.path == opened.path
        };
        let number_of = self.lives.iter().rposition(|life| number(life) == (file.device, file.inode) && !shares(life));
        let number_of = number_of.filter(|&at| another(&self.lives[at])).map(|at| {
            let own = |life: &Life| life.stream == stream && life.file == self.lives[at].file;
            self.lives.iter().rposition(own).unwrap_or(at)
        });
        self.of.entry(stream).or_default().push(self.lives.len());
        self.lives.push(Life {
            stream,
            generation: opened.generation,
            path: opened.path.clone(),
            file,
            first_seq: opened.first_seq,
            end_seq: written.get(usize::from(stream)).copied().unwrap_or(0).max(opened.first_seq),
            opened_us: t_us,
            closed_us: None,
            renamed: None,
            unlinked: None,
            archived: None,
            number_of,
        });
    }

    fn trouble(&mut self, t_us: u64, fault: &Fault) {
        match fault.state {
            FaultState::Applied => {
                let (name, on, detail) = (fault.name.clone(), fault.on.clone(), fault.detail.clone());
                self.troubles.push(Trouble { id: fault.id, name, on, detail, from_us: t_us, until_us: None });
            }
            FaultState::Healed | FaultState::NoEffect => {
                if let Some(open) = self.troubles.iter_mut().rev().find(|trouble| trouble.id == fault.id) {
                    open.until_us.get_or_insert(t_us);
                    open.detail.clone_from(&fault.detail);
                }
            }
        }
    }

    fn step(&mut self, t_us: u64, step: &RotationStep) {
        let to = step.to.clone().unwrap_or_default();
        // An archive is written beside its name and then renamed to it: the name is what people look for.
        if step.step == StepKind::Rename {
            let archives = self.lives.iter_mut().filter_map(|life| life.archived.as_mut());
            let named = archives.filter(|at| at.1 == step.path).map(|archive| archive.1.clone_from(&to)).count();
            if named > 0 {
                return;
            }
        }
        let Some(last) = step.file.and_then(|file| self.lives.iter().rfind(|life| life.is(file))) else { return };
        let (generation, path, file) = (last.generation, last.path.clone(), last.file);
        let shares = |life: &&mut Life| life.generation == generation && life.file == file && life.path == path;
        for life in self.lives.iter_mut().filter(shares) {
            Self::stepped(life, t_us, step, &to, &mut self.rolled_back);
        }
    }

    fn stepped(life: &mut Life, t_us: u64, step: &RotationStep, to: &str, rolled_back: &mut Vec<(u16, u64, String)>) {
        match step.step {
            StepKind::Rename if life.path == to && life.renamed.is_some() => {
                // It goes on under its old name: the next rename is the one that counts.
                life.renamed = None;
                rolled_back.push((life.stream, t_us, to.to_owned()));
            }
            StepKind::Rename => life.renamed = life.renamed.take().or(Some((t_us, to.to_owned()))),
            StepKind::Unlink => life.unlinked = Some(Unlinked { t_us, held: step.held, path: step.path.clone() }),
            StepKind::Archive => life.archived = Some((t_us, to.to_owned())),
            StepKind::Close | StepKind::Reopen | StepKind::Symlink | StepKind::Steer => {}
        }
    }

    /// The files of a stream, in order, with their indexes.
    pub(super) fn files(&self, stream: StreamId) -> impl Iterator<Item = (usize, &Life)> {
        self.of.get(&stream.0).into_iter().flatten().map(|&at| (at, &self.lives[at]))
    }

    /// The file that holds a record.
    pub(super) fn holder(&self, stream: StreamId, seq: u64) -> Option<(usize, &Life)> {
        self.files(stream).filter(|(_, life)| life.first_seq <= seq && seq < life.end_seq).last()
    }

    /// Milliseconds from the rename of the file before until this one was there.
    pub(super) fn gap_ms(&self, at: usize) -> Option<u64> {
        let life = &self.lives[at];
        let before = self.files(StreamId(life.stream)).take_while(|(index, _)| *index < at).last()?.1;
        let renamed_us = before.renamed.as_ref()?.0;
        Some(life.opened_us.saturating_sub(renamed_us) / 1000)
    }

    /// The faults of sinks and of what leads to them.
    pub(super) fn troubles(&self) -> impl Iterator<Item = &Trouble> {
        self.troubles.iter()
    }

    /// The one of those that `concern` somebody that was in force for most of a stretch of time.
    pub(super) fn trouble_within(
        &self,
        from_us: u64,
        to_us: u64,
        concerns: impl Fn(&Trouble) -> bool,
    ) -> Option<&Trouble> {
        let hit = self.troubles.iter().filter(|trouble| concerns(trouble) && trouble.within(from_us, to_us) > 0);
        hit.max_by_key(|trouble| trouble.within(from_us, to_us))
    }

    /// The stretch around a moment in which the sink of a route refused half of what each request brought.
    pub(super) fn halved_around(&self, route: &str, from_us: u64, to_us: u64) -> Option<&Trouble> {
        let halves = |trouble: &&Trouble| trouble.name == HALVED && (trouble.on.is_empty() || trouble.on == route);
        self.troubles.iter().filter(halves).find(|trouble| trouble.within(from_us, to_us) > 0)
    }

    /// How many records of an entry of the books were delivered at a moment, and how many written, by the last look before it.
    pub(super) fn sample_at(&self, entry: StreamId, t_us: u64) -> Option<StreamSample> {
        let before = self.samples.partition_point(|(at, _)| *at <= t_us).checked_sub(1)?;
        self.samples[before].1.get(usize::from(entry.0)).copied()
    }

    /// When so many records of an entry had been delivered, by the first look that saw it.
    pub(super) fn delivered_us(&self, entry: StreamId, count: u64) -> Option<u64> {
        let enough = |sample: &&(u64, Vec<StreamSample>)| {
            sample.1.get(usize::from(entry.0)).is_some_and(|StreamSample(_, delivered)| *delivered >= count)
        };
        self.samples.iter().find(enough).map(|(t_us, _)| *t_us)
    }

    /// The start of the lifetime that holds a moment, of a process that `is_it`.
    pub(super) fn lifetime_from(&self, t_us: u64, is_it: impl Fn(&str) -> bool) -> u64 {
        let before = self.started.iter().take_while(|(start, _)| *start <= t_us);
        before.filter(|(_, process)| is_it(process)).last().map_or(0, |(start, _)| *start)
    }
}
