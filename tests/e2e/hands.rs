//! A person's hands on the running bench: every order takes effect, is a fault of the run, and is judged like a planned one.

use std::path::Path;

use results::{
    event::{Event, Fault, FaultState, Phase, StepKind, What},
    outcome::{Outcome, Verdict},
    run::StoredRun,
};
use scenarios::{
    agents::Agent,
    library,
    live::{
        How,
        orders::{Order, Orders},
        run,
    },
    plan::{Overrides, Plan},
};

use crate::support::{live, place, program};

/// Kubelet's layout without any rotation of its own; what stands longer than 2 s has stalled.
const SCENARIO: &str = r#"
name = "by-hand"
question = "Does a person's hand do what a planned fault does?"
[time]
warm_up = "1s"
measure = "30s"
drain = "12s"
[load]
layout = "kubelet"
[[load.group]]
name = "app"
streams = 3
rate = "6k/s"
[contract]
ordered = true
stall = "2s"
min_rate = "5k/s"
"#;

/// Performs the scenario; the orders of each entry are given at so many seconds of the measure stretch, by the samples. Last,
/// when each entry was given, seconds of the run.
fn perform(
    script: &[(u64, &[Order])],
    measure: &str,
    defect: Option<&str>,
    out: &Path,
) -> (Outcome, Vec<Event>, Vec<f64>) {
    let file = out.join("by-hand.toml");
    std::fs::write(&file, SCENARIO).unwrap();
    let overrides = Overrides { duration: Some(measure.parse().unwrap()), ..Overrides::default() };
    let plan = Plan::settle(&library::find(&file.display().to_string()).unwrap(), &overrides).unwrap();
    let orders = Orders::default();
    let how = How {
        agent: Agent::Builtin,
        defect: defect.map(|id| id.parse().unwrap()),
        seed: 11,
        out: out.join("runs"),
        bench: program().to_owned(),
        broken_off: std::sync::Arc::default(),
        keep: false,
        repeat: String::new(),
        orders: orders.clone(),
    };
    let mut measures = None;
    let mut given = Vec::new();
    let outcome = run(&plan, &how, &mut |event| match event.what {
        What::Phase(Phase::Measure) => measures = Some(event.t_us),
        What::Sample(_) => {
            let Some(begin) = measures else { return };
            let due = |(at_s, _): &&(u64, &[Order])| begin + at_s * 1_000_000 <= event.t_us;
            while let Some((at_s, now)) = script.get(given.len()).filter(due) {
                println!("{at_s} s: {now:?}");
                now.iter().for_each(|order| orders.give(*order));
                given.push(event.t_us as f64 / 1e6);
            }
        }
        _ => {}
    });
    let outcome = outcome.unwrap();
    assert_eq!(given.len(), script.len(), "the run was too short for the script");
    let events = StoredRun::open(Path::new(&outcome.run)).unwrap().events;
    (outcome, events, given)
}

fn faults(events: &[Event]) -> Vec<(f64, Fault)> {
    let fault = |event: &Event| match &event.what {
        What::Fault(fault) => Some((event.t_us as f64 / 1e6, fault.clone())),
        _ => None,
    };
    events.iter().filter_map(fault).collect()
}

/// From when to when a fault was in force, and what was seen of it.
fn stretch(events: &[Event], name: &str) -> (f64, f64, String) {
    let mine: Vec<(f64, Fault)> = faults(events).into_iter().filter(|(_, fault)| fault.name == name).collect();
    let [(from, applied), (to, healed), ..] = &mine[..] else { panic!("{name}: {mine:?}") };
    assert_eq!((applied.state, healed.state), (FaultState::Applied, FaultState::Healed), "{mine:?}");
    assert_eq!(applied.id, healed.id);
    (*from, *to, healed.detail.clone())
}

/// Records written between two moments, by the samples within them, a second.
fn written_per_s(events: &[Event], from: f64, to: f64) -> f64 {
    let within: Vec<(f64, u64)> = events
        .iter()
        .filter_map(|event| match &event.what {
            What::Streams(streams) => Some((event.t_us as f64 / 1e6, streams.iter().map(|stream| stream.0).sum())),
            _ => None,
        })
        .filter(|(at, _)| (from..=to).contains(at))
        .collect();
    let ((first, before), (last, after)) = (within[0], within[within.len() - 1]);
    (after - before) as f64 / (last - first)
}

fn steps(events: &[Event], kind: StepKind, from: f64, to: f64) -> usize {
    let hit = |event: &&Event| {
        let at = event.t_us as f64 / 1e6;
        matches!(&event.what, What::RotationStep(step) if step.step == kind && step.error.is_none())
            && (from..=to).contains(&at)
    };
    events.iter().filter(hit).count()
}

