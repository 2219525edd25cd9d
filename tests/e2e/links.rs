//! Faults of the wires between boxes, end to end: each is seen to have taken effect, a correct agent is not accused of it, and
//! one that gives records away without asking is.

mod scenarios;

use results::outcome::{Outcome, Verdict};

use self::scenarios::{datagrams_in, datagrams_out, fault, forwarded, to_server, to_store, to_strict_server};
use crate::support::{
    Judged, live, run,
    written::{Written, took_effect},
};

const WEST: &str = "link = \"west\"";

fn perform((scenario, beside): (String, Vec<(&str, String)>), more: &[&str]) -> (Judged, Written) {
    let beside: Vec<(&str, &str)> = beside.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let written = Written::new(&scenario, &beside);
    let _live = live();
    let judged = run(&written.scenario(), more, &written.out());
    println!("{:.1} s, {:?}", judged.ended.seconds, judged.outcome.verdict);
    (judged, written)
}

fn lost_by(outcome: &Outcome, cause: &str) -> u64 {
    outcome.causes.iter().filter(|found| found.verdict == "lost" && found.cause == cause).map(|found| found.count).sum()
}

#[test]
fn a_link_that_is_slow_silent_cut_and_gone_costs_a_correct_agent_nothing() {
    let faults = [
        fault("{ delay_link = { delay = \"150ms\" } }", WEST, "300ms", "900ms"),
        fault("\"hang_link\"", WEST, "1500ms", "800ms"),
        // What is cut is on its way.
        fault("{ delay_link = { delay = \"200ms\" } }", WEST, "2500ms", "900ms"),
        fault("\"cut_link\"", WEST, "2900ms", "200ms"),
        fault("{ cut_link_every = { n = 3 } }", WEST, "3700ms", "900ms"),
        fault("\"partition\"", WEST, "5100ms", "800ms"),
    ];
    let (judged, written) = perform(to_store("6500ms", &faults.concat()), &[]);
    let outcome = &judged.outcome;
    assert_eq!(outcome.verdict, Verdict::Pass, "{judged}");
    assert_eq!((outcome.books.lost, outcome.books.duplicated), (0, 0));
    let mut effects = took_effect(&written.run());
    effects.sort();
    for (name, hits, detail) in &effects {
        println!("{name}: {detail}");
        assert!(*hits > 0 && !detail.contains(" 0 bytes"), "{name}: {detail}");
    }
    let names: Vec<&str> = effects.iter().map(|(name, ..)| name.as_str()).collect();
    assert_eq!(names, ["cut_link", "cut_link_every", "delay_link", "delay_link", "hang_link", "partition"]);
}

#[test]
fn what_was_in_flight_when_the_link_to_a_sink_was_cut_may_come_again() {
    // What is taken waits for its answer when the link is cut.
    let faults = [
        fault("{ slow = { delay = \"400ms\" } }", "route = \"server\"", "300ms", "1600ms"),
        fault("\"cut_link\"", WEST, "900ms", "200ms"),
        fault("\"cut_link\"", WEST, "1400ms", "200ms"),
    ];
    let (judged, _) = perform(to_server("2500ms", &faults.concat()), &[]);
    let books = &judged.outcome.books;
    assert_eq!(judged.outcome.verdict, Verdict::Pass, "{judged}");
    assert!(books.lost == 0 && books.duplicated > 0 && books.duplicated == books.duplicated_allowed, "{judged}");
}

#[test]
fn what_a_cut_link_had_on_its_way_back_is_told_from_copies_without_a_reason() {
    // Each cut comes a request and half its answer after the one before. An answer that has left the sink is known to nobody
    // but the link; where no copy may come the books tell all the same which ones have their reason.
    let faults: String =
        [900, 1600, 2300, 3000].map(|at| fault("\"cut_link\"", WEST, &format!("{at}ms"), "20ms")).concat();
    let faults = fault("{ delay_link = { delay = \"400ms\" } }", WEST, "300ms", "3500ms") + &faults;
    let (judged, _) = perform(to_strict_server("4500ms", &faults), &[]);
    let books = &judged.outcome.books;
    assert_eq!(judged.outcome.verdict, Verdict::Fail, "{judged}");
    assert!(books.lost == 0 && books.duplicated > 0 && books.duplicated == books.duplicated_allowed, "{judged}");
    let causes = &judged.outcome.causes;
    assert!(causes.iter().any(|cause| cause.cause == "resent-in-flight"), "{judged}");
}

