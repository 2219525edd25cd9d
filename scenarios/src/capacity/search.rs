//! The search itself: given what the trials saw, which rate next. No clock, no run: a pure state machine.
//!
//! ```text
//! ramp      quick trials, doubling until one breaks (halving if the first does)
//! bisect    quick trials, until the gap is small
//! edge      full trials, round after round: from the last estimate step outwards, doubling the step, until one holds and
//!           one breaks; then halve the gap. Three rounds that agree end the search; too many that do not make it unstable.
//! ```
//! Three rounds that end at what the bench can offer need not agree: that wanders with whatever else the machine does, only
//! downwards, and is no answer about the agent. Then the highest rate that held is told.
//!
//! A round starts anew from what it sees itself: what an earlier trial saw by chance does not bind it. A rate that the bench
//! could not offer is asked for again before that is believed: it says something about the machine at that moment only.

use results::capacity::{Answer, Saw};

/// What is searched, and how exactly. Rates are records a second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// The first rate.
    pub from: f64,
    /// The highest that is asked for.
    pub to: f64,
    /// Smallest step, as a share of the rate.
    pub precision: f64,
    /// By how much rounds that agree may differ, as a share of the rate.
    pub agree: f64,
    /// Rounds that must agree.
    pub rounds: usize,
    /// Rounds after which the answer is called unstable.
    pub most_rounds: usize,
    /// Trials after which the answer is called unstable.
    pub most_trials: usize,
}

impl Limits {
    /// Steps of 2 %, three rounds that agree within 10 %, at most eight.
    pub fn new(from: f64, to: f64) -> Self {
        Self { from: from.min(to), to, precision: 0.02, agree: 0.1, rounds: 3, most_rounds: 8, most_trials: 60 }
    }
}

/// Below this share of the first rate nothing is tried.
const FLOOR: f64 = 1.0 / 64.0;
/// Trials of one rate that prove nothing, before the search gives up.
const MOST_UNCLEAR: usize = 3;
/// Trials in a row in which the bench cannot offer a rate, before that is believed.
const MOST_BENCH: usize = 3;
/// A rate that held this much above one that broke contradicts it.
const CONTRADICTS: f64 = 1.05;

/// What is to be done next.
#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Perform a trial.
    Trial {
        /// At this rate.
        per_s: f64,
        /// Of full length.
        full: bool,
    },
    /// There is an answer.
    Done(Answer),
}

/// A search under way.
#[derive(Debug, Clone)]
pub struct Search {
    limits: Limits,
    stage: Stage,
    seen: Vec<(f64, Saw, String)>,
    unclear: usize,
    not_offered: usize,
    rounds: Vec<Round>,
    done: Option<Answer>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Stage {
    /// The rate to try; the highest that held and the lowest that did not so far.
    Ramp {
        at: f64,
        held: Option<f64>,
        failed: Option<f64>,
    },
    Bisect {
        held: f64,
        failed: f64,
    },
    Edge {
        at: f64,
        held: Option<f64>,
        failed: Option<f64>,
        step: f64,
    },
}

/// What a round at the edge found.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Round {
    held: f64,
    /// The rate that did not hold, and whether that was the bench; `None`: the highest rate that may be asked for held.
    failed: Option<(f64, bool)>,
}

impl Round {
    /// Whether it was the agent that failed beyond it.
    fn is_of_agent(&self) -> bool {
        self.failed.is_some_and(|(_, bench)| !bench)
    }
}

impl Search {
    /// Nothing has been seen yet.
    pub fn new(limits: Limits) -> Self {
        let stage = Stage::Ramp { at: limits.from, held: None, failed: None };
        Self { limits, stage, seen: Vec::new(), unclear: 0, not_offered: 0, rounds: Vec::new(), done: None }
    }

    /// What is to be done next; the same until [`Self::take`].
    pub fn next(&self) -> Next {
        if let Some(answer) = &self.done {
            return Next::Done(answer.clone());
        }
        match self.stage {
            Stage::Ramp { at, .. } => Next::Trial { per_s: at, full: false },
            Stage::Bisect { held, failed } => Next::Trial { per_s: middle(held, failed), full: false },
            Stage::Edge { at, .. } => Next::Trial { per_s: at, full: true },
        }
    }

