//! The operating system as the tailer sees it: one narrow trait, and the real implementer of it.

pub mod disk;
pub mod linux;
mod version;

pub use disk::{DirEvent, Disk, Event, Fd, Identity, Stat, WatchId};
pub use linux::LinuxDisk;
