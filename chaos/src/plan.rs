//! When what breaks: from faults as written and a seed to moments, always the same.
//!
//! ```text
//!  at        at+every   at+2·every        … while it begins within the measure phase
//!  ├─ for ─┤    ├─ for ─┤    ├─ for ─┤
//!  each occurrence moved by up to jitter either way, drawn from (seed, number of the fault in the file)
//! ```
//! Every fault has a generator of its own: adding one to a scenario leaves the moments of the others where they were.
//! Jitter never moves an occurrence out of the phase that it would have fitted into.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use thiserror::Error;

use crate::fault::FaultKind;

/// Largest number of occurrences in one plan.
const MOST: usize = 100_000;

/// A fault as a scenario asks for it. Times in microseconds since the begin of the measure phase.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FaultSpec {
    /// What happens.
    pub kind: FaultKind,
    /// First time.
    pub at_us: u64,
    /// From one begin to the next; `None`: once.
    pub every_us: Option<u64>,
    /// For how long.
    pub for_us: u64,
    /// By how much each occurrence may move, either way.
    pub jitter_us: u64,
    /// How often at most; `None`: until the phase ends.
    pub count: Option<u32>,
}

/// One occurrence of a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Planned {
    /// Number in the plan, from 0, in the order of time.
    pub id: u32,
    /// When it begins, microseconds since the begin of the measure phase.
    pub at_us: u64,
    /// When it is over; at most the length of the phase.
    pub until_us: u64,
    /// What happens.
    pub kind: FaultKind,
    /// Which fault of the list it comes from.
    pub fault: usize,
}

/// Faults that cannot be planned. `fault` is the index in the scenario's list.
#[derive(Debug, Error, PartialEq, Eq, Clone, Copy)]
pub enum PlanError {
    /// It would never happen.
    #[error(
        "fault {fault} (`{name}`) begins at {at_us} us, but the measure phase ends at {measure_us} us; set an earlier `at`"
    )]
    Never {
        /// Which.
        fault: usize,
        /// Its name.
        name: &'static str,
        /// When it would begin.
        at_us: u64,
        /// How long the phase is.
        measure_us: u64,
    },
    /// It would run into itself.
    #[error(
        "fault {fault} (`{name}`) comes again before it is over; set `every` to more than `for` and twice `jitter` ({least_us} us)"
    )]
    Overlaps {
        /// Which.
        fault: usize,
        /// Its name.
        name: &'static str,
        /// What `every` must exceed, microseconds.
        least_us: u64,
    },
    /// More occurrences than a plan holds.
    #[error("fault {fault} (`{name}`) brings the plan over {MOST} occurrences; set a longer `every` or a `count`")]
    TooMany {
        /// Which.
        fault: usize,
        /// Its name.
        name: &'static str,
    },
}

