//! conmon, which writes the logs of podman's containers as the runtimes of Kubernetes do: pieces of long lines, two
//! streams in one file, an end without a line feed. No image is needed: busybox is the whole container.

use std::{collections::BTreeMap, os::unix::fs::symlink, path::Path, process::Command};

use serde_json::Value;

use super::stage::{PATIENCE, Pipeline, each_once, is_root, there};
use crate::support::{ci, place, start_command};

/// Lines on each of the two streams.
const LINES: u64 = 300;
/// The log, in a folder of its own.
const LOG: &str = "ctr.log";
/// Longer than two pieces of 8 KiB, in which conmon writes.
const LONG: usize = 20_000;

/// What the container does. It sees its own log: conmon has written down a piece before the other stream speaks.
fn script() -> String {
    format!(
        r#"written() {{ until grep -q "$1" /log/{LOG}; do sleep 0.05; done; }}
i=0; while [ $i -lt {LINES} ]; do echo "out n=$i"; echo "err n=$i" >&2; i=$((i+1)); done
head -c {LONG} /dev/zero | tr '\0' x; echo
printf 'half of it, '; written 'half of it'; echo 'in between' >&2; written 'in between'; echo 'and the rest'
printf 'no line feed'"#
    )
}

fn installed() -> bool {
    let all = ["podman", "crun", "conmon"].iter().all(|name| there(name, &["--version"], name))
        && there("busybox", &["true"], "busybox (static)");
    if all && !is_root() {
        assert!(!ci(), "containers need root here: CI must run this test");
        println!("skipped: containers need root");
        return false;
    }
    all
}

/// A root file system of one program.
fn root(place: &Path) -> std::path::PathBuf {
    let root = place.join("root");
    std::fs::create_dir_all(root.join("bin")).unwrap();
    let found = Command::new("sh").args(["-c", "command -v busybox"]).output().unwrap();
    let busybox = String::from_utf8(found.stdout).unwrap();
    std::fs::copy(busybox.trim(), root.join("bin/busybox")).unwrap();
    for name in ["sh", "grep", "head", "tr", "sleep", "printf", "echo"] {
        symlink("busybox", root.join("bin").join(name)).unwrap();
    }
    root
}

/// Runs the container to its end; its log is [`LOG`] in the folder `log`.
///
/// In a mount namespace of its own, where the second kind of control groups is not there: crun refuses machines that
/// have both. The limits are stated because raising them is not permitted everywhere.
fn contain(place: &Path, script: &str) {
    let at = place.display();
    let mut command = Command::new("unshare");
    command.args(["--mount", "sh", "-c", "umount /sys/fs/cgroup/unified 2>/dev/null; exec podman \"$@\"", "podman"]);
    command.args([
        "--root",
        &format!("{at}/containers"),
        "--runroot",
        &format!("{at}/run"),
        "--tmpdir",
        &format!("{at}/tmp"),
    ]);
    command.args(["--storage-driver=vfs", "--cgroup-manager=cgroupfs", "--events-backend=file", "--runtime=crun"]);
    command.args([
        "run",
        "--rm",
        "--network=none",
        "--cgroups=disabled",
        "--ulimit=nofile=1024:1024",
        "--ulimit=nproc=1000:1000",
    ]);
    command.args(["--log-driver=k8s-file", "--log-opt", &format!("path={at}/log/{LOG}")]);
    command.arg(format!("--volume={at}/log:/log:ro"));
    command.arg("--rootfs").arg(root(place)).args(["/bin/sh", "-c", script]);
    start_command(command, "podman run".to_owned()).wait(PATIENCE).expect(0);
}

/// What was said on a stream, in order.
fn said(records: &[Value], stream: &str) -> Vec<String> {
    let mine = records.iter().filter(|record| record["stream"] == stream);
    mine.map(|record| record["log"].as_str().unwrap_or_else(|| panic!("no text: {record}")).to_owned()).collect()
}

#[test]
fn what_conmon_writes_is_put_together_again_stream_by_stream() {
    if !installed() {
        return;
    }
    let place = place();
    std::fs::create_dir(place.path().join("log")).unwrap();
    let log = place.path().join("log").join(LOG);
    let input = format!(
        "[INPUT]\n    Name tail\n    Tag ctr\n    Path {}\n    DB {}\n    multiline.parser cri\n    Read_from_Head on\n    Refresh_Interval 1\n",
        log.display(),
        place.path().join("tail.db").display()
    );
    let pipeline = Pipeline::taking(place.path(), &input);
    contain(place.path(), &script());
    shapes(&std::fs::read_to_string(&log).unwrap());
    // Both streams, the long line, the two halves, what came between them, and the end.
    let records = pipeline.awaits("ctr", 2 * LINES as usize + 4);
    let (out, err) = (said(&records, "stdout"), said(&records, "stderr"));
    let number = |text: &String| text.split_once("n=").unwrap().1.parse().unwrap();
    each_once("stdout", LINES, out[..LINES as usize].iter().map(number));
    each_once("stderr", LINES, err[..LINES as usize].iter().map(number));
    let rest: Vec<&str> = out[LINES as usize..].iter().map(String::as_str).collect();
    assert_eq!(rest, ["x".repeat(LONG).as_str(), "half of it, and the rest", "no line feed"]);
    assert_eq!(err[LINES as usize..], ["in between"]);
    pipeline.end();
}

/// The file has what this test is about; otherwise it proves nothing.
fn shapes(log: &str) {
    let mut kinds: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for line in log.lines() {
        let mut words = line.splitn(4, ' ').skip(1);
        *kinds.entry((words.next().unwrap(), words.next().unwrap())).or_default() += 1;
    }
    assert!(kinds[&("stdout", "P")] >= 4, "two pieces of the long line, a half, an end: {kinds:?}");
    assert!(kinds[&("stderr", "F")] as u64 > LINES, "{kinds:?}");
    let between = log.find("stdout P half of it").unwrap()..log.find("stdout F and the rest").unwrap();
    assert!(log[between].contains("stderr F in between"), "the streams do not interleave");
    assert!(log.lines().last().unwrap().ends_with("stdout P no line feed"), "the end has a line feed");
}
