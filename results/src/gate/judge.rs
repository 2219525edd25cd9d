//! The verdict of the gate: books, verdicts and speed put together, worst wins.

use std::path::PathBuf;

use serde::Serialize;
use thiserror::Error;

use super::{
    Baseline, BookCheck, Decision, Facts, FindingChange, Metric, Rule, Sides, SpeedCheck, Written, books,
    changes::changes, pairs::in_turn, same, speed::check, words,
};
use crate::outcome::Verdict;

/// Version of the document.
pub const SCHEMA: u32 = 1;

/// What the new runs were held against.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Against {
    /// A baseline: its books, its verdict, its figures.
    Baseline {
        /// The file.
        path: PathBuf,
        /// Who wrote it.
        written: Written,
    },
    /// The figures of runs of the same session, and the books, verdict and rules of a baseline.
    Reference {
        /// The file.
        path: PathBuf,
        /// Who wrote it.
        written: Written,
    },
    /// A baseline that does not exist: a broken promise still fails, nothing can pass.
    Absent {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// Other runs and the usual rules: a comparison, which holds nobody to anything.
    Runs,
}

/// The verdicts of the new runs, against the baseline's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct VerdictCheck {
    /// The worst verdict of the other side.
    pub admitted: Verdict,
    /// New runs that failed.
    pub failed: usize,
    /// New runs that prove nothing.
    pub unknown: usize,
    /// The folder of the first that failed, and what it said first.
    pub example: Option<(String, String)>,
    /// Fail if any failed and the other side passed.
    pub verdict: Verdict,
}

/// One scenario and agent, judged.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateReport {
    /// Version of this document, [`SCHEMA`].
    pub schema: u32,
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the agent.
    pub agent: String,
    /// The verdict.
    pub verdict: Verdict,
    /// Exit code: 0, 1 or 3.
    pub exit: u8,
    /// What the new runs were held against.
    pub against: Against,
    /// How many new runs there are.
    pub runs: usize,
    /// How many of the other side: replicates of the baseline, or runs.
    pub others: usize,
    /// Pairs of runs performed in turn; `None` where the sides were measured apart.
    pub pairs: Option<usize>,
    /// The verdicts.
    pub verdicts: VerdictCheck,
    /// The books.
    pub books: Vec<BookCheck>,
    /// The figures.
    pub speed: Vec<SpeedCheck>,
    /// Kinds of findings, new ones first; only where the other side is runs.
    pub findings: Vec<FindingChange>,
    /// Why it is unknown, one sentence each; may be told beside a failure, too.
    pub unknown_because: Vec<String>,
    /// What else a reader should know, one sentence each.
    pub notes: Vec<String>,
}

/// The question cannot be put.
#[derive(Debug, Error, PartialEq, Eq)]
pub enum GateError {
    /// Nothing to judge.
    #[error("there are no runs to judge; name run folders, such as results/runs/…")]
    NoRuns,
    /// Too few runs to tell their noise.
    #[error(
        "{runs} runs are too few to calibrate with; perform at least 10 of the same build, for example with `run --repeat 20`"
    )]
    TooFewToCalibrate {
        /// How many there are.
        runs: usize,
    },
    /// Runs of one build that are not alike.
    #[error("the runs are not alike ({why}); calibrate with runs of one build, scenario and machine")]
    NotAlike {
        /// What differs.
        why: String,
    },
    /// A rule would be kept by nobody.
    #[error(
        "the rule for {metric} matches nothing: no run of {scenario} has that figure; remove the rule from the baseline, or write it anew with --update"
    )]
    RuleMatchesNothing {
        /// The metric.
        metric: &'static str,
        /// The scenario.
        scenario: String,
    },
}

/// All that one command judged, worst wins: the document that `--json` prints.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct GateDocument {
    /// Version of this document, [`SCHEMA`].
    pub schema: u32,
    /// The worst verdict.
    pub verdict: Verdict,
    /// Exit code: 1 over 3 over 0.
    pub exit: u8,
    /// One report for each scenario and agent.
    pub gates: Vec<GateReport>,
}

