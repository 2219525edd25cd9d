//! A sink that speaks HTTP/1.1: it books what it takes before it answers, and misbehaves on request.
//!
//! ```text
//! set(mode) ──▶ watch ──▶ accept loop ──▶ connection ──▶ body (bounded) ▸ unpack ▸ decode ▸ book ▸ answer
//! ```
//! One thread with its own runtime. A request is booked whole or not at all; a mode is in force when `set` returns.

pub mod cloudwatch;
pub mod elastic;
mod protocol;
mod serve;
pub mod stream;
#[cfg(test)]
mod tests;

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Condvar, Mutex, PoisonError},
    thread::JoinHandle,
    time::Duration,
};

use results::{ledger::Ledger, route::RouteId};
use thiserror::Error;
use tokio::{net::TcpListener, sync::watch, task::JoinSet};

pub use self::protocol::Protocol;
use self::serve::Server;
use super::{
    decode::{Format, Keys},
    mode::{HttpCounters, Mode, Tally, add},
};
use crate::{clock::RunClock, payload::Payloads};

/// Connections served at a time; more wait in the kernel's queue.
const MAX_CONNECTIONS: usize = 1_024;
/// How long a change of mode may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Rest after a failed accept or bind.
const REST: Duration = Duration::from_millis(10);

/// What a receiver listens on and expects.
#[derive(Debug, Clone)]
pub struct HttpPlan {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// What it is taken for.
    pub protocol: Protocol,
    /// How records lie in a body, a document or a message.
    pub format: Format,
    /// Under which keys.
    pub keys: Keys,
    /// The texts of the run: with them, records are compared instead of unescaped, and those that an agent parsed
    /// (because they are JSON themselves) are put together again.
    pub payloads: Option<Arc<Payloads>>,
    /// Largest body over the wire, bytes.
    pub body_limit: usize,
    /// Under which route of the ledger it books.
    pub route: RouteId,
}

impl Default for HttpPlan {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 0).into(),
            protocol: Protocol::Records,
            format: Format::Auto,
            keys: Keys::default(),
            payloads: None,
            body_limit: 64 << 20,
            route: RouteId(0),
        }
    }
}

/// Why a receiver cannot do what it is asked to.
#[derive(Debug, Error)]
pub enum ReceiveError {
    /// The port cannot be had.
    #[error("listen on {address}: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Thread or runtime could not be started.
    #[error("start the receiver: {0}; raise the limit of processes or open files")]
    Start(io::Error),
    /// The port was taken by someone else while the receiver was gone.
    #[error("listen again on {address}: {reason}; free the port or repeat the run")]
    Return {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        reason: String,
    },
    /// The receiver's thread did not take notice.
    #[error(
        "change the receiver's mode: no reaction within {PATIENCE:?}; the machine may be overloaded, repeat the run"
    )]
    Deaf,
}

/// What is in force.
#[derive(Debug, Clone, Copy)]
struct Setting {
    mode: Mode,
    fault_id: u32,
    /// How often the mode was set.
    turn: u64,
    stop: bool,
}

/// Which setting the accept loop has seen, and whether it could do what that asked for.
#[derive(Debug, Default)]
struct Notice {
    seen: Mutex<(u64, Option<String>)>,
    bell: Condvar,
}

impl Notice {
    fn tell(&self, turn: u64, error: Option<String>) {
        *self.seen.lock().unwrap_or_else(PoisonError::into_inner) = (turn, error);
        self.bell.notify_all();
    }
}

/// A running receiver. Dropping it stops it.
#[derive(Debug)]
pub struct Receiver {
    address: SocketAddr,
    settings: watch::Sender<Setting>,
    notice: Arc<Notice>,
    tally: Arc<Tally>,
    thread: Option<JoinHandle<()>>,
}

