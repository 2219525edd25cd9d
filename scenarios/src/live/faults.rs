//! The faults of the plan, applied and healed on time by the control thread. Every fault says whether it took effect.

use std::time::Duration;

use chaos::{
    fault::FaultKind,
    plan::{FaultSpec, Planned},
    process::{Paused, Victim},
};
use loadgen::receive::{HttpCounters, Receiver, Mode};
use results::{
    event::{AgentEvent, Fault, FaultState, What},
    ledger::Ledger,
};

use crate::spec::FaultDo;

use super::{RunError, bus::Bus, child::AgentProcess};

/// A killed or terminated process is given this long to be gone.
const END_WITHIN: Duration = Duration::from_secs(10);

/// What faults act on.
pub(super) struct Scene<'a> {
    /// The agent.
    pub(super) agent: &'a mut AgentProcess,
    /// The receiver, if the sink is one.
    pub(super) http: Option<&'a Receiver>,
    /// Where crashes are booked.
    pub(super) ledger: &'a Ledger,
    /// Where everything is said.
    pub(super) bus: &'a Bus,
}

/// Faults to come, and faults in force.
#[derive(Debug)]
pub(super) struct Faults {
    /// The sink when nothing is wrong with it.
    healthy: Mode,
    planned: Vec<Planned>,
    next: usize,
    active: Vec<Active>,
}

#[derive(Debug)]
struct Active {
    planned: Planned,
    /// As events call it.
    name: &'static str,
    detail: String,
    took_effect: bool,
    hits: u64,
    before: Option<HttpCounters>,
    /// Dropping it lets the agent go on.
    paused: Option<Paused>,
    restart: bool,
}

impl Faults {
    /// Faults in the order of time.
    pub(super) fn new(planned: Vec<Planned>, healthy: Mode) -> Self {
        Self { healthy, planned, next: 0, active: Vec::new() }
    }

    /// True while something done to the sink is in force.
    pub(super) fn sink_is_sick(&self) -> bool {
        self.active.iter().any(|active| !active.planned.kind.hits_agent())
    }

    /// True while something done to the agent is in force.
    pub(super) fn agent_is_down(&self) -> bool {
        self.active.iter().any(|active| active.planned.kind.hits_agent())
    }

    /// Applies what is due and heals what is over; `at_us` counts from the begin of the measure stretch.
    pub(super) fn tick(&mut self, at_us: u64, t_us: u64, scene: &mut Scene<'_>) -> Result<(), RunError> {
        while let Some(over) = self.active.iter().position(|active| active.planned.until_us <= at_us) {
            let active = self.active.remove(over);
            self.heal(active, scene)?;
        }
        while let Some(&planned) = self.planned.get(self.next).filter(|planned| planned.at_us <= at_us) {
            self.next += 1;
            let active = apply(planned, t_us, scene);
            say(scene, &active, FaultState::Applied);
            self.active.push(active);
            self.set_sink(scene)?;
        }
        Ok(())
    }

    /// Applies what a person asked for; in force until [`Faults::heal_named`].
    pub(super) fn apply_named(
        &mut self,
        name: &'static str,
        planned: Planned,
        t_us: u64,
        scene: &mut Scene<'_>,
    ) -> Result<(), RunError> {
        let mut active = apply(planned, t_us, scene);
        active.name = name;
        say(scene, &active, FaultState::Applied);
        self.active.push(active);
        self.set_sink(scene)
    }

    /// Heals a fault by its name; false if none of that name is in force.
    pub(super) fn heal_named(&mut self, name: &str, scene: &mut Scene<'_>) -> Result<bool, RunError> {
        let Some(at) = self.active.iter().position(|active| active.name == name) else { return Ok(false) };
        let active = self.active.remove(at);
        self.heal(active, scene)?;
        Ok(true)
    }

    /// True while a fault of this name is in force.
    pub(super) fn is_active(&self, name: &str) -> bool {
        self.active.iter().any(|active| active.name == name)
    }

