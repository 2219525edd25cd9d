//! The limits of a process: raised before it starts, told, and looked at when it ends.

use std::{cell::Cell, ffi::OsString};

use chaos::limit::{Cgroups, Fence, Limits, Means};

use crate::spec::{self, units::Size};

/// The limits of one process, over all its restarts.
#[derive(Debug)]
pub(super) struct Limit {
    fence: Fence,
    limits: spec::Limits,
    /// Ends by memory that were told.
    told: Cell<u64>,
}

impl Limit {
    /// Raises them; what cannot be had is said by [`Limit::how`].
    pub(super) fn raise(name: &str, limits: spec::Limits) -> Self {
        let asked =
            Limits { cpu_milli: limits.cpu.map(|cpu| cpu.0), memory_bytes: limits.memory.map(|memory| memory.0) };
        Self { fence: Fence::raise(&Cgroups::of_this_process(), name, asked), limits, told: Cell::new(0) }
    }

    /// What the leash is to do.
    pub(super) fn leash(&self) -> Vec<OsString> {
        let enter = |path: &std::path::PathBuf| {
            let mut word = OsString::from("--enter=");
            word.push(path);
            word
        };
        self.fence.entries().iter().map(enter).collect()
    }

    /// What is limited, and by what: "150m CPU by control group (version 1), 128 MiB by …".
    pub(super) fn how(&self) -> String {
        let cpu = self.limits.cpu.map(|cpu| format!("{cpu} CPU by {}", self.fence.cpu()));
        let memory = self.limits.memory.map(|memory| format!("{memory} by {}", self.fence.memory()));
        [cpu, memory].into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Why the run proves nothing, if a limit that it needs is not held.
    pub(super) fn missing(&self) -> Option<String> {
        let is_missing = |means: &Means| matches!(means, Means::NotHeld(_));
        let lacks = is_missing(self.fence.cpu()) || is_missing(self.fence.memory());
        (lacks && self.limits.required).then(|| format!("a limit is not held: {}", self.how()))
    }

    /// The process that runs now.
    pub(super) fn follow(&self, pid: Option<u32>) {
        self.fence.follow(pid);
    }

    /// A fault has it stopped, or not any more.
    pub(super) fn hold_off(&self, is_held: bool) {
        self.fence.hold_off(is_held);
    }

    /// How long it was held up, microseconds.
    pub(super) fn throttled_us(&self) -> u64 {
        self.fence.usage().throttled_us
    }

    /// The evidence, if the kernel has ended it for its memory since the last question.
    pub(super) fn killed_for_memory(&self) -> Option<String> {
        let (before, now) = (self.told.get(), self.fence.usage().oom_kills);
        self.told.set(now);
        let limit = self.limits.memory.unwrap_or(Size(0));
        (now > before).then(|| format!("oom_kill rose from {before} to {now} at a limit of {limit}"))
    }
}