impl Receiver {
    /// Listens and serves from now on.
    pub fn start(plan: HttpPlan, ledger: Arc<Ledger>, clock: RunClock) -> Result<Self, ReceiveError> {
        let failed = |source| ReceiveError::Listen { address: plan.listen, source };
        let listener = std::net::TcpListener::bind(plan.listen).map_err(failed)?;
        listener.set_nonblocking(true).map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(ReceiveError::Start)?;
        let (settings, seen) = watch::channel(Setting { mode: Mode::Accept, fault_id: 0, turn: 0, stop: false });
        let (notice, tally) = (Arc::new(Notice::default()), Arc::new(Tally::default()));
        let server = (Arc::clone(&notice), Arc::clone(&tally));
        let work = move || {
            let (notice, tally) = server;
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, async move {
                let server = Server::new(plan, ledger, clock, tally, seen.clone());
                accept(listener, address, std::rc::Rc::new(server), seen, &notice).await;
            });
        };
        let thread =
            std::thread::Builder::new().name("receive-http".into()).spawn(work).map_err(ReceiveError::Start)?;
        Ok(Self { address, settings, notice, tally, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Changes the behaviour; `fault_id` is what doublings allowed by it are noted under. In force when it returns.
    pub fn set(&self, mode: Mode, fault_id: u32) -> Result<(), ReceiveError> {
        let mut turn = 0;
        self.settings.send_modify(|setting| {
            turn = setting.turn + 1;
            *setting = Setting { mode, fault_id, turn, ..*setting };
        });
        let seen = self.notice.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let waiting = self.notice.bell.wait_timeout_while(seen, PATIENCE, |seen| seen.0 < turn);
        let (seen, timeout) = waiting.unwrap_or_else(PoisonError::into_inner);
        match &seen.1 {
            _ if timeout.timed_out() => Err(ReceiveError::Deaf),
            Some(reason) => Err(ReceiveError::Return { address: self.address, reason: reason.clone() }),
            None => Ok(()),
        }
    }

    /// What is in force.
    pub fn mode(&self) -> Mode {
        self.settings.borrow().mode
    }

    /// What it did so far.
    pub fn counters(&self) -> HttpCounters {
        self.tally.read()
    }

    /// Stops listening, cuts what is open, and tells what was done.
    pub fn stop(mut self) -> HttpCounters {
        self.end();
        self.tally.read()
    }

    fn end(&mut self) {
        self.settings.send_modify(|setting| setting.stop = true);
        if let Some(thread) = self.thread.take() {
            // A panic was reported on stderr by itself; the counters tell what was done until then.
            drop(thread.join());
        }
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.end();
    }
}

/// Accepts until told to stop; while the mode is `Gone`, nobody listens.
async fn accept(
    listener: std::net::TcpListener,
    address: SocketAddr,
    server: std::rc::Rc<Server>,
    mut settings: watch::Receiver<Setting>,
    notice: &Notice,
) {
    let mut listener = TcpListener::from_std(listener).ok();
    let mut connections = JoinSet::new();
    loop {
        let setting = *settings.borrow_and_update();
        if setting.stop {
            return;
        }
        let mut error = None;
        if setting.mode == Mode::Gone {
            listener = None;
            add(&server.tally.cut, connections.len() as u64);
            connections.shutdown().await;
        } else if listener.is_none() {
            match TcpListener::bind(address).await {
                Ok(bound) => listener = Some(bound),
                Err(reason) => error = Some(reason.to_string()),
            }
        }
        let is_deaf = error.is_some();
        notice.tell(setting.turn, error);
        tokio::select! {
            biased;
            changed = settings.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(REST), if is_deaf => {}
            Some(_) = connections.join_next(), if !connections.is_empty() => {}
            accepted = async { listener.as_ref().expect("guarded").accept().await },
                if listener.is_some() && connections.len() < MAX_CONNECTIONS =>
            match accepted {
                Ok((stream, _)) => {
                    add(&server.tally.connections, 1);
                    connections.spawn_local(serve::connection(std::rc::Rc::clone(&server), stream));
                }
                // Out of descriptors, most likely: those in use will come free.
                Err(_) => tokio::time::sleep(REST).await,
            },
        }
    }
}
