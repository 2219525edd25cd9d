//! The highest rate at which nothing is lost, stalled or late: found by trials, as RFC 2544 does for networks.
//!
//! ```text
//! search (pure) ─ rate ─▶ a live run of the scenario at that rate ─ events, outcome ─▶ trial (row: held?) ─▶ search
//! ```
//! Every trial is a run folder of its own below the folder of the search, and `capacity.json` is written after each, so
//! that whatever ends the search leaves what it had.

use std::path::PathBuf;

use results::{
    capacity::{Answer, Capacity, SCHEMA, Saw, Search as Searched, Trial},
    contract::Contract,
    event::Event,
    outcome::Proofs,
};

use crate::{
    live::{self, GroundError, How, RunError},
    plan::Plan,
    spec::{
        Pace,
        units::{Rate, Span},
    },
};

pub mod knee;
pub mod search;
pub mod slope;
mod trial;

use self::{
    search::{Limits, Next, Search},
    trial::Onlooker,
};

/// A quick trial is so long, as a share of a full one.
const QUICK: f64 = 0.5;
/// Shortest measure stretch of a quick trial.
const SHORTEST: Span = Span(4_000_000);
/// Shortest load before the measure stretch: close to the limit, what waits settles over several deliveries, and until then it
/// looks like a backlog that grows.
const SETTLE: Span = Span(5_000_000);
/// Highest rate that is ever asked for, records a second.
const HIGHEST: f64 = 1e8;
/// What a trial takes beside its measure stretch until one has shown it, seconds.
const AROUND: f64 = 4.0;

/// What trials take beside their measure stretch. One that broke takes long to drain and one that held does not, so that the
/// last one alone would let the time left jump from trial to trial.
#[derive(Debug, Default)]
struct Around {
    sum_s: f64,
    trials: u32,
}

impl Around {
    fn take(&mut self, seconds: f64) {
        self.sum_s += seconds;
        self.trials += 1;
    }

    fn mean_s(&self) -> f64 {
        if self.trials == 0 { AROUND } else { self.sum_s / f64::from(self.trials) }
    }
}

/// Which maxima are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rotation {
    /// The scenario's own, as it stands.
    AsWritten,
    /// Without rotation, swaps and removals.
    Without,
    /// One with and one without.
    Both,
}

/// What is asked of a search.
#[derive(Debug, Clone)]
pub struct Ask {
    /// Length of a full trial's measure stretch.
    pub length: Span,
    /// The first rate; absent: the scenario's.
    pub from: Option<Rate>,
    /// The highest rate; absent: as far as the bench gets.
    pub to: Option<Rate>,
    /// Delivery latency that 99 of 100 records must stay within; absent: the scenario's, if it has one.
    pub latency_p99: Option<Span>,
    /// Which maxima.
    pub rotation: Rotation,
    /// Where the folder of the search is made.
    pub out: PathBuf,
    /// The command that repeats the search.
    pub repeat: String,
}

/// What happens in a search.
#[derive(Debug)]
pub enum Progress<'a> {
    /// A trial begins.
    Begins {
        /// Which, from 1.
        nth: usize,
        /// Records a second.
        per_s: f64,
        /// Of full length.
        full: bool,
        /// With rotation.
        rotation: bool,
        /// Seconds until the answer, most likely.
        left_s: f64,
    },
    /// Something happens in its run.
    Event(&'a Event),
    /// It is over.
    Ends {
        /// Which, from 1.
        nth: usize,
        /// What it saw.
        trial: &'a Trial,
        /// Seconds until the answer, most likely.
        left_s: f64,
    },
}

/// Searches; every step is told to `watch`. `how.out` is of no matter: runs are kept in the folder of the search.
pub fn run(plan: &Plan, how: &How, ask: &Ask, watch: &mut dyn FnMut(&Progress<'_>)) -> Result<Capacity, RunError> {
    sweep(&ask.out);
    let folder = claim(ask, &format!("{}-{}-{}", live::clock::stamp(), plan.name, how.agent.name()))?;
    let how = How { out: folder.join("runs"), ..how.clone() };
    let has_rotation = plan.rotate.is_some() || !plan.swaps.is_empty() || !plan.removes.is_empty();
    let variants: &[bool] = match (ask.rotation, has_rotation) {
        (Rotation::Both, true) => &[true, false],
        (Rotation::AsWritten, true) => &[true],
        _ => &[false],
    };
    let mut document = Capacity {
        schema: SCHEMA,
        scenario: plan.name.clone(),
        agent: how.agent.name().to_owned(),
        defect: how.defect.map(|defect| defect.to_string()),
        seed: how.seed,
        length_s: ask.length.seconds(),
        latency_p99_limit_ms: contract(plan, ask).latency_p99_us.map(|us| us as f64 / 1e3),
        cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        broken_off: false,
        searches: Vec::new(),
        notes: notes(plan, ask, has_rotation),
        repeat: ask.repeat.clone(),
        folder: folder.display().to_string(),
    };
    document.store()?;
    let mut bench = Bench { plan, how, ask, watch, trials: 0, around: Around::default(), more: 0.0 };
    for (at, &rotation) in variants.iter().enumerate() {
        bench.more = (variants.len() - 1 - at) as f64;
        bench.search(rotation, &mut document)?;
        if document.broken_off {
            break;
        }
    }
    Ok(document)
}

struct Bench<'a> {
    plan: &'a Plan,
    how: How,
    ask: &'a Ask,
    watch: &'a mut dyn FnMut(&Progress<'_>),
    trials: usize,
    around: Around,
    /// Further searches to come.
    more: f64,
}

