//! One control group of the bench's own: made, limited, read, removed.
//!
//! ```text
//!          v1                                   v2
//! cpu      cpu.cfs_period_us  cpu.cfs_quota_us  cpu.max "15000 100000"
//!          cpu.stat throttled_time (ns)         cpu.stat throttled_usec
//! memory   memory.limit_in_bytes                memory.max, memory.swap.max
//!          memory.oom_control oom_kill          memory.events oom_kill
//!          memory.max_usage_in_bytes            memory.peak
//! ```

use std::{
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use super::{
    LimitError, Usage,
    mounts::{Place, Version},
    sweep,
};

/// CPU time is granted anew this often, microseconds: what kubelet sets.
pub(super) const PERIOD_US: u64 = 100_000;
/// The kernel rounds to pages; this is the largest there is, bytes.
const PAGE: u64 = 64 << 10;
/// Looks at whether a group can be removed, [`LOOK_EVERY`] apart: what is killed needs CPU time to end, and has little where
/// it was limited to little.
const LOOKS: u32 = 1_000;
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// Groups of this bench so far, over all runs in it.
static SERIAL: AtomicU32 = AtomicU32::new(0);

/// A folder in the file system of the control groups.
#[derive(Debug)]
pub(super) struct Group {
    version: Version,
    parent: PathBuf,
    path: PathBuf,
}

impl Group {
    pub(super) fn make(place: &Place, name: &str) -> Result<Self, LimitError> {
        let name = sweep::name(SERIAL.fetch_add(1, Ordering::Relaxed), name);
        let path = place.parent.join(name);
        std::fs::create_dir(&path).map_err(|source| LimitError::Write { path: path.clone(), source })?;
        Ok(Self { version: place.version, parent: place.parent.clone(), path })
    }

    pub(super) fn is_in(&self, place: &Place) -> bool {
        (self.version, &self.parent) == (place.version, &place.parent)
    }

    /// Whoever writes `0` there is in.
    pub(super) fn entry(&self) -> PathBuf {
        self.path.join("cgroup.procs")
    }

    pub(super) fn limit_cpu(&self, milli: u32) -> Result<(), LimitError> {
        let quota_us = u64::from(milli) * PERIOD_US / 1000;
        match self.version {
            Version::V1 => {
                self.set("cpu.cfs_period_us", &PERIOD_US.to_string())?;
                self.set("cpu.cfs_quota_us", &quota_us.to_string())
            }
            Version::V2 => self.set("cpu.max", &format!("{quota_us} {PERIOD_US}")),
        }
    }

    pub(super) fn limit_memory(&self, bytes: u64) -> Result<(), LimitError> {
        let bytes = bytes.div_ceil(PAGE) * PAGE;
        match self.version {
            Version::V1 => {
                self.set("memory.limit_in_bytes", &bytes.to_string())?;
                // Absent where swap is not counted.
                if self.path.join("memory.memsw.limit_in_bytes").exists() {
                    self.set("memory.memsw.limit_in_bytes", &bytes.to_string())?;
                }
            }
            Version::V2 => {
                self.set("memory.max", &bytes.to_string())?;
                if self.path.join("memory.swap.max").exists() {
                    self.set("memory.swap.max", "0")?;
                }
            }
        }
        Ok(())
    }

    /// Writes a value and reads it back: a kernel without the controller may take anything.
    fn set(&self, file: &str, value: &str) -> Result<(), LimitError> {
        let path = self.path.join(file);
        let failed = |source| LimitError::Write { path: path.clone(), source };
        std::fs::write(&path, value).map_err(failed)?;
        let found = std::fs::read_to_string(&path).map_err(failed)?;
        if found.trim() == value {
            return Ok(());
        }
        Err(LimitError::NotTaken { path, found: found.trim().to_owned(), wanted: value.to_owned() })
    }

    /// Adds what it has counted.
    pub(super) fn read(&self, usage: &mut Usage) {
        let text = |file: &str| std::fs::read_to_string(self.path.join(file)).unwrap_or_default();
        let number = |file: &str| text(file).trim().parse::<u64>().unwrap_or(0);
        let stat = text("cpu.stat");
        match self.version {
            Version::V1 => {
                usage.throttled_us += value(&stat, "throttled_time") / 1000;
                usage.oom_kills += value(&text("memory.oom_control"), "oom_kill");
                usage.memory_max_bytes += number("memory.max_usage_in_bytes");
            }
            Version::V2 => {
                usage.throttled_us += value(&stat, "throttled_usec");
                usage.oom_kills += value(&text("memory.events"), "oom_kill");
                usage.memory_max_bytes += number("memory.peak");
            }
        }
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // What stays is swept by the next bench.
        remove(&self.path);
    }
}

/// Ends what is still in a group of ours and removes it; false if it is still there.
pub(super) fn remove(path: &Path) -> bool {
    for _ in 0..LOOKS {
        match std::fs::remove_dir(path) {
            Ok(()) => return true,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return true,
            Err(_) => {}
        }
        let Ok(inside) = std::fs::read_to_string(path.join("cgroup.procs")) else { return false };
        for pid in inside.lines().filter_map(|line| line.parse().ok()).filter(|&pid| pid > 1) {
            // Only what entered is in it, and only children of a bench enter.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
        crate::clock::wait(LOOK_EVERY);
    }
    false
}

/// The number behind a key, each on a line.
fn value(text: &str, key: &str) -> u64 {
    let of = |line: &str| line.strip_prefix(key)?.strip_prefix(' ')?.trim().parse().ok();
    text.lines().find_map(of).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::folder;

    fn read(group: &Group, file: &str) -> String {
        std::fs::read_to_string(group.path.join(file)).unwrap()
    }

    fn write(group: &Group, file: &str, text: &str) {
        std::fs::write(group.path.join(file), text).unwrap();
    }

    fn group(version: Version) -> (tempfile::TempDir, Group) {
        let folder = folder();
        let group = Group::make(&Place { version, parent: folder.path().to_owned() }, "aggregator-0").unwrap();
        (folder, group)
    }

    #[test]
    fn version_1_is_written_and_read_as_the_kernel_has_it() {
        let (_folder, group) = group(Version::V1);
        write(&group, "memory.memsw.limit_in_bytes", "9223372036854771712\n");
        group.limit_cpu(150).unwrap();
        group.limit_memory((128 << 20) - 1).unwrap();
        assert_eq!(
            (read(&group, "cpu.cfs_quota_us"), read(&group, "cpu.cfs_period_us")),
            ("15000".into(), "100000".into())
        );
        assert_eq!(read(&group, "memory.limit_in_bytes"), "134217728");
        assert_eq!(read(&group, "memory.memsw.limit_in_bytes"), "134217728");
        write(&group, "cpu.stat", "nr_periods 9\nnr_throttled 7\nthrottled_time 1500999\n");
        write(&group, "memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n");
        write(&group, "memory.max_usage_in_bytes", "134217728\n");
        let mut usage = Usage::default();
        group.read(&mut usage);
        assert_eq!(usage, Usage { throttled_us: 1500, oom_kills: 2, memory_max_bytes: 134_217_728 });
    }

    #[test]
    fn version_2_is_written_and_read_as_the_kernel_has_it() {
        let (_folder, group) = group(Version::V2);
        write(&group, "memory.swap.max", "max\n");
        group.limit_cpu(500).unwrap();
        group.limit_memory(500 << 20).unwrap();
        assert_eq!(read(&group, "cpu.max"), "50000 100000");
        assert_eq!((read(&group, "memory.max"), read(&group, "memory.swap.max")), ("524288000".into(), "0".into()));
        write(&group, "cpu.stat", "usage_usec 5\nnr_throttled 2\nthrottled_usec 1700\n");
        write(&group, "memory.events", "low 0\noom 3\noom_kill 1\noom_group_kill 0\n");
        write(&group, "memory.peak", "4096\n");
        let mut usage = Usage::default();
        group.read(&mut usage);
        assert_eq!(usage, Usage { throttled_us: 1700, oom_kills: 1, memory_max_bytes: 4096 });
    }

    #[test]
    fn a_limit_that_is_not_taken_is_told() {
        let (_folder, group) = group(Version::V2);
        std::os::unix::fs::symlink("/dev/null", group.path.join("cpu.max")).unwrap();
        assert!(matches!(group.limit_cpu(500), Err(LimitError::NotTaken { .. })));
        std::fs::create_dir(group.path.join("memory.max")).unwrap();
        assert!(matches!(group.limit_memory(1), Err(LimitError::Write { .. })));
    }
}
