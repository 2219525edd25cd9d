//! What took effect in a run: a fold of its events.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    event::{Event, Fault, FaultState, FileId, RotationStep, StepKind, What},
    outcome::Proofs,
};

/// Faults that interrupt the agent, by their names in scenario files, and the same done by hand.
pub(crate) const INTERRUPTIONS: [&str; 6] =
    ["kill_agent", "terminate_agent", "pause_agent", "hand_kill_agent", "hand_restart_agent", "hand_stop_agent"];
/// What happens to a process without interrupting it.
const BESIDE: [&str; 2] = ["start_process", "reload"];
/// What a person does to load, files and agent; only the last one is done to the sink.
const BY_HAND: &str = "hand_";
const SINK_TAKEN_AWAY: &str = "hand_take_sink_away";
/// What a person does to the load: its rate is no longer that of the scenario.
const LOAD_CHANGES: [&str; 2] = ["hand_pause_load", "hand_scale_load"];
/// Faults of the sink that keep requests from being taken or answered; one that is only slow refuses nothing.
const REFUSALS: [&str; 7] = ["refuse", "hang", "reset", "lose_acks", "partial", "gone", SINK_TAKEN_AWAY];

/// True for a fault that makes the sink sick.
pub(crate) fn hits_sink(name: &str) -> bool {
    !INTERRUPTIONS.contains(&name) && !BESIDE.contains(&name) && (!name.starts_with(BY_HAND) || name == SINK_TAKEN_AWAY)
}

/// True if a person paused the load or changed its rate.
pub(crate) fn load_was_changed(events: &[Event]) -> bool {
    let changed =
        |event: &Event| matches!(&event.what, What::Fault(fault) if LOAD_CHANGES.contains(&fault.name.as_str()));
    events.iter().any(changed)
}

/// Counts what took effect.
pub fn proofs(events: &[Event]) -> Proofs {
    let mut proofs = Proofs::default();
    let mut rotations = BTreeMap::new();
    let mut numbers = Numbers::default();
    for event in events {
        match &event.what {
            What::GenerationOpened(opened) => proofs.inodes_reused += u64::from(numbers.opened(opened.file)),
            What::RotationStep(step) => {
                count_step(&mut proofs, step);
                let good: &mut bool = rotations.entry((step.stream, step.rotation)).or_insert(true);
                *good &= step.error.is_none();
                if let (StepKind::Unlink, Some(file), None) = (step.step, step.file, &step.error) {
                    numbers.unlinked(file);
                }
            }
            What::Fault(fault) if fault.state == FaultState::Healed => count_fault(&mut proofs, fault),
            _ => {}
        }
    }
    proofs.rotations = rotations.values().filter(|good| **good).count() as u64;
    proofs
}

fn count_step(proofs: &mut Proofs, step: &RotationStep) {
    if step.error.is_some() {
        return;
    }
    match step.step {
        StepKind::Archive => proofs.archives += 1,
        StepKind::Symlink => proofs.symlink_swaps += 1,
        StepKind::Steer => proofs.inodes_steered += 1,
        StepKind::Close | StepKind::Rename | StepKind::Unlink | StepKind::Reopen => {}
    }
}

fn count_fault(proofs: &mut Proofs, fault: &Fault) {
    proofs.faults += 1;
    if INTERRUPTIONS.contains(&fault.name.as_str()) {
        proofs.agent_interruptions += 1;
    }
    if REFUSALS.contains(&fault.name.as_str()) {
        proofs.sink_refusals = proofs.sink_refusals.saturating_add(fault.hits);
    }
}

/// Inode numbers that the run's files have had.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    /// (device, inode) → birth time of the last file that had it.
    held: BTreeMap<(u64, u64), u64>,
    freed: BTreeSet<(u64, u64)>,
}

impl Numbers {
    /// Notes a file that was opened; true if its number was that of another file of the run before.
    pub(crate) fn opened(&mut self, file: FileId) -> bool {
        let number = (file.device, file.inode);
        let freed = self.freed.remove(&number);
        let before = self.held.insert(number, file.born_ns);
        before.is_some_and(|born_ns| freed || born_ns != file.born_ns)
    }

    pub(crate) fn unlinked(&mut self, file: FileId) {
        let number = (file.device, file.inode);
        if self.held.contains_key(&number) {
            self.freed.insert(number);
        }
    }
}
