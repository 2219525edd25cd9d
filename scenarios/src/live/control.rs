//! The phases of a run, tick by tick.

use std::time::Duration;

use results::{
    event::{Dropped, Phase, What},
    stall::StallDetector,
};

use super::{
    How, RunError,
    by_hand::{ByHand, scene},
    faults::{Faults, book_down},
    hands::Hands,
    links::Losses,
    processes::Process,
    stage::Stage,
    trial::{Trial, marks},
};
use crate::plan::{Plan, paths::Paths};

/// From one look at everything to the next.
const TICK: Duration = Duration::from_millis(20);
/// The agent must deliver something within this time of the first record.
const FIRST_DELIVERY: u64 = 15_000_000;
/// The books have come to rest when they are complete and unmoved for this long.
const REST: u64 = 1_000_000;
/// Incomplete books may stand still this much longer than a stall before the drain is given up.
const PATIENCE: u64 = 1_000_000;

/// Performs warm-up, measure and drain.
pub(super) fn perform(plan: &Plan, how: &How, stage: &mut Stage, trial: &mut Trial<'_>) -> Result<(), RunError> {
    let faults = Faults::new(plan, how.seed)?;
    let mut control = Control {
        plan,
        how,
        by_hand: ByHand::new(plan, how.seed, how.orders.clone(), faults.first_free_id()),
        faults,
        stalls: StallDetector::new(plan.contract.stall_limit_us),
        paths: Paths::of(plan),
        losses: Losses::default(),
        measured: Measured::NotYet,
    };
    stage.start(plan, trial.clock())?;
    for why in stage.processes.limits_missing() {
        trial.unknown(why);
    }
    trial.say(What::Phase(Phase::WarmUp));
    let hands = if control.warm_up(stage, trial)? { Some(control.measure(stage, trial)?) } else { None };
    control.drain(hands, stage, trial)
}

/// Whether faults and orders are performed.
#[derive(Clone, Copy)]
enum Measured {
    NotYet,
    /// Since this moment of the run, microseconds.
    Since(u64),
    Over,
}

struct Control<'p> {
    plan: &'p Plan,
    how: &'p How,
    faults: Faults,
    by_hand: ByHand<'p>,
    stalls: StallDetector,
    paths: Paths,
    losses: Losses,
    measured: Measured,
}

