//! The agent's processes: one that the bench configures, or those of the scenario, each in a folder of its own.
//!
//! ```text
//! <run>/agent.conf, agent.log, tail.db                       the one that the bench configures
//! <run>/<process>/aggregator.conf, …, agent.log, state/      each of the scenario's, its configuration copied unchanged
//! ```

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use results::event::{AgentEvent, ProcessSample, What};

use super::{
    How, RunError,
    bus::Bus,
    child::{AgentProcess, Ended, PidCell},
    limits::Limit,
    names::{Names, Whose},
    stage::make,
};
use crate::{
    agents::Launch,
    plan::{Bundle, Instance},
};

/// Where programs are looked for by a process that starts others; a scenario's processes know nothing else of ours.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// Environment variable of that name.
const PATH_NAME: &str = "PATH";

/// One process of the agent.
#[derive(Debug)]
pub(super) struct Process {
    /// Its name; empty for the one that the bench configures.
    pub(super) name: String,
    /// The process itself.
    pub(super) agent: AgentProcess,
    /// The routes at whose ends it delivers itself; none: nobody can tell, so all of them.
    pub(super) delivers: Vec<usize>,
    /// True while it is meant to run: from its first start on.
    pub(super) wanted: bool,
    later: bool,
    folder: PathBuf,
    config: Option<Bundle>,
    reloads: Vec<Bundle>,
    limit: Option<Limit>,
}

/// All of them, in the order of the scenario.
#[derive(Debug)]
pub(super) struct Processes {
    list: Vec<Process>,
    rss_max: u64,
}

impl Processes {
    /// The one that the bench configures.
    pub(super) fn one(agent: AgentProcess, folder: &Path) -> Self {
        Self::of(vec![Process {
            name: String::new(),
            agent,
            delivers: Vec::new(),
            wanted: false,
            later: false,
            folder: folder.to_owned(),
            config: None,
            reloads: Vec::new(),
            limit: None,
        }])
    }

    /// Those of the scenario: folders made, configurations copied, environments filled in; `logs` says where the files of a
    /// process lie.
    pub(super) fn prepare(
        instances: &[Instance],
        how: &How,
        run: &Path,
        names: &mut Names,
        logs: &dyn Fn(&str) -> PathBuf,
    ) -> Result<Self, RunError> {
        let mut list = Vec::new();
        for instance in instances {
            let folder = run.join(&instance.name);
            let (state, logs) = (folder.join("state"), logs(&instance.name));
            make(&state)?;
            let whose = Whose { name: &instance.name, state: &state, logs: &logs };
            let mut env = BTreeMap::from([(PATH_NAME.to_owned(), PATH.to_owned())]);
            for (name, value) in &instance.env {
                env.insert(name.clone(), names.fill(value, &whose)?);
            }
            let files = instance.config.files.iter().map(|(name, text)| (folder.join(name), text.clone())).collect();
            let mut launch = how.agent.with_config(&folder.join(&instance.config.name), &how.bench, how.defect);
            let limit = instance.limits.map(|limits| Limit::raise(&instance.name, limits));
            let leash = limit.as_ref().map_or_else(Vec::new, Limit::leash);
            launch = Launch { files, env: Some(env), leash, ..launch };
            list.push(Process {
                name: instance.name.clone(),
                agent: AgentProcess::prepare(launch, &how.bench, &folder.join("agent.log"))?,
                delivers: instance.delivers.clone(),
                wanted: false,
                later: instance.later,
                folder,
                config: Some(instance.config.clone()),
                reloads: instance.reloads.clone(),
                limit,
            });
        }
        Ok(Self::of(list))
    }

    fn of(list: Vec<Process>) -> Self {
        Self { list, rss_max: 0 }
    }

    /// Starts all that run from the begin on, in the order of the scenario.
    pub(super) fn start_first(&mut self, bus: &Bus) -> Result<(), RunError> {
        self.list.iter_mut().filter(|process| !process.later).try_for_each(|process| process.start(bus).map(drop))
    }

    /// The one of that name; without a name the first.
    pub(super) fn named(&mut self, name: Option<&str>) -> Option<&mut Process> {
        match name {
            Some(name) => self.list.iter_mut().find(|process| process.name == name),
            None => self.list.first_mut(),
        }
    }

    /// The place of the one of that name; without a name the first.
    pub(super) fn index(&self, name: Option<&str>) -> Option<usize> {
        name.map_or(Some(0), |name| self.list.iter().position(|process| process.name == name))
    }

