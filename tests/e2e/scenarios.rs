//! Every shipped scenario passes with the builtin agent.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use ::scenarios::library;
use results::outcome::Verdict;

use crate::support::{Judged, ci, live, place, reuses_inodes, run};

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

#[test]
fn every_shipped_scenario_passes() {
    let _live = live();
    let out = place();
    let runs = if ci() { 3 } else { 1 };
    println!("{runs} run(s) of each scenario; CI=true performs three");
    let mut failures = Vec::new();
    for (scenario, _) in library::ALL {
        if *scenario == "tail-stall" && !reuses_inodes(out.path()) {
            println!("{scenario}: skipped, this file system never hands an inode number out twice");
            continue;
        }
        for nth in 0..runs {
            let judged = if nth == 0 { clean(scenario) } else { Arc::new(run(scenario, &[], out.path())) };
            let outcome = &judged.outcome;
            println!("{scenario:<22} {:?} seed {} {:.1} s", outcome.verdict, outcome.seed, judged.ended.seconds);
            if outcome.verdict != Verdict::Pass {
                failures.push(format!("{scenario}\n{judged}"));
            }
        }
    }
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}
