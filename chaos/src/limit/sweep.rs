//! Groups that a killed bench left behind: known by their names, which say whose they are.
//!
//! ```text
//! tailproof-<pid of the bench>-<its start, ticks>-<serial>-<process>
//! ```

use std::path::Path;

use super::{group::remove, mounts::Cgroups};
use crate::process::stat;

const PREFIX: &str = "tailproof-";
/// Longest part of a name that comes from outside.
const LONGEST: usize = 64;

/// Removes the groups of benches that are gone, with what is still in them; how many.
pub fn sweep(cgroups: &Cgroups) -> usize {
    let mut parents: Vec<&Path> =
        [&cgroups.cpu, &cgroups.memory].into_iter().flatten().map(|p| p.parent.as_path()).collect();
    parents.dedup();
    let left = parents.into_iter().flat_map(|parent| std::fs::read_dir(parent).into_iter().flatten().flatten());
    left.filter(|entry| entry.file_name().to_str().and_then(owner).is_some_and(|owner| !lives(owner)))
        .filter(|entry| remove(&entry.path()))
        .count()
}

/// The name of a group of this bench.
pub(super) fn name(serial: u32, process: &str) -> String {
    let pid = std::process::id();
    let ticks = stat::start_ticks(pid).unwrap_or(0);
    let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '-' { c } else { '_' };
    let process: String = process.chars().take(LONGEST).map(plain).collect();
    format!("{PREFIX}{pid}-{ticks}-{serial}-{process}")
}

/// Process id and start of the bench that made a group of this name.
fn owner(name: &str) -> Option<(u32, u64)> {
    let mut parts = name.strip_prefix(PREFIX)?.splitn(4, '-');
    let owner = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
    parts.next()?.parse::<u32>().ok().and(parts.next()).map(|_| owner)
}

fn lives((pid, ticks): (u32, u64)) -> bool {
    stat::start_ticks(pid) == Some(ticks)
}

#[cfg(test)]
mod tests {
    use super::{
        super::{Place, Version},
        *,
    };
    use crate::support::folder;

    #[test]
    fn only_what_a_dead_bench_made_is_removed() {
        let folder = folder();
        let ticks = stat::start_ticks(std::process::id()).unwrap();
        let own = name(3, "a/b");
        assert_eq!(owner(&own), Some((std::process::id(), ticks)));
        let dead = format!("tailproof-{}-{}-0-agent", std::process::id(), ticks + 1);
        let others = ["system.slice", "tailproof-", "tailproof-x-1-2-y", "tailproof-1-1", "tailproof-1-1-1"];
        for name in [own.as_str(), &dead].into_iter().chain(others) {
            std::fs::create_dir(folder.path().join(name)).unwrap();
        }
        let place = Some(Place { version: Version::V1, parent: folder.path().to_owned() });
        assert_eq!(sweep(&Cgroups { cpu: place.clone(), memory: place }), 1);
        assert!(!folder.path().join(&dead).exists() && folder.path().join(&own).exists());
        assert!(others.iter().all(|name| folder.path().join(name).exists()));
    }
}
