//! The links of a scenario: a relay each, before the boxes that they connect are there; and what of datagrams they lost.

use std::{net::Ipv4Addr, path::Path};

use chaos::proxy::{Link, LinkError, LinkPlan};
use results::{
    event::{Dropped, What},
    ledger::Ledger,
    route::{RouteId, Routes},
};
use thiserror::Error;

use super::{
    bus::Bus,
    names::{NameError, Names, Whose},
};
use crate::{
    plan::{self, Plan, paths::Paths},
    spec::{Via, Wire},
};

/// Links of the same run are cut by chance in different places.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A link that leads nowhere.
#[derive(Debug, Error)]
pub enum LinksError {
    /// It cannot be laid.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// Its end is no port.
    #[error("link {name} leads to {to:?}, which is no port; write for example \"{{aggregator-0.port.forward}}\"")]
    NoPort {
        /// Which link.
        name: String,
        /// What stands there.
        to: String,
    },
    /// A name in braces stands for nothing.
    #[error(transparent)]
    Name(#[from] NameError),
}

/// Lays all of them; their addresses are known by name from now on.
pub(super) fn open(links: &[plan::Link], names: &mut Names) -> Result<Vec<Link>, LinksError> {
    let nowhere = Path::new("");
    let mut open = Vec::new();
    for (at, link) in links.iter().enumerate() {
        let to = names.fill(&link.to, &Whose { name: "", state: nowhere, logs: nowhere })?;
        let port: u16 = to.parse().map_err(|_| LinksError::NoPort { name: link.name.clone(), to })?;
        let seed = names.seed ^ (at as u64 + 1).wrapping_mul(STEP);
        let wire = match link.wire {
            Wire::Tcp => chaos::proxy::Wire::Tcp,
            Wire::Udp => chaos::proxy::Wire::Udp,
        };
        let laid = Link::start(LinkPlan { wire, ..LinkPlan::tcp((Ipv4Addr::LOCALHOST, port).into(), seed) })?;
        names.links.push(laid.addr());
        open.push(laid);
    }
    Ok(open)
}

/// What links lost of datagrams, put down to where they were on their way.
#[derive(Debug, Default)]
pub(super) struct Losses {
    /// Index = link: how many were told.
    told: Vec<u64>,
}

impl Losses {
    /// Tells what is new: to a sink, for the causes; to an agent, as lost at the source, since it never had them.
    pub(super) fn settle(&mut self, plan: &Plan, paths: &Paths, links: &[Link], ledger: &Ledger, bus: &Bus) {
        self.told.resize(links.len(), 0);
        for (at, link) in links.iter().enumerate().filter(|(_, link)| link.wire() == chaos::proxy::Wire::Udp) {
            let counters = link.counters();
            let lost = counters.dropped + counters.overflowed + counters.unreachable;
            let datagrams = lost - std::mem::replace(&mut self.told[at], lost);
            let name = plan.links.get(at).map(|link| link.name.clone()).unwrap_or_default();
            if datagrams == 0 {
                continue;
            }
            if let Some(route) = paths.end_of(at) {
                let route = plan.ways.get(usize::from(route.0)).map(|way| way.name.clone()).unwrap_or_default();
                bus.say(What::Dropped(Dropped { route, datagrams, link: name }));
                continue;
            }
            let why = format!("datagrams lost by link {name}: by a fault, or nobody was there yet");
            for route in before_an_agent(plan, paths, at, ledger.routes()) {
                ledger.source_lost_count(route, datagrams, 0, &why);
            }
        }
    }
}

/// The routes on which records are missing that a link loses before any agent has them.
fn before_an_agent(plan: &Plan, paths: &Paths, link: usize, routes: &Routes) -> Vec<RouteId> {
    let Some(source) = paths.sources().iter().find(|source| source.before.contains(&link)) else { return Vec::new() };
    let named = source.streams.first().and_then(|stream| match &plan.streams[usize::from(stream.0)].via {
        Via::Syslog(syslog) => routes.named(syslog.route.as_deref()?),
        Via::File | Via::Beats(_) | Via::Http(_) => None,
    });
    named.map_or_else(|| routes.ids().collect(), |route| vec![route])
}
