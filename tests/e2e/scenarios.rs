//! Every shipped scenario passes with the builtin agent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use ::scenarios::library;
use results::outcome::Verdict;

use crate::support::{Judged, ci, live, place, reuses_inodes, run, side_by_side, skipped};

/// A run of a scenario with nothing planted; performed once for all tests of this process. The caller holds
/// [`live`].
pub(crate) fn clean(scenario: &str) -> Arc<Judged> {
    static DONE: OnceLock<Mutex<BTreeMap<String, Arc<Judged>>>> = OnceLock::new();
    let done = DONE.get_or_init(Mutex::default);
    let known = || done.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(judged) = known().get(scenario).cloned() {
        return judged;
    }
    let judged = Arc::new(run(scenario, &[], place().path()));
    known().insert(scenario.to_owned(), Arc::clone(&judged));
    judged
}

/// Runs side by side of scenarios that use a fifth of one of its cores each.
const AT_ONCE: usize = 3;

/// Performs each job, scenarios that must be [`alone`] one after the other, the others side by side; the
/// results in the order of the jobs. The caller holds [`live`].
pub(crate) fn perform<J: Sync, R: Send>(
    jobs: &[J],
    scenario: impl Fn(&J) -> &str,
    each: impl Fn(&J) -> R + Sync,
) -> Vec<R> {
    let (alone, together): (Vec<_>, Vec<_>) = jobs.iter().enumerate().partition(|(_, job)| alone(scenario(job)));
    let mut done: Vec<(usize, R)> = Vec::new();
    for (at_once, jobs) in [(1, alone), (AT_ONCE, together)] {
        done.extend(side_by_side(at_once, &jobs, |(nth, job)| (*nth, each(job))));
    }
    done.sort_by_key(|(nth, _)| *nth);
    done.into_iter().map(|(_, result)| result).collect()
}

/// A run that needs inode numbers to come back must not have another beside it, which would take them; one whose
/// processes are kept short of the machine is to be kept short by nobody else.
fn alone(scenario: &str) -> bool {
    let text = library::find(scenario).expect("it is a shipped one").text;
    text.contains("inodes_reused") || text.contains("limits]")
}

#[test]
fn every_shipped_scenario_passes() {
    let _live = live();
    let runs = if ci() { 3 } else { 1 };
    println!("{runs} run(s) of each scenario; CI=true performs three");
    let jobs: Vec<(&str, usize)> = library::ALL
        .iter()
        .map(|(scenario, _)| *scenario)
        .filter(|scenario| can_be_proved(scenario) && !crate::deployments::NAMES.contains(scenario))
        .flat_map(|scenario| (0..runs).map(move |nth| (scenario, nth)))
        .collect();
    let judged = perform(
        &jobs,
        |(scenario, _)| *scenario,
        |&(scenario, nth)| {
            let judged = if nth == 0 { clean(scenario) } else { Arc::new(run(scenario, &[], place().path())) };
            let outcome = &judged.outcome;
            println!("{scenario:<22} {:?} seed {} {:.1} s", outcome.verdict, outcome.seed, judged.ended.seconds);
            judged
        },
    );
    let failed = |((scenario, _), judged): (&(&str, usize), &Arc<Judged>)| {
        (judged.outcome.verdict != Verdict::Pass).then(|| format!("{scenario}\n{judged}"))
    };
    let failures: Vec<String> = jobs.iter().zip(&judged).filter_map(failed).collect();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

/// Whether this file system lets the scenario prove anything; says so otherwise.
pub(crate) fn can_be_proved(scenario: &str) -> bool {
    let can = scenario != "tail-stall" || reuses_inodes(place().path());
    if !can {
        skipped(&format!("{scenario}: this file system never hands an inode number out twice"));
    }
    can
}
