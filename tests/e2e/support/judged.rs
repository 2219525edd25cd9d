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

/// Performs `tailproof run` with these arguments into `out` and reads the document it prints. A run that proves
/// nothing because this machine did not keep the pace is performed again, and said to be.
pub(crate) fn run(scenario: &str, more: &[&str], out: &Path) -> Judged {
    let out = out.display().to_string();
    let mut args = vec!["run", scenario, "--json", "--out", &out];
    args.extend(more);
    for attempt in 1.. {
        let ended = start(&args).wait(180);
        let outcome: Outcome =
            serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("no document: {error}\n{ended}"));
        assert_eq!(ended.code, i32::from(outcome.exit), "{ended}");
        let busy = outcome.unknown_because.iter().any(|why| why.contains("keep its pace"));
        if !(busy && outcome.verdict == Verdict::Unknown && attempt < ATTEMPTS) {
            return Judged { outcome, ended };
        }
        println!("{}: attempt {attempt} proved nothing: {}", ended.command, outcome.unknown_because.join("; "));
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
