//! Every planted bug does what the catalogue says, in a world in which the sound tailer loses and doubles nothing.

use super::bench::{Act, Bench};
use crate::defects::Defect;

/// The sound tailer passes, the bug is caught: the start of what the books say.
fn caught(defect: Defect, says: &str, acts: &[Act]) {
    let play = |defect| {
        let mut bench = Bench::new(7, true, defect);
        bench.world.pace = 0;
        bench.judge(acts)
    };
    assert_eq!(play(None), Ok(()), "{defect}");
    let complaint = play(Some(defect)).expect_err("the bug must be caught");
    assert!(complaint.starts_with(says), "{defect}: {complaint}");
}

#[test]
fn a_reused_inode_stalls_a_name_for_ever() {
    let round = [Act::Write(5), Act::Stopped, Act::Wait(100), Act::Kubelet { late: 0 }, Act::Stopped, Act::Wait(100)];
    caught(Defect::StaleMembershipInodeReuse, "lost [10", &round.repeat(5));
}

#[test]
fn a_successor_that_comes_late_is_missed_until_the_scan() {
    use Act::{Away, Created, Kubelet, Run, Stopped, Wait, Write};
    let seen = [Write(5), Stopped, Wait(20), Away, Run(40), Created, Write(5), Stopped, Wait(100)];
    let gap = [&seen[..], &[Kubelet { late: 0 }, Write(3), Stopped]].concat();
    caught(Defect::RenameCreateGap, "lost [5, 6, 7, 8, 9]", &gap);
}

#[test]
fn a_file_renamed_back_is_read_twice() {
    use Act::{Back, Run, Stopped, Wait, Write};
    let mut acts = vec![Write(6), Stopped, Wait(30), Act::Taken];
    acts.extend([Act::Kubelet { late: 0 }, Stopped, Wait(100), Write(4), Stopped, Wait(20)]);
    // The rename is seen before it is taken back.
    acts.extend([Act::Away, Run(40), Back { meanwhile: 0 }, Stopped, Wait(200), Write(2), Stopped]);
    caught(Defect::RenameBackStaysRotated, "lost [], doubled [", &acts);
}

#[test]
fn a_rotated_file_is_closed_although_the_output_was_slow() {
    use Act::{Full, Kubelet, Stopped, Wait, Write};
    let acts = [
        Write(3),
        Stopped,
        Wait(20),
        Full(true),
        Write(30),
        Stopped,
        Kubelet { late: 0 },
        Stopped,
        Wait(200),
        Full(false),
    ];
    caught(Defect::RotateWaitPurge, "lost [", &acts);
}

#[test]
fn an_unlinked_file_is_dropped_with_what_was_unread() {
    use Act::{Full, Replaced, Stopped, Wait, Write};
    let acts = [Write(3), Stopped, Wait(20), Full(true), Write(30), Stopped, Replaced, Wait(20), Full(false), Wait(20)];
    caught(Defect::UnlinkDropsUnread, "lost [", &acts);
}

#[test]
fn an_offset_stored_at_the_read_loses_what_was_in_flight() {
    use Act::{Killed, Stopped, Wait, Write};
    caught(Defect::CheckpointBeforeDelivery, "lost [0, 1", &[Write(9), Stopped, Wait(20), Killed, Write(2), Stopped]);
}

#[test]
fn an_offset_stored_late_doubles_what_was_delivered() {
    use Act::{Killed, Stopped, Taken, Wait, Write};
    let acts =
        [Write(9), Stopped, Wait(20), Taken, Wait(500), Write(1), Stopped, Wait(20), Taken, Killed, Write(2), Stopped];
    caught(Defect::CheckpointLag, "lost [], doubled [0, 1", &acts);
}
