//! Every report shows the same two tables, and lets no name from outside out of its cell.

use results::outcome::{BookTotals, Latency, Verdict};

use super::*;
use crate::{
    html, junit, markdown,
    markup::well_formed,
    report::{
        Report,
        examples::{report, stall_story},
    },
    text::{
        Style,
        examples::outcome,
        summary::{Limits, answer, render},
    },
};

/// Two ways of one load, the second over datagrams, of which the source lost some.
pub(crate) fn side_by_side() -> Outcome {
    let books = |source_lost, by_number, lost| BookTotals {
        sent: 20_000,
        written: 20_000,
        expected: 20_000 - source_lost,
        delivered: 20_000 - source_lost - lost,
        lost,
        source_lost,
        source_lost_by_number: by_number,
        ..BookTotals::default()
    };
    let route = |name: &str, delivery, books, p99, process: &str| RouteReport {
        name: name.into(),
        delivery,
        books,
        latency_ms: Latency { p99, ..Latency::default() },
        processes: vec![process.into()],
    };
    let process = |name: &str, limits: &str, cpu_s, rss_max_bytes| ProcessReport {
        name: name.into(),
        limits: limits.into(),
        cpu_s,
        rss_max_bytes,
        starts: 1,
        ..ProcessReport::default()
    };
    let (tail, syslog) = (books(0, 0, 0), books(52, 12, 3));
    let mut all = tail;
    all.add(&syslog);
    (all.sent, all.written) = (20_000, 20_000);
    let loss = |why: &str, count, slack, by_name| SourceLoss {
        route: "syslog".into(),
        why: why.into(),
        count,
        slack,
        by_name,
    };
    Outcome {
        scenario: "daemonset-vs-sidecar".into(),
        books: all,
        routes: vec![
            route("tail", Delivery::AtLeastOnce, tail, 1200.0, "daemonset"),
            route("syslog", Delivery::AtMostOnce, syslog, 80.0, "sidecar"),
        ],
        source_losses: vec![
            loss("EAGAIN: the queue of the socket was full", 40, 0, true),
            loss("send() to syslog failed", 12, 1, false),
        ],
        processes: vec![
            process("daemonset", "", 3.1, 24_000_000),
            process("sidecar", "150m CPU, 128 MiB by cgroup v2", 2.0, 19_000_000),
        ],
        ..outcome()
    }
}

fn shown(outcome: Outcome) -> Report {
    report(outcome, stall_story())
}

#[test]
fn two_ways_stand_side_by_side_with_what_the_source_lost_and_what_they_cost() {
    insta::assert_snapshot!(render(&side_by_side(), Style { width: 120, ..Style::PLAIN }));
}

#[test]
fn numbers_at_their_end_overflow_nowhere() {
    let most = u64::MAX;
    let all = BookTotals {
        lost: most,
        duplicated: most,
        unexpected: most,
        corrupted: most,
        reordered: most,
        misattributed: most,
        ..side_by_side().books
    };
    let mut outcome = Outcome { verdict: Verdict::Fail, books: all, ..side_by_side() };
    for route in &mut outcome.routes {
        route.books = all;
    }
    outcome.routes.push(outcome.routes[1].clone());
    let report = shown(outcome);
    let one = std::slice::from_ref(&report);
    let texts = [html::page(&report), markdown::render(one), junit::render(one).unwrap()];
    assert!(texts.iter().all(|text| text.contains("18,446,744,073,709,551,615")));
    let both = crate::text::runs::render(&[report.clone(), report.clone()], Style::PLAIN);
    assert!(both.contains("18,446,744,073,709,551,615"), "{both}");
    let stored = crate::report::examples::stored(&report.outcome, stall_story());
    let facts = results::gate::Facts::of(&stored).unwrap();
    assert_eq!(facts.books[&results::gate::Book::Lost], most);
}

#[test]
fn every_report_has_the_tables() {
    let report = shown(side_by_side());
    let page = html::page(&report);
    for part in
        ["id=\"routes\"", "id=\"processes\"", "150m CPU, 128 MiB by cgroup v2", "12 (give or take 1) on syslog: send()"]
    {
        assert!(page.contains(part), "no {part} on the page");
    }
    insta::assert_snapshot!(markdown::render(std::slice::from_ref(&report)));
    let cases = junit::render(&[report]).unwrap();
    well_formed(&cases);
    assert!(cases.contains("route tail") && cases.contains("failures=\"0\""), "{cases}");
}

#[test]
fn a_run_with_one_route_has_no_table() {
    assert_eq!((routes(&outcome()), processes(&outcome()), source_losses(&outcome())), (None, None, vec![]));
    assert!(!html::page(&shown(outcome())).contains("id=\"routes\""));
}

#[test]
fn a_loss_on_a_route_that_must_not_lose_fails_its_case_and_its_promise() {
    let mut broken = side_by_side();
    (broken.routes[0].books.lost, broken.books.lost) = (7, 10);
    broken.verdict = Verdict::Fail;
    let lost = answer::promises(&broken, &Limits::default())[0];
    // Three are allowed: those of the route that may lose.
    assert_eq!((lost.value, lost.limit, lost.broken()), (10, Some(3), true));
    let cases = junit::render(&[shown(broken.clone())]).unwrap();
    assert!(cases.contains("7 of 20,000 lost"), "{cases}");
    assert!(answer::answer(&broken, &Limits::default()).contains("10 of 39,948 records lost on 2 routes"));
    broken.routes[0].delivery = Delivery::AtMostOnce;
    assert_eq!(answer::promises(&broken, &Limits::default())[0].limit, None, "every route may lose");
}

#[test]
fn hostile_names_stay_in_their_cells() {
    let evil = "a|b\u{1b}[2J</td><script>\u{202e}\n| x |";
    let mut hostile = side_by_side();
    hostile.routes[0].name = evil.into();
    hostile.source_losses[0].why = evil.into();
    hostile.processes[0].name = evil.into();
    hostile.processes[0].limits = evil.into();
    let text = render(&hostile, Style::PLAIN);
    assert!(text.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{text}");
    let page = html::page(&shown(hostile.clone()));
    assert!(!page.contains("</td><script>") && !page.contains('\u{202e}'));
    let comment = markdown::render(&[shown(hostile)]);
    assert!(!comment.contains("<script>") && !comment.contains("\n| x |") && comment.contains("a\\|b"), "{comment}");
}

#[test]
fn tables_fit_a_narrow_terminal_and_say_what_is_missing() {
    let style = Style { width: 80, ..Style::PLAIN };
    let text = render(&side_by_side(), style);
    let (_, tables) = text.split_once("\n  routes ").unwrap();
    let (tables, _) = tables.split_once("\n  seen ").unwrap();
    assert!(tables.lines().skip(1).all(|line| line.chars().count() <= 80), "{text}");
    assert!(tables.contains("more columns for which there is no room: see the page"), "{text}");
    assert!(tables.contains("3 (0.015 %, allowed)") && tables.contains("150m CPU"), "{text}");
}
