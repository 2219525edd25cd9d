//! A disk that fills up under the pipeline and has room again: it waits, says so, goes on, and nothing is lost, whether
//! or not it is killed in between.
//!
//! ```text
//! own mount namespace:  tmpfs of a few MiB ◀─ checkpoints, segments, chunks seen, output files
//!                                          ◀─ ballast, until not a byte is left; then it goes
//! ```

mod small;

use std::{collections::BTreeSet, fs, io::Write, path::Path};

use loadgen::{
    frame::Framing,
    receive::{ElasticPlan, Protocol},
};

use self::small::SmallDisk;
use crate::support::{
    deployment::{Agent, Ends, shipped},
    free_port, place, until,
};

/// Keeps the disk full for a while: what is deleted meanwhile gives no room.
fn keep_full(disk: &SmallDisk, ends: &Ends, ms: u64) {
    for _ in 0..ms / 20 {
        disk.fill();
        ends.rest(20);
    }
}

/// Both processes of a deployment on a disk that fills up; with a SIGKILL of both while it is full, if asked for.
fn deployment(killed: bool) {
    let place = place();
    let root = place.path().canonicalize().unwrap();
    let Some(disk) = SmallDisk::mount(&root.join("state"), "4m") else { return };
    let port = free_port();
    shipped(&root, port);
    let protocol = Protocol::Elastic(ElasticPlan::default());
    let ends = Ends::start(&root, Framing::Docker, protocol, 1_000.0);
    let sink = ends.sink.addr().port().to_string();
    let start = |name: &str| {
        let state = root.join("state").join(name);
        fs::create_dir(disk.seen(&state)).unwrap();
        let env = [
            ("STATE", state.display().to_string()),
            ("LOGS", root.join("var/log/containers").display().to_string()),
            ("SHARED_KEY", "secret".to_owned()),
            ("HOSTNAME", name.to_owned()),
            ("HTTP_PORT", free_port().to_string()),
            ("PORT", port.to_string()),
            ("ES_HOST", "127.0.0.1".to_owned()),
            ("ES_PORT", sink.clone()),
        ];
        let mut agent = Agent::new(root.join(format!("{name}.conf")), &env);
        agent.before = disk.enter();
        agent.start();
        agent
    };
    let (mut aggregator, mut forwarder) = (start("aggregator"), start("forwarder"));
    ends.goes_on("records arrive", 500, &[&forwarder, &aggregator]);
    keep_full(&disk, &ends, 1_500);
    for agent in [&forwarder, &aggregator] {
        ends.wait("the full disk is noticed", 60, &[agent], || {
            disk.fill();
            agent.log().contains("the disk takes no")
        });
    }
    if killed {
        for agent in [&mut forwarder, &mut aggregator] {
            agent.kill();
            agent.start();
        }
        keep_full(&disk, &ends, 1_000);
    }
    disk.make_room();
    let before = ends.delivered();
    ends.goes_on("with room again it goes on", before, &[&forwarder, &aggregator]);
    ends.rest(500);
    let totals = ends.settle(&[&forwarder, &aggregator]);
    println!("killed: {killed}, {totals:?}");
    assert_eq!((totals.lost, totals.corrupted, totals.unexpected), (0, 0, 0), "{totals:?}");
    // What a killed process had sent without having it on disk comes again in another chunk.
    assert!(killed || totals.duplicated == 0, "{totals:?}");
}

#[test]
fn a_forwarder_and_an_aggregator_outlast_a_full_disk_and_nothing_is_lost_or_doubled() {
    deployment(false);
}

#[test]
fn a_forwarder_and_an_aggregator_that_are_killed_on_a_full_disk_lose_nothing() {
    deployment(true);
}

fn append(path: &Path, lines: std::ops::Range<u32>) {
    let mut file = fs::OpenOptions::new().create(true).append(true).open(path).unwrap();
    let text: String = lines.map(|line| format!("line {line} {}\n", "x".repeat(200))).collect();
    file.write_all(text.as_bytes()).unwrap();
}

/// The numbers of the whole lines of a file; a torn line that is not the last is an error.
fn numbers(path: &Path) -> Vec<u32> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let whole = text.rfind('\n').map_or(0, |at| at + 1);
    let number = |line: &str| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        value["log"].as_str().unwrap().split(' ').nth(1).unwrap().parse().unwrap()
    };
    text[..whole].lines().map(number).collect()
}

#[test]
fn an_output_file_on_a_full_disk_is_finished_once_there_is_room_also_after_a_kill() {
    let place = place();
    let root = place.path().canonicalize().unwrap();
    let Some(disk) = SmallDisk::mount(&root.join("out"), "2m") else { return };
    let config = root.join("pipeline.conf");
    let text = format!(
        "[SERVICE]\nFlush 0.1\n[INPUT]\nName tail\nPath {at}/in.log\nDB {at}/tail.db\nRead_from_Head on\n\
         [OUTPUT]\nName file\nMatch *\nPath {at}/out\nFile out.log\nFormat plain\n",
        at = root.display()
    );
    fs::write(&config, text).unwrap();
    let (input, output) = (root.join("in.log"), disk.seen(&root.join("out/out.log")));
    let mut agent = Agent::new(config, &[]);
    agent.before = disk.enter();
    agent.start();
    append(&input, 0..1_000);
    until("the first lines are there", 60, || numbers(&output).len() == 1_000);
    disk.fill();
    append(&input, 1_000..2_000);
    until("it says that it cannot write", 60, || {
        disk.fill();
        agent.log().contains("make room")
    });
    assert!(numbers(&output).len() < 2_000);
    agent.kill();
    agent.start();
    append(&input, 2_000..2_500);
    until("the next process says so too", 60, || {
        disk.fill();
        agent.log().matches("make room").count() > 1
    });
    disk.make_room();
    until("the rest is there", 60, || numbers(&output).into_iter().collect::<BTreeSet<_>>().len() == 2_500);
    assert_eq!(numbers(&output).into_iter().collect::<BTreeSet<_>>(), (0..2_500).collect());
}
