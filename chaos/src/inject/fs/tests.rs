//! Steps on real files: what they leave behind, what they refuse, and whether a freed inode number comes back.

mod numbers;

use std::{
    fs::{self, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{MetadataExt, PermissionsExt, symlink},
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

use super::*;
use crate::{
    inject::{
        perform,
        root::{MARKER, RootError},
    },
    listing::Listing,
    rotator::{docker, kubelet, steered, swap},
    support::{folder, lines},
};

/// A writer with one file, as simple as it can be.
#[derive(Debug, Default)]
struct OneFile {
    file: Option<File>,
    refuses: bool,
}

impl Reopen for OneFile {
    fn close(&mut self) -> io::Result<()> {
        self.file = None;
        Ok(())
    }

    fn reopen(&mut self, path: &Path, truncate: bool) -> io::Result<()> {
        if self.refuses {
            return Err(io::Error::other("container is not running"));
        }
        let mut options = OpenOptions::new();
        if truncate {
            options.write(true).truncate(true)
        } else {
            options.append(true)
        };
        self.file = Some(options.create(true).open(path)?);
        Ok(())
    }
}

impl OneFile {
    fn write(&mut self, text: &str) {
        self.file.as_mut().unwrap().write_all(text.as_bytes()).unwrap();
    }
}

struct World {
    dir: tempfile::TempDir,
    stage: FsStage<OneFile>,
}

/// A marked folder with `pods/0.log`, which the writer has open.
fn world() -> World {
    let dir = folder();
    let root = Root::mark(dir.path()).unwrap();
    fs::create_dir(dir.path().join("pods")).unwrap();
    let mut stage = FsStage::new(root, OneFile::default()).gzip_level(1);
    perform(&[Step::Reopen { path: "pods/0.log".into(), truncate: false }], &mut stage, |_, _| {}).unwrap();
    World { dir, stage }
}

impl World {
    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join(name)
    }

    fn listing(&self) -> Listing {
        Listing::read(&self.path("pods")).unwrap()
    }

    fn names(&self) -> Vec<String> {
        self.listing().names().map(|name| name.to_string_lossy().into_owned()).collect()
    }

    fn error(&mut self, step: &Step) -> StepError {
        self.stage.perform(step).error.unwrap_or_else(|| panic!("{step} was performed"))
    }
}

fn unzipped(path: &Path) -> String {
    let mut text = String::new();
    flate2::read::GzDecoder::new(File::open(path).unwrap()).read_to_string(&mut text).unwrap();
    text
}

#[test]
fn a_kubelet_rotation_leaves_archive_renamed_and_new_file() {
    let mut world = world();
    let log = Path::new("pods/0.log");
    for (stamp, text) in [("20260130-142501", "one\n"), ("20260130-142511", "two\n")] {
        world.stage.writer().write(text);
        let steps = kubelet::rotate(&world.listing(), log, stamp, kubelet::Settings::default());
        perform(&steps, &mut world.stage, |_, _| {}).unwrap();
    }
    world.stage.writer().write("three\n");
    assert_eq!(world.names(), ["0.log", "0.log.20260130-142501.gz", "0.log.20260130-142511"]);
    assert_eq!(unzipped(&world.path("pods/0.log.20260130-142501.gz")), "one\n");
    assert_eq!(fs::read_to_string(world.path("pods/0.log.20260130-142511")).unwrap(), "two\n");
    assert_eq!(fs::read_to_string(world.path("pods/0.log")).unwrap(), "three\n");
}

#[test]
fn a_docker_rotation_works_with_absolute_paths_too() {
    let mut world = world();
    let log = world.path("pods/0.log");
    for text in ["one\n", "two\n", "three\n"] {
        world.stage.writer().write(text);
        let rotation = docker::rotate(&world.listing(), &log, 3, true);
        perform(&rotation.steps, &mut world.stage, |_, _| {}).unwrap();
        perform(&rotation.later, &mut world.stage, |_, _| {}).unwrap();
    }
    assert_eq!(world.names(), ["0.log", "0.log.1.gz", "0.log.2.gz"]);
    assert_eq!(unzipped(&world.path("pods/0.log.1.gz")), "three\n");
    assert_eq!(unzipped(&world.path("pods/0.log.2.gz")), "two\n");
    assert_eq!(fs::metadata(&log).unwrap().len(), 0);
}

#[test]
fn the_effects_tell_the_life_of_every_file() {
    let mut world = world();
    let live = fs::metadata(world.path("pods/0.log")).unwrap().ino();
    let steps =
        kubelet::rotate(&world.listing(), Path::new("pods/0.log"), "20260130-142501", kubelet::Settings::default());
    let mut seen = Vec::new();
    perform(&steps, &mut world.stage, |step, effect| seen.push((step.name(), effect.clone()))).unwrap();
    assert_eq!(seen.iter().map(|(name, _)| *name).collect::<Vec<_>>(), ["rename", "reopen"]);
    assert_eq!(seen[0].1.before.unwrap().inode, live);
    assert_eq!(seen[1].1.before, None);
    let new = seen[1].1.after.unwrap();
    assert_eq!(new.inode, fs::metadata(world.path("pods/0.log")).unwrap().ino());
    assert_ne!(new.inode, live);
}

#[test]
fn a_failed_reopen_is_renamed_back_and_the_writer_keeps_its_file() {
    let mut world = world();
    let before = world.stage.root.identify(Path::new("pods/0.log")).unwrap();
    let settings = kubelet::Settings { gap_ms: 1, ..kubelet::Settings::default() };
    let steps = kubelet::rename_back(&world.listing(), Path::new("pods/0.log"), "20260130-142501", settings);
    perform(&steps[..2], &mut world.stage, |_, _| {}).unwrap();
    world.stage.writer().write("meanwhile\n");
    perform(&steps[2..], &mut world.stage, |_, _| {}).unwrap();
    assert_eq!(world.stage.root.identify(Path::new("pods/0.log")), Some(before));
    assert_eq!(fs::read_to_string(world.path("pods/0.log")).unwrap(), "meanwhile\n");
}

#[test]
fn a_link_is_swapped_and_never_absent() {
    let mut world = world();
    fs::create_dir(world.path("containers")).unwrap();
    fs::write(world.path("pods/1.log"), "b").unwrap();
    let link = Path::new("containers/a.log");
    let first = Step::Symlink { target: "../pods/0.log".into(), link: link.to_owned() };
    assert_eq!(world.stage.perform(&first).error, None);
    perform(&swap::atomic(Path::new("../pods/1.log"), link), &mut world.stage, |_, _| {
        assert!(fs::symlink_metadata(world.dir.path().join(link)).is_ok());
    })
    .unwrap();
    assert_eq!(fs::read_to_string(world.path("containers/a.log")).unwrap(), "b");
}

#[test]
fn a_folder_without_the_marker_is_not_touched() {
    let dir = folder();
    assert!(matches!(Root::open(dir.path()), Err(RootError::Unmarked { .. })));
    symlink("/etc/hostname", dir.path().join(MARKER)).unwrap();
    assert!(matches!(Root::open(dir.path()), Err(RootError::Unmarked { .. })), "a link is no marker");
    fs::remove_file(dir.path().join(MARKER)).unwrap();
    fs::create_dir(dir.path().join(MARKER)).unwrap();
    assert!(matches!(Root::mark(dir.path()), Err(RootError::Unmarked { .. })), "a folder is no marker");
    assert!(matches!(Root::open(&dir.path().join("gone")), Err(RootError::Open { .. })));
}

#[test]
fn a_folder_that_everybody_may_write_to_is_refused() {
    let dir = folder();
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(Root::mark(dir.path()), Err(RootError::Shared { .. })));
    fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o775)).unwrap();
    assert!(Root::mark(dir.path()).is_ok());
}