impl Control<'_> {
    /// False if the run is not worth going on with.
    fn warm_up(&mut self, stage: &mut Stage, trial: &mut Trial<'_>) -> Result<bool, RunError> {
        let begin = trial.now_us();
        loop {
            self.tick(stage, trial)?;
            let now = trial.now_us();
            let delivers = stage.ledger.totals().delivered > 0;
            if self.how.is_broken_off() {
                return Ok(false);
            }
            if delivers && now >= begin + self.plan.warm_up.0 {
                return Ok(true);
            }
            let died = stage.processes.missing().map(Process::called);
            if !delivers && (died.is_some() || now > begin + FIRST_DELIVERY) {
                let what = match died {
                    Some(process) => format!("{process} ended before anything was delivered"),
                    None => "the agent delivered nothing within 15 s".to_owned(),
                };
                trial.unknown(format!("{what}; its log ends with:\n{}", stage.processes.log_tails()));
                return Ok(false);
            }
        }
    }

    /// The measure stretch; the hands on the files may be at something still.
    fn measure(&mut self, stage: &mut Stage, trial: &mut Trial<'_>) -> Result<Hands, RunError> {
        let begin = trial.measure_begins(stage);
        self.measured = Measured::Since(begin);
        let end = begin + self.plan.measure.0;
        stage.ledger.measure(begin, end);
        let full = stage.take_full();
        let places = stage.places.as_ref().expect("the load is on");
        let hands = Hands::start(self.plan, self.how.seed, places, &stage.bus, full);
        while trial.now_us() < end && !self.how.is_broken_off() && !stage.cannot_write() {
            self.tick(stage, trial)?;
        }
        self.measured = Measured::Over;
        trial.measure_ends(stage);
        stage.set_rate(0.0);
        self.by_hand.end(stage, trial);
        Ok(hands)
    }

    fn drain(&mut self, hands: Option<Hands>, stage: &mut Stage, trial: &mut Trial<'_>) -> Result<(), RunError> {
        self.heal(stage, trial)?;
        trial.say(What::Phase(Phase::Drain));
        // Hands before the load: a rotation under way must still find its writer. (Compressing takes its time.)
        if let Some(hands) = hands {
            hands.say_stop();
            while !hands.are_over() && !self.how.is_broken_off() {
                self.tick(stage, trial)?;
            }
        }
        if let Some(report) = stage.stop_load() {
            trial.load_report(&report);
        }
        self.settle_links(stage);
        let begin = trial.now_us();
        let (mut moved_at, mut last) = (begin, marks(&stage.ledger));
        while !self.how.is_broken_off() && trial.now_us() < begin + self.plan.drain.0 {
            self.tick(stage, trial)?;
            let (now, seen) = (trial.now_us(), marks(&stage.ledger));
            if seen != last {
                (moved_at, last) = (now, seen);
            }
            let complete = stage.ledger.totals().lost == 0;
            let rest = if complete { REST } else { self.plan.contract.stall_limit_us + PATIENCE };
            if now > moved_at + rest {
                break;
            }
        }
        if self.how.is_broken_off() {
            trial.break_off();
        } else if trial.now_us() < moved_at + REST {
            trial.unknown(format!(
                "records were still arriving when the drain of {} was over; give time.drain more",
                self.plan.drain
            ));
        }
        stage.end_processes(trial, !self.how.is_broken_off());
        self.settle_links(stage);
        for route in &stage.routes {
            if let Some(dropped) = route.dropped().filter(|&dropped| dropped > 0) {
                let text =
                    format!("the kernel dropped {dropped} datagrams of route {} before they could be read", route.name);
                trial.warn("datagrams-dropped", &text);
                trial.say(What::Dropped(Dropped {
                    route: route.name.clone(),
                    datagrams: dropped,
                    link: String::new(),
                }));
            }
        }
        Ok(())
    }

    fn settle_links(&mut self, stage: &Stage) {
        self.losses.settle(self.plan, &self.paths, &stage.links, &stage.ledger, &stage.bus);
    }

    fn heal(&mut self, stage: &mut Stage, trial: &mut Trial<'_>) -> Result<(), RunError> {
        self.faults.heal_all(&mut scene(stage))?;
        trial.drain_bus();
        Ok(())
    }

    fn tick(&mut self, stage: &mut Stage, trial: &mut Trial<'_>) -> Result<(), RunError> {
        let next = trial.now_us() + TICK.as_micros() as u64;
        match self.measured {
            Measured::NotYet => {}
            Measured::Since(begin) => {
                let now = trial.now_us();
                self.faults.tick(now - begin, now, &mut scene(stage))?;
                self.by_hand.obey(&mut self.faults, stage, trial)?;
            }
            Measured::Over => self.by_hand.refuse_all(trial),
        }
        stage.tick(trial.now_us());
        trial.note_children(&stage.pids())?;
        look_after_processes(stage, trial);
        if trial.streams_due() {
            let now = trial.now_us();
            let streams = stage.ledger.streams();
            let (outage, routes) = (self.faults.outage(&stage.processes), stage.ledger.routes());
            let can_move = |entry| {
                let (stream, route) = (routes.stream_of(entry), routes.route_of(entry));
                !outage.holds_up(self.paths.way(stream, route), route)
            };
            for stall in self.stalls.observe(now, &stage.ledger.owed(), can_move) {
                trial.say(What::Stall(stall));
            }
            trial.say(What::Streams(streams));
            stage.ledger.flush()?;
        }
        trial.sample_if_due(stage);
        trial.drain_bus();
        trial.wait_until(next);
        Ok(())
    }
}

fn look_after_processes(stage: &mut Stage, trial: &mut Trial<'_>) {
    for process in stage.processes.iter_mut() {
        let Some(ended) = process.agent.poll() else { continue };
        process.say_ended(ended.clone(), &stage.bus);
        if !ended.asked {
            book_down(&stage.ledger, &process.delivers, trial.now_us(), u32::MAX);
            let (called, how, log) = (process.called(), ended.how, process.agent.log_tail());
            trial.warn("agent-died", &format!("{called} ended by itself ({how}); its log ends with:\n{log}"));
        }
    }
}