impl Bench<'_> {
    fn search(&mut self, rotation: bool, document: &mut Capacity) -> Result<(), RunError> {
        let from = self.ask.from.unwrap_or(self.plan.rate()).0;
        let mut search = Search::new(Limits::new(from, self.ask.to.map_or(HIGHEST, |to| to.0).max(1.0)));
        let whole = self.left_s(&search);
        let mut searched = Searched {
            rotation,
            trials: Vec::new(),
            answer: search.broken_off(),
            knee_per_s: None,
            contradictions: Vec::new(),
        };
        while let Next::Trial { per_s, full } = search.next() {
            self.trials += 1;
            let (nth, left_s) = (self.trials, self.left_s(&search) + self.more * whole);
            (self.watch)(&Progress::Begins { nth, per_s, full, rotation, left_s });
            let Some(trial) = self.trial(per_s, full, rotation)? else {
                document.broken_off = true;
                break;
            };
            search.take(trial.saw, &trial.because);
            let left_s = self.left_s(&search) + self.more * whole;
            (self.watch)(&Progress::Ends { nth, trial: &trial, left_s });
            searched.trials.push(trial);
            searched.answer = search.broken_off();
            let so_far = Capacity {
                broken_off: true,
                searches: [&document.searches[..], &[searched.clone()]].concat(),
                ..document.clone()
            };
            so_far.store()?;
        }
        if let Next::Done(answer) = search.next() {
            searched.answer = answer;
        }
        searched.knee_per_s = match searched.answer {
            Answer::BrokenOff { .. } => None,
            _ => knee::knee(&searched.trials),
        };
        searched.contradictions = search.contradictions();
        document.notes.extend(trial::pace(&searched.trials, rotation));
        document.searches.push(searched);
        document.store()?;
        Ok(())
    }

    /// `None` if it was broken off.
    fn trial(&mut self, per_s: f64, full: bool, rotation: bool) -> Result<Option<Trial>, RunError> {
        let length = self.length(full);
        let plan = self.at(per_s, length, rotation);
        write_back(&self.ask.out);
        let mut onlooker = Onlooker::default();
        let mut end_us = 0;
        let outcome = live::run(&plan, &self.how, &mut |event| {
            onlooker.take(event);
            end_us = event.t_us;
            (self.watch)(&Progress::Event(event));
        });
        self.how.seed = self.how.seed.wrapping_add(1);
        match outcome {
            Ok(outcome) if outcome.broken_off => Ok(None),
            Ok(outcome) => {
                self.around.take(end_us as f64 / 1e6 - length.seconds());
                Ok(Some(onlooker.row(&outcome, per_s, length.seconds(), rotation)))
            }
            // What does not fit on the disk cannot be offered.
            Err(RunError::Ground(error @ GroundError::Full { .. })) => Ok(Some(no_room(per_s, length, &error))),
            Err(error) => Err(error),
        }
    }

    fn length(&self, full: bool) -> Span {
        if full {
            self.ask.length
        } else {
            Span((self.ask.length.0 as f64 * QUICK) as u64).max(SHORTEST).min(self.ask.length)
        }
    }

    /// The scenario at another rate and length. What it demands to have been seen belongs to its own length and rate.
    fn at(&self, per_s: f64, length: Span, rotation: bool) -> Plan {
        let mut plan = self.plan.clone();
        let times = per_s / self.plan.rate().0;
        plan.streams.iter_mut().for_each(|stream| stream.rate.0 *= times);
        plan.warm_up = plan.warm_up.max(SETTLE);
        plan.measure = length;
        plan.faults = Vec::new();
        plan.contract = contract(self.plan, self.ask);
        if !rotation {
            plan.rotate = None;
            plan.swaps = Vec::new();
            plan.removes = Vec::new();
        }
        plan
    }

    fn left_s(&self, search: &Search) -> f64 {
        let (quick, full) = search.left();
        let around = self.around.mean_s();
        let of = |trials: usize, full| trials as f64 * (self.length(full).seconds() + around);
        of(quick, false) + of(full, true)
    }
}

