//! Sweeping up after a bench that was killed: its children, its work folder, its verdict, its sockets.

use std::path::Path;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use results::run::{ChildProcess, close_broken_off, unfinished};

use super::{sockets, stage::WORK, usage::start_ticks};

/// What was swept.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Runs that were closed as broken off.
    pub runs: usize,
    /// Processes that were ended.
    pub processes: usize,
    /// Work folders that were removed.
    pub folders: usize,
    /// Control groups that were removed.
    pub groups: usize,
    /// Folders of sockets that were removed.
    pub sockets: usize,
}

/// Closes every run in `out` whose bench is gone. Runs of a living bench are left alone.
pub fn sweep(out: &Path) -> Swept {
    let mut swept = Swept::default();
    for (path, manifest) in unfinished(out).unwrap_or_default() {
        if lives(manifest.bench) {
            continue;
        }
        for child in manifest.children.iter().filter(|child| lives(**child)) {
            // Same pid, same start time: it is the very process that the killed bench started.
            swept.processes += usize::from(kill(Pid::from_raw(child.pid.cast_signed()), Signal::SIGKILL).is_ok());
        }
        swept.folders += usize::from(std::fs::remove_dir_all(path.join(WORK)).is_ok());
        swept.runs += usize::from(close_broken_off(&path).is_ok());
    }
    swept.sockets = sockets::sweep();
    swept.groups = chaos::limit::sweep(&chaos::limit::Cgroups::of_this_process());
    swept
}

fn lives(process: ChildProcess) -> bool {
    process.start_ticks != 0 && start_ticks(process.pid) == Some(process.start_ticks)
}