impl GateDocument {
    /// Of these reports; none prove nothing.
    pub fn of(gates: Vec<GateReport>) -> Self {
        let verdict = gates.iter().map(|gate| gate.verdict).max().unwrap_or(Verdict::Unknown);
        let worst = gates.iter().max_by_key(|gate| gate.verdict).map_or(3, |gate| gate.exit);
        Self { schema: SCHEMA, verdict, exit: worst, gates }
    }
}

impl GateReport {
    /// Runs (or pairs) of each side that a next look needs; `None` where more would not help or none are needed.
    pub fn needed(&self) -> Option<usize> {
        let undecided = self.speed.iter().filter(|check| check.decision == Decision::Undecided);
        undecided.filter_map(|check| check.needed).max()
    }

    /// Metrics of that decision.
    pub fn count(&self, decision: Decision) -> usize {
        self.speed.iter().filter(|check| check.decision == decision).count()
    }

    /// Books, verdicts and metrics that fail.
    pub fn failed(&self) -> usize {
        let books = self.books.iter().filter(|book| book.verdict == Verdict::Fail).count();
        books + usize::from(self.verdicts.verdict == Verdict::Fail) + self.count(Decision::Worse)
    }
}

/// Judges new runs of one scenario and agent against a baseline; with reference runs of the same session, speed is judged
/// against those.
pub fn judge(new: &[Facts], baseline: &Baseline, path: PathBuf, reference: &[Facts]) -> Result<GateReport, GateError> {
    let written = baseline.written.clone();
    let mut unlike = Unlike::default();
    for run in new {
        unlike.add(same::from_baseline(baseline, run, !reference.is_empty()));
    }
    unlike.beside(reference, new);
    let old = if reference.is_empty() { Old::Baseline(baseline) } else { Old::Runs(reference) };
    let against = match old {
        Old::Baseline(_) => Against::Baseline { path, written },
        Old::Runs(_) => Against::Reference { path, written },
    };
    report(new, baseline, against, old, unlike)
}

/// Judges new runs that have no baseline: what they broke fails, the rest is unknown. `command` is what writes one.
pub fn judge_without_baseline(new: &[Facts], path: PathBuf, command: &str) -> Result<GateReport, GateError> {
    let none = Baseline { verdict: Verdict::Pass, ..Baseline::from_runs(&[], None, Written::default()) };
    let why = format!("there is no baseline {} yet; write one: {command}", path.display());
    report(new, &none, Against::Absent { path }, Old::Baseline(&none), Unlike(vec![why]))
}

/// What changed between two sides, by the usual rules. It says what is worse (exit 1) and otherwise decides nothing (exit 0).
pub fn compare(old: &[Facts], new: &[Facts]) -> Result<GateReport, GateError> {
    if old.is_empty() || new.is_empty() {
        return Err(GateError::NoRuns);
    }
    let mut unlike = Unlike::default();
    unlike.beside(old, new);
    let mut baseline = Baseline::from_runs(old, None, Written::default());
    // What new runs have no figure for is not held.
    baseline.metrics.retain(|metric, _| new.iter().any(|run| run.figures.contains_key(metric)));
    let mut report = report(new, &baseline, Against::Runs, Old::Runs(old), unlike)?;
    report.exit = u8::from(report.verdict == Verdict::Fail);
    Ok(report)
}