    /// Takes in what the trial that [`Self::next`] asked for saw, and why it did not hold.
    pub fn take(&mut self, saw: Saw, because: &str) {
        let Next::Trial { per_s, .. } = self.next() else { return };
        self.seen.push((per_s, saw, because.to_owned()));
        self.unclear = if saw == Saw::Unclear { self.unclear + 1 } else { 0 };
        // Counted anew for each rate.
        self.not_offered = if saw == Saw::Bench { self.not_offered % MOST_BENCH + 1 } else { 0 };
        let holds = saw == Saw::Held;
        match self.stage {
            _ if self.unclear >= MOST_UNCLEAR => self.done = Some(Answer::Unproven { because: because.to_owned() }),
            // The same rate once more.
            _ if self.unclear > 0 || (1..MOST_BENCH).contains(&self.not_offered) => {}
            Stage::Ramp { at, held, failed } => self.ramp(at, holds, held, failed, because),
            Stage::Bisect { failed, .. } if holds => self.bisect(per_s, failed),
            Stage::Bisect { held, .. } => self.bisect(held, per_s),
            Stage::Edge { at, held, failed, step } => {
                let (held, failed) = if holds { (Some(at), failed) } else { (held, Some(at)) };
                self.edge(at, holds, held, failed, step);
            }
        }
        if self.done.is_none() && self.seen.len() >= self.limits.most_trials {
            self.done = Some(self.unstable());
        }
    }

    /// It is broken off: what is known so far.
    pub fn broken_off(&self) -> Answer {
        let of = |want: bool| {
            self.seen.iter().filter(move |(_, saw, _)| (*saw == Saw::Held) == want && *saw != Saw::Unclear)
        };
        let held_per_s = of(true).map(|seen| seen.0).max_by(f64::total_cmp);
        let failed_per_s = of(false).map(|seen| seen.0).min_by(f64::total_cmp);
        Answer::BrokenOff { held_per_s, failed_per_s }
    }

    /// How many quick and full trials are likely still to come.
    pub fn left(&self) -> (usize, usize) {
        let steps =
            |ratio: f64| (ratio.ln() / (1.0 + 2.0 * self.limits.precision).ln()).log2().ceil().max(0.0) as usize;
        let rounds = 2 * self.limits.rounds;
        match self.stage {
            _ if self.done.is_some() => (0, 0),
            Stage::Ramp { held, failed, .. } => {
                let ramp = if held.is_none() && failed.is_none() { 3 } else { 1 };
                (ramp + steps(2.0), rounds)
            }
            Stage::Bisect { held, failed } => (steps(failed / held), rounds),
            Stage::Edge { held, failed, .. } => {
                let begun = usize::from(held.is_some()) + usize::from(failed.is_some());
                (0, 2 * self.limits.rounds.saturating_sub(self.rounds.len()).max(1) - begun.min(1))
            }
        }
    }

    /// Rates that held above rates that broke: one sentence each.
    pub fn contradictions(&self) -> Vec<String> {
        let broke = self.seen.iter().filter(|(_, saw, _)| *saw == Saw::Broke).map(|seen| seen.0);
        let lowest = broke.min_by(f64::total_cmp);
        let held = self.seen.iter().filter(|(_, saw, _)| *saw == Saw::Held).map(|seen| seen.0);
        let highest = held.max_by(f64::total_cmp);
        match (lowest, highest) {
            (Some(broke), Some(held)) if held > broke * CONTRADICTS => {
                vec![format!(
                    "{broke:.0}/s broke once, {held:.0}/s held: more was not always worse, so take the answer with care"
                )]
            }
            _ => Vec::new(),
        }
    }

    fn ramp(&mut self, at: f64, holds: bool, held: Option<f64>, failed: Option<f64>, because: &str) {
        let (held, failed) = if holds { (Some(at), failed) } else { (held, Some(at)) };
        match (held, failed) {
            (Some(held), Some(failed)) => self.bisect(held, failed),
            (Some(held), None) if held >= self.limits.to => self.begin_round(held),
            (Some(held), None) => {
                self.stage = Stage::Ramp { at: (held * 2.0).min(self.limits.to), held: Some(held), failed }
            }
            (None, Some(failed)) if failed <= self.limits.from * FLOOR => {
                self.done = Some(Answer::Nothing { at_per_s: failed, because: because.to_owned() });
            }
            (None, _) => self.stage = Stage::Ramp { at: (at / 2.0).max(self.limits.from * FLOOR), held, failed },
        }
    }

    fn bisect(&mut self, held: f64, failed: f64) {
        if failed / held <= 1.0 + 2.0 * self.limits.precision {
            self.begin_round(held);
        } else {
            self.stage = Stage::Bisect { held, failed };
        }
    }

