//! The generation of an inode number (`FS_IOC_GETVERSION`): the one call here that needs `unsafe`.

use std::os::fd::{AsFd, AsRawFd};

mod call {
    #![expect(
        unsafe_code,
        reason = "an ioctl is foreign code; the request and the type of its answer are the kernel's"
    )]
    use nix::libc::{c_int, c_long};

    nix::ioctl_read!(fs_ioc_getversion, b'v', 1, c_long);

    /// The raw number; the kernel stores an `int` into the `long` that the request is declared with.
    pub(super) fn get(fd: c_int) -> nix::Result<u32> {
        let mut answer: c_long = 0;
        // SAFETY: `fd` is open for the duration of the call and `answer` is as large as the request declares.
        unsafe { fs_ioc_getversion(fd, &raw mut answer) }?;
        Ok(answer as u32)
    }
}

/// The generation of the file's inode number; `None` where the file system has none.
pub(super) fn of(file: &impl AsFd) -> Option<u32> {
    call::get(file.as_fd().as_raw_fd()).ok()
}
