//! The search against systems whose limit is known: exact ones, noisy ones, ones that contradict themselves.

use proptest::prelude::*;
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::*;

/// Searches a system to its end; the answer, and the trials it took: (rate, full, saw).
fn search(limits: Limits, mut system: impl FnMut(f64, bool) -> Saw) -> (Answer, Vec<(f64, bool, Saw)>) {
    let mut search = Search::new(limits);
    let mut trials = Vec::new();
    loop {
        match search.next() {
            Next::Done(answer) => return (answer, trials),
            Next::Trial { per_s, full } => {
                assert!(per_s.is_finite() && per_s > 0.0 && per_s <= limits.to, "{per_s}");
                assert!(trials.len() < limits.most_trials, "it does not end: {trials:?}");
                let saw = system(per_s, full);
                trials.push((per_s, full, saw));
                search.take(saw, "backlog grows");
            }
        }
    }
}

fn sharp(limit: f64) -> impl FnMut(f64, bool) -> Saw {
    move |rate, _| if rate <= limit { Saw::Held } else { Saw::Broke }
}

proptest! {
    #[test]
    fn a_known_limit_is_found_within_its_steps(limit in 100.0f64..5e6, from in 50.0f64..1e6) {
        prop_assume!(limit > from / 32.0);
        let (answer, trials) = search(Limits::new(from, 1e8), sharp(limit));
        let Answer::Sustained { per_s, fails_per_s, estimates, .. } = &answer else { panic!("{answer:?}") };
        prop_assert!(*per_s <= limit && limit / per_s < 1.035, "{per_s} of {limit}");
        prop_assert!(*fails_per_s > limit && fails_per_s / per_s < 1.035);
        prop_assert_eq!(estimates.len(), 3);
        let full_held = trials.iter().any(|(rate, full, saw)| (rate - per_s).abs() < 1e-9 && *full && *saw == Saw::Held);
        prop_assert!(full_held, "the answer was held at full length");
        prop_assert!(trials.len() < 40, "{} trials", trials.len());
    }

    /// One trial breaks for no reason at all.
    #[test]
    fn a_hiccup_does_not_decide(limit in 1e3f64..1e6, at in 0usize..12) {
        let mut trial = 0;
        let (answer, _) = search(Limits::new(limit / 3.0, limit * 1e3), |rate, _| {
            trial += 1;
            if trial - 1 == at || rate > limit { Saw::Broke } else { Saw::Held }
        });
        let Answer::Sustained { per_s, .. } = answer else { panic!("{answer:?}") };
        prop_assert!(per_s <= limit && limit / per_s < 1.05, "{per_s} of {limit}");
    }

    #[test]
    fn whatever_is_seen_it_ends(seen in prop::collection::vec(0u8..4, 80), from in 1.0f64..1e6, more in 1.0f64..1e4) {
        let mut at = 0;
        let (_, trials) = search(Limits::new(from, from * more), |_, _| {
            at += 1;
            [Saw::Held, Saw::Broke, Saw::Bench, Saw::Unclear][usize::from(seen[at % seen.len()])]
        });
        prop_assert!(!trials.is_empty());
    }
}

/// Near the limit chance decides, in a band of some percent to either side; short trials are noisier.
#[test]
fn a_noisy_limit_is_found_within_five_percent_in_199_of_200_searches() {
    let mut chance = Pcg64Mcg::seed_from_u64(7);
    let mut beyond = 0;
    for _ in 0..4_000 {
        let limit = 1e3 * 1e3f64.powf(chance.random_range(0.0..1.0));
        let (answer, _) = search(Limits::new(limit * chance.random_range(0.1..4.0), limit * 1e3), |rate, full| {
            let width = if full { 0.01 } else { 0.03 };
            let breaks = 1.0 / (1.0 + (-(rate / limit - 1.0) / width).exp());
            if chance.random_range(0.0..1.0) < breaks { Saw::Broke } else { Saw::Held }
        });
        let Answer::Sustained { per_s, .. } = answer else { panic!("{answer:?}") };
        assert!((per_s / limit - 1.0).abs() < 0.1, "{per_s} of {limit}");
        beyond += u32::from((per_s / limit - 1.0).abs() > 0.05);
    }
    assert!(beyond <= 20, "{beyond} of 4,000 are off by more than 5 %");
}

#[test]
fn a_limit_of_the_bench_is_never_taken_for_the_agent_s() {
    let (answer, _) = search(Limits::new(1e3, 1e9), |rate, _| if rate > 5e5 { Saw::Bench } else { Saw::Held });
    let Answer::NotFound { up_to_per_s, because } = answer else { panic!("{answer:?}") };
    assert!((4.8e5..=5e5).contains(&up_to_per_s) && because.starts_with("bench limit"), "{up_to_per_s} {because}");
}

/// At any rate two trials of five cannot be offered for no reason but the machine's mood.
#[test]
fn a_moody_bench_has_the_same_limit_every_time() {
    let mut chance = Pcg64Mcg::seed_from_u64(11);
    let mut beyond = 0;
    for _ in 0..1_000 {
        let (answer, _) = search(Limits::new(2e4, 1e9), |rate, _| {
            if rate > 5e5 || chance.random_range(0.0..1.0) < 0.4 { Saw::Bench } else { Saw::Held }
        });
        let found = match answer {
            Answer::NotFound { up_to_per_s, .. } => up_to_per_s,
            Answer::Unstable { high_per_s, .. } => high_per_s,
            answer => panic!("{answer:?}"),
        };
        beyond += u32::from(!(4.5e5..=5e5).contains(&found));
    }
    assert!(beyond <= 50, "{beyond} of 1,000 are off by more than 10 %");
}

