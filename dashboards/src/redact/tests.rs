//! Secrets are planted wherever a run has room for a text; none may be in any report, and each is in one without `--redact`.

use results::{
    event::{
        AgentEvent, Dropped, Event, Fault, FaultState, ProcessSample, RotationStep, RouteInfo, Sample, SourceInfo,
        StepKind, Topology, Warning, WayInfo, What,
    },
    identity::StreamId,
    outcome::{ProcessReport, RouteReport, SourceLoss},
    run::StoredRun,
};

use super::*;
use crate::{
    html, junit, markdown,
    report::{
        Report,
        examples::{at, books_with_hole, failed, stall_story, stored},
    },
    svg,
    text::{Style, summary},
};

const PATHS: [&str; 5] = ["s3cret-dir", "se cret (1).log", "tenant-77", "hush.conf", "covert-runs"];
const HOSTS: [&str; 6] =
    ["10.9.8.7", "fe80::dead:beef", "vault-9.corp.example", "db-prod-4", "epyc-of-acme", "acme-kernel"];
const PAYLOAD: [&str; 3] = ["CARD-4111", "CARD-4222", "CARD-4333"];
const FILE: &str = "s3cret-dir/tenant-77/se cret (1).log";

/// A run that tells a secret wherever it can.
fn telling() -> (StoredRun, Beside) {
    let mut outcome = failed();
    let says = format!(
        "{FILE} to 10.9.8.7:514, of vault-9.corp.example, host=db-prod-4, by [fe80::dead:beef]:80, /etc/hush.conf"
    );
    outcome.causes[0].stream = "tenant-77".into();
    outcome.causes[0].evidence = says.clone();
    outcome.stalls[0].stream = "tenant-77".into();
    outcome.stalls[0].after = format!("rename se cret (1).log ({says})");
    outcome.findings = vec![says.clone()];
    outcome.unknown_because = vec![says.clone()];
    outcome.repeat = "tailproof run './s3cret-dir/my se cret (1).log' --set rotate.every=1s --out covert-runs/x".into();
    outcome.run = "/home/s3cret-dir/covert-runs/20261121T101500Z-tail-stall-builtin".into();
    outcome.source_losses =
        vec![SourceLoss { route: "vault-9.corp.example".into(), why: says.clone(), count: 1, slack: 0, by_name: true }];
    outcome.processes =
        vec![ProcessReport { name: "vault-9.corp.example".into(), limits: says.clone(), ..ProcessReport::default() }];
    outcome.routes = vec![RouteReport {
        name: "vault-9.corp.example".into(),
        delivery: results::contract::Delivery::AtLeastOnce,
        books: outcome.books,
        latency_ms: outcome.latency_ms,
        processes: vec!["vault-9.corp.example".into()],
    }];
    let mut run = stored(&outcome, events(&says));
    run.manifest.settled["load"] = serde_json::json!({ "body": "CARD-4111 10.9.8.7", "files": FILE });
    run.manifest.settled["question"] = format!("Does {says} arrive?").into();
    run.manifest.environment["cpu"] = "epyc-of-acme".into();
    run.manifest.environment["kernel"] = "6.1-acme-kernel".into();
    let shown = |card: &str| Some(format!("{card} {says}\n"));
    let beside = Beside { agent_conf: shown("CARD-4222"), agent_log: shown("CARD-4333"), autopsy: shown("CARD-4333") };
    (run, beside)
}

fn events(says: &str) -> Vec<Event> {
    let mut events = stall_story();
    for event in &mut events {
        match &mut event.what {
            What::Begun(names) => names[0] = "tenant-77".into(),
            What::GenerationOpened(opened) => opened.path = FILE.into(),
            What::RotationStep(step) => (step.path, step.to) = (FILE.into(), Some(format!("{FILE}.gz"))),
            _ => {}
        }
    }
    let (text, process) = (says.to_owned(), "vault-9.corp.example".to_owned());
    let way = WayInfo { processes: vec![process.clone()], links: vec![text.clone()] };
    let source = SourceInfo { streams: vec![StreamId(0)], readers: vec![process.clone()], ways: vec![way] };
    let topology = Topology {
        sources: vec![source],
        routes: vec![RouteInfo { name: process.clone(), processes: vec![process.clone()] }],
        dropped: Vec::new(),
        processes: vec![process.clone()],
    };
    let failed = RotationStep {
        stream: StreamId(0),
        rotation: 9,
        step: StepKind::Rename,
        path: FILE.into(),
        to: None,
        file: None,
        held: None,
        error: Some(text.clone()),
    };
    let fault = Fault {
        id: 9,
        name: text.clone(),
        on: process.clone(),
        state: FaultState::Applied,
        hits: 1,
        detail: text.clone(),
    };
    let sample = ProcessSample { name: process.clone(), cpu_us: 1, ..ProcessSample::default() };
    let told = [
        What::Topology(topology),
        What::RotationStep(failed),
        What::Fault(fault),
        What::Sample(Sample { processes: vec![sample], ..Sample::default() }),
        What::Warning(Warning { name: text.clone(), text: text.clone() }),
        What::Dropped(Dropped { route: process.clone(), datagrams: 1, link: text.clone() }),
        What::Agent(AgentEvent::Started { pid: 1, process: process.clone() }),
        What::Agent(AgentEvent::Limited { process: process.clone(), how: text.clone() }),
        What::Agent(AgentEvent::OomKilled { pid: 1, process: process.clone(), how: text.clone() }),
        What::Agent(AgentEvent::ProbeFailed { process: process.clone(), path: format!("/{FILE}"), how: text.clone() }),
        What::Agent(AgentEvent::Ended { pid: 1, how: text, asked: false, process }),
    ];
    events.extend(told.into_iter().map(|what| at(12_000_000, what)));
    events
}

