//! A stand-in for the Kubernetes API server, as far as a log agent asks it: pods, by name and as lists.
//!
//! ```text
//! GET /api/v1/namespaces/{ns}/pods/{name}   one pod        GET /api/v1/pods                   all of them
//! GET /api/v1/namespaces/{ns}/pods          of a namespace GET /healthz /readyz /livez /version
//! Authorization: Bearer {token}             else 401       anything else is 404
//! ```
//! It knows the pods that the run has told it, under a name always the latest one, as the real one does; it is slow, busy
//! or away on request. TLS with a certificate of its own authority, or plain.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    thread::JoinHandle,
};

use thiserror::Error;
use tokio::sync::watch;

pub use self::pod::{Container, Pod};
use self::serve::Server;

mod papers;
mod pod;
mod serve;
#[cfg(test)]
mod tests;

/// What the server listens on and asks for.
#[derive(Debug, Clone)]
pub struct KubePlan {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Whether it speaks TLS, with a certificate for `localhost` and 127.0.0.1.
    pub tls: bool,
    /// What a request must bear; empty: anything.
    pub token: String,
    /// The pods it knows from the begin on.
    pub pods: Vec<Pod>,
}

impl Default for KubePlan {
    fn default() -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 0).into(), tls: true, token: String::new(), pods: Vec::new() }
    }
}

/// What it does with requests. Can be changed while it runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum KubeMode {
    /// Answers.
    #[default]
    Answer,
    /// Answers late.
    Slow {
        /// How late, milliseconds.
        ms: u64,
    },
    /// Answers with an error; 429 with the advice to come back in a second.
    Refuse {
        /// 400 to 599.
        status: u16,
    },
    /// Resets connections.
    Gone,
}

/// What it has done so far.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KubeCounters {
    /// Requests that arrived.
    pub requests: u64,
    /// Pods handed out, alone or in a list.
    pub pods: u64,
    /// Requests without the right token.
    pub unauthorized: u64,
    /// Requests for what there is not.
    pub not_found: u64,
    /// Requests answered late by [`KubeMode::Slow`].
    pub slow: u64,
    /// Requests answered with an error by [`KubeMode::Refuse`].
    pub refused: u64,
    /// Connections and requests cut by [`KubeMode::Gone`].
    pub cut: u64,
}

/// A server that cannot be started.
#[derive(Debug, Error)]
pub enum KubeError {
    /// The port cannot be had.
    #[error("listen on {address} as API server: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Thread or runtime could not be started.
    #[error("start the API server: {0}; raise the limit of processes or open files")]
    Start(io::Error),
    /// Its certificate could not be made.
    #[error("make the certificate of the API server: {0}; repeat the run")]
    Papers(String),
}

/// A running server. Dropping it stops it.
#[derive(Debug)]
pub struct KubeServer {
    address: SocketAddr,
    authority: Option<String>,
    settings: watch::Sender<Setting>,
    known: Arc<Known>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Setting {
    mode: KubeMode,
    is_over: bool,
}

/// What the threads share.
#[derive(Debug, Default)]
struct Known {
    /// By namespace and name.
    pods: Mutex<BTreeMap<(String, String), Pod>>,
    /// The uids that were handed out.
    uids: Mutex<BTreeSet<String>>,
    requests: AtomicU64,
    handed_out: AtomicU64,
    unauthorized: AtomicU64,
    not_found: AtomicU64,
    slow: AtomicU64,
    refused: AtomicU64,
    cut: AtomicU64,
}

impl Known {
    fn pods(&self) -> MutexGuard<'_, BTreeMap<(String, String), Pod>> {
        self.pods.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn uids(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.uids.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes that a pod is handed out.
    fn tells(&self, pod: &Pod) {
        self.handed_out.fetch_add(1, Ordering::Relaxed);
        let mut uids = self.uids();
        if !uids.contains(&pod.uid) {
            uids.insert(pod.uid.clone());
        }
    }
}

impl KubeServer {
    /// Listens and serves from now on.
    pub fn start(plan: KubePlan) -> Result<Self, KubeError> {
        let failed = |source| KubeError::Listen { address: plan.listen, source };
        let listener = std::net::TcpListener::bind(plan.listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let papers = plan.tls.then(papers::make).transpose().map_err(KubeError::Papers)?;
        let (authority, acceptor) = papers.map_or((None, None), |(pem, acceptor)| (Some(pem), Some(acceptor)));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(KubeError::Start)?;
        let (settings, seen) = watch::channel(Setting::default());
        let known = Arc::<Known>::default();
        *known.pods() = plan.pods.into_iter().map(|pod| (pod.key(), pod)).collect();
        let server = Server { token: plan.token, acceptor, settings: seen, known: Arc::clone(&known) };
        let work = move || {
            tokio::task::LocalSet::new().block_on(&runtime, serve::accept(listener, server.into()));
        };
        let thread = std::thread::Builder::new().name("kube".into()).spawn(work).map_err(KubeError::Start)?;
        Ok(Self { address, authority, settings, known, thread: Some(thread) })
    }

    /// What an agent is told as `Kube_URL`.
    pub fn url(&self) -> String {
        let scheme = if self.authority.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Certificate of the authority, PEM; none without TLS.
    pub fn authority(&self) -> Option<&str> {
        self.authority.as_deref()
    }

    /// Changes the behaviour, for every request that arrives from now on.
    pub fn set(&self, mode: KubeMode) {
        self.settings.send_modify(|setting| setting.mode = mode);
    }

    /// What is in force.
    pub fn mode(&self) -> KubeMode {
        self.settings.borrow().mode
    }

    /// From now on there is this pod; one of the same name is forgotten.
    pub fn put(&self, pod: Pod) {
        self.known.pods().insert(pod.key(), pod);
    }

    /// From now on there is no pod of this name.
    pub fn remove(&self, namespace: &str, name: &str) {
        self.known.pods().remove(&(namespace.to_owned(), name.to_owned()));
    }

    /// Whether somebody was told of the pod with this uid.
    pub fn has_told(&self, uid: &str) -> bool {
        self.known.uids().contains(uid)
    }

    /// What it did so far.
    pub fn counters(&self) -> KubeCounters {
        let known = &self.known;
        let get = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        KubeCounters {
            requests: get(&known.requests),
            pods: get(&known.handed_out),
            unauthorized: get(&known.unauthorized),
            not_found: get(&known.not_found),
            slow: get(&known.slow),
            refused: get(&known.refused),
            cut: get(&known.cut),
        }
    }
}

impl KubeMode {
    /// How many requests it took effect on between two readings.
    pub fn hits(self, before: &KubeCounters, now: &KubeCounters) -> u64 {
        match self {
            Self::Answer => 0,
            Self::Slow { .. } => now.slow - before.slow,
            Self::Refuse { .. } => now.refused - before.refused,
            Self::Gone => now.cut - before.cut,
        }
    }
}

impl Drop for KubeServer {
    fn drop(&mut self) {
        self.settings.send_modify(|setting| setting.is_over = true);
        if let Some(thread) = self.thread.take() {
            // A panic was reported on stderr by itself.
            drop(thread.join());
        }
    }
}
