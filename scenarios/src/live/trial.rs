//! The record of a run in the making: its folder, its events, its clock, and what the judge will be handed.

use std::sync::mpsc::Receiver;

use loadgen::{clock::RunClock, write::LoadReport};
use results::{
    books::Books,
    event::{Event, Phase, Sample, Warning, What},
    judge::{self, judge},
    ledger::Ledger,
    outcome::{Latency, Outcome, Resources},
    run::{ChildProcess, Manifest, RunFolder},
};

use super::{
    FileSystem, How, RunError,
    begun::{entries, topology},
    bus::{Bus, bus},
    clock,
    stage::{Stage, WORK},
    usage,
};
use crate::{plan::Plan, spec::Pace};

/// From one sample of the totals to the next, microseconds.
const SAMPLE: u64 = 1_000_000;
/// From one sample of the streams to the next.
const STREAMS: u64 = 250_000;
/// More streams than this are sampled less often.
const MANY_STREAMS: usize = 500;
/// Share of the planned records that must have been written for the run to mean anything.
const PACE_KEPT: f64 = 0.95;

/// A run in the making.
pub(super) struct Trial<'w> {
    plan: Plan,
    how: How,
    folder: RunFolder,
    clock: RunClock,
    bus: Bus,
    events: Receiver<Event>,
    kept: Vec<Event>,
    watch: &'w mut dyn FnMut(&Event),
    unknown: Vec<String>,
    broken_off: bool,
    sample_at: u64,
    streams_at: u64,
    children: Vec<u32>,
    /// When the measure stretch began, and the records written by then.
    begin: Option<(u64, u64)>,
    asked: Asked,
    bench_cpu_before_us: u64,
}

impl<'w> Trial<'w> {
    /// Makes the run folder.
    pub(super) fn open(
        plan: &Plan,
        how: &How,
        file_system: FileSystem,
        watch: &'w mut dyn FnMut(&Event),
    ) -> Result<Self, RunError> {
        let mut manifest = Manifest::new(
            &plan.name,
            how.agent.name(),
            how.defect.map(|defect| defect.to_string()),
            how.seed,
            serde_json::to_value(plan).expect("a plan is plain data"),
            environment(file_system),
        );
        manifest.repeat.clone_from(&how.repeat);
        let folder = RunFolder::create(&how.out, &clock::stamp(), &plan.name, how.agent.name(), &manifest)?;
        let clock = RunClock::start();
        let (bus, events) = bus(clock);
        bus.say(What::Begun(entries(plan)));
        if let Some(topology) = topology(plan) {
            bus.say(What::Topology(topology));
        }
        Ok(Self {
            plan: plan.clone(),
            how: how.clone(),
            folder,
            clock,
            bus,
            events,
            kept: Vec::new(),
            watch,
            unknown: Vec::new(),
            broken_off: false,
            sample_at: 0,
            streams_at: 0,
            children: Vec::new(),
            begin: None,
            asked: Asked::default(),
            bench_cpu_before_us: usage::own_usage().0,
        })
    }

    /// Its folder.
    pub(super) fn folder(&self) -> &RunFolder {
        &self.folder
    }

    /// Its clock.
    pub(super) fn clock(&self) -> RunClock {
        self.clock
    }

    /// Its bus.
    pub(super) fn bus(&self) -> Bus {
        self.bus.clone()
    }

    /// Microseconds since its start.
    pub(super) fn now_us(&self) -> u64 {
        self.clock.now_us()
    }

    /// Waits until a moment of the run.
    pub(super) fn wait_until(&self, at_us: u64) {
        while self.now_us() < at_us {
            self.clock.park_until(at_us);
        }
    }

    /// Says that something happened.
    pub(super) fn say(&self, what: What) {
        self.bus.say(what);
    }

    /// Advice of the bench about itself.
    pub(super) fn warn(&self, name: &str, text: &str) {
        self.say(What::Warning(Warning { name: name.to_owned(), text: text.to_owned() }));
    }

    /// Why this run proves nothing; may be said several times.
    pub(super) fn unknown(&mut self, why: String) {
        self.unknown.push(why);
    }

    /// The user broke the run off.
    pub(super) fn break_off(&mut self) {
        self.broken_off = true;
    }