fn contract(plan: &Plan, ask: &Ask) -> Contract {
    Contract {
        min_rate_per_s: None,
        latency_p99_us: ask.latency_p99.map(|span| span.0).or(plan.contract.latency_p99_us),
        proof: Proofs::default(),
        ..plan.contract.clone()
    }
}

fn notes(plan: &Plan, ask: &Ask, has_rotation: bool) -> Vec<String> {
    let mut notes = Vec::new();
    if !plan.faults.is_empty() {
        notes.push(format!(
            "the {} faults of the scenario are left out: a capacity is that of undisturbed work",
            plan.faults.len()
        ));
    }
    if ask.rotation == Rotation::Both && !has_rotation {
        notes.push("the scenario rotates nothing: there is only the maximum without rotation".to_owned());
    }
    if !matches!(plan.pace, Pace::Steady) {
        notes.push("the scenario's pace is not steady: rates are those of its base".to_owned());
    }
    notes.push("load, agent and judge share one machine: the agent alone may reach more".to_owned());
    notes
}

fn no_room(per_s: f64, length: Span, error: &GroundError) -> Trial {
    Trial {
        offered_per_s: per_s,
        written_per_s: 0.0,
        delivered_per_s: 0.0,
        length_s: length.seconds(),
        saw: Saw::Bench,
        because: error.to_string(),
        p50_ms: 0.0,
        p99_ms: 0.0,
        max_ms: 0.0,
        backlog_per_s: 0.0,
        backlog_error_per_s: 0.0,
        backlog_end: 0,
        agent_cores: 0.0,
        bench_cores: 0.0,
        bench_late_ms: 0.0,
        rotations: 0,
        lost: 0,
        run: String::new(),
    }
}

/// Waits until what earlier trials wrote is on the disk: otherwise each trial would pay for the one before it, and the answer
/// would sink from try to try. A file system that cannot tell leaves it at that.
fn write_back(folder: &std::path::Path) {
    if let Ok(folder) = std::fs::File::open(folder) {
        let _ = nix::unistd::syncfs(&folder);
    }
}

/// The folder of this search; where the name is taken, a number is added.
fn claim(ask: &Ask, name: &str) -> Result<PathBuf, RunError> {
    let failed = |path: &PathBuf, source| results::run::RunError::Write { path: path.clone(), source };
    std::fs::create_dir_all(&ask.out).map_err(|source| failed(&ask.out, source))?;
    for twin in 1u32.. {
        let path = ask.out.join(if twin == 1 { name.to_owned() } else { format!("{name}-{twin}") });
        match std::fs::create_dir(&path) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {}
            Err(source) => return Err(failed(&path, source).into()),
        }
    }
    unreachable!("a folder has fewer than four thousand million names")
}

/// Closes the trials of searches in `out` whose bench was killed.
pub fn sweep(out: &std::path::Path) -> live::Swept {
    let mut swept = live::Swept::default();
    for entry in std::fs::read_dir(out).into_iter().flatten().flatten() {
        let of_one = live::sweep(&entry.path().join("runs"));
        swept.runs += of_one.runs;
        swept.processes += of_one.processes;
        swept.folders += of_one.folders;
    }
    swept
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{library, plan::Overrides};

    #[test]
    fn one_trial_that_was_long_to_drain_does_not_double_the_time_left() {
        let mut around = Around::default();
        assert!((around.mean_s() - AROUND).abs() < 1e-9);
        for seconds in [6.0, 6.0, 6.0, 22.0] {
            around.take(seconds);
        }
        assert!((around.mean_s() - 10.0).abs() < 1e-9);
    }

    #[test]
    fn latency_is_limited_as_it_is_asked_for_else_as_the_scenario_says() {
        let limit = |written: &[&str], asked: Option<&str>| {
            let set = written.iter().map(|limit| format!("contract.latency_p99={limit}")).collect();
            let plan =
                Plan::settle(&library::find("steady").unwrap(), &Overrides { set, ..Overrides::default() }).unwrap();
            let ask = Ask {
                length: SETTLE,
                from: None,
                to: None,
                latency_p99: asked.map(|limit| limit.parse().unwrap()),
                rotation: Rotation::AsWritten,
                out: PathBuf::new(),
                repeat: String::new(),
            };
            contract(&plan, &ask).latency_p99_us
        };
        assert_eq!([limit(&[], None), limit(&[], Some("2s"))], [None, Some(2_000_000)]);
        assert_eq!([limit(&["300ms"], None), limit(&["300ms"], Some("2s"))], [Some(300_000), Some(2_000_000)]);
    }
}
