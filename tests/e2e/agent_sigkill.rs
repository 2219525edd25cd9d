//! SIGKILL of the agent, many times a run, during rotation and with a sink that takes its time: nothing is lost, and
//! nothing is doubled but what was in flight.

use results::outcome::Verdict;

use crate::support::{live, place, run, short_or_long, side_by_side};

/// From one kill to the next, milliseconds; jitter and restart must fit in between.
const EVERY_MS: u64 = 250;

fn scenario(kills: u64) -> String {
    let measure_ms = (kills + 1) * EVERY_MS + 500;
    format!(
        r#"
name = "agent-sigkill"
question = "Is nothing lost when the agent is killed {kills} times?"
[time]
warm_up = "1s"
measure = "{measure_ms}ms"
drain = "15s"
[load]
layout = "kubelet"
[[load.group]]
name = "web"
streams = 2
rate = "4k/s"
body = "nginx-json"
[rotate]
by = "kubelet"
every = "700ms"
max_size = "64 KiB"
max_files = 8
archive = true
[[fault]]
do = "kill_agent"
at = "300ms"
every = "{EVERY_MS}ms"
for = "45ms"
jitter = "80ms"
[[fault]]
do = {{ slow = {{ delay = "15ms" }} }}
at = "0s"
for = "{measure_ms}ms"
[contract]
delivery = "at-least-once"
stall = "6s"
settle = "500ms"
[contract.proof]
rotations = {rotations}
archives = 1
agent_interruptions = {kills}
"#,
        rotations = kills / 4
    )
}

/// Runs that share the kills, side by side: each waits for its clock most of the time.
const RUNS: u64 = 4;

#[test]
fn an_agent_killed_over_and_over_during_rotation_loses_nothing_and_doubles_only_what_was_in_flight() {
    let _live = live();
    let all = short_or_long("kills of the agent", 20, 200);
    let doubled: Vec<u64> = side_by_side(RUNS as usize, &[all / RUNS; RUNS as usize], |kills| killed(*kills));
    // A request is under way for a few per cent of the time: a few of many kills meet one, none of a few may.
    assert!(all < 100 || doubled.iter().sum::<u64>() > 0, "no kill left a record in flight");
}

/// Performs a run with so many kills; how many records came twice.
fn killed(kills: u64) -> u64 {
    let out = place();
    let file = out.path().join("agent-sigkill.toml");
    std::fs::write(&file, scenario(kills)).unwrap();
    let judged = run(&file.display().to_string(), &[], out.path());
    let outcome = &judged.outcome;
    assert_eq!(outcome.verdict, Verdict::Pass, "{judged}\n{}", scenario(kills));
    assert!(outcome.proofs.agent_interruptions >= kills, "{judged}");
    assert_eq!(outcome.books.lost, 0, "{judged}");
    assert_eq!(outcome.books.duplicated, outcome.books.duplicated_allowed, "{judged}");
    println!("{} kills, {:?}, {:.1} s", outcome.proofs.agent_interruptions, outcome.books, judged.ended.seconds);
    outcome.books.duplicated
}