    /// The first number that no planned fault has.
    pub(super) fn first_free_id(&self) -> u32 {
        self.planned.len() as u32
    }

    /// Heals everything that is in force.
    pub(super) fn heal_all(&mut self, scene: &mut Scene<'_>) -> Result<(), RunError> {
        for active in std::mem::take(&mut self.active) {
            self.heal(active, scene)?;
        }
        Ok(())
    }

    fn heal(&mut self, mut active: Active, scene: &mut Scene<'_>) -> Result<(), RunError> {
        if let (Some(before), Some(http)) = (active.before, scene.http) {
            active.hits = hits(active.planned.kind, before, http.counters());
            active.took_effect = active.hits > 0;
            active.detail = format!("{} requests {}", active.hits, what_happened(active.planned.kind));
        }
        self.set_sink(scene)?;
        drop(active.paused.take());
        // A person may have started it again before.
        if active.restart && scene.agent.pid().is_none() {
            let pid = scene.agent.start()?;
            scene.bus.say(What::Agent(AgentEvent::Started { pid, process: String::new() }));
        }
        let state = if active.took_effect { FaultState::Healed } else { FaultState::NoEffect };
        say(scene, &active, state);
        Ok(())
    }

    /// The youngest fault of the sink is in force; without one it is healthy.
    fn set_sink(&self, scene: &Scene<'_>) -> Result<(), RunError> {
        let Some(http) = scene.http else { return Ok(()) };
        let youngest = self.active.iter().rev().find(|active| !active.planned.kind.hits_agent());
        let (mode, id) = youngest.map_or((self.healthy, 0), |active| (mode(active.planned.kind), active.planned.id));
        if http.mode() != mode {
            http.set(mode, id)?;
        }
        Ok(())
    }
}

fn apply(planned: Planned, t_us: u64, scene: &mut Scene<'_>) -> Active {
    let mut active = Active {
        planned,
        name: planned.kind.name(),
        detail: String::new(),
        took_effect: false,
        hits: 0,
        before: None,
        paused: None,
        restart: false,
    };
    if !planned.kind.hits_agent() {
        active.before = scene.http.map(Receiver::counters);
        return active;
    }
    let Some(pid) = scene.agent.pid() else {
        "the agent was not running".clone_into(&mut active.detail);
        return active;
    };
    if planned.kind == FaultKind::PauseAgent {
        match Victim::of(pid).and_then(|victim| victim.pause()) {
            Ok(paused) => {
                active.took_effect = true;
                active.detail = format!("pid {pid} was seen stopped");
                active.paused = Some(paused);
            }
            Err(error) => active.detail = error.to_string(),
        }
        return active;
    }
    end(planned, pid, t_us, &mut active, scene);
    active
}

/// Ends the agent by SIGKILL or SIGTERM and waits until it is gone.
fn end(planned: Planned, pid: u32, t_us: u64, active: &mut Active, scene: &mut Scene<'_>) {
    if planned.kind == FaultKind::TerminateAgent {
        scene.agent.terminate();
        let gone = Victim::of(pid).and_then(|victim| victim.ended(END_WITHIN));
        if matches!(gone, Ok(None)) {
            // It did not end in time: what follows is a crash.
            scene.ledger.agent_down(t_us, planned.id);
        }
    }
    let ended = match scene.agent.poll() {
        Some(ended) => Some(ended),
        None => scene.agent.kill(),
    };
    if planned.kind == FaultKind::KillAgent {
        scene.ledger.agent_down(t_us, planned.id);
    }
    if let Some(ended) = ended {
        active.took_effect = true;
        active.detail = format!("pid {} ended by {}", ended.pid, ended.how);
        scene.bus.say(What::Agent(AgentEvent::Ended {
            pid: ended.pid,
            how: ended.how,
            asked: true,
            process: String::new(),
        }));
    }
    active.restart = true;
}

