//! The five real deployments, each as a whole: several processes, their configurations unchanged, judged at every end. One
//! run each: they are longer than the others, and `scenarios.rs` leaves them to this file.

use std::path::{Path, PathBuf};

use ::scenarios::library;
use results::outcome::{Outcome, Verdict};

use crate::support::{live, place, reuses_inodes, run, run_folders, skipped};

/// The scenarios that have a test here.
pub(crate) const NAMES: &[&str] = &[
    "forward-aggregate",
    "elk-syslog",
    "sidecar-syslog",
    "daemonset-vs-sidecar",
    "daemonset-tail",
    "sidecar-fluentd",
    "eks-cloudwatch",
];

/// One run of a scenario that must pass, and its folder.
fn passes(scenario: &str, out: &Path) -> (Outcome, PathBuf) {
    assert!(NAMES.contains(&scenario) && library::ALL.iter().any(|(name, _)| *name == scenario), "{scenario}");
    let _live = live();
    let judged = run(scenario, &[], out);
    println!("{scenario}: seed {}, {:.1} s", judged.outcome.seed, judged.ended.seconds);
    assert_eq!(judged.outcome.verdict, Verdict::Pass, "{judged}");
    let folder = run_folders(out).pop().expect("a run folder");
    (judged.outcome, folder)
}

#[test]
fn forwarders_and_aggregators_deliver_exactly_once() {
    let out = place();
    let (outcome, folder) = passes("forward-aggregate", out.path());
    let books = &outcome.books;
    assert_eq!((books.lost, books.duplicated, books.delivered), (0, 0, books.expected));
    // The aggregator that came later took its share, and the tenant's configuration is nowhere left.
    let seen = std::fs::metadata(folder.join("aggregator-2/state/chunks.seen")).expect("it noted chunks").len();
    assert!(seen > 8, "{seen} bytes of chunks seen by the aggregator that was added");
    let config = std::fs::read_to_string(folder.join("aggregator-1/aggregator.conf")).unwrap();
    assert_eq!(Some(config.as_str()), pipeline::configs::find("aggregator.conf"));
    assert!(!folder.join("work").exists(), "the work folder is left");
}

#[test]
fn the_log_of_the_ingress_is_tailed_within_the_limits_of_the_real_daemonset() {
    let out = place();
    if !reuses_inodes(out.path()) {
        skipped("this file system never hands an inode number out twice");
        return;
    }
    let (outcome, folder) = passes("daemonset-tail", out.path());
    assert_eq!((outcome.books.lost, outcome.books.delivered), (0, outcome.books.written));
    let config = std::fs::read_to_string(folder.join("daemonset/daemonset-tail.conf")).unwrap();
    assert_eq!(Some(config.as_str()), pipeline::configs::find("daemonset-tail.conf"));
}

#[test]
fn every_request_reaches_cloudwatch_and_no_liveness_probe_does() {
    let out = place();
    let (outcome, _) = passes("sidecar-fluentd", out.path());
    let books = &outcome.books;
    let probes = books.written - books.expected;
    assert!(probes > 300, "{probes} probes were logged");
    assert_eq!((books.lost, books.unexpected, books.delivered), (0, 0, books.expected));
}

#[test]
fn both_ways_out_of_the_pipeline_have_books_of_their_own() {
    let out = place();
    let (outcome, _) = passes("elk-syslog", out.path());
    let names: Vec<&str> = outcome.routes.iter().map(|route| route.name.as_str()).collect();
    assert_eq!(names, ["es", "syslog"]);
    let [es, syslog] = &outcome.routes[..] else { unreachable!("two names") };
    assert_eq!((es.books.lost, es.books.delivered), (0, outcome.books.written));
    assert!(syslog.books.delivered > 0 && syslog.books.delivered + syslog.books.lost == syslog.books.expected);
    println!("by UDP {} of {} were lost", syslog.books.lost, syslog.books.expected);
}

#[test]
fn a_sidecar_delivers_whatever_its_socket_took() {
    let out = place();
    // As people give it: what the processes are told is absolute all the same.
    let relative = out.path().strip_prefix(env!("CARGO_MANIFEST_DIR")).unwrap_or(out.path());
    let (outcome, _) = passes("sidecar-syslog", relative);
    let books = &outcome.books;
    assert_eq!((books.lost, books.duplicated, books.delivered), (0, 0, books.expected));
    assert_eq!(books.written, books.delivered + books.source_lost);
    assert!(
        outcome.source_losses.iter().all(|loss| loss.by_name),
        "the senders know each: {:?}",
        outcome.source_losses
    );
}

#[test]
fn the_file_and_the_socket_are_compared_at_the_same_rate() {
    let out = place();
    let (outcome, _) = passes("daemonset-vs-sidecar", out.path());
    let [tail, sidecar] = &outcome.routes[..] else { panic!("two routes: {:?}", outcome.routes) };
    assert_eq!((tail.books.written, tail.books.source_lost, tail.books.lost), (sidecar.books.written, 0, 0));
    assert_eq!((sidecar.books.lost, sidecar.books.delivered), (0, sidecar.books.written - sidecar.books.source_lost));
    println!("of {} the socket did not take {}", sidecar.books.written, sidecar.books.source_lost);
}

#[test]
fn every_record_reaches_cloudwatch_under_its_own_pod() {
    let out = place();
    let (outcome, folder) = passes("eks-cloudwatch", out.path());
    let books = &outcome.books;
    assert_eq!((books.lost, books.misattributed, books.unexpected), (0, 0, 0));
    assert!(books.written > books.expected, "the pod that opted out wrote too");
    let [agent] = &outcome.processes[..] else { panic!("{:?}", outcome.processes) };
    assert!(agent.limits.contains("500m CPU by ") && agent.limits.contains("500 MiB by "), "{}", agent.limits);
    assert_eq!((agent.starts, agent.oom_kills), (2, 0));
    let config = std::fs::read_to_string(folder.join("fluent-bit/eks-cloudwatch.conf")).unwrap();
    assert_eq!(Some(config.as_str()), pipeline::configs::find("eks-cloudwatch.conf"));
}
