//! Where a controller's groups can be made, as `/proc/self` tells it.
//!
//! ```text
//! /proc/self/mountinfo  31 23 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
//!                                  └ root of the mount   └ where    └ kind        └ controllers (v1)
//! /proc/self/cgroup     1:cpu:/own/group        0::/own/group (v2)
//! ```
//! Version 1 takes a group below our own, so that the limits around the bench go on counting. Version 2 hands controllers
//! only to groups below one without processes: the nearest ancestor that hands them on and lets us move in.

use std::path::{Path, PathBuf};

use nix::unistd::{AccessFlags, access};

use super::{CPU, MEMORY};

/// Which kind of control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// A hierarchy of its own for each controller.
    V1,
    /// One hierarchy.
    V2,
}

/// Where the groups of a controller are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Which kind.
    pub version: Version,
    /// The group under which they are made.
    pub parent: PathBuf,
}

/// The places for what is limited; none: it cannot be limited so.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cgroups {
    /// For CPU time.
    pub cpu: Option<Place>,
    /// For memory.
    pub memory: Option<Place>,
}

impl Cgroups {
    /// What this process may use; nothing where control groups are absent or not ours.
    pub fn of_this_process() -> Self {
        let read = |name: &str| std::fs::read_to_string(Path::new("/proc/self").join(name)).unwrap_or_default();
        Self::of(&read("mountinfo"), &read("cgroup"))
    }

    pub(super) fn of(mountinfo: &str, groups: &str) -> Self {
        let mounts: Vec<Mount> = mountinfo.lines().filter_map(Mount::parse).collect();
        let place = |controller| mounts.iter().find_map(|mount| mount.place(controller, groups));
        Self { cpu: place(CPU), memory: place(MEMORY) }
    }
}

/// A mounted hierarchy.
#[derive(Debug)]
struct Mount {
    version: Version,
    /// Which group its top is.
    root: String,
    at: PathBuf,
    /// Of version 1.
    controllers: Vec<String>,
}

impl Mount {
    fn parse(line: &str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let mut right = right.split(' ');
        let version = match right.next()? {
            "cgroup" => Version::V1,
            "cgroup2" => Version::V2,
            _ => return None,
        };
        let controllers = right.nth(1).unwrap_or_default().split(',').map(str::to_owned).collect();
        let mut left = left.split(' ').skip(3);
        Some(Self { version, root: unescaped(left.next()?), at: unescaped(left.next()?).into(), controllers })
    }

    fn place(&self, controller: &str, groups: &str) -> Option<Place> {
        let own = groups.lines().find_map(|line| {
            let mut parts = line.splitn(3, ':');
            let (_, controllers, path) = (parts.next()?, parts.next()?, parts.next()?);
            let fits = match self.version {
                Version::V1 => controllers.split(',').any(|name| name == controller),
                Version::V2 => controllers.is_empty(),
            };
            fits.then_some(path)
        })?;
        // In a container the mount may begin at our own group, whatever the path says.
        let below = if self.root == "/" { Some(own) } else { own.strip_prefix(self.root.as_str()) };
        let own = self.at.join(below.unwrap_or_default().trim_start_matches('/'));
        let parent = match self.version {
            Version::V1 => {
                let is_here = self.controllers.iter().any(|name| name == controller);
                is_here.then_some(own).filter(|own| may_write(own))
            }
            Version::V2 => own
                .ancestors()
                .take_while(|folder| folder.starts_with(&self.at))
                .find(|folder| hands_on(folder, controller) && may_write(folder))
                .map(Path::to_owned),
        }?;
        Some(Place { version: self.version, parent })
    }
}

/// Whether the groups below have the controller.
fn hands_on(group: &Path, controller: &str) -> bool {
    let list = std::fs::read_to_string(group.join("cgroup.subtree_control")).unwrap_or_default();
    list.split_whitespace().any(|name| name == controller)
}

/// Whether groups can be made there and processes moved between it and them.
fn may_write(group: &Path) -> bool {
    [group.to_owned(), group.join("cgroup.procs")].iter().all(|path| access(path, AccessFlags::W_OK).is_ok())
}

/// Blanks and the like are written in octal.
fn unescaped(field: &str) -> String {
    let codes = [("\\040", " "), ("\\011", "\t"), ("\\012", "\n"), ("\\134", "\\")];
    codes.iter().fold(field.to_owned(), |text, (code, character)| text.replace(code, character))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::folder;

    fn group(at: &Path, hands_on: &str) {
        std::fs::create_dir_all(at).unwrap();
        std::fs::write(at.join("cgroup.procs"), "").unwrap();
        std::fs::write(at.join("cgroup.subtree_control"), hands_on).unwrap();
    }

    #[test]
    fn version_1_takes_a_group_below_our_own() {
        let folder = folder();
        let (cpu, memory) = (folder.path().join("cpu"), folder.path().join("memory"));
        group(&cpu, "");
        group(&memory.join("own"), "");
        let mounts = format!(
            "31 23 0:28 / /x rw - tmpfs tmpfs rw,mode=755\n32 31 0:29 / {} rw,relatime - cgroup cgroup rw,cpu,cpuacct\n36 31 0:33 /box {} rw shared:9 - cgroup cgroup rw,memory\n41 31 0:38 / /y rw - cgroup2 cgroup2 rw\n",
            cpu.display(),
            memory.display()
        );
        let found = Cgroups::of(&mounts, "4:memory:/box/own\n1:cpu,cpuacct:/\n0::/\n");
        let place = |parent| Some(Place { version: Version::V1, parent });
        assert_eq!(found, Cgroups { cpu: place(cpu), memory: place(memory.join("own")) });
    }

    #[test]
    fn version_2_takes_the_nearest_group_that_hands_the_controller_on() {
        let folder = folder();
        let top = folder.path().join("with blank");
        group(&top, "cpu memory pids");
        group(&top.join("user.slice"), "memory");
        group(&top.join("user.slice/session"), "");
        let mounts =
            format!("30 23 0:26 / {} rw - cgroup2 cgroup2 rw\n", top.display().to_string().replace(' ', "\\040"));
        let found = Cgroups::of(&mounts, "0::/user.slice/session\n");
        let place = |parent| Some(Place { version: Version::V2, parent });
        assert_eq!(found, Cgroups { cpu: place(top.clone()), memory: place(top.join("user.slice")) });
    }

    #[test]
    fn where_nothing_is_mounted_or_handed_on_there_is_no_place() {
        let folder = folder();
        group(folder.path(), "hugetlb");
        let mounts =
            format!("30 23 0:26 / {} rw - cgroup2 cgroup2 rw\nbroken\n1 2 - cgroup\n", folder.path().display());
        assert_eq!(Cgroups::of(&mounts, "0::/\n"), Cgroups::default());
        assert_eq!(Cgroups::of("", ""), Cgroups::default());
        // The group is not there: somebody else's namespace.
        let mounts = "32 31 0:29 / /nowhere/cpu rw - cgroup cgroup rw,cpu\n";
        assert_eq!(Cgroups::of(mounts, "1:cpu:/\n"), Cgroups::default());
    }
}
