//! What was done to the agent, its sink and its files: the latest of each, oldest first.

use std::collections::VecDeque;

use results::event::{AgentEvent, Event, Fault, FaultState, RotationStep, StepKind, What};

use crate::tui::history::Mark;

/// Faults kept.
const MOST_FAULTS: usize = 512;
/// Steps of rotations kept.
const MOST_STEPS: usize = 256;
/// Lifetimes of the agent kept.
const MOST_LIVES: usize = 64;

/// What was done.
#[derive(Debug, Clone, Default)]
pub struct Log {
    /// The latest faults.
    pub faults: VecDeque<FaultLine>,
    /// The latest steps of rotations and swaps.
    pub steps: VecDeque<StepLine>,
    /// The latest lifetimes of the agent.
    pub lives: VecDeque<Life>,
}

/// A fault, as it is: its texts are to be escaped where they are shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FaultLine {
    /// When it began, microseconds.
    pub from_us: u64,
    /// When it was over.
    pub until_us: Option<u64>,
    /// Its last event.
    pub fault: Fault,
}

/// A step of a rotation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepLine {
    /// When, microseconds.
    pub t_us: u64,
    /// What was done; its texts are to be escaped where they are shown.
    pub step: RotationStep,
}

/// A lifetime of the agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Life {
    /// Its process id.
    pub pid: u32,
    /// Its name; empty if it is the only process.
    pub process: String,
    /// When it was started, microseconds.
    pub from_us: u64,
    /// When and how it ended, and whether the bench asked for it.
    pub end: Option<(u64, String, bool)>,
}

/// The mark a step leaves on the time axis.
pub(super) fn mark(step: StepKind) -> Option<Mark> {
    match step {
        StepKind::Reopen => Some(Mark::Rotation),
        StepKind::Archive => Some(Mark::Archive),
        StepKind::Symlink => Some(Mark::Swap),
        StepKind::Close | StepKind::Rename | StepKind::Unlink | StepKind::Steer => None,
    }
}

impl Log {
    /// Takes in one event.
    pub(super) fn fold(&mut self, event: &Event) {
        match &event.what {
            What::Fault(fault) => self.fault(event.t_us, fault),
            What::RotationStep(step) => {
                push(&mut self.steps, MOST_STEPS, StepLine { t_us: event.t_us, step: step.clone() });
            }
            What::Agent(AgentEvent::Started { pid, process }) => {
                let process = process.clone();
                push(&mut self.lives, MOST_LIVES, Life { pid: *pid, process, from_us: event.t_us, end: None });
            }
            What::Agent(AgentEvent::Ended { pid, how, asked, .. }) => {
                if let Some(life) = self.lives.iter_mut().rev().find(|life| life.pid == *pid && life.end.is_none()) {
                    life.end = Some((event.t_us, how.clone(), *asked));
                }
            }
            _ => {}
        }
    }

    fn fault(&mut self, t_us: u64, fault: &Fault) {
        let open = |line: &&mut FaultLine| line.fault.id == fault.id && line.until_us.is_none();
        match (fault.state, self.faults.iter_mut().rev().find(open)) {
            (FaultState::Applied, _) => {
                push(&mut self.faults, MOST_FAULTS, FaultLine { from_us: t_us, until_us: None, fault: fault.clone() });
            }
            (_, Some(line)) => {
                (line.until_us, line.fault) = (Some(t_us), fault.clone());
            }
            (_, None) => {
                push(
                    &mut self.faults,
                    MOST_FAULTS,
                    FaultLine { from_us: t_us, until_us: Some(t_us), fault: fault.clone() },
                );
            }
        }
    }
}

fn push<T>(queue: &mut VecDeque<T>, most: usize, item: T) {
    if queue.len() == most {
        queue.pop_front();
    }
    queue.push_back(item);
}
