//! Front ends and who asks them: the log of a front end is there before the agent starts, requests come once it runs.

use std::sync::Arc;

use loadgen::{
    clock::RunClock,
    drive::{DrivePlan, Driver},
    front::{Buffer, Front, FrontPlan, LogFormat, Outlet},
    write::{LoadPlan, LoadReport, Observer, OnFull},
};
use results::{identity::StreamId, ledger::Ledger};

use crate::{
    live::{
        RunError, load,
        names::{Names, Whose},
    },
    plan::Plan,
    spec::{self, AccessLog, Layout},
};

/// A front end and its requests.
#[derive(Debug)]
pub(in crate::live) struct Fronted {
    /// The stream that stands for the log.
    pub(in crate::live) lead: StreamId,
    pub(in crate::live) front: Arc<Front>,
    streams: Vec<StreamId>,
    driver: Option<Driver>,
}

/// What front ends need to know of the run.
pub(in crate::live) struct Around<'a> {
    pub(in crate::live) plan: &'a Plan,
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
    let Around { plan, load, .. } = around;
    let streams: Vec<StreamId> = plan.asking(&front.name).collect();
    let lead = *streams.first().expect("a front end that nobody asks was refused");
    let of = &load.streams[usize::from(lead.0)];
    let paths = load::log_of(load, &front.name, lead).expect("the stream is one of the load");
    let root = names.root.clone();
    let outlet = match &front.syslog {
        None => Outlet::File,
        Some(text) => {
            let whose = Whose { name: "", state: &root, logs: &root };
            Outlet::Syslog(names.fill(text, &whose)?.into())
        }
    };
    let plan = FrontPlan {
        run: load.run,
        root: load.root.clone(),
        // In a plain layout the record may have a path of its own, that of the request.
        label: (plan.layout != Layout::Plain).then(|| paths.watch.display().to_string()),
        paths,
        framing: of.framing,
        format: match front.log {
            AccessLog::Combined => LogFormat::Combined,
            AccessLog::Json => LogFormat::Json,
            AccessLog::Logfmt => LogFormat::Logfmt,
            AccessLog::Ltsv => LogFormat::Ltsv,
        },
        buffer: front.buffer.map(|size| Buffer { bytes: size.0 as usize, flush: front.flush.duration() }),
        outlet,
        max_size: of.max_size,
        streams: streams.clone(),
    };
    let (ledger, observer, on_full) =
        (Arc::clone(around.ledger), Arc::clone(&around.observer), Arc::clone(&around.on_full));
    let front = Arc::new(Front::start(plan, ledger, around.clock, observer, on_full)?);
    Ok(Fronted { lead, front, streams, driver: None })
}

impl Fronted {
    /// Begins to ask.
    pub(super) fn start(&mut self, load: &LoadPlan, ledger: &Arc<Ledger>, clock: RunClock) -> Result<(), RunError> {
        let plan = DrivePlan::new(self.front.addr(), self.streams.clone());
        self.driver = Some(Driver::start(&plan, load, Arc::clone(ledger), clock)?);
        Ok(())
    }

    pub(super) fn set_rate(&self, factor: f64) {
        self.driver.iter().for_each(|driver| driver.set_rate(factor));
    }

    pub(super) fn late_us(&self) -> u64 {
        self.driver.as_ref().map_or(0, |driver| driver.late().max_us)
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
        asked.into_iter().chain(logged).collect()
    }
}
