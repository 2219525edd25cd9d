//! Performing a scenario live: real files, a real process, real sockets, judged at the end.
//!
//! ```text
//! set up ─▶ warm up ─▶ measure ────────────────▶ drain ─▶ judge
//!           load       load, hands, faults       books still moving?
//! ```
//! One control thread (this one) owns the phases, the agent and the faults; writers, receiver and hands have threads of their own
//! and say what they do on the bus. Every exit passes through the guards of [`stage::Stage`], so nothing is left running.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use loadgen::front::FrontError;
use pipeline::defects::Defect;
use results::{event::Event, outcome::Outcome};
use thiserror::Error;

use crate::{agents::Agent, plan::Plan};

mod begun;
mod bus;
mod by_hand;
mod child;
pub(crate) mod clock;
mod control;
mod faults;
mod ground;
mod hands;
mod kube;
mod limits;
mod links;
mod load;
mod names;
mod net;
pub mod orders;
mod pens;
mod places;
mod probes;
mod processes;
mod restart;
mod routes;
mod sockets;
mod sources;
mod stage;
mod sweep;
mod trial;
mod usage;

pub use ground::{FileSystem, GroundError};
pub use sweep::{Swept, sweep};

/// How a scenario is to be performed.
#[derive(Debug, Clone)]
pub struct How {
    /// The agent to put to the test.
    pub agent: Agent,
    /// A defect to plant in it.
    pub defect: Option<Defect>,
    /// Decides payloads, fault times, container ids.
    pub seed: u64,
    /// Where the run folder is made.
    pub out: PathBuf,
    /// Our own program, to start children with.
    pub bench: PathBuf,
    /// Set to break the run off.
    pub broken_off: Arc<AtomicBool>,
    /// Keep the written log files.
    pub keep: bool,
    /// The command that repeats this run.
    pub repeat: String,
    /// What a person asks for while it runs; keep a clone of it.
    pub orders: orders::Orders,
}

impl How {
    fn is_broken_off(&self) -> bool {
        self.broken_off.load(Ordering::Relaxed)
    }
}

/// The bench could not perform the run.
#[derive(Debug, Error)]
pub enum RunError {
    /// The place is unfit.
    #[error(transparent)]
    Ground(#[from] ground::GroundError),
    /// The agent could not be started.
    #[error(transparent)]
    Agent(#[from] child::AgentError),
    /// The run folder could not be made or written.
    #[error(transparent)]
    Folder(#[from] results::run::RunError),
    /// The books could not be kept.
    #[error(transparent)]
    Books(#[from] results::ledger::LedgerError),
    /// The writers could not be started.
    #[error(transparent)]
    Write(#[from] loadgen::write::WriteError),
    /// The receiver could not be started.
    #[error(transparent)]
    Receive(#[from] loadgen::receive::ReceiveError),
    /// The receiver of datagrams could not be started.
    #[error(transparent)]
    Datagrams(#[from] loadgen::receive::DatagramError),
    /// A front end could not be started.
    #[error(transparent)]
    Front(#[from] loadgen::front::FrontError),
    /// Nobody can ask.
    #[error(transparent)]
    Drive(#[from] loadgen::drive::DriveError),
    /// A link could not be laid.
    #[error(transparent)]
    Link(#[from] links::LinksError),
    /// The Kubernetes API server could not be started.
    #[error(transparent)]
    Kube(#[from] kube::KubeStartError),
    /// A name in braces stands for nothing.
    #[error(transparent)]
    Name(#[from] names::NameError),
    /// The work folder could not be marked.
    #[error(transparent)]
    Root(#[from] chaos::inject::root::RootError),
    /// The faults cannot be planned.
    #[error(transparent)]
    Plan(#[from] chaos::plan::PlanError),
}

/// Performs a scenario and judges it; every event is handed to `watch` as it happens.
pub fn run(plan: &Plan, how: &How, watch: &mut dyn FnMut(&Event)) -> Result<Outcome, RunError> {
    let file_system = ground::inspect(&how.out, plan)?;
    sweep(&how.out);
    // Before anything is started: threads and children inherit it.
    let net = net::RunNet::enter(plan);
    let mut trial = trial::Trial::open(plan, how, file_system, watch)?;
    net.tell(plan, &trial);
    if !file_system.reuses_inodes() && plan.contract.proof.inodes_reused > 0 {
        trial.unknown(format!(
            "{} under {} never hands an inode number out twice; put --out on ext4 or xfs",
            file_system.name(),
            how.out.display()
        ));
        return trial.judge_without_running();
    }
    let mut stage = match stage::Stage::set_up(plan, how, &trial) {
        Err(RunError::Front(error @ FrontError::Nginx(_))) => {
            trial.unknown(format!("no front end: {error}"));
            return trial.judge_without_running();
        }
        stage => stage?,
    };
    control::perform(plan, how, &mut stage, &mut trial)?;
    trial.judge(stage)
}
