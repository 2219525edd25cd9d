//! The command line as written.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

mod capacity;
mod gate;
mod report;

pub(crate) use capacity::{Capacity, OUT as SEARCHES};
pub(crate) use gate::{Annotations, Compare, Gate};
pub(crate) use report::Report;

/// Drives a log collector hard while its files are rotated, gzipped and swapped, and tells exactly what it lost, doubled or stopped reading.
#[derive(Debug, Parser)]
#[command(version, about, long_about = None, after_help = EXAMPLES)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) verb: Option<Verb>,
}

const EXAMPLES: &str = "Examples:
  tailproof run tail-stall                                           does every path keep moving?
  tailproof run tail-stall --defect stale-membership-inode-reuse     see the bug happen
  tailproof list                                                     what else can be asked";

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Perform scenarios live and judge them
    #[command(after_help = "Examples:
  tailproof run tail-stall
  tailproof run rename-gap --defect rename-create-gap --seed 7
  tailproof run --all --json > results.jsonl
  tailproof run ./mine.toml --set time.measure=30s --rate 50k/s

Exit codes: 0 pass, 1 a promise was broken, 2 usage or bench error, 3 proves nothing, 130 interrupted")]
    Run(Run),
    /// List the shipped scenarios with the question each answers
    #[command(after_help = "Examples:\n  tailproof list\n  tailproof list --json")]
    List {
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// See the bench catch a planted bug: twenty seconds, nothing to install
    #[command(after_help = "Example:\n  tailproof demo")]
    Demo {
        /// Where the run folder is made
        #[arg(long, default_value = OUT, value_name = "DIR")]
        out: PathBuf,
    },
    /// Find the highest rate at which nothing is lost, stalled or late
    #[command(after_help = capacity::EXAMPLES)]
    Capacity(Capacity),
    /// Tell what this machine can and cannot prove, with the remedy
    #[command(
        after_help = "Examples:\n  tailproof doctor\n  tailproof doctor --out /data/runs --json\n\nExit codes: 0 fit, 3 runs prove nothing here"
    )]
    Doctor {
        /// Where runs would be made
        #[arg(long, default_value = OUT, value_name = "DIR")]
        out: PathBuf,
        /// Print one JSON document
        #[arg(long)]
        json: bool,
    },
    /// Print a completion script for a shell
    #[command(
        after_help = "Examples:\n  tailproof completions bash > /etc/bash_completion.d/tailproof\n  tailproof completions zsh > ~/.zfunc/_tailproof"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write those of all verbs
    #[command(after_help = "Examples:\n  tailproof man | man -l -\n  tailproof man --out ~/.local/share/man/man1")]
    Man {
        /// Write one page a verb into this folder
        #[arg(long, value_name = "DIR")]
        out: Option<PathBuf>,
    },
    /// Print a scenario with every default settled
    #[command(after_help = "Example:\n  tailproof show tail-stall")]
    Show {
        /// Name of a shipped scenario, or a path
        scenario: String,
    },
    /// Validate scenario files, or print their JSON Schema
    #[command(after_help = "Examples:\n  tailproof check mine.toml\n  tailproof check --schema > scenario.schema.json")]
    Check {
        /// Files, or names of shipped scenarios
        #[arg(required_unless_present = "schema")]
        files: Vec<String>,
        /// Print the JSON Schema for editors
        #[arg(long)]
        schema: bool,
    },
    /// List the defects that can be planted in the builtin agent
    #[command(after_help = "Example:\n  tailproof defects")]
    Defects,
    /// Tell what changed between runs
    #[command(after_help = "Examples:
  tailproof compare results/runs/A results/runs/B
  tailproof compare A1,A2,A3,A4,A5 B1,B2,B3,B4,B5
  tailproof compare --base old/* --new new/*

Exit codes: 0 nothing grew worse beyond the noise, 1 something did, 2 usage or file error")]
    Compare(Compare),
    /// Hold runs to a baseline: books exactly, speed statistically
    #[command(after_help = "Examples:
  tailproof gate results/runs/*-steady-builtin --update        write the baseline
  tailproof gate results/runs/*-steady-builtin                 hold new runs to it
  tailproof gate new/* --reference old/* --markdown gate.md    speed against runs of the same session
  tailproof gate results/runs/* --calibrate                    what is noise here, what would be news?

Exit codes: 0 pass, 1 broken or slower, 2 usage or file error, 3 cannot be told (no baseline, too few runs, another machine)")]
    Gate(Gate),
    /// The dashboard over a stored or running run: play, pause, seek; several runs stand side by side
    #[command(
        after_help = "Examples:\n  tailproof watch results/runs/20261121T101500Z-tail-stall-builtin\n  tailproof watch 20261121T1015 --at 0:07 --speed 2\n  tailproof watch RUN OTHER-RUN\n\nKeys: ? shows them all, q leaves"
    )]
    Watch(Watch),
    /// Write stored runs out: as text, page, Markdown, JUnit, JSON or picture; side by side; over time
    #[command(after_help = report::EXAMPLES)]
    Report(Report),
    /// Run the log pipeline alone, as an agent
    #[command(
        after_help = "Examples:\n  tailproof pipeline -c pipeline.conf --dry-run\n  tailproof pipeline -c pipeline.conf"
    )]
    Pipeline(Pipeline),
    /// Undo what killed runs left behind: processes, work files
    #[command(after_help = "Example:\n  tailproof cleanup")]
    Cleanup {
        /// Folder of the runs
        #[arg(long, default_value = OUT)]
        out: PathBuf,
    },
    /// Start a program that ends when the bench does
    #[command(hide = true)]
    Leash {
        /// Process id of the bench
        #[arg(long)]
        parent: u32,
        /// Control group to enter first: its file `cgroup.procs`
        #[arg(long)]
        enter: Vec<PathBuf>,
        /// Ask it to end (SIGTERM) instead of killing it: it has processes of its own to end
        #[arg(long)]
        gently: bool,
        /// Program and arguments
        #[arg(last = true, required = true)]
        command: Vec<std::ffi::OsString>,
    },
}

/// Where runs are kept unless told otherwise.
pub(crate) const OUT: &str = "results/runs";

#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Names of shipped scenarios, or paths
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) scenarios: Vec<String>,
    /// Every shipped scenario
    #[arg(long)]
    pub(crate) all: bool,
    /// The agent to put to the test
    #[arg(long, default_value = "builtin", value_name = "NAME")]
    pub(crate) agent: String,
    /// Plant this defect in the builtin agent (see `tailproof defects`)
    #[arg(long, value_name = "ID")]
    pub(crate) defect: Option<String>,
    /// Repeat exactly this run; absent: a new seed, printed with the verdict
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
    /// Another length of the measure stretch, such as 30s
    #[arg(long, value_name = "D")]
    pub(crate) duration: Option<String>,
    /// Another total rate, such as 50k/s
    #[arg(long, value_name = "R")]
    pub(crate) rate: Option<String>,
    /// Change one value of the scenario; may be given again
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,
    /// Perform each scenario so many times, each with the next seed
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "N")]
    pub(crate) repeat: u32,
    /// Where run folders are made; must be on a real file system (tmpfs never reuses inodes)
    #[arg(long, default_value = OUT, value_name = "DIR")]
    pub(crate) out: PathBuf,
    /// Do not show warnings of this name (each names itself in brackets); may be given again
    #[arg(long, value_name = "NAME")]
    pub(crate) no_warn: Vec<String>,
    /// How progress is shown
    #[arg(long, value_enum, default_value_t = Ui::Auto)]
    pub(crate) ui: Ui,
    /// Colours of the dashboard; absent: what `TAILPROOF_THEME` says, or auto
    #[arg(long, value_enum)]
    pub(crate) theme: Option<Theme>,
    /// One JSON document a run on standard output, nothing else there
    #[arg(long)]
    pub(crate) json: bool,
    /// Keep the written log files in the run folder
    #[arg(long)]
    pub(crate) keep: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// Run folders, or the begins of the names of runs in results/runs
    #[arg(required = true, value_name = "RUN")]
    pub(crate) runs: Vec<String>,
    /// Where to begin, such as 2:40; absent: at the begin, or at the end of a run that is under way
    #[arg(long, value_name = "TIME")]
    pub(crate) at: Option<String>,
    /// Seconds of the run a second
    #[arg(long, default_value_t = 1.0, value_parser = speed, value_name = "N")]
    pub(crate) speed: f64,
    /// Colours; absent: what `TAILPROOF_THEME` says, or auto
    #[arg(long, value_enum)]
    pub(crate) theme: Option<Theme>,
}

/// Colours of the dashboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Theme {
    /// Tones that dark and light terminals both bear
    Auto,
    /// Bright tones, for a dark background
    Dark,
    /// Deep tones, for a light background
    Light,
    /// No colours
    Mono,
}

fn speed(text: &str) -> Result<f64, String> {
    let speed: Result<f64, _> = text.parse();
    speed
        .ok()
        .filter(|speed| (0.125..=1024.0).contains(speed))
        .ok_or_else(|| "write a number from 0.125 to 1024".into())
}

/// How progress is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Ui {
    /// A live line on a terminal, plain lines elsewhere
    Auto,
    /// The dashboard; `?` shows its keys
    Tui,
    /// Plain lines
    Text,
    /// Nothing but the verdict
    None,
}

#[derive(Debug, Args)]
pub(crate) struct Pipeline {
    /// Configuration in Fluent Bit's classic or YAML format
    #[arg(short, long, value_name = "FILE")]
    pub(crate) config: PathBuf,
    /// Only validate the configuration and print what it means
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Plant this defect (see `tailproof defects`)
    #[arg(long, value_name = "ID")]
    pub(crate) defect: Option<String>,
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        super::Cli::command().debug_assert();
    }
}