/// Plans `specs` over a measure phase of `measure_us` microseconds. Same arguments, same plan.
pub fn plan(specs: &[FaultSpec], seed: u64, measure_us: u64) -> Result<Vec<Planned>, PlanError> {
    let mut planned = Vec::new();
    for (fault, spec) in specs.iter().enumerate() {
        check(fault, spec, measure_us)?;
        let mut generator = Pcg64Mcg::seed_from_u64(seed ^ (fault as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let most = spec.every_us.map_or(1, |_| spec.count.unwrap_or(u32::MAX));
        for nth in 0..u64::from(most) {
            let nominal = spec.at_us.saturating_add(nth.saturating_mul(spec.every_us.unwrap_or(0)));
            if nominal >= measure_us {
                break;
            }
            if planned.len() == MOST {
                return Err(PlanError::TooMany { fault, name: spec.kind.name() });
            }
            let at_us = moved(nominal, spec, measure_us, &mut generator);
            let until_us = at_us.saturating_add(spec.for_us).min(measure_us);
            planned.push(Planned { id: 0, at_us, until_us, kind: spec.kind, fault });
        }
    }
    // Stable: faults of the same moment stay in the order of the file.
    planned.sort_by_key(|p| p.at_us);
    for (id, p) in planned.iter_mut().enumerate() {
        p.id = id as u32;
    }
    Ok(planned)
}

fn check(fault: usize, spec: &FaultSpec, measure_us: u64) -> Result<(), PlanError> {
    let name = spec.kind.name();
    if spec.at_us >= measure_us || spec.count == Some(0) {
        return Err(PlanError::Never { fault, name, at_us: spec.at_us, measure_us });
    }
    let least_us = spec.for_us.saturating_add(spec.jitter_us.saturating_mul(2));
    match spec.every_us {
        Some(every_us) if every_us <= least_us => Err(PlanError::Overlaps { fault, name, least_us }),
        _ => Ok(()),
    }
}

fn moved(nominal: u64, spec: &FaultSpec, measure_us: u64, generator: &mut Pcg64Mcg) -> u64 {
    if spec.jitter_us == 0 {
        return nominal;
    }
    let earliest = nominal.saturating_sub(spec.jitter_us);
    let last_that_fits = measure_us.saturating_sub(spec.for_us).max(nominal);
    let latest = nominal.saturating_add(spec.jitter_us).min(last_that_fits);
    generator.random_range(earliest..=latest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const S: u64 = 1_000_000;

    fn spec(kind: FaultKind) -> FaultSpec {
        FaultSpec { kind, at_us: 2 * S, every_us: None, for_us: S, jitter_us: 0, count: None }
    }

    #[test]
    fn without_jitter_a_plan_is_what_was_written() {
        let kill = FaultSpec { every_us: Some(5 * S), ..spec(FaultKind::KillAgent) };
        let gone = FaultSpec { at_us: 3 * S, for_us: 60 * S, ..spec(FaultKind::Gone) };
        let got: Vec<_> = plan(&[kill, gone], 7, 12 * S)
            .unwrap()
            .iter()
            .map(|p| (p.id, p.at_us / S, p.until_us / S, p.kind.name()))
            .collect();
        assert_eq!(got, [(0, 2, 3, "kill_agent"), (1, 3, 12, "gone"), (2, 7, 8, "kill_agent")]);
    }

    #[test]
    fn the_seed_alone_decides_the_moments() {
        let kill = FaultSpec { every_us: Some(5 * S), jitter_us: S, ..spec(FaultKind::KillAgent) };
        let of = |seed| plan(&[kill], seed, 60 * S).unwrap();
        assert_eq!(of(1), of(1));
        assert_ne!(of(1), of(2));
        // Pinned: a stored seed must still mean the same plan after an upgrade of the generator's crate.
        let first: Vec<_> = of(1).iter().take(3).map(|p| p.at_us).collect();
        assert_eq!(first, [1_725_281, 6_613_264, 11_787_904]);
    }

    #[test]
    fn another_fault_in_the_file_moves_nothing() {
        let kill = FaultSpec { every_us: Some(5 * S), jitter_us: S, ..spec(FaultKind::KillAgent) };
        let slow = FaultSpec { every_us: Some(7 * S), jitter_us: S, ..spec(FaultKind::Slow { ms: 20 }) };
        let kills = |specs: &[FaultSpec]| -> Vec<u64> {
            let all = plan(specs, 3, 60 * S).unwrap();
            all.iter().filter(|p| p.kind == FaultKind::KillAgent).map(|p| p.at_us).collect()
        };
        assert_eq!(kills(&[kill]), kills(&[kill, slow]));
    }

    #[test]
    fn jitter_moves_nothing_out_of_the_phase() {
        let last = FaultSpec { at_us: 9 * S, jitter_us: S, ..spec(FaultKind::Hang) };
        for seed in 0..200 {
            let planned = plan(&[last], seed, 10 * S).unwrap()[0];
            assert!((8 * S..=9 * S).contains(&planned.at_us) && planned.until_us - planned.at_us == S, "{planned:?}");
        }
    }

    #[test]
    fn a_fault_that_would_never_happen_is_refused() {
        let error = plan(&[spec(FaultKind::Hang)], 1, 2 * S).unwrap_err();
        assert!(matches!(error, PlanError::Never { fault: 0, name: "hang", .. }), "{error}");
        assert!(plan(&[spec(FaultKind::Hang)], 1, 2 * S + 1).is_ok());
    }

    #[test]
    fn a_fault_may_not_run_into_itself() {
        let at = |every_us| {
            plan(&[FaultSpec { every_us: Some(every_us), jitter_us: S, ..spec(FaultKind::Reset) }], 1, 60 * S)
        };
        assert!(matches!(at(3 * S), Err(PlanError::Overlaps { least_us: 3_000_000, .. })));
        assert!(at(3 * S + 1).is_ok());
    }

    #[test]
    fn a_plan_is_bounded() {
        let spec = FaultSpec { at_us: 0, every_us: Some(1), for_us: 0, ..spec(FaultKind::Reset) };
        assert!(plan(&[spec], 1, MOST as u64).is_ok());
        assert!(matches!(plan(&[spec], 1, MOST as u64 + 1), Err(PlanError::TooMany { .. })));
    }

    proptest! {
        #[test]
        fn every_occurrence_lies_in_the_phase_and_they_are_sorted(
            seed: u64, at in 0..50u64, every in 4..20u64, lasts in 0..2u64, jitter in 0..1_000_000u64, count in 1..9u32,
        ) {
            let spec = FaultSpec {
                kind: FaultKind::PauseAgent, at_us: at * S, every_us: Some(every * S), for_us: lasts * S, jitter_us: jitter,
                count: Some(count),
            };
            let planned = plan(&[spec, spec], seed, 50 * S).unwrap();
            prop_assert!(planned.iter().all(|p| p.at_us <= p.until_us && p.until_us <= 50 * S));
            prop_assert!(planned.windows(2).all(|w| w[0].at_us <= w[1].at_us && w[0].id + 1 == w[1].id));
            prop_assert!(!planned.is_empty() && planned.len() <= 2 * count as usize);
        }
    }
}
