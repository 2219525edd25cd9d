//! Front ends and who asks them: the log of a front end is there before the agent starts, requests come once it runs.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use loadgen::{
    clock::RunClock,
    drive::{DrivePlan, Driver},
    front::{
        Buffer, Front, FrontPlan, LogFormat, Outlet, Server,
        nginx::{NginxFront, NginxFrontPlan, NginxPlan},
    },
    write::{LoadPlan, LoadReport, Observer, OnFull, StreamPaths},
};
use results::{identity::StreamId, ledger::Ledger};

use crate::{
    live::{
        RunError, load,
        names::{Names, Whose},
    },
    plan::Plan,
    spec::{self, AccessLog, FrontServer, Layout},
};

/// A front end and its requests.
#[derive(Debug)]
pub(in crate::live) struct Fronted {
    /// The stream that stands for the log.
    pub(in crate::live) lead: StreamId,
    pub(in crate::live) front: Arc<Server>,
    streams: Vec<StreamId>,
    /// The socket that its lines are sent to: nothing is asked before somebody reads it.
    reader: Option<PathBuf>,
    driver: Option<Driver>,
}

/// What front ends need to know of the run.
pub(in crate::live) struct Around<'a> {
    pub(in crate::live) plan: &'a Plan,
    /// Folder of the run, and our own program.
    pub(in crate::live) folder: &'a Path,
    pub(in crate::live) bench: &'a Path,
    pub(in crate::live) load: &'a LoadPlan,
    pub(in crate::live) ledger: &'a Arc<Ledger>,
    pub(in crate::live) clock: RunClock,
    pub(in crate::live) observer: Observer,
    pub(in crate::live) on_full: OnFull,
}

/// Opens the logs and listens.
pub(in crate::live) fn open(around: &Around<'_>, names: &mut Names) -> Result<Vec<Fronted>, RunError> {
    around.plan.fronts.iter().map(|front| one(front, around, names)).collect()
}

fn one(front: &spec::Front, around: &Around<'_>, names: &mut Names) -> Result<Fronted, RunError> {
    let streams: Vec<StreamId> = around.plan.asking(&front.name).collect();
    let lead = *streams.first().expect("a front end that nobody asks was refused");
    let paths = load::log_of(around.load, &front.name, lead).expect("the stream is one of the load");
    let root = names.root.clone();
    let outlet = match &front.syslog {
        None => Outlet::File,
        Some(text) => {
            let whose = Whose { name: "", state: &root, logs: &root };
            Outlet::Syslog(names.fill(text, &whose)?.into())
        }
    };
    let reader = match &outlet {
        Outlet::File => None,
        Outlet::Syslog(path) => Some(path.clone()),
    };
    let own = Own { streams: streams.clone(), paths, outlet };
    let server = match front.server {
        FrontServer::Embedded => Server::Embedded(embedded(front, around, own)?),
        FrontServer::Nginx => Server::Nginx(nginx(front, around, own)?),
    };
    Ok(Fronted { lead, front: Arc::new(server), streams, reader, driver: None })
}

/// Whose requests it logs, and where.
struct Own {
    streams: Vec<StreamId>,
    paths: StreamPaths,
    outlet: Outlet,
}

fn format(front: &spec::Front) -> LogFormat {
    match front.log {
        AccessLog::Combined => LogFormat::Combined,
        AccessLog::Json => LogFormat::Json,
        AccessLog::Logfmt => LogFormat::Logfmt,
        AccessLog::Ltsv => LogFormat::Ltsv,
    }
}

fn buffer(front: &spec::Front) -> Option<Buffer> {
    front.buffer.map(|size| Buffer { bytes: size.0 as usize, flush: front.flush.duration() })
}

fn embedded(front: &spec::Front, around: &Around<'_>, own: Own) -> Result<Front, RunError> {
    let Around { plan, load, .. } = around;
    let of = &load.streams[usize::from(own.streams[0].0)];
    let plan = FrontPlan {
        run: load.run,
        root: load.root.clone(),
        // In a plain layout the record may have a path of its own, that of the request.
        label: (plan.layout != Layout::Plain).then(|| own.paths.watch.display().to_string()),
        paths: own.paths,
        framing: of.framing,
        format: format(front),
        buffer: buffer(front),
        outlet: own.outlet,
        max_size: of.max_size,
        streams: own.streams,
    };
    let (observer, on_full) = (Arc::clone(&around.observer), Arc::clone(&around.on_full));
    Ok(Front::start(plan, Arc::clone(around.ledger), around.clock, observer, on_full)?)
}

/// nginx is started by the thread that performs the run, so that it ends when that does; its master ends its workers.
fn nginx(front: &spec::Front, around: &Around<'_>, own: Own) -> Result<NginxFront, RunError> {
    let parent = format!("--parent={}", std::process::id());
    let leash = [around.bench.as_os_str().to_owned(), "leash".into(), parent.into(), "--gently".into(), "--".into()];
    let plan = NginxFrontPlan {
        nginx: NginxPlan {
            dir: around.folder.join(format!("nginx-{}", front.name)),
            log: own.paths.live.clone(),
            format: format(front),
            buffer: buffer(front),
            outlet: own.outlet,
            workers: front.workers.unwrap_or(1).into(),
            leash: leash.into(),
        },
        streams: own.streams,
        run: around.load.run,
        root: around.load.root.clone(),
        paths: own.paths,
    };
    Ok(NginxFront::start(plan, Arc::clone(around.ledger), around.clock, Arc::clone(&around.observer))?)
}

impl Fronted {
    /// Begins to ask.
    pub(super) fn start(&mut self, load: &LoadPlan, ledger: &Arc<Ledger>, clock: RunClock) -> Result<(), RunError> {
        let plan = DrivePlan {
            told: self.front.told(),
            after: self.reader.clone(),
            ..DrivePlan::new(self.front.addr(), self.streams.clone())
        };
        self.driver = Some(Driver::start(&plan, load, Arc::clone(ledger), clock)?);
        Ok(())
    }

    pub(super) fn set_rate(&self, factor: f64) {
        self.driver.iter().for_each(|driver| driver.set_rate(factor));
    }

    pub(super) fn late_us(&self) -> u64 {
        self.driver.as_ref().map_or(0, |driver| driver.late().max_us)
    }

    /// Its processes, if it has any of its own.
    pub(super) fn pids(&self) -> Vec<u32> {
        self.front.pids()
    }

    pub(super) fn cannot_write(&self) -> bool {
        !self.front.errors().is_empty() || self.driver.iter().any(|driver| !driver.errors().is_empty())
    }

    /// Asks no more, then closes the log; both reports.
    pub(super) fn stop(self) -> Vec<LoadReport> {
        let (doubts, asked) = match self.driver.map(Driver::stop) {
            Some(report) => (report.doubts, Some(report.load)),
            None => (Vec::new(), None),
        };
        let logged = Arc::into_inner(self.front).map(|front| front.stop(&doubts));
        // What became of the front end explains what became of the requests: it is told first.
        logged.into_iter().chain(asked).collect()
    }
}
