//! What holds of every page, whatever the run and whatever its names.

use proptest::prelude::*;
use results::{
    event::{AgentEvent, Event, Fault, FaultState, RotationStep, Sample, Stall, StepKind, Warning, What},
    identity::StreamId,
    outcome::{BookTotals, Cause, Outcome, Rates, Resources, StallReport, Verdict},
};

use super::*;
use crate::{
    display::display_whole,
    history,
    report::{
        Beside, Report,
        examples::{at, books_with_hole, failed, report, stall_story, stored},
    },
    text::examples::outcome,
};

/// Elements that pages are made of; whatever else looks like one came from outside.
const ELEMENTS: &str = "!doctype html head meta title style body a main p h1 h2 h3 h4 strong b dl div dt dd small span code button \
    table caption thead tbody tr th td ul ol li figure figcaption svg rect path text g circle details summary pre article footer \
    script br";

/// The page without what is the same in all: styles, scripts, the document.
fn shell(page: &str) -> String {
    let mut out = String::new();
    let mut rest = page;
    while let Some(at) = ["<style>", "<script"].iter().filter_map(|tag| rest.find(tag)).min() {
        out.push_str(&rest[..at]);
        let end = rest[at..].find("</s").expect("it is closed") + at;
        rest = &rest[end..];
    }
    out + rest
}

fn only_our_elements(page: &str) {
    let shell = shell(page);
    for piece in shell.split('<').skip(1) {
        let name = piece.trim_start_matches('/').split([' ', '>', '\n']).next().unwrap();
        assert!(ELEMENTS.split_whitespace().any(|known| known == name), "<{name} in …<{piece:.120}");
    }
    assert_eq!(shell.matches('<').count(), shell.matches('>').count());
    for tag in tags(&shell) {
        // Names of attributes are what stands outside of quotes; inside of them is text.
        let names: String = tag.split('"').step_by(2).collect();
        for name in ["onerror", "onload", "onclick", "style=", "src=", "srcdoc"] {
            assert!(!names.contains(name), "{name} in <{tag}>");
        }
        assert!(tag.matches('"').count().is_multiple_of(2) && !tag.contains("href=\"javascript"), "<{tag}>");
    }
}

/// The inside of each tag.
fn tags(shell: &str) -> impl Iterator<Item = &str> {
    shell.split('<').skip(1).filter_map(|piece| piece.split('>').next())
}

fn nothing_active(page: &str) {
    for line in page.lines().map(|line| line.replace('\t', " ")) {
        assert_eq!(display_whole(&line), line);
    }
}

/// Headings, cells of the first column, and what is said, without the numbers of the charts.
fn skeleton(page: &str) -> String {
    let shell = shell(page);
    let mut out = String::new();
    let mut rest = &shell[shell.find("<main").unwrap()..];
    let told = [
        "<h1",
        "<h2",
        "<h3",
        "<h4",
        "<p",
        "<li",
        "<th scope=\"row\"",
        "<td",
        "<dt",
        "<dd",
        "<summary",
        "<caption",
        "<button",
        "<svg",
        "<pre",
    ];
    while let Some(at) = told.iter().filter_map(|tag| rest.find(tag)).min() {
        rest = &rest[at..];
        let tag: String = rest[1..].chars().take_while(char::is_ascii_alphanumeric).collect();
        let close = format!("</{tag}>");
        let end = rest.find(&close).map_or(rest.len(), |end| end + close.len());
        if tag == "svg" {
            let says = rest.split("aria-label=\"").nth(1).and_then(|rest| rest.split('"').next()).unwrap_or("NO LABEL");
            out.push_str(&format!("svg: {says}\n"));
        } else {
            let mut words = String::new();
            let mut inside = false;
            for c in rest[..end].chars() {
                match c {
                    '<' => inside = true,
                    '>' => {
                        inside = false;
                        words.push(' ');
                    }
                    c if !inside => words.push(c),
                    _ => {}
                }
            }
            let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
            if !words.is_empty() {
                out.push_str(&format!("{tag}: {words}\n"));
            }
        }
        rest = &rest[end..];
    }
    out
}

#[test]
fn a_failing_page_says_question_answer_books_causes_files_and_how_to_repeat() {
    let mut outcome = failed();
    outcome.causes[0].stream = "web-00".into();
    outcome.stalls[0].stream = "web-00".into();
    outcome.stalls[0].from_s = 4.0;
    let page = page(&report(outcome, stall_story()));
    only_our_elements(&page);
    nothing_active(&page);
    insta::assert_snapshot!(skeleton(&page));
}

#[test]
fn a_comparison_says_what_differs() {
    let page = comparison(&[report(outcome(), stall_story()), report(failed(), stall_story())]);
    only_our_elements(&page);
    assert!(!page.contains("<script"), "it needs none");
    insta::assert_snapshot!(skeleton(&page));
}