    fn begin_round(&mut self, at: f64) {
        self.stage = Stage::Edge { at, held: None, failed: None, step: self.limits.precision };
    }

    fn edge(&mut self, at: f64, holds: bool, held: Option<f64>, failed: Option<f64>, step: f64) {
        let Limits { to, precision, from, .. } = self.limits;
        let next = match (held, failed) {
            (Some(held), Some(failed)) if failed / held <= 1.0 + 1.5 * precision => {
                return self.end_round(held, Some(failed));
            }
            (Some(held), Some(failed)) => middle(held, failed),
            (Some(held), None) if held >= to => return self.end_round(held, None),
            _ if holds => (at * (1.0 + step)).min(to),
            _ if at <= from * FLOOR => {
                self.done = Some(self.unstable());
                return;
            }
            _ => (at / (1.0 + step)).max(from * FLOOR),
        };
        self.stage = Stage::Edge { at: next, held, failed, step: step * 2.0 };
    }

    fn end_round(&mut self, held: f64, failed: Option<f64>) {
        let bench = |rate: f64| {
            let last = self.seen.iter().rev().find(|seen| seen.0.total_cmp(&rate).is_eq());
            last.is_some_and(|(_, saw, _)| *saw == Saw::Bench)
        };
        self.rounds.push(Round { held, failed: failed.map(|rate| (rate, bench(rate))) });
        let (enough, agree) = (self.limits.rounds, self.limits.agree);
        let last: Vec<Round> = self.rounds.iter().rev().take(enough).copied().collect();
        let mut held: Vec<f64> = last.iter().map(|round| round.held).collect();
        held.sort_by(f64::total_cmp);
        let is_stable = held[held.len() - 1] <= held[0] * (1.0 + agree) || !last.iter().any(Round::is_of_agent);
        if last.len() == enough && is_stable {
            self.done = Some(self.agreed(&last, held[enough / 2], held));
        } else if self.rounds.len() >= self.limits.most_rounds {
            self.done = Some(self.unstable());
        } else {
            let from = self.rounds.last().map_or(self.limits.from, |round| round.held);
            self.begin_round(from);
        }
    }

    /// The rounds agree on a rate; was it the agent that failed beyond it?
    fn agreed(&self, last: &[Round], per_s: f64, estimates: Vec<f64>) -> Answer {
        let of_agent: Vec<f64> = last
            .iter()
            .filter(|round| round.is_of_agent())
            .filter_map(|round| round.failed)
            .map(|(rate, _)| rate)
            .collect();
        if of_agent.len() * 2 <= last.len() {
            let at_bench = last.iter().any(|round| round.failed.is_some());
            let up_to_per_s = estimates.iter().copied().fold(per_s, f64::max);
            let because = if at_bench {
                "bench limit: the generator could not offer more on this machine".to_owned()
            } else {
                "the highest rate that was to be tried held; give a higher --to".to_owned()
            };
            return Answer::NotFound { up_to_per_s, because };
        }
        let above = of_agent.iter().copied().filter(|&rate| rate > per_s).min_by(f64::total_cmp);
        let fails_per_s = above.unwrap_or(per_s);
        let reason =
            self.seen.iter().rev().find(|(rate, saw, _)| rate.total_cmp(&fails_per_s).is_eq() && *saw == Saw::Broke);
        Answer::Sustained {
            per_s,
            fails_per_s,
            fails_because: reason.map_or_else(String::new, |seen| seen.2.clone()),
            estimates,
        }
    }

    fn unstable(&self) -> Answer {
        let estimates: Vec<f64> = self.rounds.iter().map(|round| round.held).collect();
        let last = &estimates[estimates.len().saturating_sub(self.limits.rounds)..];
        let held = || self.seen.iter().filter(|(_, saw, _)| *saw == Saw::Held).map(|seen| seen.0);
        let low_per_s =
            last.iter().copied().min_by(f64::total_cmp).or_else(|| held().min_by(f64::total_cmp)).unwrap_or(0.0);
        let high_per_s =
            last.iter().copied().max_by(f64::total_cmp).or_else(|| held().max_by(f64::total_cmp)).unwrap_or(0.0);
        Answer::Unstable { low_per_s, high_per_s, estimates }
    }
}

/// Half-way as ratios go.
fn middle(low: f64, high: f64) -> f64 {
    (low * high).sqrt()
}

#[cfg(test)]
mod tests;
