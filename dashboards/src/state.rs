//! What any screen needs of a run: a fold over its events, in bounded memory however long the run is.

use std::collections::{BTreeMap, VecDeque};

use results::{
    event::{
        AgentEvent, Event, Fault, FaultState, FileId, Phase, RotationStep, Sample, Stall, StepKind, StreamSample,
        Topology, What,
    },
    identity::StreamId,
    outcome::Outcome,
};

/// Rates are measured over this stretch, microseconds.
const RATE_OVER_US: u64 = 1_000_000;
/// Samples kept for that, however fast they come.
const MOST_SAMPLES: usize = 64;
/// Recent happenings kept.
const MOST_RECENT: usize = 64;
/// Faults in force, warnings kept.
const MOST_NAMED: usize = 256;
/// Inode numbers remembered to see one come back.
const MOST_FILES: usize = 1 << 16;

/// How long the stretches of a run are meant to be, microseconds; 0: not known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Lengths {
    /// Load without faults.
    pub warm_up_us: u64,
    /// Load with faults.
    pub measure_us: u64,
    /// The longest wait for the books to stand still.
    pub drain_us: u64,
}

/// The state of a run after the events so far.
#[derive(Debug, Clone, Default)]
pub struct State {
    /// Time of the last event, microseconds since the start of the run.
    pub t_us: u64,
    /// The stretch of the run, and since when.
    pub phase: Option<(Phase, u64)>,
    /// How long the stretches are meant to be.
    pub lengths: Lengths,
    /// The totals as last sampled.
    pub sample: Sample,
    /// Rates over the last second.
    pub rates: Rates,
    /// Names of the streams; index = stream.
    pub names: Vec<String>,
    /// Streams as last sampled; index = stream.
    pub streams: Vec<StreamSample>,
    /// What was done to files.
    pub files: Files,
    /// Faults in force by id, with name and begin.
    pub faults: BTreeMap<u32, (String, u64)>,
    /// Faults that were applied; that had no effect.
    pub faults_applied: u64,
    /// Faults of which nothing was seen.
    pub faults_without_effect: u64,
    /// Streams that stand, with the time of their last progress.
    pub stalled: BTreeMap<StreamId, u64>,
    /// What stands between generator and judge, where it is more than one agent and one sink.
    pub topology: Topology,
    /// The agent's process, or all of them together.
    pub agent: Agent,
    /// Each process that has a name.
    pub processes: BTreeMap<String, Agent>,
    /// Warnings of the bench, by name.
    pub warnings: BTreeMap<String, String>,
    /// The latest happenings, oldest first, in words.
    pub recent: VecDeque<(u64, String)>,
    /// The verdict, once there is one.
    pub outcome: Option<Box<Outcome>>,
    samples: VecDeque<(u64, Sample)>,
    live_inodes: BTreeMap<(u64, u64), u64>,
}

/// Per second.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Rates {
    /// Records written.
    pub written: f64,
    /// Records delivered.
    pub delivered: f64,
    /// Bytes written.
    pub bytes: f64,
    /// CPU of the agent, cores.
    pub agent_cores: f64,
}

/// What was done to files.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Files {
    /// Files opened by writers.
    pub generations: u64,
    /// Writers that were brought to a new file.
    pub rotations: u64,
    /// Archives completed.
    pub archives: u64,
    /// Links created.
    pub swaps: u64,
    /// New files with the inode number of an earlier one.
    pub inodes_reused: u64,
    /// Steps that failed.
    pub failed_steps: u64,
}

/// The agent's process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Agent {
    /// Its id while it runs.
    pub pid: Option<u32>,
    /// How often it was started.
    pub starts: u64,
    /// How often it ended without being asked to.
    pub deaths: u64,
    /// How often the kernel killed it for memory.
    pub oom_kills: u64,
}

impl Agent {
    fn fold(&mut self, event: &AgentEvent) {
        match event {
            AgentEvent::Started { pid, .. } => {
                self.pid = Some(*pid);
                self.starts += 1;
            }
            AgentEvent::Ended { pid, asked, .. } => {
                // One of several may have ended while another runs.
                self.pid = self.pid.filter(|running| running != pid);
                self.deaths += u64::from(!asked);
            }
            AgentEvent::OomKilled { .. } => self.oom_kills += 1,
            AgentEvent::Limited { .. } | AgentEvent::ProbeFailed { .. } => {}
        }
    }
}

impl State {
    /// An empty state that knows how long the stretches are meant to be.
    pub fn new(lengths: Lengths) -> Self {
        Self { lengths, ..Self::default() }
    }

    /// Takes in one event.
    pub fn fold(&mut self, event: &Event) {
        // Events of several threads may be a little out of order; time does not run back for it.
        self.t_us = self.t_us.max(event.t_us);
        match &event.what {
            What::Begun(names) => self.names.clone_from(names),
            What::Topology(topology) => self.topology = topology.clone(),
            What::Phase(phase) => self.phase = Some((*phase, event.t_us)),
            What::Sample(sample) => self.sample(event.t_us, sample),
            What::Streams(streams) => self.streams.clone_from(streams),
            What::GenerationOpened(generation) => self.opened(generation.file),
            What::GenerationClosed(_) | What::Dropped(_) => {}
            What::RotationStep(step) => self.step(step),
            What::Fault(fault) => self.fault(event.t_us, fault),
            What::Agent(agent) => self.agent(agent),
            What::Warning(warning) => {
                if self.warnings.len() < MOST_NAMED {
                    self.warnings.insert(warning.name.clone(), warning.text.clone());
                }
            }
            What::Stall(stall) => self.stall(stall),
            What::Judged(outcome) => self.outcome = Some(outcome.clone()),
        }
        if let Some(words) = crate::text::live::news(event, &self.names) {
            if self.recent.len() == MOST_RECENT {
                self.recent.pop_front();
            }
            self.recent.push_back((event.t_us, words));
        }
    }

