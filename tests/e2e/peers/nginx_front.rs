//! The real nginx as the front end of scenarios: what it could not send is lost at the source and nothing else is, its log is
//! rotated under it, and a run that nginx spoils proves nothing.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use results::outcome::{Outcome, Verdict};

use super::stage::{PATIENCE, is_root, there};
use crate::support::{
    Ended, Running, beside, ci, executable, live, place, program, run, start, start_command, tailproof,
    traces::{has_begun, is_told_as_broken_off, manifest, nobody_is_left, only_run},
    until,
};

/// Deployment A with nginx in front of it: its lines go to the socket, a connection a stream.
const SIDECAR: [&str; 3] = [
    "load.group.0.via={http={front=\"ingress\"}}",
    "front=[{name=\"ingress\",server=\"nginx\",log=\"json\",syslog=\"{socket.sys-log}\"}]",
    // How much arrives is the socket's doing here.
    "contract.min_rate=1/s",
];

/// nginx with two workers writes a file that is rotated quickly; the bench's own agent tails it.
const FILE: &str = r#"
name = "nginx-file"
question = "Does every request that nginx logs arrive, however often its log is rotated?"
[time]
warm_up = "500ms"
measure = "3s"
drain = "8s"
[load]
layout = "plain"
[[load.group]]
name = "shop"
streams = 8
rate = "1k/s"
size = "200 B"
via = { http = { front = "access" } }
[[front]]
name = "access"
server = "nginx"
workers = 2
log = "ltsv"
[rotate]
by = "kubelet"
every = "300ms"
max_size = "16 KiB"
max_files = 4
archive = true
[contract]
delivery = "exactly-once"
stall = "4s"
[contract.proof]
rotations = 4
archives = 2
"#;

fn installed() -> bool {
    there("nginx", &["-v"], "nginx")
}

/// A scenario of ours in a file, with this instead of that.
fn file(place: &Path, from: &str, to: &str) -> String {
    let path = place.join("nginx-file.toml");
    std::fs::write(&path, FILE.replacen(from, to, 1)).unwrap();
    path.display().to_string()
}

/// Deployment A with these changes, for four seconds.
fn sidecar(sets: &[&str], more: &[&str]) -> Outcome {
    let out = place();
    let sets: Vec<&str> = SIDECAR.iter().chain(sets).flat_map(|set| ["--set", *set]).collect();
    let judged = run("sidecar-syslog", &[&["--duration", "4s"], &sets[..], more].concat(), out.path());
    println!("{:?}, {:.1} s, {:?}", judged.outcome.verdict, judged.ended.seconds, judged.outcome.books);
    nobody_is_left(out.path());
    judged.outcome
}

#[test]
fn with_a_short_queue_and_many_connections_the_source_loses_records_and_the_sidecar_loses_none() {
    if !installed() {
        return;
    }
    if !is_root() {
        println!("skipped: without root the queue of a socket is as long as the machine has it");
        assert!(!ci(), "CI must run this test as root");
        return;
    }
    let _live = live();
    let outcome = sidecar(&["load.group.0.streams=64", "net.max_dgram_qlen=10"], &[]);
    let books = &outcome.books;
    assert_eq!(outcome.verdict, Verdict::Pass, "{:?} {:?}", outcome.findings, outcome.unknown_because);
    assert!(books.source_lost > 100, "{books:?}");
    assert_eq!((books.lost, books.duplicated, books.delivered), (0, 0, books.written - books.source_lost));
    // nginx quotes the request whose line it could not send: each is known, and the uncertainty is nought.
    assert_eq!(books.source_lost_by_number, 0);
    let [loss] = &outcome.source_losses[..] else { panic!("one reason: {:?}", outcome.source_losses) };
    assert_eq!(
        (loss.by_name, loss.count, loss.why.as_str()),
        (true, books.source_lost, "nginx: send() to syslog failed")
    );
}

