//! `compare` and `gate` as written.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Where baselines are kept unless told otherwise.
pub(crate) const BASELINES: &str = "results/baselines";

#[derive(Debug, Args)]
pub(crate) struct Compare {
    /// The old side and the new side, each a run folder, several with commas between, or a folder of runs
    #[arg(num_args = 2, value_name = "RUN[,RUN...]", required_unless_present = "base", conflicts_with_all = ["base", "new"])]
    pub(crate) sides: Vec<String>,
    /// Runs of the old side
    #[arg(long, num_args = 1.., value_name = "RUN", requires = "new")]
    pub(crate) base: Vec<PathBuf>,
    /// Runs of the new side
    #[arg(long, num_args = 1.., value_name = "RUN", requires = "base")]
    pub(crate) new: Vec<PathBuf>,
    /// Print one JSON document instead
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a text for a pull request, too
    #[arg(long, value_name = "FILE")]
    pub(crate) markdown: Option<PathBuf>,
}

#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub(crate) struct Gate {
    /// Run folders, or folders of runs
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// A baseline, or a folder of baselines named <scenario>-<agent>.toml
    #[arg(long, default_value = BASELINES, value_name = "FILE|DIR")]
    pub(crate) baseline: PathBuf,
    /// Runs of the old build, best performed in turn with the new ones: speed is compared with these
    #[arg(long, num_args = 1.., value_name = "RUN", conflicts_with_all = ["update", "calibrate"])]
    pub(crate) reference: Vec<PathBuf>,
    /// Write the baseline from these runs; rules of an existing one are kept
    #[arg(long)]
    pub(crate) update: bool,
    /// Let the new baseline admit what these runs lost, doubled, ...
    #[arg(long, requires = "update")]
    pub(crate) accept_broken: bool,
    /// Propose rules from these runs of one build; with --update, put them into the baseline
    #[arg(long)]
    pub(crate) calibrate: bool,
    /// Write a text for a pull request
    #[arg(long, value_name = "FILE", conflicts_with_all = ["update", "calibrate"])]
    pub(crate) markdown: Option<PathBuf>,
    /// Write a test report
    #[arg(long, value_name = "FILE", conflicts_with_all = ["update", "calibrate"])]
    pub(crate) junit: Option<PathBuf>,
    /// Print one JSON document instead
    #[arg(long)]
    pub(crate) json: bool,
    /// Lines that a CI picks out of the log
    #[arg(long, value_enum, default_value_t = Annotations::Auto)]
    pub(crate) annotations: Annotations,
}

/// Whose lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Annotations {
    /// Those of the CI that we run in, if any
    Auto,
    /// Workflow commands
    Github,
    /// Folded sections
    Gitlab,
    /// None
    None,
}