/// The machine grows slower by up to a percent from trial to trial: what the bench could offer it could at the beginning.
#[test]
fn a_bench_on_a_machine_that_grows_slower_is_told_by_its_best() {
    for slower in [0.998, 0.994, 0.99] {
        let mut limit = 5e5;
        let (answer, trials) = search(Limits::new(2e4, 1e9), |rate, full| {
            limit *= if full { slower } else { 1.0 };
            if rate > limit { Saw::Bench } else { Saw::Held }
        });
        let Answer::NotFound { up_to_per_s, .. } = answer else { panic!("{answer:?}") };
        let held = |(_, full, saw): &&(f64, bool, Saw)| *full && *saw == Saw::Held;
        let best = trials.iter().filter(held).map(|trial| trial.0).fold(0.0, f64::max);
        assert!((up_to_per_s - best).abs() < 1e-6 && best > 4.3e5, "{up_to_per_s} of {best}: {trials:?}");
    }
}

#[test]
fn what_holds_at_the_highest_rate_asked_for_has_no_known_limit() {
    let (answer, trials) = search(Limits::new(1e3, 6e3), |_, _| Saw::Held);
    assert!(
        matches!(&answer, Answer::NotFound { up_to_per_s, because } if *up_to_per_s >= 6e3 && because.contains("--to"))
    );
    assert_eq!(trials.iter().filter(|(rate, full, _)| *full && *rate >= 6e3).count(), 3, "held thrice at full length");
}

#[test]
fn an_agent_that_holds_nothing_is_said_to() {
    let (answer, trials) = search(Limits::new(1e3, 1e6), |_, _| Saw::Broke);
    assert!(matches!(answer, Answer::Nothing { at_per_s, .. } if at_per_s <= 1e3 / 64.0), "{answer:?}");
    assert!(trials.len() <= 8);
}

#[test]
fn a_system_that_changes_from_round_to_round_is_unstable() {
    let mut limit = 1e4;
    let mut fulls = 0;
    let (answer, _) = search(Limits::new(1e3, 1e9), |rate, full| {
        if full {
            fulls += 1;
            // Each few trials the machine is half as fast, or twice.
            limit = if fulls / 5 % 2 == 0 { 1e4 } else { 2e4 };
        }
        if rate <= limit { Saw::Held } else { Saw::Broke }
    });
    let Answer::Unstable { low_per_s, high_per_s, .. } = answer else { panic!("{answer:?}") };
    assert!(low_per_s < high_per_s);
}

#[test]
fn trials_that_prove_nothing_are_repeated_and_then_end_the_search() {
    let mut first = true;
    let (answer, _) = search(Limits::new(1e3, 1e9), |rate, _| {
        if std::mem::take(&mut first) {
            Saw::Unclear
        } else if rate > 3e4 {
            Saw::Broke
        } else {
            Saw::Held
        }
    });
    assert!(matches!(answer, Answer::Sustained { .. }));
    let (answer, trials) = search(Limits::new(1e3, 1e9), |_, _| Saw::Unclear);
    assert_eq!((answer, trials.len()), (Answer::Unproven { because: "backlog grows".to_owned() }, 3));
}

#[test]
fn more_that_holds_where_less_broke_is_said() {
    let mut machine = Search::new(Limits::new(1e3, 1e9));
    for saw in [Saw::Held, Saw::Broke, Saw::Held] {
        machine.take(saw, "");
    }
    assert!(machine.contradictions().is_empty());
    let mut machine = Search::new(Limits { from: 1e3, ..Limits::new(1e3, 1e9) });
    machine.take(Saw::Broke, "");
    machine.take(Saw::Held, "");
    while let Next::Trial { .. } = machine.next() {
        machine.take(Saw::Held, "");
        if machine.seen.len() > 12 {
            break;
        }
    }
    assert_eq!(machine.contradictions().len(), 1, "{:?}", machine.seen);
}

#[test]
fn what_is_left_goes_down_to_nothing() {
    let mut machine = Search::new(Limits::new(1e3, 1e9));
    let (quick, full) = machine.left();
    assert!(quick >= 5 && full == 6, "{quick} {full}");
    while let Next::Trial { per_s, .. } = machine.next() {
        assert_ne!(machine.left(), (0, 0));
        machine.take(if per_s > 7e3 { Saw::Broke } else { Saw::Held }, "");
    }
    assert_eq!(machine.left(), (0, 0));
}

#[test]
fn broken_off_it_tells_what_it_knew() {
    let mut machine = Search::new(Limits::new(1e3, 1e9));
    assert_eq!(machine.broken_off(), Answer::BrokenOff { held_per_s: None, failed_per_s: None });
    machine.take(Saw::Held, "");
    machine.take(Saw::Broke, "");
    assert_eq!(machine.broken_off(), Answer::BrokenOff { held_per_s: Some(1e3), failed_per_s: Some(2e3) });
}
