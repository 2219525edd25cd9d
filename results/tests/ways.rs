//! Causes know what stands on the way of a stream: they name the process that reads it, blame no other, and know its links.

#[path = "causes/story.rs"]
#[expect(dead_code, reason = "the causes of files need more of it")]
mod story;

use results::event::{AgentEvent, Fault, FaultState, SourceInfo, StepKind, Topology, WayInfo, What};

use self::story::{APP, SECOND, Story};

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// Says who reads the stream and what else is on its way.
fn told(mut story: Story, readers: &[&str], beyond: &[&str], links: &[&str]) -> Story {
    let way = WayInfo { processes: names(&[readers, beyond].concat()), links: names(links) };
    let source = SourceInfo { streams: vec![APP], readers: names(readers), ways: vec![way] };
    let topology = Topology { sources: vec![source], ..Topology::default() };
    story.events.insert(0, results::event::Event { t_us: 0, what: What::Topology(topology) });
    story
}

fn end(story: &mut Story, t_s: u64, process: &str) {
    let (process, how) = (process.to_owned(), "signal 9".to_owned());
    story.at(t_s * SECOND, What::Agent(AgentEvent::Ended { pid: 1, how, asked: true, process: process.clone() }));
    story.at((t_s + 1) * SECOND, What::Agent(AgentEvent::Started { pid: 2, process }));
}

#[test]
fn the_process_that_reads_the_stream_is_named_or_those_that_may() {
    for (readers, named) in [
        (&["daemonset"][..], "daemonset takes a reused number"),
        (&["daemonset", "sidecar"], "one of daemonset and sidecar takes a reused number"),
        (&["a", "b", "c"], "one of 3 processes (a, b, …) takes a reused number"),
    ] {
        let (_, cause, _, evidence) = told(Story::generations(&[7, 8, 7], &[2]), readers, &[], &[]).cause();
        assert!(cause == "inode-reuse" && evidence.contains(named), "{cause}: {evidence}");
    }
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 100);
    story.deliver(2, 0..20);
    story.held = Some(true);
    story.step(11, 1, StepKind::Unlink, "logs/app.log", None, Story::file(7, 0));
    story.open(11, 1, 8);
    story.close(11, 0);
    story.write(13, 100);
    story.deliver(15, 100..200);
    let (_, cause, _, evidence) = told(story, &["forwarder-0"], &["aggregator"], &[]).cause();
    assert!(cause == "unlinked-unread" && evidence.contains("while forwarder-0 had it open"), "{cause}: {evidence}");
}

#[test]
fn the_end_of_a_process_that_is_not_on_the_way_explains_nothing() {
    let ended = |process: &str| {
        let mut story = Story::new();
        story.open(0, 0, 7);
        story.write(1, 100);
        story.deliver(2, 0..60);
        story.write(3, 100);
        end(&mut story, 4, process);
        story.write(6, 100);
        story.deliver(7, 90..300);
        told(story, &["forwarder-0"], &["aggregator"], &[]).cause()
    };
    for process in ["forwarder-0", "aggregator"] {
        let (_, cause, count, evidence) = ended(process);
        assert_eq!((cause.as_str(), count), ("agent-crash", 30), "{evidence}");
        assert!(evidence.starts_with(process), "{evidence}");
    }
    assert_eq!(ended("forwarder-1").1, "unexplained");
}

/// Thirty records that were under way when a link was cut, and did not come again.
fn cut(links: &[&str], cut_s: u64) -> (String, String, u64, String) {
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 100);
    story.deliver(2, 0..60);
    for (t_s, state, detail) in [
        (cut_s, FaultState::Applied, ""),
        (cut_s + 1, FaultState::Healed, "2 connections reset, and 900 bytes on the way lost"),
    ] {
        let (name, on, detail) = ("cut_link".to_owned(), "west".to_owned(), detail.to_owned());
        story.at(t_s * SECOND, What::Fault(Fault { id: 1, name, on, state, hits: 2, detail }));
    }
    story.write(6, 100);
    story.deliver(7, 90..200);
    story.events.sort_by_key(|event| event.t_us);
    told(story, &["forwarder-0"], &["aggregator"], links).cause()
}

#[test]
fn what_was_on_its_way_when_a_link_was_cut_is_put_down_to_that() {
    let (verdict, cause, count, evidence) = cut(&["west"], 3);
    assert_eq!((verdict.as_str(), cause.as_str(), count), ("lost", "cut-on-the-way", 30), "{evidence}");
    for words in ["link west was cut at 3.000 s (2 connections reset, and 900 bytes", "records 60–89 were on their way"]
    {
        assert!(evidence.contains(words), "{evidence}");
    }
    assert_eq!(cut(&["east"], 3).1, "unexplained", "another link");
    assert_eq!(cut(&["west"], 8).1, "unexplained", "it was cut when all had arrived");
    assert_eq!(cut(&["west"], 0).1, "unexplained", "it was cut before they were written");
}
