//! What processes use, as the kernel tells it: CPU, memory, open files, throttling.

use nix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike,
};

/// CPU time of the children that have ended, microseconds.
pub(super) fn children_cpu_us() -> u64 {
    getrusage(UsageWho::RUSAGE_CHILDREN).map_or(0, |usage| {
        (usage.user_time().num_microseconds() + usage.system_time().num_microseconds()).unsigned_abs()
    })
}

/// CPU time and peak resident bytes of the bench itself.
pub(super) fn own_usage() -> (u64, u64) {
    getrusage(UsageWho::RUSAGE_SELF).map_or((0, 0), |usage| {
        let cpu = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
        (cpu.unsigned_abs(), usage.max_rss().unsigned_abs() * 1024)
    })
}

/// CPU time of a running process, microseconds.
pub(super) fn process_cpu_us(pid: u32) -> u64 {
    // Fields 14 and 15, counted after the command name, which may hold blanks and parentheses.
    let ticks: u64 = stat_fields(pid).iter().skip(11).take(2).sum();
    ticks * 1_000_000 / 100
}

/// When the process started, clock ticks since boot: with the pid it names one process for ever.
/// `None` for a zombie, which has no memory any more.
pub(super) fn start_ticks(pid: u32) -> Option<u64> {
    let fields = stat_fields(pid);
    fields.get(20).filter(|&&bytes| bytes > 0).and(fields.get(19)).copied()
}

fn stat_fields(pid: u32) -> Vec<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
    fields.split_whitespace().map(|field| field.parse().unwrap_or(0)).collect()
}

/// Largest resident size of a running process, bytes.
pub(super) fn resident_bytes(pid: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    line.and_then(|line| line.split_whitespace().nth(1)).and_then(|kb| kb.parse::<u64>().ok()).unwrap_or(0) * 1024
}

/// Files, sockets and the like that a process has open; 0 if it cannot be looked at.
pub(super) fn open_files(pid: u32) -> u64 {
    std::fs::read_dir(format!("/proc/{pid}/fd")).map_or(0, |fds| fds.count() as u64)
}

/// How long the control group of a process has been throttled so far, microseconds; `None` where nothing can tell.
pub(super) fn throttled_us(pid: u32) -> Option<u64> {
    let groups = std::fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    let stat = groups.lines().find_map(|line| {
        // `hierarchy:controllers:path`; version 2 has the one line `0::path`.
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
        let mount = match controllers {
            "" => "/sys/fs/cgroup",
            list if list.split(',').any(|name| name == "cpu") => "/sys/fs/cgroup/cpu",
            _ => return None,
        };
        std::fs::read_to_string(format!("{mount}{path}/cpu.stat")).ok()
    })?;
    throttled(&stat)
}

/// Version 2 counts microseconds, version 1 nanoseconds.
fn throttled(stat: &str) -> Option<u64> {
    let value = |key: &str| stat.lines().find_map(|line| line.strip_prefix(key)?.trim().parse::<u64>().ok());
    value("throttled_usec ").or_else(|| value("throttled_time ").map(|ns| ns / 1000))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_versions_of_control_groups_tell_their_throttling() {
        assert_eq!(throttled("usage_usec 5\nnr_throttled 2\nthrottled_usec 1700\n"), Some(1700));
        assert_eq!(throttled("nr_periods 5\nnr_throttled 2\nthrottled_time 1700999\n"), Some(1700));
        assert_eq!(throttled("usage_usec 5\n"), None);
    }

    #[test]
    fn this_process_has_files_open_and_uses_memory() {
        let pid = std::process::id();
        assert!(open_files(pid) >= 3 && resident_bytes(pid) > 1 << 20);
        assert_eq!(open_files(0), 0);
    }
}
