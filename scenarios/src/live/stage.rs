//! Everything a run has running: ledger, writers, receiver, agent; taken down in order, on every way out.

use std::{
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use loadgen::{
    frame::Framing,
    pace,
    payload::{Body, Size},
    receive::{FollowPlan, Follower, Format, HttpPlan, Receiver, Keys},
    write::{Cut, LoadPlan, LoadReport, Rate, StreamPlan, WriteMode, Writers},
};
use results::{
    books::Books,
    event::{AgentEvent, What},
    identity::StreamId,
    ledger::{Ledger, LedgerPlan, OutputRule},
};

use super::{
    How, RunError,
    bus::Bus,
    child::AgentProcess,
    hands::Full,
    places::{Place, Places},
    trial::Trial,
};
use crate::{
    agents::{SinkAt, Wiring},
    plan::{Plan, Stream},
    spec::{self, Layout, Rotator, SinkKind},
};

/// The agent is given this long to end when asked to.
const END_WITHIN_US: u64 = 12_000_000;
/// Name of the folder in the run folder that is removed at the end.
pub(super) const WORK: &str = "work";

/// What is running.
pub(super) struct Stage {
    /// The books.
    pub(super) ledger: Arc<Ledger>,
    /// The agent.
    pub(super) agent: AgentProcess,
    /// The receiver, if the sink is one.
    pub(super) http: Option<Receiver>,
    follower: Option<Follower>,
    /// The writers, until they are stopped.
    writers: Option<Arc<Writers>>,
    /// Where the files of each stream are, until the writers are stopped.
    pub(super) places: Option<Places>,
    /// Where everything is said.
    pub(super) bus: Bus,
    full: Option<Full>,
    work: PathBuf,
    keep: bool,
}

impl Stage {
    /// Makes folders, starts receiver and writers; the agent is started by [`Stage::start_agent`].
    pub(super) fn set_up(plan: &Plan, how: &How, trial: &Trial<'_>) -> Result<Self, RunError> {
        let folder = trial.folder();
        let folder = folder.path();
        let work = folder.join(WORK);
        let out = work.join("out");
        make(&out)?;
        let root = chaos::inject::root::Root::mark(&work)?;
        let run = (how.seed ^ how.seed >> 32) as u32;
        let ledger = Ledger::create(LedgerPlan {
            run,
            streams: plan.streams.iter().map(|stream| stream.name.clone()).collect(),
            books: Some(folder.join("books.bin")),
            settle_us: plan.settle.0,
            ..LedgerPlan::default()
        })?;
        let load = load_plan(plan, how.seed, run, root.path());
        let (http, follower, sink) = receivers(plan, &load, &ledger, trial, &out)?;
        let wiring = Wiring {
            pattern: pattern(plan.layout, root.path()),
            layout: plan.layout,
            state: folder.to_owned(),
            sink,
            gzip: plan.sink.gzip,
            settings: plan.agent.clone(),
        };
        make(wiring.pattern.parent().expect("a pattern names files in a folder"))?;
        let launch = how.agent.launch(&wiring, &how.bench, how.defect);
        let agent = AgentProcess::prepare(launch, &how.bench, &folder.join("agent.log"))?;
        let bus = trial.bus();
        let full = Full::new();
        let observer = {
            let bus = Mutex::new(bus.clone());
            Arc::new(move |what| bus.lock().unwrap_or_else(std::sync::PoisonError::into_inner).say(what))
        };
        let places = load_places(&load);
        let writers =
            Arc::new(Writers::start(load, Arc::clone(&ledger), trial.clock(), observer, Arc::new(full.teller()))?);
        let places = Places::new(root, Arc::clone(&writers), bus.clone(), agent.cell(), places);
        Ok(Self {
            ledger,
            agent,
            http,
            follower,
            writers: Some(writers),
            places: Some(places),
            bus,
            full: Some(full),
            work,
            keep: how.keep,
        })
    }

    /// Starts the agent's first process.
    pub(super) fn start_agent(&mut self) -> Result<(), RunError> {
        let pid = self.agent.start()?;
        self.bus.say(What::Agent(AgentEvent::Started { pid, process: String::new() }));
        Ok(())
    }

    /// The queue of full files; it can be taken once.
    pub(super) fn take_full(&mut self) -> Full {
        self.full.take().unwrap_or_else(Full::new)
    }

    /// True while the load is on.
    pub(super) fn is_loading(&self) -> bool {
        self.writers.is_some()
    }

    /// From now on the load runs at so many times the scenario's rate; 0 pauses it.
    pub(super) fn set_rate(&self, factor: f64) {
        if let Some(writers) = &self.writers {
            writers.set_rate(factor);
        }
    }

    /// How late the generator is, microseconds at most so far.
    pub(super) fn late_us(&self) -> u64 {
        self.writers.as_ref().map_or(0, |writers| writers.late().max_us)
    }

    /// True if the generator had to give records up.
    pub(super) fn cannot_write(&self) -> bool {
        self.writers.as_ref().is_some_and(|writers| !writers.errors().is_empty())
    }

    /// Ends the load; the report of the writers, once.
    pub(super) fn stop_load(&mut self) -> Option<LoadReport> {
        self.places = None;
        let writers = self.writers.take()?;
        Arc::into_inner(writers).map(Writers::stop)
    }

    /// Asks the agent to end, then ends it; what it still delivers on SIGTERM is booked.
    pub(super) fn end_agent(&mut self, trial: &mut Trial<'_>, gently: bool) {
        let deadline = trial.now_us() + END_WITHIN_US;
        if gently {
            self.agent.terminate();
        }
        let ended = loop {
            if let Some(ended) = self.agent.poll() {
                break Some(ended);
            }
            if !gently || trial.now_us() > deadline {
                break self.agent.kill();
            }
            trial.wait_until(trial.now_us() + 10_000);
        };
        if let Some(ended) = ended {
            self.bus.say(What::Agent(AgentEvent::Ended {
                pid: ended.pid,
                how: ended.how,
                asked: ended.asked,
                process: String::new(),
            }));
        }
    }

    /// Stops the receivers and closes the books.
    pub(super) fn close(mut self) -> Result<Books, RunError> {
        drop(self.http.take());
        drop(self.follower.take());
        Ok(self.ledger.close()?)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.agent.kill();
        self.stop_load();
        drop(self.http.take());
        drop(self.follower.take());
        if !self.keep {
            // What cannot be removed now is removed by the next run.
            let _ = std::fs::remove_dir_all(&self.work);
        }
    }
}

/// Whatever the umask says: a work folder that everybody may write to is refused.
fn make(folder: &Path) -> Result<(), RunError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)
        .map_err(|source| results::run::RunError::Write { path: folder.to_owned(), source }.into())
}