#[test]
fn the_marker_itself_stays() {
    let mut world = world();
    let to = |path: &str| PathBuf::from(path);
    for step in [
        Step::Unlink { path: to(MARKER) },
        Step::Rename { from: to(MARKER), to: to("pods/x") },
        Step::Rename { from: to("pods/0.log"), to: to(MARKER) },
        Step::Compress { from: to("pods/0.log"), to: world.path(MARKER) },
    ] {
        assert!(matches!(world.error(&step), StepError::Outside { .. }), "{step}");
    }
    assert!(Root::open(world.dir.path()).is_ok());
}

#[test]
fn nothing_outside_the_root_is_reached_by_text_or_by_link() {
    let outside = folder();
    let canary = outside.path().join("canary");
    fs::write(&canary, "alive").unwrap();
    let mut world = world();
    symlink(outside.path(), world.path("way")).unwrap();
    symlink(&canary, world.path("pods/link.log")).unwrap();
    let inside = PathBuf::from("pods/0.log");
    let escapes = [
        PathBuf::from("way/canary"),
        "../canary".into(),
        "pods/../../canary".into(),
        canary.clone(),
        "".into(),
        ".".into(),
    ];
    for path in escapes {
        for step in [
            Step::Unlink { path: path.clone() },
            Step::Rename { from: path.clone(), to: inside.clone() },
            Step::Rename { from: inside.clone(), to: path.clone() },
            Step::Compress { from: path.clone(), to: "pods/x".into() },
            Step::Compress { from: inside.clone(), to: path.clone() },
            Step::Reopen { path: path.clone(), truncate: true },
            Step::Symlink { target: inside.clone(), link: path.clone() },
        ] {
            assert!(matches!(world.error(&step), StepError::Outside { .. }), "{step}");
        }
    }
    // The last component: renamed and unlinked as the link it is, never opened through.
    for step in [
        Step::Compress { from: "pods/link.log".into(), to: "pods/x".into() },
        Step::Compress { from: inside.clone(), to: "pods/link.log".into() },
        Step::Reopen { path: "pods/link.log".into(), truncate: true },
        Step::Symlink { target: canary.clone(), link: "pods/new.log".into() },
        Step::Symlink { target: "../../canary".into(), link: "pods/new.log".into() },
        Step::Steer { dir: "way".into(), inode: 1 },
    ] {
        world.error(&step);
    }
    assert_eq!(world.stage.perform(&Step::Unlink { path: "pods/link.log".into() }).error, None);
    assert_eq!(fs::read_to_string(&canary).unwrap(), "alive");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

#[test]
fn a_folder_swapped_for_a_link_meanwhile_leads_nowhere() {
    let outside = folder();
    let canary = outside.path().join("0.log.1");
    fs::write(&canary, "alive").unwrap();
    let mut world = world();
    symlink(outside.path(), world.path("evil")).unwrap();
    let (done, swaps) = (AtomicBool::new(false), AtomicU64::new(0));
    let (pods, evil) = (world.path("pods"), world.path("evil"));
    let racer = || {
        while !done.load(Ordering::Relaxed) {
            let exchange = nix::fcntl::RenameFlags::RENAME_EXCHANGE;
            nix::fcntl::renameat2(nix::fcntl::AT_FDCWD, &pods, nix::fcntl::AT_FDCWD, &evil, exchange).unwrap();
            swaps.fetch_add(1, Ordering::Relaxed);
        }
    };
    std::thread::scope(|threads| {
        threads.spawn(racer);
        let mut turns = 0;
        while turns < 5000 || swaps.load(Ordering::Relaxed) < 1000 {
            world.stage.perform(&Step::Unlink { path: "pods/0.log.1".into() });
            turns += 1;
        }
        done.store(true, Ordering::Relaxed);
    });
    assert_eq!(fs::read_to_string(&canary).unwrap(), "alive");
}

#[test]
fn a_pipe_in_place_of_a_log_does_not_hang_the_bench() {
    let mut world = world();
    nix::unistd::mkfifo(&world.path("pods/pipe"), Mode::S_IRWXU).unwrap();
    world.error(&Step::Compress { from: "pods/pipe".into(), to: "pods/x".into() });
    world.error(&Step::Compress { from: "pods/0.log".into(), to: "pods/pipe".into() });
    world.error(&Step::Reopen { path: "pods/pipe".into(), truncate: false });
}

#[test]
fn a_step_that_fails_stops_those_after_it() {
    let mut world = world();
    world.stage.writer().refuses = true;
    let steps =
        kubelet::rotate(&world.listing(), Path::new("pods/0.log"), "20260130-142501", kubelet::Settings::default());
    let mut after = steps.clone();
    after.push(Step::Unlink { path: "pods/0.log.20260130-142501".into() });
    let mut seen = Vec::new();
    let error = perform(&after, &mut world.stage, |step, _| seen.push(step.clone())).unwrap_err();
    assert_eq!(lines(&seen), lines(&steps));
    assert_eq!(
        error.to_string(),
        "reopen by the writer of pods/0.log: container is not running; see the message of the writer"
    );
    assert_eq!(world.names(), ["0.log.20260130-142501"]);
}
