use proptest::prelude::*;

use super::*;

const S: u64 = 1_000_000;

proptest! {
    #[test]
    fn merging_keeps_the_least_the_largest_and_the_marks(
        values in prop::collection::vec((0u64..20_000 * S, 0u64..5 * S, 0.0f64..1e9), 1..80),
    ) {
        let mut history = History::default();
        for (at, lasts, value) in &values {
            history.value(Series::Backlog, *at, at + lasts, *value);
            history.mark(Mark::Rotation, *at);
        }
        let all = history.between(0, u64::MAX - 1);
        let stat = all.stat(Series::Backlog).unwrap();
        let least = values.iter().map(|(_, _, value)| *value).fold(f64::INFINITY, f64::min);
        let largest = values.iter().map(|(_, _, value)| *value).fold(0.0, f64::max);
        prop_assert_eq!((stat.min, stat.max), (least, largest));
        prop_assert!(stat.mean() >= least * 0.999_999 && stat.mean() <= largest * 1.000_001);
        prop_assert_eq!(all.count(Mark::Rotation) as usize, values.len());
        prop_assert!(history.columns.len() <= COLUMNS);
        for (at, _, value) in &values {
            let there = history.between(*at, at + 1).stat(Series::Backlog).unwrap();
            prop_assert!(there.min <= *value && *value <= there.max);
        }
    }
}

#[test]
fn a_spike_of_a_second_is_still_seen_after_an_hour() {
    let mut history = History::default();
    for second in 0..3600 {
        let value = if second == 1234 { 9e6 } else { 1e3 };
        history.value(Series::P99, second * S, (second + 1) * S, value);
    }
    let spiked = |second: u64| history.between(second * S, second * S + 1).stat(Series::P99).unwrap().max > 8e6;
    assert!(spiked(1234) && !spiked(1100) && !spiked(1300));
    assert!(history.columns.len() <= COLUMNS);
}

#[test]
fn a_mark_is_found_in_one_stretch_only_however_short_they_are() {
    let mut history = History::default();
    history.mark(Mark::Archive, 5 * FIRST_WIDTH_US + 7);
    for step_us in [FIRST_WIDTH_US / 7, FIRST_WIDTH_US, FIRST_WIDTH_US * 3] {
        let counts = (0..100).map(|at| history.between(at * step_us, (at + 1) * step_us).count(Mark::Archive));
        assert_eq!(counts.sum::<u32>(), 1);
    }
}

#[test]
fn a_stretch_that_ends_on_a_border_leaves_the_next_column_alone() {
    let mut history = History::default();
    history.in_force(Family::Sink, 0, FIRST_WIDTH_US);
    assert!(history.between(0, 1).is_in_force(Family::Sink));
    assert!(!history.between(FIRST_WIDTH_US, FIRST_WIDTH_US + 1).is_in_force(Family::Sink));
}

#[test]
fn time_at_its_end_neither_panics_nor_grows_the_columns() {
    let mut history = History::default();
    history.mark(Mark::Finding, 0);
    history.mark(Mark::Finding, u64::MAX);
    history.value(Series::Max, 0, u64::MAX, f64::NAN);
    assert_eq!(history.between(0, u64::MAX).count(Mark::Finding), 2);
    assert!(history.columns.len() <= COLUMNS);
}

#[test]
fn faults_are_told_by_what_they_are_done_to() {
    let got = ["refuse", "kill_agent", "hand_kill_agent", "hand_rotate", "hand_take_sink_away"].map(Family::of);
    assert_eq!(got, [Family::Sink, Family::Process, Family::Process, Family::Hand, Family::Sink]);
}
