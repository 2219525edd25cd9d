//! A wire between two boxes of a deployment: a relay on loopback over which network faults are laid.
//!
//! ```text
//! box ──▶ Link (listens) ──▶ box        lay(Fault) ─▶ Laid, a guard: it tells what it hit, and dropping it heals
//! ```
//! One thread with its own runtime; at most a megabyte in flight a direction and connection. The youngest fault is in force.
//! Every fault counts what it hit: one over a wire on which nothing happened has had no effect.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use thiserror::Error;
use tokio::sync::watch;

use self::{
    relay::Relay,
    setting::{Setting, Tally},
};
pub use setting::{Fault, LinkCounters};

mod relay;
mod setting;
mod tcp;
#[cfg(test)]
mod tests;
mod udp;

/// What is relayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wire {
    /// Connections.
    Tcp,
    /// Datagrams.
    Udp,
}

/// A wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LinkPlan {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where it leads. Nobody needs to be there yet.
    pub to: SocketAddr,
    /// What it relays.
    pub wire: Wire,
    /// Decides what is cut by chance.
    pub seed: u64,
}

impl LinkPlan {
    /// TCP from a free port of loopback.
    pub fn tcp(to: SocketAddr, seed: u64) -> Self {
        Self { listen: (Ipv4Addr::LOCALHOST, 0).into(), to, wire: Wire::Tcp, seed }
    }
}

/// A wire that cannot be laid.
#[derive(Debug, Error)]
pub enum LinkError {
    /// The port cannot be had.
    #[error("listen on {address} for a link: {source}; choose another port, or 0 for a free one")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        source: io::Error,
    },
    /// Thread or runtime could not be started.
    #[error("start a link: {0}; raise the limit of processes or open files")]
    Start(io::Error),
}

/// A running wire. Dropping it ends it and every connection over it.
#[derive(Debug)]
pub struct Link {
    address: SocketAddr,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct Shared {
    settings: watch::Sender<Setting>,
    tally: Arc<Tally>,
    wire: Wire,
    /// Faults laid and not healed, oldest first.
    laid: Mutex<Vec<(u64, Fault)>>,
}

/// A fault that lies over a link; dropping it heals.
#[derive(Debug)]
#[must_use = "the link is healed when this is dropped"]
pub struct Laid {
    shared: Arc<Shared>,
    fault: Fault,
    id: u64,
    before: LinkCounters,
}

impl Link {
    /// Listens and relays from now on.
    pub fn start(plan: LinkPlan) -> Result<Self, LinkError> {
        let failed = |source| LinkError::Listen { address: plan.listen, source };
        let (socket, address) = Socket::bind(&plan).map_err(failed)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(LinkError::Start)?;
        let (settings, seen) = watch::channel(Setting::default());
        let tally = Arc::<Tally>::default();
        let relay = Relay::new(plan, seen, Arc::clone(&tally));
        let work = move || {
            let local = tokio::task::LocalSet::new();
            local.block_on(&runtime, async move {
                match socket {
                    Socket::Tcp(listener) => tcp::serve(listener, relay).await,
                    Socket::Udp(socket) => udp::serve(socket, relay).await,
                }
            });
        };
        let thread = std::thread::Builder::new().name("link".to_owned()).spawn(work).map_err(LinkError::Start)?;
        let shared = Arc::new(Shared { settings, tally, wire: plan.wire, laid: Mutex::default() });
        Ok(Self { address, shared, thread: Some(thread) })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.address
    }

    /// Lays a fault over it, until the guard is dropped.
    pub fn lay(&self, fault: Fault) -> Laid {
        let before = self.counters();
        let mut id = 0;
        self.shared.change(|laid, setting| {
            setting.turn += 1;
            id = setting.turn;
            setting.cuts += u64::from(fault == Fault::Cut);
            laid.push((id, fault));
        });
        Laid { shared: Arc::clone(&self.shared), fault, id, before }
    }

    /// What it relays.
    pub fn wire(&self) -> Wire {
        self.shared.wire
    }

    /// What it did so far.
    pub fn counters(&self) -> LinkCounters {
        self.shared.tally.read()
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.shared.settings.send_modify(|setting| setting.is_over = true);
        if let Some(thread) = self.thread.take() {
            // A panic was reported on stderr by itself.
            drop(thread.join());
        }
    }
}

impl Shared {
    fn change(&self, how: impl FnOnce(&mut Vec<(u64, Fault)>, &mut Setting)) {
        let mut laid = self.laid.lock().unwrap_or_else(PoisonError::into_inner);
        self.settings.send_modify(|setting| {
            how(&mut laid, setting);
            setting.fault = laid.last().map(|(_, fault)| *fault);
        });
    }
}

impl Laid {
    /// How often it hit so far: connections, or pieces of what went over the wire.
    pub fn hits(&self) -> u64 {
        self.fault.hits(&self.before, &self.shared.tally.read())
    }

    /// Heals it; how often it hit, and what that was in words.
    pub fn heal(self) -> (u64, String) {
        let now = self.shared.tally.read();
        (self.fault.hits(&self.before, &now), self.fault.tell(self.shared.wire, &self.before, &now))
    }
}

impl Drop for Laid {
    fn drop(&mut self) {
        let id = self.id;
        self.shared.change(|laid, setting| {
            setting.turn += 1;
            laid.retain(|(known, _)| *known != id);
        });
    }
}

/// What listens, bound before the thread is there.
enum Socket {
    Tcp(std::net::TcpListener),
    Udp(std::net::UdpSocket),
}

impl Socket {
    fn bind(plan: &LinkPlan) -> io::Result<(Self, SocketAddr)> {
        match plan.wire {
            Wire::Tcp => {
                let listener = std::net::TcpListener::bind(plan.listen)?;
                listener.set_nonblocking(true)?;
                let address = listener.local_addr()?;
                Ok((Self::Tcp(listener), address))
            }
            Wire::Udp => {
                let socket = std::net::UdpSocket::bind(plan.listen)?;
                socket.set_nonblocking(true)?;
                let address = socket.local_addr()?;
                Ok((Self::Udp(socket), address))
            }
        }
    }
}
