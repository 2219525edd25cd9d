//! Threads of outputs and of inputs that are no files: each with a runtime of its own, ended at once when the service that
//! started it is given up.

use std::{sync::Arc, thread::JoinHandle};

use tokio::sync::watch;

use super::{ServiceError, log::Scope};
use crate::{config::plan::LogLevel, input::intake::IntakeCounters, output::OutputCounters};

/// An input that is not a file.
#[derive(Debug)]
pub(super) struct Listener {
    /// Which input of the plan.
    pub(super) index: usize,
    pub(super) name: String,
    pub(super) counters: Arc<IntakeCounters>,
    pub(super) thread: JoinHandle<()>,
}

/// An output.
#[derive(Debug)]
pub(super) struct Running {
    pub(super) name: String,
    pub(super) counters: Arc<OutputCounters>,
    pub(super) thread: JoinHandle<()>,
}

/// Runs something on a thread of its own until it ends by itself, or `given_up` says so or has nobody behind it any more.
pub(super) fn spawn<F: Future<Output = ()>>(
    name: &str,
    level: Option<LogLevel>,
    mut given_up: watch::Receiver<bool>,
    what: impl FnOnce() -> F + Send + 'static,
) -> Result<JoinHandle<()>, ServiceError> {
    let system = |what| move |error| ServiceError::System { what, error };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(system("make a runtime"))?;
    let work = move || {
        let _scope = Scope::enter(level);
        runtime.block_on(async {
            tokio::select! {
                () = what() => {}
                _ = given_up.wait_for(|given_up| *given_up) => {}
            }
        });
        // A name that is being looked up must not hold the end up.
        runtime.shutdown_background();
    };
    std::thread::Builder::new().name(name.to_owned()).spawn(work).map_err(system("start a thread"))
}
