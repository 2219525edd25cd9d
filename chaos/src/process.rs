//! The agent's process: ended, stopped and looked at through a descriptor of its own.
//!
//! A process id may be given to somebody else as soon as its process is reaped; a pidfd may not. So a signal of ours hits the
//! child it was meant for or nobody. Only children of this process can be taken hold of.

use std::{
    fmt,
    os::fd::{AsFd, OwnedFd},
    sync::Arc,
    time::Duration,
};

use nix::{
    errno::Errno,
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        signal::Signal,
        wait::{Id, WaitPidFlag, WaitStatus, waitid},
    },
};
use thiserror::Error;

use stat::State;

mod pidfd;
pub mod stat;

/// How long a process may take until it is seen stopped.
const STOP_WITHIN: Duration = Duration::from_secs(2);
/// From one look to the next.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// A process that cannot be acted on.
#[derive(Debug, Error, PartialEq, Eq, Clone)]
pub enum ProcessError {
    /// There is no such process, or it has ended.
    #[error("process {0} has ended; see the agent's log for why")]
    Gone(u32),
    /// It was not started by this process.
    #[error("process {0} is no child of this process; faults hit only what the run itself started")]
    NotOurs(u32),
    /// It did not stop.
    #[error("process {0} was not seen stopped within 2 s of SIGSTOP; check whether it hangs in the kernel (state D)")]
    NotStopped(u32),
    /// The system refused.
    #[error("{call} for process {pid}: {}; Linux 5.4 or later is needed", errno.desc())]
    System {
        /// What was called.
        call: &'static str,
        /// On which process.
        pid: u32,
        /// Its number.
        errno: Errno,
    },
}

/// How a process ended; displayed as `exit 0` or `signal 9`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// By itself, with this code.
    Exit(i32),
    /// By this signal.
    Signal(i32),
}

/// A child process under control.
#[derive(Debug, Clone)]
pub struct Victim {
    pid: u32,
    fd: Arc<OwnedFd>,
}

/// A stopped process; dropping lets it go on, also when a panic unwinds.
#[derive(Debug)]
#[must_use = "the process goes on when this is dropped"]
pub struct Paused {
    victim: Victim,
}

impl Victim {
    /// Takes hold of a child of this process that has not been waited for.
    pub fn of(pid: u32) -> Result<Self, ProcessError> {
        let fd = pidfd::open(pid).map_err(|errno| failed("pidfd_open", pid, errno))?;
        // Read after the descriptor is open: were the id given on in between, the parent would tell.
        let about = stat::read(pid).ok_or(ProcessError::Gone(pid))?;
        if about.parent != std::process::id() {
            return Err(ProcessError::NotOurs(pid));
        }
        Ok(Self { pid, fd: Arc::new(fd) })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// SIGKILL. Whether it worked is said by [`Victim::ended`].
    pub fn kill(&self) -> Result<(), ProcessError> {
        self.signal(Signal::SIGKILL)
    }

    /// SIGTERM. Whether it worked is said by [`Victim::ended`].
    pub fn terminate(&self) -> Result<(), ProcessError> {
        self.signal(Signal::SIGTERM)
    }

    /// SIGSTOP; returns when the process has been seen stopped (up to 2 s), with a guard that lets it go on.
    pub fn pause(&self) -> Result<Paused, ProcessError> {
        self.signal(Signal::SIGSTOP)?;
        let guard = Paused { victim: self.clone() };
        let looks = STOP_WITHIN.as_millis() / LOOK_EVERY.as_millis();
        for _ in 0..looks {
            match self.state() {
                Some(State::Stopped) => return Ok(guard),
                None | Some(State::Dead) => return Err(ProcessError::Gone(self.pid)),
                Some(_) => crate::clock::wait(LOOK_EVERY),
            }
        }
        Err(ProcessError::NotStopped(self.pid))
    }

    /// Whether it still runs (stopped counts, a zombie does not).
    pub fn alive(&self) -> bool {
        matches!(self.has_ended(Duration::ZERO), Ok(false))
    }

    /// Its state now; `None` if it has been reaped.
    pub fn state(&self) -> Option<State> {
        // The descriptor tells first: after a reap the id may be another's.
        match pidfd::signal(&self.fd, None) {
            Ok(()) => stat::read(self.pid).map(|about| about.state),
            Err(_) => None,
        }
    }

    /// Waits up to `within` for its end and says how it ended, without reaping it; `None` while it runs.
    pub fn ended(&self, within: Duration) -> Result<Option<Ending>, ProcessError> {
        if !self.has_ended(within)? {
            return Ok(None);
        }
        let look = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        match waitid(Id::PIDFd(self.fd.as_fd()), look) {
            Ok(WaitStatus::Exited(_, code)) => Ok(Some(Ending::Exit(code))),
            Ok(WaitStatus::Signaled(_, signal, _)) => Ok(Some(Ending::Signal(signal as i32))),
            Ok(_) => Ok(None),
            Err(Errno::ECHILD) => Err(ProcessError::Gone(self.pid)),
            Err(errno) => Err(failed("waitid", self.pid, errno)),
        }
    }

    fn has_ended(&self, within: Duration) -> Result<bool, ProcessError> {
        let timeout = PollTimeout::try_from(within).unwrap_or(PollTimeout::MAX);
        let mut fds = [PollFd::new(self.fd.as_fd(), PollFlags::POLLIN)];
        match poll(&mut fds, timeout) {
            Ok(ready) => Ok(ready > 0),
            Err(Errno::EINTR) => Ok(false),
            Err(errno) => Err(failed("poll", self.pid, errno)),
        }
    }

    fn signal(&self, signal: Signal) -> Result<(), ProcessError> {
        pidfd::signal(&self.fd, Some(signal)).map_err(|errno| failed("pidfd_send_signal", self.pid, errno))
    }
}

impl Paused {
    /// Lets it go on now, and says whether that worked.
    pub fn resume(self) -> Result<(), ProcessError> {
        self.victim.signal(Signal::SIGCONT)
    }
}

impl Drop for Paused {
    fn drop(&mut self) {
        // Ended meanwhile: nothing is left to be woken.
        let _ = self.victim.signal(Signal::SIGCONT);
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exit(code) => write!(f, "exit {code}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
        }
    }
}

fn failed(call: &'static str, pid: u32, errno: Errno) -> ProcessError {
    if errno == Errno::ESRCH { ProcessError::Gone(pid) } else { ProcessError::System { call, pid, errno } }
}

#[cfg(test)]
mod tests;
