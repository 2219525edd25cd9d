//! The judge's explanations: histories of runs as files live and die in them, and the cause that must be named.

#[path = "causes/story.rs"]
mod story;

use results::{
    event::{Event, Generation, StepKind, What},
    identity::StreamId,
    proofs::proofs,
};

use self::story::{PATH, Story};

fn assert_cause(story: &Story, verdict: &str, name: &str, count: u64, evidence: &[&str]) {
    let cause = story.cause();
    assert!(cause.3.chars().count() <= 400 && cause.3.ends_with('.'), "{}", cause.3);
    assert!(!cause.3.contains("logs/"), "files are named by their last component: {}", cause.3);
    assert_eq!((cause.0.as_str(), cause.1.as_str(), cause.2), (verdict, name, count), "{}", cause.3);
    for words in evidence {
        assert!(cause.3.contains(words), "`{words}` is not in: {}", cause.3);
    }
}

#[test]
fn nothing_lost_needs_no_cause() {
    assert_eq!(Story::generations(&[7, 8, 7, 8], &[]).causes(), []);
}

#[test]
fn files_refused_for_their_inode_numbers_are_named_with_both_holders_and_the_archive() {
    let story = Story::generations(&[7, 8, 7, 8, 7], &[2, 3, 4]);
    let evidence = [
        "generation 2 of app.log (born 20.000 s) was given inode 7, the number of generation 0, freed when app.log.0 was \
         archived to .gz and unlinked at 20.000 s; no record of it, nor of the 2 generations after it, ever arrived: the agent",
    ];
    assert_cause(&story, "lost", "inode-reuse", 300, &evidence);
    assert_eq!(proofs(&story.events).inodes_reused, 3);
}

#[test]
fn files_that_several_streams_share_are_refused_for_their_numbers_all_the_same() {
    let mut story = Story::generations(&[7, 8, 7, 8, 7], &[2, 3, 4]);
    let shared = |event: Event| match &event.what {
        What::GenerationOpened(opened) => {
            let other = |stream| Generation { stream: StreamId(stream), ..opened.clone() };
            let others = [1, 2].map(|at| Event { what: What::GenerationOpened(other(at)), ..event.clone() });
            let [before, after] = others;
            vec![before, event, after]
        }
        _ => vec![event],
    };
    story.events = story.events.drain(..).flat_map(shared).collect();
    let evidence = ["was given inode 7, the number of generation 0, freed when app.log.0 was archived to .gz"];
    assert_cause(&story, "lost", "inode-reuse", 300, &evidence);
}

#[test]
fn files_with_fresh_numbers_that_are_missing_were_missed_in_the_gap() {
    let story = Story::generations(&[7, 8, 9, 10, 11], &[1, 3]);
    assert_cause(
        &story,
        "lost",
        "rename-create-gap",
        200,
        &[
            "generation 1 of app.log (inode 8) was created at 10.000 s, 0 ms after",
            "nor of 1 of the 3 generations after it",
            "Its inode number does not explain it",
            "There are 2 such stretches: 100–199, 300–399.",
        ],
    );
}

#[test]
fn reused_numbers_do_not_explain_it_when_a_file_with_one_got_through() {
    let story = Story::generations(&[7, 8, 7, 8, 7, 8], &[2, 5]);
    assert_cause(&story, "lost", "rename-create-gap", 200, &["Its inode number does not explain it"]);
}

#[test]
fn reused_and_fresh_numbers_missing_alike_are_the_gap() {
    let story = Story::generations(&[7, 8, 7, 9], &[2, 3]);
    assert_cause(&story, "lost", "rename-create-gap", 200, &[]);
}

#[test]
fn a_number_that_the_agent_never_read_under_does_not_count_as_reused() {
    // Generation 1 was missed, so generation 3, with its number, cannot be taken for it.
    let story = Story::generations(&[7, 8, 9, 8], &[1, 3]);
    assert_cause(&story, "lost", "rename-create-gap", 200, &[]);
}

#[test]
fn the_end_of_a_rotated_file_that_is_given_up_while_it_still_exists() {
    let mut story = Story::new();
    let inodes = [7, 8];
    story.open(0, 0, 7);
    story.write(1, 100);
    story.deliver(2, 0..40);
    story.rotate(10, 1, &inodes);
    story.write(11, 100);
    story.deliver(15, 100..200);
    assert_cause(&story, "lost", "closed-unread-after-rotation", 60, &["rotated at 10.000 s", "records 40–99 unread"]);
}

#[test]
fn the_end_of_a_file_that_was_unlinked_while_it_was_read() {
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 100);
    story.deliver(2, 0..20);
    story.rotate(10, 1, &[7, 8]);
    story.step(11, 2, StepKind::Unlink, "logs/app.log.0", None, Story::file(7, 0));
    story.deliver(12, 20..40);
    story.write(13, 100);
    story.deliver(15, 100..200);
    assert_cause(&story, "lost", "unlinked-unread", 60, &["unlinked at 11.000 s", "records 40–99"]);
}

