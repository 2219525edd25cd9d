//! What waits for records to be taken: acks of files, which go back in order, and whoever sent records over a socket.
//!
//! A filter may split the records of one read over several batches, drop some and keep others back. Each derived batch
//! carries a clone of the hold; when the last clone is gone, everything that came of the read has been taken or was
//! dropped on purpose. Dropping a hold by accident would lose records, so batches in lanes keep theirs until `taken`, a
//! panic lets nothing go, and neither does the end of a service that still has records.

use std::{
    collections::VecDeque,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
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
    /// The same, after this was noted.
    Noted(Note, oneshot::Sender<()>),
}

/// What is to be done by whoever lets go last, before anything else can happen to the buffer on disk. It has to be quick
/// and must not use the buffer.
pub struct Note(pub Box<dyn FnOnce() + Send>);

impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Note")
    }
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
    told: Mutex<Option<(Option<Note>, oneshot::Sender<()>)>>,
    order: Arc<Order>,
}

/// The acks of each input, in the order of its reads.
#[derive(Debug)]
pub(super) struct Order {
    inputs: Mutex<Vec<Waiting>>,
    wake: EventFd,
    /// From now on nothing that lets go has been taken.
    abandoned: AtomicBool,
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
        Ok(Self { inputs: Mutex::new(inputs), wake, abandoned: AtomicBool::new(false) })
    }

    pub(super) fn hold(order: &Arc<Self>, input: usize, done: Done) -> Hold {
        let (place, told) = match done {
            Done::Told(sender) => (None, Some((None, sender))),
            Done::Noted(note, sender) => (None, Some((Some(note), sender))),
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

    /// Whether nothing waits for anybody to let go.
    pub(super) fn is_idle(&self) -> bool {
        self.inputs().iter().all(|waiting| waiting.entries.is_empty())
    }

    pub(super) fn abandon(&self) {
        self.abandoned.store(true, Ordering::SeqCst);
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
        // Records that go down with whoever had them in hand were not taken.
        if std::thread::panicking() || self.order.abandoned.load(Ordering::SeqCst) {
            return;
        }
        if let Some(place) = self.place {
            self.order.release(self.input, place);
        }
        if let Some((note, told)) = self.told.get_mut().unwrap_or_else(PoisonError::into_inner).take() {
            if let Some(Note(note)) = note {
                note();
            }
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

    #[test]
    fn what_is_noted_is_noted_before_anybody_is_told() {
        let order = order();
        let (tell, mut told) = oneshot::channel();
        let noted = Arc::new(AtomicBool::new(false));
        let note = Arc::clone(&noted);
        let hold =
            Order::hold(&order, 0, Done::Noted(Note(Box::new(move || note.store(true, Ordering::SeqCst))), tell));
        assert!(told.try_recv().is_err() && !noted.load(Ordering::SeqCst));
        drop(hold);
        assert!(told.try_recv().is_ok() && noted.load(Ordering::SeqCst));
    }

    #[test]
    fn a_panic_and_the_end_of_a_service_let_nothing_go() {
        let order = order();
        let (tell, mut told) = oneshot::channel();
        let (hold, sender) = (Order::hold(&order, 0, acks(10)), Order::hold(&order, 0, Done::Told(tell)));
        let broken = std::thread::spawn(move || {
            let _in_hand = (hold, sender);
            panic!("on purpose");
        });
        assert!(broken.join().is_err());
        assert!(ends(&order).is_empty() && told.try_recv().is_err());
        let (tell, mut told) = oneshot::channel();
        let last = Order::hold(&order, 0, Done::Told(tell));
        order.abandon();
        drop(last);
        assert!(told.try_recv().is_err());
    }
}