#[test]
fn every_ending_is_a_whole_page() {
    let broken = Outcome { broken_off: true, exit: 130, verdict: Verdict::Unknown, ..outcome() };
    let unknown = Outcome { verdict: Verdict::Unknown, unknown_because: vec!["too few rotations".into()], ..outcome() };
    let one_sample = vec![at(5, What::Sample(Sample { written: 3, ..Sample::default() }))];
    let never = Outcome {
        books: BookTotals::default(),
        rates: Rates::default(),
        resources: Resources::default(),
        ..unknown.clone()
    };
    let short: Vec<Event> = stall_story().into_iter().filter(|event| event.t_us < 3_000_000).collect();
    for (outcome, events, says) in [
        (broken, stall_story(), "Broken off."),
        (unknown, Vec::new(), "too few rotations"),
        (never, one_sample, "Too little for a chart: one point only"),
        (outcome(), short, "Delivery latency"),
        (failed(), vec![at(u64::MAX, What::Judged(Box::new(failed())))], "No writer opened a file"),
    ] {
        let page = page(&report(outcome, events));
        assert!(page.contains(says), "{says}");
        let shell = shell(&page);
        assert!(!shell.contains("NaN") && !shell.contains(">inf"), "{says}");
        for part in ["<h1>", "id=\"books\"", "id=\"lanes\"", "id=\"not-exercised\"", "id=\"machine\"", "</html>"] {
            assert!(page.contains(part), "{says}: no {part}");
        }
    }
    let bare = Report::new(&stored(&failed(), stall_story()), None, Beside::default()).unwrap();
    assert!(super::page(&bare).contains("the books: they could not be read"));
}

#[test]
fn a_moment_and_a_finding_have_fixed_anchors() {
    let page = page(&report(failed(), stall_story()));
    assert!(page.contains("id=\"f1\"") && page.contains("href=\"#f1\"") && page.contains("id=\"f2\""));
    // Two happenings of one millisecond are one anchor.
    assert_eq!(page.matches(" id=\"t=0.000\"").count(), 1);
    assert!(page.contains("id=\"t=2.000\"") && page.contains("href=\"#t=3.500\""), "{}", shell(&page));
}

#[test]
fn the_document_inside_is_the_outcome_and_can_be_read_back() {
    let page = page(&report(failed(), stall_story()));
    let text = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
    let document: serde_json::Value = serde_json::from_str(text).unwrap();
    assert_eq!(serde_json::from_value::<Outcome>(document["outcome"].clone()).unwrap(), failed());
    assert_eq!(document["rotations"].as_array().unwrap().len(), 3);
}

/// A run in which everything that can be named from outside has this name.
fn named(evil: &str) -> Report {
    let mut outcome = failed();
    for field in [&mut outcome.scenario, &mut outcome.agent, &mut outcome.repeat, &mut outcome.run] {
        *field = evil.into();
    }
    outcome.defect = Some(evil.into());
    outcome.findings = vec![evil.into()];
    outcome.unknown_because = vec![evil.into()];
    outcome.stalls = vec![StallReport { stream: evil.into(), after: evil.into(), ..outcome.stalls[0].clone() }];
    outcome.causes =
        vec![Cause { verdict: evil.into(), stream: evil.into(), count: 1, cause: evil.into(), evidence: evil.into() }];
    let mut events = stall_story();
    for event in &mut events {
        match &mut event.what {
            What::Begun(names) => *names = vec![evil.into(); 2],
            What::GenerationOpened(opened) => opened.path = evil.into(),
            What::RotationStep(step) => step.to = Some(evil.into()),
            What::Fault(fault) => fault.name = evil.into(),
            _ => {}
        }
    }
    let stream = StreamId(0);
    events.extend(
        [
            What::Fault(Fault {
                id: 9,
                name: evil.into(),
                on: String::new(),
                state: FaultState::NoEffect,
                hits: 0,
                detail: evil.into(),
            }),
            What::Agent(AgentEvent::Ended { pid: 1, how: evil.into(), asked: false, process: String::new() }),
            What::Warning(Warning { name: evil.into(), text: evil.into() }),
            What::Stall(Stall { stream, from_us: 5, until_us: None }),
            What::RotationStep(RotationStep {
                stream,
                rotation: 9,
                step: StepKind::Unlink,
                path: evil.into(),
                to: None,
                file: None,
                held: None,
                error: Some(evil.into()),
            }),
        ]
        .map(|what| at(12_000_000, what)),
    );
    let mut run = stored(&outcome, events);
    run.manifest.environment = serde_json::json!({ evil: evil, "cores": [evil, { evil: 1 }] });
    run.manifest.settled["question"] = evil.into();
    run.manifest.settled[evil] = evil.into();
    run.manifest.started = evil.into();
    let text = Some(evil.to_owned());
    let beside = Beside { agent_conf: text.clone(), agent_log: text.clone(), autopsy: text };
    Report::new(&run, Some(&books_with_hole()), beside).unwrap()
}

fn holds(evil: &str) {
    let report = named(evil);
    let benign = page(&named("plain"));
    let hostile = page(&report);
    let trends = trends(&history::trends([report.outcome.clone()]), evil, 1);
    for page in [&hostile, &comparison(&[report.clone(), report.clone()]), &trends] {
        only_our_elements(page);
        nothing_active(page);
    }
    assert_eq!(hostile.matches("<script").count(), benign.matches("<script").count());
    assert_eq!(hostile.matches("</script").count(), benign.matches("</script").count());
    let svg = crate::svg::render(&report);
    crate::markup::well_formed(&svg);
    nothing_active(&svg);
}

#[test]
fn known_tricks_stay_text() {
    for evil in [
        "</script><script>alert(1)</script>",
        "\"><img src=x onerror=alert(1)>",
        "' onload='x",
        "<!--",
        "]]>",
        "</pre></main><h1>PASS</h1>",
        "\u{202e}SSAP\u{2066}",
        "a\0b\u{1b}]0;x\u{7}\u{9b}31m\r\n\u{2028}",
        "&lt;b&gt;&#60;",
        "\u{ffff}\u{fdd0}\u{feff}",
        "",
    ] {
        holds(evil);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn no_name_whatsoever_becomes_markup(evil in "(\\PC|[<>\"'&/!-]|[\u{0}-\u{1f}\u{80}-\u{9f}\u{200b}-\u{202e}\u{2066}-\u{2069}]){0,40}") {
        holds(&evil);
    }
}
