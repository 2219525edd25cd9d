//! The links of a scenario: a relay each, before the boxes that they connect are there.

use std::{net::Ipv4Addr, path::Path};

use chaos::proxy::{Link, LinkError, LinkPlan};
use thiserror::Error;

use super::names::{NameError, Names, Whose};
use crate::{plan, spec::Wire};

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