fn say(scene: &Scene<'_>, active: &Active, state: FaultState) {
    let name = active.name.to_owned();
    let (id, hits, detail) = (active.planned.id, active.hits, active.detail.clone());
    scene.bus.say(What::Fault(Fault { id, name, on: String::new(), state, hits, detail }));
}

fn mode(kind: FaultKind) -> Mode {
    match kind {
        FaultKind::Refuse { status } => Mode::Refuse { status },
        FaultKind::Slow { ms } => Mode::Delay { ms },
        FaultKind::Hang => Mode::Hang,
        FaultKind::Reset => Mode::Reset,
        FaultKind::LoseAcks { every } => Mode::LoseAck { every },
        FaultKind::Partial { status } => Mode::Partial { status },
        FaultKind::Gone => Mode::Gone,
        FaultKind::KillAgent | FaultKind::TerminateAgent | FaultKind::PauseAgent => Mode::Accept,
    }
}

fn hits(kind: FaultKind, before: HttpCounters, now: HttpCounters) -> u64 {
    match kind {
        FaultKind::Refuse { .. } => now.refused - before.refused,
        FaultKind::Slow { .. } => now.delayed - before.delayed,
        FaultKind::Hang => now.hung - before.hung,
        FaultKind::Reset | FaultKind::Gone => now.cut - before.cut,
        FaultKind::LoseAcks { .. } => now.lost_answers - before.lost_answers,
        FaultKind::Partial { .. } => now.partial - before.partial,
        FaultKind::KillAgent | FaultKind::TerminateAgent | FaultKind::PauseAgent => 0,
    }
}

fn what_happened(kind: FaultKind) -> &'static str {
    match kind {
        FaultKind::Refuse { .. } => "were refused",
        FaultKind::Slow { .. } => "were delayed",
        FaultKind::Hang => "were left without an answer",
        FaultKind::Reset => "were cut before they were taken",
        FaultKind::LoseAcks { .. } => "were taken and their answers lost",
        FaultKind::Partial { .. } => "were taken by half",
        FaultKind::Gone => "or connections were cut when nobody listened any more",
        FaultKind::KillAgent | FaultKind::TerminateAgent | FaultKind::PauseAgent => "were not concerned",
    }
}

/// How the sink behaves when nothing is wrong with it.
pub(super) fn healthy(plan: &crate::plan::Plan) -> Mode {
    plan.sink.accepts.map_or(Mode::Accept, |rate| Mode::Pace { per_s: rate.0 as u32 })
}

/// The faults of a scenario, planned by the seed.
pub(super) fn planned(plan: &crate::plan::Plan, seed: u64) -> Result<Vec<Planned>, chaos::plan::PlanError> {
    let specs: Vec<FaultSpec> = plan.faults.iter().map(spec).collect();
    chaos::plan::plan(&specs, seed, plan.measure.0)
}

fn spec(fault: &crate::spec::Fault) -> FaultSpec {
    FaultSpec {
        kind: kind(fault.what),
        at_us: fault.at.0,
        every_us: fault.every.map(|every| every.0),
        for_us: fault.lasts.0,
        jitter_us: fault.jitter.0,
        count: None,
    }
}

fn kind(what: FaultDo) -> FaultKind {
    match what {
        FaultDo::KillAgent => FaultKind::KillAgent,
        FaultDo::TerminateAgent => FaultKind::TerminateAgent,
        FaultDo::PauseAgent => FaultKind::PauseAgent,
        FaultDo::Refuse { status } => FaultKind::Refuse { status },
        FaultDo::Slow { delay } => FaultKind::Slow { ms: delay.0.div_ceil(1000) },
        FaultDo::Hang => FaultKind::Hang,
        FaultDo::Reset => FaultKind::Reset,
        FaultDo::LoseAcks { every } => FaultKind::LoseAcks { every },
        FaultDo::Partial { status } => FaultKind::Partial { status },
        FaultDo::Gone => FaultKind::Gone,
    }
}
