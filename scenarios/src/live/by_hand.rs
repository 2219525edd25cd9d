//! Taking up what a person orders ([`super::orders`]): each order is a fault of the run, seen to take effect or not.
//!
//! ```text
//! orders ─▶ obey ─┬─▶ load    pace of the writers; the schedule shifts
//!                 ├─▶ files   a thread that rotates, archives, swaps
//!                 └─▶ agent and sink, as faults beside the planned ones
//! ```

use chaos::{fault::FaultKind, plan::Planned};
use results::event::{Fault, FaultState, Warning, What};

use self::{files::Files, load::Load};
use super::{
    RunError,
    faults::{Faults, Scene},
    orders::{Order, Orders},
    stage::Stage,
    trial::Trial,
};
use crate::{plan::Plan, spec::Layout};

mod files;
mod load;

const KILL: &str = "hand_kill_agent";
const STOP: &str = "hand_stop_agent";
const RESTART: &str = "hand_restart_agent";
const SINK: &str = "hand_take_sink_away";

/// The person at the bench.
pub(super) struct ByHand<'p> {
    plan: &'p Plan,
    seed: u64,
    orders: Orders,
    next_id: u32,
    load: Load,
    files: Option<Files>,
}

/// Why an order is not taken up: a sentence for a warning.
type Refused = &'static str;

impl<'p> ByHand<'p> {
    /// Nothing is ordered yet; faults by hand are numbered from `first_id` on.
    pub(super) fn new(plan: &'p Plan, seed: u64, orders: Orders, first_id: u32) -> Self {
        Self { plan, seed, orders, next_id: first_id, load: Load::default(), files: None }
    }

    /// Takes up everything that was ordered.
    pub(super) fn obey(
        &mut self,
        faults: &mut Faults,
        stage: &mut Stage,
        trial: &mut Trial<'_>,
    ) -> Result<(), RunError> {
        while let Some(order) = self.orders.take() {
            if let Some(why) = self.take_up(order, faults, stage, trial)? {
                refuse(trial, order, why);
            }
        }
        Ok(())
    }

    /// Refuses what was ordered when there is no load any more.
    pub(super) fn refuse_all(&self, trial: &Trial<'_>) {
        while let Some(order) = self.orders.take() {
            refuse(trial, order, "the measure stretch is over");
        }
    }

    /// The measure stretch is over: the load is as the scenario has it, no hand is on the files any more.
    pub(super) fn end(&mut self, stage: &Stage, trial: &mut Trial<'_>) {
        self.files = None;
        let (now_us, written) = (trial.now_us(), stage.ledger.totals().written);
        for healed in self.load.end(now_us, written, self.plan.rate().0) {
            trial.say(What::Fault(healed));
        }
        self.refuse_all(trial);
    }

    fn take_up(
        &mut self,
        order: Order,
        faults: &mut Faults,
        stage: &mut Stage,
        trial: &mut Trial<'_>,
    ) -> Result<Option<Refused>, RunError> {
        match order {
            Order::PauseLoad | Order::ResumeLoad | Order::ScaleLoad(_) => Ok(self.load(order, stage, trial)),
            Order::Rotate | Order::Archive | Order::Swap => Ok(self.files(order, stage)),
            Order::StopAgent | Order::ContinueAgent | Order::KillAgent | Order::RestartAgent => {
                let now_us = trial.now_us();
                self.agent(order, faults, &mut scene(stage), now_us)
            }
            Order::TakeSinkAway | Order::BringSinkBack => {
                let now_us = trial.now_us();
                self.sink(order, faults, &mut scene(stage), now_us)
            }
        }
    }

    fn load(&mut self, order: Order, stage: &Stage, trial: &mut Trial<'_>) -> Option<Refused> {
        let (now_us, written) = (trial.now_us(), stage.ledger.totals().written);
        let id = self.next_id;
        let said = match self.load.take_up(order, id, now_us, written, self.plan.rate().0) {
            Ok(said) => said,
            Err(why) => return Some(why),
        };
        self.next_id += 1;
        stage.set_rate(self.load.factor());
        trial.load_factor(self.load.factor());
        for fault in said {
            trial.say(What::Fault(fault));
        }
        None
    }

