//! What the names in braces stand for in this run: addresses of routes and links, folders, and ports that stay the same.
//!
//! Ports come from below the range that the system hands out by itself, so that nobody takes one while its process is
//! being restarted. They are held from when they are chosen until the first process is started.

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket},
    path::{Path, PathBuf},
};

use thiserror::Error;

use super::sockets::Sockets;
use crate::plan::names::{Known, KubePart, LinkPart, Name, Part, SinkPart, parts};

/// Ports that are tried, below what systems hand out by themselves.
const PORTS: std::ops::Range<u16> = 20_000..30_000;

/// A name stands for nothing in this run.
#[derive(Debug, Error)]
pub enum NameError {
    /// It should have been refused before the run.
    #[error("`{text}`: {why}")]
    Unknown {
        /// The text with the name.
        text: String,
        /// Why not.
        why: String,
    },
    /// No port is free.
    #[error("no port from {} to {} is free on this machine; end some programs", PORTS.start, PORTS.end)]
    Ports,
    /// No folder for sockets could be made.
    #[error("cannot make a folder for Unix sockets: {0}; free some space in the folder for temporary files")]
    Sockets(std::io::Error),
}

/// Where a route ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// On a port.
    At(SocketAddr),
    /// In a folder, or at a socket.
    Path(PathBuf),
}

/// Where the Kubernetes API server is, and what opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct KubeAt {
    /// Its address.
    pub(super) url: String,
    /// The file with the token.
    pub(super) token: PathBuf,
    /// The file with the certificate of its authority; empty without TLS.
    pub(super) authority: PathBuf,
}

/// Whose text is filled in.
#[derive(Debug, Clone, Copy)]
pub(super) struct Whose<'a> {
    /// The process; empty for a text that belongs to none.
    pub(super) name: &'a str,
    /// Its folder that survives restarts.
    pub(super) state: &'a Path,
    /// The folder of the files that it is to tail.
    pub(super) logs: &'a Path,
}

/// What the names stand for.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) known: Known,
    pub(super) root: PathBuf,
    pub(super) seed: u64,
    /// Index = route.
    pub(super) ends: Vec<End>,
    /// Index = link.
    pub(super) links: Vec<SocketAddr>,
    pub(super) kube: Option<KubeAt>,
    pub(super) ports: Ports,
    sockets: Sockets,
}

impl Names {
    /// Routes and links have no address yet.
    pub(super) fn new(known: &Known, root: &Path, seed: u64) -> Result<Self, NameError> {
        let sockets = Sockets::make().map_err(NameError::Sockets)?;
        let (known, root) = (known.clone(), root.to_owned());
        let ports = Ports::new(std::process::id());
        Ok(Self { known, root, seed, ends: Vec::new(), links: Vec::new(), kube: None, ports, sockets })
    }

    /// The folder of the sockets.
    pub(super) fn sockets(&self) -> &Path {
        self.sockets.path()
    }

    /// `text` with every name filled in.
    pub(super) fn fill(&mut self, text: &str, whose: &Whose<'_>) -> Result<String, NameError> {
        let unknown = |why: String| NameError::Unknown { text: text.to_owned(), why };
        let mut out = String::new();
        for part in parts(text, &self.known).map_err(|why| unknown(why.to_string()))? {
            match part {
                Part::Text(text) => out.push_str(&text),
                Part::Name(name) => {
                    let value = self.value(&name, whose)?;
                    out.push_str(&value.ok_or_else(|| unknown("what it asks for does not exist".to_owned()))?);
                }
            }
        }
        Ok(out)
    }

    fn value(&mut self, name: &Name, whose: &Whose<'_>) -> Result<Option<String>, NameError> {
        let shown = |path: &Path| Some(path.display().to_string());
        Ok(match name {
            Name::State => shown(whose.state),
            Name::Logs => shown(whose.logs),
            Name::LogsTag => Some(whose.logs.display().to_string().trim_start_matches('/').replace('/', ".")),
            Name::Root => shown(&self.root),
            Name::Sockets => shown(self.sockets.path()),
            Name::Process => Some(whose.name.to_owned()),
            Name::Seed => Some(self.seed.to_string()),
            Name::Port(process, port) => {
                let process = process.as_deref().unwrap_or(whose.name);
                Some(self.ports.get(process, port)?.to_string())
            }
            Name::Socket(name) => shown(&self.sockets.path().join(format!("{name}.sock"))),
            Name::Sink(route, part) => match (self.ends.get(*route), part) {
                (Some(End::At(at)), SinkPart::Host) => Some(at.ip().to_string()),
                (Some(End::At(at)), SinkPart::Port) => Some(at.port().to_string()),
                (Some(End::Path(path)), SinkPart::Path) => shown(path),
                _ => None,
            },
            Name::Kube(part) => self.kube.as_ref().and_then(|kube| match part {
                KubePart::Url => Some(kube.url.clone()),
                KubePart::TokenFile => shown(&kube.token),
                KubePart::CaFile => shown(&kube.authority),
            }),
            Name::Link(link, part) => self.links.get(*link).map(|at| match part {
                LinkPart::Host => at.ip().to_string(),
                LinkPart::Port => at.port().to_string(),
            }),
        })
    }
}