/// Every form of report in one text.
fn everything(secrets: &[Secret]) -> String {
    let (mut run, mut beside) = telling();
    let books = books_with_hole();
    redact(&mut run, &mut beside, books.names(), &secrets.iter().copied().collect());
    let report = Report::new(&run, Some(&books), beside).unwrap();
    let json = serde_json::to_string(&report.outcome).unwrap();
    let text = summary::render_with(&report.outcome, &report.limits, Style::PLAIN);
    let reports = [report];
    let (page, table) = (html::page(&reports[0]), html::comparison(&reports));
    let (comment, cases) = (markdown::render(&reports), junit::render(&reports).unwrap());
    [page, table, comment, cases, json, text, svg::render(&reports[0])].join("\n")
}

/// The secrets that a text tells, in whatever way a page writes them.
fn told<'a>(text: &str, secrets: &[&'a str]) -> Vec<&'a str> {
    let text = text.to_lowercase();
    secrets.iter().copied().filter(|secret| text.contains(&secret.to_lowercase())).collect()
}

#[test]
fn without_the_option_every_secret_is_told() {
    let all = everything(&[]);
    for secrets in [&PATHS[..], &HOSTS, &PAYLOAD] {
        assert_eq!(told(&all, secrets), secrets, "a secret that is told nowhere tests nothing");
    }
}

#[test]
fn none_of_what_is_left_out_is_in_any_report() {
    for (secret, words) in [(Secret::Paths, &PATHS[..]), (Secret::Hosts, &HOSTS), (Secret::Payload, &PAYLOAD)] {
        let text = everything(&[secret]);
        assert_eq!(told(&text, words), Vec::<&str>::new(), "{secret:?}");
        assert_eq!(
            told(&text, &PAYLOAD),
            Vec::<&str>::new(),
            "texts that nobody can look through go, whatever is asked for"
        );
    }
    let text = everything(&Secret::ALL);
    for secrets in [&PATHS[..], &HOSTS, &PAYLOAD] {
        assert_eq!(told(&text, secrets), Vec::<&str>::new());
    }
}

#[test]
fn what_is_left_still_says_what_happened() {
    let text = everything(&[Secret::Paths]);
    assert!(text.contains("inode-reuse") && text.contains("10.9.8.7") && text.contains("--set rotate.every=1s"));
    let text = everything(&[Secret::Hosts]);
    assert!(text.contains("tenant-77") && text.contains(":514") && text.contains("--set rotate.every=1s"));
}

#[test]
fn the_same_part_has_the_same_name_alone_and_in_a_path() {
    let mut paths = Paths::default();
    paths.learn(Text::Path, "pods/web-00/0.log");
    paths.learn(Text::Stream, "web-00");
    assert_eq!(paths.hidden(Text::Path, "pods/web-00/0.log"), "path1/path2/path3");
    let said = paths.hidden(Text::Words, "generation 3 of 0.log, in web-00: 25.0k/s, 8.23 MB/s, read 0. Then 0.log.");
    let web = paths.hidden(Text::Stream, "web-00");
    assert_eq!(said, format!("generation 3 of path3, in {web}: 25.0k/s, 8.23 MB/s, read 0. Then path3."));
}

#[test]
fn machines_are_known_by_how_they_are_written() {
    let mut hosts = Hosts::default();
    for (text, shown) in [
        ("send to 10.0.0.7:514: refused", "send to host1:514: refused"),
        ("http://store/_bulk and http://store:9200/", "http://host2/_bulk and http://host2:9200/"),
        ("Ada <ada@mail.example.org>", "Ada <ada@host3>"),
        ("[::1]:80 at 10:15:30", "[host4]:80 at 10:15:30"),
        ("host = db-7, node: n1", "host = host5, node: host6"),
        (
            "db.corp.log of 0.log.20261121.gz in 1.5 s, p99.9 of mine.toml",
            "host7 of 0.log.20261121.gz in 1.5 s, p99.9 of mine.toml",
        ),
    ] {
        assert_eq!(hosts.hidden(text), shown);
    }
}

#[test]
fn words_on_the_command_line() {
    assert_eq!("hosts".parse(), Ok(Secret::Hosts));
    assert!("host".parse::<Secret>().unwrap_err().to_string().contains("name paths, hosts, payload"));
}

proptest::proptest! {
    #[test]
    fn a_part_of_a_path_is_told_in_no_text_whatever_it_is_made_of(
        part in "[a-zA-Z0-9 ._'-]{3,12}[a-z]{4}",
        before in "[ a-z.,;:()]{0,6}",
        after in "[ ,;()\n]{0,6}",
    ) {
        let mut paths = Paths::default();
        paths.learn(Text::Path, &format!("a/{part}"));
        let shown = paths.hidden(Text::Words, &format!("{before} {part}{after}"));
        proptest::prop_assert!(!shown.contains(&part), "{shown}");
    }

    #[test]
    fn no_text_is_too_odd(text: String) {
        let mut paths = Paths::default();
        for kind in [Text::Path, Text::Command, Text::Stream, Text::Words] {
            paths.learn(kind, &text);
            paths.hidden(kind, &text);
        }
        Hosts::default().hidden(&text);
    }
}
