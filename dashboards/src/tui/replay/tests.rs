use proptest::prelude::*;
use results::event::{Fault, Sample, Stall};
use results::identity::StreamId;

use super::*;

const S: u64 = 1_000_000;

fn run() -> Vec<Event> {
    let mut events: Vec<Event> = (0..=20)
        .map(|s| Event { t_us: s * S, what: What::Sample(Sample { written: s, ..Sample::default() }) })
        .collect();
    let stall = |from_us, until_us| What::Stall(Stall { stream: StreamId(0), from_us, until_us });
    let fault = |id, state| {
        What::Fault(Fault { id, name: "hang".into(), on: String::new(), state, hits: 0, detail: String::new() })
    };
    events.extend([
        Event { t_us: 5 * S + 1, what: stall(S, None) },
        Event { t_us: 7 * S, what: stall(S, Some(7 * S)) },
        Event { t_us: 9 * S, what: fault(0, FaultState::Applied) },
        Event { t_us: 11 * S, what: fault(0, FaultState::NoEffect) },
    ]);
    events.sort_by_key(|event| event.t_us);
    events
}

fn look(replay: &Replay) -> String {
    let mut board = replay.board().clone();
    board.revision = 0;
    format!("{board:?}")
}

proptest! {
    #[test]
    fn wherever_one_comes_from_a_moment_looks_the_same(stops in prop::collection::vec(0u64..25 * S, 1..8)) {
        let mut wandered = Replay::new(About::default(), run());
        for stop in &stops {
            wandered.seek(*stop);
        }
        let mut straight = Replay::new(About::default(), run());
        straight.seek(*stops.last().unwrap());
        prop_assert_eq!(look(&wandered), look(&straight));
        prop_assert_eq!(wandered.now_us(), straight.now_us());
    }
}

#[test]
fn it_goes_from_finding_to_finding_and_from_fault_to_fault() {
    let mut replay = Replay::new(About::default(), run());
    let next = |replay: &mut Replay, target, forward| {
        let at = replay.find(target, forward)?;
        replay.seek(at);
        Some(at)
    };
    assert_eq!(next(&mut replay, Target::Finding, true), Some(5 * S + 1));
    assert_eq!(next(&mut replay, Target::Finding, true), Some(11 * S));
    assert_eq!(next(&mut replay, Target::Finding, true), None);
    assert_eq!(next(&mut replay, Target::Finding, false), Some(5 * S + 1));
    assert_eq!(next(&mut replay, Target::Fault, true), Some(9 * S));
    assert_eq!(replay.board().findings.all().len(), 1);
}

#[test]
fn it_ends_at_its_last_event_and_goes_on_when_there_are_more() {
    let mut replay = Replay::new(About::default(), run());
    assert!(!replay.advance(19 * S));
    assert!(replay.advance(19 * S));
    assert_eq!((replay.now_us(), replay.board().state.sample.written), (20 * S, 20));
    let before = replay.board().revision;
    replay.push(vec![Event { t_us: 30 * S, what: What::Sample(Sample { written: 99, ..Sample::default() }) }]);
    assert!(!replay.advance(S));
    assert!(replay.advance(9 * S));
    assert_eq!(replay.board().state.sample.written, 99);
    assert!(replay.board().revision > before);
    let before = replay.board().revision;
    replay.seek(0);
    assert!(replay.board().revision > before);
}
