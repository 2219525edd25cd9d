//! How everything that happens reaches the control thread: any thread says it, with the time it said it.

use std::sync::{
    Arc, Condvar, Mutex, PoisonError,
    mpsc::{Receiver, Sender, channel},
};
use std::time::Duration;

use loadgen::clock::RunClock;
use results::event::{Event, What};

/// Says what happens. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Bus {
    to: Sender<Event>,
    clock: RunClock,
}

/// A bus, and the end at which its events come out.
pub(super) fn bus(clock: RunClock) -> (Bus, Receiver<Event>) {
    let (to, from) = channel();
    (Bus { to, clock }, from)
}

impl Bus {
    /// Says that something happened now.
    pub(super) fn say(&self, what: What) {
        // Nobody listens any more only when the run is over.
        let _ = self.to.send(Event { t_us: self.clock.now_us(), what });
    }
}

/// A word that ends every wait of a helper thread.
#[derive(Debug, Clone, Default)]
pub(super) struct Stop(Arc<(Mutex<bool>, Condvar)>);

impl Stop {
    /// Says it.
    pub(super) fn say(&self) {
        *self.0.0.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.0.1.notify_all();
    }

    /// Waits for `time`; true if the word was said before it was over.
    pub(super) fn within(&self, time: Duration) -> bool {
        let said = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (said, _) = self.0.1.wait_timeout_while(said, time, |said| !*said).unwrap_or_else(PoisonError::into_inner);
        *said
    }
}
