//! What is out of order now, and which streams that may hold up on which routes: there the clock of the stalls stands.

use std::collections::BTreeSet;

use chaos::fault::FaultKind;
use results::route::RouteId;

use super::Active;
use crate::{live::processes::Processes, plan::paths::Between};

/// What is out of order.
#[derive(Debug, Default)]
pub(in crate::live) struct Outage {
    /// Down, or stopped by a fault.
    processes: BTreeSet<usize>,
    /// Their sinks are sick.
    routes: BTreeSet<usize>,
    /// A fault lies over them.
    links: BTreeSet<usize>,
    /// Nobody can tell whom it holds up.
    everything: bool,
}

impl Outage {
    /// The faults in force, and the processes that are meant to run and do not.
    pub(super) fn of(active: &[Active], processes: &Processes) -> Self {
        let mut outage = Self { processes: processes.missing_all().collect(), ..Self::default() };
        for Active { planned: fault, target, .. } in active {
            match fault.kind {
                FaultKind::Link(_) => _ = outage.links.insert(target.link),
                // Metadata of every record may come from it.
                FaultKind::Kube(_) => outage.everything = true,
                kind if kind.holds_agent_up() => outage.processes.extend(processes.index(target.process.as_deref())),
                kind if kind.hits_sink() => _ = outage.routes.insert(target.route),
                _ => {}
            }
        }
        outage
    }

    /// Whether it may hold up what goes to the end of a route by this way.
    pub(in crate::live) fn holds_up(&self, way: &Between, route: RouteId) -> bool {
        self.everything
            || self.routes.contains(&usize::from(route.0))
            || !self.processes.is_disjoint(&way.processes)
            || !self.links.is_disjoint(&way.links)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_away_holds_up_the_ways_that_it_stands_on_and_no_other() {
        let way = |processes: &[usize], links: &[usize]| Between {
            processes: processes.iter().copied().collect(),
            links: links.iter().copied().collect(),
        };
        let (left, right) = (way(&[0, 2], &[0]), way(&[1, 2], &[1]));
        let held = |outage: Outage| [(&left, 0), (&right, 1)].map(|(way, route)| outage.holds_up(way, RouteId(route)));
        let one = |at: usize| BTreeSet::from([at]);
        assert_eq!(held(Outage::default()), [false, false]);
        assert_eq!(held(Outage { routes: one(0), ..Outage::default() }), [true, false]);
        assert_eq!(held(Outage { processes: one(1), ..Outage::default() }), [false, true]);
        assert_eq!(held(Outage { processes: one(2), ..Outage::default() }), [true, true]);
        assert_eq!(held(Outage { links: one(1), ..Outage::default() }), [false, true]);
        assert_eq!(held(Outage { everything: true, ..Outage::default() }), [true, true]);
    }
}
