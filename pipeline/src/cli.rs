//! The command `tailproof pipeline`: read the configuration, say what it means, or run it until told to stop.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::{SfdFlags, SignalFd},
};
use thiserror::Error;

use crate::{
    config::{Config, ConfigError, Plan},
    defects::Defect,
    service::{
        Office, Service, ServiceError,
        log::Log,
        pages::{Pages, PagesError},
    },
};

/// What the command line says.
#[derive(Debug, Clone)]
pub struct PipelineArgs {
    /// The configuration.
    pub config: PathBuf,
    /// Only validate the configuration and print the settled plan.
    pub dry_run: bool,
    /// A planted bug to run with.
    pub defect: Option<Defect>,
}

/// Why the pipeline did not start or did not go on; fits after "failed to".
#[derive(Debug, Error)]
pub enum PipelineError {
    /// The configuration cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The pipeline could not start or go on.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The log cannot be written.
    #[error("open the log {0}; correct Log_File in [SERVICE]")]
    Log(std::io::Error),
    /// The pages cannot be shown.
    #[error(transparent)]
    Pages(#[from] PagesError),
    /// Signals cannot be caught.
    #[error("catch SIGTERM, SIGINT and SIGHUP: {0}; check the limits of the process")]
    Signals(nix::Error),
    /// Standard output is gone.
    #[error("print the plan: {0}")]
    Print(std::io::Error),
}

/// Runs the pipeline until SIGTERM or SIGINT; the first drains within the grace time, the second ends at once. SIGHUP
/// reads the configuration again: a broken one is refused and the running one goes on.
/// Must be called before any other thread is started, because these signals are blocked and read from a descriptor.
pub fn run(args: &PipelineArgs) -> Result<(), PipelineError> {
    let config = Config::load(&args.config, &environment)?;
    let plan = config.plan()?;
    if args.dry_run {
        return print(&config.settled());
    }
    let signals = signals().map_err(PipelineError::Signals)?;
    let log = Log::start(&plan).map_err(PipelineError::Log)?;
    if let Some(defect) = args.defect {
        banner(defect);
    }
    let mut office = Office::open();
    let mut pages = Pages::open(&plan.service, &office.board, office.clock)?;
    office.watched = pages.is_some();
    let mut service = Service::start_in(&office, &plan, args.defect)?;
    let mut running = plan;
    loop {
        let (_, next) = service.run_or_reload(Some(&signals), &mut || reread(&args.config))?;
        let Some(next) = next else { return Ok(()) };
        if let Err(error) = log.follow(&next) {
            tracing::error!(%error, "reload: the log stays where it is");
        }
        pages = follow(pages, &next, &office);
        (office.watched, office.reloads) = (pages.is_some(), office.reloads + 1);
        (service, running) = match Service::start_in(&office, &next, args.defect) {
            Ok(service) => (service, next),
            Err(error) => {
                tracing::error!(%error, "reload: the new configuration cannot start, the old one goes on");
                (Service::start_in(&office, &running, args.defect)?, running)
            }
        };
        tracing::info!(times = office.reloads, "reloaded");
    }
}

/// The plan that the file says now, if it says one.
fn reread(path: &Path) -> Option<Plan> {
    match Config::load(path, &environment).and_then(|config| config.plan()) {
        Ok(plan) => Some(plan),
        Err(error) => {
            tracing::error!("reload refused, the running configuration goes on: failed to {error}");
            None
        }
    }
}

/// The pages that a new plan wants. Those that cannot be opened are missed in the log only: records matter more.
fn follow(pages: Option<Pages>, plan: &Plan, office: &Office) -> Option<Pages> {
    if let Some(pages) = pages {
        if pages.suits(&plan.service) {
            return Some(pages);
        }
        pages.close();
    }
    Pages::open(&plan.service, &office.board, office.clock).unwrap_or_else(|error| {
        tracing::error!("reload: failed to {error}");
        None
    })
}

/// Blocked, so that they are read from the descriptor by the loop and nobody is interrupted.
fn signals() -> nix::Result<SignalFd> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGTERM);
    mask.add(Signal::SIGINT);
    mask.add(Signal::SIGHUP);
    mask.thread_block()?;
    SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}

/// Whatever the log level: a run with a planted bug must never pass for another.
fn banner(defect: Defect) {
    let about = defect.about();
    let rule = "!".repeat(72);
    let text = format!("{rule}\n!! PLANTED DEFECT: {}\n!! {}\n!! {rule}\n", about.id, about.effect);
    // Without standard error there is nobody to warn.
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}

fn print(text: &str) -> Result<(), PipelineError> {
    write!(std::io::stdout().lock(), "{text}").map_err(PipelineError::Print)
}

#[expect(clippy::disallowed_methods, reason = "this is the pipeline's own door to the environment")]
pub(crate) fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
