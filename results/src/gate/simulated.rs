//! Sessions that never happened: noise as machines make it, a slowdown or none, and how the gate decides. Its false alarms and
//! its power are measured here; on real runs by `docs/gate-power.sh`.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{Decision, Metric, Rule, Sides, speed::check};
use crate::stats::{in_full, looks::LOOKS};

/// Noise of a machine.
#[derive(Debug, Clone, Copy)]
enum Noise {
    /// Log-normal.
    Plain(f64),
    /// Log-normal, and one run in twelve takes up to 40 % more.
    Outliers(f64),
    /// Log-normal on a machine that grows 20 % slower over the session, in jumps.
    Drift(f64),
    /// Log-normal, and three runs in ten are 8 % slower.
    TwoModes(f64),
}

impl Noise {
    const ALL: [Self; 4] = [Self::Plain(0.03), Self::Outliers(0.025), Self::Drift(0.025), Self::TwoModes(0.015)];

    /// One measurement, `nth` of `all` in the session.
    fn value(self, nth: usize, all: usize, chance: &mut Pcg64Mcg) -> f64 {
        let unit = |chance: &mut Pcg64Mcg| chance.random_range(0.0..1.0_f64);
        // Twelve uniforms: as good as normal for this.
        let mut normal = || (0..12).map(|_| unit(chance)).sum::<f64>() - 6.0;
        match self {
            Self::Plain(sigma) => (sigma * normal()).exp(),
            Self::Outliers(sigma) => {
                let value = (sigma * normal()).exp();
                if unit(chance) < 1.0 / 12.0 { value * (1.0 + 0.4 * unit(chance)) } else { value }
            }
            Self::Drift(sigma) => (sigma * normal() + 0.2 * (nth * 5 / all) as f64 / 5.0).exp(),
            Self::TwoModes(sigma) => (sigma * normal()).exp() * if unit(chance) < 0.3 { 1.08 } else { 1.0 },
        }
    }
}

/// How sessions ended.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    sessions: usize,
    worse: usize,
    same: usize,
    better: usize,
    undecided: usize,
    pairs: usize,
}

/// One measurement of both sides in turn, which side comes first in turn, too.
fn pair(noise: Noise, nth: usize, slowdown: f64, chance: &mut Pcg64Mcg) -> (f64, f64) {
    let all = 2 * LOOKS[LOOKS.len() - 1];
    let first = noise.value(2 * nth, all, chance);
    let second = noise.value(2 * nth + 1, all, chance);
    let (old, new) = if nth.is_multiple_of(2) { (first, second) } else { (second, first) };
    (10.0 * old, 10.0 * new * (1.0 + slowdown))
}

/// One look after the other until there is a decision.
fn decided(pairs: &[(f64, f64)], rule: Rule, metrics: usize) -> (Decision, usize) {
    for at in LOOKS {
        let seen = check(Metric::AgentCpuUsPerRecord, Some(rule), &Sides::Pairs(pairs[..at].to_vec()), metrics);
        if seen.decision != Decision::Undecided {
            return (seen.decision, at);
        }
    }
    (Decision::Undecided, pairs.len())
}

const RULE: Rule = Rule { percent: 5.0, absolute: 0.1, noise_percent: 1.0 };

fn sessions(noise: Noise, slowdown: f64, rule: Rule, metrics: usize, sessions: usize) -> Tally {
    let mut chance = Pcg64Mcg::seed_from_u64(1);
    let mut tally = Tally { sessions, ..Tally::default() };
    for _ in 0..sessions {
        let pairs: Vec<(f64, f64)> =
            (0..LOOKS[LOOKS.len() - 1]).map(|nth| pair(noise, nth, slowdown, &mut chance)).collect();
        let (decision, looked_at) = decided(&pairs, rule, metrics);
        tally.pairs += looked_at;
        *match decision {
            Decision::Worse => &mut tally.worse,
            Decision::Same => &mut tally.same,
            Decision::Better => &mut tally.better,
            Decision::Undecided | Decision::Shown => &mut tally.undecided,
        } += 1;
    }
    tally
}

#[test]
fn without_any_change_at_most_one_session_in_a_hundred_raises_an_alarm() {
    for noise in Noise::ALL {
        // Four metrics, each with noise of its own: what one session of the gate judges.
        let tally = sessions(noise, 0.0, RULE, 4, if in_full() { 2_000 } else { 500 });
        let alarms = 4.0 * tally.worse as f64 / tally.sessions as f64;
        assert!(alarms <= 0.01, "{noise:?}: {alarms} false alarms a session, {tally:?}");
        assert!(tally.same * 100 >= tally.sessions * 95, "{noise:?}: an unchanged build seldom passes, {tally:?}");
    }
}

/// No effect is too small to fail, and none is small enough to pass: each session looks every time.
const BARE: Rule = Rule { percent: 1e-6, absolute: 0.0, noise_percent: 0.0 };

#[test]
fn the_looks_alone_keep_the_error_without_any_floor_to_help_them() {
    // Of so few sessions, twice the expected share is no surprise.
    let (tries, most) = if in_full() { (2_000, 20) } else { (500, 10) };
    for noise in Noise::ALL {
        let tally = sessions(noise, 0.0, BARE, 1, tries);
        assert!(tally.worse <= most, "{noise:?}: {tally:?}");
        assert!(tally.pairs > 39 * tally.sessions, "the sessions ended early, which proves nothing: {tally:?}");
    }
}

#[test]
fn a_slowdown_of_a_tenth_is_found_in_at_least_ninety_five_of_a_hundred_sessions() {
    for noise in Noise::ALL {
        let tally = sessions(noise, 0.1, RULE, 4, if in_full() { 500 } else { 200 });
        assert!(tally.worse * 100 >= tally.sessions * 95, "{noise:?}: {tally:?}");
        assert!(tally.same * 100 <= tally.sessions * 2, "{noise:?}: passed though slower, {tally:?}");
    }
}

#[test]
fn noise_beyond_measure_is_undecided_and_never_passes_a_slowdown() {
    let tally = sessions(Noise::Plain(0.3), 0.1, RULE, 4, 100);
    assert!(tally.undecided * 100 >= tally.sessions * 90 && tally.same * 100 <= tally.sessions * 2, "{tally:?}");
}

#[test]
#[ignore = "prints the table of docs/performance.md"]
#[expect(clippy::print_stdout, reason = "its output is what it is for")]
fn table() {
    for noise in Noise::ALL {
        let t = sessions(noise, 0.0, BARE, 1, 10_000);
        println!("{noise:?} without floors: {:.2} % alarms", t.worse as f64 / 100.0);
    }
    let noises = [0.01, 0.02, 0.05, 0.08].map(Noise::Plain);
    for noise in Noise::ALL.into_iter().chain(noises) {
        for slowdown in [0.0, 0.05, 0.1, 0.2] {
            let t = sessions(noise, slowdown, RULE, 4, 2_000);
            let share = |count: usize| 100.0 * count as f64 / t.sessions as f64;
            println!(
                "{noise:?} slower by {:.0} %: worse {:.2} %, same {:.2} %, better {:.2} %, undecided {:.2} %, mean pairs {:.1}",
                slowdown * 100.0,
                share(t.worse),
                share(t.same),
                share(t.better),
                share(t.undecided),
                t.pairs as f64 / t.sessions as f64
            );
        }
    }
}