/// A file of which 40 of 100 records are delivered, rotated at 10 s, unlinked at 13 s; what comes after it arrives.
fn given_up(held: Option<bool>) -> Story {
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 100);
    story.deliver(2, 0..40);
    story.rotate(10, 1, &[7, 8]);
    story.held = held;
    story.step(13, 2, StepKind::Unlink, "logs/app.log.0", None, Story::file(7, 0));
    story.write(14, 100);
    story.deliver(15, 100..200);
    story
}

#[test]
fn the_end_of_a_rotated_file_that_the_agent_had_let_go_of_when_it_was_unlinked() {
    let mut story = given_up(Some(false));
    story.sink(1, 12);
    story.events.sort_by_key(|event| event.t_us);
    let evidence = [
        "generation 0 of app.log (inode 7) was rotated at 10.000 s with records 40–99 unread",
        "let go of it before it was unlinked at 13.000 s",
        "refuse, from 1.000 s to 12.000 s",
    ];
    assert_cause(&story, "lost", "closed-unread-after-rotation", 60, &evidence);
}

#[test]
fn the_end_of_a_rotated_file_that_the_agent_still_held_long_after_the_rotation() {
    let evidence =
        ["rotated at 10.000 s", "still had it open when it was unlinked at 13.000 s", "records 40–99 unread"];
    assert_cause(&given_up(Some(true)), "lost", "closed-unread-after-rotation", 60, &evidence);
}

#[test]
fn the_end_of_a_live_file_that_was_unlinked_in_the_agents_hands() {
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 100);
    story.sink(2, 4);
    story.deliver(3, 0..40);
    story.held = Some(true);
    story.step(4, 1, StepKind::Unlink, PATH, None, Story::file(7, 0));
    story.open(4, 1, 8);
    story.close(4, 0);
    story.write(5, 100);
    // The last of what was read comes in long after: by time alone it would be another cause.
    story.deliver(9, 40..50);
    story.deliver(10, 100..200);
    let evidence = [
        "generation 0 of app.log (inode 7) was unlinked at 4.000 s while the agent had it open, unread from 50 on",
        "refuse, from 2.000 s to 4.000 s",
    ];
    assert_cause(&story, "lost", "unlinked-unread", 50, &evidence);
}

#[test]
fn a_whole_file_in_the_agents_hands_at_its_unlink_was_not_overlooked() {
    for (held, name) in [(Some(true), "unlinked-unread"), (Some(false), "rename-create-gap")] {
        let mut story = Story::generations(&[7, 8], &[1]);
        story.held = held;
        story.step(12, 2, StepKind::Unlink, PATH, None, Story::file(8, 1));
        story.open(12, 2, 9);
        story.close(12, 1);
        story.write(13, 100);
        story.deliver(14, 200..300);
        let words = if held == Some(false) {
            "did not have it open when it was unlinked at 12.000 s"
        } else {
            "unread from 100 on"
        };
        assert_cause(&story, "lost", name, 100, &[words]);
    }
}

#[test]
fn a_rotation_after_one_that_was_rolled_back_is_the_one_that_counts() {
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 100);
    story.deliver(2, 0..40);
    story.step(3, 1, StepKind::Rename, PATH, Some("logs/app.log.x"), Story::file(7, 0));
    story.step(4, 1, StepKind::Rename, "logs/app.log.x", Some(PATH), Story::file(7, 0));
    story.rotate(10, 1, &[7, 8]);
    story.write(11, 100);
    story.deliver(15, 100..200);
    assert_cause(&story, "lost", "closed-unread-after-rotation", 60, &["rotated at 10.000 s"]);
}

#[test]
fn evidence_fits_on_a_screen_whatever_the_names_and_numbers() {
    let mut story = Story::generations(&[u64::MAX, u64::MAX - 1, u64::MAX, u64::MAX - 1, u64::MAX], &[2, 3, 4]);
    for event in &mut story.events {
        event.t_us += 1 << 40;
        let longer = |path: &mut String| *path = format!("{}{path}", "x".repeat(300));
        match &mut event.what {
            What::GenerationOpened(opened) => {
                opened.generation += u32::MAX - 9;
                longer(&mut opened.path);
            }
            What::RotationStep(step) => {
                step.path = step.path.replace('/', &"y".repeat(200));
                step.to = step.to.take().map(|to| to.replace('/', &"y".repeat(200)));
            }
            _ => {}
        }
    }
    let (_, name, _, evidence) = story.cause();
    assert_eq!(name, "inode-reuse");
    assert!(evidence.chars().count() <= 400 && evidence.ends_with('.'), "{evidence}");
}