    /// Notes the agent's processes, for whoever has to sweep up after a killed bench.
    pub(super) fn note_children(&mut self, pids: &[u32]) -> Result<(), RunError> {
        if pids == self.children {
            return Ok(());
        }
        self.children = pids.to_vec();
        let child = |&pid: &u32| ChildProcess { pid, start_ticks: usage::start_ticks(pid).unwrap_or(0) };
        let children: Vec<ChildProcess> = pids.iter().map(child).collect();
        Ok(self.folder.change(|manifest| manifest.children = children)?)
    }

    /// Appends what came in over the bus to the timeline, and shows it.
    pub(super) fn drain_bus(&mut self) {
        let events: Vec<Event> = self.events.try_iter().collect();
        if events.is_empty() {
            return;
        }
        if let Err(error) = self.folder.append_all(&events) {
            self.unknown.push(format!("the timeline is incomplete: {error}"));
        }
        for event in events {
            (self.watch)(&event);
            self.kept.push(event);
        }
    }

    /// True once every quarter of a second; once a second with so many streams that they would be most of the timeline.
    pub(super) fn streams_due(&mut self) -> bool {
        let now = self.now_us();
        let due = now >= self.streams_at;
        if due {
            self.streams_at = now + if self.plan.streams.len() > MANY_STREAMS { SAMPLE } else { STREAMS };
        }
        due
    }

    /// Samples the totals, once a second.
    pub(super) fn sample_if_due(&mut self, stage: &mut Stage) {
        let now = self.now_us();
        if now >= self.sample_at {
            self.sample_at = now + SAMPLE;
            self.sample(stage);
        }
    }

    /// Samples the totals.
    pub(super) fn sample(&mut self, stage: &mut Stage) {
        let totals = stage.ledger.totals();
        let written_bytes = stage.ledger.written_bytes();
        let mean = written_bytes / totals.written.max(1);
        let latencies = stage.ledger.take_latencies();
        let (latency, routes) = (latencies.all, stage.ledger.route_samples(&latencies));
        let due = if routes.is_empty() { totals.written } else { routes.iter().map(|route| route.due).sum() };
        let (agent_cpu_us, agent_rss_bytes) = stage.processes.usage();
        self.say(What::Sample(Sample {
            sent: totals.sent,
            written: totals.written,
            written_bytes,
            delivered: totals.delivered,
            duplicated: totals.duplicated,
            corrupted: totals.corrupted,
            unexpected: totals.unexpected,
            reordered: totals.reordered,
            misattributed: totals.misattributed,
            backlog_bytes: due.saturating_sub(totals.delivered) * mean,
            p50_us: latency.p50_us,
            p90_us: latency.p90_us,
            p99_us: latency.p99_us,
            p999_us: latency.p999_us,
            max_us: latency.max_us,
            bench_late_us: stage.late_us(),
            agent_cpu_us,
            agent_rss_bytes,
            agent_open_files: stage.processes.open_files(),
            agent_throttled_us: stage.processes.throttled_us(),
            routes,
            processes: stage.processes.samples(),
        }));
    }

    /// The measure stretch begins now.
    pub(super) fn measure_begins(&mut self, stage: &mut Stage) -> u64 {
        let now = self.now_us();
        self.begin = Some((now, stage.ledger.totals().written));
        self.asked = Asked { factor: 1.0, since_us: now, weighted_us: 0.0 };
        self.say(What::Phase(Phase::Measure));
        self.sample(stage);
        now
    }

    /// A person changed the pace: so many times the scenario's rate is asked for from now on.
    pub(super) fn load_factor(&mut self, factor: f64) {
        let now_us = self.now_us();
        self.asked.set(now_us, factor);
    }

    /// The measure stretch is over: did the generator keep its pace?
    pub(super) fn measure_ends(&mut self, stage: &mut Stage) {
        self.sample(stage);
        let Some((from_us, before)) = self.begin else { return };
        let now_us = self.now_us();
        let seconds = (now_us - from_us) as f64 / 1e6;
        self.asked.set(now_us, 1.0);
        let asked = match self.plan.pace {
            Pace::Steady => self.plan.rate().0 * self.asked.weighted_us / 1e6 / seconds.max(1e-3),
            // How much was due in this stretch follows from the schedule; lateness tells.
            Pace::Ramp { .. } | Pace::Burst { .. } | Pace::AllOut => return,
        };
        let kept = (stage.ledger.totals().written - before) as f64 / seconds.max(1e-3);
        if kept < asked * PACE_KEPT {
            let text = format!(
                "the generator could not keep its pace: {kept:.0} of {asked:.0} records/s were written; lower --rate, or use a faster machine"
            );
            self.warn("bench-behind", &text);
            self.unknown(text);
        }
    }

