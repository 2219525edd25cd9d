//! What this machine can and cannot prove: looked at, and where that says nothing, tried.

use std::{
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use nix::{
    sys::{
        resource::{Resource, getrlimit},
        statfs::{BTRFS_SUPER_MAGIC, EXT4_SUPER_MAGIC, FsType, TMPFS_MAGIC, XFS_SUPER_MAGIC, statfs},
    },
    time::{ClockId, clock_getres},
};
use serde::Serialize;

/// Files made and removed until a number comes back.
const TRIES: usize = 200;
/// Other programs that the bench can work with.
const PEERS: [&str; 9] =
    ["fluent-bit", "fluentd", "vector", "filebeat", "rsyslogd", "syslog-ng", "otelcol", "nginx", "logrotate"];

/// How well something serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Good,
    /// Some questions cannot be asked here.
    Limited,
    /// Runs prove nothing here.
    Bad,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What.
    pub name: String,
    /// What was found.
    pub found: String,
    /// How well it serves.
    pub state: State,
    /// What the person can do about it.
    pub remedy: Option<String>,
}

fn finding(name: &str, found: impl Into<String>, remedy: Option<(State, &str)>) -> Finding {
    Finding {
        name: name.to_owned(),
        found: found.into(),
        state: remedy.map_or(State::Good, |(state, _)| state),
        remedy: remedy.map(|(_, text)| text.to_owned()),
    }
}

/// Looks at everything. `out` is where runs would be made (it is made if need be), `path` where programs are looked for.
pub fn examine(out: &Path, path: &str) -> Vec<Finding> {
    let mut findings = vec![kernel()];
    // A folder that cannot be made is told by the tries in it.
    let _ = std::fs::create_dir_all(out);
    findings.extend([
        file_system(out),
        reuse(out),
        disk(out),
        cores(),
        clock(),
        open_files(),
        watches(),
        groups(),
        user(),
    ]);
    findings.push(programs(&PEERS, path));
    findings
}

/// Whether an inode number came back within two hundred files in a folder; false where that cannot be tried.
pub fn reuses_inodes(out: &Path) -> bool {
    let _ = std::fs::create_dir_all(out);
    came_back(out).unwrap_or(false)
}

fn kernel() -> Finding {
    let release = read("/proc/sys/kernel/osrelease");
    let mut parts = release.split(['.', '-']).map(|part| part.parse::<u32>().unwrap_or(0));
    let version = (parts.next().unwrap_or(0), parts.next().unwrap_or(0));
    let old = version < (5, 4);
    let remedy = old.then_some((State::Bad, "use Linux 5.4 or later: faults need pidfd"));
    finding("kernel", format!("Linux {release}"), remedy)
}

fn file_system(out: &Path) -> Finding {
    let kind = statfs(out).map(|facts| facts.filesystem_type());
    let name = kind.map_or("cannot be looked at", fs_name);
    let remedy = match name {
        "tmpfs" | "btrfs" => {
            Some((State::Limited, "it never hands an inode number out twice; put --out on ext4 or xfs"))
        }
        "unknown" | "overlayfs" => Some((State::Limited, "nothing is known about it; ext4 or xfs are well tried")),
        "cannot be looked at" => Some((State::Bad, "name a folder that can be written with --out")),
        _ => None,
    };
    finding("file system", format!("{name} under {}", out.display()), remedy)
}

fn fs_name(kind: FsType) -> &'static str {
    match kind {
        EXT4_SUPER_MAGIC => "ext4",
        XFS_SUPER_MAGIC => "xfs",
        TMPFS_MAGIC => "tmpfs",
        BTRFS_SUPER_MAGIC => "btrfs",
        FsType(0x794c_7630) => "overlayfs",
        _ => "unknown",
    }
}

fn reuse(out: &Path) -> Finding {
    match came_back(out) {
        Ok(true) => finding("inode reuse", "tried: a freed number came back", None),
        Ok(false) => finding(
            "inode reuse",
            format!("tried: no number came back within {TRIES} files"),
            Some((State::Limited, "runs that ask for reuse prove nothing here; put --out on ext4 or xfs")),
        ),
        Err(error) => finding(
            "inode reuse",
            format!("cannot be tried: {error}"),
            Some((State::Bad, "name a folder that can be written with --out")),
        ),
    }
}

/// Makes and removes files until one has the number of one that is gone.
fn came_back(out: &Path) -> std::io::Result<bool> {
    let folder = tempfile::tempdir_in(out)?;
    let mut gone = std::collections::BTreeSet::new();
    for nth in 0..TRIES {
        let path = folder.path().join(nth.to_string());
        let number = std::fs::File::create(&path)?.metadata()?.ino();
        if gone.contains(&number) {
            return Ok(true);
        }
        std::fs::remove_file(&path)?;
        gone.insert(number);
    }
    Ok(false)
}

fn disk(out: &Path) -> Finding {
    let free = statfs(out).map_or(0, |facts| facts.blocks_available() * facts.block_size().unsigned_abs());
    let low = free < 2_000_000_000;
    let remedy =
        low.then_some((State::Limited, "a run may write a gigabyte: free some, or name another folder with --out"));
    finding("free disk", format!("{:.1} GB", free as f64 / 1e9), remedy)
}

