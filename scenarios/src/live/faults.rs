//! The faults of the plan, applied and healed on time by the control thread. Every fault says whether it took effect.

use chaos::{
    fault::FaultKind,
    plan::{FaultSpec, Planned},
    process::{Paused, Victim},
    proxy::Link,
};
use loadgen::{
    kube::KubeServer,
    receive::{HttpCounters, Receiver},
};
use results::{
    event::{Fault, FaultState, What},
    ledger::Ledger,
    route::RouteId,
};

use self::{
    beyond::Beyond,
    reload::Reload,
    sink::{hits, mode, what_happened},
    written::kind,
};
use super::{
    RunError,
    bus::Bus,
    processes::{Process, Processes},
    routes::Route,
};
use crate::{
    plan::{Plan, paths::Paths},
    spec::FaultDo,
};

mod beyond;
mod end;
mod outage;
mod reload;
mod sink;
mod written;

pub(super) use end::book_down;
pub(super) use outage::Outage;

/// What faults act on.
pub(super) struct Scene<'a> {
    /// The agent.
    pub(super) processes: &'a mut Processes,
    /// The far ends.
    pub(super) routes: &'a [Route],
    /// The wires between boxes.
    pub(super) links: &'a [Link],
    /// The Kubernetes API server, if there is one.
    pub(super) kube: Option<&'a KubeServer>,
    /// Where crashes are booked.
    pub(super) ledger: &'a Ledger,
    /// Where everything is said.
    pub(super) bus: &'a Bus,
}

impl<'a> Scene<'a> {
    /// The receiver of a route, if it is a server.
    fn server(&self, route: usize) -> Option<&'a Receiver> {
        self.routes.get(route).and_then(Route::server)
    }
}

/// Whom or what a fault happens to.
#[derive(Debug, Clone, Default)]
struct Target {
    /// Name of the process; absent: the first.
    process: Option<String>,
    /// Index of the route.
    route: usize,
    /// Index of the link.
    link: usize,
    /// The route at whose end that link leads, if it does.
    end: Option<RouteId>,
    /// As events call it; empty where there is one only.
    on: String,
    /// What is put in place of the configuration, and what is to come of it.
    reload: Option<Reload>,
}

/// Faults to come, and faults in force.
#[derive(Debug)]
pub(super) struct Faults {
    planned: Vec<Planned>,
    /// Index = fault of the scenario.
    targets: Vec<Target>,
    next: usize,
    active: Vec<Active>,
}

#[derive(Debug)]
struct Active {
    planned: Planned,
    target: Target,
    /// As events call it.
    name: &'static str,
    detail: String,
    took_effect: bool,
    hits: u64,
    before: Option<HttpCounters>,
    /// How long the log of a reloaded process was.
    log_len: u64,
    /// Dropping it lets the agent go on.
    paused: Option<Paused>,
    beyond: Option<Beyond>,
    restart: bool,
}

impl Faults {
    /// The faults of a scenario, in the order of time.
    pub(super) fn new(plan: &Plan, seed: u64) -> Result<Self, RunError> {
        let planned = planned(plan, seed)?;
        let paths = Paths::of(plan);
        let targets = plan.faults.iter().map(|fault| target(plan, &paths, fault)).collect();
        Ok(Self { planned, targets, next: 0, active: Vec::new() })
    }

    /// What is out of order now.
    pub(super) fn outage(&self, processes: &Processes) -> Outage {
        Outage::of(&self.active, processes)
    }

    /// True while a process of the agent is down or stopped by a fault.
    pub(super) fn agent_is_down(&self) -> bool {
        self.active.iter().any(|active| active.planned.kind.holds_agent_up())
    }

