//! The end of a process: by SIGKILL or SIGTERM, waited for, said and booked.

use std::time::Duration;

use chaos::{fault::FaultKind, plan::Planned, process::Victim};
use results::{ledger::Ledger, route::RouteId};

use super::Active;
use crate::live::{bus::Bus, processes::Process};

/// A killed or terminated process is given this long to be gone.
const END_WITHIN: Duration = Duration::from_secs(10);

/// Books that a process went down: on the routes that it delivers to itself, else on all.
pub(in crate::live) fn book_down(ledger: &Ledger, delivers: &[usize], t_us: u64, id: u32) {
    if delivers.is_empty() {
        ledger.agent_down(t_us, id);
        return;
    }
    let routes: Vec<RouteId> = delivers.iter().map(|&at| RouteId(at as u8)).collect();
    ledger.agent_down_on(&routes, t_us, id);
}

/// Ends a process by SIGKILL or SIGTERM and waits until it is gone.
pub(super) fn end(
    planned: Planned,
    pid: u32,
    t_us: u64,
    active: &mut Active,
    process: &mut Process,
    ledger: &Ledger,
    bus: &Bus,
) {
    if planned.kind == FaultKind::TerminateAgent {
        process.agent.terminate();
        let gone = Victim::of(pid).and_then(|victim| victim.ended(END_WITHIN));
        if matches!(gone, Ok(None)) {
            // It did not end in time: what follows is a crash.
            book_down(ledger, &process.delivers, t_us, planned.id);
        }
    }
    let ended = match process.agent.poll() {
        Some(ended) => Some(ended),
        None => process.agent.kill(),
    };
    if planned.kind == FaultKind::KillAgent {
        book_down(ledger, &process.delivers, t_us, planned.id);
    }
    if let Some(ended) = ended {
        active.took_effect = true;
        active.detail = format!("pid {} ended by {}", ended.pid, ended.how);
        process.say_ended(ended, bus);
    }
    active.restart = true;
}
