//! The arguments of `capacity`.

use std::path::PathBuf;

use clap::Args;

/// Where searches are kept unless told otherwise.
pub(crate) const OUT: &str = "results/capacity";

pub(crate) const EXAMPLES: &str = "Examples:
  tailproof capacity steady
  tailproof capacity tail-stall --both --length 20s --svg capacity.svg
  tailproof capacity tail-stall --latency-p99 500ms --from 20k/s --to 200k/s --json

A rate is sustained if its books are clean, no stream stalls, the backlog does not grow, latency stays within its limit and
the bench itself is on schedule.
Exit codes: 0 an answer, 1 not even the lowest rate held, 2 usage or bench error, 3 no stable answer, 130 interrupted (what was found is kept)";

#[derive(Debug, Args)]
pub(crate) struct Capacity {
    /// Name of a shipped scenario, or a path
    pub(crate) scenario: String,
    /// The agent to put to the test
    #[arg(long, default_value = "builtin", value_name = "NAME")]
    pub(crate) agent: String,
    /// Plant this defect in the builtin agent (see `tailproof defects`)
    #[arg(long, value_name = "ID")]
    pub(crate) defect: Option<String>,
    /// Length of a full trial's measure stretch; trials far from the answer are half as long
    #[arg(long, default_value = "10s", value_name = "D")]
    pub(crate) length: String,
    /// First rate; absent: that of the scenario
    #[arg(long, value_name = "R")]
    pub(crate) from: Option<String>,
    /// Highest rate to be tried; absent: as far as the bench gets
    #[arg(long, value_name = "R")]
    pub(crate) to: Option<String>,
    /// Delivery latency that 99 of 100 records must stay within, such as 500ms
    #[arg(long, value_name = "D")]
    pub(crate) latency_p99: Option<String>,
    /// Leave rotation, swaps and removals out
    #[arg(long, conflicts_with = "both")]
    pub(crate) no_rotation: bool,
    /// Search twice, with rotation and without, into one table
    #[arg(long)]
    pub(crate) both: bool,
    /// Repeat the payloads of an earlier search
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Change one value of the scenario; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Also write the chart to this file; it always is in the folder of the search
    #[arg(long, value_name = "FILE")]
    pub(crate) svg: Option<PathBuf>,
    /// Where folders of searches are made; must be on a real file system
    #[arg(long, default_value = OUT, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Print the JSON document on standard output, nothing else there
    #[arg(long)]
    pub(crate) json: bool,
}
