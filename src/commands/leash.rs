//! `leash`: become another program that the kernel ends when our parent dies.

use std::{ffi::OsString, os::unix::process::CommandExt, path::PathBuf, process::Command};

use anyhow::Context;
use nix::{
    sys::{
        prctl,
        signal::{SigSet, Signal},
    },
    unistd::getppid,
};

use crate::exit;

/// Does not return unless the program cannot be started.
pub(crate) fn perform(parent: u32, enter: &[PathBuf], gently: bool, command: &[OsString]) -> anyhow::Result<u8> {
    let (program, args) = command.split_first().context("no program to start")?;
    let signal = if gently { Signal::SIGTERM } else { Signal::SIGKILL };
    prctl::set_pdeathsig(signal).context("cannot ask for the parent's death signal")?;
    // A bench that was killed before we asked sends no signal any more; we belong to someone else by now.
    if getppid().as_raw().unsigned_abs() != parent {
        return Ok(exit::MISUSE);
    }
    // Entered before the program is there, so that its start-up counts and no thread of it is left outside.
    for group in enter {
        std::fs::write(group, "0").with_context(|| format!("cannot enter the control group {}", group.display()))?;
    }
    // The bench blocks the signals it waits for; its children must not inherit that.
    SigSet::all().thread_unblock().context("cannot unblock signals")?;
    let error = Command::new(program).args(args).exec();
    Err(anyhow::Error::new(error).context(format!("cannot start {}", program.display())))
}