/// The side whose figures the new ones are compared with.
#[derive(Clone, Copy)]
enum Old<'a> {
    Baseline(&'a Baseline),
    Runs(&'a [Facts]),
}

/// Why figures may not be compared, each reason once.
#[derive(Default)]
struct Unlike(Vec<String>);

impl Unlike {
    fn add(&mut self, found: Vec<String>) {
        for why in found {
            if !self.0.contains(&why) {
                self.0.push(why);
            }
        }
    }

    fn beside(&mut self, old: &[Facts], new: &[Facts]) {
        if let Some(first) = old.first() {
            old.iter().skip(1).chain(new).for_each(|run| self.add(same::differences(first, run)));
        }
    }
}

fn report(
    new: &[Facts],
    baseline: &Baseline,
    against: Against,
    old: Old<'_>,
    unlike: Unlike,
) -> Result<GateReport, GateError> {
    let first = new.first().ok_or(GateError::NoRuns)?;
    let comparable = unlike.0.is_empty();
    let pairs = if let Old::Runs(old) = old { in_turn(old, new) } else { None };
    let speed = speeds(new, baseline, old, pairs.as_deref(), comparable)?;
    let mut report = GateReport {
        schema: SCHEMA,
        scenario: first.scenario.clone(),
        agent: first.agent.clone(),
        verdict: Verdict::Pass,
        exit: 0,
        against,
        runs: new.len(),
        others: match old {
            Old::Runs(old) => old.len(),
            Old::Baseline(baseline) => baseline.metrics.values().map(|held| held.values.len()).max().unwrap_or(0),
        },
        pairs: pairs.map(|pairs| pairs.len()),
        verdicts: verdicts(new, baseline),
        books: books::check(new, &baseline.books),
        speed,
        findings: if let Old::Runs(old) = old { changes(old, new) } else { Vec::new() },
        unknown_because: unlike.0,
        notes: words::notes(new, baseline),
    };
    report.unknown_because.extend(words::unproven(new));
    if let Old::Runs(old) = old {
        report.unknown_because.extend(words::unproven(old));
    }
    if comparable {
        let undecided = words::undecided(&report);
        report.unknown_because.extend(undecided);
    }
    report.verdict = if report.failed() > 0 {
        Verdict::Fail
    } else if report.unknown_because.is_empty() {
        Verdict::Pass
    } else {
        Verdict::Unknown
    };
    report.exit = match report.verdict {
        Verdict::Pass => 0,
        Verdict::Fail => 1,
        Verdict::Unknown => 3,
    };
    Ok(report)
}

fn verdicts(new: &[Facts], baseline: &Baseline) -> VerdictCheck {
    let of = |verdict: Verdict| new.iter().filter(move |run| run.verdict == verdict);
    let failed = of(Verdict::Fail).count();
    let worse = failed > 0 && baseline.verdict != Verdict::Fail;
    VerdictCheck {
        admitted: baseline.verdict,
        failed,
        unknown: of(Verdict::Unknown).count(),
        example: of(Verdict::Fail).next().map(|run| (run.run.clone(), run.because.clone())),
        verdict: if worse { Verdict::Fail } else { Verdict::Pass },
    }
}

/// Every metric that either side has. Runs that prove nothing have no figures worth comparing.
fn speeds(
    new: &[Facts],
    baseline: &Baseline,
    old: Old<'_>,
    pairs: Option<&[(&Facts, &Facts)]>,
    comparable: bool,
) -> Result<Vec<SpeedCheck>, GateError> {
    let proven: Vec<&Facts> = new.iter().filter(|run| run.verdict != Verdict::Unknown).collect();
    let mut checks = Vec::new();
    for metric in Metric::ALL {
        let held = baseline.metrics.get(&metric);
        let rule: Option<Rule> = held.and_then(|held| held.rule);
        let values = column(&proven, metric);
        if values.is_empty() {
            if rule.is_some() && !proven.is_empty() {
                let scenario = baseline.scenario.clone();
                return Err(GateError::RuleMatchesNothing { metric: metric.name(), scenario });
            }
            continue;
        }
        let sides = match (old, pairs) {
            (Old::Runs(_), Some(pairs)) => Sides::Pairs(both(pairs, metric)),
            (Old::Runs(old), None) => {
                let old: Vec<&Facts> = old.iter().filter(|run| run.verdict != Verdict::Unknown).collect();
                Sides::Heaps(column(&old, metric), values)
            }
            (Old::Baseline(_), _) => Sides::Heaps(held.map_or_else(Vec::new, |held| held.values.clone()), values),
        };
        checks.push(check(metric, rule.filter(|_| comparable), &sides, baseline.ruled()));
    }
    Ok(checks)
}

fn column(runs: &[&Facts], metric: Metric) -> Vec<f64> {
    let mut runs = runs.to_vec();
    runs.sort_by(|left, right| (&left.started, &left.run).cmp(&(&right.started, &right.run)));
    runs.iter().filter_map(|run| run.figures.get(&metric).copied()).collect()
}

fn both(pairs: &[(&Facts, &Facts)], metric: Metric) -> Vec<(f64, f64)> {
    let proven = |run: &Facts| run.verdict != Verdict::Unknown;
    let figure = |run: &Facts| run.figures.get(&metric).copied();
    let pairs = pairs.iter().filter(|(old, new)| proven(old) && proven(new));
    pairs.filter_map(|(old, new)| Some((figure(old)?, figure(new)?))).collect()
}
