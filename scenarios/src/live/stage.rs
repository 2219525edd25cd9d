//! Everything a run has running: ledger, writers, receiver, agent; taken down in order, on every way out.

use std::{
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use chaos::proxy::Link;
use loadgen::{
    clock::RunClock,
    write::{LoadPlan, LoadReport, Observer, OnFull, Writers},
};
use results::{
    books::Books,
    ledger::{Ledger, LedgerPlan, RouteBook},
};

use super::{
    How, RunError,
    begun::dropped,
    bus::Bus,
    child::AgentProcess,
    hands::Full,
    kube::Kube,
    links, load,
    names::{End, Names},
    pens::Pens,
    places::Places,
    probes::{self, Probing},
    processes::Processes,
    routes::{self, Around, Route},
    sources::{self, Sources, http},
    trial::Trial,
};
use crate::{
    agents::{SinkAt, Wiring},
    plan::Plan,
    spec::SinkKind,
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
    pub(super) processes: Processes,
    /// The far ends.
    pub(super) routes: Vec<Route>,
    /// The wires between boxes.
    pub(super) links: Vec<Link>,
    /// The Kubernetes API server.
    pub(super) kube: Option<Kube>,
    sources: Sources,
    load: LoadPlan,
    /// Where the files of each stream are, until the writers are stopped.
    pub(super) places: Option<Places>,
    /// Where everything is said.
    pub(super) bus: Bus,
    names: Names,
    full: Option<Full>,
    work: PathBuf,
    /// What is asked of the processes while they run.
    probing: Probing,
    keep: bool,
}

impl Stage {
    /// Makes folders, starts receivers and writers of files; the agent is started by [`Stage::start`].
    pub(super) fn set_up(plan: &Plan, how: &How, trial: &Trial<'_>) -> Result<Self, RunError> {
        let folder = trial.folder();
        // Processes are told paths that mean the same wherever they stand, and tags made of paths begin at the root.
        let folder = &std::path::absolute(folder.path()).unwrap_or_else(|_| folder.path().to_owned());
        let work = folder.join(WORK);
        let out = work.join("out");
        make(&out)?;
        let root = chaos::inject::root::Root::mark(&work)?;
        let run = (how.seed ^ how.seed >> 32) as u32;
        let ledger = Ledger::create(books(plan, run, folder))?;
        let mut load = load::plan(plan, how.seed, run, root.path());
        let mut names = Names::new(&plan.known, root.path(), how.seed)?;
        let payloads = Arc::new(load.payloads());
        let around = Around {
            ledger: &ledger,
            clock: trial.clock(),
            payloads,
            out: &out,
            sockets: names.sockets(),
            proves_pods: plan.kube.as_ref().is_some_and(|kube| kube.proven),
        };
        let routes = routes::open(plan, &around)?;
        names.ends = routes.iter().map(Route::end).collect();
        let links = links::open(&plan.links, &mut names)?;
        let kube = kube(plan, &load, folder, &mut names)?;
        let processes = processes(plan, how, folder, root.path(), &routes, &mut names)?;
        sources::syslog::tee(plan, &mut load, &mut names, &ledger)?;
        let bus = trial.bus();
        let full = Full::new();
        let observer: Observer = {
            let bus = Mutex::new(bus.clone());
            Arc::new(move |what| bus.lock().unwrap_or_else(std::sync::PoisonError::into_inner).say(what))
        };
        let places = load::places(plan, &load);
        let teller: OnFull = Arc::new(full.teller());
        let around = http::Around {
            plan,
            folder,
            bench: &how.bench,
            load: &load,
            ledger: &ledger,
            clock: trial.clock(),
            observer: Arc::clone(&observer),
            on_full: Arc::clone(&teller),
        };
        let fronts = http::open(&around, &mut names)?;
        let writers = Arc::new(Writers::start(load.clone(), Arc::clone(&ledger), trial.clock(), observer, teller)?);
        let pens = Pens {
            writers: Arc::clone(&writers),
            fronts: fronts.iter().map(|fronted| (fronted.lead, Arc::clone(&fronted.front))).collect(),
        };
        let places = Places::new(root, pens, bus.clone(), processes.cells(), places);
        let (sources, places, full) = (Sources::of(writers, fronts), Some(places), Some(full));
        let (probing, keep) = (Probing::default(), how.keep);
        Ok(Self {
            ledger,
            processes,
            routes,
            links,
            kube,
            sources,
            load,
            places,
            bus,
            names,
            full,
            work,
            probing,
            keep,
        })
    }

    /// Starts the agent's processes, and what sends to them.
    pub(super) fn start(&mut self, plan: &Plan, clock: RunClock) -> Result<(), RunError> {
        self.names.ports.release();
        self.processes.start_first(&self.bus)?;
        self.sources.start_senders(plan, &self.load, &mut self.names, &self.ledger, clock)?;
        let asked = probes::of(plan, &mut self.names)?;
        self.probing = Probing::start(asked, &self.bus, clock).map_err(loadgen::write::WriteError::Thread)?;
        Ok(())
    }

    /// What happens by itself.
    pub(super) fn tick(&mut self, now_us: u64) {
        if let Some(kube) = &mut self.kube {
            kube.tick(now_us);
        }
    }

    /// The queue of full files; it can be taken once.
    pub(super) fn take_full(&mut self) -> Full {
        self.full.take().unwrap_or_else(Full::new)
    }

    /// Process ids of all that the run has started.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.processes.pids().into_iter().chain(self.sources.pids()).collect()
    }

    /// From now on the load runs at so many times the scenario's rate; 0 pauses it.
    pub(super) fn set_rate(&self, factor: f64) {
        self.sources.set_rate(factor);
    }

    /// How late the generator is, microseconds at most so far.
    pub(super) fn late_us(&self) -> u64 {
        self.sources.late_us()
    }

    /// True if the generator had to give records up.
    pub(super) fn cannot_write(&self) -> bool {
        self.sources.cannot_write()
    }

    /// Ends the load; the report of the writers, once.
    pub(super) fn stop_load(&mut self) -> Option<LoadReport> {
        self.places = None;
        self.sources.stop()
    }

    /// Asks every process to end, the last of the scenario first, because it hands on to those before; then ends it. What is
    /// still delivered on SIGTERM is booked.
    pub(super) fn end_processes(&mut self, trial: &mut Trial<'_>, gently: bool) {
        self.probing = Probing::default();
        for process in self.processes.iter_mut().rev() {
            let deadline = trial.now_us() + END_WITHIN_US;
            if gently {
                process.agent.terminate();
            }
            let ended = loop {
                if let Some(ended) = process.agent.poll() {
                    break Some(ended);
                }
                if !gently || trial.now_us() > deadline {
                    break process.agent.kill();
                }
                trial.wait_until(trial.now_us() + 10_000);
            };
            if let Some(ended) = ended {
                process.say_ended(ended, &self.bus);
            }
        }
    }

    /// Stops the receivers and closes the books.
    pub(super) fn close(mut self) -> Result<Books, RunError> {
        self.routes.clear();
        Ok(self.ledger.close()?)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.processes.kill();
        self.stop_load();
        self.routes.clear();
        if !self.keep {
            // What cannot be removed now is removed by the next run.
            let _ = std::fs::remove_dir_all(&self.work);
        }
    }
}

