//! The verdict: what was promised, against what the books and the events say.
//!
//! Worst wins. What proves nothing is unknown, never pass; a promise that was broken is a failure even if the run
//! does not prove everything it should. In a run that was broken off, records may still have been on their way: there,
//! missing records and stalls count for nothing.

mod findings;
mod measured;
mod processes;
mod promises;
mod routes;
mod source;
mod stalls;
mod unproven;

pub use self::measured::rates;
use self::routes::Way;
use crate::{
    books::Books,
    cause::causes,
    contract::Contract,
    event::Event,
    outcome::{self, Latency, Outcome, Rates, Resources, Verdict},
    proofs::proofs,
};

/// Everything that is known of a run.
#[derive(Debug, Clone)]
pub struct Trial<'a> {
    /// Name of the scenario.
    pub scenario: String,
    /// Name of the agent.
    pub agent: String,
    /// The planted defect, if any.
    pub defect: Option<String>,
    /// The seed that repeats the run.
    pub seed: u64,
    /// What the agent is held to.
    pub contract: Contract,
    /// The books.
    pub books: &'a Books,
    /// The timeline.
    pub events: &'a [Event],
    /// Delivery latency over the measure phase.
    pub latency: Latency,
    /// The same of each route, where there are several; index = route.
    pub route_latency: Vec<Latency>,
    /// Rates over the measure phase.
    pub rates: Rates,
    /// What agent and bench used.
    pub resources: Resources,
    /// True if the run was interrupted or killed.
    pub broken_off: bool,
    /// What else went wrong with the bench itself, one sentence each.
    pub unknown_because: Vec<String>,
    /// The command that repeats the run.
    pub repeat: String,
    /// Path of the run folder.
    pub run: String,
}

/// Judges a run.
pub fn judge(trial: &Trial<'_>) -> Outcome {
    let books = trial.books.totals();
    let ways = Way::all(trial);
    let proofs = proofs(trial.events);
    let stalls = stalls::reports(trial.books, trial.events);
    let unknown_because = unproven::unproven(trial, &books, &ways, &proofs);
    let broken = promises::broken(trial, &books, &ways, &stalls);
    let failed = !broken.is_empty();
    let verdict = match (failed, unknown_because.is_empty()) {
        (true, _) => Verdict::Fail,
        (false, false) => Verdict::Unknown,
        (false, true) => Verdict::Pass,
    };
    let mut findings = broken;
    findings.extend(findings::remarks(trial, &books, &ways));
    Outcome {
        schema: outcome::SCHEMA,
        scenario: trial.scenario.clone(),
        agent: trial.agent.clone(),
        defect: trial.defect.clone(),
        seed: trial.seed,
        verdict,
        exit: exit(verdict, trial.broken_off),
        broken_off: trial.broken_off,
        books,
        routes: routes::reports(trial, &ways),
        source_losses: trial.books.source_losses(),
        processes: processes::reports(trial.events),
        stalls,
        causes: causes(trial.books, trial.events),
        proofs,
        latency_ms: trial.latency,
        rates: trial.rates,
        resources: trial.resources,
        findings,
        unknown_because,
        repeat: trial.repeat.clone(),
        run: trial.run.clone(),
    }
}

fn exit(verdict: Verdict, broken_off: bool) -> u8 {
    match verdict {
        _ if broken_off => 130,
        Verdict::Pass => 0,
        Verdict::Fail => 1,
        Verdict::Unknown => 3,
    }
}
