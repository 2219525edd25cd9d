//! What a person asks of a running bench, from the keyboard or from a program: a queue that any thread may fill.
//!
//! The control thread takes orders up in the measure stretch; each becomes a fault of the run called `hand_<what>`, with what
//! was seen of it, and is healed at the end of the stretch at the latest. What makes no sense at the moment (bringing back a
//! sink that is there) is refused with a warning and leaves no fault.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// Orders that wait; further ones are dropped.
const MOST: usize = 1_000;

/// One thing that a person asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Order {
    /// No record falls due any more. The schedule shifts: what follows is not late.
    PauseLoad,
    /// The load goes on as before.
    ResumeLoad,
    /// The load runs at so many times the rate of the scenario from now on; 1 is the scenario's own rate.
    ScaleLoad(f64),
    /// Every file is rotated once, by the scenario's rotator or the one that fits its layout.
    Rotate,
    /// Rotated files that are not compressed yet are compressed.
    Archive,
    /// Every symbolic link is replaced, its writer brought to a new file.
    Swap,
    /// SIGSTOP to the agent.
    StopAgent,
    /// SIGCONT to the agent.
    ContinueAgent,
    /// SIGKILL to the agent; it stays away until [`Order::RestartAgent`].
    KillAgent,
    /// The agent is started again; one that runs is ended with SIGTERM first.
    RestartAgent,
    /// Nobody listens where the agent delivers.
    TakeSinkAway,
    /// The sink is there again.
    BringSinkBack,
}

impl Order {
    /// Its name: `pause_load`, `kill_agent`, …; the fault it makes is called `hand_` and this.
    pub fn name(self) -> &'static str {
        match self {
            Self::PauseLoad => "pause_load",
            Self::ResumeLoad => "resume_load",
            Self::ScaleLoad(_) => "scale_load",
            Self::Rotate => "rotate",
            Self::Archive => "archive",
            Self::Swap => "swap",
            Self::StopAgent => "stop_agent",
            Self::ContinueAgent => "continue_agent",
            Self::KillAgent => "kill_agent",
            Self::RestartAgent => "restart_agent",
            Self::TakeSinkAway => "take_sink_away",
            Self::BringSinkBack => "bring_sink_back",
        }
    }
}

/// The queue of one run. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct Orders(Arc<Mutex<VecDeque<Order>>>);

impl Orders {
    /// Puts an order at the end; beyond a thousand that nobody took up it is dropped.
    pub fn give(&self, order: Order) {
        let mut queue = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if queue.len() < MOST {
            queue.push_back(order);
        }
    }

    /// Takes the oldest order.
    pub fn take(&self) -> Option<Order> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn orders_come_out_as_they_went_in_from_whichever_clone() {
        let orders = Orders::default();
        let keyboard = orders.clone();
        keyboard.give(Order::PauseLoad);
        orders.give(Order::ScaleLoad(2.0));
        assert_eq!(
            (orders.take(), keyboard.take(), orders.take()),
            (Some(Order::PauseLoad), Some(Order::ScaleLoad(2.0)), None)
        );
    }

    #[test]
    fn a_queue_that_nobody_empties_stays_small() {
        let orders = Orders::default();
        (0..5_000).for_each(|_| orders.give(Order::Rotate));
        assert_eq!(std::iter::from_fn(|| orders.take()).count(), MOST);
    }
}
