//! Freed inode numbers: whether they come back, and how files that share one are told apart.

use super::*;

/// Rotates so often that numbers come back by themselves; returns the live files in order.
fn lives(world: &mut World, turns: i64, steer: bool) -> (Vec<FileId>, Vec<Effect>) {
    let (mut lives, mut steers) = (Vec::new(), Vec::new());
    let settings = kubelet::Settings { max_files: 2, ..kubelet::Settings::default() };
    for turn in 0..turns {
        let listing = world.listing();
        let stamp = kubelet::stamp(1_769_783_101 + turn);
        let mut steps = kubelet::rotate(&listing, Path::new("pods/0.log"), &stamp, settings);
        if steer {
            steps = steered(steps, LAST_FREED);
        }
        perform(&steps, &mut world.stage, |step, effect| match step {
            Step::Reopen { .. } => lives.push(effect.after.unwrap()),
            Step::Steer { .. } => steers.push(effect.clone()),
            _ => {}
        })
        .unwrap();
    }
    (lives, steers)
}

#[test]
fn a_steered_number_is_that_of_the_next_file_or_the_stage_says_that_it_did_not_work() {
    let mut world = world();
    let (lives, steers) = lives(&mut world, 30, true);
    let (mut worked, mut came_back) = (0, 0);
    for (live, steer) in lives.iter().zip(&steers) {
        match (&steer.after, &steer.error) {
            (Some(wanted), None) => {
                worked += 1;
                came_back += u32::from((wanted.device, wanted.inode) == (live.device, live.inode));
            }
            (None, Some(error)) => assert!(!error.stops(), "{error}"),
            other => panic!("neither worked nor failed: {other:?}"),
        }
    }
    // Others create files in the same file system, so one or the other may be snatched away; not most of them.
    assert!(came_back * 2 >= worked, "{came_back} of {worked} came back");
    if hands_out_numbers_again() {
        assert!(worked > 0, "the file system reuses numbers, and none was found");
    }
    assert_eq!(world.names().len(), 2, "no probe is left: {:?}", world.names());
}

/// Whether any number comes back by itself; tmpfs and XFS may never do it.
fn hands_out_numbers_again() -> bool {
    let mut inodes: Vec<u64> = lives(&mut world(), 40, false).0.iter().map(|live| live.inode).collect();
    let all = inodes.len();
    inodes.sort_unstable();
    inodes.dedup();
    inodes.len() < all
}

#[test]
fn a_file_with_a_used_number_is_told_apart_by_its_birth() {
    let mut world = world();
    let mut all = Vec::new();
    for _ in 0..40 {
        all.extend(lives(&mut world, 1, false).0);
        until_the_clock_of_files_moves(&world, all[all.len() - 1]);
    }
    for (at, live) in all.iter().enumerate() {
        for earlier in all[..at].iter().filter(|earlier| earlier.inode == live.inode && live.born_ns != 0) {
            assert!(earlier.born_ns < live.born_ns, "{earlier:?} {live:?}");
        }
    }
}

/// Until a file that is made now is younger than this one: births are told by a clock that moves some hundred times a second.
fn until_the_clock_of_files_moves(world: &World, file: FileId) {
    let probe = Path::new("probe");
    for _ in 0..20_000 {
        fs::write(world.path("probe"), "").unwrap();
        let born_ns = world.stage.root.identify(probe).unwrap().born_ns;
        fs::remove_file(world.path("probe")).unwrap();
        if file.born_ns == 0 || born_ns > file.born_ns {
            return;
        }
        clock::wait(Duration::from_millis(1));
    }
    panic!("no file is younger than {file:?}");
}

#[test]
fn a_number_that_does_not_come_back_is_reported_and_no_probe_is_left() {
    let mut world = world();
    let steer = Step::Steer { dir: "pods".into(), inode: u64::MAX };
    let mut told = 0;
    let live = Step::Reopen { path: "pods/0.log".into(), truncate: false };
    perform(&[steer, live], &mut world.stage, |_, effect| told += u32::from(effect.error.is_some())).unwrap();
    assert_eq!(told, 1);
    assert_eq!(world.names(), ["0.log"]);
    let nothing_freed = world.error(&Step::Steer { dir: "pods".into(), inode: LAST_FREED });
    assert_eq!(nothing_freed, StepError::NotSteered { inode: 0, tried: 0 });
}

#[test]
fn probes_go_with_the_stage_when_no_file_follows() {
    let mut world = world();
    // The highest of three numbers is wanted, so lower ones are held by probes.
    for name in ["pods/a", "pods/b", "pods/c"] {
        fs::write(world.path(name), "").unwrap();
    }
    for name in ["pods/a", "pods/b", "pods/c"] {
        assert_eq!(world.stage.perform(&Step::Unlink { path: name.into() }).error, None);
    }
    world.stage.perform(&Step::Steer { dir: "pods".into(), inode: LAST_FREED });
    let World { dir, stage } = world;
    drop(stage);
    assert_eq!(Listing::read(&dir.path().join("pods")).unwrap(), ["0.log"].iter().collect());
}
