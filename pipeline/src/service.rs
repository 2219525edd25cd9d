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
        atomic::{AtomicU8, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use nix::sys::signalfd::SignalFd;
use thiserror::Error;
use tokio::sync::watch;

use crate::{
    buffer::{Buffer, Lane},
    checkpoint::CheckpointError,
    config::{
        Plan,
        plan::{InputPlan, OutputPlan},
    },
    defects::Defect,
    filter::{Chain, FilterError},
    input::{
        self as input_plugins,
        intake::{Intake, IntakeCounters},
    },
    output::{self, Context, OutputCounters, OutputError},
};

pub(crate) mod clock;
mod input;
mod progress;
mod tail_loop;

use clock::Clock;
use input::Input;

/// The longest that a batch waits for others, whatever `Flush` says, ms.
const LINGER_MAX_MS: u64 = 100;

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
    /// An output ended although nobody asked it to.
    #[error("go on: the output {0} ended by itself; this is a bug, please report it with the log")]
    OutputEnded(String),
}

/// Asks a running service to stop.
#[derive(Debug, Clone)]
pub struct Stop {
    asked: Arc<AtomicU8>,
    buffer: Arc<Buffer>,
}

impl Stop {
    /// Once: drain and end. Twice: end at once.
    pub fn ask(&self) {
        self.asked.fetch_add(1, Ordering::SeqCst);
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

/// A pipeline that is ready to run.
#[derive(Debug)]
pub struct Service {
    clock: Clock,
    buffer: Arc<Buffer>,
    chain: Arc<Chain>,
    inputs: Vec<Input>,
    listeners: Vec<Listener>,
    /// True once the listeners are to end.
    listening: watch::Sender<bool>,
    outputs: Vec<Running>,
    stop: Stop,
    grace_ms: u64,
}

/// An input that is not a file.
#[derive(Debug)]
struct Listener {
    name: String,
    counters: Arc<IntakeCounters>,
    thread: JoinHandle<()>,
}

#[derive(Debug)]
struct Running {
    name: String,
    counters: Arc<OutputCounters>,
    thread: JoinHandle<()>,
}

impl Service {
    /// Opens the checkpoints and starts the outputs.
    pub fn start(plan: &Plan, defect: Option<Defect>) -> Result<Self, ServiceError> {
        let clock = Clock::start();
        let limits = plan.inputs.iter().map(|input| input.buffer_bytes).collect();
        let matches = plan.outputs.iter().map(|output| output.matches.clone()).collect();
        let buffer = Buffer::new(limits, matches);
        let buffer = buffer.map_err(|error| ServiceError::System { what: "make an eventfd", error })?;
        let buffer = Arc::new(buffer.salted(clock.unix_ns() as u64));
        let chain = Arc::new(Chain::open(&plan.filters, &buffer)?);
        let (listening, stopped) = watch::channel(false);
        let (mut inputs, mut listeners) = (Vec::new(), Vec::new());
        for (index, input) in plan.inputs.iter().enumerate() {
            if let Some(tail) = input.tail() {
                inputs.push(Input::open(index, tail, input.buffer_bytes, defect, clock)?);
            } else {
                let intake =
                    Intake::new(&input.name, index, Arc::clone(&buffer), Arc::clone(&chain), clock, stopped.clone());
                listeners.push(listen(input, intake)?);
            }
        }
        let linger = Duration::from_millis(plan.service.flush_ms.min(LINGER_MAX_MS));
        let start = |(index, plan): (usize, &OutputPlan)| {
            let context = Context::new(plan, Arc::clone(&buffer), Lane(index), linger, clock, crate::cli::environment);
            let context =
                context.map_err(|error| ServiceError::Output { name: plan.name.clone(), error: Box::new(error) })?;
            let counters = Arc::clone(&context.counters);
            let (name, plan) = (plan.name.clone(), plan.clone());
            let thread = spawn(&name, move || output::run(plan, context))?;
            Ok(Running { name, counters, thread })
        };
        let outputs = plan.outputs.iter().enumerate().map(start).collect::<Result<_, ServiceError>>()?;
        let stop = Stop { asked: Arc::new(AtomicU8::new(0)), buffer: Arc::clone(&buffer) };
        let grace_ms = plan.service.grace_ms;
        Ok(Self { clock, buffer, chain, inputs, listeners, listening, outputs, stop, grace_ms })
    }

    /// Something to stop it with from another thread.
    pub fn stop(&self) -> Stop {
        self.stop.clone()
    }

    /// Runs until asked to stop, by [`Stop`] or by any signal of `signals`.
    pub fn run(mut self, signals: Option<&SignalFd>) -> Result<Ended, ServiceError> {
        let ended = tail_loop::run(&mut self, signals)?;
        if ended == Ended::Drained {
            for output in self.outputs {
                // A panic was reported by its own thread; everything is delivered.
                let _ = output.thread.join();
            }
        }
        Ok(ended)
    }
}

fn listen(plan: &InputPlan, intake: Intake) -> Result<Listener, ServiceError> {
    let counters = Arc::clone(intake.counters());
    let ready = input_plugins::open(&plan.from)
        .map_err(|error| ServiceError::Input { name: plan.name.clone(), error })?
        .expect("files are stepped by the loop");
    let thread = spawn(&plan.name, move || input_plugins::run(ready, intake))?;
    Ok(Listener { name: plan.name.clone(), counters, thread })
}

/// Runs something on a thread of its own.
fn spawn<F: Future<Output = ()>>(
    name: &str,
    what: impl FnOnce() -> F + Send + 'static,
) -> Result<JoinHandle<()>, ServiceError> {
    let system = |what| move |error| ServiceError::System { what, error };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(system("make a runtime"))?;
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(move || runtime.block_on(what()))
        .map_err(system("start a thread"))
}

#[cfg(test)]
mod tests;