#[test]
fn a_sidecar_that_drops_what_nginx_sent_is_told_from_a_socket_that_did_not_take_it() {
    if !installed() {
        return;
    }
    let _live = live();
    let outcome = sidecar(&["load.group.0.streams=8"], &["--defect", "emitter-overlimit-drop"]);
    assert_eq!(outcome.verdict, Verdict::Fail, "{:?}", outcome.unknown_because);
    let named = outcome.causes.iter().find(|cause| cause.verdict == "lost" && cause.cause == "taken-and-dropped");
    assert!(named.is_some_and(|cause| cause.count > 0), "{:?}", outcome.causes);
    let books = &outcome.books;
    assert!(books.lost > 0 && books.delivered + books.lost + books.source_lost == books.written, "{books:?}");
}

#[test]
fn every_request_that_nginx_logs_arrives_while_its_log_is_rotated() {
    if !installed() {
        return;
    }
    let _live = live();
    let out = place();
    for more in [&[][..], &["--set", "front.0.buffer=16 KiB", "--set", "front.0.flush=200ms"]] {
        let judged = run(&file(out.path(), "", ""), more, out.path());
        let books = &judged.outcome.books;
        assert_eq!(judged.outcome.verdict, Verdict::Pass, "{more:?}\n{judged}");
        assert_eq!((books.delivered, books.source_lost), (books.written, 0), "{more:?}\n{judged}");
    }
    nobody_is_left(out.path());
}

#[test]
fn every_request_that_nginx_logs_reaches_cloudwatch_and_no_liveness_probe_does() {
    if !installed() {
        return;
    }
    let _live = live();
    let out = place();
    let judged = run("sidecar-fluentd", &["--set", "front.0.server=nginx", "--set", "front.0.workers=2"], out.path());
    let books = &judged.outcome.books;
    assert_eq!(judged.outcome.verdict, Verdict::Pass, "{judged}");
    assert_eq!((books.lost, books.unexpected, books.delivered), (0, 0, books.expected), "{judged}");
    assert!(books.to_drop > 300, "{books:?}");
}

/// A run without a front end is unknown, and says why; nothing was started, nothing is left.
fn proves_nothing(ended: &Ended, out: &Path, why: &str) {
    let outcome: Outcome = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}\n{ended}"));
    assert_eq!((ended.code, outcome.verdict), (3, Verdict::Unknown), "{ended}");
    assert!(outcome.unknown_because.iter().any(|said| said.contains(why)), "{:?}", outcome.unknown_because);
    let run = only_run(out).expect("a run folder");
    assert!(!run.join("work").exists(), "the work folder is left");
    nobody_is_left(out);
}

#[test]
fn without_nginx_a_run_with_it_proves_nothing_and_says_what_to_install() {
    if !is_root() || !there("unshare", &["--version"], "unshare (util-linux)") {
        println!("skipped: only root can hide a program");
        assert!(!ci(), "CI must run this test as root");
        return;
    }
    let (scenario, out) = (place(), place());
    let hide = "for nginx in /usr/sbin/nginx /usr/local/sbin/nginx /usr/bin/nginx /opt/nginx/sbin/nginx; do \
                [ ! -e $nginx ] || mount --bind /dev/null $nginx || exit 9; done; exec \"$@\"";
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", hide, "sh"]).arg(program()).args(["run", &file(scenario.path(), "", "")]);
    command.args(["--json", "--out"]).arg(out.path());
    let ended = start_command(command, "tailproof run without nginx".to_owned()).wait(PATIENCE);
    proves_nothing(&ended, out.path(), "there is no nginx here; install it (nginx-light will do)");
}

#[test]
fn an_nginx_that_does_not_start_proves_nothing_and_is_quoted() {
    let (scenario, out) = (place(), place());
    let fake = "#!/bin/sh\n[ \"$1\" = -v ] && exit 0\nwhile [ \"$1\" != -e ]; do shift; done\n\
                echo '[emerg] no more of this' >\"$2\"\nexit 7\n";
    executable(&scenario.path().join("nginx"), fake);
    let mut command = Command::new(program());
    command.args(["run", &file(scenario.path(), "", ""), "--json", "--out"]).arg(out.path());
    command.env("PATH", format!("{}:/usr/bin:/bin", scenario.path().display()));
    let ended = start_command(command, "tailproof run with a broken nginx".to_owned()).wait(PATIENCE);
    proves_nothing(&ended, out.path(), "nginx does not listen: exit status: 7 [emerg] no more of this");
}

