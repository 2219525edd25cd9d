//! A stream that stands still on one way is seen, whatever is out of order on another.

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use results::outcome::{Outcome, Verdict};

use crate::support::{
    live, start,
    traces::{has_begun, only_run},
    until,
    written::{Written, events},
};

const SCENARIO: &str = r#"
name = "written"
question = "Who stands still?"
[time]
warm_up = "500ms"
measure = "7s"
drain = "15s"
[load]
layout = "plain"
[[load.group]]
name = "web"
rate = "200/s"
[[process]]
name = "left"
config = "agent.conf"
env = { LOGS = "{logs}", STATE = "{state}", OUT = "{sink.left.port}" }
[[process]]
name = "right"
config = "agent.conf"
env = { LOGS = "{logs}", STATE = "{state}", OUT = "{sink.right.port}" }
[[route]]
name = "left"
sink = { kind = "http" }
[[route]]
name = "right"
sink = { kind = "http" }
[[fault]]
do = "gone"
route = "left"
at = "200ms"
for = "6500ms"
[contract]
delivery = "exactly-once"
stall = "2s"
"#;

/// It tries again soon: what it waits after an outage is taken from the time it has to move on.
const AGENT: &str = "[SERVICE]\n    Flush 0.1\n    Grace 5\n    scheduler.cap 200ms\n[INPUT]\n    Name tail\n    Tag web\n    Path ${LOGS}/*.log\n    DB \
                     ${STATE}/tail.db\n    Read_from_Head On\n[OUTPUT]\n    Name http\n    Match *\n    Host 127.0.0.1\n    Port \
                     ${OUT}\n    Format json_lines\n    Retry_Limit no_limits\n";

#[test]
fn a_sink_that_is_away_excuses_no_stall_on_another_route_and_is_not_held_against_its_own() {
    let _live = live();
    let written = Written::new(SCENARIO, &[("agent.conf", AGENT)]);
    let out = written.out();
    let bench = start(&["run", &written.scenario(), "--json", "--out", &out.display().to_string()]);
    let seen = |pointer: &str, wanted: &str| {
        let run = only_run(&out)?;
        events(&run).into_iter().find(|event| event.pointer(pointer).and_then(|at| at.as_str()) == Some(wanted))
    };
    until("the run measures", 60, || only_run(&out).is_some_and(|run| has_begun(&run, "measure")));
    until("the sink of one is gone", 30, || seen("/what/fault/name", "gone").is_some());
    let started = seen("/what/agent/started/process", "right").expect("it was started");
    let right = Pid::from_raw(started.pointer("/what/agent/started/pid").unwrap().as_i64().unwrap() as i32);
    // Nobody told the bench: this process hangs.
    kill(right, Signal::SIGSTOP).unwrap();
    let is_stalled = |event: &serde_json::Value| event.pointer("/what/stall").is_some();
    until("a stall is told", 30, || only_run(&out).is_some_and(|run| events(&run).iter().any(is_stalled)));
    kill(right, Signal::SIGCONT).unwrap();
    let ended = bench.wait(60);
    let all = events(&only_run(&out).unwrap());
    let told = all.iter().position(is_stalled).unwrap();
    let is_healed =
        |event: &serde_json::Value| event.pointer("/what/fault/state").is_some_and(|state| state == "healed");
    let healed = all.iter().position(is_healed).unwrap();
    assert!(told < healed, "it is told while the other sink is away\n{ended}");
    let outcome: Outcome = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}\n{ended}"));
    assert_eq!(outcome.verdict, Verdict::Fail, "{ended}");
    let stalled: Vec<&str> = outcome.stalls.iter().map(|stall| stall.stream.as_str()).collect();
    assert_eq!(stalled, ["web-00 → right"], "{ended}");
}
