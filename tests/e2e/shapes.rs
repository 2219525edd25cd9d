//! The shapes of load and sink that no shipped scenario uses: every way to write and every way to hand over, judged.

use results::outcome::Verdict;

use crate::support::{live, place, run, side_by_side};

/// Changes to `steady`, each of which must pass.
const SHAPES: &[&[&str]] = &[
    &["sink.kind=file"],
    &["sink.kind=http-array"],
    &["sink.gzip=true"],
    &["agent.merge_json=true", "load.group.1.body=nginx-json"],
    &["load.layout=kubelet", "sink.kind=file"],
    &["load.layout=docker", "sink.kind=http-array"],
    &["load.pace={burst={times=4.0,every=\"1s\",length=\"200ms\"}}"],
    &["load.pace={ramp={from=0.1,to=1.0,over=\"1s\"}}"],
];

#[test]
fn every_shape_of_load_and_sink_is_carried_whole() {
    let _live = live();
    side_by_side(3, SHAPES, |shape| {
        let out = place();
        // What is asked is whether everything arrives, not how fast a debug build on a busy machine writes.
        let mut more = vec!["--duration", "2s", "--rate", "8k/s"];
        more.extend(shape.iter().flat_map(|set| ["--set", *set]));
        let judged = run("steady", &more, out.path());
        assert_eq!(judged.outcome.verdict, Verdict::Pass, "{shape:?}\n{judged}");
    });
}
