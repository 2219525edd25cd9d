//! The folder of a run's Unix sockets, and sweeping up those that a killed bench left.
//!
//! ```text
//! <temporary files>/tailproof-<pid namespace>-<pid of the bench>-<its start, ticks>-<random>      numbers in hexadecimal
//! ```
//! Not below the run folder: the path of a socket has at most 107 bytes. A bench that is killed, or ended at once by a
//! second Ctrl-C, cannot remove it; the name says whose it was, so that the next one can.

use std::{
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use super::usage::start_ticks;

const PREFIX: &str = "tailproof-";
/// Says in which namespace process ids mean what they mean here.
const NAMESPACE: &str = "/proc/self/ns/pid";

/// Whose a folder is: namespace, process id, start.
type Owner = (u64, u32, u64);

/// A folder for sockets; dropping it removes it.
#[derive(Debug)]
pub(super) struct Sockets(TempDir);

impl Sockets {
    /// Makes one among the temporary files, which only this user may enter.
    pub(super) fn make() -> io::Result<Self> {
        Self::make_in(&tempfile::env::temp_dir())
    }

    fn make_in(parent: &Path) -> io::Result<Self> {
        let pid = std::process::id();
        let name = name((namespace().unwrap_or(0), pid, start_ticks(pid).unwrap_or(0)));
        tempfile::Builder::new().prefix(&name).tempdir_in(parent).map(Self)
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        self.0.path()
    }
}

/// Removes the folders of benches that are gone; how many.
pub(super) fn sweep() -> usize {
    sweep_in(&tempfile::env::temp_dir())
}

fn sweep_in(parent: &Path) -> usize {
    let (Some(here), Ok(own)) = (namespace(), std::fs::metadata("/proc/self")) else { return 0 };
    let is_left = |path: &PathBuf| {
        let owner = path.file_name().and_then(|name| owner(name.to_str()?));
        // In another namespace, as that of a container, nobody here can tell whether it lives.
        owner.is_some_and(|(namespace, pid, ticks)| namespace == here && start_ticks(pid) != Some(ticks))
            && std::fs::symlink_metadata(path).is_ok_and(|about| about.is_dir() && about.uid() == own.uid())
    };
    let entries = std::fs::read_dir(parent).into_iter().flatten().flatten();
    let left = entries.map(|entry| entry.path()).filter(is_left);
    left.filter(|path| std::fs::remove_dir_all(path).is_ok()).count()
}

fn name((namespace, pid, ticks): Owner) -> String {
    format!("{PREFIX}{namespace:x}-{pid:x}-{ticks:x}-")
}

/// Whose the folder of this name is; a start of 0 is one that was not known.
fn owner(name: &str) -> Option<Owner> {
    let parts: Vec<&str> = name.strip_prefix(PREFIX)?.split('-').collect();
    let [namespace, pid, ticks, _] = parts[..] else { return None };
    let hex = |text: &str| u64::from_str_radix(text, 16).ok();
    let owner = (hex(namespace)?, u32::from_str_radix(pid, 16).ok()?, hex(ticks)?);
    (owner.2 > 0).then_some(owner)
}

fn namespace() -> Option<u64> {
    std::fs::metadata(NAMESPACE).ok().map(|about| about.ino())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_dead_bench_of_this_user_made_is_removed() {
        let parent = tempfile::tempdir().unwrap();
        let own = Sockets::make_in(parent.path()).unwrap();
        let (pid, here) = (std::process::id(), namespace().unwrap());
        let ticks = start_ticks(pid).unwrap();
        assert_eq!(owner(own.path().file_name().unwrap().to_str().unwrap()), Some((here, pid, ticks)));
        let make = |name: &str| {
            let path = parent.path().join(name);
            std::fs::create_dir(&path).unwrap();
            std::fs::write(path.join("x.sock"), "").unwrap();
            path
        };
        let dead = make(&(name((here, pid, ticks + 1)) + "abc123"));
        let others = [
            "tailproof-".to_owned(),
            "tailproof-abc123".to_owned(),
            "other-1-2-3-abc123".to_owned(),
            name((here, pid, 0)) + "abc123",
            name((here + 1, pid, ticks + 1)) + "abc123",
        ];
        let others: Vec<PathBuf> = others.iter().map(|name| make(name)).collect();
        let linked = parent.path().join(name((here, pid, ticks + 2)) + "abc123");
        std::os::unix::fs::symlink(&others[0], &linked).unwrap();
        assert_eq!(sweep_in(parent.path()), 1);
        assert!(!dead.exists() && own.path().exists() && linked.exists());
        assert!(others.iter().all(|path| path.join("x.sock").exists()));
        drop(own);
        assert_eq!(std::fs::read_dir(parent.path()).unwrap().count(), others.len() + 1);
    }
}