#[test]
fn a_fault_over_a_link_that_nobody_uses_proves_nothing() {
    let (judged, _) = perform(to_store("1500ms", &fault("\"hang_link\"", "link = \"spare\"", "300ms", "700ms")), &[]);
    assert_eq!((judged.outcome.verdict, judged.ended.code), (Verdict::Unknown, 3), "{judged}");
    let why = &judged.outcome.unknown_because;
    assert!(why.iter().any(|why| why.contains("hang_link on spare) had no effect: 0 connections")), "{why:?}");
}

#[test]
fn records_noted_as_done_before_a_silent_link_took_them_are_lost_with_the_agent_and_it_is_named() {
    let faults = fault("\"hang_link\"", WEST, "700ms", "1500ms")
        + &fault("\"kill_agent\"", "process = \"agent\"", "1500ms", "200ms");
    let (correct, _) = perform(to_store("3s", &faults), &[]);
    assert_eq!(correct.outcome.verdict, Verdict::Pass, "{correct}");
    let (judged, _) = perform(to_store("3s", &faults), &["--defect", "checkpoint-before-delivery"]);
    let outcome = &judged.outcome;
    assert_eq!(outcome.verdict, Verdict::Fail, "{judged}");
    assert!(outcome.books.lost > 0 && lost_by(outcome, "agent-crash") == outcome.books.lost, "{judged}");
}

#[test]
fn what_was_given_to_a_connection_without_asking_is_lost_when_the_link_is_cut_and_the_link_is_named() {
    let faults = fault("{ delay_link = { delay = \"400ms\" } }", WEST, "500ms", "1300ms")
        + &fault("\"cut_link\"", WEST, "1300ms", "200ms");
    let (correct, _) = perform(forwarded(true, &faults), &[]);
    assert_eq!(correct.outcome.verdict, Verdict::Pass, "{correct}");
    let (judged, written) = perform(forwarded(false, &faults), &[]);
    let outcome = &judged.outcome;
    assert_eq!(outcome.verdict, Verdict::Fail, "{judged}");
    assert!(outcome.books.lost > 0 && lost_by(outcome, "cut-on-the-way") == outcome.books.lost, "{judged}");
    let (_, hits, detail) =
        took_effect(&written.run()).into_iter().find(|(name, ..)| name == "cut_link").expect("it took effect");
    assert!(hits > 0 && outcome.causes.iter().all(|cause| cause.evidence.contains(&detail)), "{detail}: {judged}");
}

#[test]
fn datagrams_that_a_link_loses_on_their_way_to_a_sink_are_counted_and_put_down_to_it() {
    let faults = [
        fault("{ delay_link = { delay = \"100ms\" } }", WEST, "200ms", "500ms"),
        fault("\"partition\"", WEST, "900ms", "500ms"),
        fault("{ cut_link_every = { n = 4 } }", WEST, "1700ms", "700ms"),
    ];
    let (judged, written) = perform(datagrams_out(&faults.concat()), &[]);
    let outcome = &judged.outcome;
    assert_eq!(outcome.verdict, Verdict::Pass, "{judged}");
    let effects = took_effect(&written.run());
    assert_eq!(effects.len(), 3, "{effects:?}");
    let dropped: u64 = effects.iter().filter(|(name, ..)| name != "delay_link").map(|(_, hits, _)| hits).sum();
    assert_eq!((outcome.books.lost, lost_by(outcome, "datagrams-dropped")), (dropped, dropped), "{judged}");
    let named = format!("link west lost {dropped} datagrams on purpose");
    assert!(dropped > 0 && outcome.causes.iter().all(|cause| cause.evidence.contains(&named)), "{judged}");
}

#[test]
fn datagrams_that_a_link_loses_on_their_way_to_the_agent_are_no_loss_of_the_agent() {
    let (judged, written) = perform(datagrams_in(&fault("\"partition\"", WEST, "900ms", "600ms")), &[]);
    let (outcome, books) = (&judged.outcome, &judged.outcome.books);
    assert_eq!(outcome.verdict, Verdict::Pass, "{judged}");
    let [(_, hits, _)] = &took_effect(&written.run())[..] else { panic!("one fault: {judged}") };
    assert!(*hits > 0 && books.source_lost >= *hits, "{hits} datagrams, {judged}");
    assert_eq!((books.lost, books.delivered), (0, books.written - books.source_lost), "{judged}");
}