    /// What the writers have to say about themselves.
    pub(super) fn load_report(&mut self, report: &LoadReport) {
        for fault in report.errors.iter().take(3) {
            self.unknown(format!("the generator could not write: {}", fault.error));
        }
        if report.late.share > 0.05 && !matches!(self.plan.pace, Pace::AllOut) {
            let text = format!(
                "the generator was more than 100 ms late for {:.0} % of the time (worst {} ms); delays are counted from the intended time",
                report.late.share * 100.0,
                report.late.max_us / 1000
            );
            self.warn("bench-late", &text);
            if !matches!(self.plan.pace, Pace::Steady) {
                self.unknown(format!("the generator could not keep its pace: {text}"));
            }
        }
    }

    /// Closes the books and judges.
    pub(super) fn judge(self, mut stage: Stage) -> Result<Outcome, RunError> {
        let resources = self.resources(&mut stage);
        let latency = (stage.ledger.latency(), stage.ledger.route_latencies());
        let books = stage.close()?;
        self.conclude(&books, latency, resources)
    }

    /// Judges a run that was not performed, for the reasons said.
    pub(super) fn judge_without_running(self) -> Result<Outcome, RunError> {
        if !self.how.keep {
            // It may not even have been made.
            let _ = std::fs::remove_dir_all(self.folder.path().join(WORK));
        }
        let books = Books::new(0, entries(&self.plan));
        self.conclude(&books, Default::default(), Resources::default())
    }

    fn conclude(
        mut self,
        books: &Books,
        (latency, route_latency): (Latency, Vec<Latency>),
        resources: Resources,
    ) -> Result<Outcome, RunError> {
        self.say(What::Phase(Phase::Judge));
        self.drain_bus();
        let outcome = judge(&judge::Trial {
            scenario: self.plan.name.clone(),
            agent: self.how.agent.name().to_owned(),
            defect: self.how.defect.map(|defect| defect.to_string()),
            seed: self.how.seed,
            contract: self.plan.contract.clone(),
            books,
            events: &self.kept,
            latency,
            route_latency,
            rates: judge::rates(&self.kept, books),
            resources,
            broken_off: self.broken_off,
            unknown_because: std::mem::take(&mut self.unknown),
            repeat: self.how.repeat.clone(),
            run: self.folder.path().display().to_string(),
        });
        self.say(What::Judged(Box::new(outcome.clone())));
        self.drain_bus();
        self.folder.finish(&outcome)?;
        Ok(outcome)
    }

    fn resources(&self, stage: &mut Stage) -> Resources {
        let (agent_cpu_us, _) = stage.processes.usage();
        let (bench_cpu_us, bench_rss) = usage::own_usage();
        Resources {
            agent_cpu_s: agent_cpu_us as f64 / 1e6,
            agent_rss_max_bytes: stage.processes.rss_max(),
            bench_cpu_s: bench_cpu_us.saturating_sub(self.bench_cpu_before_us) as f64 / 1e6,
            bench_rss_max_bytes: bench_rss,
        }
    }
}

/// How much of the scenario's rate was asked for over the measure stretch: a person may pause and change it.
#[derive(Debug, Clone, Copy, Default)]
struct Asked {
    factor: f64,
    since_us: u64,
    /// Time weighted by the factor that was in force, microseconds.
    weighted_us: f64,
}

impl Asked {
    fn set(&mut self, now_us: u64, factor: f64) {
        self.weighted_us += self.factor * now_us.saturating_sub(self.since_us) as f64;
        (self.factor, self.since_us) = (factor, now_us);
    }
}

/// What moves as long as anything moves.
pub(super) fn marks(ledger: &Ledger) -> [u64; 4] {
    let totals = ledger.totals();
    [totals.delivered, totals.duplicated, totals.corrupted, totals.unexpected]
}

fn environment(file_system: FileSystem) -> serde_json::Value {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let processor = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = processor.lines().find_map(|line| line.strip_prefix("model name")?.split_once(':'));
    serde_json::json!({
        "tailproof": env!("CARGO_PKG_VERSION"),
        "build": if cfg!(debug_assertions) { "debug" } else { "release" },
        "kernel": kernel.trim(),
        "cpu": model.map_or("", |(_, name)| name.trim()),
        "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        "file_system": file_system.name(),
    })
}