    /// Applies what is due and heals what is over; `at_us` counts from the begin of the measure stretch.
    pub(super) fn tick(&mut self, at_us: u64, t_us: u64, scene: &mut Scene<'_>) -> Result<(), RunError> {
        while let Some(over) = self.active.iter().position(|active| active.planned.until_us <= at_us) {
            let active = self.active.remove(over);
            self.heal(active, scene)?;
        }
        while let Some(&planned) = self.planned.get(self.next).filter(|planned| planned.at_us <= at_us) {
            self.next += 1;
            let target = self.targets.get(planned.fault).cloned().unwrap_or_default();
            let active = apply(planned, target, t_us, scene)?;
            say(scene, &active, FaultState::Applied);
            self.active.push(active);
            self.set_sinks(scene)?;
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
        let mut active = apply(planned, Target::default(), t_us, scene)?;
        active.name = name;
        say(scene, &active, FaultState::Applied);
        self.active.push(active);
        self.set_sinks(scene)
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
        if let (Some(before), Some(server)) = (active.before, scene.server(active.target.route)) {
            active.hits = hits(active.planned.kind, before, server.counters());
            active.took_effect = active.hits > 0;
            active.detail = format!("{} requests {}", active.hits, what_happened(active.planned.kind));
        }
        if let Some(beyond) = active.beyond.take() {
            (active.hits, active.detail) = beyond.heal(scene);
            active.took_effect = active.hits > 0;
        }
        self.set_sinks(scene)?;
        drop(active.paused.take());
        let process = scene.processes.named(active.target.process.as_deref());
        if let Some(process) = process.filter(|_| active.planned.kind.hits_agent()) {
            heal_process(&mut active, process, scene.bus)?;
        }
        let state = if active.took_effect { FaultState::Healed } else { FaultState::NoEffect };
        say(scene, &active, state);
        Ok(())
    }

    /// On every route the youngest fault of its sink is in force; without one it is healthy.
    fn set_sinks(&self, scene: &Scene<'_>) -> Result<(), RunError> {
        for (at, route) in scene.routes.iter().enumerate() {
            let Some(server) = route.server() else { continue };
            let hits = |active: &&Active| active.planned.kind.hits_sink() && active.target.route == at;
            let youngest = self.active.iter().rev().find(hits);
            let (mode, id) = youngest.map_or((route.healthy, 0), |a| (mode(a.planned.kind), a.planned.id));
            if server.mode() != mode {
                server.set(mode, id)?;
            }
        }
        Ok(())
    }
}

/// What is left to do for a process when its fault is over.
fn heal_process(active: &mut Active, process: &mut Process, bus: &Bus) -> Result<(), RunError> {
    process.hold_off(false);
    match (active.planned.kind, &active.target.reload) {
        (FaultKind::Reload, Some(reload)) => {
            (active.took_effect, active.detail) = reload.seen(process, active.log_len);
        }
        (FaultKind::StartProcess, _) if active.took_effect && process.agent.pid().is_none() => {
            active.took_effect = false;
            active.detail.push_str(", and has ended since");
        }
        // A person may have started it again before.
        _ if active.restart && process.agent.pid().is_none() => {
            process.start(bus)?;
        }
        _ => {}
    }
    Ok(())
}

fn apply(planned: Planned, target: Target, t_us: u64, scene: &mut Scene<'_>) -> Result<Active, RunError> {
    let mut active = Active {
        planned,
        target,
        name: planned.kind.name(),
        detail: String::new(),
        took_effect: false,
        hits: 0,
        before: None,
        log_len: 0,
        paused: None,
        beyond: None,
        restart: false,
    };
    if let (FaultKind::Link(chaos::proxy::Fault::Cut), Some(route)) = (planned.kind, active.target.end) {
        // As at the end of a process: what was in flight then may come once more.
        scene.ledger.agent_down_on(&[route], t_us, planned.id);
    }
    if matches!(planned.kind, FaultKind::Link(_) | FaultKind::Kube(_)) {
        active.beyond = Beyond::lay(planned.kind, active.target.link, scene);
        return Ok(active);
    }
    if !planned.kind.hits_agent() {
        active.before = scene.server(active.target.route).map(Receiver::counters);
        return Ok(active);
    }
    let Scene { processes, ledger, bus, .. } = scene;
    let Some(process) = processes.named(active.target.process.as_deref()) else {
        "there is no such process".clone_into(&mut active.detail);
        return Ok(active);
    };
    if planned.kind == FaultKind::StartProcess {
        if process.agent.pid().is_some() {
            "it was running already".clone_into(&mut active.detail);
        } else {
            active.detail = format!("pid {} was started", process.start(bus)?);
            active.took_effect = true;
        }
        return Ok(active);
    }
    let Some(pid) = process.agent.pid() else {
        active.detail = format!("{} was not running", process.called());
        return Ok(active);
    };
    if planned.kind == FaultKind::PauseAgent {
        // A limit that stops and wakes it keeps away until this is over.
        process.hold_off(true);
    }
    match (planned.kind, &active.target.reload) {
        (FaultKind::PauseAgent, _) => match Victim::of(pid).and_then(|victim| victim.pause()) {
            Ok(paused) => {
                active.took_effect = true;
                active.detail = format!("pid {pid} was seen stopped");
                active.paused = Some(paused);
            }
            Err(error) => active.detail = error.to_string(),
        },
        (FaultKind::Reload, Some(reload)) => {
            active.log_len = process.agent.log_len();
            if let Err(error) = reload.ask(process) {
                active.detail = format!("the other configuration could not be put in place: {error}");
            }
        }
        _ => end::end(planned, pid, t_us, &mut active, process, ledger, bus),
    }
    Ok(active)
}

fn say(scene: &Scene<'_>, active: &Active, state: FaultState) {
    let name = active.name.to_owned();
    let (id, hits, detail, on) = (active.planned.id, active.hits, active.detail.clone(), active.target.on.clone());
    scene.bus.say(What::Fault(Fault { id, name, on, state, hits, detail }));
}

/// The faults of a scenario, planned by the seed.
fn planned(plan: &Plan, seed: u64) -> Result<Vec<Planned>, chaos::plan::PlanError> {
    let specs: Vec<FaultSpec> = plan.faults.iter().map(spec).collect();
    chaos::plan::plan(&specs, seed, plan.measure.0)
}

fn target(plan: &Plan, paths: &Paths, fault: &crate::spec::Fault) -> Target {
    let route = plan.ways.iter().position(|way| fault.route.as_ref().is_none_or(|route| *route == way.name));
    let first = |names: &mut dyn Iterator<Item = &String>| names.next().cloned().unwrap_or_default();
    let on = if fault.what.hits_process() {
        fault.process.clone().unwrap_or_else(|| first(&mut plan.instances.iter().map(|instance| &instance.name)))
    } else if fault.what.hits_link() {
        fault.link.clone().unwrap_or_default()
    } else if fault.what.hits_kube() {
        "kube".to_owned()
    } else {
        fault.route.clone().unwrap_or_else(|| first(&mut plan.ways.iter().map(|way| &way.name)))
    };
    let reload = match &fault.what {
        FaultDo::Reload { config, outcome } => Some(Reload { config: config.clone(), outcome: *outcome }),
        _ => None,
    };
    let link = plan.links.iter().position(|link| fault.link.as_ref() == Some(&link.name)).unwrap_or(0);
    let end = paths.end_of(link);
    Target { process: fault.process.clone(), route: route.unwrap_or(0), link, end, on, reload }
}

fn spec(fault: &crate::spec::Fault) -> FaultSpec {
    FaultSpec {
        kind: kind(&fault.what),
        at_us: fault.at.0,
        every_us: fault.every.map(|every| every.0),
        for_us: fault.lasts.0,
        jitter_us: fault.jitter.0,
        count: None,
    }
}
