//! What people see, as snapshots; and what must hold of every summary.

use results::outcome::{BookTotals, Cause, Latency, Proofs, Rates, Resources};

use super::*;
use crate::text::examples::{failed_outcome as failed, outcome as passed};

fn unknown() -> Outcome {
    Outcome {
        verdict: Verdict::Unknown,
        exit: 3,
        proofs: Proofs::default(),
        unknown_because: vec![
            "0 reused inode numbers were seen, 1 is needed; put --out on ext4".into(),
            "fault kill_agent had no effect".into(),
        ],
        ..passed()
    }
}

#[test]
fn copies_have_a_limit_beforehand_only_where_none_may_ever_come() {
    let copies = |delivery, routes| Limits::from(&Contract { delivery, routes, ..Contract::default() }).copies;
    assert_eq!(copies(Delivery::ExactlyOnce, Vec::new()), Some(0));
    assert_eq!(copies(Delivery::AtLeastOnce, Vec::new()), None);
    let route = results::contract::RouteContract {
        name: "tail".into(),
        delivery: Delivery::AtLeastOnce,
        ordered: false,
        source_loss: results::contract::SourceLossRule::default(),
    };
    assert_eq!(copies(Delivery::ExactlyOnce, vec![route]), None);
}

#[test]
fn the_limit_of_latency_is_shown_in_milliseconds() {
    let limit = |latency_p99_us| Limits::from(&Contract { latency_p99_us, ..Contract::default() }).p99_ms;
    assert_eq!((limit(None), limit(Some(250_000))), (None, Some(250.0)));
}

#[test]
fn a_pass_says_what_was_seen() {
    insta::assert_snapshot!(render(&passed(), Style::PLAIN));
}

#[test]
fn a_fail_says_what_was_lost_when_where_and_why() {
    let limits = Limits { p99_ms: Some(200.0), reordered: Some(0), ..Limits::default() };
    insta::assert_snapshot!(render_with(&failed(), &limits, Style { unicode: true, ..Style::PLAIN }));
}

#[test]
fn an_unknown_says_what_was_not_seen() {
    insta::assert_snapshot!(render(&unknown(), Style::PLAIN));
}

#[test]
fn a_run_broken_off_is_no_verdict() {
    let outcome =
        Outcome { broken_off: true, exit: 130, unknown_because: vec!["interrupted at 12.3 s".into()], ..unknown() };
    insta::assert_snapshot!(render(&outcome, Style::PLAIN));
}

#[test]
fn a_planted_defect_is_said_loudly() {
    let outcome = Outcome { defect: Some("stale-membership-inode-reuse".into()), ..failed() };
    insta::assert_snapshot!(render(&outcome, Style::PLAIN));
}

#[test]
fn hostile_names_stay_text() {
    let evil = "a\u{1b}[2J\u{202e}b\nPASS all is well";
    let mut outcome = failed();
    for field in [&mut outcome.scenario, &mut outcome.agent, &mut outcome.run, &mut outcome.repeat] {
        *field = evil.into();
    }
    outcome.defect = Some(evil.into());
    outcome.findings = vec![evil.into()];
    outcome.stalls[0].stream = evil.into();
    outcome.stalls[0].after = evil.into();
    outcome.causes[0] =
        Cause { verdict: evil.into(), stream: evil.into(), count: 1, cause: evil.into(), evidence: evil.into() };
    let text = render(&outcome, Style::PLAIN);
    assert!(text.chars().all(|c| c == '\n' || (!c.is_control() && c != '\u{202e}')), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("PASS")), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn the_last_line_is_words_that_scripts_can_split() {
    let line = last_line(&Outcome { run: "/home/me/my runs/x".into(), ..failed() });
    assert_eq!(
        line,
        "tailproof verdict=FAIL exit=1 scenario=tail-stall agent=builtin lost=2906 duplicated=3 stalled=1 \
         run=/home/me/my\\x20runs/x"
    );
}

#[test]
fn a_pasted_command_runs_nothing_that_hides_in_a_name() {
    let text = render(&Outcome { run: "/r/$(reboot)'s".into(), ..failed() }, Style::PLAIN);
    assert!(text.contains("tailproof report '/r/$(reboot)'\\''s' --json"), "{text}");
}

#[test]
fn a_stream_that_stalls_twice_is_one_stream() {
    let mut outcome = failed();
    outcome.stalls.push(outcome.stalls[0].clone());
    assert!(last_line(&outcome).contains(" stalled=1 "));
}

#[test]
fn colours_add_sequences_and_no_words() {
    let (plain, coloured) = (render(&failed(), Style::PLAIN), render(&failed(), Style { color: true, ..Style::PLAIN }));
    assert!(coloured.contains("\u{1b}[1;38;5;166mFAIL\u{1b}[0m"));
    let mut bare = String::new();
    for piece in coloured.split('\u{1b}') {
        let text = if bare.is_empty() { piece } else { piece.split_once('m').unwrap().1 };
        bare.push_str(text);
    }
    // The first piece is empty because the text begins with a sequence.
    assert_eq!(bare.trim_start_matches("[1;38;5;166m"), plain);
}

#[test]
fn losses_that_a_contract_allows_are_no_broken_promise() {
    let mut outcome = passed();
    outcome.books.lost = 7;
    outcome.books.delivered -= 7;
    let text = render(&outcome, Style::PLAIN);
    assert!(text.contains("7,679,993 of 7,680,000 records arrived, 7 lost as allowed"), "{text}");
    assert!(!text.contains(" x\n"), "{text}");
}

#[test]
fn a_thousand_causes_are_a_screen_and_a_count() {
    let mut outcome = failed();
    outcome.causes = vec![outcome.causes[0].clone(); 1000];
    let text = render(&outcome, Style::PLAIN);
    assert!(text.contains("and 992 more") && text.lines().count() < 70, "{text}");
}

#[test]
fn an_empty_outcome_is_shown_without_nonsense() {
    let outcome = Outcome {
        books: BookTotals::default(),
        latency_ms: Latency { p99: f64::NAN, ..Latency::default() },
        rates: Rates::default(),
        resources: Resources::default(),
        unknown_because: Vec::new(),
        ..unknown()
    };
    let text = render(&outcome, Style { width: 0, ..Style::PLAIN });
    assert!(text.starts_with("UNKNOWN  tail-stall: proves nothing\n"), "{text}");
    assert!(!text.contains("NaN") && !text.contains("inf"), "{text}");
}
