//! `[load]`: what is written, where and how.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    front::Http,
    units::{Rate, Size, Span},
};

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
    /// Sent as syslog messages.
    Syslog(Syslog),
    /// Asked of a front end by HTTP; what it logs is the agent's input.
    Http(Http),
}

impl Via {
    /// True if the records lie in files.
    pub fn is_written(&self) -> bool {
        match self {
            Self::File => true,
            Self::Beats(_) | Self::Http(_) => false,
            Self::Syslog(syslog) => syslog.file,
        }
    }
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

/// Senders of syslog messages. What the other side does not take is booked as lost at the source.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Syslog {
    /// Where to: the path of a socket, for example `{socket.in}`, or an address, for example `127.0.0.1:{agent.port.in}`.
    pub to: String,
    /// Through what kind of socket.
    #[serde(default)]
    pub transport: Transport,
    /// How the head of a message looks.
    #[serde(default)]
    pub format: SyslogFormat,
    /// What parts messages on connections.
    #[serde(default)]
    pub framing: SyslogFraming,
    /// What becomes of a message that is not taken at once.
    #[serde(default)]
    pub when_full: WhenFull,
    /// Connections in flight: so many messages leave back to back.
    #[serde(default = "one_sender")]
    pub senders: u32,
    /// Whether each record is written to a file first, which is read by another way; then full sockets drop.
    #[serde(default)]
    pub file: bool,
    /// The route on which its records are lost if they are; absent: on every one.
    pub route: Option<String>,
}

/// Kinds of sockets.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Transport {
    /// Datagrams to a path, as nginx and syslog(3) send them.
    #[default]
    UnixDgram,
    /// A connection to a path.
    UnixStream,
    /// Datagrams to a port.
    Udp,
    /// A connection to a port.
    Tcp,
}

/// Heads of syslog messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SyslogFormat {
    /// `<190>Nov 21 05:50:01 host nginx: …`
    #[default]
    Rfc3164,
    /// `<190>1 2026-11-21T05:50:01.123456Z host nginx …`
    Rfc5424,
}

/// What parts messages on connections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SyslogFraming {
    /// A line feed behind each.
    #[default]
    Lf,
    /// Its length before each.
    Octet,
}

/// What a sender does with what is not taken at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WhenFull {
    /// It is lost, as with nginx.
    #[default]
    Drop,
    /// The sender waits, as syslog(3) and rsyslog do.
    Block,
}

fn one_sender() -> u32 {
    1
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
    /// The same with the virtual host, as an ingress logs it.
    IngressJson,
    /// A line of application text.
    AppText,
    /// A line of nginx's combined format.
    NginxCombined,
    /// `key=value` pairs.
    Logfmt,
    /// `label:value` fields, tabs between.
    Ltsv,
    /// An exception of several lines; the agent has to join them.
    StackTrace,
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