/// The ports of the processes.
#[derive(Debug)]
pub(super) struct Ports {
    chosen: BTreeMap<(String, String), u16>,
    held: Vec<(TcpListener, UdpSocket)>,
    next: u16,
}

impl Ports {
    /// None is chosen yet; benches with different numbers begin to look at different places.
    pub(super) fn new(bench: u32) -> Self {
        let span = u32::from(PORTS.end - PORTS.start);
        let first = bench.wrapping_mul(2_654_435_761) % span;
        Self { chosen: BTreeMap::new(), held: Vec::new(), next: first as u16 }
    }

    /// The port that a process calls by this name; chosen when it is first asked for.
    pub(super) fn get(&mut self, process: &str, name: &str) -> Result<u16, NameError> {
        let key = (process.to_owned(), name.to_owned());
        if let Some(&port) = self.chosen.get(&key) {
            return Ok(port);
        }
        let span = PORTS.end - PORTS.start;
        for _ in 0..span {
            let port = PORTS.start + self.next;
            self.next = (self.next + 1) % span;
            let here = (Ipv4Addr::LOCALHOST, port);
            if let (Ok(tcp), Ok(udp)) = (TcpListener::bind(here), UdpSocket::bind(here)) {
                self.held.push((tcp, udp));
                self.chosen.insert(key, port);
                return Ok(port);
            }
        }
        Err(NameError::Ports)
    }

    /// Lets go of them, for the processes to take.
    pub(super) fn release(&mut self) {
        self.held.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Names {
        let known = Known {
            processes: vec!["a".into(), "b".into()],
            routes: vec!["store".into(), "files".into()],
            links: vec!["west".into()],
            kube: true,
        };
        let mut names = Names::new(&known, Path::new("/work"), 7).unwrap();
        names.ends = vec![End::At((Ipv4Addr::LOCALHOST, 9200).into()), End::Path("/out".into())];
        names.links.push((Ipv4Addr::LOCALHOST, 4000).into());
        names
    }

    #[test]
    fn every_name_stands_for_what_it_says() {
        let mut names = names();
        let whose = Whose { name: "a", state: Path::new("/state"), logs: Path::new("/logs") };
        let mut fill = |text: &str| names.fill(text, &whose).unwrap();
        assert_eq!(fill("{name}:{seed}:{state}:{logs}:{root}"), "a:7:/state:/logs:/work");
        assert_eq!(fill("http://{sink.store.host}:{sink.store.port}"), "http://127.0.0.1:9200");
        assert_eq!((fill("{sink.files.path}"), fill("{link.west.port}")), ("/out".to_owned(), "4000".to_owned()));
        let own = fill("{port.in}");
        assert_eq!((fill("{port.in}"), fill("{a.port.in}")), (own.clone(), own.clone()));
        assert_ne!(fill("{b.port.in}"), own);
        assert!(fill("{socket.in}").starts_with(&fill("{sockets}")) && fill("{socket.in}").len() < 108);
        assert!(names.fill("{sink.files.port}", &whose).is_err());
    }

    #[test]
    fn a_port_is_held_until_it_is_let_go_and_never_given_twice() {
        // Not where the other test of this process looks.
        let bench = std::process::id().wrapping_add(1);
        let mut ports = Ports::new(bench);
        let (one, other) = (ports.get("a", "x").unwrap(), ports.get("a", "y").unwrap());
        assert!(one != other && PORTS.contains(&one));
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, one)).is_err());
        // Another bench that begins at the same place passes it over.
        let mut next = Ports::new(bench);
        assert!(![one, other].contains(&next.get("a", "x").unwrap()));
        ports.release();
        assert!(TcpListener::bind((Ipv4Addr::LOCALHOST, one)).is_ok());
        assert_eq!(ports.get("a", "x").unwrap(), one);
    }
}
