//! Limits: how much CPU and memory a process of the run may use, as its deployment would grant it.
//!
//! ```text
//! cpu     control group (v1 or v2)  ── none to be had ──▶  a SIGSTOP duty cycle, and it is said
//! memory  control group (v1 or v2)  ── none to be had ──▶  no limit at all, and it is said
//! ```
//! The groups are the bench's own, one folder per hierarchy and process, removed when the [`Fence`] is dropped; what a
//! killed bench left is taken away by [`sweep`]. A process enters by writing `0` to [`Fence::entries`] before it becomes
//! the program, so that every thread of it and its start-up count.

use std::{fmt, io, path::PathBuf};

use thiserror::Error;

use self::{duty::Duty, group::Group};
pub use self::{
    mounts::{Cgroups, Place, Version},
    sweep::sweep,
};

mod duty;
mod group;
mod mounts;
mod sweep;
#[cfg(test)]
mod tests;

/// Name of the controller and of its files.
pub(crate) const CPU: &str = "cpu";
/// The other one.
pub(crate) const MEMORY: &str = "memory";

/// What a process may use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// CPU time per time, thousandths of a core; at least 1.
    pub cpu_milli: Option<u32>,
    /// Memory with page cache, bytes; rounded to pages by the kernel.
    pub memory_bytes: Option<u64>,
}

/// A limit that the system does not take.
#[derive(Debug, Error)]
pub enum LimitError {
    /// A file of the control groups.
    #[error("cannot write {path}: {source}; run as root, or in a delegated control group")]
    Write {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// What was written is not what is in force.
    #[error("{path} says {found:?} after {wanted} was written; check for a limit of the surrounding group")]
    NotTaken {
        /// Which.
        path: PathBuf,
        /// What it says.
        found: String,
        /// What it should say.
        wanted: String,
    },
    /// The duty cycle.
    #[error("cannot start the thread of the duty cycle: {0}; raise the limit of processes")]
    Thread(io::Error),
}

/// By what a limit is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Means {
    /// Nothing was asked for.
    Unlimited,
    /// A control group.
    Cgroup(Version),
    /// The process is stopped for the rest of each tenth of a second; why it is no control group.
    DutyCycle(String),
    /// The limit is not held, and why.
    NotHeld(String),
}

/// What came of the limits so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// How long the process had to wait for CPU time that it was not granted, microseconds.
    pub throttled_us: u64,
    /// Processes that the kernel ended because the memory was used up.
    pub oom_kills: u64,
    /// Most memory in use at a time, bytes; 0 where nothing counts it.
    pub memory_max_bytes: u64,
}

/// The limits of one process of the run, over all its restarts. Dropping it lifts them and removes the groups.
#[derive(Debug)]
pub struct Fence {
    groups: Vec<Group>,
    duty: Option<Duty>,
    cpu: Means,
    memory: Means,
}

impl Fence {
    /// Makes the groups of the process `name`; what cannot be had is said by [`Fence::cpu`] and [`Fence::memory`].
    pub fn raise(cgroups: &Cgroups, name: &str, limits: Limits) -> Self {
        let mut fence = Self { groups: Vec::new(), duty: None, cpu: Means::Unlimited, memory: Means::Unlimited };
        if let Some(milli) = limits.cpu_milli.map(|milli| milli.max(1)) {
            fence.cpu = match fence.limit(cgroups.cpu.as_ref(), CPU, name, |group| group.limit_cpu(milli)) {
                Ok(version) => Means::Cgroup(version),
                Err(why) => match Duty::start(milli) {
                    Ok(duty) => {
                        fence.duty = Some(duty);
                        Means::DutyCycle(why)
                    }
                    Err(error) => Means::NotHeld(format!("{why}; {error}")),
                },
            };
        }
        if let Some(bytes) = limits.memory_bytes {
            let held = fence.limit(cgroups.memory.as_ref(), MEMORY, name, |group| group.limit_memory(bytes));
            fence.memory = held.map_or_else(Means::NotHeld, Means::Cgroup);
        }
        fence
    }

    fn limit(
        &mut self,
        place: Option<&Place>,
        controller: &str,
        name: &str,
        set: impl FnOnce(&Group) -> Result<(), LimitError>,
    ) -> Result<Version, String> {
        let place = place.ok_or_else(|| format!("no control group for {controller} can be written here"))?;
        // One folder for both where both controllers share a hierarchy.
        let known = self.groups.iter().position(|group| group.is_in(place));
        let at = if let Some(at) = known {
            at
        } else {
            self.groups.push(Group::make(place, name).map_err(|error| error.to_string())?);
            self.groups.len() - 1
        };
        set(&self.groups[at]).map_err(|error| error.to_string())?;
        Ok(place.version)
    }

    /// The files to which a process writes `0` to come under the limits, before it becomes the program.
    pub fn entries(&self) -> Vec<PathBuf> {
        self.groups.iter().map(Group::entry).collect()
    }

    /// By what the CPU limit is held.
    pub fn cpu(&self) -> &Means {
        &self.cpu
    }

    /// By what the memory limit is held.
    pub fn memory(&self) -> &Means {
        &self.memory
    }

    /// Tells the duty cycle, if there is one, which child of this process runs now.
    pub fn follow(&self, pid: Option<u32>) {
        if let Some(duty) = &self.duty {
            duty.follow(pid);
        }
    }

    /// While a fault has the process stopped, the duty cycle must not wake it: true keeps it off from now on, and the
    /// process is running when it returns.
    pub fn hold_off(&self, is_held: bool) {
        if let Some(duty) = &self.duty {
            duty.hold(is_held);
        }
    }

    /// What came of the limits so far.
    pub fn usage(&self) -> Usage {
        let mut usage = Usage { throttled_us: self.duty.as_ref().map_or(0, Duty::stopped_us), ..Usage::default() };
        for group in &self.groups {
            group.read(&mut usage);
        }
        usage
    }
}

impl fmt::Display for Means {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unlimited => write!(f, "unlimited"),
            Self::Cgroup(Version::V1) => write!(f, "control group (version 1)"),
            Self::Cgroup(Version::V2) => write!(f, "control group (version 2)"),
            Self::DutyCycle(why) => write!(f, "SIGSTOP duty cycle ({why})"),
            Self::NotHeld(why) => write!(f, "not held ({why})"),
        }
    }
}