    fn files(&mut self, order: Order, stage: &Stage) -> Option<Refused> {
        match (order, self.plan.layout) {
            (Order::Archive, Layout::Docker) => {
                return Some("Docker compresses as it rotates; give the order to rotate");
            }
            (Order::Swap, Layout::Docker | Layout::Plain) => return Some("links are swapped in kubelet's layout only"),
            _ => {}
        }
        let Some(places) = &stage.places else { return Some("the load is over") };
        let files = self.files.get_or_insert_with(|| Files::start(self.plan, self.seed, places, &stage.bus));
        files.order(order, self.next_id);
        self.next_id += 1;
        None
    }

    fn agent(
        &mut self,
        order: Order,
        faults: &mut Faults,
        scene: &mut Scene<'_>,
        now_us: u64,
    ) -> Result<Option<Refused>, RunError> {
        let runs = scene.processes.named(None).is_some_and(|first| first.agent.pid().is_some());
        match order {
            Order::StopAgent | Order::KillAgent if !runs => return Ok(Some("the agent does not run")),
            Order::StopAgent if faults.agent_is_down() => return Ok(Some("the agent is stopped already")),
            Order::StopAgent => self.apply(STOP, FaultKind::PauseAgent, faults, scene, now_us)?,
            Order::ContinueAgent => return Ok(no(faults.heal_named(STOP, scene)?, "no hand has stopped the agent")),
            Order::KillAgent => {
                // A stopped process dies of SIGKILL as well; there is nothing to continue afterwards.
                faults.heal_named(STOP, scene)?;
                self.apply(KILL, FaultKind::KillAgent, faults, scene, now_us)?;
            }
            _ if faults.heal_named(KILL, scene)? => {}
            _ if !runs => {
                let Some(first) = scene.processes.named(None) else { return Ok(Some("there is no agent")) };
                let pid = first.start(scene.bus)?;
                let id = self.take_id();
                for state in [FaultState::Applied, FaultState::Healed] {
                    let detail = format!("the agent was down; pid {pid} was started");
                    scene.bus.say(What::Fault(Fault {
                        id,
                        name: RESTART.to_owned(),
                        on: String::new(),
                        state,
                        hits: 0,
                        detail,
                    }));
                }
            }
            _ => {
                faults.heal_named(STOP, scene)?;
                self.apply(RESTART, FaultKind::TerminateAgent, faults, scene, now_us)?;
                faults.heal_named(RESTART, scene)?;
            }
        }
        Ok(None)
    }

    fn sink(
        &mut self,
        order: Order,
        faults: &mut Faults,
        scene: &mut Scene<'_>,
        now_us: u64,
    ) -> Result<Option<Refused>, RunError> {
        match order {
            Order::BringSinkBack => return Ok(no(faults.heal_named(SINK, scene)?, "no hand has taken the sink away")),
            _ if scene.routes.first().is_none_or(|route| route.server().is_none()) => {
                return Ok(Some("nothing answers where the records go, so nothing can be taken away"));
            }
            _ if faults.is_active(SINK) => return Ok(Some("the sink is away already")),
            _ => self.apply(SINK, FaultKind::Gone, faults, scene, now_us)?,
        }
        Ok(None)
    }

    fn apply(
        &mut self,
        name: &'static str,
        kind: FaultKind,
        faults: &mut Faults,
        scene: &mut Scene<'_>,
        now_us: u64,
    ) -> Result<(), RunError> {
        let planned = Planned { id: self.take_id(), at_us: 0, until_us: u64::MAX, kind, fault: usize::MAX };
        faults.apply_named(name, planned, now_us, scene)
    }

    fn take_id(&mut self) -> u32 {
        self.next_id += 1;
        self.next_id - 1
    }
}

fn no(done: bool, otherwise: Refused) -> Option<Refused> {
    (!done).then_some(otherwise)
}

fn refuse(trial: &Trial<'_>, order: Order, why: Refused) {
    let text = format!("the order {} was not taken up: {why}", order.name());
    trial.say(What::Warning(Warning { name: "order-refused".to_owned(), text }));
}

pub(super) fn scene(stage: &mut Stage) -> Scene<'_> {
    let Stage { processes, routes, links, kube, ledger, bus, .. } = stage;
    let kube = kube.as_ref().map(|kube| &kube.server);
    Scene { processes, routes, links, kube, ledger, bus }
}
