//! `demo`: twenty seconds, nothing to install: a planted bug, what it does, and what to type next.

use std::path::Path;

use clap::Parser;
use dashboards::{display::display_whole, text::units::count};
use results::outcome::{Outcome, Verdict};

use super::run;
use crate::{
    cli::{Cli, Verb},
    exit, print,
};

/// On a file system that hands inode numbers out again: the bug that started this project.
const REUSE: [&str; 4] = ["tail-stall", "--defect", "stale-membership-inode-reuse", "--duration=8s"];
/// Elsewhere: a crash that loses what was only said to be done.
const CRASH: [&str; 4] = ["agent-killed", "--defect", "checkpoint-before-delivery", "--duration=8s"];

pub(crate) fn perform(out: &Path) -> anyhow::Result<u8> {
    let reuses = scenarios::doctor::reuses_inodes(out);
    let (what, words) = if reuses {
        (
            "A file is rotated and gzipped while an agent reads it; the agent has a bug that Fluent Bit 1.8.13 had.",
            REUSE,
        )
    } else {
        ("An agent is killed while it reads; it has a bug: it notes records as done before they are delivered.", CRASH)
    };
    print::err(&format!("{what}\nNo metric of the agent shows it. Twenty seconds:\n\n"));
    let folder = out.display().to_string();
    let line = ["tailproof", "run"].into_iter().chain(words).chain(["--out", &folder]);
    let Some(Verb::Run(args)) = Cli::try_parse_from(line)?.verb else { unreachable!("a run was asked for") };
    let mut last: Option<Outcome> = None;
    let code = run::judged(&args, &mut |outcome| last = Some(outcome.clone()))?;
    let Some(outcome) = last.filter(|outcome| outcome.verdict == Verdict::Fail) else {
        return Ok(code);
    };
    print::out(&format!(
        "\nThat FAIL is the bench at work: {} of {} records are missing, and it says which and why.\n  page   {}/report.html\n  next   \
         tailproof run {}   (the same question without the bug)\n  then   tailproof list\n",
        count(outcome.books.lost),
        count(outcome.books.expected),
        display_whole(&outcome.run),
        words[0]
    ));
    Ok(exit::PASS)
}
