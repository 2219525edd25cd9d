//! Limits of CPU and memory, end to end: by what they are held is said, and an agent that the kernel ends for its memory is no
//! pass and has its end explained.

use std::{os::unix::fs::MetadataExt, process::Command};

use results::outcome::{Outcome, ProcessReport, Verdict};

use crate::support::{Ended, Judged, flowed, live, program, run, skipped, start_command, tailproof, written::Written};

/// Files ▸ agent with a limit ▸ server.
fn scenario(limits: &str, load: &str, more: &str) -> String {
    format!(
        r#"name = "written"
question = "Does it fit?"
[time]
warm_up = "500ms"
measure = "3s"
drain = "15s"
[load]
layout = "plain"
[[load.group]]
name = "web"
{load}
[[process]]
name = "agent"
config = "agent.conf"
limits = {{ {limits} }}
env = {{ LOGS = "{{logs}}", STATE = "{{state}}", OUT = "{{sink.server.port}}" }}
[[route]]
name = "server"
sink = {{ kind = "http" }}
[contract]
delivery = "exactly-once"
stall = "8s"
{more}"#
    )
}

const AGENT: &str = "[SERVICE]\n    Flush 0.1\n    Grace 5\n[INPUT]\n    Name tail\n    Tag web\n    Path ${LOGS}/*.log\n    DB \
                     ${STATE}/tail.db\n    Read_from_Head On\n    Mem_Buf_Limit 1G\n[OUTPUT]\n    Name http\n    Match *\n    Host \
                     127.0.0.1\n    Port ${OUT}\n    Format json_lines\n    Retry_Limit no_limits\n";

/// A filter that takes a good deal of memory before the first record comes.
const GREEDY: &str = "[FILTER]\n    Name lua\n    Match *\n    script greedy.lua\n    call pass\n";
const GREEDY_LUA: &str = "local held = string.rep('x', 10 * 1024 * 1024)\nfunction pass(tag, timestamp, record)\n    return \
                          #held > 0 and 0 or -1, timestamp, record\nend\n";

fn written(scenario: &str) -> Written {
    Written::new(scenario, &[("agent.conf", AGENT)])
}

fn agent(outcome: &Outcome) -> &ProcessReport {
    let [agent] = &outcome.processes[..] else { panic!("{:?}", outcome.processes) };
    agent
}

/// Whether the machine holds limits of memory.
fn is_held(judged: &Judged) -> bool {
    let is_held = !agent(&judged.outcome).limits.contains("not held");
    if !is_held {
        skipped(&agent(&judged.outcome).limits);
    }
    is_held
}

/// The same bench where no control group can be had: as it is for whoever is not root, and for root behind a file system of
/// its own. `None`: this machine cannot be made so.
fn without_groups(args: &[&str]) -> Option<Ended> {
    let is_root = std::fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
    let hidden = "mount -t tmpfs none /sys/fs/cgroup && exec \"$0\" \"$@\"";
    let can_hide = || {
        let tried = Command::new("unshare").args(["-m", "sh", "-c", "mount -t tmpfs none /sys/fs/cgroup"]).output();
        tried.is_ok_and(|tried| tried.status.success())
    };
    let mut command = Command::new(if is_root { "unshare".as_ref() } else { program().as_os_str() });
    if is_root {
        if !can_hide() {
            return None;
        }
        command.args(["-m", "sh", "-c", hidden]).arg(program());
    }
    command.args(args);
    Some(start_command(command, format!("tailproof {}", args.join(" "))).wait(120))
}

#[test]
fn without_control_groups_a_share_of_the_processor_is_held_by_stopping_and_the_report_says_so() {
    let _live = live();
    let written = written(&scenario("cpu = \"50m\"", "rate = \"100/s\"", ""));
    let out = written.out().display().to_string();
    let Some(ended) = without_groups(&["run", &written.scenario(), "--json", "--out", &out]) else {
        skipped("the control groups of this machine cannot be hidden (unshare, mount)");
        return;
    };
    let outcome: Outcome = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}\n{ended}"));
    assert_eq!(outcome.verdict, Verdict::Pass, "{ended}");
    let agent = agent(&outcome);
    assert!(agent.limits.starts_with("50m CPU by SIGSTOP duty cycle (no control group for cpu"), "{}", agent.limits);
    assert!(agent.throttled_s > 0.0, "{agent:?}");
    let told = tailproof(&["report", &written.run().display().to_string()]);
    assert!(flowed(&told.stdout).contains("50m CPU by SIGSTOP duty cycle"), "{told}");
}

#[test]
fn a_limit_that_is_required_and_cannot_be_held_proves_nothing() {
    let _live = live();
    let written = written(&scenario("memory = \"256 MiB\", required = true", "rate = \"100/s\"", ""));
    let out = written.out().display().to_string();
    let Some(ended) = without_groups(&["run", &written.scenario(), "--json", "--out", &out]) else {
        skipped("the control groups of this machine cannot be hidden (unshare, mount)");
        return;
    };
    let outcome: Outcome = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}\n{ended}"));
    assert_eq!((outcome.verdict, ended.code), (Verdict::Unknown, 3), "{ended}");
    let why = "process agent: a limit is not held: 256 MiB by not held (no control group for memory";
    assert!(outcome.unknown_because.iter().any(|because| because.starts_with(why)), "{:?}", outcome.unknown_because);
}

#[test]
fn an_agent_that_the_kernel_ends_before_it_delivered_anything_is_no_pass_and_its_memory_is_named() {
    let _live = live();
    let (config, scenario) = (AGENT.to_owned() + GREEDY, scenario("memory = \"8 MiB\"", "rate = \"100/s\"", ""));
    let written = Written::new(&scenario, &[("agent.conf", &config), ("greedy.lua", GREEDY_LUA)]);
    let judged = run(&written.scenario(), &[], &written.out());
    if !is_held(&judged) {
        return;
    }
    // What was written meanwhile is lost, and nothing was proven besides.
    assert_eq!((judged.outcome.verdict, judged.ended.code), (Verdict::Fail, 1), "{judged}");
    let why = &judged.outcome.unknown_because;
    let named = |because: &String| {
        because.contains("agent ended by itself") && because.contains("out of memory, oom_kill rose from 0 to")
    };
    assert!(why.iter().any(named), "{why:?}");
    assert_eq!(agent(&judged.outcome).oom_kills, 1, "{judged}");
}

#[test]
fn an_agent_that_outgrows_its_memory_breaks_its_promise_and_the_verdict_says_why() {
    let _live = live();
    let gone = "[[fault]]\ndo = \"gone\"\nroute = \"server\"\nat = \"200ms\"\nfor = \"2700ms\"\n";
    let load = "streams = 4\nrate = \"1500/s\"\nsize = \"16 KiB\"";
    let written = written(&scenario("memory = \"40 MiB\"", load, gone));
    let judged = run(&written.scenario(), &[], &written.out());
    if !is_held(&judged) {
        return;
    }
    let outcome = &judged.outcome;
    assert_eq!((outcome.verdict, judged.ended.code), (Verdict::Fail, 1), "{judged}");
    let named = |finding: &String| {
        finding.starts_with("agent ended by itself")
            && finding.contains("(signal 9): out of memory, oom_kill rose from 0 to")
            && finding.contains("at a limit of 40 MiB")
    };
    assert!(outcome.findings.iter().any(named), "{judged}");
    assert_eq!((agent(outcome).oom_kills, agent(outcome).deaths), (1, 1), "{judged}");
}
