//! `[rotate]`, `[[swap]]`, `[[remove]]`: what is done to the files while they are written.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Size, Span};

/// How files are rotated.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Whose order of steps.
    pub by: Rotator,
    /// Groups whose files are rotated; absent: all.
    pub groups: Option<Vec<String>>,
    /// How often the kubelet looks (Docker looks at every line).
    #[serde(default = "ten_seconds")]
    pub every: Span,
    /// Files smaller than this are left alone.
    #[serde(default)]
    pub max_size: Size,
    /// How many files of a container are kept, the live one included.
    #[serde(default = "five")]
    pub max_files: u32,
    /// Whether rotated files are compressed.
    #[serde(default = "yes")]
    pub archive: bool,
    /// From the rename to the new file: how long the runtime takes to open it.
    #[serde(default = "two_milliseconds")]
    pub reopen_delay: Span,
    /// Every n-th reopen fails and the rename is undone, as the kubelet does; 0: none fails.
    #[serde(default)]
    pub fail_every: u32,
    /// Whether the bench may bring a freed inode number back with probe files (and says so when it did).
    #[serde(default)]
    pub steer: bool,
}

/// Whose order of steps a rotation follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rotator {
    /// The kubelet with containerd: archive the older, rename the live file, ask the runtime to reopen.
    Kubelet,
    /// Docker's json-file driver: close, shift names, create, compress at leisure.
    Docker,
}

/// A symbolic link that is replaced.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Swap {
    /// How.
    pub how: SwapHow,
    /// Groups whose links are replaced; absent: all.
    pub groups: Option<Vec<String>>,
    /// From one to the next.
    pub every: Span,
}

/// How a symbolic link is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SwapHow {
    /// A new link is made aside and renamed over the old one: the name is never absent.
    Atomic,
    /// The old link is removed, then the new one made: the name is absent for a moment.
    TwoStep,
    /// The container restarts: `0.log` → `1.log`, and a new link whose name holds the new container id.
    ContainerRestart,
}

/// A live file that is unlinked; its writer opens a new one.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Remove {
    /// Groups whose files are unlinked; absent: all.
    pub groups: Option<Vec<String>>,
    /// From one to the next.
    pub every: Span,
}

fn five() -> u32 {
    5
}

fn yes() -> bool {
    true
}

fn ten_seconds() -> Span {
    Span(10_000_000)
}

fn two_milliseconds() -> Span {
    Span(2_000)
}
