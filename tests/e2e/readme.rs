//! What documents and scripts rely on: every verb is there and explains itself; `--json` is one document a run.

use serde_json::Value;

use crate::support::{live, perform, place, tailproof};

const VERBS: &[&str] = &[
    "run",
    "list",
    "show",
    "check",
    "defects",
    "report",
    "watch",
    "pipeline",
    "cleanup",
    "demo",
    "capacity",
    "doctor",
    "completions",
    "man",
];

/// The keys of the document, and those of its parts.
const KEYS: &[(&str, &[&str])] = &[
    (
        "",
        &[
            "schema",
            "scenario",
            "agent",
            "defect",
            "seed",
            "verdict",
            "exit",
            "books",
            "stalls",
            "causes",
            "proofs",
            "latency_ms",
            "rates",
            "resources",
            "findings",
            "run",
        ],
    ),
    (
        "/books",
        &[
            "sent",
            "written",
            "expected",
            "delivered",
            "lost",
            "duplicated",
            "unexpected",
            "corrupted",
            "reordered",
            "misattributed",
            "source_lost",
        ],
    ),
    ("/proofs", &["rotations", "inodes_reused", "archives", "symlink_swaps"]),
    ("/latency_ms", &["p50", "p90", "p99", "p999", "max"]),
    ("/rates", &["sent_per_s", "delivered_per_s", "sent_bytes_per_s"]),
    ("/resources", &["agent_cpu_s", "agent_rss_max_bytes", "bench_cpu_s", "bench_rss_max_bytes"]),
];

#[test]
fn every_verb_explains_itself_with_an_example() {
    let help = tailproof(&["--help"]).expect(0);
    for verb in VERBS {
        assert!(help.stdout.contains(verb), "{verb} is not in the help: {help}");
        let ended = tailproof(&[verb, "--help"]).expect(0);
        assert!(ended.stdout.contains(&format!("tailproof {verb}")), "no example: {ended}");
    }
    assert!(tailproof(&["--version"]).expect(0).stdout.starts_with("tailproof "));
}

#[test]
fn without_a_verb_it_says_in_a_few_lines_what_to_try_first() {
    let none: [&str; 0] = [];
    let ended = tailproof(&none).expect(0);
    assert!((1..=12).contains(&ended.stdout.lines().count()), "{ended}");
    assert!(ended.stdout.contains("tailproof run tail-stall"), "{ended}");
}

#[test]
fn the_libraries_are_listed_shown_and_valid() {
    let list = tailproof(&["list"]).expect(0).stdout;
    assert_eq!(list.matches('?').count(), ::scenarios::library::ALL.len(), "each asks one question: {list}");
    let defects = tailproof(&["defects"]).expect(0).stdout;
    for (name, text) in ::scenarios::library::ALL {
        assert!(list.lines().any(|line| line.starts_with(name)), "{name}: {list}");
        assert!(tailproof(&["show", name]).expect(0).stdout.contains(text));
        tailproof(&["check", name]).expect(0);
    }
    for about in pipeline::defects::ALL {
        assert!(defects.lines().any(|line| line == about.id), "{}: {defects}", about.id);
        let shipped = |name: &&str| ::scenarios::library::ALL.iter().any(|(shipped, _)| shipped == name);
        assert!(about.scenarios.iter().all(shipped), "{}: {:?}", about.id, about.scenarios);
    }
}

#[test]
fn the_schema_for_editors_is_json_and_knows_every_section() {
    let schema: Value = serde_json::from_str(&tailproof(&["check", "--schema"]).expect(0).stdout).unwrap();
    for section in
        ["name", "question", "time", "load", "rotate", "swap", "remove", "fault", "sink", "agent", "contract"]
    {
        assert!(schema["properties"].get(section).is_some(), "{section} is not in the schema");
    }
}

#[test]
fn every_command_that_the_readme_names_is_one() {
    let readme = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/README.md")).unwrap();
    let inline = readme.split("`tailproof ").skip(1).filter_map(|rest| rest.split('`').next());
    let lines = readme.lines().filter_map(|line| line.trim().strip_prefix("cargo run --release -- "));
    let commands: Vec<&str> = inline.chain(lines).filter(|command| !command.starts_with("verdict=")).collect();
    assert!(commands.len() >= 5, "a README that names no commands: {commands:?}");
    for command in commands {
        let verb = command.split_whitespace().next().unwrap_or_default();
        assert!(VERBS.contains(&verb), "`{verb}` is no verb: tailproof {command}");
        let help = tailproof(&[verb, "--help"]).expect(0);
        for option in command.split_whitespace().filter(|word| word.starts_with("--")) {
            let name = option.split('=').next().unwrap_or(option);
            assert!(help.stdout.contains(name), "{verb} has no {name}: tailproof {command}");
        }
    }
}

#[test]
fn a_shipped_scenario_that_was_shown_into_a_file_is_a_scenario() {
    let place = place();
    let mine = place.path().join("mine.toml");
    std::fs::write(&mine, tailproof(&["show", "tail-stall"]).expect(0).stdout).unwrap();
    tailproof(&["check", &mine.display().to_string()]).expect(0);
}

#[test]
fn json_is_one_whole_document_a_run_and_nothing_else_on_standard_output() {
    let _live = live();
    let out = place();
    let quick = ["--duration", "1s", "--rate", "2k/s", "--repeat", "2", "--seed", "5"];
    let (ended, _) = perform("steady", &quick, out.path());
    let ended = ended.expect(0);
    let documents: Vec<Value> = ended.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(documents.len(), 2, "{ended}");
    for (nth, document) in documents.iter().enumerate() {
        for (part, keys) in KEYS {
            let part = document.pointer(part).unwrap_or_else(|| panic!("no {part}: {document:#}"));
            keys.iter().for_each(|key| assert!(part.get(key).is_some(), "no {key}: {part:#}"));
        }
        assert_eq!((&document["verdict"], &document["exit"]), (&"pass".into(), &0.into()), "{document:#}");
        assert_eq!(document["seed"], 5 + nth as u64);
        is_stored(document);
    }
}

/// The run folder has what it must have, and tells the same.
fn is_stored(document: &Value) {
    let run = std::path::Path::new(document["run"].as_str().unwrap());
    for file in ["run.json", "events.jsonl", "books.bin", "agent.log"] {
        assert!(run.join(file).is_file(), "no {file} in {}", run.display());
    }
    assert!(!run.join("work").exists(), "the written files are kept only with --keep");
    let told = tailproof(&["report", &run.display().to_string(), "--json"]).expect(0);
    assert_eq!(serde_json::from_str::<Value>(&told.stdout).unwrap(), *document);
    let told = tailproof(&["report", &run.display().to_string()]).expect(0);
    let last = told.stdout.lines().last().unwrap();
    let expected = format!(
        "tailproof verdict=PASS exit=0 scenario=steady agent=builtin lost=0 duplicated=0 stalled=0 run={}",
        run.display()
    );
    assert_eq!(last, expected);
}
