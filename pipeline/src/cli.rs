//! The command `tailproof pipeline`: read the configuration, say what it means, or run it until told to stop.

use std::{io::Write, path::PathBuf};

use nix::sys::{
    signal::{SigSet, Signal},
    signalfd::{SfdFlags, SignalFd},
};
use thiserror::Error;

use crate::{
    config::{Config, ConfigError, plan::LogLevel},
    defects::Defect,
    service::{Service, ServiceError},
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
    /// Signals cannot be caught.
    #[error("catch SIGTERM and SIGINT: {0}; check the limits of the process")]
    Signals(nix::Error),
    /// Standard output is gone.
    #[error("print the plan: {0}")]
    Print(std::io::Error),
}

/// Runs the pipeline until SIGTERM or SIGINT; the first drains within the grace time, the second ends at once.
/// Must be called before any other thread is started, because both signals are blocked and read from a descriptor.
pub fn run(args: &PipelineArgs) -> Result<(), PipelineError> {
    let config = Config::load(&args.config, &environment)?;
    let plan = config.plan()?;
    if args.dry_run {
        return print(&config.settled());
    }
    log(plan.service.log_level);
    let signals = signals().map_err(PipelineError::Signals)?;
    if let Some(defect) = args.defect {
        banner(defect);
    }
    Service::start(&plan, args.defect)?.run(Some(&signals))?;
    Ok(())
}

/// Blocked, so that they are read from the descriptor by the loop and nobody is interrupted.
fn signals() -> nix::Result<SignalFd> {
    let mut mask = SigSet::empty();
    mask.add(Signal::SIGTERM);
    mask.add(Signal::SIGINT);
    mask.thread_block()?;
    SignalFd::with_flags(&mask, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)
}

fn log(level: LogLevel) {
    let level = match level {
        LogLevel::Off => return,
        LogLevel::Error => tracing::Level::ERROR,
        LogLevel::Warn => tracing::Level::WARN,
        LogLevel::Info => tracing::Level::INFO,
        LogLevel::Debug => tracing::Level::DEBUG,
        LogLevel::Trace => tracing::Level::TRACE,
    };
    let subscriber = tracing_subscriber::fmt().with_writer(std::io::stderr).with_target(false).with_max_level(level);
    // Somebody who embeds the pipeline may have set up the log already; then theirs stays.
    let _ = subscriber.try_init();
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