fn pattern(layout: Layout, root: &Path) -> PathBuf {
    match layout {
        Layout::Kubelet | Layout::Docker => root.join("var/log/containers/*.log"),
        Layout::Plain => root.join("logs/*.log"),
    }
}

type Receivers = (Option<Receiver>, Option<Follower>, SinkAt);

fn receivers(
    plan: &Plan,
    load: &LoadPlan,
    ledger: &Arc<Ledger>,
    trial: &Trial<'_>,
    out: &Path,
) -> Result<Receivers, RunError> {
    let payloads = Some(Arc::new(load.payloads()));
    if plan.sink.kind == SinkKind::File {
        let follow = FollowPlan {
            dir: out.to_owned(),
            pattern: "*".to_owned(),
            format: Format::JsonLines,
            keys: Keys::default(),
            payloads,
        };
        let follower = Follower::start(follow, Arc::clone(ledger), trial.clock())?;
        return Ok((None, Some(follower), SinkAt::Files(out.to_owned())));
    }
    let array = plan.sink.kind == SinkKind::HttpArray;
    let format = if array { Format::JsonArray } else { Format::JsonLines };
    let http =
        Receiver::start(HttpPlan { format, payloads, ..HttpPlan::default() }, Arc::clone(ledger), trial.clock())?;
    http.set(super::faults::healthy(plan), 0)?;
    let sink = SinkAt::Http { addr: http.addr(), array };
    Ok((Some(http), None, sink))
}

fn load_plan(plan: &Plan, seed: u64, run: u32, root: &Path) -> LoadPlan {
    let total = plan.rate().0;
    let us = |span: spec::units::Span| span.0;
    let mut load = LoadPlan {
        run,
        seed,
        pace: match plan.pace {
            spec::Pace::Steady => pace::Pace::Steady { per_s: total },
            spec::Pace::Ramp { from, to, over } => {
                pace::Pace::Ramp { from: from * total, to: to * total, over_us: us(over) }
            }
            spec::Pace::Burst { times, every, length } => {
                pace::Pace::Burst { base: total, peak: total * times, every_us: us(every), length_us: us(length) }
            }
            spec::Pace::AllOut => pace::Pace::AllOut,
        },
        root: root.to_owned(),
        streams: plan.streams.iter().enumerate().map(|(at, stream)| stream_plan(plan, at, stream)).collect(),
        threads: 2,
    };
    for at in 0..load.streams.len() {
        let watch = load.paths(StreamId(at as u16)).map(|paths| paths.watch.display().to_string());
        load.streams[at].label = watch;
    }
    load
}

fn stream_plan(plan: &Plan, at: usize, stream: &Stream) -> StreamPlan {
    let docker = plan.rotate.as_ref().filter(|on| on.what.by == Rotator::Docker);
    let is_docker_rotated = docker.filter(|on| on.streams.contains(&StreamId(at as u16)));
    let size = stream.size.0 as u32;
    StreamPlan {
        body: match stream.body {
            spec::Body::NginxJson => Body::NginxJson,
            spec::Body::AppText => Body::AppText,
        },
        size: match stream.long {
            Some(long) => Size::Spread { min: size, max: size, long_every: long.every, long: long.size.0 as u32 },
            None => Size::Fixed(size),
        },
        framing: match plan.layout {
            Layout::Kubelet => Framing::Cri,
            Layout::Docker => Framing::Docker,
            Layout::Plain => Framing::Plain,
        },
        write: match stream.write {
            spec::Write::Line => WriteMode::PerLine,
            spec::Write::Batch(size) => WriteMode::Batch { bytes: size.0 },
        },
        rate: Rate::Share(stream.rate.0),
        output: if stream.stderr_every > 0 {
            OutputRule::EveryNthStderr(stream.stderr_every)
        } else {
            OutputRule::Stdout
        },
        max_size: is_docker_rotated.map(|on| on.what.max_size.0),
        // A runtime that reopens in the middle of a long line finishes the old file with a partial line.
        cut: if stream.long.is_some() { Cut::LongLines } else { Cut::Never },
        ..StreamPlan::new(&stream.name)
    }
}

fn load_places(load: &LoadPlan) -> Vec<Place> {
    let paths = (0..load.streams.len()).filter_map(|at| load.paths(StreamId(at as u16)));
    paths.map(|paths| Place { live: paths.live, link: paths.watch, rotation: 0, later: Vec::new() }).collect()
}

/// How long a writer may take to fulfil a wish.
pub(super) const WRITER_WITHIN: Duration = Duration::from_secs(10);