#[test]
fn every_order_takes_effect_and_is_judged_like_a_planned_fault() {
    let _live = live();
    let out = place();
    let script: &[(u64, &[Order])] = &[
        (1, &[Order::PauseLoad]),
        (3, &[Order::ResumeLoad]),
        (4, &[Order::ScaleLoad(2.0)]),
        (6, &[Order::ScaleLoad(1.0)]),
        (7, &[Order::Rotate]),
        (9, &[Order::Archive]),
        (10, &[Order::Swap]),
        (11, &[Order::StopAgent]),
        (14, &[Order::ContinueAgent]),
        (16, &[Order::TakeSinkAway]),
        (19, &[Order::BringSinkBack]),
        (21, &[Order::KillAgent]),
        (24, &[Order::RestartAgent]),
        (26, &[Order::RestartAgent]),
        (28, &[Order::ResumeLoad, Order::BringSinkBack]),
        (29, &[Order::KillAgent]),
    ];
    let (outcome, events, given) = perform(script, "31s", None, out.path());
    assert_eq!(outcome.verdict, Verdict::Pass, "{:?} {:?}", outcome.findings, outcome.unknown_because);
    assert!(outcome.stalls.is_empty(), "neither a stopped agent nor a sink that was away is a stall");

    let (from, to, seen) = stretch(&events, "hand_pause_load");
    // What was due before it and was late is written still.
    assert!(written_per_s(&events, from + 0.6, to) < 60.0, "the load went on: {seen}");
    let (from, to, seen) = stretch(&events, "hand_scale_load");
    let rate = written_per_s(&events, from + 0.1, to);
    assert!((9_000.0..15_000.0).contains(&rate), "twice 6,000 was ordered, {rate:.0}/s came: {seen}");

    let (from, to, seen) = stretch(&events, "hand_rotate");
    assert_eq!(
        (steps(&events, StepKind::Reopen, from, to), steps(&events, StepKind::Rename, from, to)),
        (3, 3),
        "{seen}"
    );
    let (from, to, seen) = stretch(&events, "hand_archive");
    assert_eq!(
        (steps(&events, StepKind::Archive, from, to), steps(&events, StepKind::Unlink, from, to)),
        (3, 3),
        "{seen}"
    );
    let (from, to, seen) = stretch(&events, "hand_swap");
    assert_eq!(steps(&events, StepKind::Symlink, from, to), 3, "{seen}");

    // In force from its order to the one that ends it, which is obeyed before the next is given.
    for (name, order) in [("hand_stop_agent", 7), ("hand_take_sink_away", 9), ("hand_kill_agent", 11)] {
        let (from, to, _) = stretch(&events, name);
        let [begin, end, next] = [given[order], given[order + 1], given[order + 2]];
        assert!(
            begin <= from && from < end && end <= to && to < next,
            "{name} was in force from {from:.2} s to {to:.2} s, ordered at {begin:.2} s, ended at {end:.2} s"
        );
    }
    stretch(&events, "hand_restart_agent");
    assert_eq!(outcome.proofs.agent_interruptions, 4, "stopped, killed, restarted, killed");
    assert!(outcome.proofs.sink_refusals > 0);

    let refused: Vec<&Event> = events
        .iter()
        .filter(|event| matches!(&event.what, What::Warning(warning) if warning.name == "order-refused"))
        .collect();
    assert_eq!(refused.len(), 2, "{refused:?}");
    let last = faults(&events).pop().unwrap().1;
    assert_eq!((last.name.as_str(), last.state), ("hand_kill_agent", FaultState::Healed), "healed at the end");
    let again = StoredRun::open(Path::new(&outcome.run)).unwrap().judge_again().unwrap();
    assert_eq!(again.verdict, outcome.verdict, "a stored run is judged as it was: {:?}", again.unknown_because);
}

#[test]
fn a_hand_finds_what_a_planned_fault_finds() {
    let _live = live();
    let out = place();
    let script: &[(u64, &[Order])] =
        &[(2, &[Order::TakeSinkAway]), (3, &[Order::KillAgent]), (4, &[Order::RestartAgent, Order::BringSinkBack])];
    let (outcome, ..) = perform(script, "6s", Some("checkpoint-before-delivery"), out.path());
    assert_eq!(outcome.verdict, Verdict::Fail, "{:?}", outcome.findings);
    assert!(outcome.books.lost > 0, "{:?}", outcome.books);
}
