//! The record of a run in the making: its folder, its events, its clock, and what the judge will be handed.

use std::{path::PathBuf, sync::mpsc::Receiver};

use loadgen::{clock::RunClock, write::LoadReport};
use results::{
    event::{Event, Sample, Warning, What},
    judge::{self, judge},
    ledger::Ledger,
    outcome::{Latency, Outcome, Rates, Resources},
    run::{ChildProcess, Manifest, RunFolder},
};

use super::{
    FileSystem, How, RunError,
    bus::{Bus, bus},
    child, clock,
    stage::Stage,
};
use crate::plan::Plan;

/// From one sample of the totals to the next, microseconds.
const SAMPLE: u64 = 1_000_000;
/// From one sample of the streams to the next.
const STREAMS: u64 = 250_000;
/// Share of the planned records that must have been written for the run to mean anything.
const PACE_KEPT: f64 = 0.95;

/// A run in the making.
pub struct Trial<'w> {
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
    begin: Mark,
    end: Mark,
    bench_cpu_before_us: u64,
    resources: Resources,
}

/// The totals at one moment.
#[derive(Debug, Clone, Copy, Default)]
struct Mark {
    t_us: u64,
    written: u64,
    delivered: u64,
    bytes: u64,
}

impl Mark {
    fn of(t_us: u64, ledger: &Ledger) -> Self {
        let totals = ledger.totals();
        Self { t_us, written: totals.written, delivered: totals.delivered, bytes: ledger.written_bytes() }
    }
}

impl<'w> Trial<'w> {
    /// Makes the run folder.
    pub fn open(
        plan: &Plan,
        how: &How,
        file_system: FileSystem,
        watch: &'w mut dyn FnMut(&Event),
    ) -> Result<Self, RunError> {
        let manifest = Manifest::new(
            &plan.name,
            how.agent.name(),
            how.defect.map(|defect| defect.to_string()),
            how.seed,
            serde_json::to_value(plan).expect("a plan is plain data"),
            environment(file_system),
        );
        let folder = RunFolder::create(&how.out, &clock::stamp(), &plan.name, how.agent.name(), &manifest)?;
        let clock = RunClock::start();
        let (bus, events) = bus(clock);
        let trial = Self {
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
            begin: Mark::default(),
            end: Mark::default(),
            bench_cpu_before_us: child::own_usage().0,
            resources: Resources::default(),
        };
        Ok(trial)
    }

    /// Its folder.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// Its clock.
    pub fn clock(&self) -> RunClock {
        self.clock
    }

    /// Its bus.
    pub fn bus(&self) -> Bus {
        self.bus.clone()
    }

    /// Microseconds since its start.
    pub fn now_us(&self) -> u64 {
        self.clock.now_us()
    }

    /// Waits until a moment of the run.
    pub fn wait_until(&self, at_us: u64) {
        while self.now_us() < at_us {
            self.clock.park_until(at_us);
        }
    }

    /// Says that something happened.
    pub fn say(&self, what: What) {
        self.bus.say(what);
    }

    /// Why this run proves nothing; may be said several times.
    pub fn unknown(&mut self, why: String) {
        self.unknown.push(why);
    }

    /// The user broke the run off.
    pub fn break_off(&mut self) {
        self.broken_off = true;
    }

    /// Notes a child process, for whoever has to sweep up after a killed bench.
    pub fn child_started(&mut self, pid: u32) -> Result<(), RunError> {
        let start_ticks = child::start_ticks(pid).unwrap_or(0);
        Ok(self.folder.child(ChildProcess { pid, start_ticks })?)
    }

    /// Appends what came in over the bus to the timeline, and shows it.
    pub fn drain_bus(&mut self) {
        while let Ok(event) = self.events.try_recv() {
            if let Err(error) = self.folder.append(&event) {
                self.unknown.push(format!("the timeline is incomplete: {error}"));
            }
            (self.watch)(&event);
            // The judge has no use for the samples, and a long run has many.
            if !matches!(event.what, What::Sample(_) | What::Streams(_)) {
                self.kept.push(event);
            }
        }
    }

    /// True once every quarter of a second.
    pub fn streams_due(&mut self) -> bool {
        let now = self.now_us();
        let due = now >= self.streams_at;
        if due {
            self.streams_at = now + STREAMS;
        }
        due
    }

