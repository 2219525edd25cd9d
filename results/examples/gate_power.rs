//! The gate's false alarms and power on real runs of one build: neighbours in time become pairs, sessions draw from those pairs,
//! either side may be the new one, and a slowdown is planted by making the new side's figure larger.
//!
//! `cargo run -p tailproof-results --example gate_power -- FOLDER` (of at least 40 runs); `docs/gate-power.sh` makes those first.

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::path::Path;

use rand::{RngExt, SeedableRng, seq::SliceRandom};
use rand_pcg::Pcg64Mcg;
use results::{
    gate::{Decision, Facts, Metric, Rule, Sides, calibrate, check},
    outcome::Verdict,
    run::StoredRun,
    stats::looks::LOOKS,
};

const SESSIONS: usize = 2_000;
const METRICS: usize = 4;

fn main() {
    let folder = std::env::args().nth(1).expect("name a folder of runs");
    let runs = runs(Path::new(&folder));
    println!("{} runs of {}, {:?}", runs.len(), runs[0].scenario, runs[0].machine);
    for row in calibrate(&runs).expect("the runs are alike and many") {
        let values: Vec<f64> = runs.iter().filter_map(|run| run.figures.get(&row.metric).copied()).collect();
        let pairs: Vec<(f64, f64)> = values.chunks_exact(2).map(|two| (two[0], two[1])).collect();
        println!(
            "{}: centre {:.3}, a run differs from its neighbour by {:.1} % (standard deviation), {:+.1} % over the session",
            row.metric.name(),
            row.centre,
            row.spread_percent,
            row.drift_percent
        );
        let usual = row.metric.usual_rule().map(|rule| ("usual", rule));
        for (name, rule) in usual.into_iter().chain(row.rule.map(|rule| ("calibrated", rule))) {
            println!("  {name} rule: {} % and {}, noise {} %", rule.percent, rule.absolute, rule.noise_percent);
            for slowdown in [0.0, 0.1, 0.02 * rule.percent] {
                sessions(row.metric, rule, &pairs, slowdown);
            }
        }
    }
}

/// The runs that prove something, in the order they began.
fn runs(folder: &Path) -> Vec<Facts> {
    let entries = std::fs::read_dir(folder).expect("the folder can be read").flatten();
    let stored = entries.filter_map(|entry| StoredRun::open(&entry.path()).ok());
    let mut runs: Vec<Facts> = stored.filter_map(|run| Facts::of(&run).ok()).collect();
    runs.retain(|run| run.verdict != Verdict::Unknown);
    runs.sort_by(|left, right| (&left.started, &left.run).cmp(&(&right.started, &right.run)));
    assert!(runs.len() >= 40, "{} runs are too few, 40 are needed", runs.len());
    runs
}

fn sessions(metric: Metric, rule: Rule, pool: &[(f64, f64)], slowdown: f64) {
    let mut chance = Pcg64Mcg::seed_from_u64(1);
    let (mut worse, mut same, mut undecided, mut looked_at) = (0, 0, 0, 0);
    let mut pool = pool.to_vec();
    for _ in 0..SESSIONS {
        pool.shuffle(&mut chance);
        let sided = |&(first, second): &(f64, f64), chance: &mut Pcg64Mcg| {
            let (old, new) = if chance.random_range(0..2) == 0 { (first, second) } else { (second, first) };
            (old, if metric.lower_is_better() { new * (1.0 + slowdown) } else { new / (1.0 + slowdown) })
        };
        let most = LOOKS[LOOKS.len() - 1].min(pool.len());
        let pairs: Vec<(f64, f64)> = pool[..most].iter().map(|pair| sided(pair, &mut chance)).collect();
        let looks = LOOKS.into_iter().filter(|at| *at <= most);
        let mut seen = looks.map(|at| check(metric, Some(rule), &Sides::Pairs(pairs[..at].to_vec()), METRICS));
        let end = seen.find(|check| check.decision != Decision::Undecided);
        looked_at += end.as_ref().map_or(most, |check| check.replicates);
        match end.map(|check| check.decision) {
            Some(Decision::Worse) => worse += 1,
            Some(_) => same += 1,
            None => undecided += 1,
        }
    }
    let share = |count: usize| 100.0 * count as f64 / SESSIONS as f64;
    println!(
        "    slower by {:>3.0} %: worse {:.2} %, not worse {:.2} %, undecided {:.2} %, {:.1} pairs on average",
        slowdown * 100.0,
        share(worse),
        share(same),
        share(undecided),
        looked_at as f64 / SESSIONS as f64
    );
}