/// Whatever the umask says: a work folder that everybody may write to is refused.
pub(super) fn make(folder: &Path) -> Result<(), RunError> {
    std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(folder)
        .map_err(|source| results::run::RunError::Write { path: folder.to_owned(), source }.into())
}

/// What the ledger is to keep.
fn books(plan: &Plan, run: u32, folder: &Path) -> LedgerPlan {
    LedgerPlan {
        run,
        streams: plan.streams.iter().map(|stream| stream.name.clone()).collect(),
        books: Some(folder.join("books.bin")),
        settle_us: plan.settle.0,
        routes: plan.ways.iter().map(|way| RouteBook { name: way.name.clone() }).collect(),
        dropped: dropped(plan),
    }
}

/// The Kubernetes API server, if there is one; it is known by name from now on.
fn kube(plan: &Plan, load: &LoadPlan, folder: &Path, names: &mut Names) -> Result<Option<Kube>, RunError> {
    let Some(asked) = &plan.kube else { return Ok(None) };
    let (kube, at) = Kube::start(asked, plan, load, folder)?;
    names.kube = Some(at);
    Ok(Some(kube))
}

/// The agent's processes: those of the scenario, else the one that the bench configures.
fn processes(
    plan: &Plan,
    how: &How,
    run: &Path,
    root: &Path,
    routes: &[Route],
    names: &mut Names,
) -> Result<Processes, RunError> {
    let logs = |process: &str| load::watched(plan, root, process);
    plan.streams
        .iter()
        .filter_map(|stream| stream.node.as_deref())
        .chain([""])
        .try_for_each(|node| make(&logs(node)))?;
    let Some(settings) = &plan.agent else {
        return Processes::prepare(&plan.instances, how, run, names, &logs);
    };
    let sink = &plan.ways[0].sink;
    let wiring = Wiring {
        pattern: logs("").join("*.log"),
        layout: plan.layout,
        state: run.to_owned(),
        sink: match routes[0].end() {
            End::Path(folder) => SinkAt::Files(folder),
            End::At(addr) => SinkAt::Http { addr, array: sink.kind == SinkKind::HttpArray },
        },
        gzip: sink.gzip,
        settings: settings.clone(),
    };
    let launch = how.agent.launch(&wiring, &how.bench, how.defect);
    let agent = AgentProcess::prepare(launch, &how.bench, &run.join("agent.log"))?;
    Ok(Processes::one(agent, run))
}

/// How long a writer may take to fulfil a wish.
pub(super) const WRITER_WITHIN: Duration = Duration::from_secs(10);
