//! `report` as written.

use std::path::PathBuf;

use clap::Args;
use dashboards::redact::Secret;

use super::OUT;

pub(super) const EXAMPLES: &str = "Examples:
  tailproof report results/runs/20261121T101500Z-tail-stall-builtin
  tailproof report 20261121T1015                                     an unambiguous beginning of its name is enough
  tailproof report RUN --html page.html --markdown comment.md --junit cases.xml
  tailproof report RUN --json
  tailproof report RUN --html page.html --redact paths,hosts,payload   for eyes that must not see them
  tailproof report RUN RUN --html side-by-side.html
  tailproof report --history results/runs --html trends.html

FILE may be - for standard output. Without FILE, the page goes into the run's folder, everything else to standard output.";

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// Run folders, or beginnings of their names; several are put side by side
    #[arg(required_unless_present = "history", value_name = "RUN")]
    pub(crate) runs: Vec<PathBuf>,
    /// The page: one file that asks nobody for anything; for several runs a comparison
    #[arg(long, num_args = 0..=1, value_name = "FILE")]
    #[expect(clippy::option_option, reason = "absent, without a file, with a file: three things a person may mean")]
    pub(crate) html: Option<Option<PathBuf>>,
    /// For a pull request: the worst first, less than 64 kB
    #[arg(long, num_args = 0..=1, value_name = "FILE")]
    #[expect(clippy::option_option, reason = "as above")]
    pub(crate) markdown: Option<Option<PathBuf>>,
    /// For a pipeline: one test case for each book and rule
    #[arg(long, num_args = 0..=1, value_name = "FILE")]
    #[expect(clippy::option_option, reason = "as above")]
    pub(crate) junit: Option<Option<PathBuf>>,
    /// The outcome as one document a line
    #[arg(long, num_args = 0..=1, value_name = "FILE")]
    #[expect(clippy::option_option, reason = "as above")]
    pub(crate) json: Option<Option<PathBuf>>,
    /// The charts and the timeline of one run as a picture
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Leave out of every form, whatever tells it: paths, hosts, payload, or several with commas between
    #[arg(long, value_delimiter = ',', value_name = "WHAT", conflicts_with = "history")]
    pub(crate) redact: Vec<Secret>,
    /// Trends over the runs that this folder holds, instead of single runs
    #[arg(long, value_name = "DIR", conflicts_with_all = ["runs", "junit"])]
    pub(crate) history: Option<PathBuf>,
    /// Where runs are looked for by their names
    #[arg(long, default_value = OUT, value_name = "DIR")]
    pub(crate) out: PathBuf,
}
