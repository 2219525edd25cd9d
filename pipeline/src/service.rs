//! The process: inputs on one thread, each output on its own, batches between them in the buffer.
//!
//! ```text
//! tail loop:  acks ─▶ tailer ─▶ checkpoint      one turn = one step of each input
//!             step ─▶ Chunk ─▶ parser ─▶ buffer
//!             nothing to do ─▶ poll(notifications, wake-up by an output, signals, next deadline)
//! ```
//! A checkpoint is written at once after the acks that move it. The first request to stop ends the reading, lets the
//! outputs drain within `Grace`, and stores the last checkpoint; the second ends at once, which loses nothing either:
//! what was not acknowledged is read again at the next start.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU8, Ordering},
    },
    time::Duration,
};

use nix::sys::signalfd::SignalFd;
use thiserror::Error;
use tokio::sync::watch;

use crate::{
    buffer::{Buffer, Lane, StoreError},
    checkpoint::CheckpointError,
    config::{
        Plan,
        plan::{InputPlan, OutputPlan},
    },
    defects::Defect,
    filter::{Chain, FilterError},
    input::{self as input_plugins, intake::Intake},
    output::{self, Context, OutputError},
};

pub(crate) mod board;
pub(crate) mod clock;
mod health;
mod input;
pub(crate) mod log;
pub(crate) mod pages;
mod progress;
mod tail_loop;
mod threads;
mod unread;

use board::Board;
use clock::Clock;
use health::Watch;
use input::Input;
use threads::{Listener, Running};

/// The longest that a batch waits for others, whatever `Flush` says, ms.
const LINGER_MAX_MS: u64 = 100;
/// From one posting of the figures to the next, ms.
const PUBLISH_MS: u64 = 250;

/// Why the process did not start or did not go on; fits after "failed to".
#[derive(Debug, Error)]
pub enum ServiceError {
    /// Checkpoints cannot be read or written.
    #[error("keep checkpoints in {path}: {error}")]
    Checkpoint {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: CheckpointError,
    },
    /// The system refused something.
    #[error("{what}: {error}; check the limits of the process")]
    System {
        /// What was asked for.
        what: &'static str,
        /// What it said.
        error: std::io::Error,
    },
    /// Records cannot be kept on disk.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// An output cannot start.
    #[error("start the output {name}: {error}")]
    Output {
        /// Its name.
        name: String,
        /// Why.
        error: Box<OutputError>,
    },
    /// An input cannot be opened.
    #[error("{error} (input {name})")]
    Input {
        /// Which one.
        name: String,
        /// What is wrong.
        error: input_plugins::listen::ListenError,
    },
    /// A filter cannot start.
    #[error(transparent)]
    Filter(#[from] FilterError),
    /// A filter panicked.
    #[error(
        "go on: the filter {0} panicked; nothing of what it had was answered for, and it comes again at the next start; this is a bug, please report it with the log"
    )]
    FilterPanicked(String),
    /// An output ended although nobody asked it to.
    #[error("go on: the output {0} ended by itself; this is a bug, please report it with the log")]
    OutputEnded(String),
}

/// Asks a running service to stop.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: Arc<AtomicU8>,
    reload: Arc<AtomicBool>,
    buffer: Arc<Buffer>,
}

impl Stop {
    /// Once: drain and end. Twice: end at once.
    pub fn ask(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
        self.buffer.wake();
    }

    /// Asks for another plan instead of an end; whoever runs the service knows where to get it.
    pub fn reload(&self) {
        self.reload.store(true, Ordering::SeqCst);
        self.buffer.wake();
    }

    fn times(&self) -> u8 {
        self.asked.load(Ordering::SeqCst)
    }
}

/// How a service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// Everything that was read has been delivered.
    Drained,
    /// The grace time was over first; the rest is read again at the next start.
    GraceOver,
    /// It was asked twice.
    AtOnce,
}

/// What outlives a service: the process that starts one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Office {
    pub(crate) clock: Clock,
    pub(crate) started_unix_s: u64,
    /// Services that took over from another one.
    pub(crate) reloads: u64,
    /// Where the figures are put up.
    pub(crate) board: Board,
    /// Whether anybody looks at them.
    pub(crate) watched: bool,
}

impl Office {
    /// A process that starts now.
    pub(crate) fn open() -> Self {
        let clock = Clock::start();
        let started_unix_s = (clock.unix_ns() / 1_000_000_000) as u64;
        Self { clock, started_unix_s, reloads: 0, board: Board::default(), watched: false }
    }
}

/// A pipeline that is ready to run.
#[derive(Debug)]
pub struct Service {
    clock: Clock,
    office: Office,
    watch: Watch,
    /// Name and limit of each input, in the order of the plan.
    names: Vec<String>,
    limits: Vec<usize>,
    /// Inputs whose records cannot be read again.
    fleeting: Vec<usize>,
    buffer: Arc<Buffer>,
    chain: Arc<Chain>,
    inputs: Vec<Input>,
    listeners: Vec<Listener>,
    /// True once the listeners are to end.
    listening: watch::Sender<bool>,
    outputs: Vec<Running>,
    /// True once the threads are to end as they are.
    given_up: watch::Sender<bool>,
    stop: Stop,
    grace_ms: u64,
}