    /// Samples the totals, once a second.
    pub fn sample_if_due(&mut self, stage: &mut Stage) {
        let now = self.now_us();
        if now < self.sample_at {
            return;
        }
        self.sample_at = now + SAMPLE;
        let totals = stage.ledger.totals();
        let written_bytes = stage.ledger.written_bytes();
        let mean = written_bytes / totals.written.max(1);
        let latency = stage.ledger.take_latency();
        let (agent_cpu_us, agent_rss_bytes) = stage.agent.usage();
        self.say(What::Sample(Sample {
            sent: totals.sent,
            written: totals.written,
            written_bytes,
            delivered: totals.delivered,
            duplicated: totals.duplicated,
            backlog_bytes: totals.written.saturating_sub(totals.delivered) * mean,
            p50_us: latency.p50_us,
            p99_us: latency.p99_us,
            max_us: latency.max_us,
            bench_late_us: stage.writers.late().now_us,
            agent_cpu_us,
            agent_rss_bytes,
        }));
    }

    /// The measure stretch begins.
    pub fn measure_begins(&mut self, t_us: u64, ledger: &Ledger) {
        self.begin = Mark::of(t_us, ledger);
    }

    /// The measure stretch is over.
    pub fn measure_ends(&mut self, t_us: u64, ledger: &Ledger) {
        self.end = Mark::of(t_us, ledger);
    }

    /// What the writers have to say about themselves.
    pub fn load_report(&mut self, plan: &Plan, report: LoadReport) {
        for error in report.errors {
            self.unknown(format!("the generator could not write: {error}"));
        }
        let seconds = (self.end.t_us - self.begin.t_us) as f64 / 1e6;
        let share = (self.end.written - self.begin.written) as f64 / (report.due_per_s * seconds).max(1.0);
        if report.due_per_s > 0.0 && seconds > 0.0 && share < PACE_KEPT && !self.broken_off {
            let (asked, kept) = (report.due_per_s, report.due_per_s * share);
            let text = format!(
                "the generator could not keep its pace: {kept:.0} of {asked:.0} records/s were written; lower --rate, or use a faster machine"
            );
            self.say(What::Warning(Warning { name: "bench-behind".to_owned(), text: text.clone() }));
            self.unknown(text);
        }
        let _ = plan;
    }

    /// What agent and bench used.
    pub fn resources(&mut self, stage: &mut Stage) {
        let (agent_cpu_us, _) = stage.agent.usage();
        let (bench_cpu_us, bench_rss) = child::own_usage();
        self.resources = Resources {
            agent_cpu_s: agent_cpu_us as f64 / 1e6,
            agent_rss_max_bytes: stage.agent.rss_max(),
            bench_cpu_s: bench_cpu_us.saturating_sub(self.bench_cpu_before_us) as f64 / 1e6,
            bench_rss_max_bytes: bench_rss,
        };
    }

    /// Closes the books and judges.
    pub fn judge(mut self, mut stage: Stage) -> Result<Outcome, RunError> {
        self.resources(&mut stage);
        let latency = stage.ledger.latency();
        let books = stage.close()?;
        self.conclude(books, latency)
    }

    /// Judges a run that was not performed, for the reasons said.
    pub fn judge_without_running(self) -> Result<Outcome, RunError> {
        let names = self.plan.streams.iter().map(|stream| stream.name.clone()).collect();
        let books = results::books::Books::new(0, names);
        self.conclude(books, Latency::default())
    }

    fn conclude(mut self, books: results::books::Books, latency: Latency) -> Result<Outcome, RunError> {
        self.say(What::Phase(results::event::Phase::Judge));
        self.drain_bus();
        let outcome = judge(&judge::Trial {
            scenario: self.plan.name.clone(),
            agent: self.how.agent.name().to_owned(),
            defect: self.how.defect.map(|defect| defect.to_string()),
            seed: self.how.seed,
            contract: self.plan.contract.clone(),
            books: &books,
            events: &self.kept,
            latency,
            rates: self.rates(),
            resources: self.resources,
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

    fn rates(&self) -> Rates {
        let seconds = self.end.t_us.saturating_sub(self.begin.t_us) as f64 / 1e6;
        if seconds <= 0.0 {
            return Rates::default();
        }
        let per_s = |from: u64, to: u64| to.saturating_sub(from) as f64 / seconds;
        Rates {
            sent_per_s: per_s(self.begin.written, self.end.written),
            delivered_per_s: per_s(self.begin.delivered, self.end.delivered),
            sent_bytes_per_s: per_s(self.begin.bytes, self.end.bytes),
        }
    }
}

fn environment(file_system: FileSystem) -> serde_json::Value {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    serde_json::json!({
        "tailproof": env!("CARGO_PKG_VERSION"),
        "kernel": kernel.trim(),
        "cores": std::thread::available_parallelism().map_or(0, std::num::NonZero::get),
        "file_system": file_system.name(),
    })
}
