//! What waits for records to be taken: acks of files, which go back in order, and whoever sent records over a socket.
//!
//! A filter may split the records of one read over several batches, drop some and keep others back. Each derived batch
//! carries a clone of the hold; when the last clone is gone, everything that came of the read has been taken or was
//! dropped on purpose. Dropping a hold by accident would lose records, so batches in lanes keep theirs until `taken`.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use nix::sys::eventfd::{EfdFlags, EventFd};
use tokio::sync::oneshot;

use crate::chunk::Ack;

/// What happens once everything is taken.
#[derive(Debug)]
pub enum Done {
    /// Offsets move, in the order in which the holds were made.
    Acks(Vec<Ack>),
    /// Somebody is told, at once.
    Told(oneshot::Sender<()>),
}

/// Keeps something from being done. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Hold(Arc<Held>);

impl Hold {
    /// Whether both keep the same thing from being done.
    pub fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

#[derive(Debug)]
struct Held {
    input: usize,
    /// Place in the order; none where somebody is told at once.
    place: Option<u64>,
    told: Mutex<Option<oneshot::Sender<()>>>,
    order: Arc<Order>,
}

/// The acks of each input, in the order of its reads.
#[derive(Debug)]
pub(super) struct Order {
    inputs: Mutex<Vec<Waiting>>,
    wake: EventFd,
}

#[derive(Debug, Default)]
struct Waiting {
    /// Place of the first entry.
    first: u64,
    /// Acks, and whether they hold.
    entries: VecDeque<(Vec<Ack>, bool)>,
    ready: Vec<Ack>,
}

impl Order {
    pub(super) fn new(inputs: usize) -> std::io::Result<Self> {
        let inputs = (0..inputs).map(|_| Waiting::default()).collect();
        let wake = EventFd::from_flags(EfdFlags::EFD_NONBLOCK | EfdFlags::EFD_CLOEXEC)?;
        Ok(Self { inputs: Mutex::new(inputs), wake })
    }

    pub(super) fn hold(order: &Arc<Self>, input: usize, done: Done) -> Hold {
        let (place, told) = match done {
            Done::Told(sender) => (None, Some(sender)),
            Done::Acks(acks) => {
                let waiting = &mut order.inputs()[input];
                waiting.entries.push_back((acks, false));
                (Some(waiting.first + waiting.entries.len() as u64 - 1), None)
            }
        };
        Hold(Arc::new(Held { input, place, told: Mutex::new(told), order: Arc::clone(order) }))
    }

    pub(super) fn take_acks(&self, input: usize) -> Vec<Ack> {
        std::mem::take(&mut self.inputs()[input].ready)
    }

    pub(super) fn wake(&self) {
        // It can only be full, and then it is readable already.
        let _ = self.wake.write(1);
    }

    pub(super) fn wake_fd(&self) -> &EventFd {
        &self.wake
    }

    fn release(&self, input: usize, place: u64) {
        let mut inputs = self.inputs();
        let waiting = &mut inputs[input];
        waiting.entries[(place - waiting.first) as usize].1 = true;
        let mut moved = false;
        while waiting.entries.front().is_some_and(|(_, done)| *done) {
            let (acks, _) = waiting.entries.pop_front().expect("it was just looked at");
            waiting.first += 1;
            waiting.ready.extend(acks);
            moved = true;
        }
        drop(inputs);
        if moved {
            self.wake();
        }
    }

    /// A panic elsewhere leaves it whole: every change is made under one lock.
    fn inputs(&self) -> MutexGuard<'_, Vec<Waiting>> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.order.release(self.input, place);
        }
        if let Some(told) = self.told.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            // Whoever sent the records may be gone.
            let _ = told.send(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chunk::SourceId;

    fn order() -> Arc<Order> {
        Arc::new(Order::new(1).unwrap())
    }

    fn acks(end: u64) -> Done {
        Done::Acks(vec![Ack { source: SourceId(1), end }])
    }

    fn ends(order: &Order) -> Vec<u64> {
        order.take_acks(0).iter().map(|ack| ack.end).collect()
    }

    #[test]
    fn acks_go_back_in_the_order_of_the_reads_whichever_is_taken_first() {
        let order = order();
        let holds: Vec<Hold> = [10, 20, 30].map(|end| Order::hold(&order, 0, acks(end))).into();
        let [first, second, third] = <[Hold; 3]>::try_from(holds).unwrap();
        drop(second);
        assert!(ends(&order).is_empty());
        drop(first);
        assert_eq!(ends(&order), [10, 20]);
        drop(third);
        assert_eq!(ends(&order), [30]);
    }

    #[test]
    fn everything_that_came_of_a_read_must_be_taken() {
        let order = order();
        let hold = Order::hold(&order, 0, acks(10));
        let derived = [hold.clone(), hold.clone()];
        drop(hold);
        let [one, other] = derived;
        drop(other);
        assert!(ends(&order).is_empty());
        drop(one);
        assert_eq!(ends(&order), [10]);
    }

    #[test]
    fn a_sender_is_told_at_once() {
        let order = order();
        let _before = Order::hold(&order, 0, acks(10));
        let (tell, mut told) = oneshot::channel();
        let hold = Order::hold(&order, 0, Done::Told(tell));
        assert!(told.try_recv().is_err());
        drop(hold);
        assert!(told.try_recv().is_ok());
    }
}