impl Service {
    /// Opens the checkpoints and starts the outputs.
    pub fn start(plan: &Plan, defect: Option<Defect>) -> Result<Self, ServiceError> {
        Self::start_in(&Office::open(), plan, defect)
    }

    /// As [`Service::start`], within a process that may have run another service before.
    pub(crate) fn start_in(office: &Office, plan: &Plan, defect: Option<Defect>) -> Result<Self, ServiceError> {
        let clock = office.clock;
        let limits: Vec<usize> = plan.inputs.iter().map(|input| input.buffer_bytes).collect();
        let matches = plan.outputs.iter().map(|output| output.matches.clone()).collect();
        let buffer = Buffer::new(limits.clone(), matches);
        let buffer = buffer.map_err(|error| ServiceError::System { what: "make an eventfd", error })?;
        let salt = clock.unix_ns() as u64;
        let buffer = Arc::new(buffer.salted(salt).kept(plan, salt)?);
        let chain = Arc::new(Chain::open(&plan.filters, &buffer)?.planted(defect));
        let (listening, stopped) = watch::channel(false);
        let (given_up, giving_up) = watch::channel(false);
        let (mut inputs, mut listeners) = (Vec::new(), Vec::new());
        for (index, input) in plan.inputs.iter().enumerate() {
            if let Some(tail) = input.tail() {
                inputs.push(Input::open(index, input, tail, defect, clock)?);
            } else {
                let intake =
                    Intake::new(&input.name, index, Arc::clone(&buffer), Arc::clone(&chain), clock, stopped.clone());
                listeners.push(listen(index, input, intake, giving_up.clone())?);
            }
        }
        let linger = Duration::from_millis(plan.service.flush_ms.min(LINGER_MAX_MS));
        let start = |(index, plan): (usize, &OutputPlan)| {
            let context = Context::new(plan, Arc::clone(&buffer), Lane(index), linger, clock, crate::cli::environment);
            let mut context =
                context.map_err(|error| ServiceError::Output { name: plan.name.clone(), error: Box::new(error) })?;
            context.defect = defect;
            let counters = Arc::clone(&context.counters);
            let (name, level, plan) = (plan.name.clone(), plan.log_level, plan.clone());
            let thread = threads::spawn(&name, level, giving_up.clone(), move || output::run(plan, context))?;
            Ok(Running { name, counters, thread })
        };
        let outputs = plan.outputs.iter().enumerate().map(start).collect::<Result<_, ServiceError>>()?;
        Ok(Self {
            clock,
            office: office.clone(),
            watch: Watch::new(plan.service.health, limits.len()),
            names: plan.inputs.iter().map(|input| input.name.clone()).collect(),
            limits,
            fleeting: (0..plan.inputs.len()).filter(|&index| !plan.inputs[index].can_be_read_again()).collect(),
            chain,
            inputs,
            listeners,
            listening,
            outputs,
            given_up,
            stop: Stop { asked: Arc::default(), reload: Arc::default(), buffer: Arc::clone(&buffer) },
            buffer,
            grace_ms: plan.service.grace_ms,
        })
    }

    /// Something to stop it with from another thread.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Runs until asked to stop, by [`Stop`] or by any signal of `signals`.
    pub fn run(self, signals: Option<&SignalFd>) -> Result<Ended, ServiceError> {
        self.run_or_reload(signals, &mut || None).map(|(ended, _)| ended)
    }

    /// As [`Service::run`]; asked to reload, it gets another plan from `next`, if there is one, stops without losing
    /// anything and gives the plan back. All its threads have ended then.
    pub(crate) fn run_or_reload(
        mut self,
        signals: Option<&SignalFd>,
        next: &mut dyn FnMut() -> Option<Plan>,
    ) -> Result<(Ended, Option<Plan>), ServiceError> {
        let (ended, next) = tail_loop::run(&mut self, signals, next)?;
        if ended != Ended::Drained {
            let _ = self.given_up.send(true);
        }
        if ended == Ended::Drained || next.is_some() {
            // A panic was reported by its own thread. Listeners go first: as long as one lives, it may tell its peer
            // that something was taken.
            self.listeners.into_iter().for_each(|listener| drop(listener.thread.join()));
            self.outputs.into_iter().for_each(|output| drop(output.thread.join()));
        }
        Ok((ended, next))
    }

    /// Puts the figures up from time to time.
    fn publish(&mut self, now_ms: u64) {
        if self.office.watched && now_ms >= self.office.board.read().at_ms + PUBLISH_MS {
            let mut figures = self.figures(now_ms);
            figures.unwell = self.watch.judge(&figures);
            self.office.board.put(figures);
        }
    }
}

fn listen(
    index: usize,
    plan: &InputPlan,
    intake: Intake,
    given_up: watch::Receiver<bool>,
) -> Result<Listener, ServiceError> {
    let counters = Arc::clone(intake.counters());
    let name = plan.name.clone();
    let ready = input_plugins::open(&plan.from)
        .map_err(|error| ServiceError::Input { name: name.clone(), error })?
        .expect("files are stepped by the loop");
    let thread = threads::spawn(&name, plan.log_level, given_up, move || input_plugins::run(ready, intake))?;
    Ok(Listener { index, name, counters, thread })
}

#[cfg(test)]
mod tests;
