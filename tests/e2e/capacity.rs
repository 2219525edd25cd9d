//! The capacity search on the real binary: a limit that was planted is found, an interrupt leaves what there was.

use std::path::Path;

use nix::sys::signal::Signal;
use results::capacity::{Answer, Capacity, Saw};

use crate::support::{live, place, start, until};

/// A sink of known speed: whatever the agent can do, 5,000 records a second is the end.
const PLANTED: f64 = 5_000.0;
const SCENARIO: &str = r#"
name = "paced"
question = "Is a planted limit found?"
[time]
warm_up = "1s"
measure = "4s"
drain = "10s"
[load]
layout = "plain"
[[load.group]]
name = "app"
streams = 2
rate = "4k/s"
[sink]
accepts = "5k/s"
[contract]
stall = "5s"
"#;

fn scenario(out: &Path) -> String {
    let file = out.join("paced.toml");
    std::fs::write(&file, SCENARIO).unwrap();
    file.display().to_string()
}

/// The document of the only search in `out`.
fn stored(out: &Path) -> Option<Capacity> {
    let folder = std::fs::read_dir(out).ok()?.flatten().next()?.path();
    serde_json::from_slice(&std::fs::read(folder.join("capacity.json")).ok()?).ok()
}

#[test]
#[ignore = "four minutes of searching: cargo test --test e2e capacity -- --ignored"]
fn a_planted_limit_is_found_within_five_percent() {
    let _live = live();
    let place = place();
    let out = place.path().join("searches");
    let (file, out_text) = (scenario(place.path()), out.display().to_string());
    let ended = start(&["capacity", &file, "--length", "10s", "--json", "--out", &out_text]).wait(600).expect(0);
    let document: Capacity = serde_json::from_str(&ended.stdout).unwrap();
    let Answer::Sustained { per_s, fails_per_s, ref fails_because, .. } = document.searches[0].answer else {
        panic!("{:?}\n{ended}", document.searches[0].answer)
    };
    assert!((per_s / PLANTED - 1.0).abs() < 0.05, "{per_s} of {PLANTED}\n{ended}");
    assert!(fails_per_s > per_s && fails_because.contains("backlog"), "{fails_because}");
    assert_eq!(stored(&out).unwrap(), document, "the folder has what was printed");
    for trial in &document.searches[0].trials {
        assert!(Path::new(&trial.run).join("run.json").is_file(), "every trial is a run folder: {trial:?}");
    }
}

#[test]
fn an_interrupted_search_leaves_the_trials_it_had() {
    let _live = live();
    let place = place();
    let out = place.path().join("searches");
    let (file, out_text) = (scenario(place.path()), out.display().to_string());
    let mut bench = start(&["capacity", &file, "--length", "3s", "--seed", "17", "--out", &out_text]);
    until("the search has begun", 60, || stored(&out).is_some());
    bench.signal(Signal::SIGUSR1);
    until("the status is there", 60, || bench.stderr().contains("--- status") || bench.has_ended());
    let is_held =
        |document: &Capacity| document.searches.iter().flat_map(|one| &one.trials).any(|one| one.saw == Saw::Held);
    until("a rate that held is written down", 120, || stored(&out).as_ref().is_some_and(is_held));
    bench.signal(Signal::SIGINT);
    let ended = bench.wait(60).expect(130);
    assert!(ended.stdout.contains("tailproof capacity exit=130"), "{ended}");
    let document = stored(&out).unwrap();
    assert!(document.broken_off && matches!(document.searches[0].answer, Answer::BrokenOff { .. }), "{document:?}");
    assert!(is_held(&document), "{document:?}");
    assert!(ended.stderr.contains("trial  1  4.00k/s  quick, without rotation"), "{ended}");
    assert!(document.seed == 17 && document.repeat.contains("--seed 17"), "{document:?}");
    let first = std::fs::read_to_string(Path::new(&document.searches[0].trials[0].run).join("run.json")).unwrap();
    assert!(first.contains("\"seed\": 17"), "the seed of a search is that of its first trial: {first}");
    let folder = Path::new(&document.folder);
    assert!(std::fs::read_to_string(folder.join("capacity.svg")).unwrap().ends_with("</svg>\n"));
}
