//! `pidfd_open(2)` and `pidfd_send_signal(2)`, which neither the standard library nor nix wraps.
#![expect(unsafe_code, reason = "two system calls without a safe wrapper")]

use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};

use nix::{errno::Errno, libc, sys::signal::Signal};

/// A descriptor for a process; close-on-exec.
pub(super) fn open(pid: u32) -> nix::Result<OwnedFd> {
    // SAFETY: both arguments are plain numbers; the kernel checks the id.
    let fd = Errno::result(unsafe { libc::syscall(libc::SYS_pidfd_open, pid as libc::pid_t, 0) })?;
    // SAFETY: the call succeeded, so this is a new descriptor that nobody else has.
    Ok(unsafe { OwnedFd::from_raw_fd(fd as RawFd) })
}

/// Sends a signal; `None` only asks whether the process is still there.
pub(super) fn signal(fd: &OwnedFd, signal: Option<Signal>) -> nix::Result<()> {
    let number = signal.map_or(0, |signal| signal as libc::c_int);
    let no_info = std::ptr::null::<libc::siginfo_t>();
    // SAFETY: the descriptor is open as long as it is borrowed, and a null siginfo is allowed.
    let done = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd.as_raw_fd(), number, no_info, 0) };
    Errno::result(done).map(drop)
}
