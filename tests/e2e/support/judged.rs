//! A run of a scenario, and the document it printed.

use std::path::Path;

use results::outcome::{Outcome, Verdict};

use super::{Ended, last, start};

/// A run that proves nothing because the machine was busy is performed so often in all.
const ATTEMPTS: u32 = 3;

/// A run that was judged.
#[derive(Debug)]
pub(crate) struct Judged {
    pub(crate) outcome: Outcome,
    pub(crate) ended: Ended,
}

/// Performs `tailproof run` with these arguments into `out` and reads the document it prints; again where [`perform`] does.
pub(crate) fn run(scenario: &str, more: &[&str], out: &Path) -> Judged {
    let (ended, mut outcomes) = perform(scenario, more, out);
    let (Some(outcome), true) = (outcomes.pop(), outcomes.is_empty()) else { panic!("not one document\n{ended}") };
    Judged { outcome, ended }
}

/// Performs `tailproof run` with these arguments into `out` and reads the documents it prints. What proves nothing because
/// this machine did not keep the pace is performed again, and said to be: the run folders of the last attempt come last.
pub(crate) fn perform(scenario: &str, more: &[&str], out: &Path) -> (Ended, Vec<Outcome>) {
    let out = out.display().to_string();
    let mut args = vec!["run", scenario, "--json", "--out", &out];
    args.extend(more);
    for attempt in 1.. {
        let ended = start(&args).wait(180);
        let read =
            |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("no document: {error}\n{ended}"));
        let outcomes: Vec<Outcome> = ended.stdout.lines().map(read).collect();
        let worst = outcomes.iter().map(|outcome| i32::from(outcome.exit)).max();
        assert!(outcomes.len() > 1 || Some(ended.code) == worst, "{ended}");
        let is_busy = |outcome: &&Outcome| {
            let behind = outcome.unknown_because.iter().any(|why| why.contains("keep its pace"));
            behind && outcome.verdict == Verdict::Unknown
        };
        let Some(busy) = outcomes.iter().find(is_busy).filter(|_| attempt < ATTEMPTS) else { return (ended, outcomes) };
        println!("{}: attempt {attempt} proved nothing: {}", ended.command, busy.unknown_because.join("; "));
    }
    unreachable!("the last attempt returns")
}

impl std::fmt::Display for Judged {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { outcome, ended } = self;
        writeln!(f, "verdict {:?}, exit {}, seed {}", outcome.verdict, outcome.exit, outcome.seed)?;
        writeln!(f, "again: {}", outcome.repeat)?;
        writeln!(f, "books: {:?}", outcome.books)?;
        for line in outcome.findings.iter().chain(&outcome.unknown_because) {
            writeln!(f, "  {line}")?;
        }
        for cause in &outcome.causes {
            writeln!(f, "  {} {} {} ×{}: {}", cause.stream, cause.verdict, cause.cause, cause.count, cause.evidence)?;
        }
        write!(f, "{}", last(&ended.stderr, 12))
    }
}
