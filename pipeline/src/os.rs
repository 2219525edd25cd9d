//! The operating system as the tailer sees it: one narrow trait, and the real implementer of it.

pub mod disk;
pub mod linux;
mod version;

pub use disk::{DirEvent, Disk, Event, Fd, Identity, Stat, WatchId};
pub use linux::LinuxDisk;

/// Whether the disk has no room: that heals, and until then it is waited for.
pub(crate) fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}