fn cores() -> Finding {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let load = read("/proc/loadavg");
    let busy: f64 = load.split(' ').next().and_then(|load| load.parse().ok()).unwrap_or(0.0);
    let found = format!("{cores}, load {busy:.2}");
    let remedy = if cores < 2 {
        Some((State::Limited, "load, agent and judge share them: expect runs that cannot keep their pace"))
    } else if busy > cores as f64 * 0.5 {
        Some((State::Limited, "others are at work: end them, or speeds will be too low and runs unknown"))
    } else {
        None
    };
    finding("cores", found, remedy)
}

fn clock() -> Finding {
    let source = read("/sys/devices/system/clocksource/clocksource0/current_clocksource");
    let ns = clock_getres(ClockId::CLOCK_MONOTONIC).map_or(0, |time| time.tv_nsec());
    let slow = matches!(source.as_str(), "hpet" | "acpi_pm" | "jiffies") || ns > 1_000_000;
    let remedy =
        slow.then_some((State::Limited, "reading it is slow: choose tsc or kvm-clock where the machine has it"));
    finding("clock", format!("{}, {ns} ns", if source.is_empty() { "unknown" } else { &source }), remedy)
}

fn open_files() -> Finding {
    let (now, most) = getrlimit(Resource::RLIMIT_NOFILE).unwrap_or((0, 0));
    let remedy = (now < 1024).then_some((State::Limited, "raise it for runs with many streams: ulimit -n 65536"));
    finding("open files", format!("limit {now}, at most {most}"), remedy)
}

fn watches() -> Finding {
    let limit = |name: &str| read(&format!("/proc/sys/fs/inotify/{name}")).parse::<u64>().unwrap_or(0);
    let (watches, instances) = (limit("max_user_watches"), limit("max_user_instances"));
    let low = watches < 8_192 || instances < 16;
    let remedy =
        low.then_some((State::Limited, "agents that watch files need more: sysctl fs.inotify.max_user_watches=524288"));
    finding("inotify", format!("{watches} watches, {instances} instances"), remedy)
}

fn groups() -> Finding {
    let version2 = Path::new("/sys/fs/cgroup/cgroup.controllers");
    let version1 = Path::new("/sys/fs/cgroup/cpu");
    let writable = |path: &Path| nix::unistd::access(path, nix::unistd::AccessFlags::W_OK).is_ok();
    let (found, usable) = if version2.exists() {
        (format!("version 2: {}", read("/sys/fs/cgroup/cgroup.controllers")), writable(Path::new("/sys/fs/cgroup")))
    } else if version1.exists() {
        ("version 1".to_owned(), writable(version1))
    } else {
        ("none".to_owned(), false)
    };
    let remedy = (!usable)
        .then_some((State::Limited, "limits of CPU and memory need a writable one (root, or a delegated group)"));
    finding("control groups", found, remedy)
}

fn user() -> Finding {
    // Our own folder there belongs to whom we act for.
    let uid = std::fs::metadata("/proc/self").map_or(u32::MAX, |about| about.uid());
    if uid == 0 {
        finding("user", "root: every fault can be injected", None)
    } else {
        let advice = "faults of the network and limits of memory need root; everything else does not";
        finding("user", format!("uid {uid}"), Some((State::Limited, advice)))
    }
}

fn programs(names: &[&str], path: &str) -> Finding {
    let folders: Vec<PathBuf> = path.split(':').filter(|folder| folder.starts_with('/')).map(PathBuf::from).collect();
    let is_there = |name: &&&str| folders.iter().any(|folder| folder.join(name).is_file());
    let there: Vec<&str> = names.iter().filter(is_there).copied().collect();
    let found = if there.is_empty() { "none on PATH".to_owned() } else { there.join(", ") };
    let remedy = there
        .is_empty()
        .then_some((State::Limited, "only the builtin agent can be tested; install another to compare"));
    finding("agents, peers", found, remedy)
}

fn read(path: &str) -> String {
    std::fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_that_cannot_be_made_is_bad_and_says_what_to_do() {
        let findings = examine(Path::new("/proc/no/such"), "");
        for name in ["file system", "inode reuse"] {
            let found = findings.iter().find(|finding| finding.name == name).unwrap();
            assert_eq!(found.state, State::Bad, "{found:?}");
            assert!(found.remedy.as_ref().unwrap().contains("--out"));
        }
    }

    #[test]
    fn programs_are_found_in_the_folders_that_were_named_only() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("vector"), "").unwrap();
        let path = format!("relative:{}", folder.path().display());
        assert_eq!(programs(&PEERS, &path).found, "vector");
        assert_eq!(programs(&PEERS, "").state, State::Limited);
    }

    #[test]
    fn whatever_is_not_good_has_a_remedy() {
        let folder = tempfile::tempdir().unwrap();
        for found in examine(folder.path(), "/nowhere") {
            assert_eq!(found.state == State::Good, found.remedy.is_none(), "{found:?}");
        }
    }
}
