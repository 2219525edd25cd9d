//! `[load]`: what is written, where and how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units::{Rate, Size, Span};

/// What is written, where and how.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Load {
    /// How files and links are laid out; it also decides the framing of a line.
    #[serde(default)]
    pub layout: Layout,
    /// How the rate runs, from the begin of the load on.
    #[serde(default)]
    pub pace: Pace,
    /// Streams of one kind.
    pub group: Vec<Group>,
}

/// How files and links are laid out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// `/var/log/containers/*.log` links to `/var/log/pods/…/0.log`, lines in CRI framing.
    #[default]
    Kubelet,
    /// The same, with one more link on to Docker's json-file, lines in its framing.
    Docker,
    /// One directory, one file a stream, bare lines.
    Plain,
}

/// How the rate runs, from the begin of the load on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Pace {
    /// The rate of every group, all the time.
    #[default]
    Steady,
    /// From a share of the rate to another, linearly.
    Ramp {
        /// Share of the rate at the begin, 0 to 1.
        from: f64,
        /// Share of the rate at the end.
        to: f64,
        /// How long it takes.
        over: Span,
    },
    /// The rate, and now and then more.
    Burst {
        /// How many times the rate during a burst.
        times: f64,
        /// From the begin of one burst to the begin of the next.
        every: Span,
        /// How long a burst is.
        length: Span,
    },
    /// As fast as the machine writes.
    AllOut,
}

/// Streams of one kind.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name; its streams are called `<name>-00`, `<name>-01`, ….
    pub name: String,
    /// How many streams.
    #[serde(default = "one")]
    pub streams: u16,
    /// Records a second of all its streams together.
    pub rate: Rate,
    /// What a record says.
    #[serde(default)]
    pub body: Body,
    /// Length of a record without framing; at least 120 B.
    #[serde(default = "default_size")]
    pub size: Size,
    /// Now and then a longer record.
    pub long: Option<Long>,
    /// How lines are handed to the kernel.
    #[serde(default)]
    pub write: Write,
    /// Every n-th record goes to stderr; 0: none does.
    #[serde(default)]
    pub stderr_every: u32,
    /// The node on which its files lie: each has a tree of its own. An agent process of that name reads it.
    pub node: Option<String>,
    /// How its records get to the agent.
    #[serde(default)]
    pub via: Via,
    /// What is to become of its records.
    #[serde(default)]
    pub expect: Expect,
}

/// How records get to the agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Via {
    /// Written to a file that it tails.
    #[default]
    File,
    /// Sent in Filebeat's protocol; what was not acknowledged is sent again.
    Beats(Beats),
}

/// Senders that speak Filebeat's protocol.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Beats {
    /// The port they send to, for example `{port.beats}` of a process: `{logstash.port.beats}`.
    pub to: String,
    /// Events a window at most.
    #[serde(default = "window")]
    pub window: u32,
    /// Whether windows are compressed.
    #[serde(default)]
    pub compress: bool,
}

/// What is to become of the records of a group.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Expect {
    /// All of them arrive.
    #[default]
    Delivered,
    /// None of them arrives: the deployment is to drop them.
    Dropped,
}

fn window() -> u32 {
    512
}

/// What a record says.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Body {
    /// One nginx access log entry as JSON.
    #[default]
    NginxJson,
    /// A line of application text.
    AppText,
}

/// Now and then a longer record.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Long {
    /// Every n-th record.
    pub every: u32,
    /// Its length.
    pub size: Size,
}

/// How lines are handed to the kernel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub enum Write {
    /// One `write(2)` a line, as containerd and Docker do.
    #[default]
    Line,
    /// Many lines a `write(2)`, as buffering applications do.
    Batch(Size),
}

fn one() -> u16 {
    1
}

fn default_size() -> Size {
    Size(300)
}