/// A long run that measures, its folder, and the processes of its nginx, master first.
fn measuring(scenario: &Path, out: &Path) -> (Running, PathBuf, Vec<u32>) {
    let scenario = file(scenario, "measure = \"3s\"", "measure = \"60s\"");
    let bench = start(&["run", &scenario, "--json", "--out", &out.display().to_string()]);
    let begun = || only_run(out).filter(|run| has_begun(run, "measure"));
    until("the run measures", PATIENCE, || begun().is_some());
    let run = begun().unwrap();
    let nginx = || -> Vec<u32> {
        let children = manifest(&run).map(|manifest| manifest.children).unwrap_or_default();
        children.into_iter().map(|child| child.pid).filter(|pid| is_nginx(*pid)).collect()
    };
    until("the manifest names nginx", PATIENCE, || nginx().len() == 3);
    let nginx = nginx();
    (bench, run, nginx)
}

/// True while a process of that name runs under this number (a zombie does not).
fn is_nginx(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    stat.contains("(nginx)") && !matches!(state, None | Some('Z' | 'X'))
}

/// True once every thread of a process is stopped.
fn stands(pid: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap().flatten();
    let state = |stat: &str| stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    threads
        .map(|thread| std::fs::read_to_string(thread.path().join("stat")))
        .all(|stat| state(&stat.unwrap_or_default()) == Some('T'))
}

fn gone(nginx: &[u32]) {
    until("nginx is gone, with its workers", PATIENCE, || !nginx.iter().any(|pid| is_nginx(*pid)));
}

fn signal(pid: u32, signal: Signal) {
    kill(Pid::from_raw(pid.cast_signed()), signal).unwrap();
}

#[test]
fn an_nginx_that_dies_in_the_middle_is_named_and_the_run_proves_nothing() {
    if !installed() {
        return;
    }
    let _turn = beside();
    let (scenario, out) = (place(), place());
    let (bench, _, nginx) = measuring(scenario.path(), out.path());
    signal(nginx[0], Signal::SIGKILL);
    let ended = bench.wait(PATIENCE);
    let outcome: Outcome = serde_json::from_str(&ended.stdout).unwrap_or_else(|error| panic!("{error}\n{ended}"));
    assert_eq!(ended.code, 3, "{:?} {:?} {ended}", outcome.findings, outcome.unknown_because);
    let is_named = |why: &String| why.contains("nginx ended by itself (signal: 9 (SIGKILL))");
    assert!(outcome.unknown_because.iter().any(is_named), "{:?}", outcome.unknown_because);
    gone(&nginx);
    nobody_is_left(out.path());
}

#[test]
fn after_an_interrupt_and_after_the_death_of_the_bench_no_nginx_is_left() {
    if !installed() {
        return;
    }
    let _turn = beside();
    for (how, code) in [(Signal::SIGINT, 130), (Signal::SIGKILL, 128 + 9)] {
        let (scenario, out) = (place(), place());
        let (bench, run, nginx) = measuring(scenario.path(), out.path());
        bench.signal(how);
        let ended = bench.wait(PATIENCE);
        assert_eq!(ended.code, code, "{ended}");
        gone(&nginx);
        nobody_is_left(out.path());
        is_told_as_broken_off(&run);
    }
}

#[test]
fn an_nginx_that_outlives_its_bench_is_swept_up() {
    if !installed() {
        return;
    }
    let _turn = beside();
    let (scenario, out) = (place(), place());
    let (bench, _, nginx) = measuring(scenario.path(), out.path());
    // Workers go on without their master, and a bench that is stopped does not notice; then nobody is left to end them.
    bench.signal(Signal::SIGSTOP);
    until("the bench stands", PATIENCE, || stands(bench.child.id()));
    signal(nginx[0], Signal::SIGKILL);
    bench.signal(Signal::SIGKILL);
    bench.wait(PATIENCE);
    assert!(nginx[1..].iter().all(|pid| is_nginx(*pid)), "they ended all the same");
    tailproof(&["cleanup", "--out", &out.path().display().to_string()]).expect(0);
    gone(&nginx);
}