#[test]
fn records_read_and_not_delivered_at_a_kill() {
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 100);
    story.deliver(2, 0..60);
    story.write(3, 100);
    story.kill(4);
    story.start(5);
    story.write(6, 100);
    story.deliver(7, 90..300);
    assert_cause(&story, "lost", "agent-crash", 30, &["ended at 4.000 s (signal 9)", "records 60–89"]);
}

#[test]
fn the_end_of_a_rotated_file_that_the_agent_does_not_go_back_to_after_a_kill() {
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 100);
    story.deliver(2, 0..60);
    story.rotate(3, 1, &[7, 8]);
    story.write(3, 100);
    story.kill(4);
    story.start(5);
    story.deliver(7, 100..200);
    let evidence = ["records 60–99 were on disk", "the end of generation 0 of app.log, rotated at 3.000 s"];
    assert_cause(&story, "lost", "agent-crash", 40, &evidence);
}

#[test]
fn everything_after_a_moment() {
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 100);
    story.deliver(2, 0..60);
    story.write(3, 100);
    assert_cause(&story, "lost", "all-after", 140, &["after 2.000 s", "from 60 on"]);
}

#[test]
fn a_hole_in_the_middle_of_a_file_is_unexplained() {
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 100);
    story.deliver(2, 0..40);
    story.deliver(3, 50..100);
    assert_cause(&story, "lost", "unexplained", 10, &["records 40–49", "inode 7"]);
}

#[test]
fn a_file_read_anew_after_it_was_renamed_away_and_back() {
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 100);
    story.deliver(2, 0..100);
    story.step(3, 1, StepKind::Rename, PATH, Some("logs/app.log.0"), Story::file(7, 0));
    story.step(4, 1, StepKind::Rename, "logs/app.log.0", Some(PATH), Story::file(7, 0));
    story.deliver(9, 0..100);
    assert_cause(&story, "duplicated", "reread-after-rename-back", 100, &["back at 4.000 s", "again at 9.000 s"]);
}

#[test]
fn a_file_read_anew_for_no_reason() {
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 100);
    story.deliver(2, 0..100);
    story.deliver(9, 0..100);
    assert_cause(&story, "duplicated", "reread-file", 100, &["generation 0", "read anew"]);
}

#[test]
fn settled_records_that_come_again_after_a_kill_and_those_that_may() {
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 100);
    story.deliver(1, 0..60);
    story.arrive(9, 60..100, false);
    story.sample(9);
    story.kill(10);
    story.start(11);
    story.deliver(12, 30..100);
    let causes: Vec<(String, u64)> = story.causes().into_iter().map(|cause| (cause.cause, cause.count)).collect();
    assert_eq!(causes, [("resent-in-flight".to_owned(), 40), ("checkpoint-behind".to_owned(), 30)]);
}

#[test]
fn copies_in_the_middle_of_a_file_without_a_restart_are_unexplained() {
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 100);
    story.deliver(2, 0..100);
    story.deliver(3, 40..50);
    assert_cause(&story, "duplicated", "unexplained", 10, &["records 40–49 arrived again at 3.000 s"]);
}

/// Records 40 to 79 of a file are missing while the sink has this fault.
fn halved(name: &str) -> Story {
    let mut story = Story::new();
    story.open(0, 0, 7);
    story.write(1, 200);
    story.sick(name, 2, 4);
    story.deliver(3, 0..40);
    story.deliver(3, 80..120);
    story.deliver(6, 120..200);
    story.events.sort_by_key(|event| event.t_us);
    story
}

#[test]
fn halves_of_requests_that_were_refused_and_not_sent_again() {
    let evidence = ["refused half of each request from 2.000 s to 4.000 s", "records 40–79 were in such halves"];
    assert_cause(&halved("partial"), "lost", "refused-in-part", 40, &evidence);
}

#[test]
fn a_hole_while_whole_requests_were_refused_is_no_half() {
    assert_cause(&halved("refuse"), "lost", "unexplained", 40, &["nothing on record explains the hole"]);
}

#[test]
fn records_that_were_sent_and_taken_while_the_agent_was_up_were_dropped_inside() {
    let mut story = Story::new();
    story.write(1, 100);
    story.deliver(2, 0..40);
    story.deliver(3, 45..100);
    assert_cause(
        &story,
        "lost",
        "taken-and-dropped",
        5,
        &["no send of records 40–44 failed", "record 45 after them arrived"],
    );
}

#[test]
fn records_that_were_sent_last_or_around_an_end_of_the_agent_may_have_gone_elsewhere() {
    let mut story = Story::new();
    story.write(1, 100);
    story.deliver(2, 0..40);
    assert_cause(&story, "lost", "unexplained", 60, &["are missing, and nothing on record explains the hole"]);
    let mut story = Story::new();
    story.write(1, 50);
    story.deliver(2, 0..40);
    story.sample(3);
    story.kill(4);
    story.write(5, 50);
    story.deliver(6, 60..100);
    assert_cause(&story, "lost", "unexplained", 20, &["are missing, and nothing on record explains the hole"]);
}
