//! The verbs. Adding one: a variant in `cli.rs`, a file here, a line in [`perform`].

use crate::{
    cli::{Cli, Verb},
    exit, print,
};

mod capacity;
mod check;
mod cleanup;
mod compare;
mod completions;
mod defects;
mod demo;
mod doctor;
mod gate;
mod leash;
mod list;
mod man;
mod pipeline;
mod replicates;
mod report;
mod run;
mod show;
mod watch;

/// Performs what was asked; the exit code.
pub(crate) fn perform(cli: Cli) -> anyhow::Result<u8> {
    match cli.verb {
        None => {
            print::out(FIRST);
            Ok(exit::PASS)
        }
        Some(Verb::Run(args)) => run::perform(&args),
        Some(Verb::List { json }) => list::perform(json),
        Some(Verb::Demo { out }) => demo::perform(&out),
        Some(Verb::Capacity(args)) => capacity::perform(&args),
        Some(Verb::Doctor { out, json }) => doctor::perform(&out, json),
        Some(Verb::Completions { shell }) => completions::perform(shell),
        Some(Verb::Man { out }) => man::perform(out.as_deref()),
        Some(Verb::Show { scenario }) => show::perform(&scenario),
        Some(Verb::Check { files, schema }) => check::perform(&files, schema),
        Some(Verb::Defects) => defects::perform(),
        Some(Verb::Compare(args)) => compare::perform(&args),
        Some(Verb::Gate(args)) => gate::perform(&args),
        Some(Verb::Watch(args)) => watch::perform(&args),
        Some(Verb::Report(args)) => report::perform(&args),
        Some(Verb::Pipeline(args)) => pipeline::perform(&args),
        Some(Verb::Cleanup { out }) => cleanup::perform(&out),
        Some(Verb::Leash { parent, enter, gently, command }) => leash::perform(parent, &enter, gently, &command),
    }
}

const FIRST: &str = "\
tailproof drives a log collector hard while its files rotate, and tells exactly what it lost.

  tailproof demo                 20 s: a real bug planted, a stall, its cause, the proof
  tailproof run tail-stall       25,000 lines/s through rotation and gzip, judged record by record
  tailproof capacity steady      the highest rate without loss
  tailproof list                 the other questions that can be asked
  tailproof defects              the bugs that can be planted, and who had them
  tailproof doctor               what this machine can and cannot prove
  tailproof --help               everything else
";
