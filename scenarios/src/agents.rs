//! The agents that can be put to the test. Each is a child process of its own, ours too.
//!
//! Adding one: a variant of [`Agent`], a file beside [`builtin`] that renders its configuration from [`Wiring`].

use std::{
    collections::BTreeMap,
    ffi::OsString,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use pipeline::defects::Defect;
use thiserror::Error;

use crate::spec::{self, Layout};

pub mod builtin;

/// An agent of the library.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agent {
    /// Our own pipeline, as `tailproof pipeline`.
    Builtin,
}

/// No such agent.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("no agent is called `{0}`; this version can test: builtin")]
pub struct UnknownAgent(pub String);

/// Where the two ends of the wire are, and how the agent is to be set between them.
#[derive(Debug, Clone)]
pub struct Wiring {
    /// Pattern of the files to tail.
    pub pattern: PathBuf,
    /// Layout of those files; it decides the framing.
    pub layout: Layout,
    /// Folder for configuration and checkpoints.
    pub state: PathBuf,
    /// Where records must go.
    pub sink: SinkAt,
    /// Whether request bodies are compressed.
    pub gzip: bool,
    /// Settings of the scenario.
    pub settings: spec::Agent,
}

/// Where records must go.
#[derive(Debug, Clone)]
pub enum SinkAt {
    /// HTTP, JSON lines or one array a request.
    Http {
        /// The receiver.
        addr: SocketAddr,
        /// One JSON array a request instead of lines.
        array: bool,
    },
    /// Files in this folder.
    Files(PathBuf),
}

/// How to start an agent.
#[derive(Debug, Clone)]
pub struct Launch {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<OsString>,
    /// Its configuration: where each file has to lie, and its text.
    pub files: Vec<(PathBuf, String)>,
    /// Its whole environment; `None`: that of the bench.
    pub env: Option<BTreeMap<String, String>>,
    /// What `tailproof leash` is to do before it becomes the program.
    pub leash: Vec<OsString>,
}

impl Agent {
    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Builtin => "builtin",
        }
    }

    /// How to start it between the two ends. `bench` is our own program.
    pub fn launch(self, wiring: &Wiring, bench: &Path, defect: Option<Defect>) -> Launch {
        match self {
            Self::Builtin => builtin::launch(wiring, bench, defect),
        }
    }

    /// How to start it with a configuration that lies at `config` already; no files and no environment yet.
    pub fn with_config(self, config: &Path, bench: &Path, defect: Option<Defect>) -> Launch {
        match self {
            Self::Builtin => builtin::with_config(config, bench, defect),
        }
    }
}

impl std::str::FromStr for Agent {
    type Err = UnknownAgent;

    fn from_str(name: &str) -> Result<Self, UnknownAgent> {
        match name {
            "builtin" => Ok(Self::Builtin),
            other => Err(UnknownAgent(other.to_owned())),
        }
    }
}
