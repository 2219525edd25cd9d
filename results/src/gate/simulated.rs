//! Sessions that never happened: noise as machines make it, a slowdown or none, and how the gate decides. Its false alarms and
//! its power are measured here; on real runs by `docs/gate-power.sh`.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::{Decision, Metric, Rule, Sides, speed::check};
use crate::stats::looks::LOOKS;

/// Noise of a machine.
#[derive(Debug, Clone, Copy)]
pub(super) enum Noise {
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
    pub(super) const ALL: [Self; 4] =
        [Self::Plain(0.03), Self::Outliers(0.025), Self::Drift(0.025), Self::TwoModes(0.015)];

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
pub(super) struct Tally {
    pub(super) sessions: usize,
    pub(super) worse: usize,
    pub(super) same: usize,
    pub(super) better: usize,
    pub(super) undecided: usize,
    pub(super) pairs: usize,
}

/// A session of pairs in turn (old first, then new first), one look after the other until there is a decision.
fn session(noise: Noise, slowdown: f64, metrics: usize, chance: &mut Pcg64Mcg) -> (Decision, usize) {
    let most = LOOKS[LOOKS.len() - 1];
    let mut pairs = Vec::new();
    for nth in 0..most {
        let first = noise.value(2 * nth, 2 * most, chance);
        let second = noise.value(2 * nth + 1, 2 * most, chance);
        let (old, new) = if nth % 2 == 0 { (first, second) } else { (second, first) };
        pairs.push((10.0 * old, 10.0 * new * (1.0 + slowdown)));
    }
    let rule = Rule { percent: 5.0, absolute: 0.1, noise_percent: 1.0 };
    for at in LOOKS {
        let seen = check(Metric::AgentCpuUsPerRecord, Some(rule), &Sides::Pairs(pairs[..at].to_vec()), metrics);
        if seen.decision != Decision::Undecided {
            return (seen.decision, at);
        }
    }
    (Decision::Undecided, most)
}

pub(super) fn sessions(noise: Noise, slowdown: f64, metrics: usize, sessions: usize, seed: u64) -> Tally {
    let mut chance = Pcg64Mcg::seed_from_u64(seed);
    let mut tally = Tally { sessions, ..Tally::default() };
    for _ in 0..sessions {
        let (decision, pairs) = session(noise, slowdown, metrics, &mut chance);
        tally.pairs += pairs;
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
#[ignore = "prints the table of docs/performance.md"]
fn table() {
    for noise in
        Noise::ALL.into_iter().chain([Noise::Plain(0.01), Noise::Plain(0.02), Noise::Plain(0.05), Noise::Plain(0.08)])
    {
        for slowdown in [0.0, 0.05, 0.1, 0.2] {
            for metrics in [1, 4] {
                let t = sessions(noise, slowdown, metrics, 1000, 1);
                println!("{noise:?} {slowdown} k={metrics} {t:?} mean pairs {:.1}", t.pairs as f64 / t.sessions as f64);
            }
        }
    }
}
