//! The network that a run is in: the machine's, or one of its own whose limits the scenario sets.

use chaos::netns::OwnNet;
use loadgen::send::datagram_queue_max;

use super::{sources, trial::Trial};
use crate::plan::Plan;

/// The network of the run; dropped, the thread is back in the machine's.
#[derive(Debug, Default)]
pub(super) struct RunNet {
    own: Option<OwnNet>,
    /// Why it has not the limits that were asked for.
    refused: Option<String>,
}

impl RunNet {
    /// Goes into a network of its own if the scenario asks for a limit that the machine does not have. Everything that the
    /// calling thread starts from now on is in it.
    pub(super) fn enter(plan: &Plan) -> Self {
        let Some(most) = plan.net.max_dgram_qlen.filter(|&most| datagram_queue_max() != Some(u64::from(most))) else {
            return Self::default();
        };
        let entered = OwnNet::enter().and_then(|own| own.set_datagram_queue(most).map(|()| own));
        match entered {
            Ok(own) => Self { own: Some(own), refused: None },
            Err(error) => Self { own: None, refused: Some(error.to_string()) },
        }
    }

    /// Says which limits hold.
    pub(super) fn tell(&self, plan: &Plan, trial: &Trial<'_>) {
        if !sources::syslog::has_unix_datagrams(plan) && self.refused.is_none() {
            return;
        }
        let most = datagram_queue_max().map_or_else(|| "unknown".to_owned(), |most| most.to_string());
        let place = if self.own.is_some() { "in a network namespace of the run" } else { "as the machine has it" };
        let refused = self.refused.as_ref().map_or_else(String::new, |why| format!("; failed to {why}"));
        trial.warn("datagram-queue", &format!("net.unix.max_dgram_qlen is {most}, {place}{refused}"));
    }
}