    /// Records that are due and not delivered, over all routes.
    pub fn backlog(&self) -> u64 {
        self.sample.due().saturating_sub(self.sample.delivered)
    }

    /// How many routes every record takes, one at least.
    pub fn routes(&self) -> usize {
        self.topology.routes.len().max(1)
    }

    /// How long the load goes on, microseconds: what is left of it. `None` once it is over (how long the books take to come to
    /// rest nobody knows), and where nobody said how long it is meant to be.
    pub fn left_us(&self) -> Option<u64> {
        let Lengths { warm_up_us, measure_us, .. } = self.lengths;
        let (elapsed, _) = self.progress();
        let left = match self.phase.map_or(Phase::SetUp, |(phase, _)| phase) {
            Phase::SetUp => warm_up_us.saturating_add(measure_us),
            Phase::WarmUp => warm_up_us.saturating_sub(elapsed).saturating_add(measure_us),
            Phase::Measure => measure_us.saturating_sub(elapsed),
            Phase::Drain | Phase::Judge => return None,
        };
        (measure_us > 0 && left > 0).then_some(left)
    }

    /// How long the stretch has lasted, and how long it is meant to, microseconds; 0: not known.
    pub fn progress(&self) -> (u64, u64) {
        let Some((phase, from_us)) = self.phase else { return (0, 0) };
        let meant = match phase {
            Phase::WarmUp => self.lengths.warm_up_us,
            Phase::Measure => self.lengths.measure_us,
            Phase::Drain => self.lengths.drain_us,
            Phase::SetUp | Phase::Judge => 0,
        };
        (self.t_us.saturating_sub(from_us), meant)
    }

    fn sample(&mut self, t_us: u64, sample: &Sample) {
        self.sample = sample.clone();
        if self.samples.len() == MOST_SAMPLES {
            self.samples.pop_front();
        }
        self.samples.push_back((t_us, sample.clone()));
        while self.samples.get(1).is_some_and(|(then, _)| then.saturating_add(RATE_OVER_US) <= t_us) {
            self.samples.pop_front();
        }
        let Some((then, first)) = self.samples.front() else { return };
        let seconds = t_us.saturating_sub(*then) as f64 / 1e6;
        if seconds > 0.0 {
            // Counters of a restarted agent begin anew: less than before means nothing yet.
            let per_s = |now: u64, before: u64| now.saturating_sub(before) as f64 / seconds;
            self.rates = Rates {
                written: per_s(sample.written, first.written),
                delivered: per_s(sample.delivered, first.delivered),
                bytes: per_s(sample.written_bytes, first.written_bytes),
                agent_cores: per_s(sample.agent_cpu_us, first.agent_cpu_us) / 1e6,
            };
        }
    }

    fn opened(&mut self, file: FileId) {
        self.files.generations += 1;
        let key = (file.device, file.inode);
        match self.live_inodes.insert(key, file.born_ns) {
            Some(born_ns) if born_ns != file.born_ns || born_ns == 0 => self.files.inodes_reused += 1,
            None if self.live_inodes.len() > MOST_FILES => drop(self.live_inodes.pop_first()),
            Some(_) | None => {}
        }
    }

    fn step(&mut self, step: &RotationStep) {
        if step.error.is_some() {
            self.files.failed_steps += 1;
            return;
        }
        match step.step {
            StepKind::Reopen => self.files.rotations += 1,
            StepKind::Archive => self.files.archives += 1,
            StepKind::Symlink => self.files.swaps += 1,
            StepKind::Close | StepKind::Rename | StepKind::Unlink | StepKind::Steer => {}
        }
    }

    fn fault(&mut self, t_us: u64, fault: &Fault) {
        match fault.state {
            FaultState::Applied => {
                self.faults_applied += 1;
                if self.faults.len() < MOST_NAMED {
                    self.faults.insert(fault.id, (crate::text::live::fault_name(fault), t_us));
                }
            }
            FaultState::Healed => drop(self.faults.remove(&fault.id)),
            FaultState::NoEffect => {
                self.faults_without_effect += 1;
                self.faults.remove(&fault.id);
            }
        }
    }

    fn agent(&mut self, agent: &AgentEvent) {
        self.agent.fold(agent);
        let name = agent.process();
        if name.is_empty() || (self.processes.len() == MOST_NAMED && !self.processes.contains_key(name)) {
            return;
        }
        self.processes.entry(name.to_owned()).or_default().fold(agent);
        // Any of them that runs stands for all.
        self.agent.pid = self.agent.pid.or_else(|| self.processes.values().find_map(|process| process.pid));
    }

    fn stall(&mut self, stall: &Stall) {
        match stall.until_us {
            None => drop(self.stalled.insert(stall.stream, stall.from_us)),
            Some(_) => drop(self.stalled.remove(&stall.stream)),
        }
    }
}

#[cfg(test)]
mod tests;
