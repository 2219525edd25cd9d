//! A person's hand on the files: a thread that rotates, archives and swaps when it is told to, beside the scenario's hands.

use std::{
    sync::mpsc::{Receiver, Sender, channel},
    thread::JoinHandle,
    time::Duration,
};

use chaos::{inject::StepError, rotator::kubelet};
use results::{
    event::{Fault, FaultState, What},
    identity::StreamId,
};

use crate::{
    live::{
        bus::{Bus, Stop},
        hands::{Worker, listing},
        orders::Order,
        places::Places,
    },
    plan::Plan,
    spec::{Layout, Rotate, Rotator, SwapHow, units::Size, units::Span},
};

/// The thread; dropping lets it finish what it is at, and ends it.
#[derive(Debug)]
pub(super) struct Files {
    to: Option<Sender<(Order, u32)>>,
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Files {
    /// Starts the thread.
    pub(super) fn start(plan: &Plan, seed: u64, places: &Places, bus: &Bus) -> Self {
        let (to, from) = channel();
        let stop = Stop::default();
        let worker = Worker { places: places.clone(), bus: bus.clone(), stop: stop.clone() };
        let hand = Hand { worker, rotate: rotate(plan), swap: swap(plan), streams: streams(plan), seed };
        let thread = std::thread::Builder::new().name("by-hand".to_owned()).spawn(move || hand.work(&from));
        Self { to: Some(to), stop, thread: Some(thread.expect("a process may have a handful of threads")) }
    }

    /// Hands an order over; it becomes the fault number `id`.
    pub(super) fn order(&self, order: Order, id: u32) {
        if let Some(to) = &self.to {
            // Nobody takes it only if the thread panicked, which it says itself.
            let _ = to.send((order, id));
        }
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        self.stop.say();
        self.to = None;
        if let Some(thread) = self.thread.take() {
            // A hand that panicked has said so.
            let _ = thread.join();
        }
    }
}

/// The scenario's rotation, or the one that fits its layout; by hand no reopen fails.
fn rotate(plan: &Plan) -> Rotate {
    let usual = || Rotate {
        by: if plan.layout == Layout::Docker { Rotator::Docker } else { Rotator::Kubelet },
        groups: None,
        every: Span(0),
        max_size: Size(0),
        max_files: 5,
        archive: true,
        reopen_delay: Span(2_000),
        fail_every: 0,
        steer: false,
    };
    let own = plan.rotate.as_ref().map(|on| on.what.clone());
    Rotate { fail_every: 0, ..own.unwrap_or_else(usual) }
}

fn swap(plan: &Plan) -> (SwapHow, Vec<StreamId>) {
    plan.swaps.first().map_or_else(|| (SwapHow::Atomic, all(plan)), |on| (on.what.how, on.streams.clone()))
}

/// Those that the scenario rotates; all of them if it rotates none.
fn streams(plan: &Plan) -> Vec<StreamId> {
    plan.rotate.as_ref().map_or_else(|| all(plan), |on| on.streams.clone())
}

fn all(plan: &Plan) -> Vec<StreamId> {
    let files = plan.streams.iter().enumerate().filter(|(_, stream)| stream.via.is_written());
    files.map(|(at, _)| StreamId(at as u16)).collect()
}

struct Hand {
    worker: Worker,
    rotate: Rotate,
    swap: (SwapHow, Vec<StreamId>),
    streams: Vec<StreamId>,
    seed: u64,
}

/// What an order came to.
#[derive(Debug, Default)]
struct Did {
    files: usize,
    of: usize,
    error: Option<String>,
}

impl Hand {
    fn work(self, orders: &Receiver<(Order, u32)>) {
        while let Ok((order, id)) = orders.recv() {
            let say = |state, detail| {
                let name = format!("hand_{}", order.name());
                self.worker.bus.say(What::Fault(Fault { id, name, on: String::new(), state, hits: 0, detail }));
            };
            say(FaultState::Applied, String::new());
            let did = self.perform(order);
            let state = if did.files > 0 { FaultState::Healed } else { FaultState::NoEffect };
            say(state, did.words(order));
        }
    }

    fn perform(&self, order: Order) -> Did {
        match order {
            Order::Swap => {
                self.each(&self.swap.1, |stream| self.worker.swap_once(stream, self.swap.0, self.seed).map(|()| 1))
            }
            Order::Archive => self.each(&self.streams, |stream| self.archive(stream)),
            _ if self.rotate.by == Rotator::Docker => {
                self.each(&self.streams, |stream| self.worker.docker_once(stream, &self.rotate).map(|()| 1))
            }
            _ => self.each(&self.streams, |stream| self.worker.rotate_once(stream, &self.rotate).map(|()| 1)),
        }
    }

    /// Files dealt with over all streams; each returns how many of its own.
    fn each(&self, streams: &[StreamId], mut one: impl FnMut(StreamId) -> Result<usize, StepError>) -> Did {
        let mut did = Did { of: streams.len(), ..Did::default() };
        for &stream in streams {
            if self.worker.stop.within(Duration::ZERO) {
                did.error.get_or_insert_with(|| "the measure stretch ended in the midst of it".to_owned());
                break;
            }
            match one(stream) {
                Ok(files) => did.files += files,
                Err(error) => drop(did.error.get_or_insert_with(|| error.to_string())),
            }
        }
        did
    }

    fn archive(&self, stream: StreamId) -> Result<usize, StepError> {
        let mut place = self.worker.places.hold(stream);
        let steps = kubelet::archive(&listing(&place.live), &place.live);
        if steps.is_empty() {
            return Ok(0);
        }
        place.rotation += 1;
        self.worker.places.perform(stream, place.rotation, &steps, None)?;
        // Compress, rename, unlink.
        Ok(steps.len() / 3)
    }
}

impl Did {
    fn words(&self, order: Order) -> String {
        let Self { files, of, error } = self;
        let done = match order {
            Order::Rotate => format!("{files} of {of} files were rotated"),
            Order::Swap => format!("{files} of {of} links were replaced"),
            _ if *files == 0 => "no rotated file was left to be compressed".to_owned(),
            _ => format!("{files} rotated files were compressed"),
        };
        error.as_ref().map_or_else(|| done.clone(), |error| format!("{done}; {error}"))
    }
}