    /// All of them.
    pub(super) fn iter_mut(&mut self) -> std::slice::IterMut<'_, Process> {
        self.list.iter_mut()
    }

    /// Limits that the run needs and that are not held.
    pub(super) fn limits_missing(&self) -> Vec<String> {
        let limits = self.list.iter().filter_map(|process| Some((process, process.limit.as_ref()?.missing()?)));
        limits.map(|(process, why)| format!("{}: {why}", process.called())).collect()
    }

    /// Process ids of those that run.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.list.iter().filter_map(|process| process.agent.pid()).collect()
    }

    /// Where their process ids can be read by other threads.
    pub(super) fn cells(&self) -> Vec<PidCell> {
        self.list.iter().map(|process| process.agent.cell()).collect()
    }

    /// The first that is meant to run and does not.
    pub(super) fn missing(&self) -> Option<&Process> {
        self.missing_all().next().map(|at| &self.list[at])
    }

    /// The places of all that are meant to run and do not.
    pub(super) fn missing_all(&self) -> impl Iterator<Item = usize> {
        let is_missing = |process: &Process| process.wanted && process.agent.pid().is_none();
        self.list.iter().enumerate().filter(move |(_, process)| is_missing(process)).map(|(at, _)| at)
    }

    /// CPU time of all of them so far, microseconds, and the resident bytes of those that run.
    pub(super) fn usage(&mut self) -> (u64, u64) {
        let each = self.list.iter_mut().map(|process| process.agent.usage());
        let (cpu_us, rss) = each.fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        self.rss_max = self.rss_max.max(rss);
        (cpu_us, rss)
    }

    /// What each uses, where they have names.
    pub(super) fn samples(&mut self) -> Vec<ProcessSample> {
        let named = self.list.iter_mut().filter(|process| !process.name.is_empty());
        let sample = |process: &mut Process| {
            let (cpu_us, rss_bytes) = process.agent.usage();
            ProcessSample {
                name: process.name.clone(),
                cpu_us,
                rss_bytes,
                rss_max_bytes: process.agent.rss_max(),
                throttled_us: process.throttled_us(),
                open_files: process.agent.open_files(),
            }
        };
        named.map(sample).collect()
    }

    /// Largest resident size seen of all together, bytes.
    pub(super) fn rss_max(&self) -> u64 {
        self.rss_max
    }

    /// Files, sockets and the like that they have open.
    pub(super) fn open_files(&self) -> u64 {
        self.list.iter().map(|process| process.agent.open_files()).sum()
    }

    /// How long their control groups have been throttled since their first starts, microseconds.
    pub(super) fn throttled_us(&self) -> u64 {
        self.list.iter().map(Process::throttled_us).sum()
    }

    /// The ends of their logs, for an error.
    pub(super) fn log_tails(&self) -> String {
        let tail = |process: &Process| match process.name.as_str() {
            "" => process.agent.log_tail(),
            name => format!("{name}:\n{}", process.agent.log_tail()),
        };
        self.list.iter().filter(|process| process.wanted).map(tail).collect::<Vec<_>>().join("\n")
    }

    /// Ends every one at once (SIGKILL).
    pub(super) fn kill(&mut self) {
        for process in &mut self.list {
            process.agent.kill();
        }
    }
}

impl Process {
    /// Starts it, and says so.
    pub(super) fn start(&mut self, bus: &Bus) -> Result<u32, RunError> {
        if let Some(limit) = self.limit.as_ref().filter(|_| !self.wanted) {
            bus.say(What::Agent(AgentEvent::Limited { process: self.name.clone(), how: limit.how() }));
        }
        let pid = self.agent.start()?;
        self.wanted = true;
        if let Some(limit) = &self.limit {
            limit.follow(Some(pid));
        }
        bus.say(What::Agent(AgentEvent::Started { pid, process: self.name.clone() }));
        Ok(pid)
    }

    /// Says that it ended.
    pub(super) fn say_ended(&self, ended: Ended, bus: &Bus) {
        let process = self.name.clone();
        if let Some(how) = self.limit.as_ref().and_then(Limit::killed_for_memory) {
            bus.say(What::Agent(AgentEvent::OomKilled { pid: ended.pid, process: process.clone(), how }));
        }
        bus.say(What::Agent(AgentEvent::Ended { pid: ended.pid, how: ended.how, asked: ended.asked, process }));
    }

    /// A fault has it stopped, or not any more: a limit that stops and wakes it is to keep away.
    pub(super) fn hold_off(&self, is_held: bool) {
        if let Some(limit) = &self.limit {
            limit.hold_off(is_held);
        }
    }

    fn throttled_us(&self) -> u64 {
        self.limit.as_ref().map_or_else(|| self.agent.throttled_us(), Limit::throttled_us)
    }

    /// What to call it in a sentence.
    pub(super) fn called(&self) -> String {
        if self.name.is_empty() { "the agent".to_owned() } else { format!("process {}", self.name) }
    }

    /// Puts another configuration in the place of its own.
    pub(super) fn put_config(&self, name: &str) -> std::io::Result<()> {
        let other = self.reloads.iter().find(|bundle| bundle.name == name);
        self.write(other.ok_or_else(|| std::io::Error::other("no such configuration"))?)
    }

    /// Puts its own configuration back.
    pub(super) fn put_back(&self) -> std::io::Result<()> {
        self.config.as_ref().map_or(Ok(()), |own| self.write(own))
    }

    /// Writes a bundle into its folder, the configuration under the name of its own.
    fn write(&self, bundle: &Bundle) -> std::io::Result<()> {
        let own = self.config.as_ref().map_or(bundle.name.as_str(), |own| own.name.as_str());
        for (name, text) in &bundle.files {
            let name = if *name == bundle.name { own } else { name };
            std::fs::write(self.folder.join(name), text)?;
        }
        Ok(())
    }
}
